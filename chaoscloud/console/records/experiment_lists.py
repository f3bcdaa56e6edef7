"""A team's experiments as lists and the overview ask for them: each with what its runs showed."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, exists, func, select, update

from chaoscloud.console.db.schema import (
    experiment_summaries,
    experiment_versions,
    experiments,
    team_experiments,
    verifications,
)
from chaoscloud.console.records.experiment_summaries import decode_recent
from chaoscloud.console.rules.documents import Head
from chaoscloud.console.rules.experiment_states import ExperimentState, RecentRun, find_state

STEP = 20  # documents read in one step


class ExperimentFacts(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment of a team, and what its runs showed.

    `holds` is what the last run that counts showed, None when none does; `holds_since` the start
    of the first run in a row that showed this; `recent` the last runs, newest first.
    """

    id: str
    name: str  # what the team calls it; else the title of its document
    source: str | None
    tags: tuple[str, ...]
    archived_at: datetime | None
    is_copy: bool
    created_at: datetime
    updated_at: datetime
    recent: tuple[RecentRun, ...] = ()
    holds: bool | None = None
    holds_since: datetime | None = None
    counted_at: datetime | None = None
    counted_execution_id: str | None = None

    @property
    def last(self) -> RecentRun | None:
        """The last run."""
        return self.recent[0] if self.recent else None

    @property
    def is_listed(self) -> bool:
        """Whether people look for it: a copy that no verification was run with is not."""
        return bool(self.recent) or not self.is_copy

    def state(self, now: datetime, stale_days: int) -> ExperimentState:
        """Whether it holds, and whether that can be relied on."""
        return find_state(self.recent, self.holds, self.counted_at, now, stale_days)


_SELECT = (  # the fields of `ExperimentFacts`, in their order
    select(
        experiments.c.id,
        func.coalesce(team_experiments.c.name, experiments.c.title).label("name"),
        experiments.c.source,
        team_experiments.c.tags,
        team_experiments.c.archived_at,
        team_experiments.c.is_copy,
        experiments.c.created_at,
        experiments.c.updated_at,
        experiment_summaries.c.recent,
        experiment_summaries.c.holds,
        experiment_summaries.c.holds_since,
        experiment_summaries.c.counted_at,
        experiment_summaries.c.counted_execution_id,
    )
    .join(team_experiments, team_experiments.c.experiment_id == experiments.c.id)
    .outerjoin(
        experiment_summaries,
        and_(
            experiment_summaries.c.team_id == team_experiments.c.team_id,
            experiment_summaries.c.experiment_id == experiments.c.id,
        ),
    )
)


def list_facts(connection: Connection, team_id: str) -> list[ExperimentFacts]:
    """All experiments of a team that people look for, archived ones too."""
    rows = connection.execute(_SELECT.where(team_experiments.c.team_id == team_id))
    facts = (_read(row) for row in rows)
    return [item for item in facts if item.is_listed]


def find_facts(connection: Connection, team_id: str, experiment_id: str) -> ExperimentFacts | None:
    """The team's experiment of this id."""
    own = and_(team_experiments.c.team_id == team_id, experiments.c.id == experiment_id)
    row = connection.execute(_SELECT.where(own)).first()
    return None if row is None else _read(row)


_decode_tags = msgspec.json.Decoder(tuple[str, ...]).decode


def _read(row: Any) -> ExperimentFacts:
    values = dict(zip(ExperimentFacts.__struct_fields__, row, strict=True))
    values["tags"] = _decode_tags(values["tags"] or "[]")
    values["recent"] = decode_recent(values["recent"] or "[]")
    return ExperimentFacts(**values)


def fill_tags(connection: Connection, after: str = "") -> str | None:
    """Read the tags that an earlier version did not, of experiments whose id comes after this.

    Return the last id of this step, to go on from; None when nothing is left.
    """
    link, version = team_experiments.c, experiment_versions.c
    missing = select(link.team_id, link.experiment_id).where(
        link.tags.is_(None), link.experiment_id > after
    )
    last = None
    for row in connection.execute(missing.order_by(link.experiment_id).limit(STEP)).all():
        last = row.experiment_id
        documents = (
            select(version.document)
            .where(version.team_id == row.team_id, version.experiment_id == last)
            .order_by(version.number.desc())
        )
        own = and_(link.team_id == row.team_id, link.experiment_id == last)
        values = {
            "tags": _read_tags(connection.scalar(documents)),
            "is_copy": connection.scalar(select(_is_copy(row.team_id, row.experiment_id))),
        }
        connection.execute(update(team_experiments).where(own).values(**values))
    return last


def _is_copy(team_id: str, experiment_id: str) -> Any:
    """Whether a verification was made in the moment in which this experiment was."""
    return exists().where(
        verifications.c.team_id == team_id,
        verifications.c.experiment_id == experiment_id,
        experiments.c.id == experiment_id,
        verifications.c.created_at == experiments.c.created_at,
    )


def _read_tags(document: bytes | None) -> str:
    try:
        tags = msgspec.json.decode(document or b"{}", type=Head).tags
    except (msgspec.DecodeError, RecursionError):
        tags = ()
    return msgspec.json.encode(tags).decode()
