"""Whether a run may go on, as the console says or does not say."""

from typing import Any

import pytest
import requests
from chaoslib.exceptions import InterruptExecution
from requests_mock import Mocker

from chaoscloud.api.safeguard import (
    is_allowed_to_continue,
    set_applied_safeguards_for_execution,
)
from chaoscloud.types import Extensions, Journal
from tests.plugin.wire import TEAM, extensions, shop_session

POLICIES = f"{TEAM}/experiments/e1/executions/x1/policies"


def _known() -> Extensions:
    return extensions(experiment_id="e1", execution_id="x1")


def test_a_yes_lets_the_run_go_on(requests_mock: Mocker, caplog: pytest.LogCaptureFixture) -> None:
    """And says nothing."""
    requests_mock.get(POLICIES, json={"allowed": True})

    is_allowed_to_continue(shop_session(), _known())

    assert requests_mock.call_count == 1
    assert caplog.messages == []


def test_a_no_interrupts_the_run_and_names_the_policies(requests_mock: Mocker) -> None:
    """One a line; they are noted for the journal."""
    policies = [{"name": "Office hours"}, {"name": "Stop switch", "id": "p2"}]
    requests_mock.get(POLICIES, json={"allowed": False, "policies": policies})
    known = _known()
    journal: Journal = {}

    with pytest.raises(InterruptExecution) as interrupted:
        is_allowed_to_continue(shop_session(), known)
    set_applied_safeguards_for_execution(known, journal)

    assert str(interrupted.value).splitlines() == [
        "The following safe guards disallow this execution from continuing:",
        "Office hours",
        "Stop switch",
    ]
    assert journal["extensions"] == [{"name": "chaosiq", "safeguards": policies}]


@pytest.mark.parametrize("policies", [None, [], "all of them", ["Office hours"], [{"id": "p1"}]])
def test_a_no_without_names_is_a_no(requests_mock: Mocker, policies: Any) -> None:
    """Guarding is a promise: what stands beside the no does not matter."""
    requests_mock.get(POLICIES, json={"allowed": False, "policies": policies})

    with pytest.raises(InterruptExecution, match="safe guards disallow"):
        is_allowed_to_continue(shop_session(), _known())


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_an_error_lets_the_run_go_on_and_is_said(
    requests_mock: Mocker, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    """Even one that comes with a no: it decides nothing."""
    requests_mock.get(POLICIES, status_code=status, json={"allowed": False})

    is_allowed_to_continue(shop_session(), _known())

    assert "carries on" in caplog.text


@pytest.mark.parametrize(
    "body", ["", "not json", "[]", "{}", '{"allowed": "no"}', '{"allowed": 0}']
)
def test_an_answer_that_says_neither_lets_the_run_go_on_and_is_said(
    requests_mock: Mocker, caplog: pytest.LogCaptureFixture, body: str
) -> None:
    """Only an explicit no is one."""
    requests_mock.get(POLICIES, text=body)

    is_allowed_to_continue(shop_session(), _known())

    assert "cannot be understood" in caplog.text


def test_a_console_that_is_down_lets_the_run_go_on_and_is_said_once(
    requests_mock: Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    """It is asked around each activity."""
    requests_mock.get(POLICIES, exc=requests.ConnectionError("refused"))
    session = shop_session()

    is_allowed_to_continue(session, _known())
    is_allowed_to_continue(session, _known())

    warnings = [line for line in caplog.records if line.levelname == "WARNING"]
    assert requests_mock.call_count == 2
    assert len(warnings) == 1


@pytest.mark.parametrize("blocks", [None, [], extensions(experiment_id="e1")])
def test_a_run_nobody_knows_is_not_asked_about(
    requests_mock: Mocker, blocks: Extensions | None
) -> None:
    """It was not recorded."""
    is_allowed_to_continue(shop_session(), blocks)

    assert requests_mock.request_history == []


def test_a_run_nothing_stopped_has_no_safeguards_in_its_journal() -> None:
    """Null, and not an empty list."""
    journal: Journal = {}

    set_applied_safeguards_for_execution(_known(), journal)

    assert journal["extensions"] == [{"name": "chaosiq", "safeguards": None}]
