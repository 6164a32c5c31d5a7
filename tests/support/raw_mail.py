"""Raw mails for the tests of the message room, put together from their lines."""

from __future__ import annotations


def mail(*fields: str | bytes, body: str | bytes = "") -> bytes:
    """A mail of header fields, as they are written, and a body; lines end in CR LF."""
    lines = [field if isinstance(field, bytes) else field.encode() for field in fields]
    content = body if isinstance(body, bytes) else body.replace("\n", "\r\n").encode()
    return b"\r\n".join(lines) + b"\r\n\r\n" + content


def multipart(subtype: str, *parts: bytes, boundary: str = "edge") -> bytes:
    """A multipart, as a part or, with nothing before it, as a whole mail."""
    edge = boundary.encode()
    inner = b"".join(b"--" + edge + b"\r\n" + part + b"\r\n" for part in parts)
    head = f'Content-Type: multipart/{subtype}; boundary="{boundary}"\r\n\r\n'.encode()
    return head + inner + b"--" + edge + b"--\r\n"


def part(media_type: str, body: str | bytes, *fields: str) -> bytes:
    """A part of that type with further fields."""
    return mail(f"Content-Type: {media_type}", *fields, body=body)
