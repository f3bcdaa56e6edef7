"""What the console is told of a verification's run, event by event, by the host's own registry."""

import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from chaoslib.run import EventHandlerRegistry

from chaoscloud import api
from chaoscloud.api.verification import VerificationRunEventHandler, get_run_id, handler, set_run_id
from chaoscloud.api.verification.background import Background
from chaoscloud.api.verification.events import EVENTS
from chaoscloud.exceptions import MissingVerificationIdentifier
from chaoscloud.types import Experiment, Journal
from tests.plugin.loopback import Handler
from tests.plugin.verification_console import Verifications, verifications
from tests.plugin.verification_documents import signed_in, verification

pytestmark = pytest.mark.loopback

MET = {"steady_state_met": True, "probes": []}
DEVIATED = {"steady_state_met": False, "probes": []}


@pytest.fixture
def console() -> Iterator[Verifications]:
    with verifications() as told:
        yield told


def first_journal(experiment: Experiment) -> Journal:
    """A journal as the host begins it."""
    return {"experiment": dict(experiment), "status": None, "steady_states": {"during": []}}


def last_journal() -> Journal:
    """A journal as the host ends it."""
    states = {"before": MET, "after": MET, "during": [MET, DEVIATED, MET]}
    return {"status": "completed", "steady_states": states, "duration": 12.5}


def started(console: Verifications, **secrets: Any) -> VerificationRunEventHandler:
    """A handler whose run the console took down."""
    experiment = verification()
    told = VerificationRunEventHandler(experiment, signed_in(console.url))
    assert told.start(experiment, first_journal(experiment), secrets) is None
    return told


def test_the_start_tells_the_experiment_the_execution_and_the_run(console: Verifications) -> None:
    """The run is known by its id, and the document by all of them."""
    experiment = verification()
    told = VerificationRunEventHandler(experiment, signed_in(console.url))

    assert told.start(experiment, first_journal(experiment), {}) is None
    told.finish(last_journal())
    told.close()

    assert console.calls[:3] == [
        "POST /experiments",
        "POST /experiments/experiment-orders/executions",
        "POST /verifications/verification-orders/runs",
    ]
    (run,) = console.told("/runs")
    assert run["status"] == "started"
    assert (run["experiment_id"], run["execution_id"]) == ("experiment-orders", "execution-1")
    assert run["journal"]["experiment"]["title"] == experiment["title"]
    assert (told.run_id, told.initialized) == ("run-1", True)
    assert get_run_id(experiment) == "run-1"
    assert api.get_execution_id(experiment["extensions"]) == "execution-1"


def test_every_event_of_the_host_is_told_in_its_order(console: Verifications) -> None:
    """Sixteen categories, each at its moment, with its payload and nothing else."""
    told, hosts = started(console), EventHandlerRegistry()
    hosts.register(told)
    experiment, journal = verification(), last_journal()

    hosts.start_hypothesis_before(experiment)
    hosts.hypothesis_before_completed(experiment, MET, journal)
    hosts.start_continuous_hypothesis(0.5)
    hosts.continuous_hypothesis_iteration(1, DEVIATED)
    hosts.start_method(experiment)
    hosts.method_completed(experiment, [{"status": "succeeded"}])
    hosts.start_cooldown(5.5)
    hosts.cooldown_completed()
    hosts.continuous_hypothesis_completed(experiment, journal, None)
    hosts.start_hypothesis_after(experiment)
    hosts.hypothesis_after_completed(experiment, MET, journal)
    hosts.start_rollbacks(experiment)
    hosts.rollbacks_completed(experiment, journal)
    hosts.interrupted(experiment, journal)
    hosts.signal_exit()
    hosts.finish(journal)
    told.close()

    assert console.told("/runs/run-1/events") == [
        {"category": "verification-hypothesis-before-method-started"},
        {"category": "verification-hypothesis-before-method-completed"},
        {"category": "verification-sample-started", "payload": {"frequency": 0.5}},
        {"category": "verification-sample", "payload": {"iteration": 1, "state": DEVIATED}},
        {"category": "verification-condition-started"},
        {
            "category": "verification-condition-completed",
            "payload": {"state": [{"status": "succeeded"}]},
        },
        {"category": "verification-cooldown-started", "payload": {"duration": 5.5}},
        {"category": "verification-cooldown-completed"},
        {"category": "verification-sampling-completed"},
        {"category": "verification-hypothesis-after-method-started"},
        {"category": "verification-hypothesis-after-method-completed"},
        {"category": "verification-rollbacks-started"},
        {"category": "verification-rollbacks-completed"},
        {"category": "verification-interrupted"},
        {"category": "verification-exited-by-signal"},
        {"category": "verification-completed", "payload": journal},
    ]


