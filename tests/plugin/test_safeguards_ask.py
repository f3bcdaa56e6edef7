"""One question to the console, and what its answer says about the next one."""

from typing import Any

import pytest
import requests
from chaoslib.exceptions import InterruptExecution
from requests_mock import Mocker

from chaoscloud.api.policies import Allowed, NoAnswer
from chaoscloud.safeguards.ask import Reply, ask
from tests.plugin.wire import TEAM, extensions, shop_session

POLICIES = f"{TEAM}/experiments/e1/executions/x1/policies"
KNOWN = extensions(experiment_id="e1", execution_id="x1")


def test_it_asks_about_its_execution(requests_mock: Mocker) -> None:
    """An ordinary question says nothing of waiting."""
    requests_mock.get(POLICIES, json={"allowed": True})

    reply = ask(shop_session(), KNOWN)

    assert reply == Reply(Allowed())
    assert "Prefer" not in requests_mock.request_history[0].headers


def test_a_server_that_keeps_questions_says_so(requests_mock: Mocker) -> None:
    """Its verdict has a tag, which the next question carries."""
    headers = {"ETag": '"monday"', "Preference-Applied": "wait=25"}
    requests_mock.get(POLICIES, json={"allowed": True}, headers=headers)
    session = shop_session()

    reply = ask(session, KNOWN, wait=25)
    ask(session, KNOWN, before=reply, wait=25)

    assert reply == Reply(Allowed(), '"monday"', held=True)
    asked = requests_mock.request_history[1].headers
    assert (asked["If-None-Match"], asked["Prefer"]) == ('"monday"', "wait=25")


def test_unchanged_is_the_answer_before(requests_mock: Mocker) -> None:
    """304 has no body."""
    requests_mock.get(POLICIES, status_code=304, headers={"Preference-Applied": "Wait = 25"})
    before = Reply(Allowed(required=True), '"monday"')

    reply = ask(shop_session(), KNOWN, before=before, wait=25)

    assert reply == Reply(Allowed(required=True), '"monday"', held=True)


def test_unchanged_without_a_before_is_no_answer(requests_mock: Mocker) -> None:
    """A server that says so to who knows nothing is not well."""
    requests_mock.get(POLICIES, status_code=304)

    assert isinstance(ask(shop_session(), KNOWN).answer, NoAnswer)


@pytest.mark.parametrize(
    "trouble",
    [
        {"status_code": 401},
        {"status_code": 404, "json": {"title": "Not Found"}},
        {"status_code": 500, "text": "<html>", "headers": {"ETag": '"an error"'}},
        {"text": "<html>welcome</html>"},
        {"exc": requests.ConnectionError("refused")},
        {"exc": requests.Timeout("nobody")},
        {"exc": KeyError("a mistake of ours")},
    ],
)
def test_trouble_is_no_answer_and_has_no_tag(requests_mock: Mocker, trouble: Any) -> None:
    """So the next question is answered at once, and who comes back is heard at once."""
    requests_mock.get(POLICIES, **trouble)

    reply = ask(shop_session(), KNOWN, wait=25)

    assert isinstance(reply.answer, NoAnswer)
    assert reply.answer.reason
    assert reply.tag is None


def test_a_run_the_console_does_not_know_is_not_asked_about(requests_mock: Mocker) -> None:
    """It is recorded on this machine only, so far."""
    reply = ask(shop_session(), extensions(experiment_id="e1"))

    assert isinstance(reply.answer, NoAnswer)
    assert requests_mock.request_history == []


def test_a_stop_that_arrives_while_asking_passes(requests_mock: Mocker) -> None:
    """It is not taken for a failed question."""
    requests_mock.get(POLICIES, exc=InterruptExecution("SIGTERM signal received"))

    with pytest.raises(InterruptExecution):
        ask(shop_session(), KNOWN)
