"""Raw bytes of a mail -> `Message`: its header fields, what a reader sees of it, and what is attached.

Pure, and for hostile input: the limits are applied while the bytes are walked, time is linear in their
number, and whatever the bytes are, the outcome is a `Message` with warnings, or `Unparseable` when there is
nothing in them.
"""

from watcher.message.contents import Content, contents, texts_of_contents
from watcher.message.kinds import kind_of
from watcher.message.limits import Limits
from watcher.message.model import Address, Field, Headers, Message, Unparseable
from watcher.message.parsing import parse, parse_headers

__all__ = [
    "Address",
    "Content",
    "Field",
    "Headers",
    "Limits",
    "Message",
    "Unparseable",
    "contents",
    "kind_of",
    "parse",
    "parse_headers",
    "texts_of_contents",
]
