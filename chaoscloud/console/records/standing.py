"""All that decisions are made from, read in one piece to be kept in memory."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from chaoscloud.console.db.changes import ACCESS, RUNS, SAFEGUARDS, numbers
from chaoscloud.console.records import safeguard_states, safeguards
from chaoscloud.console.rules.safeguards import Facts, Safeguard
from chaoscloud.console.rules.safeguards.model import FiringAlert, RunningExecution, WebhookAnswer

# Being heard of is no change that is counted, so what is kept of it is read anew now and then.
RUNS_AGAIN = timedelta(seconds=30)


class Standing(msgspec.Struct, frozen=True):
    """The safeguards of every organization and the facts about them, at one moment."""

    numbers: Mapping[str, int]
    safeguards: Mapping[str, tuple[Safeguard, ...]]
    answers: Mapping[str, WebhookAnswer]
    alerts: Mapping[str, tuple[FiringAlert, ...]]
    required: frozenset[str]
    going: Mapping[str, list[RunningExecution]]
    going_read_at: datetime

    @property
    def counts_runs(self) -> bool:
        """Whether any decision depends on which other runs go on."""
        return any(each.kind == "limit" for all_ in self.safeguards.values() for each in all_)

    def concerning(self, organization_id: str, team_id: str) -> Iterable[Safeguard]:
        """The safeguards of a team and of its organization, stops of one run included."""
        found = self.safeguards.get(organization_id, ())
        return [each for each in found if each.team_id in (None, team_id)]

    def facts(self, organization_id: str) -> Facts:
        """The facts about one organization."""
        return Facts(tuple(self.going.get(organization_id, ())), self.answers, self.alerts)


def read(connection: Connection, before: Standing | None, now: datetime) -> Standing:
    """How things stand; the same value as before when nothing has changed."""
    counted = numbers(connection)
    if before is None or _differ(SAFEGUARDS, counted, before):
        return _whole(connection, counted, now)
    again = _differ(RUNS, counted, before) or now - before.going_read_at >= RUNS_AGAIN
    if before.counts_runs and again:
        going = _going(connection, before.safeguards)
        return msgspec.structs.replace(before, numbers=counted, going=going, going_read_at=now)
    if _differ(ACCESS, counted, before):
        return msgspec.structs.replace(before, numbers=counted)
    return before


def _differ(name: str, counted: Mapping[str, int], before: Standing) -> bool:
    return counted.get(name) != before.numbers.get(name)


def _whole(connection: Connection, counted: Mapping[str, int], now: datetime) -> Standing:
    found: dict[str, list[Safeguard]] = {}
    for each in safeguards.list_everywhere(connection, now):
        found.setdefault(each.organization_id, []).append(each)
    kept = {organization: tuple(its) for organization, its in found.items()}
    return Standing(
        counted,
        kept,
        *safeguard_states.states(connection),
        required=safeguard_states.required(connection),
        going=_going(connection, kept),
        going_read_at=now,
    )


def _going(
    connection: Connection, safeguards: Mapping[str, Iterable[Safeguard]]
) -> Mapping[str, list[RunningExecution]]:
    """The runs of the organizations that count theirs."""
    counting = [o for o, its in safeguards.items() if any(each.kind == "limit" for each in its)]
    return safeguard_states.going(connection, counting)
