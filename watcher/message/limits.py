"""How much of a mail is looked at. Over a limit the rest is cut and said, and the mail is never dropped."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds that ordinary mail never meets and hostile mail does.

    Real header blocks are 11.5 KB on average. Encoded words and parameters are bounded because the libraries
    below are quadratic in them, depth because they recurse.
    """

    header_bytes: int = 262_144  # of one header block
    header_field_bytes: int = 65_536
    headers: int = 1_000  # fields in one block
    encoded_words: int = 500  # in one field
    addresses: int = 1_000  # in one field
    parameters: int = 100  # of Content-Type or Content-Disposition
    parts: int = 500
    part_header_bytes: int = 1_048_576  # of the header blocks of all parts together
    depth: int = 50  # multiparts within multiparts
    text_part_bytes: int = 10_000_000  # decoded; also of all text parts that are shown together
