"""Verifications run by the host's own runner, within this process, in a fraction of a second."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chaoslib.control import load_global_controls
from chaoslib.types import Dry, Schedule, Strategy

from chaoscloud.api.verification import VerificationRunEventHandler
from chaoscloud.commands.pending import send_pending
from chaoscloud.controls import opening
from chaoscloud.settings import save
from chaoscloud.types import Experiment, Journal, Settings
from chaoscloud.verify.exceptions import InvalidVerification, VerificationException
from chaoscloud.verify.verification import run_verification
from tests.plugin.loopback import Handler
from tests.plugin.verification_activities import Refusal
from tests.plugin.verification_console import Verifications, verifications
from tests.plugin.verification_documents import action, block_of, probe, signed_in, verification

pytestmark = pytest.mark.loopback

SHORT = {
    "frequency_of_measurement": 0.02,
    "warm_up_duration": 0.1,
    "duration_of_conditions": 0.1,
    "cool_down_duration": 0.1,
}
PHASES = [
    "verification-hypothesis-before-method-started",
    "verification-hypothesis-before-method-completed",
    "verification-sample-started",
    "verification-condition-started",
    "verification-condition-completed",
    "verification-cooldown-started",
    "verification-cooldown-completed",
    "verification-sampling-completed",
    "verification-hypothesis-after-method-started",
    "verification-hypothesis-after-method-completed",
    "verification-rollbacks-started",
    "verification-rollbacks-completed",
    "verification-completed",
]


ACTIVITIES = "tests.plugin.verification_activities"
THEIR_CONTROL = {"name": "theirs", "provider": {"type": "python", "module": ACTIVITIES}}


@pytest.fixture
def console() -> Iterator[Verifications]:
    with verifications() as content:
        yield content


@pytest.fixture
def ada(console: Verifications) -> Settings:
    return signed_in(console.url)


def touch(file: Path) -> Experiment:
    """An action that leaves a file."""
    provider = {"type": "process", "path": "touch", "arguments": [str(file)]}
    return {"type": "action", "name": "break-a-broker", "provider": provider}


def test_samples_are_taken_from_before_the_warm_up_until_after_the_cool_down(
    console: Verifications, ada: Settings
) -> None:
    """Each phase has samples in it, and the phases come in the documented order."""
    journal = run_verification(verification(**SHORT), ada)

    content = console.categories
    assert [category for category in content if category != "verification-sample"] == PHASES
    for phase in ("sample-started", "condition-completed", "cooldown-started"):
        assert content[content.index(f"verification-{phase}") + 1] == "verification-sample"
    assert journal["status"] == "completed"
    assert not journal["deviated"]


def test_the_journal_has_its_measurements(console: Verifications, ada: Settings) -> None:
    """They are the samples; the console counts as many, and has heard of each."""
    journal = run_verification(verification(**SHORT), ada)

    during = journal["steady_states"]["during"]
    assert journal["measurements"] == during != []
    (end,) = console.told("/finished")
    assert end["results"]["total_number_of_samples"] == len(during)
    assert end["results"]["successful_samples"] == len(during)
    assert end["journal"]["measurements"] == end["journal"]["steady_states"]["during"]
    assert console.categories.count("verification-sample") == len(during)


def test_the_frequency_is_the_documents(ada: Settings) -> None:
    """An hour between samples leaves the first one alone."""
    values = SHORT | {"frequency_of_measurement": {"hours": 1}}

    journal = run_verification(verification(**values), ada)

    assert len(journal["measurements"]) == 1


def test_a_schedule_of_the_callers_own_wins(console: Verifications, ada: Settings) -> None:
    """Whoever calls from Python may sample at another pace."""
    schedule = Schedule(continuous_hypothesis_frequency=3600)

    journal = run_verification(verification(**SHORT), ada, schedule=schedule)

    assert len(journal["measurements"]) == 1
    assert {"category": "verification-sample-started", "payload": {"frequency": 3600}} in (
        console.told("/runs/run-1/events")
    )


def test_a_strategy_without_samples_takes_none(ada: Settings) -> None:
    """The host's other strategies check before and after only."""
    journal = run_verification(verification(**SHORT), ada, strategy=Strategy.DEFAULT)

    assert journal["measurements"] == []
    assert journal["steady_states"]["after"]["steady_state_met"]


def test_nobody_signed_in_is_refused(tmp_path: Path) -> None:
    """Without a team to run it for, nothing happens."""
    document = verification()
    document["method"] = [touch(tmp_path / "broken")]

    with pytest.raises(VerificationException, match="chaos signin"):
        run_verification(document, {})

    assert not (tmp_path / "broken").exists()


