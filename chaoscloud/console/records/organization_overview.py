"""The overview of an organization: the same as a team's, over the teams that somebody may see."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from chaoscloud.console.records.attention import Attention, list_latest_runs, read_attention
from chaoscloud.console.records.experiment_lists import list_facts
from chaoscloud.console.records.overview import (
    ExperimentCounts,
    Week,
    count_experiments,
    count_weeks,
    list_running,
    read_stale_days,
)
from chaoscloud.console.records.teams import Team

MOST_ITEMS = 5  # that need attention, of each team


class TeamOverview(msgspec.Struct, frozen=True, kw_only=True):
    """One team of the overview. `running` are ids of executions that go on."""

    team_id: str
    team_name: str
    team_slug: str
    running: list[str]
    attention: Attention
    experiments: ExperimentCounts
    week: Week  # this one, so far


def read_organization(
    connection: Connection, organization_id: str, teams: Sequence[Team], now: datetime
) -> list[TeamOverview]:
    """One overview for each of these teams, those with most that needs attention first."""
    found = [_read_team(connection, organization_id, team, now) for team in teams]
    return sorted(found, key=lambda one: (-one.attention.total, one.team_name.casefold()))


def _read_team(
    connection: Connection, organization_id: str, team: Team, now: datetime
) -> TeamOverview:
    experiments = list_facts(connection, team.id)
    present = [experiment for experiment in experiments if experiment.archived_at is None]
    latest = list_latest_runs(connection, team.id)
    return TeamOverview(
        team_id=team.id,
        team_name=team.name,
        team_slug=team.slug,
        running=list_running(connection, team.id, now),
        attention=read_attention(
            connection, organization_id, team.id, experiments, latest.values(), now, MOST_ITEMS
        ),
        experiments=count_experiments(present, now, read_stale_days(connection, team.id)),
        week=count_weeks(connection, team.id, now)[-1],
    )
