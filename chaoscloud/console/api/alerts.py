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
from chaoscloud.console.api._body import body_of, check_json, decode_as, offload
from chaoscloud.console.api._team_request import database_of, now_of, refuse_nul
from chaoscloud.console.auth import address_of
from chaoscloud.console.errors import Unauthorized
from chaoscloud.console.rates import RateLimiter
from chaoscloud.console.records import safeguard_states, safeguards
from chaoscloud.console.rules.journals import moment
from chaoscloud.console.rules.safeguards.model import FiringAlert
from chaoscloud.console.rules.soundness import plain

LONGEST = 200  # characters of an alert's summary
LARGEST = 256 * 1024  # bytes of what Alertmanager sends


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


class AlertsReceived(msgspec.Struct, frozen=True):
    """How many alerts of this safeguard fire now."""

    firing: int


async def receive(request: Request) -> Response:
    """Take alerts; while one fires, the safeguard denies.

    The secret is looked at before the body is read: strangers cost nothing.
    """
    refuse_nul(request)
    limiter: RateLimiter = request.app.state.limiter
    limiter.count("alerts", address_of(request))
    safeguard_id, secret, now = request.path_params["safeguard"], _secret(request), now_of(request)
    await database_of(request).reading(_check_secret, safeguard_id, secret)
    body = await body_of(request, LARGEST)
    alerts = await offload(lambda body: decode_as(check_json(body), Alerts), body)
    firing = await database_of(request).writing(_store, safeguard_id, secret, alerts, now)
    return json(AlertsReceived(firing))


def _check_secret(connection: Connection, safeguard_id: str, secret: str) -> None:
    """Compare in constant time. Raises `Unauthorized`, whether the address or the secret is odd."""
    if safeguards.find_by_secret(connection, safeguard_id, secret) is None:
        raise Unauthorized("There is no such address for alerts, or its secret is another.")


def _store(
    connection: Connection, safeguard_id: str, secret: str, sent: Alerts, now: datetime
) -> int:
    _check_secret(connection, safeguard_id, secret)  # it may have been renewed in between
    firing = {_key(alert): _firing(alert, now) for alert in sent.alerts if alert.status == "firing"}
    resolved = [_key(alert) for alert in sent.alerts if alert.status == "resolved"]
    return safeguard_states.record_alerts(connection, safeguard_id, firing, resolved, now)


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


def _firing(alert: Alert, now: datetime) -> FiringAlert:
    summary = alert.labels.get("alertname") or alert.annotations.get("summary") or "an alert fires"
    try:
        since = min(moment(alert.starts_at), now)
    except ValueError:
        since = now
    return FiringAlert(" ".join(plain(summary).split())[:LONGEST], since, now)
