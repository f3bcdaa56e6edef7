"""Slack, by an incoming webhook (api.slack.com/messaging/webhooks)."""

import msgspec

from chaoscloud.console.messages.events import ConsoleEvent
from chaoscloud.console.messages.outbox import SendResult
from chaoscloud.console.messages.targets._http import Url, ensure_http_url, host_of, post_json
from chaoscloud.console.messages.targets._text import is_good
from chaoscloud.console.messages.targets.target import Sending, Target
from chaoscloud.console.rules.safeguards.fields import Field


class SlackSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The address of an incoming webhook: whoever has it may post."""

    url: Url

    def __post_init__(self) -> None:
        """Refuse what is no address."""
        ensure_http_url(self.url)


class SlackTarget(Target[SlackSettings]):
    """Posts a line with a link."""

    name = "slack"
    label = "Slack"
    purpose = "Each event is a line in a channel (an incoming webhook; Mattermost takes it too)."
    settings = SlackSettings
    fields = (
        Field(
            "url",
            "Address of the incoming webhook",
            "The address",
            wide=True,
            type="url",
            placeholder="https://hooks.slack.com/services/…",
        ),
    )
    secret_settings = frozenset({"url"})
    calls = "url"

    async def send(
        self, event: ConsoleEvent, settings: SlackSettings, sending: Sending
    ) -> SendResult:
        """Post the sentence and the address."""
        return await post_json(sending, settings.url, write_document(event, sending))

    def describe(self, settings: SlackSettings) -> str:
        """Its host."""
        return host_of(settings.url)


def write_document(event: ConsoleEvent, sending: Sending) -> dict[str, object]:
    """What Slack takes: text for notifications, and the same as a block."""
    sign = ":white_check_mark:" if is_good(event) else ":small_orange_diamond:"
    sentence = escape(event.sentence)
    link = f"<{sending.url_of(event)}|Open in the console>"
    block = {"type": "section", "text": {"type": "mrkdwn", "text": f"{sign} {sentence} {link}"}}
    return {"text": f"{sentence} {sending.url_of(event)}", "blocks": [block], "unfurl_links": False}


def escape(text: str) -> str:
    """Text in which nothing is a link, a mention or a format (docs.slack.dev, mrkdwn)."""
    for character, replacement in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(character, replacement)
    # A zero-width space after it keeps a sign from beginning a format.
    return "".join(f"{letter}\u200b" if letter in "*_~`" else letter for letter in text)


TARGET = SlackTarget()
