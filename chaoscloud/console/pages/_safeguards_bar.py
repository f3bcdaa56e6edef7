"""The bar on top of each page of a team: whether anything may run right now."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from chaoscloud.console.auth import TeamScope
from chaoscloud.console.records import safeguards
from chaoscloud.console.records.safeguard_status import facts_for, is_undecided, measure_usage
from chaoscloud.console.rules.safeguards import KINDS, Decision, Run, Safeguard, decide


class FullSafeguard(msgspec.Struct, frozen=True):
    """A safeguard that lets nothing start because what it allows is used up: `2 of 2 running`."""

    id: str
    name: str
    usage: str


class SafeguardsBar(msgspec.Struct, frozen=True):
    """The decision about any run, as far as it is known without asking anybody.

    What is `full` denies as well, but interrupts nothing: it is no emergency.
    """

    decision: Decision
    full: tuple[FullSafeguard, ...]


def read_bar(connection: Connection, team: TeamScope, now: datetime) -> SafeguardsBar:
    """What the bar of a team shows."""
    in_force = safeguards.in_force(connection, team.organization_id, team.team_id)
    facts = facts_for(connection, in_force, now)
    known = [safeguard for safeguard in in_force if not is_undecided(safeguard, facts)]
    interrupting = [safeguard for safeguard in known if KINDS[safeguard.kind].interrupts]
    full = tuple(
        FullSafeguard(safeguard.id, safeguard.name, measure_usage(safeguard, now, facts))
        for safeguard in known
        if not KINDS[safeguard.kind].interrupts
        and not decide([safeguard], now, None, facts).allowed
    )
    return SafeguardsBar(decide(interrupting, now, None, facts), full)


def find_refusing(
    connection: Connection, team: TeamScope, tags: Iterable[str], now: datetime
) -> list[Safeguard]:
    """The safeguards that would not let a run with these tags start now, as far as is known."""
    in_force = safeguards.in_force(connection, team.organization_id, team.team_id)
    facts = facts_for(connection, in_force, now)
    run = Run(None, tuple(tags))
    return [
        safeguard
        for safeguard in in_force
        if not is_undecided(safeguard, facts) and not decide([safeguard], now, run, facts).allowed
    ]
