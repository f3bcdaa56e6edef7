"""A console in trouble changes nothing of the run, and the user hears of it once."""

from collections.abc import Iterator
from typing import Any

import pytest

from chaoscloud.api import _http
from tests.plugin.loopback import Seen
from tests.plugin.runs import ONE_RUN, block_of, orders, run, stable, warnings_in, without
from tests.plugin.stub_console import HANG_UP, Answer, StubConsole, serving

pytestmark = pytest.mark.loopback


@pytest.fixture
def console() -> Iterator[StubConsole]:
    """A console that is well."""
    with serving() as served:
        yield served


@pytest.fixture(scope="module")
def plain() -> Any:
    """The journal of a run without us, but for what differs between any two runs."""
    return stable(run(orders(), {}))


def nothing_listens() -> dict[str, Any]:
    """The settings of somebody whose console is gone."""
    with serving() as gone:
        return gone.settings


def failing(*kinds: str, answer: Answer) -> Any:
    """Answer this to some kinds of requests."""
    return lambda kind, seen: answer if kind in kinds else None


def test_a_console_that_is_down_from_the_start(
    plain: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The run goes on unrecorded, with one clear warning; the journal says it too."""
    journal = run(orders(), nothing_listens())

    assert stable(journal) == plain
    [warning] = warnings_in(caplog)
    assert "neither recorded in the console nor guarded" in warning
    assert "cannot be reached" in warning
    block = block_of(journal)
    assert block["execution_id"] is None
    assert "cannot be reached" in block["not_recorded"]["reason"]


@pytest.mark.parametrize("kind", ["experiment", "execution"])
@pytest.mark.parametrize("answer", [(500, None), (401, None), (422, []), (302, None), HANG_UP])
def test_a_start_that_fails_is_not_tried_again(
    console: StubConsole, plain: Any, caplog: pytest.LogCaptureFixture, kind: str, answer: Answer
) -> None:
    """No event, no question, no journal is sent for a run the console does not know."""
    console.answer = failing(kind, answer=answer)

    journal = run(orders(), console.settings)

    assert stable(journal) == plain
    assert len(warnings_in(caplog)) == 1
    assert {"event", "policies", "journal"}.isdisjoint(console.kinds)
    assert block_of(journal)["not_recorded"]["reason"]


def test_a_refused_token_says_how_to_sign_in(
    console: StubConsole, caplog: pytest.LogCaptureFixture
) -> None:
    """The one warning ends with what to do."""
    console.answer = failing("experiment", answer=(401, None))

    run(orders(), console.settings)

    [warning] = warnings_in(caplog)
    assert "chaos signin" in warning


@pytest.mark.parametrize("document", [{}, {"id": None}, [], "welcome"])
def test_a_start_answered_with_nonsense_fails(
    console: StubConsole, plain: Any, caplog: pytest.LogCaptureFixture, document: Any
) -> None:
    """A proxy's page is no experiment."""
    console.answer = failing("experiment", answer=(201, document))

    journal = run(orders(), console.settings)

    assert stable(journal) == plain
    assert len(warnings_in(caplog)) == 1


@pytest.mark.parametrize("answer", [(500, None), (401, None), (404, None), HANG_UP])
def test_events_that_are_not_taken_are_counted(
    console: StubConsole, plain: Any, caplog: pytest.LogCaptureFixture, answer: Answer
) -> None:
    """One warning for all; the journal of the user has the number, and is sent."""
    console.answer = failing("event", answer=answer)

    journal = run(orders(), without("safeguards", console.settings))

    assert stable(journal) == plain
    assert len(warnings_in(caplog)) == 2  # one is on the safeguards
    assert block_of(journal)["not_recorded"]["lost"] == len(ONE_RUN)
    assert console.kinds[-1] == "journal"


def test_a_console_that_goes_down_in_the_middle(
    console: StubConsole, plain: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Told and guarded until then; one warning for the record, one for the safeguards."""

    def answer(kind: str, seen: Seen) -> Answer | None:
        return HANG_UP if "starting-method" in console.events else None

    console.answer = answer

    journal = run(orders(), console.settings)

    assert stable(journal) == plain
    assert len(warnings_in(caplog)) == 2
    block = block_of(journal)
    assert block["execution_id"] == "monday"
    assert block["not_recorded"]["lost"] > 1
    assert len(block["safeguards_without_answer"]) == 1


def test_a_journal_that_is_not_taken_is_said(
    console: StubConsole, caplog: pytest.LogCaptureFixture
) -> None:
    """The last word is missing in the console: the user must know."""
    console.answer = failing("journal", answer=(500, None))

    journal = run(orders(), console.settings)

    [warning] = warnings_in(caplog)
    assert "the journal" in warning
    assert block_of(journal)["not_recorded"]["lost"] == 1


@pytest.mark.parametrize("kind", ["experiment", "execution"])
def test_a_console_that_hangs_at_the_start_is_waited_for_once(
    console: StubConsole, plain: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The start times out, and the run is left alone from then on."""
    monkeypatch.setattr(_http, "CONNECT_AND_READ", (0.1, 0.1))
    console.answer = lambda each, seen: console.hang() if each == kind else None

    journal = run(orders(), console.settings)

    assert stable(journal) == plain
    assert console.kinds.count(kind) == 1
    assert "did not answer in time" in block_of(journal)["not_recorded"]["reason"]


def test_a_console_that_hangs_in_the_middle_is_left_alone_for_a_while(
    console: StubConsole, plain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One wait for all the hooks that follow, and one try for the journal."""
    monkeypatch.setattr(_http, "CONNECT_AND_READ", (0.5, 0.5))

    def answer(kind: str, seen: Seen) -> Answer | None:
        return console.hang() if "starting-method" in console.events else None

    console.answer = answer

    journal = run(orders(), console.settings)

    assert stable(journal) == plain
    after = console.kinds[console.kinds.index("journal") - 1 :]
    assert console.events[-1] == "starting-method"
    assert after == ["event", "journal"]
    assert block_of(journal)["not_recorded"]["lost"] > 10


def test_without_a_team_nothing_is_sent(
    console: StubConsole, plain: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody who edited the settings by hand reads what is missing."""
    settings = console.settings
    del settings["controls"]["chaosiq-cloud"]["provider"]["arguments"]["organizations"]

    journal = run(orders(), settings)

    assert stable(journal) == plain
    assert console.kinds == []
    [warning] = warnings_in(caplog)
    assert "chaos signin" in warning


@pytest.mark.parametrize("url", ["console", "http://", "ftp://console.example.com", 42])
def test_an_address_that_is_none_does_not_break_the_run(
    console: StubConsole, plain: Any, caplog: pytest.LogCaptureFixture, url: Any
) -> None:
    """The run goes on, with one warning."""
    settings = console.settings
    settings["controls"]["chaosiq-cloud"]["provider"]["arguments"]["url"] = url

    journal = run(orders(), settings)

    assert stable(journal) == plain
    assert len(warnings_in(caplog)) == 1


def test_a_mistake_of_ours_does_not_break_the_run(
    console: StubConsole,
    plain: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each kind of step fails in its turn: the run is the same, the user hears of it."""

    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("ours")

    for name in ("publish_event", "publish_execution", "initialize_execution"):
        monkeypatch.setattr(f"chaoscloud.delivery.direct.{name}", broken)
        caplog.clear()

        journal = run(orders(), console.settings)

        assert stable(journal) == plain
        assert any("ZeroDivisionError" in warning for warning in warnings_in(caplog))
