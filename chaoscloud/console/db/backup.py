"""Check a SQLite database, copy it while it is in use, and put a copy in its place."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from chaoscloud.console.db.engines import create_engines, create_private
from chaoscloud.console.db.failures import CannotOpen
from chaoscloud.console.db.lock import lock_database
from chaoscloud.console.db.migrations import check_schema

LONGEST_CHECK = 10.0  # seconds; a large database is not read to its end before each start
_PARTS = ("", "-wal", "-shm")  # the files of a database


def check_database(file: Path, limit: float | None = LONGEST_CHECK) -> bool:
    """Look for damage, for so many seconds at most; whether all of it was read.

    A file that is not there is not damaged. Raises `CannotOpen` with what is wrong.
    """
    if not file.exists() or not file.stat().st_size:
        return True
    try:
        with _connect(file) as connection, _interrupt_after(connection, limit):
            rows = connection.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.OperationalError as error:
        if str(error) == "interrupted":
            return False
        raise CannotOpen(f"cannot use the database {file}: {error}") from error
    except sqlite3.DatabaseError as error:
        raise _describe_damage(file, str(error)) from error
    if rows != [("ok",)]:
        raise _describe_damage(file, " ".join(str(rows[0][0]).split()))
    return True


def back_up(file: Path, target: Path) -> None:
    """Copy the database as it stands into a file for its owner alone, while it is in use.

    Raises `CannotOpen` when the target is there already, or cannot be written.
    """
    if target.exists():
        raise CannotOpen(f"{target} is there already")
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.unfinished")
    create_private(unfinished)  # SQLite takes an empty file as it is
    try:
        with _connect(file) as connection:
            connection.execute("VACUUM INTO ?", (str(unfinished),))
        _sync(unfinished)
        unfinished.rename(target)
        _sync(target.parent)
    except (sqlite3.Error, OSError) as error:
        unfinished.unlink(missing_ok=True)
        raise CannotOpen(f"cannot back up {file} to {target}: {error}") from error


def restore(source: Path, file: Path, now: datetime) -> Path | None:
    """Put a backup in the place of the database; where the earlier one lies now, if there was one.

    Raises `CannotOpen` when a console serves the database, or when the backup is damaged, not a
    console's, or a newer console's; the database is then as it was.
    """
    if not source.is_file():
        raise CannotOpen(f"there is no backup {source}")
    check_database(source, limit=None)
    with lock_database(file, may_be_empty=True):
        copy = file.with_name(f"{file.name}.restoring")
        copy.unlink(missing_ok=True)
        back_up(source, copy)
        try:
            engines = create_engines(f"sqlite:///{copy}")
            try:
                check_schema(engines)
            finally:
                engines.dispose()
        except CannotOpen as error:
            copy.unlink()
            raise CannotOpen(str(error).replace(str(copy), str(source))) from error
        earlier = _put_aside(file, f"before-restore-{now:%Y%m%dT%H%M%S}")
        copy.rename(file)
        _sync(file.parent)
    return earlier


def _put_aside(file: Path, suffix: str) -> Path | None:
    if not file.exists():
        return None
    aside = file.with_name(f"{file.name}.{suffix}")
    for part in _PARTS:
        present = file.with_name(f"{file.name}{part}")
        if present.exists():
            present.rename(aside.with_name(f"{aside.name}{part}"))
    return aside


def _describe_damage(file: Path, what: str) -> CannotOpen:
    return CannotOpen(
        f"the database {file} is damaged: {what};"
        " put a backup in its place with `chaosiq-console restore FILE`"
    )


@contextmanager
def _connect(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as it:
        yield it


@contextmanager
def _interrupt_after(connection: sqlite3.Connection, limit: float | None) -> Iterator[None]:
    timer = threading.Timer(limit or 0, connection.interrupt)
    if limit is not None:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _sync(path: Path) -> None:
    """Bring a file, or a folder's list of names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
