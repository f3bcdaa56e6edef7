"""Alerts come in: what fires stops runs, what is resolved releases them.

Alertmanager's webhook JSON, sent to the address of a safeguard of kind `alert` with its secret: as
`Authorization: Bearer …`, or as `?secret=` from senders that cannot.
"""

import hashlib
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from chaoscloud.console.api._answers import json
from chaoscloud.console.api._body import away, body_of, shaped, sound
from chaoscloud.console.api._team_request import database_of, now_of, refuse_nul
from chaoscloud.console.errors import Unauthorized
from chaoscloud.console.records import safeguard_states, secrets
from chaoscloud.console.rules.journals import moment
from chaoscloud.console.rules.soundness import plain
from chaoscloud.console.rules.verdict.words import Firing

LONGEST = 200  # characters of what an alert says


class Alert(msgspec.Struct, frozen=True, rename="camel"):
    """One alert, as far as it matters here."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    starts_at: str = ""
    fingerprint: str = ""


class Alerts(msgspec.Struct, frozen=True):
    """What Alertmanager sends."""

    alerts: Annotated[list[Alert], msgspec.Meta(max_length=10_000)]


class Taken(msgspec.Struct, frozen=True):
    """How many alerts of this safeguard fire now."""

    firing: int


async def receive(request: Request) -> Response:
    """Take alerts; while one fires, the safeguard says no."""
    refuse_nul(request)
    sent = await away(lambda body: shaped(sound(body), Alerts), await body_of(request))
    id_, now = request.path_params["safeguard"], now_of(request)
    return json(Taken(await database_of(request).writing(_take, id_, _secret(request), sent, now)))


def _take(
    connection: Connection, safeguard_id: str, secret: str, sent: Alerts, now: datetime
) -> int:
    if secrets.opened(connection, safeguard_id, secret) is None:
        raise Unauthorized("There is no such address for alerts, or its secret is another.")
    firing = {_key(each): _firing(each, now) for each in sent.alerts if each.status == "firing"}
    resolved = [_key(each) for each in sent.alerts if each.status == "resolved"]
    return safeguard_states.told(connection, safeguard_id, firing, resolved, now)


def _secret(request: Request) -> str:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and secret.strip():
        return secret.strip()
    return request.query_params.get("secret", "")


def _key(alert: Alert) -> str:
    """What tells an alert from others."""
    if alert.fingerprint:
        return plain(alert.fingerprint)[:LONGEST]
    return hashlib.sha256(msgspec.json.encode(alert.labels, order="sorted")).hexdigest()


def _firing(alert: Alert, now: datetime) -> Firing:
    said = alert.labels.get("alertname") or alert.annotations.get("summary") or "an alert fires"
    try:
        since = min(moment(alert.starts_at), now)
    except ValueError:
        since = now
    return Firing(" ".join(plain(said).split())[:LONGEST], since, now)
