"""A console in trouble changes nothing of the run, and the user hears of it once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaoscloud.commands.pending import send_all
from chaoscloud.delivery import flushing, outbox, sender
from chaoscloud.types import Settings
from tests.plugin.loopback import Seen
from tests.plugin.outboxes import destination_at
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
    with serving() as removed:
        return removed.settings


def failing(*kinds: str, answer: Answer) -> Any:
    """Answer this to some kinds of requests."""
    return lambda kind, entries: answer if kind in kinds else None


def test_a_console_that_is_down_from_the_start(
    plain: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The run is recorded here, with one clear warning at each end; the journal says it too."""
    journal = run(orders(), without("safeguards", nothing_listens()))

    assert stable(journal) == plain
    started, _, ended = warnings_in(caplog)
    assert "cannot be reached" in started
    assert "it is recorded on this machine" in started
    assert "0 sent to the console" in ended
    assert "`chaos publish`" in ended
    block = block_of(journal)
    assert block["execution_id"] is None
    assert block["pending"]["records"] == len(ONE_RUN) + 4
    assert "cannot be reached" in block["pending"]["reason"]


@pytest.mark.parametrize("kind", ["experiment", "execution"])
@pytest.mark.parametrize(
    "answer", [(500, None), (401, None), (302, None), (201, "welcome"), (201, {}), HANG_UP]
)
def test_a_start_that_is_not_taken_is_kept(
    console: StubConsole, plain: Any, kind: str, answer: Answer
) -> None:
    """Nothing that belongs to an execution is sent before the console knows it."""
    console.answer = failing(kind, answer=answer)

    journal = run(orders(), without("safeguards", console.settings))

    assert stable(journal) == plain
    assert {"event", "policies", "journal"}.isdisjoint(console.kinds)
    pending = {"experiment": 4, "execution": 3}[kind] + len(ONE_RUN)
    assert block_of(journal)["pending"]["records"] == pending


