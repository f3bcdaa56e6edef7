"""A run's records on disk until they are delivered: appended, crossed off, in the end deleted.

A record is also kept in memory until it is delivered. So a disk that is full, or a home that cannot
be written to, costs nothing as long as the console answers; what is neither delivered nor written
when the process ends is lost, and counted.
"""

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from chaoscloud.delivery.locks import Lock
from chaoscloud.delivery.records import (
    NEVER_DROPPED,
    Contents,
    Entry,
    encoded,
    lines_of,
    members,
    read_lines,
)

__all__ = ["LIMIT", "REFUSED", "SUFFIX", "Spool"]

logger = logging.getLogger("chaostoolkit")

LIMIT = 64 * 1024 * 1024
"""How many bytes all spool files together may take."""

SUFFIX = ".jsonl"
REFUSED = ".refused"
"""What the file of a run is renamed to when the console refused some of it and took the rest."""

TRY_AGAIN = 1.0
"""Seconds between two attempts to write what a full disk did not take."""

_FLAGS = os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0)


class Spool:
    """The records of one run. Safe to use from several threads; no method raises `OSError`.

    `path` is None for one that is kept in memory only. `others` tells how many bytes other spool
    files take.
    """

    def __init__(
        self,
        path: Path | None,
        contents: Contents,
        lock: Lock | None = None,
        others: Callable[[], int] = lambda: 0,
    ) -> None:
        self.path = path
        self.trouble = ""
        self._contents = contents
        self._lock = lock
        self._others = others
        self._guard = threading.RLock()
        self._handle: int | None = None
        self._size = 0
        self._torn = False
        self._unwritten: set[int] = set()
        self._rests_until = 0.0

    @classmethod
    def create(
        cls, path: Path, header: Mapping[str, Any], others: Callable[[], int] = lambda: 0
    ) -> "Spool":
        """A new one, owned by this process; in memory only where it cannot be written."""
        contents = Contents(header=dict(header))
        lock = Lock(path.with_suffix(".lock"))
        try:
            _make_private(path.parent)
            lock.take()
            spool = cls(path, contents, lock, others)
            spool._rewrite()
        except OSError as error:
            lock.remove()
            spool = cls(None, contents, others=others)
            spool.trouble = _words(error)
        return spool

    @classmethod
    def open(cls, path: Path) -> "Spool | None":
        """The one at `path`, owned by this process from now on; None when that cannot be.

        Somebody else owns it, or it has been delivered meanwhile, or it cannot be read.
        """
        lock = Lock(path.with_suffix(".lock"))
        try:
            if not lock.take():
                return None
        except OSError:
            return None
        try:
            data = path.read_bytes()
            spool = cls(path, read_lines(data.splitlines(keepends=True)), lock)
            spool._handle = os.open(path, _FLAGS)
            spool._size, spool._torn = len(data), not data.endswith(b"\n")
        except FileNotFoundError:
            lock.remove()
            return None
        except OSError:
            lock.leave()
            return None
        return spool

    @property
    def contents(self) -> Contents:
        """What it holds; its pending records change under another thread's hands."""
        return self._contents

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to be delivered."""
        return not self._contents.pending

    @property
    def unsaved(self) -> int:
        """How many records would be lost if the process ended now."""
        with self._guard:
            return len(self._unsaved())

    def append(self, kind: str, text: str, event_type: str = "") -> int:
        """Keep a record whose parts are the JSON members in `text`; returns its number."""
        with self._guard:
            contents = self._contents
            contents.last += 1
            n = contents.last
            line = encoded(kind, f'"n":{n},{text}')
            # In memory first: an interruption may come between any two steps.
            contents.pending[n] = Entry(n, kind, event_type, line)
            self._make_room(len(line))
            if n in contents.pending and not self._write(line):
                self._unwritten.add(n)
            return n

    def first(self, count: int) -> list[Entry]:
        """The oldest records that are still to be delivered."""
        with self._guard:
            return list(islice(self._contents.pending.values(), count))

    def learn(self, **ids: str) -> None:
        """Keep ids that the console gave."""
        with self._guard:
            self._contents.ids |= ids
            self._write(encoded("ids", members(ids=ids)))

    def done(self, numbers: Iterable[int]) -> None:
        """Cross off what was delivered."""
        self._cross_off("done", list(numbers))

    def refuse(self, numbers: Iterable[int], reason: str) -> None:
        """Cross off what the console does not take."""
        self._cross_off("refused", list(numbers), reason=reason)

    def close(self) -> None:
        """Give it up; one that has been delivered leaves nothing but what was refused."""
        with self._guard:
            if not self._contents.pending:
                self.discard(keep_refused=True)
            self.leave()

    def leave(self) -> None:
        """Give it up as it is."""
        with self._guard:
            self._close_file()
            if self._lock is not None:
                self._lock.leave()

    def discard(self, *, keep_refused: bool = False) -> None:
        """Delete it."""
        with self._guard:
            self._contents.pending.clear()
            self._unwritten.clear()
            self._close_file()
            if self.path is None or self._lock is None:
                return
            with contextlib.suppress(OSError):
                if keep_refused and self._contents.refused:
                    self.path.replace(self.path.with_suffix(REFUSED))
                else:
                    self.path.unlink()
            self._lock.remove()
            self.path = None

    def evict(self, wanted: int) -> int:
        """Drop records until `wanted` bytes are free, the least telling and oldest ones first.

        Returns how many bytes that freed; nothing of `NEVER_DROPPED` is dropped for it.
        """
        with self._guard:
            victims, freed = _victims(self._contents.pending.values(), wanted)
            for entry in victims:
                del self._contents.pending[entry.n]
                self._unwritten.discard(entry.n)
            self._contents.gone += len(victims)
            if victims:
                self._contents.reason = self._contents.reason or "there was no room to keep it"
                self._try_to_rewrite()
            return freed

    def _cross_off(self, kind: str, numbers: list[int], **more: str) -> None:
        with self._guard:
            line = encoded(kind, members(n=numbers, **more))
            self._contents.take(line)
            self._unwritten.difference_update(numbers)
            self._write(line)

    def _make_room(self, wanted: int) -> None:
        """Keep within `LIMIT`: first without what was delivered, then without what tells least."""
        over = self._size + wanted + self._others() - LIMIT
        if over <= 0 or self.path is None:
            return
        before = self._size
        self._try_to_rewrite()
        over -= before - self._size
        if over > 0:
            # A quarter more than needed: writing the file anew for each record would be slow.
            self.evict(over + LIMIT // 4)

    def _write(self, line: bytes) -> bool:
        """Append a line to the file; whether it is there now."""
        if self.path is None:
            return False
        if self._unwritten:
            # Alone it would stand there without those before it.
            return time.monotonic() >= self._rests_until and self._try_to_rewrite()
        try:
            if self._handle is None:
                self._handle = os.open(self.path, _FLAGS)
            whole = b"\n" + line if self._torn else line
            written = os.write(self._handle, whole)
        except OSError as error:
            self._note(error)
            return False
        self._size += written
        self._torn = written < len(whole) and written > 0
        return written == len(whole)

    def _try_to_rewrite(self) -> bool:
        try:
            self._rewrite()
        except OSError as error:
            self._note(error)
            return False
        return True

    def _rewrite(self) -> None:
        """Write the file anew, with what still matters. Raises `OSError`; it is then as it was."""
        if self.path is None:
            return
        fresh = self.path.with_suffix(".new")
        data = b"".join(lines_of(self._contents))
        try:
            handle = os.open(fresh, _FLAGS | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                if os.write(handle, data) < len(data):
                    raise OSError(28, "No space left on device")
            finally:
                os.close(handle)
            self._close_file()
            fresh.replace(self.path)
        except BaseException:
            with contextlib.suppress(OSError):
                fresh.unlink()
            raise
        self._handle = os.open(self.path, _FLAGS)
        self._size, self._torn = len(data), False
        self._unwritten.clear()
        self.trouble = ""

    def _unsaved(self) -> set[int]:
        pending = self._contents.pending
        return set(pending) if self.path is None else self._unwritten & set(pending)

    def _close_file(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)

    def _note(self, error: OSError) -> None:
        if not self.trouble:
            logger.debug("The record of this run cannot be written to %s", self.path, exc_info=True)
        self.trouble = _words(error)
        self._rests_until = time.monotonic() + TRY_AGAIN


def _victims(pending: Iterable[Entry], wanted: int) -> tuple[list[Entry], int]:
    candidates = [entry for entry in pending if entry.rank != NEVER_DROPPED]
    victims: list[Entry] = []
    freed = 0
    for entry in sorted(candidates, key=lambda entry: (-entry.rank, entry.n)):
        if freed >= wanted:
            break
        victims.append(entry)
        freed += len(entry.line)
    return victims, freed


def _words(error: OSError) -> str:
    return error.strerror or str(error)


def _make_private(folder: Path) -> None:
    """Make the folder and those above it that are missing, for their owner only."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
