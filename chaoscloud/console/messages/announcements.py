"""From a change of the record to the event that tells of it: one function for each kind of change.

Called in the transaction of the change. Where nobody has subscribed to anything, that is one query.
"""

from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, Connection, select

from chaoscloud.console.db.schema import organizations, subscriptions, teams
from chaoscloud.console.messages import events, outbox
from chaoscloud.console.messages.events import ConsoleEvent, quote
from chaoscloud.console.rules.journals import Summary
from chaoscloud.console.rules.safeguards import KINDS, Safeguard


class AnnouncedExecution(msgspec.Struct, frozen=True, kw_only=True):
    """What a message about an execution needs of it."""

    id: str
    team_id: str
    experiment_id: str
    title: str
    tags: tuple[str, ...]
    started_at: datetime


class AnnouncedImpact(msgspec.Struct, frozen=True, kw_only=True):
    """What a verification run found; the impacts are percentages."""

    team_id: str
    verification_id: str
    verification_name: str
    run_id: str
    observed: float
    allowed: float
    experiment_id: str | None
    execution_id: str | None


class _Place(msgspec.Struct, frozen=True):
    """An organization and its team, by ids and as they stand in addresses."""

    organization_id: str
    organization: str
    team_id: str | None = None
    team: str | None = None


def announce_journal(
    connection: Connection,
    execution: AnnouncedExecution,
    before: str | None,
    summary: Summary,
    now: datetime,
    earlier_outcome: str | None = None,
) -> None:
    """Tell of what a journal changed.

    `before` is the execution's status until then, `earlier_outcome` its outcome if it had ended.
    """
    outcome, safeguards = summary.outcome, summary.safeguards or ()
    type_ = events.find_execution_event(before, outcome, safeguards, earlier_outcome)
    if type_ is None or (place := _find_place(connection, execution.team_id)) is None:
        return
    if outcome is None:
        sentence = f"{quote(execution.title)} started."
        outbox.add_event(connection, _describe_execution(place, execution, type_, sentence, now))
        return
    if type_ == events.CORRECTED:
        end_type = events.find_end_type(outcome.outcome, safeguards)
        sentence = events.describe_end(execution.title, end_type, outcome, summary.duration)
        sentence = events.describe_correction(sentence, earlier_outcome or "unknown")
    else:
        earlier_outcome = None
        sentence = events.describe_end(execution.title, type_, outcome, summary.duration)
    event = msgspec.structs.replace(
        _describe_execution(place, execution, type_, sentence, now),
        outcome=outcome.outcome,
        earlier_outcome=earlier_outcome,
        conclusive=outcome.conclusive,
        warnings=tuple(caveat.code for caveat in outcome.warnings),
        dry=outcome.dry,
        ended_at=summary.ended_at or now,
        duration=summary.duration,
    )
    outbox.add_event(connection, event)


def announce_lost_contact(
    connection: Connection, execution: AnnouncedExecution, last_seen_at: datetime, now: datetime
) -> None:
    """Tell that an execution has been silent for long."""
    if place := _find_place(connection, execution.team_id):
        sentence = (
            f"{quote(execution.title)} has said nothing since {last_seen_at:%H:%M:%S} UTC:"
            " its runner may have died, and what its method did may still be there."
        )
        event = _describe_execution(place, execution, events.LOST_CONTACT, sentence, now)
        outbox.add_event(connection, event)


def announce_impact(connection: Connection, impact: AnnouncedImpact, now: datetime) -> None:
    """Tell that a verification found more impact than its objective allows."""
    if (place := _find_place(connection, impact.team_id)) is None:
        return
    sentence = (
        f"The verification {quote(impact.verification_name)} found an impact of"
        f" {impact.observed:.3g} %, more than the {impact.allowed:.3g} % that its objective allows."
    )
    page = f"/{place.organization}/{place.team}/verifications/{impact.verification_id}"
    event = ConsoleEvent(
        type=events.IMPACTED,
        subject_id=impact.run_id,
        time=now,
        sentence=sentence,
        path=f"{page}/runs/{impact.run_id}",
        title=events.cut(impact.verification_name),
        verification_id=impact.verification_id,
        execution_id=impact.execution_id,
        experiment_id=impact.experiment_id,
        **msgspec.structs.asdict(place),
    )
    outbox.add_event(connection, event)


