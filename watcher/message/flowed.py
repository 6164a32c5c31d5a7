"""Text that was sent with `format=flowed` (RFC 3676): soft line breaks are taken out again."""

from __future__ import annotations

_SIGNATURE = "-- "


def unwrap(text: str, *, delsp: bool) -> str:
    """Join the lines that end in a blank with the next one of the same quote depth.

    `delsp`: the blank before a soft break was added by the sender's program and goes too (section 4.2).
    Quoted paragraphs keep `> ` before each line. The signature line `-- ` never flows (section 4.3).
    """
    lines: list[str] = []
    paragraph: list[str] = []
    depth = 0
    for line in text.split("\n"):
        content = line.lstrip(">")
        level = len(line) - len(content)
        content = content.removeprefix(" ")  # stuffed (section 4.4)
        signature = content == _SIGNATURE
        if paragraph and (level != depth or signature):
            lines.append(_quoted(paragraph, depth))
            paragraph = []
        depth = level
        flows = content.endswith(" ") and not signature
        paragraph.append(content[:-1] if flows and delsp else content)
        if not flows:
            lines.append(_quoted(paragraph, depth))
            paragraph = []
    if paragraph:
        lines.append(_quoted(paragraph, depth))
    return "\n".join(lines)


def _quoted(paragraph: list[str], depth: int) -> str:
    text = "".join(paragraph)
    return f"{'>' * depth} {text}" if depth else text
