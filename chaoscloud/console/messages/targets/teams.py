"""Microsoft Teams, by a workflow that posts an Adaptive Card when a webhook is called."""

import msgspec

from chaoscloud.console.messages.events import ConsoleEvent
from chaoscloud.console.messages.outbox import SendResult
from chaoscloud.console.messages.targets._http import Url, ensure_http_url, host_of, post_json
from chaoscloud.console.messages.targets._text import is_good, write_subject
from chaoscloud.console.messages.targets.target import Sending, Target
from chaoscloud.console.rules.safeguards.fields import Field


class TeamsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The address of the workflow: whoever has it may post."""

    url: Url

    def __post_init__(self) -> None:
        """Refuse what is no address."""
        ensure_http_url(self.url)


class TeamsTarget(Target[TeamsSettings]):
    """Posts a card."""

    name = "teams"
    label = "Microsoft Teams"
    purpose = (
        "Each event is a card in a channel (the workflow “Post to a channel when a webhook…”)."
    )
    settings = TeamsSettings
    fields = (
        Field(
            "url",
            "Address of the workflow",
            "The address",
            wide=True,
            type="url",
            placeholder="https://….logic.azure.com/workflows/…",
        ),
    )
    secret_settings = frozenset({"url"})
    calls = "url"

    async def send(
        self, event: ConsoleEvent, settings: TeamsSettings, sending: Sending
    ) -> SendResult:
        """Post the card."""
        return await post_json(sending, settings.url, write_document(event, sending))

    def describe(self, settings: TeamsSettings) -> str:
        """Its host."""
        return host_of(settings.url)


def write_document(event: ConsoleEvent, sending: Sending) -> dict[str, object]:
    """An Adaptive Card with the sentence and a link, as the workflow takes it.

    Its text is Markdown, so what could be a format is escaped.
    """
    look = "Good" if is_good(event) else "Attention"
    texts = [
        {"text": escape(write_subject(event)), "weight": "Bolder", "color": look},
        {"text": escape(event.sentence)},
    ]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [{"type": "TextBlock", "wrap": True, **text} for text in texts],
        "actions": [
            {
                "type": "Action.OpenUrl",
                "title": "Open in the console",
                "url": sending.url_of(event),
            }
        ],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "attachments": [attachment]}


def escape(text: str) -> str:
    """Text in which nothing is a link or a format."""
    return "".join(f"\\{letter}" if letter in "\\*_[]()#`>~" else letter for letter in text)


TARGET = TeamsTarget()
