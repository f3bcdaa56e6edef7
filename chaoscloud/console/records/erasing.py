"""Erasing a person: their name is replaced by a pseudonym wherever it stands; ids are kept.

The name is looked for in every text and document of the organizations that the person belonged to,
as a whole word, in capital or small letters. What another organization wrote stays.
"""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    Text,
    and_,
    or_,
    select,
    update,
)

from chaoscloud.console.db.journal_column import holds_bytes
from chaoscloud.console.db.schema import (
    Words,
    audit,
    memberships,
    metadata,
    organizations,
    people,
    team_members,
    teams,
    token_organizations,
    tokens,
)
from chaoscloud.console.records import people as people_records
from chaoscloud.console.records.belonging import match_teams
from chaoscloud.console.records.people import Person

ROWS_AT_ONCE = 20  # a row may hold a journal
PLACES_AT_ONCE = 50  # rows changed in one write

# Texts that are addresses or keys: whoever has them would not find what they name any more.
ADDRESSES = frozenset({"slug", "source", "action", "event_id", "category"})


class TextPlace(NamedTuple):
    """A row in which the name stands."""

    table: Table
    key: tuple[Any, ...]
    columns: tuple[str, ...]


class NamePattern:
    """A name as it may stand in a text or in JSON, and what stands there instead."""

    def __init__(self, name: str, pseudonym: str) -> None:
        spellings = {name, json.dumps(name)[1:-1], json.dumps(name, ensure_ascii=False)[1:-1]}
        words = "|".join(re.escape(spelling) for spelling in sorted(spellings))
        self._pattern = re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)
        self._pseudonym = pseudonym

    def replace(self, value: Any) -> Any:
        """The value without the name; the same when the name does not stand in it."""
        if isinstance(value, str):
            return self._pattern.sub(lambda _: self._pseudonym, value)
        if isinstance(value, tuple):
            return tuple(map(self.replace, value))
        if isinstance(value, bytes):
            text = value.decode("utf-8", "surrogateescape")
            return self.replace(text).encode("utf-8", "surrogateescape")
        return value


def name_pseudonym(person: Person) -> str:
    """What a person is called afterwards: the same each time."""
    return f"Former member {person.id[:8]}"


def find_places(
    connection: Connection, person: Person, pattern: NamePattern
) -> Iterator[TextPlace]:
    """Every row in which the name stands, of what the person's organizations have."""
    organization_ids = list_organizations(connection, person)
    for table in metadata.sorted_tables:
        columns = list_columns(table)
        condition = _match(table, person, organization_ids)
        if not columns or condition is None:
            continue
        keys = list(table.primary_key.columns)
        statement = select(*keys, *columns).where(condition)
        with connection.execute(statement.execution_options(yield_per=ROWS_AT_ONCE)) as rows:
            for row in rows:
                values = zip(columns, row[len(keys) :], strict=True)
                names = tuple(
                    column.name for column, value in values if pattern.replace(value) != value
                )
                if names:
                    yield TextPlace(table, tuple(row[: len(keys)]), names)


def replace_names(
    connection: Connection, places: Sequence[TextPlace], pattern: NamePattern
) -> None:
    """Put the pseudonym in these places."""
    for table, key, names in places:
        where = and_(
            *(column == value for column, value in zip(table.primary_key.columns, key, strict=True))
        )
        row = connection.execute(select(*(table.c[name] for name in names)).where(where)).first()
        if row is not None:
            values = {name: pattern.replace(row._mapping[name]) for name in names}
            connection.execute(update(table).where(where).values(**values))


def list_columns(table: Table) -> list[Column[Any]]:
    """The columns in which a name may stand: texts and documents, not ids and addresses."""
    return [
        column
        for column in table.columns
        if (isinstance(column.type, (Text, Words)) or holds_bytes(column))
        and not column.primary_key
        and not column.foreign_keys
        and not column.name.endswith("_id")
        and column.name not in ADDRESSES
    ]


def list_organizations(connection: Connection, person: Person) -> list[str]:
    """The organizations that a person belongs to, or belonged to, as far as records tell."""
    statements = (
        select(memberships.c.organization_id).where(memberships.c.person_id == person.id),
        select(token_organizations.c.organization_id)
        .join(tokens, tokens.c.id == token_organizations.c.token_id)
        .where(tokens.c.person_id == person.id),
        select(teams.c.organization_id)
        .join(team_members, team_members.c.team_id == teams.c.id)
        .where(team_members.c.person_id == person.id),
        select(audit.c.organization_id).where(
            or_(audit.c.person_id == person.id, audit.c.object_id == person.id)
        ),
        *_of_records(person.id),
    )
    ids = {id_ for statement in statements for id_ in connection.scalars(statement.distinct())}
    return sorted(id_ for id_ in ids if id_ is not None)


def _of_records(person_id: str) -> Iterator[Any]:
    """The organizations of whatever names the person, through its team."""
    for table in metadata.sorted_tables:
        if "team_id" in table.c and "person_id" in table.c and table is not team_members:
            yield (
                select(teams.c.organization_id)
                .join(table, table.c.team_id == teams.c.id)
                .where(table.c.person_id == person_id)
            )


def _match(
    table: Table, person: Person, organization_ids: Sequence[str]
) -> ColumnElement[bool] | None:
    if table is people:
        return people.c.id == person.id
    if table is organizations:
        return organizations.c.id.in_(organization_ids)
    its_teams = select(teams.c.id).where(teams.c.organization_id.in_(organization_ids))
    conditions = [
        table.c.person_id == person.id if "person_id" in table.c else None,
        _match_organizations(table, organization_ids),
        match_teams(table, its_teams),
    ]
    present = [condition for condition in conditions if condition is not None]
    return or_(*present) if present else None


def _match_organizations(
    table: Table, organization_ids: Sequence[str]
) -> ColumnElement[bool] | None:
    """What belongs to the organizations, or to something of theirs.

    Entries of the audit log that name no organization may be of one that was removed.
    """
    if "organization_id" in table.c:
        own = table.c.organization_id.in_(organization_ids)
        return or_(own, table.c.organization_id.is_(None)) if table is audit else own
    for key in table.foreign_keys:
        parent = key.column.table
        if "organization_id" in parent.c and parent is not teams:
            ids = select(key.column).where(parent.c.organization_id.in_(organization_ids))
            return key.parent.in_(ids)
    return None


def remove_person(connection: Connection, person: Person, pseudonym: str, now: datetime) -> None:
    """Call the person by the pseudonym, and take everything from them that opens something."""
    people_records.remove(connection, person.id, now)
    where = people.c.id == person.id
    connection.execute(update(people).where(where).values(name=pseudonym))
