"""What needs attention in a team, and what somebody has seen of it."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, true

from chaoscloud.console.db.schema import (
    IS_LEFT_BEHIND,
    attention_seen,
    executions,
    outcomes,
    people,
    verification_runs,
)
from chaoscloud.console.records import audit, expected_runs, runs, safeguards, verifications
from chaoscloud.console.records._rows import belongs_to
from chaoscloud.console.records.audit import Author
from chaoscloud.console.records.execution_lists import select_running
from chaoscloud.console.records.expected_runs import MissedRun
from chaoscloud.console.records.experiment_lists import ExperimentFacts
from chaoscloud.console.records.runs import VerificationRun
from chaoscloud.console.rules.attention import (
    KINDS,
    WORDS,
    AttentionCause,
    Key,
    OtherFacts,
    RunFacts,
    SeenMark,
    find_attention,
)
from chaoscloud.console.rules.experiment_states import find_last_saying
from chaoscloud.console.rules.safeguards import Safeguard

MOST_RUNS = 200  # of those that left something behind, or were lost, the latest
MOST_VERIFICATIONS = 200
MOST_SHOWN = 20
LONGEST_NOTE = 500  # characters


class AttentionItem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that needs attention; `path` is its page, below those of the team.

    `seen` is who has taken it off the list, null while nobody has.
    """

    kind: str
    id: str
    word: str
    title: str
    sentence: str
    path: str
    at: datetime
    seen: SeenMark | None = None


class Attention(msgspec.Struct, frozen=True):
    """What needs attention in a team, the most urgent first; at most so many are `shown`."""

    total: int
    shown: list[AttentionItem]
    seen: list[AttentionItem]


class _Others(msgspec.Struct, frozen=True):
    """What is no execution and may need attention, by id."""

    stops: dict[str, Safeguard]
    impacted: dict[str, VerificationRun]
    missed: dict[str, MissedRun]

    def facts(self) -> Iterator[OtherFacts]:
        for stop in self.stops.values():
            yield OtherFacts("stop", stop.id, stop.since)
        for run in self.impacted.values():
            yield OtherFacts("impacted", run.id, run.created_at)
        for key, missed in self.missed.items():
            yield OtherFacts("missed", key, missed.due_at)


def read_attention(
    connection: Connection,
    organization_id: str,
    team_id: str,
    experiments: Sequence[ExperimentFacts],
    latest_runs: Iterable[VerificationRun],
    now: datetime,
    most: int = MOST_SHOWN,
) -> Attention:
    """What needs attention in a team; given all experiments, and the last run of verifications."""
    stops = _find_stops(connection, organization_id, team_id, now)
    others = _Others(stops, _select_impacted(latest_runs), _list_missed(connection, team_id))
    facts = [*_list_last_runs(experiments), *_list_urgent_runs(connection, team_id, now)]
    findings = find_attention(facts, others.facts(), _read_seen(connection, team_id))
    open_findings = [finding for finding in findings if finding.seen is None]
    shown = [*open_findings[:most], *[finding for finding in findings if finding.seen][:most]]
    items = _describe(connection, team_id, shown, others)
    return Attention(
        len(open_findings),
        [item for item in items if item.seen is None],
        [item for item in items if item.seen],
    )


def mark_seen(connection: Connection, author: Author, key: Key, note: str, now: datetime) -> None:
    """Take something off the list, with a note."""
    kind, subject_id = key
    connection.execute(delete(attention_seen).where(_is(author.team_id, key)))
    connection.execute(
        insert(attention_seen).values(
            team_id=author.team_id,
            kind=kind,
            subject_id=subject_id,
            person_id=author.person_id,
            note=note,
            created_at=now,
        )
    )
    _log(connection, author, "attention.seen", key, note, now)


def unmark_seen(connection: Connection, author: Author, key: Key, now: datetime) -> bool:
    """Put something back on the list; whether it had been taken off."""
    gone = connection.execute(delete(attention_seen).where(_is(author.team_id, key))).rowcount
    if gone:
        _log(connection, author, "attention.returned", key, "", now)
    return bool(gone)


def find_last_mark(connection: Connection, team_id: str) -> tuple[int, datetime | None]:
    """How many things have been seen, and when the last one was: changes when that does."""
    by = attention_seen.c
    statement = select(func.count(), func.max(by.created_at)).where(by.team_id == team_id)
    count, last = connection.execute(statement).one()
    return count, last


def exists(connection: Connection, team_id: str, organization_id: str, key: Key) -> bool:
    """Whether there is such a thing in the team, of a kind that may need attention."""
    kind, subject_id = key
    if kind not in KINDS:
        return False
    if kind == "stop":
        present = safeguards.in_force(connection, organization_id, team_id)
        return any(safeguard.id == subject_id for safeguard in present)
    if kind == "impacted":
        return subject_id in _select_impacted(list_latest_runs(connection, team_id).values())
    if kind == "missed":
        return subject_id in _list_missed(connection, team_id)
    own = and_(executions.c.team_id == team_id, executions.c.id == subject_id)
    return connection.execute(select(executions.c.id).where(own)).first() is not None


def _is(team_id: str, key: Key) -> ColumnElement[bool]:
    by = attention_seen.c
    return and_(by.team_id == team_id, by.kind == key[0], by.subject_id == key[1])


