"""Experiments, and every version of them that was published."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, func, select, update

from chaoscloud.console.db import changes
from chaoscloud.console.db.schema import (
    experiment_versions,
    experiments,
    people,
    team_experiments,
)
from chaoscloud.console.records import audit
from chaoscloud.console.records._rows import Cursor, columns, every, first, new_id, newest_first
from chaoscloud.console.records.audit import Author
from chaoscloud.console.rules.recognition import DocumentChange, ExperimentDraft, Known, change

_NAME = func.coalesce(team_experiments.c.name, experiments.c.title)


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
    change: DocumentChange


def publish(
    connection: Connection,
    author: Author,
    draft: ExperimentDraft,
    now: datetime,
    *,
    is_copy: bool = False,
) -> Published:
    """Write a draft as a new experiment, as a new version of a known one, or not at all.

    `is_copy` is whether it is made for a verification, and not to be run by itself.
    """
    known = _find_known(connection, author.team_id, draft)
    published = Published(known.id if known else new_id(), change(known, draft))
    if published.change is DocumentChange.UNCHANGED:
        if not is_copy:
            _set_link(connection, author.team_id, published.experiment_id, is_copy=False)
        return published
    if published.change is DocumentChange.NEW:
        _add(connection, author, published.experiment_id, draft, now)
        action = "experiment.added"
    else:
        _add_version(connection, author, published.experiment_id, draft, now)
        action = "experiment.changed"
    link = {"tags": msgspec.json.encode(draft.tags).decode()}
    _set_link(connection, author.team_id, published.experiment_id, **link, is_copy=is_copy)
    audit.add_author_entry(
        connection, author, action, draft.title, now, ("experiment", published.experiment_id)
    )
    return published


def rename(
    connection: Connection, author: Author, experiment_id: str, name: str, now: datetime
) -> bool:
    """Call a team's experiment by this name, or by its title if it is empty; whether it is there.

    The name stays when a later version has another title.
    """
    title = _find_title(connection, author.team_id, experiment_id)
    if title is None:
        return False
    _set_link(connection, author.team_id, experiment_id, name=name or None)
    changes.mark_executions(connection, author.team_id)  # lists show it
    target = ("experiment", experiment_id)
    audit.add_author_entry(connection, author, "experiment.renamed", name or title, now, target)
    return True


def archive(
    connection: Connection, author: Author, experiment_id: str, is_archived: bool, now: datetime
) -> bool:
    """Take a team's experiment off the lists, or put it back; whether it is there."""
    title = _find_title(connection, author.team_id, experiment_id)
    if title is None:
        return False
    archived_at = now if is_archived else None
    _set_link(connection, author.team_id, experiment_id, archived_at=archived_at)
    changes.mark_executions(connection, author.team_id)
    action = "experiment.archived" if is_archived else "experiment.restored"
    audit.add_author_entry(connection, author, action, title, now, ("experiment", experiment_id))
    return True


def _find_title(connection: Connection, team_id: str, experiment_id: str) -> str | None:
    """What a team calls its experiment of this id; None where it has none."""
    statement = _of_team(team_id).where(experiments.c.id == experiment_id)
    title: str | None = connection.scalar(statement.with_only_columns(_NAME))
    return title


def find_name(
    connection: Connection, organization_id: str, team_id: str | None, experiment_id: str
) -> str | None:
    """What a team, or (None) some team of the organization, calls its experiment of this id."""
    by, link = experiments.c, team_experiments.c
    statement = (
        select(_NAME)
        .join(team_experiments, link.experiment_id == by.id)
        .where(by.organization_id == organization_id, by.id == experiment_id)
        .order_by(link.team_id)
        .limit(1)
    )
    if team_id is not None:
        statement = statement.where(link.team_id == team_id)
    name: str | None = connection.scalar(statement)
    return name


def find(connection: Connection, team_id: str, experiment_id: str) -> Experiment | None:
    """The team's experiment of this id."""
    statement = _of_team(team_id).where(experiments.c.id == experiment_id)
    return first(connection, statement, Experiment)


def find_by_word(connection: Connection, team_id: str, word: str) -> list[str]:
    """The ids of the team's experiments that somebody means: the one of this id, or by title."""
    if find(connection, team_id, word) is not None:
        return [word]
    return [item.id for item in list_page(connection, team_id, limit=10_000) if item.title == word]


def list_page(
    connection: Connection, team_id: str, *, after: Cursor | None = None, limit: int = 50
) -> list[Experiment]:
    """The team's experiments, the latest published first."""
    by = experiments.c
    statement = newest_first(_of_team(team_id), by.updated_at, by.id, after=after, limit=limit)
    return every(connection, statement, Experiment)


