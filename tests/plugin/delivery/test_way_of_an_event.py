"""Which files an event passes through, from what the host calls to what is sent."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import requests

from chaoscloud.api._http import ConsoleSession
from chaoscloud.delivery import requests as request_building
from chaoscloud.delivery import spool_sender
from chaoscloud.delivery.spool import Spool
from tests.plugin.runs import orders, run
from tests.plugin.stub_console import StubConsole, serving

pytestmark = pytest.mark.loopback

ROOT = Path(__file__).parents[3]
MOST_FILES = 12


@pytest.fixture
def console() -> Iterator[StubConsole]:
    """A console that is well."""
    with serving() as served:
        yield served


def files_on_the_way() -> set[str]:
    """The files of the plugin whose functions are under way in this thread."""
    files: set[str] = set()
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(ROOT / "chaoscloud"):
            files.add(path.relative_to(ROOT / "chaoscloud").as_posix())
        frame = frame.f_back
    return files


def listed_in_docs() -> set[str]:
    """The files that the architecture lists."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    passage = text.partition("it passes through these files")[2].partition("on the wire.")[0]
    return set(re.findall(r"`([\w/]+\.py)`", passage))


def test_an_event_passes_through_a_dozen_files(
    console: StubConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that the architecture lists: who follows an event opens no others."""
    files: set[str] = set()
    append, send = Spool.append, requests.Session.send
    build_request = request_building.build_request

    def append_and_note(spool: Spool, kind: str, *args: Any, **kwargs: Any) -> int:
        if kind == "event" and args[1] == "activity-finished":
            files.update(files_on_the_way(), {"delivery/spool.py"})
        return append(spool, kind, *args, **kwargs)

    def build_and_note(*args: Any, **kwargs: Any) -> request_building.QueuedRequest:
        request = build_request(*args, **kwargs)
        if request.url.endswith("/events"):
            files.add("delivery/requests.py")
        return request

    def send_and_note(session: ConsoleSession, request: Any, **kwargs: Any) -> requests.Response:
        if request.url.endswith("/events"):
            files.update(files_on_the_way())
        return send(session, request, **kwargs)

    monkeypatch.setattr(Spool, "append", append_and_note)
    monkeypatch.setattr(spool_sender, "build_request", build_and_note)
    monkeypatch.setattr(requests.Session, "send", send_and_note)

    run(orders(), console.settings)

    assert files == listed_in_docs()
    assert len(listed_in_docs()) <= MOST_FILES
