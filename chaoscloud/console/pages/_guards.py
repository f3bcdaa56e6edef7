"""Safeguards as pages tell them: what each does, what it says right now, and whose it is."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection

from chaoscloud.console.auth import TeamScope
from chaoscloud.console.records import history, safeguard_states, safeguards
from chaoscloud.console.rules.access import may_stop_organization
from chaoscloud.console.rules.durations import spoken
from chaoscloud.console.rules.verdict import (
    NOTHING_KNOWN,
    Facts,
    Policy,
    Safeguard,
    in_force,
    settings,
    verdict,
)
from chaoscloud.console.rules.verdict.windows import DAYS, Window

OTHERS_TELL = {"limit", "webhook", "alert"}  # kinds whose verdict depends on more than the time

TITLES = {
    "stop": "Stop switch",
    "windows": "Time windows",
    "tags": "Tags",
    "limit": "Runs at once",
    "webhook": "Webhook",
    "alert": "Alert",
}

Standing = Literal["refuses", "passes", "off", "over"]


class Guard(msgspec.Struct, frozen=True):
    """A safeguard, what it does, and what it says right now to those it concerns."""

    safeguard: Safeguard
    by: str  # who set it; nobody is the operator on the console's machine
    does: str
    policy: Policy | None
    standing: Standing
    mine: bool  # to change, by whoever looks

    @property
    def title(self) -> str:
        """Its kind, in words."""
        return TITLES[self.safeguard.kind]

    @property
    def scope(self) -> str:
        """What it concerns, as forms say it."""
        return "team" if self.safeguard.team_id else "organization"

    @property
    def switch(self) -> bool:
        """Whether it is the stop switch of everything, which has its own button."""
        return self.safeguard.kind == "stop" and not self.safeguard.tags

    @property
    def settings(self) -> Any:
        """What its kind is told."""
        return settings.of(self.safeguard.kind, self.safeguard.settings)


def guards(connection: Connection, team: TeamScope, now: datetime) -> list[Guard]:
    """Every safeguard that concerns a team and whose time is not over, those off included."""
    found = safeguards.concerning(connection, team.organization_id, team.team_id)
    lasting = [each for each in found if each.expires_at is None or each.expires_at > now]
    return told(connection, lasting, team, now)


def told(
    connection: Connection, found: Iterable[Safeguard], team: TeamScope, now: datetime
) -> list[Guard]:
    """Safeguards of the team's organization, told."""
    found = list(found)
    names = history.names(connection, {each.person_id for each in found if each.person_id})
    facts = facts_for(connection, team.organization_id, found)
    owner = may_stop_organization(team.role)
    return [
        _guard(each, names.get(each.person_id or "", ""), facts, now, bool(each.team_id) or owner)
        for each in found
    ]


def facts_for(connection: Connection, organization_id: str, found: Iterable[Safeguard]) -> Facts:
    """What is known of an organization, where any of these safeguards asks for it."""
    if any(each.kind in OTHERS_TELL for each in found):
        return safeguard_states.facts(connection, organization_id)
    return NOTHING_KNOWN


def unasked(safeguard: Safeguard, facts: Facts) -> bool:
    """Whether it is a webhook that was never asked: it is when the first run wants to know."""
    return safeguard.kind == "webhook" and safeguard.id not in facts.answers


def _guard(safeguard: Safeguard, by: str, facts: Facts, now: datetime, mine: bool) -> Guard:
    of_all = msgspec.structs.replace(safeguard, tags=(), execution_id=None)
    said = [] if unasked(safeguard, facts) else verdict([of_all], now, None, facts).policies
    policy = said[0] if said else None
    return Guard(safeguard, by, does(safeguard), policy, _standing(safeguard, policy, now), mine)


def _standing(safeguard: Safeguard, policy: Policy | None, now: datetime) -> Standing:
    if not safeguard.enabled:
        return "off"
    if not in_force(safeguard, now):
        return "over"
    return "refuses" if policy else "passes"


# --- what each kind does, in words -------------------------------------------------------------


def does(safeguard: Safeguard) -> str:
    """What a safeguard does, in one line."""
    return _DOES[safeguard.kind](settings.of(safeguard.kind, safeguard.settings))


def _windows(told: Any) -> str:
    spans = "; ".join(_span(window) for window in told.windows)
    only = "Runs only" if told.mode == "allow" else "No runs"
    return f"{only} {spans} ({told.time_zone})"


def _span(window: Window) -> str:
    return f"{_days([DAYS.index(day) for day in window.days])} {window.start} to {window.to}"


def _days(numbers: list[int]) -> str:
    """Days of the week as people say them: `Mon to Thu, Sat`."""
    names, groups = [day.capitalize() for day in DAYS], list[list[int]]()
    for number in sorted(set(numbers)):
        if groups and groups[-1][-1] == number - 1:
            groups[-1].append(number)
        else:
            groups.append([number])
    if groups == [[*range(7)]]:
        return "every day"
    return ", ".join(
        names[group[0]] + (f" to {names[group[-1]]}" if len(group) > 1 else "") for group in groups
    )


def _tags(told: Any) -> str:
    tags = ", ".join(told.tags)
    return f"Nothing tagged {tags}" if told.mode == "forbid" else f"Only what is tagged {tags}"


def _limit(told: Any) -> str:
    return f"At most {told.most} {'run' if told.most == 1 else 'runs'} at once"


def _webhook(told: Any) -> str:
    without = "refuses" if told.when_unanswered == "deny" else "lets runs pass"
    return f"Asks {told.url} every {spoken(told.every)}; without an answer it {without}"


def _alert(told: Any) -> str:
    return f"While an alert fires; one not repeated for {spoken(told.forget_after)} is forgotten"


_DOES = {
    "stop": lambda told: "Nothing runs",
    "windows": _windows,
    "tags": _tags,
    "limit": _limit,
    "webhook": _webhook,
    "alert": _alert,
}
