"""Where spool files lie, and what becomes of those nobody sent."""

import errno
import fcntl
import os
from pathlib import Path

import pytest

from chaoscloud.delivery import spool as spools
from chaoscloud.delivery import spool_directory
from chaoscloud.delivery.records import encode_members
from chaoscloud.delivery.spool import QUIET, Spool
from chaoscloud.delivery.spool_directory import (
    LONGEST_KEPT,
    SECOND_LOOK,
    PendingCount,
    Recipient,
    SpoolDirectory,
)

CHECKOUT = Recipient("https://console.example.com:8443", "acme", "checkout")
PAYMENTS = Recipient("https://CONSOLE.example.com:8443/", "acme", "payments")
ELSEWHERE = Recipient("http://other.example.com", "acme", "checkout")


@pytest.fixture
def directory(tmp_path: Path) -> SpoolDirectory:
    """An empty one."""
    return SpoolDirectory(tmp_path)


def keep(directory: SpoolDirectory, to: Recipient, events: int = 1, size: int = 0) -> Path:
    """Leave a run's record behind, as a process does that ended."""
    spool = directory.create(to)
    for _ in range(events):
        spool.append(
            "event",
            encode_members(event={"type": "starting-activity"}, data="x" * size),
            "starting-activity",
        )
    spool.leave()
    assert spool.path is not None
    return spool.path


def waiting(directory: SpoolDirectory, to: Recipient) -> list[str]:
    """The names of what waits for a console."""
    names = []
    for spool in directory.open_pending(to):
        assert spool.path is not None
        names.append(spool.path.name)
        spool.leave()
    return names


def test_a_console_gets_what_is_for_it(directory: SpoolDirectory) -> None:
    """Whichever team it is of, and however the host is written; nobody else's."""
    stored = [keep(directory, to).name for to in (CHECKOUT, PAYMENTS, ELSEWHERE)]

    assert sorted(waiting(directory, CHECKOUT)) == sorted(stored[:2])


def test_each_team_has_its_folder(directory: SpoolDirectory, tmp_path: Path) -> None:
    """Named by a hash: the console's address stands nowhere."""
    paths = [keep(directory, to) for to in (CHECKOUT, PAYMENTS, ELSEWHERE)]

    assert len({path.parent for path in paths}) == 3
    assert all("example.com" not in str(path.relative_to(tmp_path)) for path in paths)
    assert all(b"example.com" not in path.read_bytes() for path in paths)


def test_what_is_kept_is_counted_but_for_runs_under_way(directory: SpoolDirectory) -> None:
    """Records, runs, what was refused, and how much is for others."""
    keep(directory, CHECKOUT, events=3)
    keep(directory, ELSEWHERE)
    refused = directory.create(CHECKOUT)
    refused.reject([refused.append("event", '"event":{}')], "no")
    refused.close()
    under_way = directory.create(CHECKOUT)
    under_way.append("event", '"event":{}')

    assert directory.count(CHECKOUT) == PendingCount(records=3, runs=1, rejected=1, elsewhere=1)


def at(tmp_path: Path, moment: float) -> SpoolDirectory:
    """The same directory at another moment, in seconds since 1970."""
    return SpoolDirectory(tmp_path, lambda: moment)


