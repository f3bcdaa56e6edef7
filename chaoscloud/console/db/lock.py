"""One console a database file: a second one would answer from a memory that is not its own."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chaoscloud.console.db.failures import CannotOpen


@contextmanager
def alone_with(file: Path) -> Iterator[None]:
    """Hold the database file for the one console that serves it.

    The lock ends with the process, however that ends. Raises `CannotOpen` when another console
    holds it; commands that work beside a server do not need it.
    """
    lock = file.with_name(f"{file.name}.lock")
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CannotOpen(f"cannot write {lock}: {error.strerror}") from error
    try:
        taken = _taken(handle)
        os.lseek(handle, 0, os.SEEK_SET)
        if not taken:
            raise CannotOpen(f"another console serves {file} already{_holder(handle)}")
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(handle)


def _holder(handle: int) -> str:
    pid = os.read(handle, 20).decode("ascii", "ignore").strip()
    return f" (process {pid})" if pid else ""


if sys.platform == "win32":  # pragma: no cover

    def _taken(handle: int) -> bool:
        import msvcrt

        try:
            # Far behind the process id, which must stay readable.
            os.lseek(handle, 1024, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:

    def _taken(handle: int) -> bool:
        import fcntl

        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
