"""A run's records on disk: against a model, and on disks that are full, torn or read-only."""

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chaoscloud.delivery import spool as spools
from chaoscloud.delivery.records import decode_line, encode_line, encode_members, read_lines
from chaoscloud.delivery.spool import Spool

HEADER = {"format": 1, "run": "monday"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a spool is to lie; no folder is there yet."""
    return tmp_path / "chaosiq" / "outbox" / "checkout" / "monday.jsonl"


def event(name: str, size: int = 0) -> tuple[str, str, str]:
    """What `append` takes for an event."""
    return "event", encode_members(event={"type": name}, data="x" * size), name


def pending(path: Path) -> list[int]:
    """The numbers of what a file still holds."""
    return list(read_lines(path.read_bytes().splitlines(keepends=True)).pending)


def refuse_to_write(monkeypatch: pytest.MonkeyPatch, taken: int = 0) -> None:
    """Let the disk be full, after `taken` bytes of what is written next."""
    write = os.write

    def full(handle: int, data: bytes) -> int:
        if taken:
            return write(handle, data[:taken])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)


STEPS = st.lists(
    st.one_of(
        st.just(("append", 0)),
        st.tuples(st.sampled_from(["done", "refuse"]), st.integers(0, 5)),
        st.tuples(st.sampled_from(["reopen", "rewrite"]), st.just(0)),
        st.tuples(st.just("tear"), st.integers(2, 30)),
    ),
    max_size=40,
)


@given(steps=STEPS)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_was_recorded_and_not_delivered_is_always_there(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    """Recorded, crossed off, torn by a crash, reopened: the file agrees with the model."""
    path = tmp_path_factory.mktemp("spool") / "monday.jsonl"
    spool = Spool.create(path, HEADER)
    model: list[int] = []

    for step, detail in steps:
        match step:
            case "append":
                model.append(spool.append(*event("starting-activity")))
            case "done" | "refuse":
                removed, model = model[:detail], model[detail:]
                spool.mark_sent(removed) if step == "done" else spool.reject(removed, "no")
            case "rewrite":
                spool._rewrite()
            case "tear":
                torn = encode_line("event", '"n":999')[:-detail]
                with path.open("ab") as file:
                    file.write(torn)
                spool = reopened(spool, path)
            case "reopen":
                spool = reopened(spool, path)
        assert list(spool.contents.pending) == model
        assert pending(path) == model


def reopened(spool: Spool, path: Path) -> Spool:
    """The same, after its process died."""
    spool.leave()
    again = Spool.open(path)
    assert again is not None
    return again


@given(st.binary(max_size=200))
def test_no_damage_breaks_reading(data: bytes) -> None:
    """Whatever stands in a line, what stands in the others is read."""
    good = encode_line("event", '"n":1,"event":{"type":"starting-method"}')

    contents = read_lines([good, *(line + b"\n" for line in data.split(b"\n")), good])

    assert list(contents.pending) == [1]


@given(st.integers(0, 60), st.integers(1, 255))
def test_a_changed_byte_is_noticed(position: int, change: int) -> None:
    """The checksum covers all of the record."""
    line = bytearray(encode_line("event", '"n":1,"event":{"type":"starting-method"},"data":1'))
    position %= len(line) - 1
    line[position] ^= change

    matches = decode_line(bytes(line))

    assert matches is None or matches == decode_line(
        encode_line("event", '"n":1,"event":{"type":"starting-method"},"data":1')
    )


def test_it_is_for_its_owner_only(path: Path) -> None:
    """Whatever the umask: it says what a team does to its systems."""
    before = os.umask(0)
    try:
        Spool.create(path, HEADER).append(*event("starting-method"))
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [stat.S_IMODE(item.stat().st_mode) for item in list(path.parents)[:3]] == [0o700] * 3


def test_it_has_one_owner(path: Path) -> None:
    """Nobody opens it until the owner gives it up."""
    spool = Spool.create(path, HEADER)
    spool.append(*event("starting-method"))

    assert Spool.open(path) is None
    spool.close()
    again = Spool.open(path)

    assert again is not None
    assert list(again.contents.pending) == [1]


def test_delivered_it_leaves_nothing(path: Path) -> None:
    """Neither a file nor a lock."""
    spool = Spool.create(path, HEADER)
    spool.mark_sent([spool.append(*event("starting-method"))])

    spool.close()

    assert list(path.parent.iterdir()) == []


def test_what_was_refused_is_set_aside(path: Path) -> None:
    """For people to look at; it is not sent again."""
    spool = Spool.create(path, HEADER)
    spool.reject([spool.append(*event("starting-method"))], "the console answers HTTP 422")

    spool.close()

    [left] = path.parent.iterdir()
    assert left.name == "monday.refused"
    assert b"HTTP 422" in left.read_bytes()


def test_one_that_was_delivered_meanwhile_is_not_opened(path: Path) -> None:
    """Nor does the attempt leave a lock behind."""
    path.parent.mkdir(parents=True)

    assert Spool.open(path) is None
    assert list(path.parent.iterdir()) == []


def test_a_full_disk_loses_nothing_that_is_delivered(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in memory, and counted as long as it is nowhere else."""
    spool = Spool.create(path, HEADER)
    refuse_to_write(monkeypatch)

    spool.append(*event("starting-method"))

    assert [record.n for record in spool.first(9)] == [1]
    assert spool.unsaved_count == 1
    assert spool.disk_error == "No space left on device"
    spool.mark_sent([1])
    assert spool.unsaved_count == 0


@pytest.mark.parametrize("taken", [0, 7])
def test_when_there_is_room_again_all_is_written(
    path: Path, monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:
    """A disk that took half a line, or nothing, has the whole record later."""
    monkeypatch.setattr(spools, "TRY_AGAIN", 0.0)
    spool = Spool.create(path, HEADER)
    with monkeypatch.context() as patch:
        refuse_to_write(patch, taken)
        spool.append(*event("starting-method"))

    spool.append(*event("method-finished"))

    assert pending(path) == [1, 2]
    assert spool.unsaved_count == 0


def test_where_nothing_can_be_written_it_is_kept_in_memory(tmp_path: Path) -> None:
    """A file stands where the folder should be: as good as a home that is read-only."""
    (tmp_path / "chaosiq").write_text("not a folder")
    path = tmp_path / "chaosiq" / "outbox" / "monday.jsonl"

    spool = Spool.create(path, HEADER)
    spool.append(*event("starting-method"))

    assert spool.path is None
    assert spool.disk_error
    assert spool.unsaved_count == 1


def test_without_room_the_oldest_activities_go_first(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then what else is told; the start, the end, and a safeguard's word stay."""
    monkeypatch.setattr(spools, "LIMIT", 10_500)
    spool = Spool.create(path, HEADER)
    first = [
        "starting-experiment",
        "starting-method",
        *["starting-activity", "activity-finished"] * 4,
        "safeguard-stop",
    ]
    for name in first:
        spool.append(*event(name, 900))

    for name in ["method-finished", "experiment-finished"] + ["starting-activity"] * 3:
        spool.append(*event(name, 900))

    left = [record.type for record in spool.first(99)]
    stored = {"starting-experiment", "safeguard-stop", "experiment-finished"}
    assert stored <= set(left)
    assert left.count("starting-activity") >= 2
    assert spool.contents.lost == len(first) + 5 - len(left)
    assert spool.contents.lost > 0
    assert path.stat().st_size <= 10_500
    assert pending(path) == [record.n for record in spool.first(99)]


def test_without_room_what_matters_is_kept_beyond_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A journal is never dropped, whatever its size."""
    monkeypatch.setattr(spools, "LIMIT", 1_000)
    spool = Spool.create(path, HEADER)

    spool.append("journal", encode_members(journal="x" * 2_000))
    spool.append(*event("starting-activity", 100))

    assert [record.kind for record in spool.first(9)] == ["journal"]


def test_what_was_delivered_makes_room(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long run that is told in time drops nothing."""
    monkeypatch.setattr(spools, "LIMIT", 5_000)
    spool = Spool.create(path, HEADER)

    for _ in range(50):
        spool.mark_sent([spool.append(*event("starting-activity", 500))])

    assert spool.contents.lost == 0
    assert spool.contents.sent == 50
    assert path.stat().st_size <= 5_000


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_does_not_keep_the_lock(path: Path) -> None:
    """An activity that forks and stays behind must not keep others from replaying."""
    spool = Spool.create(path, HEADER)
    spool.append(*event("starting-method"))
    reading, writing = os.pipe()
    is_there, say_so = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        os.write(say_so, b"!")
        os.read(reading, 1)  # until the parent closes its end
        os._exit(0)

    os.close(reading)
    os.read(is_there, 1)
    spool.leave()
    again = Spool.open(path)
    for handle in (writing, is_there, say_so):
        os.close(handle)
    os.waitpid(child, 0)

    assert again is not None


def test_a_line_reads_as_json(path: Path) -> None:
    """Each is a JSON value of its own, so any tool can look at the file."""
    spool = Spool.create(path, HEADER)
    spool.append(*event("starting-method"))

    lines: list[Any] = [json.loads(line) for line in path.read_text().splitlines()]

    assert [record["kind"] for _, record in lines] == ["header", "counts", "event"]
