"""Folders: which there are, and opening one (RFC 9051, sections 6.3.2, 6.3.3 and 6.3.9).

Names are plain text on our side and modified UTF-7 on the wire (RFC 3501, section 5.1.3).
"""

from __future__ import annotations

from contextlib import suppress

from imapclient import imap_utf7

from watcher.mailbox.conversation import READ_ONLY, Conversation, Refused
from watcher.mailbox.errors import FolderMissing, TemporarilyRefused
from watcher.mailbox.reply import Reply, sentence
from watcher.mailbox.values import FolderState

_NOT_A_FOLDER = frozenset({rb"\noselect", rb"\nonexistent"})  # RFC 9051, section 7.3.1

_NAMED = 20
"""Folders that an error lists by name."""


def list_folders(conversation: Conversation) -> tuple[str, ...]:
    """Return the names of the folders that can be opened, in the server's order."""
    with conversation.command("listing the folders") as client:
        listed = client.list_folders()
    return tuple(
        _decoded(name)
        for flags, _, name in listed
        if name is not None and not _NOT_A_FOLDER & {bytes(flag).lower() for flag in flags}
    )


def open_folder(conversation: Conversation, folder: str, *, readonly: bool) -> FolderState:
    """Open `folder`; `readonly` opens it without any effect on its messages (EXAMINE).

    Raises `FolderMissing`, which names the folders that there are, and `Refused` for one that exists.
    """
    try:
        with conversation.command(f"opening the folder {shown(folder)}") as client:
            answer = client.select_folder(wire_name(folder), readonly=readonly)
    except Refused as error:
        if error.reply.code == READ_ONLY or error.reply.temporary:
            raise
        raise missing_folder(conversation, folder, error) from None
    return FolderState(
        uidvalidity=int(answer.get(b"UIDVALIDITY", 0)),
        uidnext=int(answer.get(b"UIDNEXT", 0)),
        exists=int(answer.get(b"EXISTS", 0)),
    )


def wire_name(folder: str) -> bytes:
    """Return a folder's name as the server writes it."""
    encoded: bytes = imap_utf7.encode(folder)
    return encoded


def shown(folder: str) -> str:
    """Return a folder's name for an error."""
    return Reply.of(folder.encode()).text or "(no name)"


def missing_folder(
    conversation: Conversation, folder: str, refusal: Refused
) -> TemporarilyRefused | FolderMissing:
    """Return the error for a folder that the server refused: missing, unless it is in the list of folders."""
    available: tuple[str, ...] = ()
    with suppress(TemporarilyRefused):
        available = list_folders(conversation)
    if refusal.reply.code != "NONEXISTENT" and folder in available:
        return refusal
    names = [shown(name) for name in sorted(available)]
    listed = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    remedy = f"check `folders:`; there are: {listed}" if listed else "check `folders:`"
    what = f"there is no folder {shown(folder)}"
    message = sentence(conversation.account.where, what, refusal.reply.text, remedy)
    return FolderMissing(message, folder, available)


def _decoded(name: bytes | str | int) -> str:
    if not isinstance(name, bytes):
        return str(name)  # IMAPClient makes a number of `"2024"`
    if name.isascii():
        with suppress(UnicodeError):
            return str(imap_utf7.decode(name))
    return name.decode(
        "utf-8", "replace"
    )  # a server that skips the encoding; one bad name must not hide the rest
