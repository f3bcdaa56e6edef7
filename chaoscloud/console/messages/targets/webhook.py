"""A webhook: the event as a CloudEvent, signed as Standard Webhooks says (standardwebhooks.com)."""

import base64
import secrets
from datetime import UTC, datetime
from typing import ClassVar

import msgspec
from standardwebhooks import Webhook

from chaoscloud.console.messages.events import ConsoleEvent, write_cloud_event
from chaoscloud.console.messages.outbox import SendResult
from chaoscloud.console.messages.targets._http import Url, ensure_http_url, host_of, post
from chaoscloud.console.messages.targets.target import Sending, Target
from chaoscloud.console.rules.safeguards.fields import Field

PREFIX = "whsec_"


class WebhookTargetSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where events are posted."""

    url: Url

    def __post_init__(self) -> None:
        """Refuse what is no address."""
        ensure_http_url(self.url)


class WebhookTarget(Target[WebhookTargetSettings]):
    """Posts CloudEvents."""

    name = "webhook"
    label = "Webhook"
    purpose = "Each event is posted to a service of yours as a signed CloudEvent."
    settings = WebhookTargetSettings
    fields = (
        Field(
            "url",
            "Address",
            "The address",
            wide=True,
            type="url",
            placeholder="https://hooks.example.com/chaos",
        ),
    )
    secret_settings: ClassVar[frozenset[str]] = frozenset()
    calls = "url"
    signs = True

    async def send(
        self, event: ConsoleEvent, settings: WebhookTargetSettings, sending: Sending
    ) -> SendResult:
        """Post the event, signed with every secret that is valid."""
        body = msgspec.json.encode(write_cloud_event(event, sending.config.address))
        return await post(sending, settings.url, body, sign(event.id, body, sending))

    def describe(self, settings: WebhookTargetSettings) -> str:
        """Its host."""
        return host_of(settings.url)


def make_secret() -> str:
    """A new secret, in the form that the specification gives it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def sign(message_id: str, body: bytes, sending: Sending) -> dict[str, str]:
    """The headers of a signed message."""
    at: datetime = sending.now.astimezone(UTC)
    signatures = [Webhook(secret).sign(message_id, at, body.decode()) for secret in sending.secrets]
    return {
        "Content-Type": "application/cloudevents+json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


TARGET = WebhookTarget()
