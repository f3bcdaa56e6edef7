"""The session with the console: one connection, one token, one place it goes to."""

from http import HTTPStatus
from pathlib import Path

import pytest
import requests
from requests_mock import Mocker

from chaoscloud import __version__
from chaoscloud.api._http import ConsoleAuth, ConsoleSession
from tests.plugin.loopback import Handler, loopback
from tests.plugin.wire import CONSOLE, TEAM, TOKEN, shop_session

pytestmark = pytest.mark.loopback


@pytest.fixture(autouse=True)
def _nobodys_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No proxies, certificates or `~/.netrc` of whoever runs the tests."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")


def _ok(handler: Handler) -> None:
    handler.say(HTTPStatus.OK, b"[]")


def test_many_requests_share_one_connection() -> None:
    """Events, checks and journals of a run all go through one connection."""
    with loopback(_ok) as console, ConsoleSession(console.url, TOKEN) as session:
        for _ in range(20):
            session.post(f"{console.url}/events", json={"type": "starting-activity"})
            session.get(f"{console.url}/policies")

    assert len(console.seen) == 40
    assert len(console.connections) == 1


def test_answers_without_a_body_keep_the_connection() -> None:
    """204, HEAD and refusals give the connection back as well."""
    statuses = iter([HTTPStatus.NO_CONTENT, HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE])

    with (
        loopback(lambda handler: handler.say(next(statuses))) as console,
        ConsoleSession(console.url, TOKEN) as session,
    ):
        session.put(console.url)
        session.head(console.url)
        session.get(console.url)

    assert len(console.connections) == 1


def test_the_console_learns_who_calls(requests_mock: Mocker) -> None:
    """The token and our version go along, under the names everybody uses."""
    requests_mock.get(TEAM)

    shop_session().get(TEAM)

    sent = requests_mock.request_history[0].headers
    assert sent["Authorization"] == f"Bearer {TOKEN}"
    assert sent["User-Agent"] == f"chaosiq-cloud/{__version__}"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://elsewhere.example.com/",
        "https://console.example.com.evil.example/",
        "https://console.example.com:8443/",
        "http://console.example.com/",
    ],
)
def test_the_token_goes_to_the_consoles_origin_only(requests_mock: Mocker, elsewhere: str) -> None:
    """Another host, port or scheme is somebody else."""
    requests_mock.get(elsewhere)

    shop_session().get(elsewhere)

    assert "Authorization" not in requests_mock.request_history[0].headers


@pytest.mark.parametrize(
    "same", ["https://CONSOLE.example.com/", "https://console.example.com:443/"]
)
def test_an_origin_may_be_written_differently(requests_mock: Mocker, same: str) -> None:
    """Capital letters and the scheme's own port make no other console."""
    requests_mock.get(same)

    shop_session().get(same)

    assert "Authorization" in requests_mock.request_history[0].headers


def test_netrc_does_not_replace_the_token(tmp_path: Path) -> None:
    """`requests` would prefer an entry in `~/.netrc` to the header of a session."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login ada password from-netrc\n")

    with loopback(_ok) as console, ConsoleSession(console.url, TOKEN) as session:
        session.get(console.url)

    assert console.seen[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_netrc_does_not_stand_in_for_a_missing_token(tmp_path: Path) -> None:
    """Without a token of ours, no other one is sent."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login ada password from-netrc\n")

    with loopback(_ok) as console, ConsoleSession(console.url, None) as session:
        session.get(console.url)

    assert "Authorization" not in console.seen[0].headers


def test_a_redirect_is_not_followed() -> None:
    """Neither the token nor a journal goes where an answer points to."""
    with loopback(_ok) as elsewhere:
        trap = f"{elsewhere.url}/trap"
        with (
            loopback(lambda handler: handler.say(307, Location=trap)) as console,
            ConsoleSession(console.url, TOKEN) as session,
        ):
            statuses = [
                session.request(method, console.url, data=b"{}", allow_redirects=True).status_code
                for method in ("HEAD", "GET", "POST", "PUT")
            ]

    assert statuses == [307] * 4
    assert elsewhere.seen == []


