"""Executions are created, looked up and updated."""

from typing import Any

import pytest
import requests
from requests_mock import Mocker

from chaoscloud.api.execution import (
    address_of,
    fetch_execution,
    initialize_execution,
    publish_execution,
    save_ids_to_journal,
)
from chaoscloud.extension import get_extension_value
from chaoscloud.types import Journal
from tests.plugin.wire import (
    CONSOLE,
    TEAM,
    extensions,
    orders_experiment,
    orders_journal,
    shop_session,
)

EXECUTIONS = f"{TEAM}/experiments/e1/executions"
EXECUTION = f"{EXECUTIONS}/x1"


@pytest.mark.parametrize("status", [201, 200])
def test_a_new_execution_is_named_in_the_experiment(requests_mock: Mocker, status: int) -> None:
    """200 is a creation the console knew already; both say where it can be seen."""
    requests_mock.post(
        EXECUTIONS,
        status_code=status,
        json={"id": "x1"},
        headers={"Content-Location": f"{CONSOLE}/api/acme/shop/executions/x1"},
    )
    experiment = orders_experiment(experiment_id="e1")

    answer = initialize_execution(shop_session(), experiment, {"status": "running"})

    assert answer is not None
    assert answer.status_code == status
    assert address_of(answer) == f"{CONSOLE}/acme/shop/executions/x1"
    assert get_extension_value(experiment, "execution_id") == "x1"
    assert requests_mock.request_history[0].json() == {"journal": {"status": "running"}}


def test_an_execution_of_an_unknown_experiment_is_not_created(requests_mock: Mocker) -> None:
    """The console would not know where to put it."""
    answer = initialize_execution(shop_session(), orders_experiment(), {"status": "running"})

    assert answer is None
    assert requests_mock.request_history == []


