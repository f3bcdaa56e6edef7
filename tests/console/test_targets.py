"""What a message becomes at each target, and what the target's answer means."""

import asyncio
import json
import smtplib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from chaoscloud.console.config import Config
from chaoscloud.console.messages.events import (
    CORRECTED,
    FINISHED,
    LOST_CONTACT,
    STARTED,
    TEST,
    TYPES,
    ConsoleEvent,
)
from chaoscloud.console.messages.outbox import SendResult
from chaoscloud.console.messages.settings import load_settings, parse_settings
from chaoscloud.console.messages.targets import TARGETS, Sending, email
from chaoscloud.console.messages.targets._http import read_retry_after
from chaoscloud.console.outgoing import Client
from tests.console.receiver import LOOPBACK, OK, Call, OutgoingAnswer, Receiver, serving

NOW = datetime(2026, 3, 2, 9, 31, tzinfo=UTC)
EVENT = ConsoleEvent(
    id="0f0f6ee3-8a60-4a38-a6ff-4bb6b0d0f1a2",
    type=FINISHED,
    subject_id="run-1",
    organization_id="o-1",
    organization="acme",
    team_id="t-1",
    team="checkout",
    time=NOW,
    sentence="“Orders <survive> *a* loss” deviated.",
    path="/acme/checkout/executions/run-1",
    title="Orders <survive> *a* loss",
    tags=("kafka",),
    outcome="deviated",
    conclusive=True,
    started_at=NOW - timedelta(seconds=72),
    ended_at=NOW,
    duration=72.0,
)
PASSED = msgspec.structs.replace(EVENT, outcome="passed", sentence="“Orders” passed.")
STARTS = msgspec.structs.replace(
    EVENT, type=STARTED, outcome=None, ended_at=None, sentence="“Orders” started."
)
URL = "https://chaos.example.com/acme/checkout/executions/run-1"


def config(**settings: Any) -> Config:
    return Config(database_url="", data=None, public_url="https://chaos.example.com", **settings)  # type: ignore[arg-type]


def send(
    name: str, settings: dict[str, Any], *events: ConsoleEvent, receiver: Receiver | None = None
) -> tuple[list[SendResult], list[Call]]:
    """Send events to a receiver, one after another."""
    receiver = receiver or Receiver()

    async def run() -> list[SendResult]:
        async with serving(receiver):
            address = {"url": receiver.url.replace("/hook", "")} if TARGETS[name].calls else {}
            raw = parse_settings(name, json.dumps({**address, **settings}).encode())
            sending = Sending(config(), Client(LOOPBACK), NOW)
            target = TARGETS[name]
            return [await target.send(e, load_settings(name, raw), sending) for e in events]

    return asyncio.run(run()), receiver.calls


def test_slack_gets_a_line_in_which_nothing_is_a_format() -> None:
    """Titles come from anywhere: no mention, link or format is made of them."""
    [result], [call] = send("slack", {}, EVENT)

    text = call.document["blocks"][0]["text"]["text"]
    assert result.sent
    assert "&lt;survive&gt; *\u200ba*\u200b loss" in text
    assert f"<{URL}|Open in the console>" in text


def test_teams_gets_an_adaptive_card() -> None:
    """With the sentence, and a button that leads to the page."""
    [result], [call] = send("teams", {}, EVENT)

    card = call.document["attachments"][0]["content"]
    assert result.sent
    assert card["type"] == "AdaptiveCard"
    assert card["body"][1]["text"] == "“Orders <survive\\> \\*a\\* loss” deviated."
    assert card["actions"][0]["url"] == URL


def test_pagerduty_opens_an_alert_and_a_good_run_resolves_it() -> None:
    """Under one key for the run; a start is only news."""
    key = {"routing_key": "0123456789abcdef0123456789abcdef"}
    lost = msgspec.structs.replace(STARTS, type=LOST_CONTACT)

    results, calls = send("pagerduty", key, STARTS, lost, PASSED, EVENT)

    assert all(result.sent for result in results)
    assert [call.path for call in calls] == ["/v2/change/enqueue", *["/v2/enqueue"] * 3]
    assert [c.document.get("event_action") for c in calls] == [
        None,
        "trigger",
        "resolve",
        "trigger",
    ]
    assert {call.document["dedup_key"] for call in calls[1:]} == {"run-1"}
    assert calls[3].document["payload"]["severity"] == "error"


def test_a_corrected_outcome_resolves_its_alert_or_opens_one() -> None:
    """The same alert that the wrong end had opened."""
    key = {"routing_key": "0123456789abcdef0123456789abcdef"}
    fields = {"type": CORRECTED, "earlier_outcome": "failed"}
    good = msgspec.structs.replace(PASSED, **fields)
    bad = msgspec.structs.replace(EVENT, **fields)

    _, calls = send("pagerduty", key, good, bad)

    assert [call.document["event_action"] for call in calls] == ["resolve", "trigger"]


