"""Experiments, and every version of them that was published."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, select, update

from chaoscloud.console.db.schema import (
    experiment_versions,
    experiments,
    people,
    team_experiments,
)
from chaoscloud.console.records import teams
from chaoscloud.console.records._rows import columns, every, first, new_id
from chaoscloud.console.records.authorship import Author
from chaoscloud.console.records.lists import Mark, newest_first
from chaoscloud.console.records.teams import Team
from chaoscloud.console.rules.recognition import Change, Draft, Known, change


class Experiment(msgspec.Struct, frozen=True):
    """An experiment; the document is kept with each of its versions."""

    id: str
    organization_id: str
    title: str
    source: str | None
    latest_version: int
    created_at: datetime
    updated_at: datetime


class Version(msgspec.Struct, frozen=True):
    """One version of an experiment: who published it, from which team, and when."""

    number: int
    team_id: str
    person_id: str
    person_name: str
    created_at: datetime


class VersionDocument(msgspec.Struct, frozen=True):
    """One version of an experiment, with its document."""

    number: int
    person_name: str
    created_at: datetime
    document: bytes


class Published(msgspec.Struct, frozen=True):
    """What came of publishing a draft."""

    experiment_id: str
    change: Change


def publish(connection: Connection, author: Author, draft: Draft, now: datetime) -> Published:
    """Keep a draft: as a new experiment, as a new version of a known one, or not at all."""
    known = _known(connection, author, draft)
    kept = Published(known.id if known else new_id(), change(known, draft))
    if kept.change is Change.NEW:
        _add(connection, author, kept.experiment_id, draft, now)
    elif kept.change is Change.CHANGED:
        _add_version(connection, author, kept.experiment_id, draft, now)
    _link(connection, author.team_id, kept.experiment_id)
    return kept


def find(connection: Connection, team_id: str, experiment_id: str) -> Experiment | None:
    """The team's experiment of this id."""
    statement = _of_team(team_id).where(experiments.c.id == experiment_id)
    return first(connection, statement, Experiment)


def listed(
    connection: Connection, team_id: str, *, after: Mark | None = None, limit: int = 50
) -> list[Experiment]:
    """The team's experiments, the latest published first."""
    by = experiments.c
    statement = newest_first(_of_team(team_id), by.updated_at, by.id, after=after, limit=limit)
    return every(connection, statement, Experiment)


