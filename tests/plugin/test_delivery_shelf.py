"""Where spool files lie, and what becomes of those nobody sent."""

import os
from pathlib import Path

import pytest

from chaoscloud.delivery import shelf as shelves
from chaoscloud.delivery.records import members
from chaoscloud.delivery.shelf import LONGEST_KEPT, Addressee, Kept, Shelf
from chaoscloud.delivery.spool import Spool

CHECKOUT = Addressee("console.example.com:8443", "acme", "checkout")
PAYMENTS = Addressee("CONSOLE.example.com:8443", "acme", "payments")
ELSEWHERE = Addressee("other.example.com", "acme", "checkout")


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """An empty one."""
    return Shelf(tmp_path)


def keep(shelf: Shelf, to: Addressee, events: int = 1, size: int = 0) -> Path:
    """Leave a run's record behind, as a process does that ended."""
    spool = shelf.begin(to)
    for _ in range(events):
        spool.append(
            "event",
            members(event={"type": "starting-activity"}, data="x" * size),
            "starting-activity",
        )
    spool.leave()
    assert spool.path is not None
    return spool.path


def waiting(shelf: Shelf, to: Addressee) -> list[str]:
    """The names of what waits for a console."""
    names = []
    for spool in shelf.waiting(to.console):
        assert spool.path is not None
        names.append(spool.path.name)
        spool.leave()
    return names


def test_a_console_gets_what_is_for_it(shelf: Shelf) -> None:
    """Whichever team it is of, and however the host is written; nobody else's."""
    kept = [keep(shelf, to).name for to in (CHECKOUT, PAYMENTS, ELSEWHERE)]

    assert sorted(waiting(shelf, CHECKOUT)) == sorted(kept[:2])


def test_each_team_has_its_folder(shelf: Shelf, tmp_path: Path) -> None:
    """Named by a hash: the console's address stands nowhere."""
    paths = [keep(shelf, to) for to in (CHECKOUT, PAYMENTS, ELSEWHERE)]

    assert len({path.parent for path in paths}) == 3
    assert all("example.com" not in str(path.relative_to(tmp_path)) for path in paths)
    assert all(b"example.com" not in path.read_bytes() for path in paths)


def test_what_is_kept_is_counted_but_for_runs_under_way(shelf: Shelf) -> None:
    """Records, runs, what was refused, and how much is for others."""
    keep(shelf, CHECKOUT, events=3)
    keep(shelf, ELSEWHERE)
    refused = shelf.begin(CHECKOUT)
    refused.refuse([refused.append("event", '"event":{}')], "no")
    refused.close()
    under_way = shelf.begin(CHECKOUT)
    under_way.append("event", '"event":{}')

    assert shelf.kept(CHECKOUT.console) == Kept(records=3, runs=1, refused=1, elsewhere=1)


def test_what_was_tried_for_ten_days_is_given_up(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    """And said; what is younger, or under way, stays."""
    old, young = keep(shelf, CHECKOUT, events=3), keep(shelf, CHECKOUT)
    under_way = shelf.begin(CHECKOUT)
    assert under_way.path is not None
    now = young.stat().st_mtime
    for path in (old, under_way.path):
        os.utime(path, (now, now - LONGEST_KEPT - 60))

    shelf.tidy(now)

    assert not old.exists()
    assert young.exists()
    assert under_way.path.exists()
    assert "3 records of a run could not be sent" in caplog.text


def test_without_room_the_oldest_run_gives_way(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It loses events of activities, and no more than it must."""
    old, young = (keep(shelf, CHECKOUT, events=10, size=1_000) for _ in range(2))
    os.utime(old, (1, 1_000_000_000))
    monkeypatch.setattr(shelves, "LIMIT", 15_000)

    shelf.tidy(old.stat().st_mtime)

    assert shelf.size() <= 16_000
    spools = {path: Spool.open(path) for path in (old, young)}
    counts = {path: len(spool.contents.pending) for path, spool in spools.items() if spool}
    assert 0 < counts[old] < 10
    assert counts[young] == 10


def test_strange_files_are_left_alone(shelf: Shelf, tmp_path: Path) -> None:
    """Somebody else's, or so damaged that nobody knows whose they are."""
    folder = tmp_path / "chaosiq" / "outbox" / "checkout"
    folder.mkdir(parents=True)
    (folder / "notes.jsonl").write_bytes(b"\x00\xffnot ours\n")

    assert waiting(shelf, CHECKOUT) == []
    assert (folder / "notes.jsonl").exists()
