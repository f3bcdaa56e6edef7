"""A console on loopback that takes everything it is told, or answers as a test wants it to."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.plugin.loopback import Handler, Loopback, Seen, loopback

Answer = tuple[int, Any] | tuple[int, Any, dict[str, str]]
"""A status, a document, and maybe headers; `Content_Type` stands for `Content-Type`."""

HANG_UP: Answer = (0, None)

_KINDS = {"experiments": "experiment", "executions": "execution", "events": "event"}


def kind_of(entries: Seen) -> str:
    """What a request is about: `experiment`, `execution`, `event`, `policies` or `journal`."""
    last = entries.path.partition("?")[0].rpartition("/")[2]
    return "journal" if entries.method == "PUT" else _KINDS.get(last, last)


@dataclass
class StubConsole:
    """A console that lets every run go on, until told otherwise.

    `answer` gets each request with its kind, and may return a status and a document of its own, or
    `HANG_UP` to close the connection without a word. `instead` answers requests all by itself, and
    returns whether it did.
    """

    answer: Callable[[str, Seen], Answer | None] = lambda kind, entries: None
    instead: Callable[[Handler], bool] = lambda handler: False
    served: Loopback = field(default_factory=Loopback)
    closing: threading.Event = field(default_factory=threading.Event)

    def hang(self) -> Answer:
        """Say nothing until the test is over."""
        self.closing.wait()
        return HANG_UP

    @property
    def kinds(self) -> list[str]:
        """What was asked, in order."""
        return [kind_of(view) for view in self.served.seen]

    def bodies(self, kind: str) -> list[Any]:
        """The documents of one kind, in order."""
        return [json.loads(html.body) for html in self.served.seen if kind_of(html) == kind]

    @property
    def events(self) -> list[str]:
        """The types of the events, in order."""
        return [event["type"] for event in self.bodies("event")]

    def data(self, event_type: str) -> list[Any]:
        """What the events of a type carry."""
        return [json.loads(e["data"]) for e in self.bodies("event") if e["type"] == event_type]

    @property
    def everything(self) -> str:
        """All that was sent, as text."""
        return "\n".join(f"{s.path}\n{s.headers}\n{s.body.decode()}" for s in self.served.seen)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of somebody who signed in here, without a word on certificates."""
        team = {"id": "checkout", "name": "Checkout", "default": True}
        organization = {"id": "acme", "name": "Acme", "default": True, "teams": [team]}
        arguments = {"url": self.served.url, "organizations": [organization]}
        return {
            "auths": {
                self.served.url.partition("//")[2]: {"type": "bearer", "value": "token-of-ada"}
            },
            "controls": {
                "chaosiq-cloud": {
                    "features": {"publish": "on", "safeguards": "on", "workspace": "on"},
                    "provider": {
                        "type": "python",
                        "module": "chaoscloud.controls",
                        "arguments": arguments,
                    },
                }
            },
        }

    def reply(self, handler: Handler) -> None:
        """Answer the last request as the contract has it, unless the test says otherwise."""
        # Head and body are two packets: together they would wait for each other, 40 ms a request.
        handler.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.instead(handler):
            return
        records = self.served.seen[-1]
        kind = kind_of(records)
        status, document, headers = usual(kind, records)
        expected = self.answer(kind, records)
        if expected is HANG_UP:
            handler.close_connection = True
            return
        status, document, *more = expected or (status, document)
        headers |= more[0] if more else {}
        handler.say(status, b"" if document is None else json.dumps(document).encode(), **headers)


def usual(kind: str, entries: Seen) -> tuple[int, Any, dict[str, str]]:
    """Status, document and headers of a console that is well."""
    match kind:
        case "experiment":
            return 201, {"id": "orders"}, {"Content_Location": f"{entries.path}/orders"}
        case "execution":
            page = "/api/acme/checkout/executions/monday"
            return 201, {"id": "monday"}, {"Content_Location": page}
        case "event":
            return 201, {"id": "event"}, {}
        case "policies":
            return 200, {"allowed": True}, {}
        case "journal":
            return 204, None, {}
        case "checkout":  # the team itself
            return 200, {"id": "checkout", "name": "Checkout", "org_id": "acme"}, {}
        case _:
            return 404, {"title": "Not Found"}, {}


@contextmanager
def serving() -> Iterator[StubConsole]:
    """A console, until the block ends."""
    console = StubConsole()
    with loopback(console.reply) as console.served:
        try:
            yield console
        finally:
            console.closing.set()
