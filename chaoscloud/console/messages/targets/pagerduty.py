"""PagerDuty, by its Events API v2 (developer.pagerduty.com/docs/events-api-v2)."""

from typing import Annotated, Any

import msgspec

from chaoscloud.console.messages.events import (
    IMPACTED,
    LOST_CONTACT,
    MISSED,
    TEST,
    UNANSWERED,
    WITH_OUTCOME,
    ConsoleEvent,
)
from chaoscloud.console.messages.outbox import SendResult
from chaoscloud.console.messages.targets._http import Url, ensure_http_url, post_json
from chaoscloud.console.messages.targets._text import is_good
from chaoscloud.console.messages.targets.target import SECRET_SHOWN, Sending, Target
from chaoscloud.console.rules.safeguards.fields import Field

_SEVERITIES = {LOST_CONTACT: "error", UNANSWERED: "error", IMPACTED: "error", MISSED: "warning"}
_BY_OUTCOME = {"deviated": "error", "interrupted": "info", "refused": "info", "passed": "warning"}


class PagerDutySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The integration key of a service; `url` differs for accounts in the EU."""

    routing_key: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9]{16,64}$")]
    url: Url = "https://events.pagerduty.com"

    def __post_init__(self) -> None:
        """Refuse what is no address."""
        ensure_http_url(self.url)


class PagerDutyTarget(Target[PagerDutySettings]):
    """Opens incidents for what went wrong; what is only news is a change event."""

    name = "pagerduty"
    label = "PagerDuty"
    purpose = "What went wrong opens an alert, a run that ended well resolves it; the rest is news."
    settings = PagerDutySettings
    fields = (
        Field("routing_key", "Integration key", "The integration key", wide=True),
        Field(
            "url",
            "Address (https://events.eu.pagerduty.com for accounts in the EU)",
            "The address",
            initial="https://events.pagerduty.com",
            wide=True,
            type="url",
        ),
    )
    secret_settings = frozenset({"routing_key"})
    calls = "url"

    async def send(
        self, event: ConsoleEvent, settings: PagerDutySettings, sending: Sending
    ) -> SendResult:
        """Post an alert or a change event."""
        path, document = write_document(event, settings, sending)
        return await post_json(sending, f"{settings.url.rstrip('/')}{path}", document)

    def describe(self, settings: PagerDutySettings) -> str:
        """The end of the key."""
        return f"integration key …{settings.routing_key[-SECRET_SHOWN:]}"


def write_document(
    event: ConsoleEvent, settings: PagerDutySettings, sending: Sending
) -> tuple[str, dict[str, Any]]:
    """The address's path, and what is posted there."""
    url = sending.url_of(event)
    common = {
        "routing_key": settings.routing_key,
        "links": [{"href": url, "text": "Open in the console"}],
    }
    payload = {
        "summary": event.sentence[:1024],
        "source": sending.config.address,
        "timestamp": event.time,
    }
    if event.type in WITH_OUTCOME and is_good(event):
        return "/v2/enqueue", {**common, "event_action": "resolve", "dedup_key": event.subject_id}
    severity = find_severity(event)
    if severity is None:
        details = {"id": event.id, "type": event.type}
        return "/v2/change/enqueue", {**common, "payload": {**payload, "custom_details": details}}
    return "/v2/enqueue", {
        **common,
        "event_action": "trigger",
        "dedup_key": event.subject_id,
        "client": "ChaosIQ console",
        "client_url": url,
        "payload": {
            **payload,
            "severity": severity,
            "component": event.title,
            "group": event.team or event.organization,
            "class": event.type,
        },
    }


def find_severity(event: ConsoleEvent) -> str | None:
    """How bad it is; None for what is only news."""
    if event.type in WITH_OUTCOME and event.type != UNANSWERED:
        return _BY_OUTCOME.get(event.outcome or "", "warning")
    return "info" if event.type == TEST else _SEVERITIES.get(event.type)


TARGET = PagerDutyTarget()
