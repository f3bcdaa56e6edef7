"""Whatever else Apprise speaks (github.com/caronc/apprise), set up by the operator alone.

It makes its own connections, which the console's check of addresses does not see.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import msgspec

from chaoscloud.console.config import Config
from chaoscloud.console.messages.events import ConsoleEvent
from chaoscloud.console.messages.outbox import SendResult
from chaoscloud.console.messages.targets._text import is_good, write_subject
from chaoscloud.console.messages.targets.target import Sending, Target

_threads = ThreadPoolExecutor(2, thread_name_prefix="console-apprise")


class AppriseSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Apprise's own url of a service, such as `ntfy://topic`; it mostly holds a secret."""

    url: Annotated[str, msgspec.Meta(min_length=1, max_length=2000, pattern="^[a-z0-9+]+://")]


class AppriseTarget(Target[AppriseSettings]):
    """Hands messages to the library."""

    name = "apprise"
    label = "Apprise"
    purpose = "Each event goes to a service that Apprise knows; only the operator sets it up."
    settings = AppriseSettings
    secret_settings = frozenset({"url"})
    operator_only = True

    async def send(
        self, event: ConsoleEvent, settings: AppriseSettings, sending: Sending
    ) -> SendResult:
        """Notify, in a thread: the library waits."""
        text = f"{event.sentence}\n{sending.url_of(event)}"
        loop = asyncio.get_running_loop()
        kind = "success" if is_good(event) else "warning"
        subject = write_subject(event)
        sent = await loop.run_in_executor(_threads, _notify, settings.url, subject, text, kind)
        return SendResult(
            sent=sent, answer="notified" if sent else "Apprise could not notify", retry=not sent
        )

    def describe(self, settings: AppriseSettings) -> str:
        """The service."""
        return settings.url.partition("://")[0]

    def find_problem(self, config: Config) -> str | None:
        """Without the library there is none."""
        try:
            import apprise  # noqa: F401
        except ImportError:
            return "it needs Apprise: pip install 'chaosiq-cloud[console,notifications]'"
        return None


def _notify(url: str, subject: str, text: str, kind: str) -> bool:
    import apprise

    service = apprise.Apprise()
    if not service.add(url):
        return False
    return bool(service.notify(title=subject, body=text, notify_type=kind, body_format="text"))


TARGET = AppriseTarget()
