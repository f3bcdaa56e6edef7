"""A console's database with years of runs in it, or with hardly any.

The same sizes give the same rows each time, their times apart, which end now.
"""

import random
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from urllib.parse import quote

import _documents as documents
import msgspec
from sqlalchemy import Connection, Table, insert, update

from chaoscloud.console.db import Database, schema
from chaoscloud.console.records import organizations, people, teams, tokens
from chaoscloud.console.records.experiment_lists import fill_tags
from chaoscloud.console.records.experiment_summaries import fill_summaries
from chaoscloud.console.records.outcomes import fill_outcomes
from chaoscloud.console.records.people import Person
from chaoscloud.console.records.run_results import fill_times
from chaoscloud.console.rules.access import Role
from chaoscloud.console.rules.outcome_reading import read_outcome
from chaoscloud.console.rules.search import join_texts

Row = dict[str, Any]

AT_ONCE = 5_000  # rows in one insert
APART = timedelta(minutes=7)  # from one run to the next
WRONG = ("deviated", "failed", "aborted", "interrupted", "refused")
SAMPLES = 100  # of each verification's run
FILLS = (fill_outcomes, fill_summaries, fill_tags, fill_times)
WINDOW = 30 * 24 * 3600.0  # seconds


@dataclass(frozen=True)
class Sizes:
    """How much there is of what; `events` are those of executions."""

    executions: int
    events: int
    experiments: int
    people: int
    verifications: int
    runs: int
    audit_entries: int

    @classmethod
    def of(cls, executions: int, events: int) -> "Sizes":
        """What stands beside so many executions, at least one of each."""
        for_one = {"experiments": 250, "people": 2_500, "verifications": 500, "runs": 50}
        beside = {name: max(1, executions // some) for name, some in for_one.items()}
        beside["people"] += 1
        return cls(executions, events, audit_entries=max(1, executions // 5), **beside)


@dataclass(frozen=True)
class Population:
    """The way into a console that was filled, and one of each thing in it."""

    token: str
    team: str  # where the addresses of its pages begin
    ids: Mapping[str, str]


class Cast:
    """Who is there; the first owns the organization, all are on the first team."""

    def __init__(self, connection: Connection, persons: int, now: datetime) -> None:
        self.organization = organizations.add(connection, "Acme", now)
        home = self.organization.id
        self.teams = [teams.add(connection, home, name, now) for name in ("Checkout", "Payments")]
        self.people = [people.add(connection, f"Person {n + 1}", now) for n in range(persons)]
        for number, person in enumerate(self.people):
            role = Role.MEMBER if number else Role.OWNER
            organizations.admit(connection, home, person.id, role)
            teams.join(connection, self.teams[0].id, person.id)
        _, self.token = tokens.add(
            connection, self.people[0].id, "laptop", now, organization_id=home
        )


class Names:
    """An identifier for each thing there will be, the latest first."""

    def __init__(self, sizes: Sizes) -> None:
        dice = random.Random(20260302)  # noqa: S311 - the same each time; nothing is kept secret

        def draw(count: int) -> list[str]:
            return [str(uuid.UUID(int=dice.getrandbits(128), version=4)) for _ in range(count)]

        self.experiments = draw(sizes.experiments)
        self.executions = draw(sizes.executions)
        self.verifications = draw(sizes.verifications)
        self.runs = draw(sizes.runs)


@dataclass(frozen=True)
class _World:
    """All that a row is made from."""

    sizes: Sizes
    cast: Cast
    names: Names
    now: datetime

    def person(self, number: int) -> Person:
        """Whose it is; the last one never did anything."""
        return self.cast.people[number % (len(self.cast.people) - 1)]

    def team_id(self, number: int) -> str:
        return self.cast.teams[number % 10 == 9].id  # one in ten is the other team's

    def began(self, number: int) -> datetime:
        return self.now - APART * (number + 1)

    def status(self, number: int) -> str:
        """The latest runs go on; of the others one in five went wrong."""
        if 0 < number < 10:
            return "running"
        return "completed" if number % 5 or not number else WRONG[number // 5 % len(WRONG)]


def fill(database: Database, sizes: Sizes) -> Population:
    """Fill an empty database; nine in ten executions are of one team."""
    now = datetime.now(UTC)
    cast = database.write(lambda connection: Cast(connection, sizes.people, now)).result()
    world = _World(sizes, cast, Names(sizes), now)
    for table, rows in TABLES.items():
        _insert(database, table, rows(world))
    _compute(database)
    return _describe(world)


def keep_running(database: Database) -> None:
    """Let the runs that go on have said something just now, in a database filled earlier."""
    statement = update(schema.executions).where(schema.executions.c.status == "running")
    now = datetime.now(UTC)
    database.write(
        lambda connection: connection.execute(statement.values(last_seen_at=now))
    ).result()


def _insert(database: Database, table: Table, rows: Iterator[Row]) -> None:
    while batch := list(islice(rows, AT_ONCE)):
        database.write(
            lambda connection, batch=batch: connection.execute(insert(table), batch)
        ).result()


def _compute(database: Database) -> None:
    """Compute what a console computes beside its work after an upgrade, until nothing is left."""
    for fill_missing in FILLS:
        last: str | None = ""
        while last is not None:
            last = database.write(
                lambda connection, last=last, step=fill_missing: step(connection, last)
            ).result()


def _describe(world: _World) -> Population:
    names, cast = world.names, world.cast
    ids = {
        "execution": names.executions[0],
        "running": names.executions[min(1, len(names.executions) - 1)],
        "experiment": names.experiments[0],
        "objective": names.verifications[0],
        "verification": names.verifications[0],
        "run": names.runs[0],
        "person": cast.people[0].id,
        "newcomer": cast.people[-1].id,
        "far": quote(f"{world.began(world.sizes.executions * 4 // 5).isoformat()}~0"),
    }
    return Population(cast.token, f"/{cast.organization.slug}/{cast.teams[0].slug}", ids)


# --- rows --------------------------------------------------------------------------------------


def _json(document: Any) -> bytes:
    return msgspec.json.encode(document)


def _experiments(world: _World) -> Iterator[Row]:
    for number, name in enumerate(world.names.experiments):
        yield {
            "id": name,
            "organization_id": world.cast.organization.id,
            "title": documents.title(number),
            "source": None,
            "latest_version": 2,
            "created_at": world.began(world.sizes.executions),
            "updated_at": world.began(number),
        }


def _team_experiments(world: _World) -> Iterator[Row]:
    for number, name in enumerate(world.names.experiments):
        for team in world.cast.teams:
            tags = _json(documents.tags(number)).decode()
            yield {"team_id": team.id, "experiment_id": name, "tags": tags}


def _versions(world: _World) -> Iterator[Row]:
    for number, name in enumerate(world.names.experiments):
        for version in (1, 2):
            yield {
                "experiment_id": name,
                "number": version,
                "digest": f"{number:063x}{version}",
                "document": _json(documents.experiment(number, version)),
                "team_id": world.cast.teams[0].id,
                "person_id": world.person(number).id,
                "created_at": world.began(number),
            }


def _executions(world: _World) -> Iterator[Row]:
    for number, name in enumerate(world.names.executions):
        began, status = world.began(number), world.status(number)
        of, running = number % world.sizes.experiments, status == "running"
        seconds = 7.0 + number % 11
        ended = None if running else world.began(number) + timedelta(seconds=seconds)
        yield {
            "id": name,
            "team_id": world.team_id(number),
            "experiment_id": world.names.experiments[of],
            "experiment_version": 2,
            "person_id": world.person(number // 3).id,
            "title": documents.title(of),
            "status": status,
            "node": f"runner-{of % 7}",
            "platform": "Linux-6.1.0-x86_64-with-glibc2.36",
            "chaoslib_version": "1.45.1",
            "tags": _json(documents.tags(of)).decode(),
            "started_at": began,
            "ended_at": ended,
            "duration": None if running else seconds,
            "journal": _json(documents.journal(of, began, status, seconds)),
            "created_at": began,
            "updated_at": ended or began,
            "last_seen_at": world.now if running else ended,
        }


def _outcomes(world: _World) -> Iterator[Row]:
    """How each execution ended, as the console reads it from the journal."""
    outcomes: dict[tuple[int, str], Any] = {}
    for number, row in enumerate(_executions(world)):
        kind = (number % world.sizes.experiments, row["status"])
        if kind not in outcomes:
            outcomes[kind] = read_outcome(row["journal"])
        outcome = outcomes[kind]
        texts = [row["title"], *documents.tags(kind[0]), row["node"]]
        yield {
            "execution_id": row["id"],
            "team_id": row["team_id"],
            "experiment_id": row["experiment_id"],
            "started_at": row["started_at"],
            "outcome": outcome and outcome.outcome,
            "conclusive": outcome and outcome.conclusive,
            "dry": False,
            "reasons": _json(outcome.reasons if outcome else ()).decode(),
            "warnings": "[]",
            "sentence": outcome and outcome.sentence,
            "person_id": row["person_id"],
            "duration": row["duration"],
            "tags": row["tags"],
            "left_behind": bool(outcome and outcome.left_behind),
            "words": join_texts([*texts, outcome.sentence if outcome else None]),
        }


def _events(world: _World) -> Iterator[Row]:
    total, runs = world.sizes.events, len(world.names.executions)
    for number in reversed(range(runs)):  # the oldest came first
        count = total // runs + (number < total % runs)
        began = world.began(number)
        documents_of_run = documents.events(number % world.sizes.experiments, began, count)
        for index, (kind, time, data) in enumerate(documents_of_run):
            yield {
                "execution_id": world.names.executions[number],
                "event_id": f"{world.names.executions[number]}-{index}",
                "type": kind,
                "time": time,
                "data": _json(data),
                "received_at": time,
            }


def _objectives(world: _World) -> Iterator[Row]:
    for number, name in enumerate(world.names.verifications):
        yield {
            "id": name,
            "team_id": world.cast.teams[0].id,
            "name": f"{documents.hypothesis(number)['title']} ({number + 1})",
            "target": 99.9,
            "window": WINDOW,
            "measurement": _json(documents.hypothesis(number)),
            "created_at": world.began(number),
            "updated_at": world.began(number),
        }


def _verifications(world: _World) -> Iterator[Row]:
    for number, name in enumerate(world.names.verifications):
        yield {
            "team_id": world.cast.teams[0].id,
            "id": name,
            "objective_id": name,
            "experiment_id": world.names.experiments[number % world.sizes.experiments],
            "name": documents.title(number),
            "frequency": 3.0,
            "duration": 300.0,
            "document": _json(documents.experiment(number)),
            "created_at": world.began(number),
            "updated_at": world.began(number),
        }


def _runs(world: _World) -> Iterator[Row]:
    results = {"successful_samples": SAMPLES, "deviated_samples": 0, "not_run_samples": 0}
    results |= {"total_number_of_samples": SAMPLES, "total_duration": 3 * SAMPLES}
    for number, name in enumerate(world.names.runs):
        of, began = number % world.sizes.verifications, world.began(number)
        yield {
            "id": name,
            "team_id": world.cast.teams[0].id,
            "verification_id": world.names.verifications[of],
            "person_id": world.person(number).id,
            "state": "finished",
            "status": "completed",
            "journal": _json(documents.journal(of, began, "completed", 300.0)),
            "results": _json(results).decode(),
            "created_at": began,
            "ended_at": began + timedelta(minutes=5),
        }


def _samples(world: _World) -> Iterator[Row]:
    for number, name in enumerate(world.names.runs):
        for index in range(SAMPLES):
            at = world.began(number) + timedelta(seconds=3 * index)
            state = documents.state(number % world.sizes.verifications, at)
            yield {
                "run_id": name,
                "category": "verification-sample",
                "payload": _json({"iteration": index + 1, "state": state}),
                "received_at": at,
            }


def _audit_entries(world: _World) -> Iterator[Row]:
    for number in reversed(range(world.sizes.audit_entries)):
        stopped = number % 2
        yield {
            "at": world.began(number),
            "organization_id": world.cast.organization.id,
            "team_id": world.cast.teams[0].id,
            "person_id": world.person(number).id,
            "action": "safeguard.stopped" if stopped else "safeguard.resumed",
            "subject": "Release day",
        }


TABLES = {
    schema.experiments: _experiments,
    schema.team_experiments: _team_experiments,
    schema.experiment_versions: _versions,
    schema.executions: _executions,
    schema.outcomes: _outcomes,
    schema.events: _events,
    schema.objectives: _objectives,
    schema.verifications: _verifications,
    schema.verification_runs: _runs,
    schema.verification_events: _samples,
    schema.audit: _audit_entries,
}
