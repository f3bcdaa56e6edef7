"""A webhook: a service of the organization allows runs; the console asks it once a period."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from chaoscloud.console.rules.safeguards.fields import ChoiceField, DurationField, Field
from chaoscloud.console.rules.safeguards.kind import Kind
from chaoscloud.console.rules.safeguards.model import (
    Facts,
    Finding,
    Question,
    Safeguard,
    WebhookAnswer,
    denial,
)
from chaoscloud.outcome.durations import format_duration

LIMIT = 5.0  # seconds for one answer, from the name's look-up to the last byte


class WebhookSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to ask, how long an answer holds (`every`, seconds), and what counts without one."""

    url: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
    when_unanswered: Literal["allow", "deny"]
    every: Annotated[float, msgspec.Meta(ge=5, le=3600)] = 30.0

    def __post_init__(self) -> None:
        """Refuse what is no address to ask."""
        ensure_address(self.url)


class WebhookKind(Kind[WebhookSettings]):
    """Denies when the service denies, or when it gives no answer and that counts as a denial."""

    name = "webhook"
    label = "Webhook"
    purpose = "A service of yours is asked, and allows runs or not."
    settings = WebhookSettings
    fields = (
        Field(
            "url",
            "Address to ask",
            "The address",
            wide=True,
            type="url",
            placeholder="https://gate.example.com/chaos",
            hint='200 and {"ok": true} allows runs; any other answer denies, "reason" says why.',
        ),
        ChoiceField(
            "when_unanswered",
            "Without an answer",
            "What happens without an answer",
            initial="deny",
            choices=(("deny", "nothing runs"), ("allow", "runs are allowed")),
        ),
        DurationField("every", "Asked every", "How often it is asked", initial="30 s"),
    )
    needs_facts = True
    calls = "url"

    def decide(
        self, safeguard: Safeguard, settings: WebhookSettings, question: Question
    ) -> Finding:
        """Deny by the last answer; one that was never asked has given none."""
        answer = question.facts.answers.get(safeguard.id) or WebhookAnswer(
            None, "it was not asked yet", safeguard.since
        )
        if answer.ok or (answer.ok is None and settings.when_unanswered == "allow"):
            return Finding()
        prefix = "could not be asked: " if answer.ok is None else ""
        message = f" ({prefix}{answer.message})" if answer.message else ""
        return Finding(denial(safeguard, reason=safeguard.reason + message, since=answer.since))

    def describe(self, settings: WebhookSettings) -> str:
        """Whom it asks and how often."""
        fallback = "denies" if settings.when_unanswered == "deny" else "allows runs"
        period = format_duration(settings.every)
        return f"Asks {settings.url} every {period}; without an answer it {fallback}"

    def is_undecided(self, safeguard: Safeguard, facts: Facts) -> bool:
        """Whether it was never asked: it is when the first run wants to know."""
        return safeguard.id not in facts.answers


def ensure_address(url: str) -> None:
    """Raise `ValueError` unless this is an address the console may be asked to call."""
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("url: Expected an address without spaces and accents")
    try:
        parts = urlsplit(url)
        is_http = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_http = False
    if not is_http:
        raise ValueError("url: Expected an address such as https://gate.example.com/chaos")
    if "@" in parts.netloc:
        raise ValueError("url: Expected an address without a user's name or password")


KIND = WebhookKind()
