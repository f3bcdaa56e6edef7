"""Verifications: an objective, sampled at a pace, under a condition."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, select

from chaoscloud.console.db.schema import objectives, verifications
from chaoscloud.console.records import audit
from chaoscloud.console.records._rows import (
    AlreadyThere,
    Cursor,
    columns,
    every,
    first,
    newest_first,
)
from chaoscloud.console.records.audit import Author
from chaoscloud.console.rules.verifications import Timing


class Verification(msgspec.Struct, frozen=True):
    """A verification without its document; times are in seconds, `target` is a percentage."""

    id: str
    team_id: str
    name: str
    objective_id: str
    objective_name: str
    target: float
    window: float
    experiment_id: str | None
    frequency: float
    warm_up: float
    duration: float
    cool_down: float
    created_at: datetime
    updated_at: datetime

    @property
    def timing(self) -> Timing:
        """Its pace and phases."""
        return Timing(self.frequency, self.warm_up, self.duration, self.cool_down)


class VerificationFields(msgspec.Struct, frozen=True, kw_only=True):
    """A verification that is not kept yet; the document is the one to run."""

    id: str
    name: str
    objective_id: str
    experiment_id: str | None
    timing: Timing
    document: bytes


def add(connection: Connection, author: Author, new: VerificationFields, now: datetime) -> None:
    """Add a verification. Raises `AlreadyThere` when the team has one of that id."""
    if find(connection, author.team_id, new.id):
        raise AlreadyThere(f"the team has a verification {new.id!r} already")
    values = msgspec.structs.asdict(new)
    timing = values.pop("timing")
    connection.execute(
        verifications.insert().values(
            team_id=author.team_id,
            created_at=now,
            updated_at=now,
            **values,
            **msgspec.structs.asdict(timing),
        )
    )
    audit.add_author_entry(
        connection, author, "verification.added", new.name, now, ("verification", new.id)
    )


def find(connection: Connection, team_id: str, verification_id: str) -> Verification | None:
    """The team's verification of this id."""
    statement = _of_team(team_id).where(verifications.c.id == verification_id)
    return first(connection, statement, Verification)


def list_page(
    connection: Connection, team_id: str, *, after: Cursor | None = None, limit: int = 50
) -> list[Verification]:
    """The team's verifications, the latest made first."""
    by = verifications.c
    statement = newest_first(_of_team(team_id), by.created_at, by.id, after=after, limit=limit)
    return every(connection, statement, Verification)


def document(connection: Connection, team_id: str, verification_id: str) -> bytes | None:
    """The document of the team's verification, as it was made or sent."""
    by = verifications.c
    document: bytes | None = connection.scalar(
        select(by.document).where(by.team_id == team_id, by.id == verification_id)
    )
    return document


def teams_that_have(connection: Connection, verification_id: str) -> set[str]:
    """The ids of the teams that have a verification of this id, of any organization."""
    by = verifications.c
    return set(connection.scalars(select(by.team_id).where(by.id == verification_id)))


def _of_team(team_id: str) -> Select[Any]:
    by = objectives.c
    of_objective = {"objective_name": by.name, "target": by.target, "window": by.window}
    return (
        select(*columns(verifications, Verification, **of_objective))
        .join(objectives, objectives.c.id == verifications.c.objective_id)
        .where(verifications.c.team_id == team_id)
    )
