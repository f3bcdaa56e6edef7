"""Who did what, and when, with names instead of ids; and what concerns whoever looks."""

from collections.abc import Collection
from datetime import datetime

import msgspec
from sqlalchemy import Connection, and_, func, or_, select

from chaoscloud.console.db.schema import audit, people, teams
from chaoscloud.console.records._rows import every

OPERATOR = " (operator)"  # after the name of somebody on the console's machine


class Deed(msgspec.Struct, frozen=True):
    """One thing done; `person_name` None is an operator on the console's machine."""

    seq: int
    at: datetime
    person_name: str | None
    team_name: str | None
    action: str
    subject: str


def deeds(
    connection: Connection,
    organization_id: str,
    team_ids: Collection[str],
    *,
    own: str | None = None,
    actions: Collection[str] = (),
    before: int | None = None,
    limit: int = 50,
) -> list[Deed]:
    """What was done in an organization and in these of its teams, newest first.

    `own` is a person whose deeds outside any organization are told too: their tokens.
    """
    column = audit.c
    here = and_(
        column.organization_id == organization_id,
        or_(column.team_id.is_(None), column.team_id.in_(team_ids)),
    )
    mine = and_(column.organization_id.is_(None), column.person_id == own) if own else None
    name = func.coalesce(people.c.name, column.operator + OPERATOR)
    statement = (
        select(column.seq, column.at, name, teams.c.name, column.action, column.subject)
        .outerjoin(people, people.c.id == column.person_id)
        .outerjoin(teams, teams.c.id == column.team_id)
        .where(here if mine is None else or_(here, mine))
        .order_by(column.seq.desc())
        .limit(limit)
    )
    if actions:
        statement = statement.where(column.action.in_(actions))
    if before is not None:
        statement = statement.where(column.seq < before)
    return every(connection, statement, Deed)


def names(connection: Connection, person_ids: Collection[str]) -> dict[str, str]:
    """The names of people, also of those who were removed since."""
    rows = connection.execute(select(people.c.id, people.c.name).where(people.c.id.in_(person_ids)))
    return {row.id: row.name for row in rows}
