"""Safeguards as clients write and read them."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from sqlalchemy import Connection

from chaoscloud.console.api._body import Document, Invalid, checked
from chaoscloud.console.records import history, safeguard_states
from chaoscloud.console.rules.addresses import Network
from chaoscloud.console.rules.soundness import plain
from chaoscloud.console.rules.verdict import Policy, Safeguard, in_force, settings, verdict
from chaoscloud.console.rules.verdict.tags import Tags

Line = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=3_153_600_000)]
Kind = Literal["stop", "windows", "tags", "limit", "webhook", "alert"]


class NewSafeguard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may say no to runs, why, and what its kind needs (`settings`, see safeguards.md).

    With `tags` it concerns only experiments that carry one of them. It ends at `expires_at`, or
    `expires_in` seconds from now, or never.
    """

    kind: Kind
    name: Line
    reason: Line
    settings: Document = msgspec.field(default_factory=lambda: msgspec.Raw(b"{}"))
    tags: Tags = ()
    enabled: bool = True
    expires_at: Moment | None = None
    expires_in: Seconds | None = None


class Changes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be different; what is not named stays."""

    name: Line | msgspec.UnsetType = msgspec.UNSET
    reason: Line | msgspec.UnsetType = msgspec.UNSET
    settings: Document | msgspec.UnsetType = msgspec.UNSET
    tags: Tags | msgspec.UnsetType = msgspec.UNSET
    enabled: bool | msgspec.UnsetType = msgspec.UNSET
    expires_at: Moment | msgspec.UnsetType | None = msgspec.UNSET


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A safeguard. `refuses`: it says no right now, to whatever it concerns, until `until`.

    `author` None is the operator on the console's machine. `secret` is what an alert's sender
    shows at `address`; it is told once, when the safeguard is made.
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
    refuses: bool
    says: str | None
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


def fields_of(new: NewSafeguard, now: datetime, networks: Iterable[Network]) -> dict[str, Any]:
    """A new safeguard's fields, as they are kept. Raises `Invalid`."""
    expires_at = now + timedelta(seconds=new.expires_in) if new.expires_in else new.expires_at
    return {
        "kind": new.kind,
        "name": _line(new.name, "name"),
        "reason": _line(new.reason, "reason"),
        "settings": _settings(new.kind, new.settings, networks),
        "tags": new.tags,
        "enabled": new.enabled,
        "expires_at": _ahead(expires_at, now),
    }


def changes_of(
    changes: Changes, kind: str, now: datetime, networks: Iterable[Network]
) -> dict[str, Any]:
    """What is to be different, as it is kept. Raises `Invalid`."""
    given = {
        name: value
        for name in changes.__struct_fields__
        if (value := getattr(changes, name)) is not msgspec.UNSET
    }
    reading: Mapping[str, Any] = {
        "name": lambda value: _line(value, "name"),
        "reason": lambda value: _line(value, "reason"),
        "settings": lambda value: _settings(kind, value, networks),
        "expires_at": lambda value: _ahead(value, now),
    }
    return {name: reading.get(name, _as_it_is)(value) for name, value in given.items()}


def _as_it_is(value: Any) -> Any:
    return value


def _line(said: str, key: str) -> str:
    """One line that can be read: it is shown on every machine it stops."""
    said = " ".join(plain(said).split())
    if not said:
        raise Invalid("Expected words", ["body", key], "value_error")
    return said


def _ahead(at: datetime | None, now: datetime) -> datetime | None:
    if at is not None and at <= now:
        raise Invalid(
            "Expected a time that is still to come", ["body", "expires_at"], "value_error"
        )
    return at


def _settings(kind: str, raw: msgspec.Raw, networks: Iterable[Network]) -> str:
    kept = checked(lambda: settings.read(kind, raw), "settings")
    if not settings.may_be_asked(kind, kept, networks):
        said = "Expected a public address, or one in a network that the operator allows"
        raise Invalid(said, ["body", "settings", "url"], "value_error")
    return kept


def shown(connection: Connection, found: Iterable[Safeguard], now: datetime) -> list[Shown]:
    """Safeguards of one organization with what they say right now, and who set them."""
    found = list(found)
    names = history.names(connection, {each.person_id for each in found if each.person_id})
    facts = {
        each: safeguard_states.facts(connection, each)
        for each in {safeguard.organization_id for safeguard in found}
    }
    told = []
    for each in found:
        said = verdict([_of_all(each)], now, None, facts[each.organization_id])
        policy = said.policies[0] if said.policies else None
        told.append(_shown(each, names.get(each.person_id or ""), policy, now))
    return told


def _of_all(safeguard: Safeguard) -> Safeguard:
    """The same for whatever it concerns: its page says what it says to those."""
    return msgspec.structs.replace(safeguard, tags=(), execution_id=None)


def _shown(safeguard: Safeguard, author: str | None, policy: Policy | None, now: datetime) -> Shown:
    return Shown(
        id=safeguard.id,
        kind=safeguard.kind,
        name=safeguard.name,
        reason=safeguard.reason,
        scope="team" if safeguard.team_id else "organization",
        team_id=safeguard.team_id,
        tags=safeguard.tags,
        settings=msgspec.Raw(safeguard.settings.encode()),
        enabled=safeguard.enabled,
        in_force=in_force(safeguard, now),
        refuses=policy is not None,
        says=policy.reason if policy else None,
        author=author,
        author_id=safeguard.person_id,
        created_at=safeguard.created_at,
        updated_at=safeguard.updated_at,
        decided_at=safeguard.since,
        expires_at=safeguard.expires_at,
        until=policy.until if policy else safeguard.expires_at,
        execution_id=safeguard.execution_id,
    )
