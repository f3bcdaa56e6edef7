"""Writes: grouped, durable before they are acknowledged, and each on its own when it fails."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError, ProgrammingError

from chaoscloud.console.config import Config
from chaoscloud.console.db import CannotWrite, Database, QueueFull
from chaoscloud.console.db.engines import create_engines
from chaoscloud.console.db.writer import Writer
from chaoscloud.console.records import organizations
from tests.console.conftest import Clock


@contextmanager
def occupied(database: Database | Writer) -> Iterator[None]:
    """Hold the writer up, so that what is queued meanwhile becomes one group."""
    begun, free = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        begun.set()
        free.wait()

    future = database.write(hold)
    begun.wait()
    try:
        yield
    finally:
        free.set()
    future.result()


def add(database: Database, name: str, now: Clock) -> Future[organizations.Organization]:
    return database.write(lambda connection: organizations.add(connection, name, now()))


def names(database: Database) -> list[str]:
    with database.read() as connection:
        return [organization.name for organization in organizations.list_page(connection)]


def test_a_group_is_one_transaction(database: Database, now: Clock) -> None:
    """What waits while the disk is busy is committed together."""
    commits: list[Connection] = []
    event.listen(database._engines.writer, "commit", commits.append)

    with occupied(database):
        waiting = [add(database, f"Shop {number}", now) for number in range(5)]
    for item in waiting:
        item.result()

    assert len(commits) == 2
    assert len(names(database)) == 5


def test_a_failing_job_takes_nobody_along(database: Database, now: Clock) -> None:
    """In one group, the neighbours of a job that raises are kept, in their order."""

    def fail(connection: Connection) -> None:
        organizations.add(connection, "Half done", now())
        raise LookupError("no such shop")

    with occupied(database):
        first, failing, last = (
            add(database, "A", now),
            database.write(fail),
            add(database, "B", now),
        )

    with pytest.raises(LookupError, match="no such shop"):
        failing.result()
    assert first.result().name == "A"
    assert last.result().name == "B"
    assert names(database) == ["A", "B"]


def _admit(connection: Connection, names: Sequence[str]) -> Sequence[str]:
    """A job that several share; Mallory is not admitted."""
    for name in names:
        organizations.add(connection, name, datetime(2026, 3, 2, tzinfo=UTC))
    if "Mallory" in names:
        raise LookupError("no such shop")
    return [name.lower() for name in names]


def test_what_is_alike_is_kept_at_one_go(database: Database) -> None:
    """Items that wait side by side are given to one call of their job."""
    batches: list[Sequence[str]] = []

    def admit(connection: Connection, names: Sequence[str]) -> Sequence[str]:
        batches.append(names)
        return _admit(connection, names)

    async def crowd() -> list[str]:
        with occupied(database):
            waiting = [
                asyncio.create_task(database.recording_together(admit, name)) for name in "ABC"
            ]
            await asyncio.sleep(0)
        return await asyncio.gather(*waiting)

    content = asyncio.run(crowd())

    assert (batches, content) == ([["A", "B", "C"]], ["a", "b", "c"])
    assert names(database) == ["A", "B", "C"]


def test_one_of_a_crowd_that_fails_fails_alone(database: Database) -> None:
    """The others of its crowd are kept, and each hears of itself."""

    async def crowd() -> list[str | BaseException]:
        with occupied(database):
            waiting = [
                asyncio.create_task(database.recording_together(_admit, name))
                for name in ("A", "Mallory", "B")
            ]
            await asyncio.sleep(0)
        return await asyncio.gather(*waiting, return_exceptions=True)

    first, failed, last = asyncio.run(crowd())

    assert (first, last) == ("a", "b")
    assert isinstance(failed, LookupError)
    assert names(database) == ["A", "B"]


@pytest.mark.sqlite_files
def test_a_crowd_whose_group_is_lost_hears_of_it(database: Database) -> None:
    """Nobody is told that something is kept when the disk did not take it."""
    database.write(lambda c: c.exec_driver_sql("PRAGMA query_only=ON")).result()

    with pytest.raises(CannotWrite, match="readonly"):
        asyncio.run(database.recording_together(_admit, "A"))


def test_a_task_that_was_given_up_is_not_written(database: Database) -> None:
    """A request that is cancelled while it waits leaves nothing behind."""

    async def give_up() -> None:
        with occupied(database):
            waiting = asyncio.create_task(database.recording_together(_admit, "A"))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.sleep(0)

    asyncio.run(give_up())

    assert names(database) == []


def test_a_job_that_asks_for_nonsense_keeps_its_own_error(database: Database) -> None:
    """A fault of ours is no trouble with the disk, and must not look like one."""
    future = database.write(
        lambda connection: connection.exec_driver_sql("SELECT 1, 2", (3,)).all()
    )

    with pytest.raises(ProgrammingError):
        future.result()


def test_a_full_queue_turns_writes_away(config: Config, database: Database) -> None:
    """Memory has an end: past a bound the answer is "busy", at once."""
    engines = create_engines(config.database_url)
    writer = Writer(engines.writer, waiting=2)

    with occupied(writer):
        writer.write(lambda connection: None)
        writer.write(lambda connection: None)
        with pytest.raises(QueueFull):
            writer.write(lambda connection: None)

    writer.close()
    engines.dispose()


def test_a_write_whose_asker_is_gone_is_not_made(database: Database, now: Clock) -> None:
    """A request that was given up before its turn leaves nothing behind."""
    with occupied(database):
        waiting = add(database, "Acme", now)
        waiting.cancel()

    assert names(database) == []


@pytest.mark.sqlite_files
def test_a_full_disk_fails_the_write_and_not_the_writer(database: Database, now: Clock) -> None:
    """Whoever was promised nothing is told why; with room again, writing goes on."""
    _full(database)

    with occupied(database):
        neighbour = add(database, "Acme", now)
        large = add(database, "x" * 1_000_000, now)

    with pytest.raises(CannotWrite, match="disk is full"):
        large.result()
    if neighbour.exception() is None:
        assert names(database) == ["Acme"]
    _full(database, pages=1_000_000)
    add(database, "Later", now).result()
    assert "Later" in names(database)


@pytest.mark.sqlite_files
def test_a_job_that_hides_a_full_disk_is_not_acknowledged(database: Database, now: Clock) -> None:
    """SQLite gives up the transaction by itself; nothing in it may be called kept."""
    _full(database)

    def hide(connection: Connection) -> str:
        organizations.add(connection, "Acme", now())
        with suppress(OperationalError):
            organizations.add(connection, "x" * 1_000_000, now())
        return "kept"

    outcome = database.write(hide)

    assert outcome.exception() is not None or names(database) == ["Acme"]


@pytest.mark.sqlite_files
def test_a_read_only_database_fails_the_write(database: Database, now: Clock) -> None:
    """The reason reaches the one who asked."""
    database.write(lambda c: c.exec_driver_sql("PRAGMA query_only=ON")).result()

    with pytest.raises(CannotWrite, match="readonly"):
        add(database, "Acme", now).result()


@pytest.mark.sqlite_files
def test_a_locked_database_fails_the_write(
    config: Config, database: Database, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When somebody else holds the database for too long, the write says so."""
    monkeypatch.setattr("chaoscloud.console.db.engines.BUSY_TIMEOUT", 0.05)
    with Database.open(config.database_url) as hurried, occupied(database):
        waiting = add(hurried, "Acme", now)

        with pytest.raises(CannotWrite, match="locked"):
            waiting.result()


