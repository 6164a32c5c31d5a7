"""Raw mail as compressed bytes: zstd (RFC 8878), with a dictionary trained on the vault's own mail.

Base64 and tracking tokens cap the ratio near 2.1; a dictionary raises it to 2.4 for nothing. A message names
the dictionary it was packed with, and dictionaries are never deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import zstandard

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CODEC = "zstd"
DICTIONARY_BYTES = 110 << 10
SAMPLE_BYTES = 32 << 10  # of one mail; what mails have in common is at their beginning

_LEAST_SAMPLES = 50
_LEVEL = 3  # 9 makes the bytes 3 % fewer for 2.5 times the time


class Damaged(Exception):  # noqa: N818  # never leaves this room
    """Packed bytes that cannot be unpacked to what they were."""


class Packer:
    """Packs with the newest dictionary, unpacks with the one that was used."""

    def __init__(self, load: Callable[[int], bytes]) -> None:
        self._load = load
        self._packers: dict[int | None, zstandard.ZstdCompressor] = {}
        self._unpackers: dict[int | None, zstandard.ZstdDecompressor] = {}

    def pack(self, raw: bytes, dictionary: int | None) -> bytes:
        """Compress with this dictionary of the vault, or with none."""
        packer = self._packers.get(dictionary)
        if packer is None:
            packer = self._packers[dictionary] = zstandard.ZstdCompressor(
                _LEVEL, self._dictionary(dictionary)
            )
        return packer.compress(raw)

    def unpack(self, packed: bytes, size: int, dictionary: int | None) -> bytes:
        """Decompress to exactly `size` bytes. Raises `Damaged`, before it allocates more than that."""
        unpacker = self._unpackers.get(dictionary)
        if unpacker is None:
            unpacker = self._unpackers[dictionary] = zstandard.ZstdDecompressor(self._dictionary(dictionary))
        try:
            # A frame that announces its size makes the library allocate that, whatever max_output_size says.
            if zstandard.frame_content_size(packed) != size:
                raise Damaged
            return unpacker.decompress(packed, max_output_size=size)
        except zstandard.ZstdError as error:
            raise Damaged from error

    def _dictionary(self, dictionary: int | None) -> zstandard.ZstdCompressionDict | None:
        return None if dictionary is None else zstandard.ZstdCompressionDict(self._load(dictionary))


def train(samples: Sequence[bytes]) -> bytes | None:
    """Return a dictionary from samples of mail; None when they are too little to learn from."""
    # On a few bytes libzstd 1.5 does not fail: it crashes the process.
    if len(samples) < _LEAST_SAMPLES or sum(map(len, samples)) < _LEAST_SAMPLES * 256:
        return None
    try:
        return zstandard.train_dictionary(DICTIONARY_BYTES, list(samples), level=_LEVEL).as_bytes()
    except zstandard.ZstdError:
        return None
