"""When a run of an experiment is expected: a cron expression, its time zone, and a time of grace.

Pure. "Every weekday by 06:00" is `0 6 * * 1-5`: a run must have started by each moment of it, or
within the grace after it, and after the grace of the moment before.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from cronsim import CronSim, CronSimError

LONGEST_EXPRESSION = 100  # characters
LONGEST_GRACE = timedelta(days=7)


class InvalidSchedule(ValueError):
    """A schedule that makes no sense; the message is a sentence for whoever wrote it."""


class Schedule(msgspec.Struct, frozen=True):
    """Moments by which runs are expected; `grace` is in seconds."""

    cron: str
    zone: str = "UTC"
    grace: float = 0.0


class ExpectedWindow(msgspec.Struct, frozen=True):
    """When a run has to start that is expected by a moment: after `since`, by `until`."""

    since: datetime
    until: datetime


def read_schedule(cron: str, zone: str, grace: float) -> Schedule:
    """A schedule as it is kept. Raises `InvalidSchedule`."""
    schedule = Schedule(" ".join(cron.split()), zone.strip() or "UTC", grace)
    if len(schedule.cron) > LONGEST_EXPRESSION or len(schedule.cron.split()) != 5:
        raise InvalidSchedule(
            "A cron expression has five fields: minute, hour, day of the month, month, day of the"
            " week. Every weekday by 06:00 is: 0 6 * * 1-5."
        )
    if not 0 <= grace <= LONGEST_GRACE.total_seconds():
        raise InvalidSchedule("The grace is between nothing and 7 days.")
    try:
        ZoneInfo(schedule.zone)
    except (KeyError, OSError, ValueError):  # no such zone; not even a name of one
        raise InvalidSchedule(
            f"There is no time zone {schedule.zone!r}; write one such as Europe/Paris, or UTC."
        ) from None
    try:
        moment = find_next(schedule, datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise InvalidSchedule(f"That is no cron expression: {error}.") from None
    if moment is None:
        raise InvalidSchedule("No day fits that cron expression.")
    return schedule


def find_next(schedule: Schedule, after: datetime) -> datetime | None:
    """The first moment after this one; None when there is none for decades."""
    local = after.astimezone(ZoneInfo(schedule.zone))
    moment = next(CronSim(schedule.cron, local), None)
    return moment and moment.astimezone(UTC)


def list_moments(schedule: Schedule, after: datetime, until: datetime, most: int) -> list[datetime]:
    """The last moments, at most so many, that come after one time and by another."""
    local = (until + timedelta(seconds=1)).astimezone(ZoneInfo(schedule.zone))
    moments: list[datetime] = []
    for moment in CronSim(schedule.cron, local, reverse=True):
        utc = moment.astimezone(UTC)
        if utc <= after or len(moments) == most:
            break
        if utc <= until:
            moments.append(utc)
    return moments[::-1]


def find_window(schedule: Schedule, due_at: datetime) -> ExpectedWindow:
    """When the run that is expected by a moment has to start."""
    grace = timedelta(seconds=schedule.grace)
    local = due_at.astimezone(ZoneInfo(schedule.zone))
    before = next(CronSim(schedule.cron, local, reverse=True), None)
    since = before.astimezone(UTC) if before else due_at - timedelta(days=366)
    return ExpectedWindow(since + grace, due_at + grace)


def describe(schedule: Schedule) -> str:
    """A schedule in words: `At 06:00 on Monday through Friday (Europe/Paris)`."""
    words = CronSim(schedule.cron, datetime(2026, 1, 1, tzinfo=UTC)).explain()
    return f"{words} ({schedule.zone})"
