"""Organizations and teams, as the commands ask for them."""

from collections.abc import Callable

import pytest
import requests
from requests_mock import Mocker

from chaoscloud.api.organization import fetch_orgs, request_orgs
from chaoscloud.api.team import fetch_team, fetch_teams, request_team, request_teams
from tests.plugin.wire import TEAM, TOKEN

Ask = Callable[..., requests.Response]

every_request = pytest.mark.parametrize("ask", [request_orgs, request_teams, request_team])


@every_request
def test_a_list_is_asked_for_with_the_token(requests_mock: Mocker, ask: Ask) -> None:
    """The answer comes back as it is."""
    requests_mock.get(TEAM, json=[{"id": "acme", "name": "Acme"}])

    answer = ask(TEAM, TOKEN)

    sent = requests_mock.request_history[0]
    assert answer.json() == [{"id": "acme", "name": "Acme"}]
    assert sent.headers["Authorization"] == f"Bearer {TOKEN}"
    assert sent.timeout is not None


@every_request
def test_certificates_are_checked_unless_said_otherwise(
    requests_mock: Mocker, monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    """The third argument may switch it off."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    requests_mock.get(TEAM)

    ask(TEAM, TOKEN)
    ask(TEAM, TOKEN, False)

    assert [sent.verify for sent in requests_mock.request_history] == [True, False]


@every_request
@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_a_refusal_is_an_answer(requests_mock: Mocker, ask: Ask, status: int) -> None:
    """It is false in an `if`, which must not be taken for no answer at all."""
    requests_mock.get(TEAM, status_code=status)

    answer = ask(TEAM, TOKEN)

    assert answer is not None
    assert answer.status_code == status


@every_request
@pytest.mark.parametrize(
    "error",
    [requests.ConnectionError("refused"), requests.exceptions.SSLError("self-signed"), KeyError()],
)
def test_a_failing_call_is_none(requests_mock: Mocker, ask: Ask, error: Exception) -> None:
    """Whatever it is, errors of certificates and of adapters that others mount included."""
    requests_mock.get(TEAM, exc=error)

    assert ask(TEAM, TOKEN) is None


@pytest.mark.parametrize("fetch", [fetch_orgs, fetch_teams, fetch_team])
def test_commands_learn_why_there_is_no_answer(requests_mock: Mocker, fetch: Ask) -> None:
    """By an `OSError`, so they need not know `requests`."""
    requests_mock.get(TEAM, exc=requests.ConnectionError("refused"))

    with pytest.raises(OSError, match="refused"):
        fetch(TEAM, TOKEN)
