"""Engines for reading and for writing: the only file that asks which database it is."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from chaoscloud.console.db.bulk import execute
from chaoscloud.console.db.failures import CannotOpen

BUSY_TIMEOUT = 10.0  # seconds another process (the command line beside a server) may hold the lock
BUSY_PAUSE = 0.02  # seconds between two attempts where SQLite itself does not wait
CONNECT_TIMEOUT = 5  # seconds until a PostgreSQL server counts as away
_GIVE_UP_SOON = {  # a server that vanished without a word holds nobody for long
    "connect_timeout": CONNECT_TIMEOUT,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,  # milliseconds
}
READERS = 8  # connections, and threads, that read at once


@dataclass(frozen=True)
class Engines:
    """How to read and how to write; `file` is the database's own file, when it has one."""

    reader: Engine
    writer: Engine
    file: Path | None

    def dispose(self) -> None:
        """Close every connection."""
        self.reader.dispose()
        self.writer.dispose()


def create_engines(url: str) -> Engines:
    """Make the engines of a database url.

    Raises `CannotOpen` when the url says nothing the console can work with.
    """
    parsed = _parse_url(url)
    backend = parsed.get_backend_name() if parsed.drivername != "postgres" else "postgresql"
    if backend not in _MAKERS:
        raise CannotOpen(f"the console works with sqlite and postgresql, not with {backend!r}")
    return _MAKERS[backend](parsed)


def find_file(url: str) -> Path | None:
    """The file a database url names; None when the database is not a file."""
    parsed = _parse_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    return Path(parsed.database)


def _parse_url(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError as error:
        raise CannotOpen("the database url cannot be read; try sqlite:////path/to/file") from error


def _create_sqlite(url: URL) -> Engines:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise CannotOpen("SQLite needs a plain file: sqlite:////path/to/console.sqlite3")
    file = Path(url.database)
    create_private(file)
    is_new = file.stat().st_size == 0
    url = url.set(drivername="sqlite+pysqlite")
    arguments = {"timeout": BUSY_TIMEOUT, "check_same_thread": False}
    reader = create_engine(url, connect_args=arguments, pool_size=READERS, max_overflow=4)
    writer = create_engine(url, connect_args=arguments, pool_size=1, max_overflow=1)
    _prepare(reader, "BEGIN", "PRAGMA query_only=ON")
    # Of a file that is made now; of another it would wait for VACUUM, and write to a file that may
    # not be ours.
    vacuum = ["PRAGMA auto_vacuum=INCREMENTAL"] if is_new else []
    _prepare(
        writer,
        "BEGIN IMMEDIATE",
        *vacuum,
        "PRAGMA synchronous=FULL",
        "PRAGMA journal_size_limit=67108864",
    )
    _enable_wal(writer, file)
    return Engines(reader, writer, file)


def create_private(file: Path) -> None:
    """Create the file readable by its owner alone, whatever the umask; SQLite keeps the mode."""
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise CannotOpen(f"cannot open the database {file}: {error.strerror}") from error


def _prepare(engine: Engine, begin: str, *pragmas: str) -> None:
    """Begin and commit by statements of our own, for the driver begins too late and otherwise.

    After an error that made SQLite roll back by itself (disk full), the driver's `commit()` does
    nothing and reports success; the statement fails.
    """

    def prepare_connection(connection: Any, record: Any) -> None:
        connection.isolation_level = None
        for pragma in ("PRAGMA foreign_keys=ON", *pragmas):
            connection.execute(pragma)

    def begin_transaction(connection: Connection) -> None:
        execute(connection, begin)

    def commit_transaction(connection: Connection) -> None:
        execute(connection, "COMMIT")

    event.listen(engine, "connect", prepare_connection)
    event.listen(engine, "begin", begin_transaction)
    event.listen(engine, "commit", commit_transaction)


def _enable_wal(writer: Engine, file: Path) -> None:
    """Switch to WAL. SQLite does not wait for others here, even those that do the same: we do."""
    ends = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            mode = _run_outside_transaction(writer, "PRAGMA journal_mode=WAL")
            break
        except sqlite3.Error as error:
            is_busy = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() >= ends:
                raise CannotOpen(f"cannot use the database {file}: {error}") from error
            time.sleep(BUSY_PAUSE)
    if mode != "wal":
        raise CannotOpen(f"cannot use {file}: this file system does not allow SQLite's WAL mode")


def _run_outside_transaction(engine: Engine, statement: str, *values: str) -> Any:
    """Run what SQLite only does outside of transactions; give the first value it answers."""
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        cursor.execute(statement, values)
        row = cursor.fetchone()
        return row and row[0]
    finally:
        raw.close()


def _create_postgresql(url: URL) -> Engines:
    url = url.set(drivername="postgresql+psycopg")
    try:
        writer = create_engine(
            url,
            connect_args=_GIVE_UP_SOON,
            pool_pre_ping=True,
            pool_size=READERS + 2,
            max_overflow=8,
            pool_timeout=CONNECT_TIMEOUT,
        )
    except ImportError as error:
        raise CannotOpen(
            "PostgreSQL needs a driver: pip install 'chaosiq-cloud[console,postgresql]'"
        ) from error
    reader = writer.execution_options(postgresql_readonly=True, isolation_level="REPEATABLE READ")
    return Engines(reader, writer, None)


_MAKERS = {"sqlite": _create_sqlite, "postgresql": _create_postgresql}


def lock_out_others(connection: Connection) -> None:
    """Let one process through until its transaction ends; SQLite's BEGIN IMMEDIATE did already."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(4246842)")


def set_next_number(connection: Connection, table: str, column: str, number: int) -> None:
    """Number the next row of a table; SQLite takes the number after the highest by itself."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            "SELECT setval(pg_get_serial_sequence(%s, %s), %s, false)", (table, column, number)
        )