def test_two_processes_worth_of_writers_share_a_file(
    config: Config, database: Database, now: Clock
) -> None:
    """The command line writes beside a server: each waits for the other, nothing is lost."""
    with Database.open(config.database_url) as beside:
        waiting = [
            add(item, f"{place} {number}", now)
            for number in range(20)
            for place, item in (("server", database), ("command", beside))
        ]
        for future in waiting:
            future.result()

    assert len(names(database)) == 40


def test_closing_keeps_what_waits(config: Config, now: Clock) -> None:
    """What was taken in before the end is written before the end."""
    database = Database.open(config.database_url)
    with occupied(database):
        waiting = [add(database, name, now) for name in ("A", "B")]

    database.close()

    assert [future.result().name for future in waiting] == ["A", "B"]
    with pytest.raises(CannotWrite, match="closed"):
        add(database, "C", now)


WRITES_UNTIL_KILLED = """
import sys
from datetime import UTC, datetime
from itertools import count
from chaoscloud.console.db import Database
from chaoscloud.console.records import organizations

database = Database.open(sys.argv[1])
for number in count():
    waiting = [
        database.write(lambda c, n=n: organizations.add(c, f"{number}-{n}", datetime.now(UTC)))
        for n in range(8)
    ]
    for future in waiting:
        print(future.result().name, flush=True)
"""


def test_nothing_acknowledged_is_lost_when_the_process_is_killed(config: Config) -> None:
    """A kill -9 in the middle of writing: whatever was acknowledged is there afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITES_UNTIL_KILLED, config.database_url],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    acknowledged = [process.stdout.readline().strip() for _ in range(100)]

    process.kill()
    rest, _ = process.communicate()

    acknowledged += rest.split("\n")[:-1]
    with Database.open(config.database_url) as database:
        assert set(acknowledged) <= set(names(database))


def test_a_database_of_its_own_folder_leaves_nothing_else_behind(tmp_path: Path) -> None:
    """After an orderly end, one file holds everything."""
    Database.open(f"sqlite:///{tmp_path / 'console.sqlite3'}").close()

    assert [item.name for item in tmp_path.iterdir()] == ["console.sqlite3"]


def _full(database: Database, pages: int = 1) -> None:
    """Let the database grow no further (SQLite rounds up to the pages it has)."""
    database.write(lambda c: c.exec_driver_sql(f"PRAGMA max_page_count={pages}").all()).result()
