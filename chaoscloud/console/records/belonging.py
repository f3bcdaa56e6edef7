"""Which rows of a table belong to some teams, found through the schema itself.

A table that is added later is found by its `team_id`, or by the table that it refers to.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from sqlalchemy import ColumnElement, Select, Table, or_, select

from chaoscloud.console.db.schema import (
    executions,
    experiments,
    journal_versions,
    metadata,
    removals,
    team_experiments,
    verification_runs,
)

TeamIds: TypeAlias = Sequence[str] | Select[tuple[str]]  # ids, or what selects them

_VERSIONED = (executions, verification_runs)


def match_teams(table: Table, team_ids: TeamIds) -> ColumnElement[bool] | None:
    """The condition for rows that belong to these teams; None for a table that has none."""
    if "team_id" in table.c:
        return table.c.team_id.in_(team_ids)
    if table is experiments:
        link = team_experiments.c
        return table.c.id.in_(select(link.experiment_id).where(link.team_id.in_(team_ids)))
    if table in (journal_versions, removals):
        return or_(
            *(
                table.c.record_id.in_(select(record.c.id).where(record.c.team_id.in_(team_ids)))
                for record in _VERSIONED
            )
        )
    return _match_parents(table, team_ids)


def _match_parents(table: Table, team_ids: TeamIds) -> ColumnElement[bool] | None:
    for key in table.foreign_keys:
        parent = key.column.table
        if parent is table or parent.name in _OF_NO_TEAM:
            continue
        condition = match_teams(parent, team_ids)
        if condition is not None:
            return key.parent.in_(select(key.column).where(condition))
    return None


_OF_NO_TEAM = ("organizations", "teams", "people", "tokens")

# What does not leave with a team, and why.
LEFT_OUT: Mapping[str, str] = {
    "organizations": "the team comes into one that is there",
    "teams": "it comes into one that is there, or is made",
    "people": "only those that a record names: written by themselves",
    "memberships": "who belongs to an organization is its owners' to say",
    "team_members": "who is on a team is its organization's owners' to say",
    "tokens": "they open this console and no other",
    "token_organizations": "see tokens",
    "sessions": "see tokens",
    "signin_links": "see tokens",
    "earlier_slugs": "addresses of this console",
    "idempotency_keys": "of requests to this console",
    "retention": "of the organization",
    "retention_holds": "of the organization",
    "safeguards": "what is in force is decided where it is in force",
    "safeguard_states": "see safeguards",
    "subscriptions": "they have secrets, and would send from two consoles",
    "messages": "see subscriptions",
    "alert_periods": "see safeguards",
    "lost_contacts": "of runs that go on",
    "expected_runs": "what is expected is decided where it is run",
    "missed_runs": "see expected_runs",
    "stop_acknowledgements": "of runs that go on",
    "revisions": "of this console's memory",
    "organization_revisions": "of this console's memory",
    "experiment_summaries": "computed anew",
}

# Columns of tables that leave which do not leave with them, and why.
COLUMNS_LEFT_OUT: Mapping[str, str] = {
    "team_experiments.badge": "it opens a page of this console, and is one experiment's alone",
}


def list_exported() -> list[Table]:
    """The tables whose rows leave with a team, each after those that it refers to."""
    return [
        table
        for table in metadata.sorted_tables
        if table.name not in LEFT_OUT and match_teams(table, ()) is not None
    ]
