"""Objectives: what must hold, how much of the time."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, select

from chaoscloud.console.db.schema import objectives
from chaoscloud.console.records import audit
from chaoscloud.console.records._rows import Cursor, columns, new_id, newest_first
from chaoscloud.console.records.audit import Author


class ObjectiveFields(msgspec.Struct, frozen=True, kw_only=True):
    """An objective that is not kept yet.

    `target` is a percentage, `window` is in seconds; `measurement` is a steady-state hypothesis.
    """

    name: str
    target: float
    window: float
    measurement: dict[str, Any]
    description: str = ""
    tags: list[str] = []


class Objective(msgspec.Struct, frozen=True, kw_only=True):
    """An objective; units as above."""

    id: str
    team_id: str
    name: str
    description: str
    tags: list[str]
    target: float
    window: float
    measurement: dict[str, Any]
    created_at: datetime
    updated_at: datetime


def add(connection: Connection, author: Author, new: ObjectiveFields, now: datetime) -> str:
    """Add an objective to the author's team; return its id."""
    objective_id = new_id()
    values = msgspec.structs.asdict(new)
    values["tags"] = msgspec.json.encode(new.tags).decode()
    values["measurement"] = msgspec.json.encode(new.measurement)
    values |= {"team_id": author.team_id, "created_at": now, "updated_at": now}
    connection.execute(objectives.insert().values(id=objective_id, **values))
    audit.add_author_entry(
        connection, author, "objective.added", new.name, now, ("objective", objective_id)
    )
    return objective_id


def find(connection: Connection, team_id: str, objective_id: str) -> Objective | None:
    """The team's objective of this id."""
    row = connection.execute(_of_team(team_id).where(objectives.c.id == objective_id)).first()
    return None if row is None else _value(row)


def list_page(
    connection: Connection, team_id: str, *, after: Cursor | None = None, limit: int = 50
) -> list[Objective]:
    """The team's objectives, the latest made first."""
    by = objectives.c
    statement = newest_first(_of_team(team_id), by.created_at, by.id, after=after, limit=limit)
    return [_value(row) for row in connection.execute(statement)]


def _of_team(team_id: str) -> Select[Any]:
    return select(*columns(objectives, Objective)).where(objectives.c.team_id == team_id)


def _value(row: Row[Any]) -> Objective:
    values = dict(row._mapping)
    values["tags"] = msgspec.json.decode(values["tags"], type=list[str])
    values["measurement"] = msgspec.json.decode(values["measurement"], type=dict[str, Any])
    return Objective(**values)
