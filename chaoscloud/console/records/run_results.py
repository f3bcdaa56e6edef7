"""What the samples of a verification run came to, and what that cost the objective."""

from typing import Annotated

import msgspec
from sqlalchemy import Connection, and_, select, update

from chaoscloud.console.db.schema import (
    verification_runs,
    verifications,
)
from chaoscloud.outcome.insight import Insight, compute_insight
from chaoscloud.outcome.samples import from_journal, measure_times
from chaoscloud.outcome.values import as_map, as_moment

_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


_Seconds = Annotated[float, msgspec.Meta(ge=0)]


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """What the samples of a run came to; durations are in seconds.

    `frequency` is the pace the run was made at, null when only the verification knows. For how long
    samples stand, and at what pace they really came, the console reads from the journal; null where
    it has no times.
    """

    successful_samples: _Count
    deviated_samples: _Count
    not_run_samples: _Count
    total_number_of_samples: _Count
    total_duration: _Seconds
    frequency: _Seconds | None = None
    sampled_time: _Seconds | None = None
    deviated_time: _Seconds | None = None
    pace: _Seconds | None = None


def compare_results(results: Results | None, frequency: float, target: float) -> Insight | None:
    """Compare the results with what the objective allows; None without results."""
    if results is None:
        return None
    return compute_insight(
        target,
        frequency=frequency if results.frequency is None else results.frequency,
        sampled=results.successful_samples + results.deviated_samples,
        deviated=results.deviated_samples,
        total_duration=results.total_duration,
        sampled_time=results.sampled_time,
        deviated_time=results.deviated_time,
    )


def read_times(results: Results, journal: bytes, frequency: float) -> Results:
    """The results with what the journal says of the times of their samples.

    A dry run ran no sample, whatever was counted.
    """
    try:
        document = msgspec.json.decode(journal)
    except (msgspec.DecodeError, RecursionError):
        return results
    if as_map(as_map(document).get("experiment")).get("dry"):
        return msgspec.structs.replace(
            results,
            successful_samples=0,
            deviated_samples=0,
            not_run_samples=results.total_number_of_samples,
        )
    end = as_moment(as_map(document).get("end"))
    sampling = from_journal(document)
    if len(sampling.samples) != results.total_number_of_samples:
        return results  # some have no time, or were counted otherwise
    times = measure_times(sampling, end, results.frequency or frequency)
    if times is None:
        return results
    return msgspec.structs.replace(
        results, sampled_time=times.sampled, deviated_time=times.deviated, pace=times.pace
    )


def fill_times(connection: Connection, after: str = "") -> str | None:
    """Read the times of samples of one run that an earlier version recorded, with an id after this.

    Return its id, to go on from; None when no run is left. Each run is read once: its results have
    the key `sampled_time` then.
    """
    by = verification_runs.c
    statement = (
        select(by.id, by.results, by.journal, verifications.c.frequency)
        .join(
            verifications,
            and_(verifications.c.team_id == by.team_id, verifications.c.id == by.verification_id),
        )
        .where(by.id > after, by.results.is_not(None), by.results.not_like('%"sampled_time"%'))
        .order_by(by.id)
        .limit(1)
    )
    row = connection.execute(statement).first()
    if row is None:
        return None
    results = read_times(msgspec.json.decode(row.results, type=Results), row.journal, row.frequency)
    encoded = msgspec.json.encode(results).decode()
    connection.execute(update(verification_runs).where(by.id == row.id).values(results=encoded))
    return str(row.id)
