"""Room on the disk: records are turned away before none is left, and some is kept back.

A full disk must not keep anybody from setting a stop, signing in, or leaving an audit entry. So a
reserve file lies beside the database; when a write of that kind finds the disk full, the file is
removed and the write is tried once more.
"""

import contextlib
import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from chaoscloud.console.db.failures import DiskFull

log = logging.getLogger("chaosiq.console")

MEBIBYTE = 1024 * 1024
RESERVE = 16 * MEBIBYTE  # bytes: thousands of safeguards, sessions and audit entries
_OPENING = MEBIBYTE  # bytes that SQLite may need before the first write
_PERIOD = 10.0  # seconds between two attempts to make the reserve again


def _read_free(folder: Path) -> int:
    return shutil.disk_usage(folder).free


class DiskSpace:
    """The room where a database file lies; of a database without one, nothing is known.

    Below `min_free` bytes no records are taken. `reserve` is in bytes; 0 makes no reserve, but one
    that lies there is still used. `read_free` gives the free bytes of a folder.
    """

    def __init__(
        self,
        file: Path | None,
        min_free: int = 0,
        reserve: int = 0,
        read_free: Callable[[Path], int] = _read_free,
    ) -> None:
        self._folder = file.resolve().parent if file else None
        self._reserve_file = file.with_name(f"{file.name}.reserve") if file else None
        self._min_free = min_free
        self._reserve = reserve
        self._read_free = read_free
        self._tried_at = -_PERIOD

    def describe_shortage(self) -> str | None:
        """Why no records are taken, in a sentence; None while there is room."""
        free = self._free()
        if free is None or free - self._reserve >= self._min_free:
            return None  # whether the reserve is there or not
        if self._reserve_file and not self._reserve_file.exists():
            free -= self._reserve  # the room that was given free is not for records
        if free >= self._min_free:
            return None
        return (
            f"{max(free, 0) // MEBIBYTE} MiB are free on the disk;"
            f" runs are recorded from {self._min_free // MEBIBYTE} MiB on."
        )

    def check(self) -> None:
        """Raise `DiskFull` when no records are taken."""
        shortage = self.describe_shortage()
        if shortage:
            raise DiskFull(shortage)

    def prepare_opening(self) -> None:
        """Give the reserve free when there is not even room to open the database."""
        free = self._free()
        if free is not None and free < _OPENING:
            self.release_reserve()

    def release_reserve(self) -> bool:
        """Give the reserve free; whether there was one."""
        if self._reserve_file is None:
            return False
        try:
            self._reserve_file.unlink()
        except OSError:
            return False
        log.warning("the disk is full: the console uses the room it kept back")
        return True

    def keep_reserve(self) -> None:
        """Make the reserve, when it is missing and there is room enough; tried now and then."""
        now = time.monotonic()
        if self._reserve_file is None or not self._reserve or now - self._tried_at < _PERIOD:
            return
        self._tried_at = now
        if self._reserve_file.exists() or self.describe_shortage():
            return
        try:
            _allocate(self._reserve_file, self._reserve)
        except OSError as error:
            log.warning("no room could be kept back on the disk: %s", error.strerror)
            with contextlib.suppress(OSError):
                self._reserve_file.unlink(missing_ok=True)

    def _free(self) -> int | None:
        with contextlib.suppress(OSError):  # whatever opens or writes the file says what is wrong
            return self._read_free(self._folder) if self._folder else None
        return None


def _allocate(file: Path, size: int) -> None:
    """Make a file that really takes this many bytes."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size)
        else:
            for _ in range(size // MEBIBYTE):
                os.write(descriptor, bytes(MEBIBYTE))
    finally:
        os.close(descriptor)