@pytest.mark.parametrize("type_", [*TYPES, CORRECTED, TEST])
@pytest.mark.parametrize("name", ["slack", "teams", "pagerduty", "webhook"])
def test_every_event_can_be_sent_everywhere(name: str, type_: str) -> None:
    """Of those that know no run, too."""
    settings = {"routing_key": "0123456789abcdef"} if name == "pagerduty" else {}
    bare = ConsoleEvent(
        type=type_,
        subject_id="s-1",
        organization_id="o-1",
        organization="acme",
        time=NOW,
        sentence="Something happened.",
        path="/acme",
    )

    [result], [call] = send(name, settings, bare)

    assert result.sent
    assert "Something happened." in call.body.decode()


# --- Grafana -----------------------------------------------------------------------------------


class Grafana:
    """The part of Grafana's API of annotations that is used."""

    def __init__(self) -> None:
        self.annotations: dict[int, dict[str, Any]] = {}

    def answer(self, call: Call) -> OutgoingAnswer:
        assert call.headers["authorization"] == "Bearer a-token"
        parts = urlsplit(call.path)
        if call.method == "GET":
            wanted = parse_qs(parts.query)["tags"][0]
            found = [
                {"id": id_, **annotation}
                for id_, annotation in self.annotations.items()
                if wanted in annotation["tags"]
            ]
            return 200, {"Content-Type": "application/json"}, json.dumps(found).encode()
        if call.method == "POST":
            id_ = len(self.annotations) + 1
            self.annotations[id_] = call.document
        else:
            id_ = int(parts.path.rpartition("/")[2])
            self.annotations[id_] |= call.document
        return 200, {}, json.dumps({"id": id_}).encode()


@pytest.fixture
def grafana() -> Grafana:
    return Grafana()


Region = Callable[..., dict[int, dict[str, Any]]]


@pytest.fixture
def region(grafana: Grafana) -> Region:
    def region(*events: ConsoleEvent) -> dict[int, dict[str, Any]]:
        receiver = Receiver(answer=grafana.answer)
        results, _ = send("grafana", {"token": "a-token"}, *events, receiver=receiver)
        assert all(result.sent for result in results), results
        return grafana.annotations

    return region


def test_grafana_gets_a_region_from_start_to_end(region: Region) -> None:
    """With the run's own tags, and no other's; however often each message is sent."""
    [annotation] = region(STARTS, STARTS, EVENT, EVENT).values()

    start = round((NOW - timedelta(seconds=72)).timestamp() * 1000)
    assert (annotation["time"], annotation["timeEnd"]) == (start, start + 72_000)
    assert set(annotation["tags"]) == {
        "chaos",
        "organization:acme",
        "team:checkout",
        "kafka",
        "outcome:deviated",
        "execution:run-1",
    }
    assert annotation["text"].endswith(URL)


def test_a_run_whose_runner_died_leaves_no_region_open(region: Region) -> None:
    """It is closed when contact is lost; an end that comes later all the same corrects it."""
    lost = msgspec.structs.replace(STARTS, type=LOST_CONTACT, time=NOW + timedelta(minutes=15))

    [annotation] = region(STARTS, lost).values()
    assert annotation["timeEnd"] == round((NOW + timedelta(minutes=15)).timestamp() * 1000)

    [annotation] = region(EVENT).values()
    assert annotation["timeEnd"] == round(NOW.timestamp() * 1000)


def test_a_corrected_outcome_changes_the_region(region: Region) -> None:
    """Its tag is what others choose regions by."""
    corrected = msgspec.structs.replace(
        PASSED, type=CORRECTED, outcome="failed", earlier_outcome="passed"
    )

    [annotation] = region(STARTS, PASSED, corrected).values()

    assert "outcome:failed" in annotation["tags"]
    assert "outcome:passed" not in annotation["tags"]


def test_a_region_whose_start_nobody_sent_is_made_whole(region: Region) -> None:
    """Of a run that began before the subscription."""
    [annotation] = region(EVENT).values()

    assert annotation["timeEnd"] - annotation["time"] == 72_000


def test_a_refusal_of_grafana_is_an_answer() -> None:
    """Of its token, say: tried again for a day, and shown."""
    receiver = Receiver(answer=lambda _: (401, {"Content-Type": "application/json"}, b'{"x": 1}'))

    [result], _ = send("grafana", {"token": "a-token"}, EVENT, receiver=receiver)

    assert (result.sent, result.retry, result.answer) == (False, True, 'status 401: {"x": 1}')


# --- mail --------------------------------------------------------------------------------------


class MailServer:
    """Takes the place of `smtplib.SMTP`; remembers what it was told."""

    steps: ClassVar[list[Any]] = []
    error: ClassVar[Exception | None] = None

    def __init__(self, host: str, port: int, **more: Any) -> None:
        self.steps.append((host, port))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: object, trace: TracebackType | None
    ) -> None:
        self.steps.append("quit")

    def ehlo(self) -> None:
        """Say who we are."""

    def has_extn(self, name: str) -> bool:
        return name == "starttls"

    def starttls(self, **more: Any) -> None:
        self.steps.append("starttls")

    def login(self, user: str, password: str) -> None:
        self.steps.append((user, password))

    def send_message(self, mail: EmailMessage) -> None:
        if self.error:
            raise self.error
        self.steps.append(mail)


