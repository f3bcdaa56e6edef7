"""Would a run be allowed? Decided for the API and the pages, without changing anything.

The command line decides by what webhooks answered last: it has no loop that could ask them.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from chaoscloud.console.auth import TeamScope
from chaoscloud.console.db import Database
from chaoscloud.console.records import safeguards
from chaoscloud.console.rules.safeguards import Decision, Run, decide
from chaoscloud.console.watch import Watch

FARTHEST = timedelta(days=3660)  # from now, in either direction


class Simulation(msgspec.Struct, frozen=True):
    """The decision about a run of a team with these tags, that would start `at` a time."""

    decision: Decision
    at: datetime
    tags: tuple[str, ...]


async def simulate_run(
    database: Database, watch: Watch, team: TeamScope, tags: Iterable[str], at: datetime
) -> Simulation:
    """Decide about a run that has not started; webhooks are asked."""
    in_force = await database.reading(safeguards.in_force, team.organization_id, team.team_id)
    facts = await watch.facts(team.organization_id, in_force)
    run = Run(None, tuple(dict.fromkeys(tag for tag in tags if tag)))
    return Simulation(decide(in_force, at, run, facts), at, run.tags)
