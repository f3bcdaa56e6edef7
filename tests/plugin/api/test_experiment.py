"""Experiments are created or found again, and keep their id."""

import logging

import pytest
import requests
from requests_mock import Mocker

from chaoscloud.api.experiment import get_experiment_id, publish_experiment, set_experiment_id
from chaoscloud.redaction import Redactor
from chaoscloud.types import Experiment
from tests.plugin.wire import TEAM, TOKEN, orders_experiment, shop_session

EXPERIMENTS = f"{TEAM}/experiments"


def test_a_new_experiment_gets_its_id(requests_mock: Mocker) -> None:
    """201 names it; it is noted in the block."""
    requests_mock.post(EXPERIMENTS, status_code=201, json={"id": "e1"})
    experiment = orders_experiment()

    answer = publish_experiment(shop_session(), experiment)

    assert answer is not None
    assert answer.status_code == 201
    assert get_experiment_id(experiment) == "e1"
    assert requests_mock.request_history[0].json() == {"experiment": orders_experiment()}


def test_an_unchanged_experiment_keeps_its_id(requests_mock: Mocker) -> None:
    """204 comes without one."""
    requests_mock.post(EXPERIMENTS, status_code=204)
    experiment = orders_experiment(experiment_id="e1")

    publish_experiment(shop_session(), experiment)

    assert get_experiment_id(experiment) == "e1"


@pytest.mark.parametrize("status", [301, 400, 401, 422, 500])
def test_a_refused_experiment_is_left_as_it_is(requests_mock: Mocker, status: int) -> None:
    """The answer comes back for the caller to decide."""
    requests_mock.post(EXPERIMENTS, status_code=status, json={"id": "trap"})
    experiment = orders_experiment()

    answer = publish_experiment(shop_session(), experiment)

    assert answer is not None
    assert answer.status_code == status
    assert experiment == orders_experiment()


@pytest.mark.parametrize("body", ["", "not json", "[]", '"text"', '{"id": null}', "[" * 100_000])
def test_an_answer_without_an_id_is_said(
    requests_mock: Mocker, caplog: pytest.LogCaptureFixture, body: str
) -> None:
    """Something that is no console may answer 201."""
    requests_mock.post(EXPERIMENTS, status_code=201, text=body)
    experiment = orders_experiment()

    publish_experiment(shop_session(), experiment)

    assert experiment == orders_experiment()
    assert "names no id" in caplog.text


def test_a_console_that_is_down_gives_none_and_one_line(
    requests_mock: Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    """Reporting is a courtesy."""
    requests_mock.post(EXPERIMENTS, exc=requests.ConnectionError("refused"))

    answer = publish_experiment(shop_session(), orders_experiment())

    assert answer is None
    assert [(line.name, line.levelname) for line in caplog.records] == [("chaostoolkit", "WARNING")]
    assert "could not be published" in caplog.text


def test_the_same_line_is_said_once_a_session(
    requests_mock: Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    """Again, it is for the debug log."""
    requests_mock.post(EXPERIMENTS, status_code=500)
    session = shop_session()
    caplog.set_level(logging.DEBUG, "chaostoolkit")

    publish_experiment(session, orders_experiment())
    publish_experiment(session, orders_experiment())

    assert [line.levelname for line in caplog.records] == ["WARNING", "DEBUG"]


def test_a_quiet_session_says_nothing_but_to_the_debug_log(
    requests_mock: Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    """For callers with words of their own."""
    requests_mock.post(EXPERIMENTS, status_code=500)
    session = shop_session()
    session.quiet = True
    caplog.set_level(logging.DEBUG, "chaostoolkit")

    publish_experiment(session, orders_experiment())

    assert [line.levelname for line in caplog.records] == ["DEBUG"]


@pytest.mark.parametrize("path", ["/home/ada/orders.json", "None", None])
def test_the_local_path_stays_here(requests_mock: Mocker, path: str | None) -> None:
    """Neither it nor a text that stands for its absence is sent, and the block keeps it."""
    requests_mock.post(EXPERIMENTS, status_code=201, json={"id": "e1"})
    experiment = orders_experiment(experiment_path=path)

    publish_experiment(shop_session(), experiment)

    sent = requests_mock.request_history[0]
    assert sent.json() == {"experiment": orders_experiment()}
    assert experiment == orders_experiment(experiment_path=path, experiment_id="e1")


def test_the_token_stays_here(requests_mock: Mocker) -> None:
    """Wherever it may stand in the experiment."""
    requests_mock.post(EXPERIMENTS, status_code=201, json={"id": "e1"})
    experiment: Experiment = {"title": "Orders", "headers": {"X": f"Bearer {TOKEN}"}}

    publish_experiment(shop_session(), experiment)

    assert TOKEN not in requests_mock.request_history[0].text


def test_a_redactor_that_is_given_is_used(requests_mock: Mocker) -> None:
    """It knows the secrets of the run."""
    requests_mock.post(EXPERIMENTS, status_code=201, json={"id": "e1"})
    experiment: Experiment = {"title": "Orders with hunter-2-hunter"}

    publish_experiment(
        shop_session(), experiment, redactor=Redactor({"db": {"password": "hunter-2-hunter"}})
    )

    assert "hunter-2-hunter" not in requests_mock.request_history[0].text


def test_what_is_not_json_is_not_sent(
    requests_mock: Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    """One line says why."""
    experiment: Experiment = {"title": "Orders", "configuration": {"when": object()}}

    answer = publish_experiment(shop_session(), experiment)

    assert answer is None
    assert requests_mock.request_history == []
    assert "not JSON" in caplog.text


def test_each_creation_has_a_key_of_its_own(requests_mock: Mocker) -> None:
    """So a console that hears one twice makes one."""
    requests_mock.post(EXPERIMENTS, status_code=201, json={"id": "e1"})
    session = shop_session()

    publish_experiment(session, orders_experiment())
    publish_experiment(session, orders_experiment())

    first, second = (sent.headers["Idempotency-Key"] for sent in requests_mock.request_history)
    assert first != second


def test_a_key_that_is_given_is_sent(requests_mock: Mocker) -> None:
    """Whoever sends again what was sent before knows it."""
    requests_mock.post(EXPERIMENTS, status_code=201, json={"id": "e1"})

    publish_experiment(shop_session(), orders_experiment(), "the-same")

    assert requests_mock.request_history[0].headers["Idempotency-Key"] == "the-same"


def test_an_id_is_noted_in_an_experiment_without_extensions() -> None:
    """The block is made."""
    experiment: Experiment = {"title": "Orders"}

    set_experiment_id("e1", experiment)

    assert get_experiment_id(experiment) == "e1"
