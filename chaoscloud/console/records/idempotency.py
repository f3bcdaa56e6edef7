"""Creations that are asked for twice make one thing (`Idempotency-Key`)."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

import msgspec
from sqlalchemy import Connection, select

from chaoscloud.console.db.schema import idempotency_keys


class KeyReused(Exception):
    """The key was sent before, with another body; `resource_id` is what was made then."""

    def __init__(self, resource_id: str) -> None:
        super().__init__(resource_id)
        self.resource_id = resource_id


class KeyKind(StrEnum):
    """What a key was used to make; each kind has keys of its own."""

    EXPERIMENT = "experiment"
    EXECUTION = "execution"
    VERIFICATION_RUN = "verification-run"
    VERIFICATION_EVENT = "verification-event"
    OBJECTIVE = "objective"
    VERIFICATION = "verification"


class Key(msgspec.Struct, frozen=True):
    """A key as a client sent it; the fingerprint is that of the request's place and body."""

    kind: KeyKind
    value: str
    fingerprint: str


def once(
    connection: Connection, team_id: str, key: Key | None, now: datetime, make: Callable[[], str]
) -> str:
    """Make something and give its id; with a key that was sent before, the id from then.

    Raises `KeyReused`.
    """
    known_id = recall(connection, team_id, key)
    if known_id is None:
        known_id = make()
        remember(connection, team_id, key, known_id, now)
    return known_id


def recall(connection: Connection, team_id: str, key: Key | None) -> str | None:
    """The id of what the team made with this key before. Raises `KeyReused`."""
    if key is None:
        return None
    table = idempotency_keys.c
    row = connection.execute(
        select(table.fingerprint, table.resource_id).where(
            table.team_id == team_id, table.kind == key.kind.value, table.key == key.value
        )
    ).first()
    if row is None:
        return None
    if row.fingerprint != key.fingerprint:
        raise KeyReused(str(row.resource_id))
    return str(row.resource_id)


def remember(
    connection: Connection, team_id: str, key: Key | None, resource_id: str, now: datetime
) -> None:
    """Keep what was made with a key."""
    if key is not None:
        connection.execute(
            idempotency_keys.insert().values(
                team_id=team_id,
                kind=key.kind.value,
                key=key.value,
                fingerprint=key.fingerprint,
                resource_id=resource_id,
                created_at=now,
            )
        )