def test_the_end_brings_the_journal_and_what_it_found(console: Verifications) -> None:
    """The results count the samples the journal holds."""
    told = started(console)

    told.finish(last_journal())
    told.close()

    assert console.calls[-1] == "POST /verifications/verification-orders/runs/run-1/finished"
    assert console.told("/finished") == [
        {
            "journal": last_journal(),
            "status": "completed",
            "results": {
                "successful_samples": 2,
                "deviated_samples": 1,
                "not_run_samples": 0,
                "total_number_of_samples": 3,
                "total_duration": 12.5,
            },
        }
    ]


def test_both_spellings_of_continuous_are_understood(console: Verifications) -> None:
    """Hosts of before and after the respelling call different methods for the same thing."""
    told: Any = started(console)

    told.start_continous_hypothesis(frequency=1)
    told.continous_hypothesis_iteration(1, MET)
    told.continous_hypothesis_completed(verification(), last_journal())
    told.start_continuous_hypothesis(frequency=1)
    told.continuous_hypothesis_iteration(iteration_index=1, state=MET)
    told.continuous_hypothesis_completed(verification(), last_journal(), None)
    told.finish(last_journal())
    told.close()

    categories = console.categories
    assert categories[:3] == categories[3:6]
    assert categories[1] == "verification-sample"


def test_an_interrupted_method_has_no_state(console: Verifications) -> None:
    """The host calls without a state then."""
    told, hosts = started(console), EventHandlerRegistry()
    hosts.register(told)

    hosts.method_completed(verification())
    told.finish(last_journal())
    told.close()

    first = console.told("/runs/run-1/events")[0]
    assert first == {"category": "verification-condition-completed", "payload": {"state": None}}


def test_every_event_of_the_host_is_known() -> None:
    """What the installed host can tell, we can pass on; its activities the controls tell."""
    known = {name for name in vars(EventHandlerRegistry) if not name.startswith("_")}

    left_out = known - EVENTS.keys()

    assert left_out == {"register", "started", "running", "start_activity", "activity_completed"}


def test_secrets_and_our_token_never_leave(console: Verifications) -> None:
    """Neither the start nor an event nor the end holds what was resolved for the run."""
    told = started(console, database={"password": "s3cret-of-the-shop"})
    journal = last_journal()
    journal["run"] = [{"output": "connected with s3cret-of-the-shop and ciq_the-token-of-ada"}]

    told.method_completed(verification(), journal["run"])
    told.finish(journal)
    told.close()

    sent = b"".join(seen.body for seen in console.server.seen)
    assert b"[redacted]" in sent
    assert b"s3cret-of-the-shop" not in sent
    assert b"ciq_the-token-of-ada" not in sent
    assert "s3cret-of-the-shop" in journal["run"][0]["output"]


@pytest.mark.parametrize("status", [401, 403, 404, 422])
@pytest.mark.parametrize("where", ["/experiments", "/executions", "/runs"])
def test_only_a_refusal_says_why_the_run_must_not_start(
    console: Verifications, status: int, where: str
) -> None:
    """Not signed in, not your team, or a document that is not accepted: the run does not start."""

    def refuse(request: Handler) -> bool:
        if request.path.endswith(where):
            body = b'[{"loc": ["body"], "msg": "title is missing", "type": "missing"}]'
            request.say(status, body, Content_Type="application/json")
        return request.path.endswith(where)

    console.behave = refuse
    experiment = verification()
    told = VerificationRunEventHandler(experiment, signed_in(console.url))

    reason = told.start(experiment, first_journal(experiment), {})
    told.close()

    assert reason is not None
    assert f"HTTP {status}" in reason
    assert ("title is missing" in reason) is (status in (404, 422))
    assert not told.initialized
    assert get_run_id(experiment) is None