def test_what_was_found_too_old_on_two_days_is_given_up(
    directory: SpoolDirectory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And said; what is younger, or under way, stays."""
    old, young = keep(directory, CHECKOUT, events=3), keep(directory, CHECKOUT)
    under_way = directory.create(CHECKOUT)
    assert under_way.path is not None
    now = young.stat().st_mtime
    for path in (old, under_way.path):
        os.utime(path, (now, now - LONGEST_KEPT - 60))

    at(tmp_path, now).tidy()
    assert old.exists()
    at(tmp_path, now + SECOND_LOOK).tidy()

    assert not old.exists()
    assert young.exists()
    assert under_way.path.exists()
    assert "3 records of a run could not be sent" in caplog.text


@pytest.mark.parametrize("clock", [0.0, 5e9], ids=["1970", "2128"])
def test_a_clock_that_is_wrong_once_costs_nothing(
    directory: SpoolDirectory, tmp_path: Path, clock: float
) -> None:
    """Neither the one a record was written under, nor the one it is looked at with."""
    path = keep(directory, CHECKOUT)
    now = path.stat().st_mtime
    if clock < now:
        os.utime(path, (clock, clock))

    at(tmp_path, max(clock, now)).tidy()
    at(tmp_path, max(clock, now) + 60).tidy()

    assert waiting(at(tmp_path, now), CHECKOUT) == [path.name]


def test_without_room_the_oldest_run_gives_way(
    directory: SpoolDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It loses events of activities, and no more than it must."""
    old, young = (keep(directory, CHECKOUT, events=10, size=1_000) for _ in range(2))
    os.utime(old, (1, young.stat().st_mtime - 3600))
    monkeypatch.setattr(spool_directory, "LIMIT", 15_000)

    directory.tidy()

    assert old.stat().st_size + young.stat().st_size <= 16_000
    spools = {path: Spool.open(path) for path in (old, young)}
    counts = {path: len(spool.contents.pending) for path, spool in spools.items() if spool}
    assert 0 < counts[old] < 10
    assert counts[young] == 10


def test_what_others_left_takes_no_room_from_a_run(
    directory: SpoolDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half-written files, what was rejected, what waits for another console."""
    keep(directory, ELSEWHERE, events=10, size=1_000)
    folder = tmp_path / "chaosiq" / "outbox" / CHECKOUT.folder
    folder.mkdir(parents=True)
    for name in ("crashed.new", "rejected.refused"):
        (folder / name).write_bytes(b"x" * 20_000)
    monkeypatch.setattr(spools, "LIMIT", 10_000)

    run = directory.create(CHECKOUT)
    for _ in range(5):
        run.append("event", encode_members(event={}, data="x" * 1_000), "starting-activity")

    assert (len(run.contents.pending), run.contents.lost) == (5, 0)


def test_what_crashes_leave_is_cleaned(directory: SpoolDirectory, tmp_path: Path) -> None:
    """A file half written anew goes once nobody owns it; that of a run under way stays."""
    path = keep(directory, CHECKOUT)
    under_way = directory.create(CHECKOUT)
    assert under_way.path is not None
    leftovers = [path.with_suffix(".new"), path.with_name("no-such-run.new")]
    being_written = under_way.path.with_suffix(".new")
    for leftover in (*leftovers, being_written):
        leftover.write_bytes(b"half a li")

    directory.tidy()

    assert [leftover.exists() for leftover in leftovers] == [False, False]
    assert being_written.exists()


def test_what_was_rejected_is_limited_too(
    directory: SpoolDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest of it goes."""
    folder = tmp_path / "chaosiq" / "outbox" / CHECKOUT.folder
    folder.mkdir(parents=True)
    paths = [folder / f"{number}.refused" for number in range(3)]
    for number, path in enumerate(paths):
        path.write_bytes(b"x" * 4_000)
        os.utime(path, (1, path.stat().st_mtime - 100 + number))
    monkeypatch.setattr(spool_directory, "LIMIT", 10_000)

    directory.tidy()

    assert [path.exists() for path in paths] == [False, True, True]


def test_a_lock_that_cannot_be_had_hides_nothing_for_good(
    directory: SpoolDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network's file system may answer EACCES to whoever asks: a day later, age decides."""
    path = keep(directory, CHECKOUT)
    now = path.stat().st_mtime

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(fcntl, "flock", refuse)

    assert waiting(at(tmp_path, now + 60), CHECKOUT) == []
    assert waiting(at(tmp_path, now + QUIET), CHECKOUT) == [path.name]


def test_without_locks_a_run_is_recorded_all_the_same(
    directory: SpoolDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file has a name like no other."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)

    run = directory.create(CHECKOUT)
    run.append("event", '"event":{}')

    assert (run.disk_error, run.unsaved_count) == ("", 0)


@pytest.mark.parametrize("url", ["console.example.com:8443", "//console.example.com:8443"])
def test_an_address_without_a_scheme_is_the_same_console(
    directory: SpoolDirectory, url: str
) -> None:
    """What was recorded for `CHAOSIQ_URL=console:8443` is sent once somebody adds `https://`."""
    path = keep(directory, Recipient(url, "acme", "checkout"))

    assert waiting(directory, CHECKOUT) == [path.name]


def test_strange_files_are_left_alone(directory: SpoolDirectory, tmp_path: Path) -> None:
    """Somebody else's, or so damaged that nobody knows whose they are."""
    folder = tmp_path / "chaosiq" / "outbox" / "checkout"
    folder.mkdir(parents=True)
    (folder / "notes.jsonl").write_bytes(b"\x00\xffnot ours\n")

    assert waiting(directory, CHECKOUT) == []
    assert (folder / "notes.jsonl").exists()