def test_an_execution_that_cannot_be_seen_is_said(
    requests_mock: Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    """It exists all the same."""
    requests_mock.post(EXECUTIONS, status_code=201, json={"id": "x1"})
    experiment = orders_experiment(experiment_id="e1")

    initialize_execution(shop_session(), experiment, {"status": "running"})

    assert get_extension_value(experiment, "execution_id") == "x1"
    assert "does not say where" in caplog.text


@pytest.mark.parametrize("body", ["", "[]", '{"id": ""}'])
def test_an_answer_without_an_id_names_nothing(
    requests_mock: Mocker, caplog: pytest.LogCaptureFixture, body: str
) -> None:
    """Something that is no console may answer 201."""
    requests_mock.post(EXECUTIONS, status_code=201, text=body)
    experiment = orders_experiment(experiment_id="e1")

    initialize_execution(shop_session(), experiment, {"status": "running"})

    assert experiment == orders_experiment(experiment_id="e1")
    assert "names no id" in caplog.text


MISTAKES = [
    {"loc": ["body", "journal", "status"], "msg": "field required", "type": "missing"},
    {"loc": ["body", "journal", "start"], "msg": "not a date", "type": "value"},
]


@pytest.mark.parametrize(
    "body", [MISTAKES, {"title": "Unprocessable", "errors": MISTAKES}, {"detail": MISTAKES}]
)
def test_what_is_wrong_with_a_journal_is_said_a_line_each(
    requests_mock: Mocker, caplog: pytest.LogCaptureFixture, body: Any
) -> None:
    """A bare list as the original's console has it, or problem details."""
    requests_mock.post(EXECUTIONS, status_code=422, json=body)
    experiment = orders_experiment(experiment_id="e1")

    answer = initialize_execution(shop_session(), experiment, {"status": "running"})

    assert answer is not None
    assert answer.status_code == 422
    assert experiment == orders_experiment(experiment_id="e1")
    assert caplog.messages[0].splitlines()[1:] == [
        "- body.journal.status: field required",
        "- body.journal.start: not a date",
    ]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_told_apart(
    requests_mock: Mocker, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    """The line says what to do."""
    requests_mock.post(EXECUTIONS, status_code=status)

    initialize_execution(shop_session(), orders_experiment(experiment_id="e1"), {})

    assert len(caplog.messages) == 1
    assert "sign in again" in caplog.text


def test_any_other_refusal_is_one_line_with_its_detail(
    requests_mock: Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    """What the console says about itself."""
    requests_mock.post(EXECUTIONS, status_code=503, json={"detail": "The console is busy."})

    initialize_execution(shop_session(), orders_experiment(experiment_id="e1"), {})

    assert len(caplog.messages) == 1
    assert "HTTP 503" in caplog.text
    assert "The console is busy." in caplog.text


def test_a_console_that_is_down_gives_none_and_one_line(
    requests_mock: Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    """Reporting is a courtesy."""
    requests_mock.post(EXECUTIONS, exc=requests.ConnectTimeout)

    answer = initialize_execution(shop_session(), orders_experiment(experiment_id="e1"), {})

    assert answer is None
    assert len(caplog.messages) == 1


def test_a_key_that_is_given_is_sent(requests_mock: Mocker) -> None:
    """Whoever sends again what was sent before knows it."""
    requests_mock.post(EXECUTIONS, status_code=201, json={"id": "x1"})

    initialize_execution(shop_session(), orders_experiment(experiment_id="e1"), {}, "the-same")

    assert requests_mock.request_history[0].headers["Idempotency-Key"] == "the-same"


@pytest.mark.parametrize(
    "journal",
    [
        orders_journal(experiment_id="e1", execution_id="x1"),
        {"experiment": orders_experiment(experiment_id="e1", execution_id="x1")},
        {
            "experiment": orders_experiment(experiment_id="e0", execution_id="x0"),
            "extensions": extensions(experiment_id="e1", execution_id="x1"),
        },
        {
            "experiment": orders_experiment(experiment_id="e1", execution_id="x1"),
            "extensions": extensions(experiment_id=None, execution_id=None),
        },
    ],
    ids=[
        "its own block",
        "the experiment's",
        "its own before the experiment's",
        "nothing in its own",
    ],
)
def test_a_journal_finds_its_execution(requests_mock: Mocker, journal: Journal) -> None:
    """To look it up, and to update it."""
    requests_mock.get(EXECUTION, json={"status": "running"})
    requests_mock.put(EXECUTION, status_code=204)

    matches = fetch_execution(shop_session(), journal)
    updated = publish_execution(shop_session(), journal)

    assert matches is not None
    assert matches.json() == {"status": "running"}
    assert updated is not None
    assert updated.status_code == 204


@pytest.mark.parametrize("journal", [{}, {"experiment": "gone"}, orders_journal(execution_id="x1")])
def test_a_journal_of_no_known_execution_is_not_sent(
    requests_mock: Mocker, journal: Journal
) -> None:
    """Of a run nobody recorded."""
    assert fetch_execution(shop_session(), journal) is None
    assert publish_execution(shop_session(), journal) is None
    assert requests_mock.request_history == []


@pytest.mark.parametrize(("status", "lines"), [(204, 0), (200, 0), (404, 1), (500, 1)])
def test_an_update_that_fails_is_said(
    requests_mock: Mocker, caplog: pytest.LogCaptureFixture, status: int, lines: int
) -> None:
    """And the answer comes back."""
    requests_mock.put(EXECUTION, status_code=status)

    answer = publish_execution(
        shop_session(), orders_journal(experiment_id="e1", execution_id="x1")
    )

    assert answer is not None
    assert answer.status_code == status
    assert len(caplog.messages) == lines


def test_an_unknown_execution_is_no_failure_to_look_up(
    requests_mock: Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    """Publishing a journal of another console begins with it."""
    requests_mock.get(EXECUTION, status_code=404)

    answer = fetch_execution(shop_session(), orders_journal(experiment_id="e1", execution_id="x1"))

    assert answer is not None
    assert answer.status_code == 404
    assert caplog.messages == []


def test_the_local_path_stays_here(requests_mock: Mocker) -> None:
    """The journal carries the experiment with its block."""
    requests_mock.put(EXECUTION, status_code=204)
    journal = orders_journal(experiment_id="e1", execution_id="x1")
    journal["experiment"] = orders_experiment(experiment_path="/home/ada/orders.json")

    publish_execution(shop_session(), journal)

    assert "experiment_path" not in requests_mock.request_history[0].text
    assert get_extension_value(journal["experiment"], "experiment_path") == "/home/ada/orders.json"


def test_the_ids_are_saved_in_the_journals_own_block() -> None:
    """Where `chaos publish` looks for them."""
    journal: Journal = {"status": "completed", "experiment": orders_experiment()}

    save_ids_to_journal(extensions(experiment_id="e1", execution_id="x1"), journal)

    assert journal["experiment"] == orders_experiment()
    assert journal["extensions"] == [
        {"name": "chaosiq", "experiment_id": "e1", "execution_id": "x1"}
    ]
