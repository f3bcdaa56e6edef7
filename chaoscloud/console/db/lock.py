"""One console a database file: a second one would answer from a memory that is not its own."""

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from chaoscloud.console.db.failures import CannotOpen


@contextmanager
def lock_database(file: Path, *, may_be_empty: bool = False) -> Iterator[None]:
    """Hold the lock of the database file, for the one console that serves it.

    The lock lies beside the file itself, so another name that leads to it finds the same lock; it
    ends with the process, however that ends. Raises `CannotOpen` when another console holds it.
    Commands that work beside a server do not need it.
    """
    if not may_be_empty:
        check_not_emptied(file)
    lock_file = _lock_file(file)
    lock = FileLock(lock_file, mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        holder = _describe_holder(lock_file)
        raise CannotOpen(f"another console serves {file} already{holder}") from None
    except OSError as error:
        raise CannotOpen(f"cannot write {lock_file}: {error.strerror}") from error
    try:
        with contextlib.suppress(OSError):  # on Windows nobody may write to a locked file
            lock_file.write_text(f"{os.getpid()}\n", encoding="ascii")
        yield
    finally:
        lock.release()


def check_not_emptied(file: Path) -> None:
    """Raise `CannotOpen` when a console has used the file and nothing is in it any more.

    SQLite would take it for a new database, and the console would begin anew without a word.
    """
    lock_file = _lock_file(file)
    if lock_file.exists() and file.exists() and not file.stat().st_size:
        raise CannotOpen(
            f"the database {file} has been emptied: put a backup in its place with"
            f" `chaosiq-console restore FILE`, or remove {lock_file} to begin anew"
        )


def _lock_file(file: Path) -> Path:
    resolved = file.resolve()
    return resolved.with_name(f"{resolved.name}.lock")


def _describe_holder(lock_file: Path) -> str:
    try:
        pid = lock_file.read_text(encoding="ascii", errors="ignore").strip()
    except OSError:
        return ""
    return f" (process {pid})" if pid.isdigit() else ""
