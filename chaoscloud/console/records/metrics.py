"""What `/metrics` has of the record: runs that go on, those that started and ended."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

import msgspec
from sqlalchemy import Connection, select

from chaoscloud.console.db.schema import IS_RUNNING, executions, organizations, outcomes, teams
from chaoscloud.console.metrics import EXECUTION_DURATION, EXECUTIONS_ENDED, EXECUTIONS_STARTED
from chaoscloud.console.rules.journals import Summary
from chaoscloud.console.rules.safeguards.kinds.limit import SILENCE

LONGEST = 128  # characters of a title or a tag as a label
MOST_VALUES = 200  # titles, and tags, that have a series of their own: those of most runs
OTHERS = "(others)"  # the label of all the rest of a team


class TeamLabels(msgspec.Struct, frozen=True):
    """A team as it stands in addresses and in labels."""

    organization: str
    team: str


class ActiveRuns(msgspec.Struct, frozen=True):
    """How many runs each team has going on, teams without any included; and by title and tag."""

    by_team: dict[TeamLabels, int]
    by_title: dict[tuple[TeamLabels, str], int]
    by_tag: dict[tuple[TeamLabels, str], int]


def count_active_runs(connection: Connection, now: datetime) -> ActiveRuns:
    """Count the executions that go on, as safeguards that limit them do.

    Left out are those that were silent for long, and dry runs, which act on nothing.
    """
    labels = {row.id: TeamLabels(row.organization, row.team) for row in _list_teams(connection)}
    by, column = executions.c, outcomes.c
    statement = (
        select(by.team_id, by.title, by.tags)
        .outerjoin(outcomes, column.execution_id == by.id)
        .where(IS_RUNNING, by.last_seen_at > now - SILENCE, column.dry.is_not(True))
    )
    by_team = Counter(dict.fromkeys(labels.values(), 0))
    by_title: Counter[tuple[TeamLabels, str]] = Counter()
    by_tag: Counter[tuple[TeamLabels, str]] = Counter()
    for row in connection.execute(statement):
        if (team := labels.get(row.team_id)) is None:
            continue
        by_team[team] += 1
        by_title[team, row.title[:LONGEST]] += 1
        tags = msgspec.json.decode(row.tags, type=tuple[str, ...])
        by_tag.update((team, tag) for tag in {tag[:LONGEST] for tag in tags})
    return ActiveRuns(by_team, _bound(by_title), _bound(by_tag))


def _bound(numbers: Counter[tuple[TeamLabels, str]]) -> dict[tuple[TeamLabels, str], int]:
    """Put together what is rare: whoever runs experiments chooses titles and tags."""
    bounded: Counter[tuple[TeamLabels, str]] = Counter()
    for place, ((team, value), number) in enumerate(numbers.most_common()):
        bounded[team, value if place < MOST_VALUES else OTHERS] += number
    return bounded


class _TeamRow(msgspec.Struct, frozen=True):
    id: str
    organization: str
    team: str


def _list_teams(connection: Connection) -> Iterable[_TeamRow]:
    statement = (
        select(teams.c.id, organizations.c.slug, teams.c.slug)
        .join(organizations, organizations.c.id == teams.c.organization_id)
        .where(teams.c.removed_at.is_(None))
    )
    return [_TeamRow(*row) for row in connection.execute(statement)]


def count_journal(
    connection: Connection, team_id: str, before: str | None, summary: Summary
) -> None:
    """Count the start or the end of an execution; `before` is its status until this journal."""
    is_new, has_ended = before is None, before in (None, "running") and summary.outcome is not None
    if not is_new and not has_ended:
        return
    team = _read_team_labels(connection, team_id)
    if is_new:
        EXECUTIONS_STARTED.labels(team.organization, team.team).inc()
    if summary.outcome is not None and has_ended:
        outcome = summary.outcome.outcome
        EXECUTIONS_ENDED.labels(team.organization, team.team, outcome).inc()
        if summary.duration is not None:
            EXECUTION_DURATION.labels(outcome).observe(summary.duration)


def _read_team_labels(connection: Connection, team_id: str) -> TeamLabels:
    """A team as it stands in labels."""
    statement = (
        select(organizations.c.slug, teams.c.slug)
        .join(organizations, organizations.c.id == teams.c.organization_id)
        .where(teams.c.id == team_id)
    )
    return TeamLabels(*connection.execute(statement).one())