@pytest.mark.parametrize("kind", ["experiment", "execution"])
def test_a_start_that_is_refused_is_not_recorded(
    console: StubConsole, plain: Any, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    """The run says so at once; what is sent without an execution would only be refused again."""
    console.answer = failing(kind, answer=(422, []))

    journal = run(orders(), console.settings)

    assert stable(journal) == plain
    started, ended = warnings_in(caplog)
    assert "not recorded in the console" in started
    assert "`chaos publish --rejected`" in ended
    assert {"event", "journal"}.isdisjoint(console.kinds)
    assert "policies" in console.kinds
    assert "422" in block_of(journal)["not_recorded"]["reason"]


@pytest.mark.parametrize("kind", ["experiment", "execution"])
def test_a_start_that_was_refused_can_be_tried_again_with_all_that_followed(
    console: StubConsole, tmp_path: Path, kind: str
) -> None:
    """Once whatever the console had against it is mended."""
    console.answer = failing(kind, answer=(422, []))
    run(orders(), without("safeguards", console.settings))
    console.answer = lambda kind, seen: None
    folder = tmp_path / "home" / ".chaostoolkit"

    [sent] = send_all(destination_at(console.served.url, folder), rejected=True)

    assert (sent.rejected, sent.reason) == (0, "")
    assert console.events == ONE_RUN
    assert [body["journal"]["status"] for body in console.bodies("journal")] == ["completed"]


def test_a_refused_token_says_how_to_sign_in(
    console: StubConsole, caplog: pytest.LogCaptureFixture
) -> None:
    """The line at the start ends with what to do, and nothing more is asked of the console."""
    console.answer = failing("experiment", answer=(401, None))

    run(orders(), without("safeguards", console.settings))

    assert "chaos signin" in warnings_in(caplog)[0]
    assert console.kinds == ["experiment"]


@pytest.mark.parametrize("answer", [(500, None), (401, None), HANG_UP])
def test_events_that_are_not_taken_are_kept(
    console: StubConsole, plain: Any, caplog: pytest.LogCaptureFixture, answer: Answer
) -> None:
    """One line for all; the journal of the user has the number."""
    console.answer = failing("event", answer=answer)

    journal = run(orders(), without("safeguards", console.settings))

    assert stable(journal) == plain
    assert len(warnings_in(caplog)) == 2  # one is on the safeguards
    assert block_of(journal)["pending"]["records"] == len(ONE_RUN) + 2
    assert "journal" not in console.kinds


def test_events_that_are_refused_do_not_hold_up_the_others(
    console: StubConsole, plain: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """They are counted, and the journal arrives."""
    console.answer = failing("event", answer=(404, None))

    journal = run(orders(), without("safeguards", console.settings))

    assert stable(journal) == plain
    assert "404" in warnings_in(caplog)[-1]
    assert block_of(journal)["not_recorded"]["lost"] == len(ONE_RUN)
    assert console.kinds[-1] == "journal"


def test_a_console_that_goes_down_in_the_middle(
    console: StubConsole, plain: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Told until then; the rest is kept."""

    def answer(kind: str, entries: Seen) -> Answer | None:
        return HANG_UP if "starting-method" in console.events else None

    console.answer = answer

    journal = run(orders(), without("safeguards", console.settings))

    assert stable(journal) == plain
    block = block_of(journal)
    assert block["execution_id"] == "monday"
    assert block["pending"]["records"] > 1


def test_a_journal_that_is_not_taken_is_said(
    console: StubConsole, caplog: pytest.LogCaptureFixture
) -> None:
    """The last word is missing in the console: the user must know."""
    console.answer = failing("journal", answer=(500, None))

    journal = run(orders(), console.settings)

    assert "500" in warnings_in(caplog)[-1]
    assert block_of(journal)["pending"]["records"] == 2


@pytest.mark.parametrize("kind", ["experiment", "execution"])
def test_a_console_that_hangs_at_the_start_is_waited_for_once(
    console: StubConsole, plain: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The run starts without it, and is kept."""
    monkeypatch.setattr(outbox, "START_WITHIN", 0.2)
    monkeypatch.setattr(flushing, "OUT_OF_CONTACT", 0.1)
    monkeypatch.setattr(sender, "LONG_FOR_A_CALL", 0.1)
    console.answer = lambda item, entries: console.hang() if item == kind else None

    journal = run(orders(), without("safeguards", console.settings))

    assert stable(journal) == plain
    assert console.kinds.count(kind) == 1
    assert "no answer within 0.2 seconds" not in str(block_of(journal))
    assert block_of(journal)["pending"]["records"] > len(ONE_RUN)


def test_a_console_that_hangs_in_the_middle_holds_no_hook_up(
    console: StubConsole, plain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One call waits, in its thread; the hooks that follow do not, and their events are kept."""
    monkeypatch.setattr(flushing, "FLUSH_WITHIN", 0.2)

    def answer(kind: str, entries: Seen) -> Answer | None:
        return console.hang() if "starting-method" in console.events else None

    console.answer = answer

    journal = run(orders(), without("safeguards", console.settings))

    assert stable(journal) == plain
    assert console.events.count("starting-method") == 1
    assert console.events[-1] == "starting-method"
    assert block_of(journal)["pending"]["records"] > 10


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
    """The run goes on, and each line of ours says why it is not told."""
    settings = without("safeguards", console.settings)
    settings["controls"]["chaosiq-cloud"]["provider"]["arguments"]["url"] = url

    journal = run(orders(), settings)

    assert stable(journal) == plain
    assert f"The console's url '{url}' cannot be used" in warnings_in(caplog)[0]


def test_a_mistake_of_ours_does_not_break_the_run(
    console: StubConsole,
    plain: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each kind of step fails in its turn: the run is the same, the user hears of it."""

    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("ours")

    for name in (
        "recorder.copy_document",
        "recorder.cloud_event",
        "spool_sender.build_request",
        "spool_sender.decide",
    ):
        with monkeypatch.context() as patch:
            patch.setattr(f"chaoscloud.delivery.{name}", broken)
            caplog.clear()

            journal = run(orders(), console.settings)

        assert stable(journal) == plain
        assert any("ZeroDivisionError" in warning for warning in warnings_in(caplog))


def test_a_run_with_an_odd_url_in_the_environment_says_so(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It names the variable, and the experiment carries on."""
    monkeypatch.setenv("CHAOSIQ_URL", "http://[::1")

    journal = run(orders(), settings)

    assert journal["status"] == "completed"
    assert "http://[::1' cannot be used" in " ".join(warnings_in(caplog))
    assert "mistake of the plugin" not in caplog.text
