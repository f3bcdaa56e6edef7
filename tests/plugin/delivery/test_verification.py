"""What the console is told of a verification's run, event by event, by the host's own registry."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chaoslib.run import EventHandlerRegistry

from chaoscloud import api
from chaoscloud.api import experiment as experiments
from chaoscloud.api.verification import VerificationRunEventHandler, get_run_id, set_run_id
from chaoscloud.delivery import outbox as outbox_module
from chaoscloud.delivery.verification import EVENTS
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
    with verifications() as content:
        yield content


def handler_of(experiment: Experiment, console: Verifications) -> VerificationRunEventHandler:
    """A handler that is closed by the test, as `chaos verify` closes its own."""
    return VerificationRunEventHandler(experiment, signed_in(console.url), closes=False)


def first_journal(experiment: Experiment) -> Journal:
    """A journal as the host begins it."""
    return {"experiment": dict(experiment), "status": None, "steady_states": {"during": []}}


def last_journal() -> Journal:
    """A journal as the host ends it."""
    states = {"before": MET, "after": MET, "during": [MET, DEVIATED, MET]}
    return {
        "status": "completed",
        "steady_states": states,
        "end": "2026-03-02T09:30:12.500000",
        "duration": 12.5,
    }


def started(console: Verifications, **secrets: Any) -> VerificationRunEventHandler:
    """A handler whose run the console took down."""
    experiment = verification()
    content = handler_of(experiment, console)
    assert content.start(experiment, first_journal(experiment), secrets) is None
    return content


def test_the_start_tells_the_experiment_the_execution_and_the_run(console: Verifications) -> None:
    """The run is known by its id, and the document by all of them."""
    experiment = verification()
    content = handler_of(experiment, console)

    assert content.start(experiment, first_journal(experiment), {}) is None
    content.finish(last_journal())
    content.close()

    assert console.calls[:3] == [
        "POST /experiments",
        "POST /experiments/experiment-orders/executions",
        "POST /verifications/verification-orders/runs",
    ]
    (run,) = console.told("/runs")
    assert run["status"] == "started"
    assert (run["experiment_id"], run["execution_id"]) == ("experiment-orders", "execution-1")
    assert run["journal"]["experiment"]["title"] == experiment["title"]
    assert (content.run_id, content.initialized) == ("run-1", True)
    assert get_run_id(experiment) == "run-1"
    assert api.get_execution_id(experiment["extensions"]) == "execution-1"


def test_every_event_of_the_host_is_told_in_its_order(console: Verifications) -> None:
    """Sixteen categories, each at its moment, with its payload and nothing else."""
    content, hosts = started(console), EventHandlerRegistry()
    hosts.register(content)
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
    content.close()

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
    content = started(console)

    content.finish(last_journal())
    content.close()

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
    content: Any = started(console)

    content.start_continous_hypothesis(frequency=1)
    content.continous_hypothesis_iteration(1, MET)
    content.continous_hypothesis_completed(verification(), last_journal())
    content.start_continuous_hypothesis(frequency=1)
    content.continuous_hypothesis_iteration(iteration_index=1, state=MET)
    content.continuous_hypothesis_completed(verification(), last_journal(), None)
    content.finish(last_journal())
    content.close()

    categories = console.categories
    assert categories[:3] == categories[3:6]
    assert categories[1] == "verification-sample"


def test_an_interrupted_method_has_no_state(console: Verifications) -> None:
    """The host calls without a state then."""
    content, hosts = started(console), EventHandlerRegistry()
    hosts.register(content)

    hosts.method_completed(verification())
    content.finish(last_journal())
    content.close()

    first = console.told("/runs/run-1/events")[0]
    assert first == {"category": "verification-condition-completed", "payload": {"state": None}}


def test_every_event_of_the_host_is_known() -> None:
    """What the installed host can tell, we can pass on; its activities the controls tell."""
    known = {name for name in vars(EventHandlerRegistry) if not name.startswith("_")}

    left_out = known - EVENTS.keys()

    assert left_out == {"register", "started", "running", "start_activity", "activity_completed"}


def test_secrets_and_our_token_never_leave(console: Verifications) -> None:
    """Neither the start nor an event nor the end holds what was resolved for the run."""
    content = started(console, database={"password": "s3cret-of-the-shop"})
    journal = last_journal()
    journal["run"] = [{"output": "connected with s3cret-of-the-shop and ciq_the-token-of-ada"}]

    content.method_completed(verification(), journal["run"])
    content.finish(journal)
    content.close()

    sent = b"".join(request.body for request in console.server.seen)
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
    content = handler_of(experiment, console)

    reason = content.start(experiment, first_journal(experiment), {})
    content.close()

    assert reason is not None
    assert f"HTTP {status}" in reason
    assert ("title is missing" in reason) is (status in (404, 422))
    assert not content.initialized
    assert get_run_id(experiment) is None


@pytest.mark.parametrize("status", [401, 403, 404, 422])
def test_a_refused_start_leaves_no_execution_running(
    console: Verifications, status: int, tmp_path: Path
) -> None:
    """The execution that was created for it is ended, with the reason."""

    def refuse(request: Handler) -> bool:
        if request.path.endswith("/runs"):
            request.say(status, b"[]", Content_Type="application/json")
        return request.path.endswith("/runs")

    console.behave = refuse
    experiment = verification()
    content = handler_of(experiment, console)

    reason = content.start(experiment, first_journal(experiment), {})
    content.close()

    [ended] = [sent["journal"] for sent in console.told("/executions/execution-1")][:1]
    assert ended["status"] == "aborted"
    assert ended["experiment"]["title"] == experiment["title"]
    assert reason is not None
    assert f"HTTP {status}" in str(ended["extensions"])
    assert [path for path in tmp_path.rglob("*.*") if "outbox" in path.parts] == []


def test_an_id_no_address_can_carry_is_refused_by_name(console: Verifications) -> None:
    """Nothing is sent."""
    experiment = verification(id="orders/42")
    content = handler_of(experiment, console)

    reason = content.start(experiment, first_journal(experiment), {})
    content.close()

    assert "'orders/42'" in str(reason)
    assert console.calls == []


@pytest.mark.parametrize("status", [400, 409])
def test_a_start_the_console_cannot_take_leaves_the_run_unrecorded(
    console: Verifications, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The run goes on, a warning says so, and nothing is sent that nobody could file."""

    def fail(request: Handler) -> bool:
        request.say(status)
        return True

    console.behave = fail
    experiment = verification()
    content: Any = handler_of(experiment, console)

    assert content.start(experiment, first_journal(experiment), {}) is None
    content.start_method(experiment)
    content.finish(last_journal())
    content.close()

    assert console.calls == ["POST /experiments"] * 2  # the second time without its execution
    assert "This verification is not recorded in the console" in caplog.text


