"""Opening the database: new, old, newer, damaged, somebody else's."""

import os
import sqlite3
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from chaoscloud.console.db import CannotOpen, Database
from chaoscloud.console.db.engines import create_engines
from chaoscloud.console.db.migrations import NEWEST, alembic_version
from chaoscloud.console.records import organizations
from tests.console.conftest import Clock


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "orders.sqlite3"


@pytest.fixture
def url(file: Path) -> str:
    return f"sqlite:///{file}"


def test_a_new_database_is_readable_by_its_owner_alone(file: Path, url: str) -> None:
    """Neither the database nor what SQLite keeps beside it depends on the umask."""
    before = os.umask(0)
    try:
        with Database.open(url):
            modes = {stat.S_IMODE(item.stat().st_mode) for item in file.parent.iterdir()}
    finally:
        os.umask(before)

    assert modes == {0o600}


def test_what_was_written_is_there_when_it_is_opened_again(url: str, now: Clock) -> None:
    """A later start finds what an earlier one kept."""
    with Database.open(url) as database:
        acme = database.write(lambda c: organizations.add(c, "Acme", now())).result()

    with Database.open(url) as database, database.read() as connection:
        assert organizations.list_page(connection) == [acme]


def test_a_reading_connection_cannot_write(database: Database, now: Clock) -> None:
    """Nothing gets past the writer by mistake."""
    with database.read() as connection, pytest.raises(DBAPIError):
        organizations.add(connection, "Acme", now())


def test_a_reader_does_not_wait_for_the_writer(database: Database, now: Clock) -> None:
    """In the middle of a write, others read what was there before it."""

    def halfway(connection: Connection) -> int:
        organizations.add(connection, "Acme", now())
        with database.read() as other:
            return len(organizations.list_page(other))

    assert database.write(halfway).result() == 0


def test_a_file_that_is_no_database_is_refused_and_left_alone(file: Path, url: str) -> None:
    """A text file of the same name keeps every byte."""
    file.write_text("orders, not a database\n" * 100)

    with pytest.raises(CannotOpen, match="file is not a database"):
        Database.open(url)

    assert file.read_text() == "orders, not a database\n" * 100


def test_a_truncated_database_is_refused(file: Path, url: str) -> None:
    """A database that lost its end says so at the start, not at the thousandth request."""
    Database.open(url).close()
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])

    with pytest.raises(CannotOpen, match="malformed"):
        Database.open(url)


def test_a_folder_in_the_databases_place_is_refused(file: Path, url: str) -> None:
    """The reason is the system's own."""
    file.mkdir()

    with pytest.raises(CannotOpen, match="Is a directory"):
        Database.open(url)


def test_a_newer_schema_is_refused_and_left_alone(file: Path, url: str) -> None:
    """An older console never works on what a newer one made."""
    Database.open(url).close()
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'm0099_drones'")
    connection.close()
    before = file.read_bytes()

    with pytest.raises(CannotOpen, match="'m0099_drones' is not known to this console"):
        Database.open(url)

    assert file.read_bytes() == before


def test_somebody_elses_database_is_refused(file: Path, url: str) -> None:
    """Tables of ours that no console made are not taken for ours."""
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE events (name TEXT)")
    connection.close()

    with pytest.raises(CannotOpen, match="'events' was not made by a console"):
        Database.open(url)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("sqlite://", "plain file"),
        ("sqlite:///:memory:", "plain file"),
        ("mysql://somewhere/orders", "not with 'mysql'"),
        ("orders.sqlite3", "cannot be read"),
        ("", "cannot be read"),
    ],
)
def test_a_url_the_console_cannot_work_with_is_refused(url: str, reason: str) -> None:
    """Each with what to write instead."""
    with pytest.raises(CannotOpen, match=reason):
        Database.open(url)


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL without psycopg says what to install."""
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(CannotOpen, match=r"chaosiq-cloud\[console,postgresql\]"):
        Database.open("postgresql://localhost/orders")


def test_a_new_file_is_switched_to_wal_by_whoever_comes_first(tmp_path: Path) -> None:
    """SQLite refuses the others at once instead of letting them wait, once in some dozen times."""
    with ThreadPoolExecutor(12) as pool:
        for number in range(20):
            url = f"sqlite:///{tmp_path / str(number)}.sqlite3"
            for engines in pool.map(create_engines, [url] * 12):
                engines.dispose()


def test_many_may_open_a_new_database_at_once(url: str) -> None:
    """A server and commands that start together make one schema."""
    with ThreadPoolExecutor(6) as pool:
        opened = list(pool.map(lambda _: Database.open(url), range(6)))

    for database in opened:
        with database.read() as connection:
            assert connection.scalars(select(alembic_version)).all() == [NEWEST]
        database.close()
