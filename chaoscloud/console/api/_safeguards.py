"""Safeguards as clients write and read them."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from sqlalchemy import Connection

from chaoscloud.console.api._body import Document, Invalid, validate
from chaoscloud.console.db import Database
from chaoscloud.console.records import safeguards
from chaoscloud.console.records.acknowledgements import RunReport
from chaoscloud.console.records.safeguard_status import SafeguardStatus, describe_safeguards
from chaoscloud.console.rules.addresses import Network
from chaoscloud.console.rules.safeguards import KINDS, Safeguard, is_in_force
from chaoscloud.console.rules.safeguards.kinds.tags import Tags
from chaoscloud.console.rules.safeguards.settings import may_call_address, parse_settings
from chaoscloud.console.rules.soundness import plain
from chaoscloud.console.watch.acknowledging import wait_for_runs

Line = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
LAST_YEAR = 9000  # the calendar of computers ends in 9999, and zones reach beyond it
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=3_153_600_000)]
KindName = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(KINDS)})]


class NewSafeguard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may deny runs, why, and what its kind needs (`settings`, see safeguards.md).

    With `tags` it applies only to experiments that carry one of them. It ends at `expires_at`, or
    `expires_in` seconds from now, or never.
    """

    kind: KindName
    name: Line
    reason: Line
    settings: Document = msgspec.field(default_factory=lambda: msgspec.Raw(b"{}"))
    tags: Tags = ()
    enabled: bool = True
    expires_at: Moment | None = None
    expires_in: Seconds | None = None


class SafeguardChanges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be different; what is not named stays."""

    name: Line | msgspec.UnsetType = msgspec.UNSET
    reason: Line | msgspec.UnsetType = msgspec.UNSET
    settings: Document | msgspec.UnsetType = msgspec.UNSET
    tags: Tags | msgspec.UnsetType = msgspec.UNSET
    enabled: bool | msgspec.UnsetType = msgspec.UNSET
    expires_at: Moment | msgspec.UnsetType | None = msgspec.UNSET


class StopAcknowledgement(msgspec.Struct, frozen=True):
    """Which of the runs that went on know that the safeguard denies them, and how fast they knew.

    The answer waits for them for two seconds at most; `summary` says the same in words.
    """

    summary: str
    runs: tuple[RunReport, ...]


class SafeguardView(
    msgspec.Struct, frozen=True, kw_only=True, rename={"denies": "refuses", "denial": "says"}
):
    """A safeguard. `refuses`: it denies what it applies to right now, until `until`; `says`: why.

    `author` None is an operator on the console's machine who left no name; any operator has no
    `author_id`. `secret` is what an alert's sender shows at `address`; it is there only in the
    answer that creates the safeguard.
    """

    id: str
    kind: str
    name: str
    reason: str
    scope: Literal["organization", "team"]
    team_id: str | None
    tags: tuple[str, ...]
    settings: Document
    enabled: bool
    in_force: bool
    denies: bool
    denial: str | None
    author: str | None
    author_id: str | None
    created_at: datetime
    updated_at: datetime | None
    decided_at: datetime
    expires_at: datetime | None
    until: datetime | None
    execution_id: str | None = None
    address: str | msgspec.UnsetType = msgspec.UNSET
    secret: str | msgspec.UnsetType = msgspec.UNSET
    acknowledgement: StopAcknowledgement | msgspec.UnsetType = msgspec.UNSET


async def add_acknowledgement(
    database: Database, organization_id: str, view: SafeguardView, now: datetime
) -> SafeguardView:
    """The view with which runs know of the safeguard, once they do."""
    safeguard = await database.reading(safeguards.find, organization_id, view.id)
    report = await wait_for_runs(database, safeguard, now) if safeguard else None
    if report is None:
        return view
    acknowledgement = StopAcknowledgement(" ".join(report.lines), report.runs)
    return msgspec.structs.replace(view, acknowledgement=acknowledgement)


def fields_of(new: NewSafeguard, now: datetime, networks: Iterable[Network]) -> dict[str, Any]:
    """A new safeguard's fields, as the database keeps them. Raises `Invalid`."""
    if new.kind not in KINDS:
        raise Invalid(f"Expected one of {', '.join(KINDS)}", ["body", "kind"], "enum")
    expires_at = now + timedelta(seconds=new.expires_in) if new.expires_in else new.expires_at
    return {
        "kind": new.kind,
        "name": _one_line(new.name, "name"),
        "reason": _one_line(new.reason, "reason"),
        "settings": _parse_settings(new.kind, new.settings, networks),
        "tags": new.tags,
        "enabled": new.enabled,
        "expires_at": _future(expires_at, now),
    }