@contextmanager
def begin_migration(engines: Engines) -> Iterator[Connection]:
    """A transaction that may change tables; one process at a time gets through.

    On SQLite foreign keys are not enforced in it, for a table is changed there by making it anew
    (sqlite.org/lang_altertable.html#otheralter); they are checked at the end. Raises `CannotOpen`
    when a row then refers to one that does not exist.
    """
    with engines.writer.connect() as connection:
        if engines.file is None:
            with connection.begin():
                lock_out_others(connection)
                yield connection
            return
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA foreign_keys=OFF")  # does nothing within a transaction
        try:
            with connection.begin():
                yield connection
                _check_references(connection)
        finally:
            driver.execute("PRAGMA foreign_keys=ON")


def _check_references(connection: Connection) -> None:
    row = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if row is not None:
        raise CannotOpen(f"a row of its table {row[0]!r} refers to one of {row[2]!r} that is gone")


PAGES_AT_ONCE = 256  # of 4 KiB: a megabyte, which takes a few milliseconds


def return_free_pages(connection: Connection) -> bool:
    """Give the disk some room back that deleted rows took; whether there is more to give back.

    PostgreSQL does so by itself (autovacuum), and uses the room again. So does a SQLite file that
    was made before 1.1, until `compact_database` has been over it.
    """
    if connection.dialect.name != "sqlite" or _read_pragma(connection, "auto_vacuum") != 2:
        return False
    free = _read_pragma(connection, "freelist_count")
    driver: Any = connection.connection.driver_connection
    for _ in range(min(free, PAGES_AT_ONCE)):
        # Python's driver takes one step of a statement that gives no columns: one page.
        driver.execute("PRAGMA incremental_vacuum(1)")
    return free > PAGES_AT_ONCE


def _read_pragma(connection: Connection, name: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())


def compact_database(engines: Engines) -> None:
    """Write a SQLite file anew, without the room that deleted rows took; nobody else may use it.

    Raises `CannotOpen`.
    """
    try:
        _run_outside_transaction(engines.writer, "PRAGMA auto_vacuum=INCREMENTAL")
        _run_outside_transaction(engines.writer, "VACUUM")
        _run_outside_transaction(engines.writer, "PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise CannotOpen(f"{engines.file} could not be written anew: {error}") from error


def copy_database(engines: Engines, suffix: str) -> None:
    """Copy a SQLite database beside itself, under its name and a suffix; its owner alone may read.

    A PostgreSQL database is its operator's to copy. Raises `CannotOpen`.
    """
    if engines.file is None:
        return
    target = engines.file.with_name(f"{engines.file.name}.{suffix}")
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.unfinished")
    unfinished.unlink(missing_ok=True)
    create_private(unfinished)  # SQLite takes an empty file as it is
    try:
        _run_outside_transaction(engines.writer, "VACUUM INTO ?", str(unfinished))
    except sqlite3.Error as error:
        unfinished.unlink(missing_ok=True)
        raise CannotOpen(f"it could not be copied before it is changed: {error}") from error
    unfinished.replace(target)
