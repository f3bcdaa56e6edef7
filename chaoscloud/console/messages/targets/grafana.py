"""Grafana: an annotation over the time of each execution, for everybody's graphs.

The region is opened at the start, and closed at the end or when the console has lost contact. Its
annotation is found by the execution's id among its tags, so it does not matter how often a message
is sent, or by which console.
"""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec

from chaoscloud.console.messages.events import ENDS, LOST_CONTACT, STARTED, TEST, ConsoleEvent
from chaoscloud.console.messages.outbox import SendResult
from chaoscloud.console.messages.targets._http import (
    LIMIT,
    Url,
    describe_answer,
    ensure_http_url,
    host_of,
    read_answer,
)
from chaoscloud.console.messages.targets.target import Sending, Target
from chaoscloud.console.outgoing import CallFailed, OutgoingAnswer
from chaoscloud.console.rules.safeguards.fields import Field, OptionalField


class GrafanaSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Grafana's address, a service account's token, and the dashboard (None: all of them)."""

    url: Url
    token: Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern="^[!-~]+$")]
    dashboard: Annotated[str, msgspec.Meta(max_length=40, pattern="^[A-Za-z0-9_-]*$")] = ""

    def __post_init__(self) -> None:
        """Refuse what is no address."""
        ensure_http_url(self.url)


class _Annotation(msgspec.Struct, frozen=True):
    id: int


class GrafanaTarget(Target[GrafanaSettings]):
    """Opens and closes regions."""

    name = "grafana"
    label = "Grafana"
    purpose = "Each execution is a marked region on the graphs, from its start to its end."
    settings = GrafanaSettings
    fields = (
        Field(
            "url",
            "Grafana's address",
            "The address",
            wide=True,
            type="url",
            placeholder="https://grafana.example.com",
        ),
        Field(
            "token",
            "Token of a service account that may write annotations",
            "The token",
            wide=True,
        ),
        OptionalField(
            "dashboard",
            "Uid of a dashboard",
            "The dashboard's uid",
            hint="Empty: the region can be shown on every dashboard, by its tags.",
        ),
    )
    secret_settings = frozenset({"token"})
    calls = "url"
    events = (STARTED, *sorted(ENDS), LOST_CONTACT)

    async def send(
        self, event: ConsoleEvent, settings: GrafanaSettings, sending: Sending
    ) -> SendResult:
        """Open the region, or close it; a region that is not there is made whole."""
        api = _Api(settings, sending)
        try:
            return await _write_region(api, event, sending)
        except CallFailed as failure:
            return SendResult(sent=False, answer=str(failure), retry=True)
        except _Refused as refusal:
            return read_answer(refusal.answer, sending.now)
        except msgspec.MsgspecError:
            return SendResult(
                sent=False, answer="its answer is not one of Grafana's annotations", retry=True
            )

    def describe(self, settings: GrafanaSettings) -> str:
        """Its host, and the dashboard."""
        place = f", dashboard {settings.dashboard}" if settings.dashboard else ""
        return f"{host_of(settings.url)}{place}"


class _Refused(Exception):
    """An answer that is not a 2xx."""

    def __init__(self, answer: OutgoingAnswer) -> None:
        super().__init__(describe_answer(answer))
        self.answer = answer


class _Api:
    """Grafana's HTTP API of annotations."""

    def __init__(self, settings: GrafanaSettings, sending: Sending) -> None:
        self._url = f"{settings.url.rstrip('/')}/api/annotations"
        self._dashboard = {"dashboardUID": settings.dashboard} if settings.dashboard else {}
        self._headers = {
            "Authorization": f"Bearer {settings.token}",
            "Content-Type": "application/json",
        }
        self._client = sending.client

    async def find(self, tag: str) -> int | None:
        """The annotation that has this tag."""
        query = urlencode({"tags": tag, "type": "annotation", "limit": 1, **self._dashboard})
        answer = await self._call("GET", f"?{query}")
        annotations = msgspec.json.decode(answer.body, type=list[_Annotation])
        return annotations[0].id if annotations else None

    async def create(self, document: dict[str, Any]) -> OutgoingAnswer:
        """Make an annotation."""
        return await self._call("POST", "", {**document, **self._dashboard})

    async def change(self, id_: int, document: dict[str, Any]) -> OutgoingAnswer:
        """Change an annotation."""
        return await self._call("PATCH", f"/{id_}", document)

    async def _call(self, method: str, path: str, document: Any = None) -> OutgoingAnswer:
        body = b"" if document is None else msgspec.json.encode(document)
        answer = await self._client.request(
            method, self._url + path, headers=self._headers, body=body, limit=LIMIT
        )
        if not 200 <= answer.status < 300:
            raise _Refused(answer)
        return answer


async def _write_region(api: _Api, event: ConsoleEvent, sending: Sending) -> SendResult:
    if event.type == TEST:
        answer = await api.create(_describe(event, sending, event.time, event.time))
        return SendResult(sent=True, answer=describe_answer(answer))
    known = await api.find(tag_of(event))
    started_at = event.started_at or event.time
    if event.type == STARTED:
        if known is not None:
            return SendResult(sent=True, answer="the region is open already")
        answer = await api.create(_describe(event, sending, started_at, None))
        return SendResult(sent=True, answer=f"opened: {describe_answer(answer)}")
    document = _describe(event, sending, started_at, event.ended_at or event.time)
    answer = await (api.create(document) if known is None else api.change(known, document))
    return SendResult(sent=True, answer=f"closed: {describe_answer(answer)}")


def tag_of(event: ConsoleEvent) -> str:
    """What tells the region of an execution from all others."""
    return f"execution:{event.subject_id}"


def _describe(
    event: ConsoleEvent, sending: Sending, start: datetime, end: datetime | None
) -> dict[str, Any]:
    tags = ["chaos", f"organization:{event.organization}", *(event.tags or ())]
    if event.team:
        tags.append(f"team:{event.team}")
    if event.outcome:
        tags.append(f"outcome:{event.outcome}")
    document: dict[str, Any] = {
        "time": _milliseconds(start),
        "tags": [*tags, tag_of(event)],
        "text": f"{event.sentence}\n{sending.url_of(event)}",
    }
    return document if end is None else {**document, "timeEnd": _milliseconds(end)}


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


TARGET = GrafanaTarget()
