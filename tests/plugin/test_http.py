"""The session with the console: time limits, certificates, the token, one connection."""

import gzip
import ssl
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path

import certifi
import pytest
import requests
from requests_mock import Mocker

from chaoscloud import __version__
from chaoscloud.api._causes import is_caused_by
from chaoscloud.api._http import AnswerTooLarge, ConsoleAuth, ConsoleSession
from tests.plugin.loopback import Handler, drip, loopback, self_signed
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


def test_a_self_signed_certificate_is_refused_by_default(tmp_path: Path) -> None:
    """Nothing is said to a console whose certificate nobody vouches for."""
    with (
        loopback(_ok, self_signed(tmp_path)) as console,
        ConsoleSession(console.url, TOKEN) as session,
        pytest.raises(requests.RequestException) as refused,
    ):
        session.get(console.url)

    assert is_caused_by(refused.value, ssl.SSLCertVerificationError)
    assert console.seen == []


def test_a_missing_verify_tls_checks_certificates() -> None:
    """Null in the settings, as an old file may have it, is not the same as `false`."""
    unset: bool = None  # type: ignore[assignment]  # as people's files have it

    assert ConsoleSession(CONSOLE, TOKEN, verify_tls=unset).verify is True


def test_who_switched_verification_off_is_obeyed_and_not_warned(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A bundle in the environment does not switch it on again; warnings are errors here."""
    certificate = self_signed(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())

    with (
        loopback(_ok, certificate) as console,
        ConsoleSession(console.url, TOKEN, verify_tls=False) as session,
    ):
        answer = session.get(console.url)

    assert answer.status_code == HTTPStatus.OK


def test_a_bundle_of_the_environment_is_trusted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A company's own authority works the way it does for every `requests` program."""
    certificate = self_signed(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))

    with loopback(_ok, certificate) as console, ConsoleSession(console.url, TOKEN) as session:
        answer = session.get(console.url)

    assert answer.status_code == HTTPStatus.OK


def test_a_bundle_does_not_make_another_hosts_certificate_good(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A trusted certificate has to be the console's, too."""
    certificate = self_signed(tmp_path, "elsewhere.example.com")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))

    with (
        loopback(_ok, certificate) as console,
        ConsoleSession(console.url, TOKEN) as session,
        pytest.raises(requests.RequestException) as refused,
    ):
        session.get(console.url)

    assert is_caused_by(refused.value, ssl.SSLCertVerificationError)


def test_a_missing_bundle_is_a_failed_request_like_any_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`requests` itself raises a bare `OSError` for it."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))

    with (
        loopback(_ok, self_signed(tmp_path)) as console,
        ConsoleSession(console.url, TOKEN) as session,
        pytest.raises(requests.RequestException, match=r"missing\.pem"),
    ):
        session.get(console.url)


def test_every_call_has_time_limits(requests_mock: Mocker) -> None:
    """Three seconds to connect and ten for each wait, unless the call says otherwise."""
    requests_mock.get(TEAM)
    session = shop_session()

    session.get(TEAM)
    session.get(TEAM, timeout=1)
    session.send(session.prepare_request(requests.Request("GET", TEAM)))

    assert [sent.timeout for sent in requests_mock.request_history] == [(3.0, 10.0), 1, (3.0, 10.0)]


def test_a_silent_console_is_given_up() -> None:
    """A console that takes the request and never answers."""
    with (
        loopback(lambda handler: drip(handler, b"")) as console,
        ConsoleSession(console.url, TOKEN) as session,
        pytest.raises(requests.Timeout),
    ):
        session.get(console.url, timeout=0.05)


@pytest.mark.parametrize(
    "beginning",
    [b"", b"HTTP/1.1 200 OK\r\nX-Long: ", b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"],
    ids=["status", "headers", "body"],
)
def test_a_dripping_console_is_given_up(beginning: bytes) -> None:
    """Each byte arrives in time, and the whole would take for ever."""

    def answer(handler: Handler) -> None:
        handler.wfile.write(beginning)
        drip(handler, b"a")

    with loopback(answer) as console, ConsoleSession(console.url, TOKEN) as session:
        session.call_limit = 0.2
        with pytest.raises(requests.RequestException) as given_up:
            session.get(console.url)

    assert is_caused_by(given_up.value, TimeoutError)


def test_a_dripping_console_is_given_up_over_tls(tmp_path: Path) -> None:
    """The limit holds for encrypted connections as well."""

    def answer(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        drip(handler, b"a")

    with (
        loopback(answer, self_signed(tmp_path)) as console,
        ConsoleSession(console.url, TOKEN, verify_tls=False) as session,
    ):
        session.call_limit = 0.4
        with pytest.raises(requests.RequestException) as given_up:
            session.get(console.url)

    assert is_caused_by(given_up.value, TimeoutError)


def test_a_call_after_one_that_was_given_up_has_its_own_limit() -> None:
    """The next call starts anew, on a new connection."""
    answers = iter([lambda handler: drip(handler, b"a"), _ok])

    with (
        loopback(lambda handler: next(answers)(handler)) as console,
        ConsoleSession(console.url, TOKEN) as session,
    ):
        session.call_limit = 0.2
        with suppress(requests.RequestException):
            session.get(console.url)
        session.call_limit = 30
        answer = session.get(console.url)

    assert answer.content == b"[]"
    assert len(console.connections) == 2


def test_no_time_left_is_a_failed_request() -> None:
    """Not even a connection is made."""
    with loopback(_ok) as console, ConsoleSession(console.url, TOKEN) as session:
        session.call_limit = 0
        with pytest.raises(requests.RequestException):
            session.get(console.url)

    assert console.seen == []


def test_an_endless_answer_is_cut_off() -> None:
    """A console that sends more than we keep in memory."""
    with (
        loopback(lambda handler: handler.say(HTTPStatus.OK, b"a" * 2_000)) as console,
        ConsoleSession(console.url, TOKEN) as session,
    ):
        session.size_limit = 1_000
        with pytest.raises(AnswerTooLarge):
            session.get(console.url)


def test_the_size_of_an_answer_is_what_it_unpacks_to() -> None:
    """A few compressed bytes can hold a great many."""
    packed = gzip.compress(b"a" * 1_000_000)

    with (
        loopback(lambda handler: handler.say(200, packed, Content_Encoding="gzip")) as console,
        ConsoleSession(console.url, TOKEN) as session,
    ):
        session.size_limit = 500_000
        with pytest.raises(AnswerTooLarge):
            session.get(console.url)


def test_a_whole_answer_is_read_and_unpacked() -> None:
    """Limits do not change what arrives."""
    packed = gzip.compress(b'{"id": "e1"}')

    with (
        loopback(lambda handler: handler.say(200, packed, Content_Encoding="gzip")) as console,
        ConsoleSession(console.url, TOKEN) as session,
    ):
        assert session.get(console.url).json() == {"id": "e1"}


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
        gone = console.url

    with ConsoleSession(gone, TOKEN) as session, pytest.raises(requests.ConnectionError):
        session.get(gone)


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
