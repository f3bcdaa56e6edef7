"""`/healthz`: which of disk, database and decisions works."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError
from starlette.applications import Starlette

from chaoscloud.console.config import Config
from chaoscloud.console.db import CannotRead, CannotWrite, Database, DiskSpace
from chaoscloud.console.db.space import MEBIBYTE
from chaoscloud.console.records import organizations
from tests.console.conftest import Client, Clock

FREE = [1024 * MEBIBYTE]
WORKS = {"status": "ok", "disk": "ok", "database": "ok", "decisions": "ok"}


@pytest.fixture
def database(config: Config) -> Iterator[Database]:
    FREE[0] = 1024 * MEBIBYTE
    file = config.data / "console.sqlite3"
    space = DiskSpace(file, 128 * MEBIBYTE, read_free=lambda folder: FREE[0])
    with Database.open(config.database_url, space) as database:
        yield database


def test_every_part_works(client: Client) -> None:
    """And no token is needed to see it."""
    answer = client().get("/healthz")

    assert (answer.status_code, answer.json()) == (200, WORKS)


@pytest.mark.sqlite_files
def test_a_disk_with_little_room_is_named(client: Client) -> None:
    """Whoever watches the console hears of it before anything is lost."""
    FREE[0] = 3 * MEBIBYTE

    answer = client().get("/healthz")

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json() == {
        **WORKS,
        "status": "failing",
        "disk": "3 MiB are free on the disk; runs are recorded from 128 MiB on.",
    }


@pytest.mark.sqlite_files
def test_a_database_that_cannot_be_written_is_named_until_it_can(
    client: Client, database: Database, now: Clock
) -> None:
    """A read-only file system answers every question; the record is lost all the same."""
    _set_read_only(database, "ON")
    with pytest.raises(CannotWrite):
        database.write(lambda c: organizations.add(c, "Acme", now())).result()

    failing = client().get("/healthz")
    _set_read_only(database, "OFF")
    working = client().get("/healthz")

    assert failing.status_code == 503
    assert "readonly" in failing.json()["database"]
    assert (working.status_code, working.json()) == (200, WORKS)


@pytest.mark.sqlite_files
def test_a_database_that_is_damaged_meanwhile_is_named(
    client: Client, database: Database, config: Config, now: Clock
) -> None:
    """What one reader stumbled over is said from then on: nothing mends it by itself."""
    for number in range(300):
        database.write(lambda c, n=number: organizations.add(c, f"Shop {n}", now())).result()  # type: ignore[misc]
    assert client().get("/healthz").status_code == 200
    _damage(config.data / "console.sqlite3", database)

    with pytest.raises(CannotRead, match="malformed"), database.read() as connection:
        organizations.list_page(connection)
    answer = client().get("/healthz")

    assert answer.status_code == 503
    assert "malformed" in answer.json()["database"]


def test_decisions_that_do_not_come_are_named(
    client: Client, app: Starlette, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A console that answers everything but "may it go on?" does not work."""

    async def run_out_of_time() -> None:
        raise TimeoutError

    monkeypatch.setattr(app.state.watch, "check", run_out_of_time)

    answer = client().get("/healthz")

    assert answer.status_code == 503
    assert answer.json() == {
        **WORKS,
        "status": "failing",
        "decisions": "no answer within 3 seconds",
    }


def test_trouble_is_one_line_in_the_log_and_one_at_its_end(
    database: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand requests that fail for one reason do not bury it."""
    caplog.set_level(logging.WARNING, "chaosiq.console")
    with monkeypatch.context() as patched:
        patched.setattr(database._engines.reader, "connect", _refuse)
        for _ in range(100):
            with pytest.raises(CannotRead, match="refused"), database.read():
                pass

    with database.read():
        pass

    assert caplog.messages == [
        "the database cannot be read: connection refused",
        "reading the database works again",
    ]


def _refuse() -> None:
    raise OperationalError("SELECT ?", ("s3cret",), Exception("connection refused"))


def _set_read_only(database: Database, value: str) -> None:
    _execute(database, f"PRAGMA query_only={value}")


def _execute(database: Database, statement: str) -> None:
    """Run a statement on the writer's connection, outside of transactions."""
    with database._engines.writer.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute(statement)


def _damage(file: Path, database: Database) -> None:
    """Overwrite all but the first page, as a failing disk might."""
    _execute(database, "PRAGMA wal_checkpoint(TRUNCATE)")
    database._engines.reader.dispose()
    size = file.stat().st_size
    with file.open("r+b") as handle:
        handle.seek(4096)
        handle.write(b"\xff" * (size - 4096))
