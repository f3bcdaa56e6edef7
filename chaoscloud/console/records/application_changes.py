"""What an application of a file changes, and the parts of it that send and expect."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from chaoscloud.console.messages.subscriptions import Subscription
from chaoscloud.console.records import expected_runs, experiments, subscriptions
from chaoscloud.console.records.audit import Actor
from chaoscloud.console.records.declared_sending import (
    DeclaredExpectedRun,
    DeclaredSubscription,
    InvalidDeclaration,
    read_expected_run,
    read_subscription,
)
from chaoscloud.console.records.expected_runs import ExpectedRun, TeamActor
from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.teams import Team
from chaoscloud.console.rules.schedules import Schedule, describe


@dataclass
class ApplicationChanges:
    """By whom, when and how a file is applied; `lines` has one for each change.

    With `prune`, what an operator had set and the file does not name is removed. `secrets` are for
    whoever applies the file, once.
    """

    connection: Connection
    operator: str
    now: datetime
    prune: bool = False
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    lines: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)


# --- subscriptions -----------------------------------------------------------------------------


def apply_subscriptions(
    changes: ApplicationChanges,
    organization: Organization,
    team: Team | None,
    declared: Iterable[DeclaredSubscription],
) -> None:
    """Subscribe as declared, for a team or (None) for the whole organization."""
    team_id = team.id if team else None
    every = subscriptions.list_subscriptions(changes.connection, organization.id, team_id)
    present = {(item.name, item.target): item for item in every if item.team_id == team_id}
    scope = team.name if team else organization.name
    for item in declared:
        words = f"subscription {item.name!r} ({item.target}) of {scope!r}"
        values = read_subscription(item, changes.environ)
        values["experiment_id"] = _find_narrowed(changes, team, item)
        before = present.pop((item.name, item.target), None)
        if before is None:
            _add_subscription(changes, organization, team_id, item, values)
            changes.lines.append(f"+ {words}")
            continue
        differing = [name for name, value in values.items() if value != getattr(before, name)]
        if differing:
            changes.lines.append(f"~ {words}: {', '.join(differing)}")
            actor = Actor(operator=changes.operator)
            subscriptions.change(changes.connection, before, changes.now, actor, **values)
    if changes.prune:
        for subscription in present.values():
            _prune_subscription(changes, subscription)


def _find_narrowed(
    changes: ApplicationChanges, team: Team | None, item: DeclaredSubscription
) -> str | None:
    if item.experiment is None:
        return None
    where = f"subscription {item.name!r}"
    if team is None:
        raise InvalidDeclaration(f"{where}: an experiment is of a team; subscribe in its team")
    return _find_experiment(changes.connection, team, item.experiment, where)


def _add_subscription(
    changes: ApplicationChanges,
    organization: Organization,
    team_id: str | None,
    item: DeclaredSubscription,
    values: dict[str, object],
) -> None:
    added = subscriptions.create(
        changes.connection,
        organization.id,
        team_id,
        changes.now,
        Actor(operator=changes.operator),
        name=item.name,
        target=item.target,
        **values,
    )
    if added.secret:
        changes.secrets.append(f"{item.name}: messages are signed with {added.secret}")


def _prune_subscription(changes: ApplicationChanges, subscription: Subscription) -> None:
    words = f"subscription {subscription.name!r} ({subscription.target})"
    if subscription.person_id is not None:
        changes.lines.append(f"  {words} stays: a person made it")
        return
    changes.lines.append(f"- {words}")
    actor = Actor(operator=changes.operator)
    subscriptions.remove(changes.connection, subscription, changes.now, actor)


# --- expected runs -----------------------------------------------------------------------------


def apply_expected_runs(
    changes: ApplicationChanges, team: Team, declared: Iterable[DeclaredExpectedRun]
) -> None:
    """Expect runs as declared; they are known by experiment, cron expression and zone."""
    actor = TeamActor(
        organization_id=team.organization_id, team_id=team.id, operator=changes.operator
    )
    every = expected_runs.list_of_team(changes.connection, team.id, changes.now)
    present: dict[tuple[str, str, str], ExpectedRun] = {
        (item.experiment_id, item.cron, item.zone): item for item in every
    }
    for item in declared:
        schedule = read_expected_run(item)
        where = f"expected run of {item.experiment!r}"
        experiment_id = _find_experiment(changes.connection, team, item.experiment, where)
        before = present.pop((experiment_id, schedule.cron, schedule.zone), None)
        _apply_schedule(changes, actor, item, experiment_id, before, schedule)
    if changes.prune:
        for expected in present.values():
            _prune_expected(changes, actor, expected)


def _apply_schedule(
    changes: ApplicationChanges,
    actor: TeamActor,
    item: DeclaredExpectedRun,
    experiment_id: str,
    before: ExpectedRun | None,
    schedule: Schedule,
) -> None:
    if before is None:
        expected_runs.add(changes.connection, actor, experiment_id, schedule, changes.now)
        changes.lines.append(f"+ expected run of {item.experiment!r}: {describe(schedule)}")
    elif before.schedule != schedule:
        expected_runs.change(changes.connection, actor, before, schedule, changes.now)
        changes.lines.append(f"~ expected run of {item.experiment!r}: {describe(schedule)}")


def _prune_expected(changes: ApplicationChanges, actor: TeamActor, expected: ExpectedRun) -> None:
    words = f"expected run of {expected.title!r}: {describe(expected.schedule)}"
    if not expected_runs.is_operators(changes.connection, expected.id):
        changes.lines.append(f"  {words} stays: a person set it")
        return
    changes.lines.append(f"- {words}")
    expected_runs.remove(changes.connection, actor, expected, changes.now)


def _find_experiment(connection: Connection, team: Team, word: str, where: str) -> str:
    ids = experiments.find_by_word(connection, team.id, word)
    if not ids:
        raise InvalidDeclaration(
            f"{where}: team {team.name!r} has no such experiment; publish it first"
        )
    if len(ids) > 1:
        raise InvalidDeclaration(
            f"{where}: {len(ids)} experiments of team {team.name!r} are called so; write an id"
        )
    return ids[0]