def versions(
    connection: Connection,
    team_id: str,
    experiment_id: str,
    *,
    before: int | None = None,
    limit: int = 50,
) -> list[Version]:
    """The team's versions of an experiment, newest first, from below a number on."""
    by = experiment_versions.c
    statement = (
        select(by.number, by.team_id, by.person_id, people.c.name, by.created_at)
        .join(people, people.c.id == by.person_id)
        .where(by.experiment_id == experiment_id, by.team_id == team_id)
        .order_by(by.number.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(by.number < before)
    return every(connection, statement, Version)


def list_documents(
    connection: Connection, team_id: str, experiment_id: str, limit: int = 20
) -> list[VersionDocument]:
    """The team's versions of an experiment with their documents, newest first."""
    by = experiment_versions.c
    statement = (
        select(by.number, people.c.name, by.created_at, by.document)
        .join(people, people.c.id == by.person_id)
        .where(by.experiment_id == experiment_id, by.team_id == team_id)
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
        .join(team_experiments, _of_link())
        .where(team_experiments.c.team_id == team_id, by.experiment_id == experiment_id)
        .order_by(by.number.desc())
        .limit(1)
    )
    if number is not None:
        statement = statement.where(by.number == number)
    document: bytes | None = connection.scalar(statement)
    return document


def teams_that_have(connection: Connection, experiment_id: str) -> set[str]:
    """The ids of the teams that have this experiment: one, but for what 1.0.0 let them share."""
    by = team_experiments.c
    return set(connection.scalars(select(by.team_id).where(by.experiment_id == experiment_id)))


def _set_link(connection: Connection, team_id: str, experiment_id: str, **values: object) -> None:
    """Write what the team itself has of an experiment."""
    link = team_experiments.c
    own = and_(link.team_id == team_id, link.experiment_id == experiment_id)
    connection.execute(update(team_experiments).where(own).values(**values))


# --- keeping -----------------------------------------------------------------------------------


def _find_known(connection: Connection, team_id: str, draft: ExperimentDraft) -> Known | None:
    """The team's experiment of the id that the draft names; else of the url it came from.

    A document that says neither is that of which the latest version is the same, however it came.
    Never another team's: it would decide what this team runs.
    """
    known = None
    if draft.sent_id is not None:
        known = first(connection, _latest(team_id, experiments.c.id == draft.sent_id), Known)
    others: list[ColumnElement[bool]] = [experiment_versions.c.digest == draft.digest]
    if draft.source is not None:
        others.insert(0, experiments.c.source == draft.source)
    for condition in others:
        if known is None:
            same = _latest(team_id, condition)
            same = same.order_by(experiments.c.created_at, experiments.c.id)
            known = first(connection, same, Known)
    return known


def _latest(team_id: str, condition: ColumnElement[bool]) -> Select[Any]:
    by = experiment_versions.c
    return (
        select(experiments.c.id, by.digest)
        .join(team_experiments, team_experiments.c.experiment_id == experiments.c.id)
        .join(experiment_versions, and_(_of_link(), by.number == _latest_number()))
        .where(team_experiments.c.team_id == team_id, condition)
    )


def _of_link() -> ColumnElement[bool]:
    """A version is the team's own: what 1.0.0 let teams share has versions of several."""
    by, link = experiment_versions.c, team_experiments.c
    return and_(by.experiment_id == link.experiment_id, by.team_id == link.team_id)


def _latest_number() -> ColumnElement[int]:
    """The number of the team's latest version of the experiment that it is linked to."""
    version, link = experiment_versions.alias(), team_experiments.c
    return (
        select(func.max(version.c.number))
        .where(version.c.experiment_id == link.experiment_id, version.c.team_id == link.team_id)
        .correlate(team_experiments)
        .scalar_subquery()
    )


def _add(
    connection: Connection,
    author: Author,
    experiment_id: str,
    draft: ExperimentDraft,
    now: datetime,
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
    connection.execute(
        team_experiments.insert().values(team_id=author.team_id, experiment_id=experiment_id)
    )
    _add_version(connection, author, experiment_id, draft, now)


def _add_version(
    connection: Connection,
    author: Author,
    experiment_id: str,
    draft: ExperimentDraft,
    now: datetime,
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


def _of_team(team_id: str) -> Select[Any]:
    return (
        select(*columns(experiments, Experiment, latest_version=_latest_number(), title=_NAME))
        .join(team_experiments, team_experiments.c.experiment_id == experiments.c.id)
        .where(team_experiments.c.team_id == team_id)
    )