def test_a_document_that_makes_no_sense_is_refused(ada: Settings) -> None:
    """Nothing is run at a pace nobody can tell."""
    with pytest.raises(InvalidVerification, match="frequency-of-measurement"):
        run_verification(verification(frequency_of_measurement=-1), ada)


@pytest.mark.parametrize("status", [401, 403, 404, 422])
def test_a_refused_start_stops_the_run_before_anything_happens(
    console: Verifications, ada: Settings, tmp_path: Path, status: int
) -> None:
    """Neither the steady state is looked at nor the method played."""

    def refuse(request: Handler) -> bool:
        refused = request.path.endswith("/runs")
        if refused:
            request.say(status)
        return refused

    console.behave = refuse
    document = verification()
    document["method"] = [touch(tmp_path / "broken")]
    document["steady-state-hypothesis"]["probes"] = [
        touch(tmp_path / "looked") | {"type": "probe", "tolerance": 0}
    ]

    with pytest.raises(VerificationException, match="may not start"):
        run_verification(document, ada)

    assert not (tmp_path / "broken").exists()
    assert not (tmp_path / "looked").exists()
    assert console.categories == []
    assert list(tmp_path.rglob("*.jsonl")) == []


def test_safeguards_are_asked_while_the_start_is_being_recorded(console: Verifications) -> None:
    """A console that hangs holds up both at once. The execution that is filed is asked about."""
    is_asked = threading.Event()
    was_asked: list[bool] = []

    def hold_until_asked(handler: Handler) -> bool:
        if "/policies" in handler.path:
            is_asked.set()
        elif handler.path.endswith("/experiments"):
            was_asked.append(is_asked.wait(10))
        return False

    console.behave = hold_until_asked
    ada = signed_in(console.url, safeguards="on")
    load_global_controls(ada)

    journal = run_verification(verification(**SHORT), ada)

    questions = [call for call in console.calls if "/policies" in call]
    assert was_asked == [True]
    assert questions[0] == "GET /policies"
    assert questions[1].endswith("/executions/execution-1/policies")
    assert journal["status"] == "completed"


def test_a_refused_start_leaves_no_question_open(console: Verifications) -> None:
    """What was asked ahead of a run that does not take place is given up."""

    def refuse(handler: Handler) -> bool:
        if handler.path.endswith("/runs"):
            handler.say(404)
            return True
        return False

    console.behave = refuse
    ada = signed_in(console.url, safeguards="on")
    load_global_controls(ada)

    with pytest.raises(VerificationException):
        run_verification(verification(**SHORT), ada)

    assert opening._prepared_guards == {}


def refusing_connections() -> str:
    """The address of a console that was shut down."""
    with verifications() as removed:
        return removed.url


def test_a_console_that_is_down_changes_nothing_of_the_run() -> None:
    """The phases are waited for, and the samples taken, with nobody to tell them to."""
    journal = run_verification(verification(**SHORT), signed_in(refusing_connections()))

    assert journal["status"] == "completed"
    assert journal["duration"] >= 0.3
    assert len(journal["measurements"]) > 3


def test_what_a_console_that_was_away_missed_is_sent_later(
    console: Verifications, ada: Settings, tmp_path: Path
) -> None:
    """The experiment, its execution, the run, all its events and its end, in their order."""

    def away(request: Handler) -> bool:
        request.close_connection = True
        return True

    console.behave = away
    run_verification(verification(**SHORT), ada)
    for thread in threading.enumerate():  # a call under way holds the record a moment longer
        if thread.name in ("chaosiq-outbox", "chaosiq-backlog"):
            thread.join(10)
    console.server.seen.clear()
    console.behave = lambda _: False
    settings_path = tmp_path / "home" / ".chaostoolkit" / "settings.yaml"
    save(ada, settings_path)

    [sent] = send_pending(str(settings_path))

    assert sent.rejected == 0
    assert console.calls[:3] == [
        "POST /experiments",
        "POST /experiments/experiment-orders/executions",
        "POST /verifications/verification-orders/runs",
    ]
    [run] = console.told("/runs")
    assert (run["experiment_id"], run["execution_id"]) == ("experiment-orders", "execution-1")
    content = [item for item in console.categories if item != "verification-sample"]
    assert content == PHASES
    [end] = console.told("/finished")
    assert end["status"] == "completed"
    assert end["journal"]["experiment"]["extensions"][-1]["execution_id"] == "execution-1"


