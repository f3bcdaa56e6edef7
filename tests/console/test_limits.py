"""How often, by which name, and how much: what the console turns away before it looks closer."""

import dataclasses
import gzip
import threading
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from chaoscloud.console.app import create_app
from chaoscloud.console.config import Config
from chaoscloud.console.db import Database
from chaoscloud.console.errors import TooManyRequests
from chaoscloud.console.middleware import ANY_ADDRESS, read_host
from chaoscloud.console.rates import FEWEST_CLEANED, RATES, RateLimiter, parse_rates
from tests.console.browser import Browser
from tests.console.conftest import Clock, Member
from tests.console.team import TeamApi

MEBIBYTE = 1024 * 1024


Limited = Callable[..., TestClient]


@pytest.fixture
def limited(config: Config, database: Database, now: Clock) -> Limited:
    """Make a client of a console with other settings: `limited(rates=…)`."""

    def make(**changes: Any) -> TestClient:
        app = create_app(dataclasses.replace(config, **changes), database, now=now)
        return TestClient(app, follow_redirects=False, raise_server_exceptions=False)

    return make


@pytest.fixture
def alert_address(bobs: TeamApi) -> tuple[str, str]:
    """The path of a safeguard that listens to alerts, and its secret."""
    safeguard = {"kind": "alert", "name": "Burning", "reason": "The budget burns"}
    created = bobs.post("/safeguards", safeguard).json()
    return f"/api/v1/alerts/{created['id']}", created["secret"]


# --- how often ------------------------------------------------------------------------------------


def test_a_token_that_asks_too_often_is_told_when_to_come_back(
    limited: Limited, ada: Member, bob: Member
) -> None:
    """Each token has its own count."""
    client = limited(rates=parse_rates("api=2/hour"))

    answers = [client.get("/api/v1/organizations", headers=ada.headers) for _ in range(3)]
    other = client.get("/api/v1/organizations", headers=bob.headers)

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 0 < int(answers[2].headers["retry-after"]) <= 3600
    assert answers[2].headers["content-type"] == "application/problem+json"
    assert other.status_code == 200


def test_after_its_time_a_client_may_ask_again() -> None:
    """The time that it is told to wait is the time that it takes."""
    seconds = 100.0
    limiter = RateLimiter(parse_rates("api=2/minute"), clock=lambda: seconds)
    limiter.count("api", "a token")
    limiter.count("api", "a token")
    seconds += 45

    with pytest.raises(TooManyRequests) as refusal:
        limiter.count("api", "a token")
    seconds += int(refusal.value.headers["Retry-After"])
    limiter.count("api", "a token")

    assert seconds == 160


