"""A disk that fills up: records are turned away, what people and operators do still goes."""

import asyncio
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import Connection
from starlette.testclient import TestClient

from chaoscloud.console.app import create_app
from chaoscloud.console.config import Config
from chaoscloud.console.db import Database, DiskFull, DiskSpace
from chaoscloud.console.db.space import MEBIBYTE
from chaoscloud.console.records import organizations, stops
from tests.console.browser import Browser
from tests.console.conftest import Clock, Member
from tests.console.documents import event, experiment, journal
from tests.console.team import TeamApi


class Disk:
    """Free bytes, as a test sets them."""

    def __init__(self) -> None:
        self.free = 1024 * MEBIBYTE

    def __call__(self, folder: Path) -> int:
        return self.free


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def space(config: Config, disk: Disk) -> DiskSpace:
    """128 MiB are to stay free, and one is kept back."""
    file = config.data / "console.sqlite3"
    return DiskSpace(file, 128 * MEBIBYTE, MEBIBYTE, read_free=disk)


@pytest.fixture
def database(config: Config, space: DiskSpace) -> Iterator[Database]:
    with Database.open(config.database_url, space) as database:
        yield database


@pytest.fixture
def reserve(config: Config) -> Path:
    return config.data / "console.sqlite3.reserve"


def fill(database: Database, reserve: Path) -> None:
    """Let the database grow no further until the reserve is gone.

    SQLite rounds up to the pages it has; a page limit is what a full disk looks like to it.
    """
    database.write(_limit_pages(1)).result()
    release = database.space.release_reserve

    def release_and_grow() -> bool:
        if not release():
            return False
        assert not reserve.exists()
        with database._engines.writer.begin() as connection:
            _limit_pages(1_000_000)(connection)
        return True

    database.space.release_reserve = release_and_grow  # type: ignore[method-assign]


def _limit_pages(pages: int) -> Callable[[Connection], object]:
    return lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count={pages}").all()


def test_room_is_kept_back_for_its_owner_alone(database: Database, reserve: Path) -> None:
    """The reserve takes real room on the disk."""
    database.write(lambda connection: None).result()

    assert stat.S_IMODE(reserve.stat().st_mode) == 0o600
    assert reserve.stat().st_blocks * 512 >= MEBIBYTE


@pytest.mark.sqlite_files
def test_a_stop_is_set_on_a_full_disk(
    database: Database, acme: organizations.Organization, now: Clock, reserve: Path
) -> None:
    """The room kept back is given free for it."""
    fill(database, reserve)

    for number in range(200):  # until one needs a new page
        reason = f"Freeze {number} " + "x" * 1000
        database.write(
            lambda c, r=reason: stops.stop(c, acme.id, None, r, now())  # type: ignore[misc]
        ).result()

    assert not reserve.exists()


@pytest.mark.sqlite_files
def test_records_have_no_claim_on_the_reserve(
    database: Database, now: Clock, reserve: Path
) -> None:
    """What runs send could use it up at once, and the next stop would find no room."""
    fill(database, reserve)

    with pytest.raises(DiskFull, match="disk is full"):
        asyncio.run(database.recording(organizations.add, "x" * 1_000_000, now()))

    assert reserve.exists()


@pytest.mark.sqlite_files
def test_a_stop_in_one_group_with_a_record_is_set_alone(
    database: Database, acme: organizations.Organization, now: Clock, reserve: Path
) -> None:
    """The record that found no room fails; the stop beside it is written into the reserve."""
    fill(database, reserve)

    async def send_together() -> tuple[object, object]:
        record = database.recording(organizations.add, "y" * 1_000_000, now())
        stop = database.writing(stops.stop, acme.id, None, "Freeze " + "x" * 100_000, now())
        return await asyncio.gather(record, stop, return_exceptions=True)

    record, stop = asyncio.run(send_together())

    assert isinstance(record, DiskFull)
    assert not isinstance(stop, BaseException)


