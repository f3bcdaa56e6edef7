"""A run's records on disk until they are sent: appended, crossed off, in the end deleted.

A record is also kept in memory until it is sent. So a disk that is full, or a home that cannot be
written to, costs nothing as long as the console answers; what is neither sent nor written when the
process ends is lost, and counted.
"""

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from chaoscloud.delivery.records import (
    NEVER_DROPPED,
    Record,
    SpoolContents,
    encode_line,
    encode_members,
    read_lines,
    write_lines,
)

__all__ = ["LIMIT", "REJECTED", "SUFFIX", "Spool"]

logger = logging.getLogger("chaostoolkit")

LIMIT = 64 * 1024 * 1024
"""How many bytes one run's file may take, and all files that wait together."""

SUFFIX = ".jsonl"
REJECTED = ".refused"
"""What the file of a run is renamed to when the console rejected some of it and took the rest."""

TRY_AGAIN = 1.0
"""Seconds between two attempts to write what a full disk did not take."""

QUIET = 24 * 3600.0
"""Seconds without a change after which a file whose lock cannot be had belongs to nobody."""

_FLAGS = os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0)


class Spool:
    """The records of one run. Safe to use from several threads; no method raises `OSError`.

    `path` is None for one that is kept in memory only; `disk_error` is why something is not on the
    disk. `is_orphan` tells whether nobody else can own it: its lock says so, or there are no locks
    and nobody has written to it for long.
    """

    def __init__(
        self, path: Path | None, contents: SpoolContents, lock: FileLock | None = None
    ) -> None:
        self.path = path
        self.contents = contents
        self.is_orphan = False
        self.disk_error = ""
        self._lock = lock
        self._guard = threading.RLock()
        self._handle: int | None = None
        self._size = 0
        self._torn = False
        self._unwritten: set[int] = set()
        self._rests_until = 0.0
        self._on_hold_from: int | None = None

    @classmethod
    def create(cls, path: Path, header: Mapping[str, Any]) -> "Spool":
        """A new one, owned by this process; in memory only where it cannot be written.

        Where no lock can be had, it is written all the same: its name is like no other.
        """
        contents = SpoolContents(header=dict(header))
        try:
            _make_private(path.parent)
            lock = _lock_of(path)
            spool = cls(path, contents, lock if _acquire(lock) else None)
            spool._rewrite()
        except OSError as error:
            _remove(_lock_path(path))
            spool = cls(None, contents)
            spool.disk_error = _describe(error)
        return spool

    @classmethod
    def open(cls, path: Path, now: Callable[[], float] = time.time) -> "Spool | None":
        """The one at `path`, owned by this process from now on; None when that cannot be.

        Somebody else owns it, or it has been sent meanwhile, or it cannot be read. Where the lock
        cannot be had, some file systems do not say why: a file that nobody has written to for a
        whole day is taken without.
        """
        lock = _lock_of(path)
        owned = _acquire(lock)
        try:
            if not owned and now() - path.stat().st_mtime < QUIET:
                return None
            data = path.read_bytes()
            spool = cls(path, read_lines(data.splitlines(keepends=True)), lock if owned else None)
            spool._handle = os.open(path, _FLAGS)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and owned:
                _remove(_lock_path(path))
            lock.release()
            return None
        spool.is_orphan = owned is not False
        spool._size, spool._torn = len(data), not data.endswith(b"\n")
        return spool

    @property
    def changed_at(self) -> str:
        """When something was written to its file last, in ISO 8601."""
        try:
            moment = self.path.stat().st_mtime if self.path is not None else time.time()
        except OSError:
            moment = time.time()
        return datetime.fromtimestamp(moment, UTC).isoformat()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to be sent."""
        return not self.contents.pending

    @property
    def unsaved_count(self) -> int:
        """How many records would be lost if the process ended now."""
        with self._guard:
            return len(self._find_unsaved())

    def append(
        self, kind: str, text: str, event_type: str = "", *, rest: str = "", on_hold: bool = False
    ) -> int:
        """Keep a record whose parts are the JSON members in `text` and `rest`; returns its number.

        One that is `on_hold`, and what follows it, is not sent before `release`.
        """
        with self._guard:
            contents = self.contents
            n = contents.last + 1
            line = encode_line(kind, f'"n":{n},{text}', rest)
            # In memory first: an interruption may come between any two steps.
            contents.take_record(Record(n, kind, event_type, line))
            contents.time = datetime.now(UTC).isoformat()
            if on_hold:
                self._on_hold_from = n
            self._make_room(len(line))
            if n in contents.pending and not self._write(line):
                self._unwritten.add(n)
            return n

    def release(self) -> None:
        """Let everything be sent."""
        with self._guard:
            self._on_hold_from = None

    def first(self, count: int) -> list[Record]:
        """The oldest records that are to be sent now."""
        with self._guard:
            records = list(islice(self.contents.pending.values(), count))
            if self._on_hold_from is not None:
                records = [record for record in records if record.n < self._on_hold_from]
            return records

    def learn(self, **ids: str) -> None:
        """Keep ids that the console gave."""
        with self._guard:
            self.contents.ids |= ids
            self._write(encode_line("ids", encode_members(ids=ids)))

    def mark_sent(self, numbers: Iterable[int]) -> None:
        """Cross off what the console took."""
        self._cross_off("done", list(numbers))

    def reject(self, numbers: Iterable[int], reason: str) -> None:
        """Cross off what the console does not take."""
        self._cross_off("refused", list(numbers), reason=reason)

    def forget_rejected(self) -> None:
        """Keep nothing of what was rejected."""
        with self._guard:
            self.contents.rejected.clear()
            self.contents.rejected_count, self.contents.reason = 0, ""

    def retry_rejected(self) -> None:
        """Make what was rejected pending again, under its old name."""
        with self._guard:
            contents = self.contents
            records = contents.pending | contents.rejected
            contents.rejected_count -= len(contents.rejected)
            contents.pending = {n: records[n] for n in sorted(records)}
            contents.rejected, contents.reason = {}, ""
            if self.path is not None:
                before, self.path = self.path, self.path.with_suffix(SUFFIX)
                if self._try_to_rewrite():
                    _remove(before)

    def mark_overdue(self, at: float) -> None:
        """Note that the file was found too old at that moment, in seconds since 1970."""
        with self._guard:
            self.contents.overdue.append(at)
            changed = self.path.stat() if self.path is not None else None
            self._write(encode_line("overdue", encode_members(at=at)))
            if self.path is not None and changed is not None:  # its age counts from before
                with contextlib.suppress(OSError):
                    os.utime(self.path, (changed.st_atime, changed.st_mtime))

    def close(self) -> None:
        """Give it up; one that has been sent leaves nothing but what was rejected."""
        with self._guard:
            if not self.contents.pending:
                self.discard(keep_rejected=True)
            self.leave()

    def sync(self) -> None:
        """Make what waits safe from a loss of power."""
        with self._guard:
            if self.contents.pending and self._handle is not None:
                with contextlib.suppress(OSError):
                    os.fsync(self._handle)

    def leave(self) -> None:
        """Give it up as it is."""
        with self._guard:
            self._close_file()
            if self._lock is not None:
                self._lock.release()

    def discard(self, *, keep_rejected: bool = False) -> None:
        """Delete it."""
        with self._guard:
            self.contents.pending.clear()
            self._unwritten.clear()
            self._close_file()
            if self.path is None:
                return
            with contextlib.suppress(OSError):
                if keep_rejected and self.contents.rejected_count:
                    self.path.replace(self.path.with_suffix(REJECTED))
                else:
                    self.path.unlink()
            if self._lock is not None:
                _remove(_lock_path(self.path))
                self._lock.release()
            self.path = None

    def evict(self, needed: int) -> int:
        """Drop records until `needed` bytes are free, the least telling and oldest ones first.

        Returns how many bytes that freed; nothing of `NEVER_DROPPED` is dropped for it.
        """
        with self._guard:
            victims, freed = _choose_victims(self.contents.pending.values(), needed)
            for record in victims:
                del self.contents.pending[record.n]
                self._unwritten.discard(record.n)
            self.contents.lost += len(victims)
            if victims:
                self.contents.reason = self.contents.reason or "there was no room to keep it"
                self._try_to_rewrite()
            return freed

    def _cross_off(self, kind: str, numbers: list[int], **more: str) -> None:
        with self._guard:
            line = encode_line(kind, encode_members(n=numbers, **more))
            self.contents.take_line(line)
            self._unwritten.difference_update(numbers)
            self._write(line)

    def _make_room(self, needed: int) -> None:
        """Keep within `LIMIT`: first without what was sent, then without what tells least."""
        over = self._size + needed - LIMIT
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
            self._note_error(error)
            return False
        self._size += written
        self._torn = written < len(whole) and written > 0
        return written == len(whole)

    def _try_to_rewrite(self) -> bool:
        try:
            self._rewrite()
        except OSError as error:
            self._note_error(error)
            return False
        return True

    def _rewrite(self) -> None:
        """Write the file anew, with what still matters. Raises `OSError`; it is then as it was."""
        if self.path is None:
            return
        fresh = self.path.with_suffix(".new")
        data = b"".join(write_lines(self.contents))
        try:
            handle = os.open(fresh, _FLAGS | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                if os.write(handle, data) < len(data):
                    raise OSError(28, "No space left on device")
                if self._size:  # else a loss of power may leave an empty file in its place
                    os.fsync(handle)
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
        self.disk_error = ""

    def _find_unsaved(self) -> set[int]:
        pending = self.contents.pending
        return set(pending) if self.path is None else self._unwritten & set(pending)

    def _close_file(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)

    def _note_error(self, error: OSError) -> None:
        if not self.disk_error:
            logger.debug("The record of this run cannot be written to %s", self.path, exc_info=True)
        self.disk_error = _describe(error)
        self._rests_until = time.monotonic() + TRY_AGAIN


def _choose_victims(pending: Iterable[Record], needed: int) -> tuple[list[Record], int]:
    candidates = [record for record in pending if record.rank != NEVER_DROPPED]
    victims: list[Record] = []
    freed = 0
    for record in sorted(candidates, key=lambda record: (-record.rank, record.n)):
        if freed >= needed:
            break
        victims.append(record)
        freed += len(record.line)
    return victims, freed


def _describe(error: OSError) -> str:
    return error.strerror or str(error)


def _make_private(folder: Path) -> None:
    """Make the folder and those above it that are missing, for their owner only."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)


def _lock_path(path: Path) -> Path:
    return path.with_suffix(".lock")


def _lock_of(path: Path) -> FileLock:
    # Taken by the run's thread, given up by the sender's: not a lock of one thread.
    return FileLock(_lock_path(path), timeout=0, mode=0o600, thread_local=False)


def _acquire(lock: FileLock) -> bool | None:
    """Whether the lock is ours: False when somebody else has it, None where there are no locks."""
    try:
        lock.acquire()
    except Timeout:
        return False
    except (OSError, NotImplementedError):
        return None
    return True


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
