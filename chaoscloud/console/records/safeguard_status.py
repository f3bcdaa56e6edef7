"""How safeguards stand right now, in the words that the API, the pages and the commands share."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, func, or_, select

from chaoscloud.console.db.schema import people, safeguards, teams
from chaoscloud.console.records import audit, safeguard_states
from chaoscloud.console.records.people import names_of
from chaoscloud.console.rules.safeguards import (
    KINDS,
    NO_FACTS,
    Facts,
    Kind,
    Policy,
    Safeguard,
    decide,
    is_in_force,
)
from chaoscloud.console.rules.safeguards.model import Question
from chaoscloud.console.rules.safeguards.settings import load_settings

State = Literal["denies", "allows", "by tags", "not asked yet", "off", "expired"]


class SafeguardStatus(msgspec.Struct, frozen=True):
    """A safeguard, what it does, and what it decides now about the runs it applies to.

    `author` None is an operator whose name was not noted. `policy` is there when it denies.
    `usage` says how much of what it allows is used, where that can be said.
    """

    safeguard: Safeguard
    author: str | None
    description: str
    state: State
    policy: Policy | None
    usage: str

    @property
    def kind(self) -> Kind[Any]:
        """The kind of the safeguard."""
        return KINDS[self.safeguard.kind]

    @property
    def settings(self) -> Any:
        """The settings, as the kind's own value."""
        return load_settings(self.safeguard)

    @property
    def scope(self) -> Literal["organization", "team"]:
        """Whose runs it applies to."""
        return "team" if self.safeguard.team_id else "organization"

    @property
    def stops_everything(self) -> bool:
        """Whether it is a stop of all runs, which has a button of its own."""
        return self.safeguard.kind == "stop" and not self.safeguard.tags


def describe_safeguards(
    connection: Connection, described: Iterable[Safeguard], now: datetime
) -> list[SafeguardStatus]:
    """How safeguards of one organization stand, in the order they came."""
    described = list(described)
    names = names_of(connection, {s.person_id for s in described if s.person_id})
    facts = facts_for(connection, described, now)
    return [_describe(s, _author_of(s, names), facts, now) for s in described]


def _author_of(safeguard: Safeguard, names: Mapping[str, str]) -> str | None:
    if safeguard.person_id:
        return names.get(safeguard.person_id)
    return f"{safeguard.operator}{audit.OPERATOR}" if safeguard.operator else None


def facts_for(connection: Connection, safeguards: Iterable[Safeguard], now: datetime) -> Facts:
    """The facts that the decisions of one organization's safeguards need, as recorded."""
    asking = [s.organization_id for s in safeguards if KINDS[s.kind].needs_facts]
    return safeguard_states.read_facts(connection, asking[0], now) if asking else NO_FACTS


def find_authors(
    connection: Connection, team_id: str, execution_id: str, names: Collection[str]
) -> dict[str, str]:
    """Who set the safeguards of these names that apply to an execution, the removed ones included.

    A run reports the safeguards that stopped it by name; of several of one name the last counts.
    """
    if not names:
        return {}
    column = safeguards.c
    organization_id = select(teams.c.organization_id).where(teams.c.id == team_id).scalar_subquery()
    author = func.coalesce(people.c.name, column.operator + audit.OPERATOR, "the operator")
    statement = (
        select(column.name, author.label("author"))
        .outerjoin(people, people.c.id == column.person_id)
        .where(
            column.organization_id == organization_id,
            or_(column.team_id.is_(None), column.team_id == team_id),
            or_(column.execution_id.is_(None), column.execution_id == execution_id),
            column.name.in_(names),
        )
        .order_by(column.created_at, column.id)
    )
    return {row.name: row.author for row in connection.execute(statement)}


def is_undecided(safeguard: Safeguard, facts: Facts) -> bool:
    """Whether the facts that its decision needs are not known yet."""
    return KINDS[safeguard.kind].is_undecided(safeguard, facts)


def measure_usage(safeguard: Safeguard, now: datetime, facts: Facts) -> str:
    """How much of what a safeguard allows is used, such as `2 of 2 running`."""
    kind = KINDS[safeguard.kind]
    return kind.usage(safeguard, load_settings(safeguard), Question(now, None, facts))


def _describe(
    safeguard: Safeguard, author: str | None, facts: Facts, now: datetime
) -> SafeguardStatus:
    # What it decides about the runs it applies to, whichever they are.
    of_any_run = msgspec.structs.replace(safeguard, tags=(), execution_id=None)
    policies = decide([of_any_run], now, None, facts).policies
    undecided = is_undecided(safeguard, facts)
    policy = policies[0] if policies and not undecided else None
    return SafeguardStatus(
        safeguard,
        author,
        KINDS[safeguard.kind].describe(load_settings(safeguard)),
        _state(safeguard, policy, undecided, now),
        policy,
        measure_usage(safeguard, now, facts),
    )


def _state(safeguard: Safeguard, policy: Policy | None, undecided: bool, now: datetime) -> State:
    if not safeguard.enabled:
        return "off"
    if not is_in_force(safeguard, now):
        return "expired"
    if policy:
        return "denies"
    if undecided:
        return "not asked yet"
    return "by tags" if KINDS[safeguard.kind].decides_by_tags else "allows"
