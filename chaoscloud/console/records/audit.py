"""The audit log: who changed what, when, and with which token; written beside every change."""

from collections.abc import Collection
from datetime import datetime

import msgspec
from sqlalchemy import Connection, Select, func, or_, select, union_all

from chaoscloud.console.db.schema import (
    audit,
    executions,
    experiments,
    memberships,
    objectives,
    people,
    safeguards,
    subscriptions,
    teams,
    tokens,
    verifications,
)
from chaoscloud.console.records import organizations
from chaoscloud.console.records import teams as team_records
from chaoscloud.console.records._rows import every
from chaoscloud.console.rules.access import Role

OPERATOR = " (operator)"  # after the name of somebody on the console's machine
PERSONAL = ("session.", "token.")  # entries that only owners and the person themselves read


class Author(msgspec.Struct, frozen=True):
    """The person that a new record names, the team it will belong to, and the token used."""

    organization_id: str
    team_id: str
    person_id: str
    token_id: str | None = None


class Actor(msgspec.Struct, frozen=True):
    """Who changes something: a person with a token, or an operator on the machine."""

    person_id: str | None = None
    token_id: str | None = None
    operator: str | None = None


class AuditEntry(msgspec.Struct, frozen=True):
    """One change. Without a person it was an operator on the console's machine, named by both.

    `object_type` and `object_id` name what it was done to, where that has an address.
    """

    seq: int
    at: datetime
    action: str
    subject: str
    organization_id: str | None
    team_id: str | None
    team_name: str | None
    person_id: str | None
    person_name: str | None
    token_id: str | None
    token_name: str | None
    object_type: str | None
    object_id: str | None
    operator: str | None


class Reader(msgspec.Struct, frozen=True):
    """Whose eyes the log is read with; `team_ids` are the teams they see, or saw."""

    organization_id: str
    team_ids: Collection[str]
    person_id: str
    is_owner: bool


def add_entry(
    connection: Connection,
    action: str,
    subject: str,
    now: datetime,
    *,
    organization_id: str | None = None,
    team_id: str | None = None,
    person_id: str | None = None,
    token_id: str | None = None,
    operator: str | None = None,
    target: tuple[str, str] | None = None,
) -> int:
    """Write down a change: `add_entry(connection, "token.revoked", "ci of Ada", now)`.

    `target` is the type and the id of what was changed, for a link. Return the entry's number.
    """
    object_type, object_id = target or (None, None)
    seq: int = connection.scalar(
        audit.insert()
        .values(
            at=now,
            organization_id=organization_id,
            team_id=team_id,
            person_id=person_id,
            token_id=token_id,
            operator=operator,
            action=action,
            subject=subject,
            object_type=object_type,
            object_id=object_id,
        )
        .returning(audit.c.seq)
    )
    return seq


def reader_of(connection: Connection, organization_id: str, person_id: str) -> Reader:
    """A person of an organization as a reader of its log."""
    visible = team_records.seen_by(connection, organization_id, person_id, removed=True)
    role = organizations.role_of(connection, organization_id, person_id)
    return Reader(organization_id, [team.id for team in visible], person_id, role is Role.OWNER)


def add_author_entry(
    connection: Connection,
    author: Author,
    action: str,
    subject: str,
    now: datetime,
    target: tuple[str, str],
) -> None:
    """Write down a change to a record of a team."""
    add_entry(
        connection,
        action,
        subject,
        now,
        organization_id=author.organization_id,
        team_id=author.team_id,
        person_id=author.person_id,
        token_id=author.token_id,
        target=target,
    )


def list_entries(
    connection: Connection,
    reader: Reader | None,
    *,
    prefixes: Collection[str] = (),
    before: int | None = None,
    limit: int = 50,
) -> list[AuditEntry]:
    """What the reader may see, newest first; the operator (None) reads all of it.

    `prefixes` are how the wanted actions begin; `before` is the `seq` of the last entry read.
    """
    column = audit.c
    several = [select(column.seq)] if reader is None else _select_visible(reader)
    if prefixes:
        wanted = or_(*(column.action.startswith(text) for text in prefixes))
        several = [some.where(wanted) for some in several]
    if before is not None:
        several = [some.where(column.seq < before) for some in several]
    # Each along its index, and only as far as needed: with OR, SQLite sorts all there are.
    newest = [some.order_by(column.seq.desc()).limit(limit).subquery() for some in several]
    seqs = union_all(*(select(some.c.seq) for some in newest)).subquery()
    statement = (
        select(
            *(column.seq, column.at, column.action, column.subject),
            *(column.organization_id, column.team_id, teams.c.name, column.person_id),
            func.coalesce(people.c.name, column.operator + OPERATOR),
            *(
                column.token_id,
                tokens.c.name,
                column.object_type,
                column.object_id,
                column.operator,
            ),
        )
        .outerjoin(people, people.c.id == column.person_id)
        .outerjoin(teams, teams.c.id == column.team_id)
        .outerjoin(tokens, tokens.c.id == column.token_id)
        .where(column.seq.in_(select(seqs.c.seq)))
        .order_by(column.seq.desc())
        .limit(limit)
    )
    return every(connection, statement, AuditEntry)


_IDS = {  # of what has a page, by its type
    "execution": executions.c.id,
    "experiment": experiments.c.id,
    "objective": objectives.c.id,
    "verification": verifications.c.id,
    "safeguard": safeguards.c.id,
    "subscription": subscriptions.c.id,
    "person": memberships.c.person_id,
}


def find_present(
    connection: Connection, organization_id: str, entries: Collection[AuditEntry]
) -> set[tuple[str, str]]:
    """Type and id of what these entries are about and that is still there; people: in it."""
    present = set()
    for object_type, column in _IDS.items():
        ids = {entry.object_id for entry in entries if entry.object_type == object_type}
        statement = select(column).where(column.in_(ids))
        if (removed_at := column.table.c.get("removed_at")) is not None:
            statement = statement.where(removed_at.is_(None))
        if object_type == "person":
            statement = statement.where(memberships.c.organization_id == organization_id)
        if ids:
            present |= {(object_type, id_) for id_ in connection.scalars(statement)}
    return present


def _select_visible(reader: Reader) -> list[Select[tuple[int]]]:
    """What the reader may see, in parts that have no entry in common."""
    column = audit.c
    here = select(column.seq).where(column.organization_id == reader.organization_id)
    own = column.person_id == reader.person_id
    # What 1.0.0 wrote of somebody's own tokens names no organization.
    own_tokens = select(column.seq).where(
        column.organization_id.is_(None), own, column.action.startswith("token.")
    )
    if reader.is_owner:
        return [here, own_tokens]
    of_team = or_(column.team_id.is_(None), column.team_id.in_(reader.team_ids))
    personal = or_(*(column.action.startswith(prefix) for prefix in PERSONAL))
    return [here.where(of_team, or_(own, ~personal)), own_tokens]