def test_counting_starts_no_threads_and_forgets_clients_of_earlier(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A flood of tokens takes memory for as long as their limits last, and nothing else."""
    seconds = 0.0
    limiter = RateLimiter(parse_rates("api=2/minute"), clock=lambda: seconds)
    started: list[threading.Thread] = []
    monkeypatch.setattr(threading.Thread, "start", started.append)

    for number in range(10 * FEWEST_CLEANED):
        seconds += 0.1
        limiter.count("api", f"token {number}")

    assert len(limiter._windows) <= FEWEST_CLEANED
    assert started == []


def test_wrong_tokens_are_counted_and_right_ones_go_on(limited: Limited, bob: Member) -> None:
    """Who guesses is turned away; a pipeline behind the same address is not."""
    client = limited(rates=parse_rates("wrong-token=1/hour"))
    wrong = {"Authorization": "Bearer ciq_wrong"}

    guesses = [client.get("/api/v1/organizations", headers=wrong) for _ in range(2)]
    right = client.get("/api/v1/organizations", headers=bob.headers)

    assert [answer.status_code for answer in guesses] == [401, 429]
    assert right.status_code == 200


def test_sign_ins_are_counted(limited: Limited, bob: Member) -> None:
    """Right or wrong."""
    browser = Browser(limited(rates=parse_rates("signin=1/hour")))

    answers = [browser.sign_in("ciq_wrong"), browser.sign_in(bob.token)]

    assert [answer.status_code for answer in answers] == [401, 429]


def test_alerts_are_counted_before_their_secret_is_looked_at(limited: Limited) -> None:
    """Strangers cannot keep the console busy."""
    client = limited(rates=parse_rates("alerts=1/hour"))

    answers = [client.post("/api/v1/alerts/nobody", json={"alerts": []}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [401, 429]


def test_an_operator_changes_one_rate_and_keeps_the_others() -> None:
    """What is not named stays as it is."""
    assert parse_rates("signin = 5/second") == {**RATES, "signin": "5/second"}


@pytest.mark.parametrize("text", ["signin", "signin=often", "beer=1/minute", "=1/minute"])
def test_an_odd_rate_is_refused_in_words(text: str) -> None:
    """At the start, by what it should look like."""
    with pytest.raises(ValueError, match=r"rates? (are|looks)"):
        Config.from_environ({"CHAOSIQ_CONSOLE_RATES": text})


# --- by which name --------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["evil.example.com", "", "[", "chaos.example.com.evil.example"])
def test_a_name_that_is_not_the_consoles_is_refused(limited: Limited, host: str) -> None:
    """No answer carries an address that somebody else chose."""
    client = limited(hosts=frozenset({"chaos.example.com"}))

    answer = client.get("/signin", headers={"Host": host})

    assert answer.status_code == 421
    assert "CHAOSIQ_CONSOLE_HOSTS" in answer.json()["detail"]


@pytest.mark.parametrize("host", ["chaos.example.com", "CHAOS.example.com:8443", "10.1.2.3:8080"])
def test_the_consoles_own_names_are_answered(limited: Limited, host: str) -> None:
    """With a port or without, and by address where it listens on all of them."""
    client = limited(hosts=frozenset({"chaos.example.com", ANY_ADDRESS}))

    assert client.get("/signin", headers={"Host": host}).status_code == 200


def test_health_is_told_by_any_name(limited: Limited) -> None:
    """Orchestrators ask by the address of a pod."""
    client = limited(hosts=frozenset({"chaos.example.com"}))

    assert client.get("/healthz", headers={"Host": "10.0.0.7:8080"}).status_code == 200


def test_a_host_is_read_without_its_port() -> None:
    """Of each of the forms that a Host header has."""
    assert [read_host(value) for value in ("a:80", "A", "[::1]:80", "127.0.0.1:9")] == [
        "a",
        "a",
        "::1",
        "127.0.0.1",
    ]


@pytest.mark.parametrize("path", ["/signin", "/api/v1/organizations", "/healthz"])
def test_a_console_behind_https_has_browsers_remember_it(limited: Limited, path: str) -> None:
    """On every answer; one that is reached by http cannot."""
    secure = limited(public_url="https://chaos.example.com").get(path)
    plain = limited().get(path)

    assert secure.headers["strict-transport-security"] == "max-age=31536000"
    assert "strict-transport-security" not in plain.headers


# --- how much -------------------------------------------------------------------------------------


def test_strangers_alerts_are_refused_before_their_body_is_read(limited: Limited) -> None:
    """Not even that it is no gzip is found out."""
    client = limited()
    headers = {"Content-Encoding": "gzip", "Authorization": "Bearer guess"}

    answer = client.post("/api/v1/alerts/nobody", content=b"no gzip", headers=headers)

    assert answer.status_code == 401


def test_a_compressed_alert_is_no_larger_than_a_plain_one(
    limited: Limited, alert_address: tuple[str, str]
) -> None:
    """256 KiB, inflated."""
    client, (path, secret) = limited(), alert_address
    body = gzip.compress(b'{"alerts": [' + b" " * MEBIBYTE + b"]}")
    headers = {"Content-Encoding": "gzip", "Authorization": f"Bearer {secret}"}

    assert client.post(path, content=body, headers=headers).status_code == 413
