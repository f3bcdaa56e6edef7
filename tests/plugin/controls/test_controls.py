"""The control as the host calls it: found by name, filled by signature, in this process."""

import copy
import inspect
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from chaoslib.types import Dry

import chaoscloud.controls
from chaoscloud.api._http import ConsoleSession
from tests.plugin.runs import (
    ONE_RUN,
    activity,
    block_of,
    orders,
    run,
    stable,
    warnings_in,
    without,
)
from tests.plugin.stub_console import StubConsole, kind_of, serving

pytestmark = pytest.mark.loopback

HOOKS = sorted(set(chaoscloud.controls.__all__) - {"cleanup_control"})


@pytest.fixture
def experiment() -> dict[str, Any]:
    """One probe, one action, one rollback."""
    return orders()


@pytest.fixture
def console() -> Iterator[StubConsole]:
    """A console that is well."""
    with serving() as served:
        yield served


def test_a_run_is_told_from_its_start_to_its_end(
    console: StubConsole, experiment: dict[str, Any]
) -> None:
    """Experiment, execution, each event in its order, the journal; and the ids in the journal."""
    journal = run(experiment, console.settings)

    recorded = [kind for kind in console.kinds if kind != "policies"]
    assert recorded[:2] == ["experiment", "execution"]
    assert console.kinds[-1] == "journal"
    assert console.events == ONE_RUN
    [started], [ended] = console.bodies("execution"), console.bodies("journal")
    assert started["journal"]["status"] == "running"
    assert ended["journal"]["status"] == "completed"
    assert block_of(journal) == {
        "name": "chaosiq",
        "experiment_id": "orders",
        "execution_id": "monday",
        "safeguards": None,
    }


def test_a_run_uses_two_connections(console: StubConsole, experiment: dict[str, Any]) -> None:
    """One for what is told and one for the safeguards, not one a request."""
    run(experiment, console.settings)

    assert len(console.served.connections) == 2


