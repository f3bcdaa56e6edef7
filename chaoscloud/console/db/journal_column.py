"""The column of a journal: compressed by zlib where that makes it smaller.

A compressed journal is known by its first byte, an "x", with which no JSON begins. Rows written
before journals were compressed are read as they are.
"""

import zlib
from functools import cached_property
from typing import Any

from sqlalchemy import Column, LargeBinary, TypeDecorator

# The quickest one of those that make a typical journal of 3.6 kB smaller than 0.9 kB: 20
# microseconds; 6 takes 60 and saves 30 bytes more.
_LEVEL = 3
_COMPRESSED = b"x"  # zlib streams with its usual window of 32 KiB begin so (RFC 1950)


class Journal(bytes):
    """A journal as it came, to be written; it remembers its compressed form.

    Whoever reads a body asks for that at once, so that the writer, which everybody waits for, has
    it ready.
    """

    @cached_property
    def stored(self) -> bytes:
        """What the database holds of it."""
        return compress(self)


class JournalBytes(TypeDecorator[bytes]):
    """A journal, given and taken as JSON; an empty one stands for one that was removed."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Any) -> bytes | None:
        """Compress what is not compressed yet."""
        if value is None:
            return None
        return value.stored if isinstance(value, Journal) else compress(value)

    def process_result_value(self, value: bytes | None, dialect: Any) -> bytes | None:
        """Give the journal as it came."""
        return None if value is None else decompress(value)


def compress(raw: bytes) -> bytes:
    """The stored form of a journal: compressed, unless that makes it no smaller."""
    compressed = zlib.compress(raw, _LEVEL)
    # What begins like a compressed journal, and is none, is not to be taken for one.
    if len(compressed) < len(raw) or raw.startswith(_COMPRESSED):
        return compressed
    return bytes(raw)


def decompress(stored: bytes) -> bytes:
    """A journal by its stored form; a damaged one as it stands, which nobody can read as JSON."""
    if not stored.startswith(_COMPRESSED):
        return stored
    try:
        return zlib.decompress(stored)
    except zlib.error:
        return stored


def holds_bytes(column: Column[Any]) -> bool:
    """Whether a column holds documents as bytes."""
    return isinstance(column.type, (LargeBinary, JournalBytes))