def versions(
    connection: Connection, experiment_id: str, *, before: int | None = None, limit: int = 50
) -> list[Version]:
    """The versions of an experiment, newest first, from below a number on."""
    by = experiment_versions.c
    statement = (
        select(by.number, by.team_id, by.person_id, people.c.name, by.created_at)
        .join(people, people.c.id == by.person_id)
        .where(by.experiment_id == experiment_id)
        .order_by(by.number.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(by.number < before)
    return every(connection, statement, Version)


def list_documents(
    connection: Connection, experiment_id: str, limit: int = 20
) -> list[VersionDocument]:
    """The versions of an experiment with their documents, newest first."""
    by = experiment_versions.c
    statement = (
        select(by.number, people.c.name, by.created_at, by.document)
        .join(people, people.c.id == by.person_id)
        .where(by.experiment_id == experiment_id)
        .order_by(by.number.desc())
        .limit(limit)
    )
    return every(connection, statement, VersionDocument)


def document(
    connection: Connection, team_id: str, experiment_id: str, number: int | None = None
) -> bytes | None:
    """The document of the team's experiment as it was sent: the latest version, or this one."""
    by = experiment_versions.c
    statement = (
        select(by.document)
        .join(experiments, experiments.c.id == by.experiment_id)
        .join(team_experiments, team_experiments.c.experiment_id == by.experiment_id)
        .where(team_experiments.c.team_id == team_id, by.experiment_id == experiment_id)
        .where(by.number == (experiments.c.latest_version if number is None else number))
    )
    found: bytes | None = connection.scalar(statement)
    return found


def team_that_sees(connection: Connection, experiment_id: str, person_id: str) -> Team | None:
    """The first, by name, of a person's teams that has this experiment."""
    organization = connection.scalar(
        select(experiments.c.organization_id).where(experiments.c.id == experiment_id)
    )
    if organization is None:
        return None
    seen = teams.seen_by(connection, organization, person_id)
    linked = set(
        connection.scalars(
            select(team_experiments.c.team_id).where(
                team_experiments.c.experiment_id == experiment_id
            )
        )
    )
    return next((team for team in seen if team.id in linked), None)


# --- keeping -----------------------------------------------------------------------------------


def _known(connection: Connection, author: Author, draft: Draft) -> Known | None:
    """By the id it says it has, when the team sees that; else by the url it came from."""
    return _known_by_id(connection, author, draft) or _known_by_source(connection, author, draft)


def _known_by_id(connection: Connection, author: Author, draft: Draft) -> Known | None:
    if draft.sent_id is None:
        return None
    by = team_experiments.c
    return first(
        connection,
        _latest(by.team_id == author.team_id, experiments.c.id == draft.sent_id),
        Known,
    )


def _known_by_source(connection: Connection, author: Author, draft: Draft) -> Known | None:
    """Among what the author may see of the organization, the team's own first, then the oldest."""
    if draft.source is None:
        return None
    by = team_experiments.c
    seen = [team.id for team in teams.seen_by(connection, author.organization_id, author.person_id)]
    same = _latest(
        by.team_id.in_(seen),
        experiments.c.organization_id == author.organization_id,
        experiments.c.source == draft.source,
    )
    own_first = (by.team_id == author.team_id).desc()
    return first(
        connection, same.order_by(own_first, experiments.c.created_at, experiments.c.id), Known
    )


def _latest(*conditions: ColumnElement[bool]) -> Select[Any]:
    by = experiment_versions.c
    latest = and_(by.experiment_id == experiments.c.id, by.number == experiments.c.latest_version)
    return (
        select(experiments.c.id, by.digest)
        .join(experiment_versions, latest)
        .join(team_experiments, team_experiments.c.experiment_id == experiments.c.id)
        .where(*conditions)
    )


def _add(
    connection: Connection, author: Author, experiment_id: str, draft: Draft, now: datetime
) -> None:
    connection.execute(
        experiments.insert().values(
            id=experiment_id,
            organization_id=author.organization_id,
            title=draft.title,
            source=draft.source,
            latest_version=0,
            created_at=now,
            updated_at=now,
        )
    )
    _add_version(connection, author, experiment_id, draft, now)


def _add_version(
    connection: Connection, author: Author, experiment_id: str, draft: Draft, now: datetime
) -> None:
    by = experiments.c
    number = connection.scalar(
        update(experiments)
        .where(by.id == experiment_id)
        .values(latest_version=by.latest_version + 1, title=draft.title, updated_at=now)
        .returning(by.latest_version)
    )
    connection.execute(
        experiment_versions.insert().values(
            experiment_id=experiment_id,
            number=number,
            digest=draft.digest,
            document=draft.document,
            team_id=author.team_id,
            person_id=author.person_id,
            created_at=now,
        )
    )


def _link(connection: Connection, team_id: str, experiment_id: str) -> None:
    by = team_experiments.c
    linked = select(by.team_id).where(by.team_id == team_id, by.experiment_id == experiment_id)
    if connection.execute(linked).first() is None:
        connection.execute(
            team_experiments.insert().values(team_id=team_id, experiment_id=experiment_id)
        )


def _of_team(team_id: str) -> Select[Any]:
    return (
        select(*columns(experiments, Experiment))
        .join(team_experiments, team_experiments.c.experiment_id == experiments.c.id)
        .where(team_experiments.c.team_id == team_id)
    )
