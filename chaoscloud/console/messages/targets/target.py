"""What a kind of target consists of. Each is one file of this folder, which defines `TARGET`."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar
from urllib.parse import urlsplit

import msgspec

from chaoscloud.console.config import Config
from chaoscloud.console.messages.events import ConsoleEvent, url_of
from chaoscloud.console.messages.outbox import SendResult
from chaoscloud.console.outgoing import Client
from chaoscloud.console.rules.safeguards.fields import Field

S = TypeVar("S", bound=msgspec.Struct)

SECRET_SHOWN = 4  # last characters of a secret setting that are shown


class Sending(msgspec.Struct, frozen=True):
    """What a target sends with: the console's set-up, its HTTP client, the message's secrets."""

    config: Config
    client: Client
    now: datetime
    secrets: tuple[str, ...] = ()

    def url_of(self, event: ConsoleEvent) -> str:
        """The address of the page about an event."""
        return url_of(event, self.config.address)


class Target(ABC, Generic[S]):
    """A kind of target: its words for people, its settings, its form, and how it is sent to."""

    name: ClassVar[str]
    """Its name in the database, on the wire and on the command line."""

    label: ClassVar[str]
    """Its name to people."""

    purpose: ClassVar[str]
    """What a message becomes there, in one sentence."""

    settings: type[S]
    """The shape of its settings: a frozen struct that forbids unknown fields."""

    fields: ClassVar[tuple[Field, ...]] = ()
    """The fields of its form."""

    secret_settings: ClassVar[frozenset[str]] = frozenset()
    """Keys of its settings that open something: they are shown by their last characters alone."""

    calls: ClassVar[str] = ""
    """The key of its settings with an address that the console calls."""

    signs: ClassVar[bool] = False
    """Whether its messages are signed with a secret of the subscription."""

    events: ClassVar[tuple[str, ...]] = ()
    """The only types of events that it takes; none named: any."""

    operator_only: ClassVar[bool] = False
    """Whether only the operator may set it up, on the console's machine."""

    @abstractmethod
    async def send(self, event: ConsoleEvent, settings: S, sending: Sending) -> SendResult:
        """Send one message; what goes wrong on the way is a result."""

    @abstractmethod
    def describe(self, settings: S) -> str:
        """Where messages go, in a few words that open nothing."""

    def find_problem(self, config: Config) -> str | None:
        """Why nothing can be sent to such targets here; None when it can."""
        return None

    def initial_form(self) -> dict[str, str]:
        """What the form of a new subscription shows."""
        return {name: text for field in self.fields for name, text in field.initial_form().items()}

    def read_form(self, form: Mapping[str, str]) -> dict[str, Any]:
        """The settings that were typed into a form, not yet checked. Raises `InvalidField`."""
        values = {field.name: field.read_form(form) for field in self.fields}
        return {name: value for name, value in values.items() if value != ""}

    def subject_of(self, key: str) -> str:
        """How a message to people calls a key of the settings."""
        subjects = {key: text for field in self.fields for key, text in field.subjects().items()}
        return subjects.get(key, "Its settings")

    def mask(self, settings: S) -> dict[str, Any]:
        """The settings as they are shown: what opens something is cut to its end.

        Of an address that is called, the host: its path or its query may open something.
        """
        shown = msgspec.to_builtins(settings)
        if self.calls:
            shown[self.calls] = mask_url(shown[self.calls])
        for key in self.secret_settings & shown.keys():
            if shown[key]:
                shown[key] = f"…{getattr(settings, key)[-SECRET_SHOWN:]}"
        return dict(shown)


def mask_url(url: str) -> str:
    """An address without what may open something: its user, its path and its query."""
    parts = urlsplit(url)
    rest = "/…" if parts.query or parts.path.strip("/") else ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{rest}"
