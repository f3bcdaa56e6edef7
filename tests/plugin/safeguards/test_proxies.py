"""A run behind a proxy that cuts questions which the console holds."""

import threading
from collections.abc import Iterator

import pytest

from tests.plugin import activities
from tests.plugin.cutting_proxy import cutting_proxy
from tests.plugin.guarding import Switch, about_safeguards
from tests.plugin.loopback import Seen
from tests.plugin.runs import activity, block_of, orders, run
from tests.plugin.stub_console import Answer, StubConsole, serving

pytestmark = pytest.mark.loopback

LIMIT = 30  # seconds: what takes longer hangs


@pytest.fixture
def console() -> Iterator[StubConsole]:
    """A console that holds questions."""
    with serving() as served:
        yield served


def test_a_proxy_that_cuts_held_questions_opens_no_gap_in_the_guard(
    console: StubConsole, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The question is asked plainly, the next one is held for less, and a stop still arrives."""
    switch, is_shorter = Switch(console), threading.Event()
    waits: list[str] = []

    def answer(kind: str, request: Seen) -> Answer | None:
        wait = request.headers.get("Prefer", "") if kind == "policies" else ""
        waits.extend([wait] if wait else [])
        if waits and wait and wait != waits[0]:
            is_shorter.set()
        return switch(kind, request)

    def stop_once_it_is_shorter() -> None:
        is_shorter.wait(LIMIT)
        switch.stop()
        threading.Event().wait(LIMIT)  # the stop ends this

    console.answer = answer
    monkeypatch.setitem(activities.moments, "lose the broker", stop_once_it_is_shorter)
    experiment = orders()
    experiment["method"] = [activity("live", name="lose the broker")]
    settings = console.settings

    with cutting_proxy(console.served.url, patience=0.3) as url:
        settings["controls"]["chaosiq-cloud"]["provider"]["arguments"]["url"] = url
        journal = run(experiment, settings)

    assert (waits[0], waits[-1]) == ("wait=25", "wait=1")
    assert journal["status"] == "interrupted"
    assert "safeguards_without_answer" not in block_of(journal)
    assert about_safeguards(caplog) == []