def _log(
    connection: Connection, author: Author, action: str, key: Key, note: str, now: datetime
) -> None:
    kind, subject_id = key
    subject = f"{WORDS[kind].lower()}: {note}" if note else WORDS[kind].lower()
    target = ("safeguard" if kind == "stop" else "execution", subject_id)
    if kind == "impacted":
        by = verification_runs.c
        verification_id = connection.scalar(select(by.verification_id).where(by.id == subject_id))
        target = ("verification", verification_id or "")
    elif kind == "missed":
        expected = expected_runs.find(connection, author.team_id, subject_id.partition("@")[0])
        target = ("experiment", expected.experiment_id if expected else "")
    audit.add_author_entry(connection, author, action, subject, now, target)


def _read_seen(connection: Connection, team_id: str) -> dict[Key, SeenMark]:
    by = attention_seen.c
    statement = (
        select(by.kind, by.subject_id, people.c.name, by.created_at, by.note)
        .join(people, people.c.id == by.person_id)
        .where(by.team_id == team_id)
    )
    rows = connection.execute(statement)
    return {(row.kind, row.subject_id): SeenMark(*row[2:]) for row in rows}


# --- what the rule is asked about --------------------------------------------------------------


def _list_last_runs(experiments: Sequence[ExperimentFacts]) -> Iterator[RunFacts]:
    for experiment in experiments:
        last = None if experiment.archived_at else find_last_saying(experiment.recent)
        if last is not None:
            yield RunFacts(
                id=last.id,
                at=last.started_at,
                outcome=last.outcome,
                conclusive=last.conclusive,
                dry=last.dry,
                is_last=True,
            )


def _list_urgent_runs(connection: Connection, team_id: str, now: datetime) -> Iterator[RunFacts]:
    """Those that left something behind, and those that the console lost contact with."""
    by = outcomes.c
    left = select(by.execution_id, by.started_at, by.outcome, by.left_behind).where(
        by.team_id == team_id, IS_LEFT_BEHIND, by.left_behind == true()
    )
    for row in connection.execute(left.order_by(by.started_at.desc()).limit(MOST_RUNS)):
        yield RunFacts(
            id=row.execution_id, at=row.started_at, outcome=row.outcome, left_behind=True
        )
    lost = select(executions.c.id, executions.c.last_seen_at).where(
        executions.c.id.in_(select_running(team_id, now, lost=True))
    )
    lost = lost.order_by(executions.c.last_seen_at.desc()).limit(MOST_RUNS)
    for execution_id, seen_at in connection.execute(lost).all():
        yield RunFacts(id=execution_id, at=seen_at, outcome=None, is_lost=True)


def _find_stops(
    connection: Connection, organization_id: str, team_id: str, now: datetime
) -> dict[str, Safeguard]:
    in_force = safeguards.in_force(connection, organization_id, team_id)
    return {
        item.id: item
        for item in in_force
        if item.kind == "stop" and (item.expires_at is None or item.expires_at > now)
    }


def list_latest_runs(connection: Connection, team_id: str) -> dict[str, VerificationRun]:
    """The last run of each verification that has one, by the verification's id."""
    page = verifications.list_page(connection, team_id, limit=MOST_VERIFICATIONS)
    return runs.latest(connection, team_id, [verification.id for verification in page])


def _select_impacted(latest_runs: Iterable[VerificationRun]) -> dict[str, VerificationRun]:
    """Those that cost more than the objective allows."""
    return {run.id: run for run in latest_runs if run.insight and run.insight.impacted}


def _list_missed(connection: Connection, team_id: str) -> dict[str, MissedRun]:
    """The last run of each schedule that did not come, unless one has come since."""
    return {
        f"{missed.expected_run_id}@{missed.due_at:%Y-%m-%dT%H:%M}": missed
        for missed in expected_runs.list_unsettled(connection, team_id)
    }


# --- in words ----------------------------------------------------------------------------------


def _describe(
    connection: Connection, team_id: str, findings: Sequence[AttentionCause], others: _Others
) -> list[AttentionItem]:
    ids = [finding.subject_id for finding in findings]
    statement = (
        select(executions.c.id, executions.c.title, outcomes.c.sentence)
        .outerjoin(outcomes, outcomes.c.execution_id == executions.c.id)
        .where(belongs_to(executions.c.team_id, team_id), executions.c.id.in_(ids))
    )
    titles = {row.id: (row.title, row.sentence) for row in connection.execute(statement)}
    return [_describe_one(finding, titles, others) for finding in findings]


def _describe_one(
    finding: AttentionCause, titles: dict[str, tuple[str, str | None]], others: _Others
) -> AttentionItem:
    if stop := others.stops.get(finding.subject_id):
        title, sentence, path = stop.name, stop.reason, f"safeguards/{stop.id}"
    elif run := others.impacted.get(finding.subject_id):
        title, sentence = run.verification_name, _describe_impact(run)
        path = f"verifications/{run.verification_id}/runs/{run.id}"
    elif missed := others.missed.get(finding.subject_id):
        title, path = missed.title, "expected-runs"
        sentence = f"It was expected by {missed.due_at:%-d %b %Y %H:%M} UTC."
    else:
        title, told = titles.get(finding.subject_id, ("", None))
        sentence = told or "It sends nothing any more: it was cut off, or lost the network."
        path = f"executions/{finding.subject_id}"
    return AttentionItem(
        kind=finding.kind,
        id=finding.subject_id,
        word=WORDS[finding.kind],
        title=title,
        sentence=sentence,
        path=path,
        at=finding.at,
        seen=finding.seen,
    )


def _describe_impact(run: VerificationRun) -> str:
    if run.insight is None or run.insight.observed_impact is None:
        return ""
    observed, allowed = run.insight.observed_impact, run.insight.allowed_budget
    return (
        f"The objective did not hold for {observed:.3g} % of the time; {allowed:.3g} % is allowed"
    )