def mail(monkeypatch: pytest.MonkeyPatch, error: Exception | None = None) -> SendResult:
    MailServer.steps, MailServer.error = [], error
    monkeypatch.setattr(smtplib, "SMTP", MailServer)
    set_up = config(smtp_url="smtp://me:p%40ss@mail.example.com:587", mail_from="chaos@example.com")
    settings = email.EmailSettings(to=("on-call@example.com", "bob@example.com"))
    sending = Sending(set_up, Client(), NOW)
    return asyncio.run(email.TARGET.send(EVENT, settings, sending))


def test_a_mail_is_short_and_has_an_id_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """After TLS and a sign-in; a second copy has the same id."""
    result = mail(monkeypatch)

    server, tls, login, sent, _ = MailServer.steps
    assert result.sent
    assert (server, tls, login) == (("mail.example.com", 587), "starttls", ("me", "p@ss"))
    assert sent["Message-ID"] == f"<{EVENT.id}@example.com>"
    assert sent["To"] == "on-call@example.com, bob@example.com"
    assert sent["Subject"] == "Deviated: Orders <survive> *a* loss (acme / checkout)"
    assert sent.get_content() == f"{EVENT.sentence}\n\n{URL}\n"


@pytest.mark.parametrize(
    ("error", "answer", "is_tried_again"),
    [
        (smtplib.SMTPAuthenticationError(535, b"p@ss is wrong"), "name and password", True),
        (smtplib.SMTPDataError(451, b"come back"), "answered 451 come back", True),
        (smtplib.SMTPRecipientsRefused({}), "refused every address", False),
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused", True),
    ],
)
def test_a_mail_server_s_answer_is_said_without_the_password(
    monkeypatch: pytest.MonkeyPatch, error: Exception, answer: str, is_tried_again: bool
) -> None:
    """And tried again where that may help."""
    result = mail(monkeypatch, error)

    assert (result.sent, result.retry) == (False, is_tried_again)
    assert answer in result.answer
    assert "p@ss" not in result.answer


def test_without_a_mail_server_it_is_said_what_is_missing() -> None:
    """To who subscribes, and with every message."""
    assert "CHAOSIQ_CONSOLE_SMTP_URL" in (email.TARGET.find_problem(config()) or "")


def test_a_title_with_a_line_break_makes_no_header() -> None:
    """Nobody adds addresses to a mail by the title of an experiment."""
    event = msgspec.structs.replace(EVENT, title="x\r\nBcc: eve@example.com")
    set_up = config(smtp_url="smtp://x", mail_from="chaos@example.com")

    with pytest.raises(ValueError, match="linefeed"):
        email.write_mail(event, email.EmailSettings(to=("a@b.c",)), Sending(set_up, Client(), NOW))


# --- answers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (OK, (True, False, None, False)),
        ((204, {}, b""), (True, False, None, False)),
        ((302, {"Location": "http://x/"}, b""), (False, True, None, False)),
        ((400, {}, b""), (False, False, None, False)),
        ((404, {}, b""), (False, True, None, False)),
        ((410, {}, b""), (False, False, None, True)),
        ((429, {"Retry-After": "7"}, b""), (False, True, 7.0, False)),
        ((503, {"Retry-After": "Mon, 02 Mar 2026 09:32:00 GMT"}, b""), (False, True, 60.0, False)),
        (None, (False, True, None, False)),
    ],
)
def test_what_an_answer_means(
    answer: OutgoingAnswer | None, expected: tuple[bool, bool, float | None, bool]
) -> None:
    """Taken, tried again, refused for good, or gone for ever."""
    [result], _ = send("slack", {}, EVENT, receiver=Receiver(answer=lambda _: answer))

    assert (result.sent, result.retry, result.retry_after, result.gone) == expected


@pytest.mark.parametrize("value", ["", "soon", "-1", "1.5"])
def test_a_retry_after_that_says_nothing_is_none(value: str) -> None:
    """The usual pause counts."""
    assert read_retry_after(value, NOW) is None


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("webhook", {"url": "ftp://x/"}),
        ("webhook", {"url": "https://x/#y"}),
        ("slack", {"url": "https://exa mple.com"}),
        ("email", {"to": []}),
        ("email", {"to": ["no address"]}),
        ("email", {"to": ["a@b.c\nBcc: d@e.f"]}),
        ("pagerduty", {"routing_key": "short"}),
        ("grafana", {"url": "https://x", "token": "two words"}),
        ("apprise", {"url": "no-scheme"}),
        ("webhook", {"url": "https://x/", "more": 1}),
    ],
)
def test_settings_that_make_no_sense_are_refused(name: str, settings: dict[str, Any]) -> None:
    """When they are written, not when the first message fails."""
    with pytest.raises(msgspec.ValidationError):
        parse_settings(name, json.dumps(settings).encode())


def test_no_repr_of_settings_is_logged_with_a_secret() -> None:
    """A subscription names itself by its id and its target."""
    masked = TARGETS["grafana"].mask(
        load_settings("grafana", '{"url": "https://x", "token": "glsa_abcdefgh"}')
    )

    assert masked == {"url": "https://x", "token": "…efgh", "dashboard": ""}