def test_a_console_that_breaks_down_changes_nothing_of_the_run(
    console: Verifications, ada: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """A 503 in the middle skips no wait: it did in the original."""

    def break_down(request: Handler) -> bool:
        started = request.path.endswith("/events")
        if started:
            request.say(503)
        return started

    console.behave = break_down
    journal = run_verification(verification(**SHORT), ada)

    assert journal["status"] == "completed"
    assert journal["duration"] >= 0.3
    assert len(journal["measurements"]) > 3
    assert "pending on this machine" in caplog.text


def test_a_team_that_does_not_publish_tells_nobody(console: Verifications) -> None:
    """The feature is off: the run is the user's own affair."""
    journal = run_verification(verification(**SHORT), signed_in(console.url, publish="off"))

    assert journal["status"] == "completed"
    assert console.calls == []


def test_activities_that_refer_to_others_are_found(ada: Settings) -> None:
    """The method may play a probe of the hypothesis by its name."""
    document = verification()
    document["method"] = [{"ref": "orders-are-taken"}]

    journal = run_verification(document, ada)

    assert journal["run"][0]["activity"]["name"] == "orders-are-taken"


def test_controls_of_the_experiment_keep_no_phase_from_being_waited_for(
    console: Verifications, ada: Settings
) -> None:
    """The host drops the controls of the settings around the method of such an experiment."""
    document = verification(**SHORT)
    document["controls"] = [THEIR_CONTROL]
    load_global_controls(ada)

    journal = run_verification(document, ada)

    assert journal["duration"] >= 0.3
    assert [content for content in console.categories if content != "verification-sample"] == PHASES


@pytest.mark.parametrize("dry", [Dry.ACTIVITIES, Dry.PAUSE])
def test_a_dry_run_waits_for_nothing(ada: Settings, dry: Dry) -> None:
    """An hour of warm-up is no reason to wait when nothing is done."""
    document = verification(warm_up_duration={"hours": 1}, cool_down_duration={"hours": 1})
    document["dry"] = dry

    assert run_verification(document, ada)["status"] == "completed"


def test_a_deviating_steady_state_is_seen_in_the_samples(
    console: Verifications, ada: Settings, tmp_path: Path
) -> None:
    """The method removes what the probe looks for: the samples before are met, those after not."""
    stock = tmp_path / "stock"
    stock.touch()
    document = verification(**SHORT)
    document["steady-state-hypothesis"]["probes"] = [
        probe("there-is-stock", "os.path", "exists", path=str(stock))
    ]
    provider = {"type": "process", "path": "rm", "arguments": [str(stock)]}
    document["method"] = [{"type": "action", "name": "sell-everything", "provider": provider}]

    journal = run_verification(document, ada)

    met = [state["steady_state_met"] for state in journal["measurements"]]
    assert met == sorted(met, reverse=True)
    assert set(met) == {True, False}
    assert journal["deviated"]
    assert console.told("/finished")[0]["results"]["deviated_samples"] == met.count(False)


@pytest.mark.parametrize("phase", ["warm_up_duration", "duration_of_conditions", "method"])
def test_a_safeguard_met_in_a_sample_ends_the_run(
    console: Verifications, ada: Settings, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    """Were the hour waited for, or the activity played to its end, this test would not end."""
    monkeypatch.setattr(Refusal, "wanted", True)
    monkeypatch.setattr(Refusal, "hypotheses", 0)
    document = verification(frequency_of_measurement=0.02)
    document["controls"] = [THEIR_CONTROL]
    if phase == "method":
        document["method"] = [action("wait-for-ever", ACTIVITIES, "wait_for_ever")]
    else:
        block_of(document)[phase.replace("_", "-")] = {"hours": 1}

    journal = run_verification(document, ada)

    assert journal["status"] == "interrupted"
    assert set(console.categories) & {"verification-interrupted", "verification-exited-by-signal"}
    assert console.told("/finished")[0]["status"] == "interrupted"


def test_the_journal_is_kept_before_the_console_is_waited_for(
    console: Verifications, ada: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What kills the process while the console hangs does not cost the journal."""
    expected: list[Journal] = []
    closes: list[int] = []
    close = VerificationRunEventHandler.close

    def noted(self: Any) -> None:
        closes.append(len(expected))
        close(self)

    monkeypatch.setattr(VerificationRunEventHandler, "close", noted)

    journal = run_verification(verification(), ada, keep=expected.append)

    assert expected == [journal]
    assert closes == [1]
