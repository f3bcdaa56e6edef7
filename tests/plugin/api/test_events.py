"""What happens in a run, as CloudEvents."""

import json
import logging
from datetime import datetime
from typing import Any

import pytest
import requests
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from cloudevents.core.formats.json import JSONFormat
from requests_mock import Mocker

from chaoscloud.api.execution import get_tz, publish_event
from tests.plugin.wire import (
    TEAM,
    TOKEN,
    extensions,
    orders_experiment,
    orders_journal,
    shop_session,
)

EVENTS = f"{TEAM}/experiments/e1/executions/x1/events"
KNOWN = extensions(experiment_id="e1", execution_id="x1")


def _publish(context: Any, state: Any = None, secrets: Any = None) -> requests.Response | None:
    return publish_event(
        shop_session(), "activity-finished", context, {}, secrets, KNOWN, {}, state
    )


def _data(requests_mock: Mocker) -> Any:
    return json.loads(requests_mock.request_history[-1].json()["data"])


def test_an_event_is_a_cloud_event_in_structured_mode(requests_mock: Mocker) -> None:
    """Each attribute as the original's consoles read it."""
    requests_mock.post(EVENTS, status_code=201, json={"id": "one"})

    answer = _publish({"name": "stop-a-broker"}, {"status": "succeeded"})

    sent = requests_mock.request_history[0]
    event = sent.json()
    assert answer is not None
    assert answer.status_code == 201
    assert sent.headers["Content-Type"] == "application/cloudevents+json"
    assert event.pop("id")
    assert datetime.fromisoformat(event.pop("time")).tzinfo is not None
    assert event == {
        "specversion": "1.0",
        "source": "chaosiq-cloud",
        "type": "activity-finished",
        "datacontenttype": "application/json",
        "data": '{"context": {"name": "stop-a-broker"}, "state": {"status": "succeeded"}}',
    }


def test_the_official_library_reads_it(requests_mock: Mocker) -> None:
    """The `data` it finds is a string that holds JSON."""
    requests_mock.post(EVENTS, status_code=201)

    _publish({"name": "stop-a-broker"}, {"status": "succeeded"})

    sent = requests_mock.request_history[0]
    event = from_http_event(HTTPMessage(dict(sent.headers), sent.body), JSONFormat())
    data = event.get_data()
    assert event.get_type() == "activity-finished"
    assert event.get_source() == "chaosiq-cloud"
    assert event.get_time() is not None
    assert isinstance(data, str)
    assert json.loads(data)["context"] == {"name": "stop-a-broker"}


def test_each_event_has_an_id_of_its_own(requests_mock: Mocker) -> None:
    """By which a console knows one it has seen."""
    requests_mock.post(EVENTS, status_code=201)

    _publish({"name": "stop-a-broker"})
    _publish({"name": "stop-a-broker"})

    first, second = (sent.json()["id"] for sent in requests_mock.request_history)
    assert first != second


def test_an_id_that_is_given_is_the_events(requests_mock: Mocker) -> None:
    """Whoever sends again what was sent before knows it."""
    requests_mock.post(EVENTS, status_code=201)

    publish_event(
        shop_session(), "starting-method", {}, None, None, KNOWN, None, event_id="the-same"
    )

    assert requests_mock.request_history[0].json()["id"] == "the-same"


@pytest.mark.parametrize("blocks", [None, [], extensions(experiment_id="e1")])
def test_an_event_of_no_execution_is_not_sent(
    requests_mock: Mocker, blocks: list[dict[str, Any]] | None
) -> None:
    """There is nothing it could belong to."""
    answer = publish_event(shop_session(), "starting-method", {}, {}, {}, blocks, {})

    assert answer is None
    assert requests_mock.request_history == []


def test_a_state_that_is_not_json_gives_way_to_the_reason(requests_mock: Mocker) -> None:
    """What it happened to is still told, and no folder of this machine."""
    requests_mock.post(EVENTS, status_code=201)

    _publish({"name": "stop-a-broker"}, {"output": object()})

    data = _data(requests_mock)
    trace = data["error"].pop("trace")
    assert data == {
        "context": {"name": "stop-a-broker"},
        "state": None,
        "error": {"type": "json-serialization"},
    }
    assert "TypeError" in trace
    assert ".py" not in trace


def test_a_state_that_contains_itself_gives_way_to_the_reason(requests_mock: Mocker) -> None:
    """JSON has no end for it."""
    requests_mock.post(EVENTS, status_code=201)
    run: dict[str, Any] = {}
    run["run"] = run

    _publish({"name": "stop-a-broker"}, run)

    assert _data(requests_mock)["error"]["type"] == "json-serialization"


def test_a_context_that_is_not_json_is_null(requests_mock: Mocker) -> None:
    """The event is told even so."""
    requests_mock.post(EVENTS, status_code=201)

    _publish({"name": object()})

    assert _data(requests_mock)["context"] is None


def test_the_runs_secrets_stay_here(requests_mock: Mocker) -> None:
    """In outputs, urls and errors, with no redactor given: the secrets at hand are enough."""
    requests_mock.post(EVENTS, status_code=201)

    _publish(
        {"provider": {"url": "https://shop/?key=hunter-2-hunter"}},
        {"output": "denied: hunter-2-hunter", "exception": object()},
        {"broker": {"password": "hunter-2-hunter"}},
    )
    _publish(
        {}, {"output": f"hunter-2-hunter {TOKEN}"}, {"broker": {"password": "hunter-2-hunter"}}
    )

    sent = [request.text for request in requests_mock.request_history]
    assert len(sent) == 2
    assert not [text for text in sent if "hunter-2-hunter" in text or TOKEN in text]


@pytest.mark.parametrize("path", ["/home/ada/orders.json", "None"])
def test_the_local_path_stays_here(requests_mock: Mocker, path: str) -> None:
    """Events carry the experiment, and the journal that carries it again."""
    requests_mock.post(EVENTS, status_code=201)
    experiment = orders_experiment(experiment_path=path)

    _publish(experiment, {**orders_journal(), "experiment": experiment})

    assert "experiment_path" not in requests_mock.request_history[0].text
    assert experiment == orders_experiment(experiment_path=path)


@pytest.mark.parametrize("failure", [{"status_code": 503}, {"exc": requests.ConnectionError}])
def test_failing_events_are_for_the_debug_log(
    requests_mock: Mocker, caplog: pytest.LogCaptureFixture, failure: dict[str, Any]
) -> None:
    """There are many in a run: whoever sends them says it once."""
    requests_mock.post(EVENTS, **failure)
    caplog.set_level(logging.DEBUG, "chaostoolkit")

    _publish({"name": "stop-a-broker"})

    assert [line.levelname for line in caplog.records] == ["DEBUG"]


def test_the_time_zone_is_this_machines() -> None:
    """As the times of the journal are."""
    assert datetime.now(get_tz()).utcoffset() == datetime.now().astimezone().utcoffset()