def test_a_redirect_to_nonsense_is_an_answer_like_any_other() -> None:
    """A `Location` no library can read does not raise."""
    with (
        loopback(lambda handler: handler.say(302, Location="http://[half")) as console,
        ConsoleSession(console.url, TOKEN) as session,
    ):
        assert session.get(console.url).status_code == 302


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {}),
        ("PUT", {}),
        ("POST", {"Idempotency-Key": "one"}),
        ("POST", {"Content-Type": "application/cloudevents+json"}),
    ],
)
def test_a_connection_closed_meanwhile_is_opened_again(
    method: str, headers: dict[str, str]
) -> None:
    """A server may close an idle connection just as we speak: what may be repeated is, once."""
    calls: list[str] = []

    def answer(handler: Handler) -> None:
        calls.append(handler.command)
        if len(calls) == 1:
            handler.close_connection = True
        else:
            _ok(handler)

    with loopback(answer) as console, ConsoleSession(console.url, TOKEN) as session:
        status = session.request(method, console.url, headers=headers).status_code

    assert status == HTTPStatus.OK
    assert calls == [method, method]


def test_what_may_not_be_repeated_is_sent_once() -> None:
    """A creation without a key could be made twice."""

    def hang_up(handler: Handler) -> None:
        handler.close_connection = True

    with (
        loopback(hang_up) as console,
        ConsoleSession(console.url, TOKEN) as session,
        pytest.raises(requests.ConnectionError),
    ):
        session.post(console.url, json={})

    assert len(console.seen) == 1


def test_a_console_that_always_hangs_up_is_given_up() -> None:
    """One repetition, not one after the other."""

    def hang_up(handler: Handler) -> None:
        handler.close_connection = True

    with (
        loopback(hang_up) as console,
        ConsoleSession(console.url, TOKEN) as session,
        pytest.raises(requests.ConnectionError),
    ):
        session.get(console.url)

    assert len(console.seen) == 2


def test_nobody_at_the_address_is_a_failed_request() -> None:
    """A port where nobody listens any more."""
    with loopback(_ok) as console:
        removed = console.url

    with ConsoleSession(removed, TOKEN) as session, pytest.raises(requests.ConnectionError):
        session.get(removed)


def test_a_token_with_an_accent_is_for_the_console_to_refuse() -> None:
    """What was pasted by mistake travels as UTF-8, and does not break a run."""
    with loopback(_ok) as console, ConsoleSession(console.url, "clé") as session:
        session.get(console.url)

    sent = console.seen[0].headers["Authorization"]
    assert str(sent).encode("latin-1").decode() == "Bearer clé"


@pytest.mark.parametrize("token", ["two\nlines", "nul\0"])
def test_a_token_no_header_can_carry_is_a_failed_request(token: str) -> None:
    """`http.client` would raise a bare `ValueError` that shows the token."""
    with (
        loopback(_ok) as console,
        ConsoleSession(console.url, token) as session,
        pytest.raises(requests.RequestException) as failed,
    ):
        session.get(console.url)

    assert token[:3] not in str(failed.value)
    assert console.seen == []


@pytest.mark.parametrize(
    "url", ["https://console.example.com:99999", "https://[half", "no address", "https://é*.x..y"]
)
def test_what_is_no_address_is_a_failed_request(url: str) -> None:
    """A mistake in the settings, found when the first request is made."""
    with ConsoleSession(url, TOKEN) as session, pytest.raises(requests.RequestException):
        session.get(url)


def test_spaces_around_a_token_are_no_part_of_it(requests_mock: Mocker) -> None:
    """A line end that came with the copy."""
    requests_mock.get(TEAM)

    ConsoleSession(TEAM, f" {TOKEN}\n").get(TEAM)

    assert requests_mock.request_history[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_the_token_is_hidden_from_reprs() -> None:
    """What is printed by mistake does not hold it."""
    assert TOKEN not in repr(ConsoleAuth(CONSOLE, TOKEN))