@pytest.mark.parametrize("status", [302, 400, 409, 429, 500, 503])
def test_any_other_failure_leaves_the_run_unrecorded(
    console: Verifications, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The run goes on, a warning says so, and nothing is sent that nobody could file."""

    def fail(request: Handler) -> bool:
        request.say(status, Location="/elsewhere")
        return True

    console.behave = fail
    experiment = verification()
    told: Any = VerificationRunEventHandler(experiment, signed_in(console.url))

    assert told.start(experiment, first_journal(experiment), {}) is None
    told.start_method(experiment)
    told.finish(last_journal())
    told.close()

    assert len(console.calls) == 1
    assert "This verification is not recorded in the console" in caplog.text


def test_a_console_that_hangs_holds_the_start_up_for_its_limit_only(
    console: Verifications, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A start nobody answers is given up, and what answers later changes nothing."""
    monkeypatch.setattr(handler, "START_WITHIN", 0.05)
    ends = threading.Event()

    def hang(_: Handler) -> bool:
        ends.wait()
        return False

    console.behave = hang
    experiment = verification()
    told = VerificationRunEventHandler(experiment, signed_in(console.url))

    assert told.start(experiment, first_journal(experiment), {}) is None
    ends.set()
    told.close()

    assert "did not answer within 0.05 seconds" in caplog.text
    assert not told.initialized
    assert experiment == verification()


def test_an_event_is_not_waited_for(console: Verifications) -> None:
    """While the console hangs over one event, the run tells the next ones."""
    told: Any = started(console)
    ends = threading.Event()

    def hang(_: Handler) -> bool:
        ends.wait()
        return False

    console.behave = hang
    for iteration in range(5):
        told.continuous_hypothesis_iteration(iteration, MET)
    ends.set()
    told.finish(last_journal())
    told.close()

    assert console.categories == ["verification-sample"] * 5 + ["verification-completed"]


def test_what_did_not_arrive_is_counted_once(
    console: Verifications, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The end of the run says how much the console does not know."""
    told: Any = started(console)

    def fail(request: Handler) -> bool:
        request.say(503)
        return True

    console.behave = fail
    told.start_method(verification())
    told.finish(last_journal())
    with caplog.at_level(logging.WARNING, logger="chaostoolkit"):
        told.close()

    assert "3 messages about this verification did not reach the console." in caplog.messages


def test_ctrl_c_ends_the_wait_at_the_end(
    console: Verifications, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever does not want to wait for the console does not lose the journal over it."""
    told = started(console)
    told.finish(last_journal())

    def impatient(*_: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(Background, "close", impatient)
    told.close()

    assert told.initialized


def test_a_run_that_never_ended_is_told_to_be_interrupted(console: Verifications) -> None:
    """A run that broke off between its start and the host's loop does not seem to run for ever."""
    told = started(console)

    told.close()

    (end,) = console.told("/finished")
    assert end["status"] == "interrupted"
    assert end["results"]["total_number_of_samples"] == 0


def test_the_hosts_first_event_starts_a_run_that_nobody_started(console: Verifications) -> None:
    """Registered with the host alone, the handler works as well."""
    experiment, hosts = verification(), EventHandlerRegistry()
    told = VerificationRunEventHandler(experiment, signed_in(console.url))
    hosts.register(told)

    hosts.started(experiment, first_journal(experiment))
    hosts.started(experiment, first_journal(experiment))
    hosts.finish(last_journal())
    told.close()

    assert told.run_id == "run-1"
    assert console.calls.count("POST /verifications/verification-orders/runs") == 1


def test_a_document_of_an_earlier_run_starts_a_new_one(console: Verifications) -> None:
    """The ids of that run are not sent again."""
    experiment = verification()
    set_run_id("run-of-the-past", experiment)
    told = VerificationRunEventHandler(experiment, signed_in(console.url))

    told.start(experiment, first_journal(experiment), {})
    told.close()

    assert b"run-of-the-past" not in b"".join(seen.body for seen in console.server.seen)
    assert get_run_id(experiment) == "run-1"


def test_a_verification_without_an_id_cannot_be_told(console: Verifications) -> None:
    """There would be no address to tell it to."""
    experiment = verification(id=None)
    told = VerificationRunEventHandler(experiment, signed_in(console.url))

    with pytest.raises(MissingVerificationIdentifier):
        told.start(experiment, first_journal(experiment), {})


def test_what_json_cannot_hold_is_counted_and_harms_nothing_else(
    console: Verifications, caplog: pytest.LogCaptureFixture
) -> None:
    """A probe that gives bytes costs its own sample's event, not the run's."""
    told: Any = started(console)

    told.continuous_hypothesis_iteration(1, {"probes": [{"output": b"\xff"}]})
    told.continuous_hypothesis_iteration(2, MET)
    told.finish(last_journal())
    told.close()

    assert console.categories == ["verification-sample", "verification-completed"]
    assert "1 messages about this verification did not reach the console." in caplog.messages