def test_records_are_turned_away_before_the_disk_is_full(
    bobs: TeamApi, disk: Disk, database: Database
) -> None:
    """507, as a problem, with the time to come back; each address that takes what runs send."""
    execution = bobs.started()
    experiment_address = execution.partition("/executions/")[0]
    disk.free = 100 * MEBIBYTE

    refused = [
        bobs.post(f"{execution}/events", event("e-1")),
        bobs.put(execution, {"journal": journal()}),
        bobs.post(f"{experiment_address}/executions", {"journal": journal()}),
        bobs.post("/experiments", {"experiment": experiment()}),
    ]

    for answer in refused:
        assert answer.status_code == 507
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert int(answer.headers["Retry-After"]) > 0
        assert "100 MiB are free" in answer.json()["detail"]


def test_on_a_disk_with_little_room_people_can_still_act(
    bobs: TeamApi, bob: Member, disk: Disk, config: Config, database: Database, now: Clock
) -> None:
    """A stop is set and believed; signing in works."""
    execution = bobs.started()
    disk.free = MEBIBYTE

    stop = bobs.post("/safeguards", {"kind": "stop", "name": "Freeze", "reason": "Full disk"})
    decision = bobs.get(f"{execution}/policies")
    browser = TestClient(create_app(config, database, now=now), follow_redirects=False)
    signed_in = Browser(browser).sign_in(bob.token)

    assert stop.status_code == 201
    assert decision.json()["allowed"] is False
    assert signed_in.status_code == 303
    assert "chaosiq_session" in browser.cookies


def test_room_that_was_given_free_is_not_for_records(
    bobs: TeamApi, disk: Disk, database: Database
) -> None:
    """Else the first record would take what the stop needs."""
    execution = bobs.started()
    disk.free = 128 * MEBIBYTE
    database.space.release_reserve()

    assert bobs.post(f"{execution}/events", event("e-1")).status_code == 507


def test_with_room_again_records_are_taken_and_room_is_kept_back(
    bobs: TeamApi, disk: Disk, database: Database, reserve: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has to restart anything."""
    monkeypatch.setattr("chaoscloud.console.db.space._PERIOD", 0.0)
    execution = bobs.started()
    disk.free = 0
    assert bobs.post(f"{execution}/events", event("e-1")).status_code == 507
    database.space.release_reserve()

    disk.free = 1024 * MEBIBYTE
    answer = bobs.post(f"{execution}/events", event("e-1"))
    database.write(lambda connection: None).result()

    assert answer.status_code == 201
    assert reserve.exists()


def test_a_command_on_a_full_disk_uses_the_reserve_too(config: Config, disk: Disk) -> None:
    """With no console running there is nobody else to give it free."""
    Database.open(config.database_url).close()
    reserve = config.data / "console.sqlite3.reserve"
    reserve.write_bytes(bytes(MEBIBYTE))
    disk.free = 1000

    space = DiskSpace(config.data / "console.sqlite3", read_free=disk)
    Database.open(config.database_url, space).close()

    assert not reserve.exists()


# --- a disk that is really full ------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MiB in memory."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("this user may not mount a file system")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_stop_is_set_on_a_disk_that_is_really_full(small_disk: Path, now: Clock) -> None:
    """Somebody else's file takes the last byte; stops and audit entries still go."""
    file = small_disk / "console.sqlite3"
    space = DiskSpace(file, MEBIBYTE, 8 * MEBIBYTE)  # twice as long as SQLite lets its log get
    with Database.open(f"sqlite:///{file}", space) as database:
        acme = database.write(lambda c: organizations.add(c, "Acme", now())).result()
        take_all_room(small_disk)

        for number in range(100):
            reason = f"Freeze {number} " + "x" * 4000
            database.write(
                lambda c, r=reason: stops.stop(c, acme.id, None, r, now())  # type: ignore[misc]
            ).result()

        assert not file.with_name("console.sqlite3.reserve").exists()
        with pytest.raises(DiskFull):
            asyncio.run(database.recording(organizations.add, "Globex", now()))


def take_all_room(folder: Path) -> None:
    with (folder / "somebody-elses").open("wb", buffering=0) as other, suppress(OSError):
        while other.write(bytes(4096)):
            pass
