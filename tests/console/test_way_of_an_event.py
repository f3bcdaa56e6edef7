"""How far it is from a posted event to the statement that stores it."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec
import pytest

import chaoscloud.console as console
from tests.console.documents import event
from tests.console.team import TeamApi

ROOT = Path(console.__file__).parent
PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"
LISTED = re.compile(r"^Within the console an event passes through .*?\.$", re.MULTILINE | re.DOTALL)
MARK = "followed to the disk"
MOST_FILES = 10
LEVELS = 6  # of a value in which the event may be


def _carries(value: Any, levels: int = LEVELS) -> bool:
    """Whether the event is in a value: as it came, decoded, in a task of the writer, in a row."""
    if isinstance(value, bytes | bytearray | memoryview | msgspec.Raw):
        return MARK.encode() in bytes(value)
    if isinstance(value, str):
        return MARK in value
    if isinstance(value, msgspec.Struct):
        value = [getattr(value, name) for name in value.__struct_fields__]
    if isinstance(value, dict):
        value = value.values()
    if levels and isinstance(value, list | tuple | type({}.values())):
        return any(_carries(part, levels - 1) for part in value)
    return False


class Follower:
    """Notes the console's files with functions that receive an event, or return it."""

    def __init__(self) -> None:
        self.is_following = False
        self.files: set[str] = set()

    def note(self, frame: FrameType, action: str, value: Any) -> None:
        """Look at one call, or at its end, in whichever thread."""
        if not self.is_following or action not in ("call", "return"):
            return
        path = Path(frame.f_code.co_filename)
        if ROOT in path.parents:
            values = list(frame.f_locals.values()) if action == "call" else value
            if _carries(values):
                self.files.add(path.relative_to(ROOT).as_posix())


@pytest.fixture
def follower() -> Iterator[Follower]:
    """Follows all threads that begin from now on: the server's, and the writer's."""
    follower = Follower()
    threading.setprofile(follower.note)
    yield follower
    threading.setprofile(None)


def test_an_event_passes_through_few_files(follower: Follower, bobs: TeamApi) -> None:
    """From the request to the statement; a reader who follows it needs no more of them."""
    path = bobs.started()

    follower.is_following = True
    answer = bobs.post(
        path + "/events",
        event(data={"context": MARK}),
        headers={"Content-Type": "application/cloudevents+json"},
    )
    follower.is_following = False

    assert answer.status_code == 201
    assert len(follower.files) <= MOST_FILES, sorted(follower.files)
    assert follower.files == _read_listed_files()


def _read_listed_files() -> set[str]:
    """The files that the page about the architecture names."""
    sentence = LISTED.search(PAGE.read_text(encoding="utf-8"))
    assert sentence
    return {name.removeprefix("console/") for name in re.findall(r"`([^`]+)`", sentence[0])}