def announce_missed(
    connection: Connection,
    team_id: str,
    experiment_id: str,
    title: str,
    due_at: datetime,
    now: datetime,
) -> None:
    """Tell that a run of an experiment was expected by a moment, and did not come."""
    if place := _find_place(connection, team_id):
        event = ConsoleEvent(
            type=events.MISSED,
            subject_id=experiment_id,
            time=now,
            sentence=(
                f"{quote(title)} was expected to run by {due_at:%Y-%m-%d %H:%M} UTC, and did not."
            ),
            path=f"/{place.organization}/{place.team}/expected-runs",
            title=events.cut(title),
            experiment_id=experiment_id,
            **msgspec.structs.asdict(place),
        )
        outbox.add_event(connection, event)


def announce_safeguard(
    connection: Connection, type_: str, safeguard: Safeguard, now: datetime
) -> None:
    """Tell that a safeguard was set, changed or released.

    A stop of one execution is told of by that execution's end.
    """
    if safeguard.execution_id is not None:
        return
    place = _find_place(connection, safeguard.team_id, safeguard.organization_id)
    if place is None:
        return
    event = ConsoleEvent(
        type=type_,
        subject_id=safeguard.id,
        time=now,
        sentence=_describe_safeguard(type_, safeguard, place),
        path=_find_safeguards_page(connection, place),
        title=events.cut(safeguard.name),
        tags=events.bound_tags(safeguard.tags) or None,
        safeguard_id=safeguard.id,
        kind=safeguard.kind,
        **msgspec.structs.asdict(place),
    )
    outbox.add_event(connection, event)


_CHANGES = {
    events.SAFEGUARD_SET: "was set",
    events.SAFEGUARD_CHANGED: "was changed",
    events.SAFEGUARD_RELEASED: "was removed",
}


def _describe_safeguard(type_: str, safeguard: Safeguard, place: _Place) -> str:
    scope = f"the team {place.team}" if place.team else f"all of {place.organization}"
    if safeguard.kind == "stop" and not safeguard.tags and type_ != events.SAFEGUARD_CHANGED:
        change = "are no longer stopped" if type_ == events.SAFEGUARD_RELEASED else "were stopped"
        return f"Runs of {scope} {change}: {events.cut(safeguard.name)}."
    label = KINDS[safeguard.kind].label.lower()
    return f"The safeguard {quote(safeguard.name)} ({label}) {_CHANGES[type_]} for {scope}."


def _describe_execution(
    place: _Place, execution: AnnouncedExecution, type_: str, sentence: str, now: datetime
) -> ConsoleEvent:
    return ConsoleEvent(
        type=type_,
        subject_id=execution.id,
        time=now,
        sentence=sentence,
        path=f"/{place.organization}/{place.team}/executions/{execution.id}",
        title=events.cut(execution.title),
        tags=events.bound_tags(execution.tags),
        experiment_id=execution.experiment_id,
        execution_id=execution.id,
        started_at=execution.started_at,
        **msgspec.structs.asdict(place),
    )


def _find_place(
    connection: Connection, team_id: str | None, organization_id: str | None = None
) -> _Place | None:
    """The team with its organization; None where the organization has no subscriptions."""
    own = organizations.c
    statement = select(own.id, own.slug).where(own.id == organization_id, _has_subscriptions())
    if team_id is not None:
        statement = (
            select(own.id, own.slug)
            .add_columns(teams.c.id, teams.c.slug)
            .join(teams, teams.c.organization_id == own.id)
            .where(teams.c.id == team_id, _has_subscriptions())
        )
    row = connection.execute(statement).first()
    return None if row is None else _Place(*row)


def _has_subscriptions() -> ColumnElement[bool]:
    where = (
        subscriptions.c.organization_id == organizations.c.id,
        subscriptions.c.removed_at.is_(None),
    )
    return select(subscriptions.c.id).where(*where).exists()


def _find_safeguards_page(connection: Connection, place: _Place) -> str:
    """The page of the team's safeguards; an organization's are on that of any team."""
    team = place.team
    if team is None:
        where = (teams.c.organization_id == place.organization_id, teams.c.removed_at.is_(None))
        statement = select(teams.c.slug).where(*where).order_by(teams.c.created_at).limit(1)
        team = connection.scalar(statement)
    return f"/{place.organization}/{team}/safeguards" if team else f"/{place.organization}"