@pytest.mark.parametrize("status", [302, 429, 500, 503])
def test_a_console_in_trouble_leaves_the_run_pending(
    console: Verifications, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The run goes on, and its record waits on this machine."""

    def fail(request: Handler) -> bool:
        request.say(status, Location="/elsewhere")
        return True

    console.behave = fail
    experiment = verification()
    content: Any = handler_of(experiment, console)

    assert content.start(experiment, first_journal(experiment), {}) is None
    content.start_method(experiment)
    content.finish(last_journal())
    content.close()

    assert set(console.calls) == {"POST /experiments"}
    assert "does not take this verification's record now" in caplog.text
    assert "7 pending on this machine" in caplog.text


def test_a_console_that_hangs_holds_the_start_up_for_its_limit_only(
    console: Verifications, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The run starts, and its record is kept."""
    monkeypatch.setattr(outbox_module, "START_WITHIN", 0.05)
    ends = threading.Event()

    def hang(_: Handler) -> bool:
        ends.wait()
        return False

    console.behave = hang
    experiment = verification()
    content = handler_of(experiment, console)

    assert content.start(experiment, first_journal(experiment), {}) is None
    was_initialized = content.initialized
    ends.set()
    content.close()

    assert "no answer within 0.05 seconds" in caplog.text
    assert not was_initialized


def test_an_event_is_not_waited_for(console: Verifications) -> None:
    """While the console hangs over one event, the run tells the next ones."""
    content: Any = started(console)
    ends = threading.Event()

    def hang(_: Handler) -> bool:
        ends.wait()
        return False

    console.behave = hang
    for iteration in range(5):
        content.continuous_hypothesis_iteration(iteration, MET)
    ends.set()
    content.finish(last_journal())
    content.close()

    assert console.categories == ["verification-sample"] * 5 + ["verification-completed"]


def test_a_run_that_never_ended_is_aborted(console: Verifications) -> None:
    """A run that broke off between its start and the host's loop does not seem to run for ever."""
    content = started(console)

    content.close()

    [end] = console.told("/finished")
    assert end["status"] == "aborted"
    assert end["results"]["total_number_of_samples"] == 0
    assert console.told("/executions/execution-1")[-1]["journal"]["status"] == "aborted"


def test_registered_with_the_host_alone_the_handler_does_it_all(console: Verifications) -> None:
    """The host's first event starts the record, its last one ends it."""
    experiment, hosts = verification(), EventHandlerRegistry()
    content = VerificationRunEventHandler(experiment, signed_in(console.url))
    hosts.register(content)

    hosts.started(experiment, first_journal(experiment))
    hosts.running(experiment, first_journal(experiment), {}, {}, None, {})
    hosts.finish(last_journal())

    assert content.run_id == "run-1"
    assert console.calls.count("POST /verifications/verification-orders/runs") == 1
    assert [end["status"] for end in console.told("/finished")] == ["completed"]


def test_nothing_is_sent_before_the_secrets_are_known(console: Verifications) -> None:
    """The host hands them over with its second event; the document says that there are some."""
    experiment, hosts = verification(), EventHandlerRegistry()
    experiment["secrets"] = {"database": {"password": {"type": "env", "key": "PASSWORD"}}}
    experiment["description"] = "with s3cret-of-the-shop"
    secrets = {"database": {"password": "s3cret-of-the-shop"}}
    content = VerificationRunEventHandler(experiment, signed_in(console.url))
    hosts.register(content)

    hosts.started(experiment, first_journal(experiment))
    before = list(console.calls)
    hosts.running(experiment, first_journal(experiment), {}, secrets, None, {})
    hosts.finish(last_journal() | {"run": [{"output": "s3cret-of-the-shop"}]})

    sent = b"".join(request.body for request in console.server.seen)
    assert before == []
    assert b"[redacted]" in sent
    assert b"s3cret-of-the-shop" not in sent


def test_an_experiment_the_console_knows_is_not_published_again(console: Verifications) -> None:
    """With its id in the block, the execution and the run are created, and nothing else."""
    experiment = verification()
    experiments.set_experiment_id("experiment-orders", experiment)
    content = VerificationRunEventHandler(experiment, signed_in(console.url))

    assert content.started(experiment, first_journal(experiment)) is None  # type: ignore[func-returns-value]
    content.close()

    assert console.calls[:2] == [
        "POST /experiments/experiment-orders/executions",
        "POST /verifications/verification-orders/runs",
    ]
    assert content.run_id == "run-1"


def test_a_document_of_an_earlier_run_starts_a_new_one(console: Verifications) -> None:
    """The ids of that run are not sent again."""
    experiment = verification()
    set_run_id("run-of-the-past", experiment)
    content = handler_of(experiment, console)

    content.start(experiment, first_journal(experiment), {})
    content.close()

    assert b"run-of-the-past" not in b"".join(request.body for request in console.server.seen)
    assert get_run_id(experiment) == "run-1"


def test_a_verification_without_an_id_cannot_be_told(console: Verifications) -> None:
    """There would be no address to tell it to."""
    experiment = verification(id=None)
    content = handler_of(experiment, console)

    with pytest.raises(MissingVerificationIdentifier):
        content.start(experiment, first_journal(experiment), {})


def test_what_json_cannot_hold_costs_itself_only(console: Verifications) -> None:
    """A probe that gives bytes: a note of their type goes in their place."""
    content: Any = started(console)

    content.continuous_hypothesis_iteration(1, {"probes": [{"output": b"\xff"}]})
    content.finish(last_journal() | {"run": [{"output": {1, 2}}]})
    content.close()

    sample, _ = console.told("/runs/run-1/events")
    assert sample["payload"]["state"]["probes"] == [{"output": "[bytes: has no form in JSON]"}]
    [end] = console.told("/finished")
    assert end["journal"]["run"] == [{"output": "[set: has no form in JSON]"}]
    assert end["results"]["successful_samples"] == 2


def test_a_journal_too_large_for_the_console_is_cut(
    console: Verifications, caplog: pytest.LogCaptureFixture
) -> None:
    """Its outputs first, which it says; what was found arrives."""

    def refuse(request: Handler) -> bool:
        too_large = len(console.server.seen[-1].body) > 1_000_000
        if too_large:
            request.say(413, b"<html>", Content_Type="text/html")
        return too_large

    console.behave = refuse
    content: Any = started(console)

    content.finish(last_journal() | {"run": [{"output": "x" * 2_000_000, "status": "succeeded"}]})
    content.close()

    [_, end] = console.told("/finished")
    assert end["journal"]["run"][0]["status"] == "succeeded"
    assert len(end["journal"]["run"][0]["output"]) < 5_000
    assert "too large" in str(end["journal"]["extensions"])
    assert "its outputs are cut" in caplog.text