def test_the_address_is_logged(
    console: StubConsole, experiment: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """People open the page while the experiment runs."""
    caplog.set_level(logging.INFO, logger="chaostoolkit")

    run(experiment, console.settings)

    page = f"{console.served.url}/acme/checkout/executions/monday"
    assert f"Execution available at {page}" in caplog.text


def test_events_carry_their_context_and_what_came_of_it(
    console: StubConsole, experiment: dict[str, Any]
) -> None:
    """The activity before, the activity and its run after; the host's own documents."""
    run(experiment, console.settings)

    assert console.data("starting-activity")[1] == {
        "context": experiment["method"][0],
        "state": None,
    }
    finished = console.data("activity-finished")[1]
    assert finished["context"] == experiment["method"][0]
    assert finished["state"]["output"] == "lose the broker is done"
    assert console.data("method-finished")[0]["state"][0]["status"] == "succeeded"
    assert console.data("starting-hypothesis")[0]["context"]["title"] == "Orders are kept"
    assert console.data("experiment-finished")[0]["state"]["status"] == "completed"


def test_the_journal_is_what_it_would_be_without_us(
    console: StubConsole, experiment: dict[str, Any]
) -> None:
    """All but our own block."""
    plain = run(copy.deepcopy(experiment), {})

    content = run(experiment, console.settings)

    assert stable(content) == stable(plain)


def test_unknown_arguments_do_not_break_the_control(
    console: StubConsole, experiment: dict[str, Any]
) -> None:
    """Settings of another version may name more than we know."""
    settings = console.settings
    settings["controls"]["chaosiq-cloud"]["provider"]["arguments"].update(colour="green", retries=3)

    run(experiment, settings)

    assert console.events == ONE_RUN


def test_with_publishing_disabled_nothing_is_sent(
    console: StubConsole, experiment: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """One warning, no request, no trace in the documents."""
    journal = run(experiment, without("publish", console.settings))

    assert len(warnings_in(caplog)) == 1
    assert console.served.connections == set()
    assert "extensions" not in journal
    assert "extensions" not in experiment


def test_with_safeguards_disabled_nobody_is_asked(
    console: StubConsole, experiment: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """One warning at the start, and the record as ever."""
    run(experiment, without("safeguards", console.settings))

    [warning] = warnings_in(caplog)
    assert "Safeguards are disabled" in warning
    assert "policies" not in console.kinds
    assert console.events == ONE_RUN


@pytest.mark.parametrize("hook", HOOKS)
def test_certificates_are_checked_unless_the_settings_say_no(hook: str) -> None:
    """What nobody mentions is checked: the default of every hook."""
    parameters = inspect.signature(getattr(chaoscloud.controls, hook)).parameters

    assert parameters["verify_tls"].default is True


@pytest.mark.parametrize(("text", "checked"), [(None, True), (True, True), (False, False)])
def test_what_the_settings_say_on_certificates_is_done(
    console: StubConsole,
    experiment: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    text: bool | None,
    checked: bool,
) -> None:
    """No word, or a word without a value, checks them."""
    question: list[Any] = []
    original = ConsoleSession.merge_environment_settings

    def noting(self: Any, *args: Any) -> Any:
        settled = original(self, *args)
        question.append(settled["verify"])
        return settled

    monkeypatch.setattr(ConsoleSession, "merge_environment_settings", noting)
    settings = console.settings
    settings["controls"]["chaosiq-cloud"]["provider"]["arguments"]["verify_tls"] = text

    run(experiment, settings)

    assert {bool(verify) for verify in question} == {checked}


def test_every_line_goes_to_the_host_s_logger(
    experiment: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """So it reaches the log file and has the format the user chose."""
    caplog.set_level(logging.DEBUG)
    with serving() as console:
        console.answer = lambda kind, entries: (500, None) if kind == "event" else None
        run(experiment, console.settings)

    ours = [r for r in caplog.records if "/chaoscloud/" in r.pathname]
    assert ours
    assert {record.name for record in ours} == {"chaostoolkit"}


@pytest.mark.parametrize("dry", list(Dry))
def test_a_dry_run_is_recorded_like_any_other(
    console: StubConsole, experiment: dict[str, Any], dry: Dry
) -> None:
    """The host leaves a value in the experiment that JSON has no form for."""
    experiment["dry"] = dry

    journal = run(experiment, console.settings)

    assert console.events == ONE_RUN
    assert console.bodies("journal")[0]["journal"]["experiment"]["dry"] == dry.value
    assert journal["experiment"]["dry"] is dry


def test_what_cannot_be_written_as_json_becomes_a_note_of_its_type(
    console: StubConsole, experiment: dict[str, Any]
) -> None:
    """In its event and in the journal; all the rest arrives."""
    experiment["method"] = [activity("unspeakable")]

    run(experiment, console.settings)

    finished = console.data("activity-finished")[1]
    assert finished["context"]["name"] == "unspeakable"
    assert finished["state"]["output"] == "[lock: has no form in JSON]"
    assert finished["state"]["status"] == "succeeded"
    [sent] = console.bodies("journal")
    assert sent["journal"]["run"][0]["output"] == "[lock: has no form in JSON]"
    assert sent["journal"]["status"] == "completed"


def test_neither_secrets_nor_the_token_nor_local_paths_leave(
    console: StubConsole, experiment: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not from outputs, nor from errors, nor from the block; what the user keeps is untouched."""
    monkeypatch.setenv("BROKER_PASSWORD", "correct-horse-battery")
    experiment["secrets"] = {"broker": {"password": {"type": "env", "key": "BROKER_PASSWORD"}}}
    experiment["method"] = [
        activity("leak", password="correct-horse-battery"),
        activity("leak", password="token-of-ada"),
        activity("fail"),
    ]
    experiment["extensions"] = [{"name": "chaosiq", "experiment_path": "/home/ada/orders.json"}]

    journal = run(experiment, console.settings)

    sent = "\n".join(request.body.decode() for request in console.served.seen)
    assert "[redacted]" in sent
    for stored in ("correct-horse", "token-of-ada", "experiment_path", "/home/ada"):
        assert stored not in sent
    assert "BROKER_PASSWORD" in sent
    assert "correct-horse-battery" in str(journal["run"][0]["output"])


def test_the_block_holds_no_path_where_there_was_none(
    console: StubConsole, experiment: dict[str, Any]
) -> None:
    """Neither `'None'`, a string, nor null."""
    run(experiment, console.settings)

    assert "experiment_path" not in block_of(experiment)
    assert "'None'" not in console.everything
    assert '"None"' not in console.everything


def test_two_runs_in_one_process_are_two_runs(console: StubConsole) -> None:
    """Nothing of the first is left for the second."""
    for _ in range(2):
        run(orders(), console.settings)

    assert console.events == ONE_RUN * 2
    assert console.kinds.count("execution") == 2


def test_the_console_of_the_environment_wins(
    console: StubConsole, experiment: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CI may speak to another console, with another token, than the settings know."""
    settings = console.settings
    monkeypatch.setenv("CHAOSIQ_URL", console.served.url)
    monkeypatch.setenv("CHAOSIQ_TOKEN", "token-of-ci")
    arguments = settings["controls"]["chaosiq-cloud"]["provider"]["arguments"]
    arguments["url"] = "http://127.0.0.1:9"

    run(experiment, settings)

    assert console.events == ONE_RUN
    assert {s.headers["Authorization"] for s in console.served.seen} == {"Bearer token-of-ci"}


def test_a_verification_has_created_both_already(
    console: StubConsole, experiment: dict[str, Any]
) -> None:
    """The events and the journal go to the execution the block names."""
    verification = {"id": "slo", "run_id": "first"}
    block = {"experiment_id": "known", "execution_id": "running", "verification": verification}
    experiment["extensions"] = [{"name": "chaosiq", **block}]

    journal = run(experiment, console.settings)

    assert {"experiment", "execution"}.isdisjoint(console.kinds)
    assert console.events == ONE_RUN
    of_the_record = [s for s in console.served.seen if kind_of(s) in ("event", "journal")]
    assert all("/experiments/known/executions/running" in s.path for s in of_the_record)
    assert block_of(journal)["execution_id"] == "running"


def test_the_record_of_a_verification_that_is_over_is_not_replaced(
    console: StubConsole, experiment: dict[str, Any]
) -> None:
    """A document out of its journal may also come here past the loader, from a library."""
    verification = {"id": "slo", "run_id": "first"}
    block = {"experiment_id": "known", "execution_id": "last-year", "verification": verification}
    experiment["extensions"] = [{"name": "chaosiq", **block}]
    over = {"status": "completed", "end": "2025-11-28T12:00:00+00:00"}
    console.answer = lambda kind, seen: (200, over) if kind == "last-year" else None

    journal = run(experiment, console.settings)

    assert block_of(journal)["execution_id"] == "monday"
    of_the_past = [s.method for s in console.served.seen if "last-year" in s.path]
    assert of_the_past == ["GET"]


def test_the_execution_of_a_run_of_the_past_is_not_reused(
    console: StubConsole, experiment: dict[str, Any]
) -> None:
    """People run experiments they found in a journal."""
    experiment["extensions"] = [{"name": "chaosiq", "execution_id": "last-year"}]

    run(experiment, console.settings)

    assert block_of(experiment)["execution_id"] == "monday"
    assert "last-year" not in console.everything


def test_a_short_secret_is_warned_of(
    console: StubConsole, experiment: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """It cannot be told from any other word inside a text."""
    experiment["secrets"] = {"broker": {"pin": "1234"}}

    run(experiment, console.settings)

    [warning] = warnings_in(caplog)
    assert "too short" in warning
