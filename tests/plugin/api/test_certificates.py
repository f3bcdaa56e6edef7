"""Whom we believe to be the console."""

import ssl
from http import HTTPStatus
from pathlib import Path

import certifi
import pytest
import requests

from chaoscloud.api._http import ConsoleSession
from chaoscloud.api.causes import is_caused_by
from chaoscloud.api.ssl import verify_ssl_certificate
from tests.plugin.loopback import Handler, loopback, self_signed
from tests.plugin.wire import CONSOLE, TOKEN

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


def test_the_first_contact_tells_a_certificate_nobody_vouches_for(tmp_path: Path) -> None:
    """The token stays here, so that people can be asked first."""
    with (
        loopback(_ok, self_signed(tmp_path)) as console,
        pytest.raises(OSError, match="certificate") as refused,
    ):
        verify_ssl_certificate(console.url, TOKEN)

    assert is_caused_by(refused.value, ssl.SSLCertVerificationError)
    assert console.seen == []


def test_the_first_contact_without_the_check_tells_of_the_token(tmp_path: Path) -> None:
    """After people agreed: the same question, the check left out."""
    with loopback(lambda handler: handler.say(401), self_signed(tmp_path)) as console:
        answer = verify_ssl_certificate(console.url, TOKEN, False)

    assert answer.status_code == HTTPStatus.UNAUTHORIZED
    assert console.seen[0].method == "HEAD"
    assert console.seen[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_the_first_contact_with_nobody_is_no_matter_of_certificates() -> None:
    """A port where nobody listens any more."""
    with loopback(_ok) as console:
        removed = console.url.replace("http:", "https:")

    with pytest.raises(OSError, match="refused") as failed:
        verify_ssl_certificate(removed, TOKEN)

    assert not is_caused_by(failed.value, ssl.SSLCertVerificationError)


def test_the_first_contact_with_a_server_without_tls_is_no_matter_of_certificates() -> None:
    """`https` was typed for a console that speaks plain HTTP."""
    with loopback(_ok) as console, pytest.raises(OSError, match=r"(?i)ssl") as failed:
        verify_ssl_certificate(console.url.replace("http:", "https:"), TOKEN)

    assert not is_caused_by(failed.value, ssl.SSLCertVerificationError)


@pytest.mark.parametrize("status", [HTTPStatus.OK, HTTPStatus.FOUND, HTTPStatus.NOT_FOUND])
def test_any_other_status_accepts_the_token(status: HTTPStatus) -> None:
    """A console says 401 to a token it refuses; its front page may say anything else."""
    with loopback(lambda handler: handler.say(status)) as console:
        assert verify_ssl_certificate(console.url, TOKEN).status_code == status