def changes_of(
    changes: SafeguardChanges, kind: str, now: datetime, networks: Iterable[Network]
) -> dict[str, Any]:
    """What is to be different, as the database keeps it. Raises `Invalid`."""
    parsers: Mapping[str, Callable[[Any], Any]] = {
        "name": lambda value: _one_line(value, "name"),
        "reason": lambda value: _one_line(value, "reason"),
        "settings": lambda value: _parse_settings(kind, value, networks),
        "expires_at": lambda value: _future(value, now),
    }
    values = ((name, getattr(changes, name)) for name in changes.__struct_fields__)
    return {
        name: parsers[name](value) if name in parsers else value
        for name, value in values
        if value is not msgspec.UNSET
    }


def _one_line(text: str, key: str) -> str:
    """One line that can be read: every machine that is stopped shows it."""
    text = " ".join(plain(text).split())
    if not text:
        raise Invalid("Expected words", ["body", key], "value_error")
    return text


def _future(at: datetime | None, now: datetime) -> datetime | None:
    if at is not None and ensure_sane(at, "expires_at") <= now:
        raise Invalid(
            "Expected a time that is still to come", ["body", "expires_at"], "value_error"
        )
    return at


def ensure_sane(at: datetime, *key: str) -> datetime:
    """Return the time, if it is one that every zone and database can tell. Raises `Invalid`."""
    if not 1900 <= at.year <= LAST_YEAR:
        message = f"Expected a time between the years 1900 and {LAST_YEAR}"
        raise Invalid(message, ["body", *key], "value_error")
    return at


def _parse_settings(kind: str, raw: msgspec.Raw, networks: Iterable[Network]) -> str:
    settings = validate(lambda: parse_settings(kind, raw), "settings")
    if not may_call_address(kind, settings, networks):
        message = "Expected a public address, or one in a network that the operator allows"
        raise Invalid(message, ["body", "settings", KINDS[kind].calls], "value_error")
    return settings


def view_safeguards(
    connection: Connection, safeguards: Iterable[Safeguard], now: datetime
) -> list[SafeguardView]:
    """Safeguards of one organization as the API answers with them."""
    return [_view(status, now) for status in describe_safeguards(connection, safeguards, now)]


def _view(status: SafeguardStatus, now: datetime) -> SafeguardView:
    safeguard, policy = status.safeguard, status.policy
    return SafeguardView(
        id=safeguard.id,
        kind=safeguard.kind,
        name=safeguard.name,
        reason=safeguard.reason,
        scope=status.scope,
        team_id=safeguard.team_id,
        tags=safeguard.tags,
        settings=msgspec.Raw(safeguard.settings.encode()),
        enabled=safeguard.enabled,
        in_force=is_in_force(safeguard, now),
        denies=policy is not None,
        denial=policy.reason if policy else None,
        author=status.author,
        author_id=safeguard.person_id,
        created_at=safeguard.created_at,
        updated_at=safeguard.updated_at,
        decided_at=safeguard.since,
        expires_at=safeguard.expires_at,
        until=policy.until if policy else safeguard.expires_at,
        execution_id=safeguard.execution_id,
    )
