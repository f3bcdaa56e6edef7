"""Weekly time windows: runs only in them, or never in them, by the clocks of one place."""

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec

from chaoscloud.console.rules.verdict.words import Question, Safeguard, Said, refusal

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_CLOCK = re.compile(r"(?P<hour>[01][0-9]|2[0-4]):(?P<minute>[0-5][0-9])")
_AROUND = range(-9, 10)  # days: a week to either side, and the windows that reach over midnight
Span = tuple[datetime, datetime]


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"start": "from"}):
    """From one time of the day to another, such as `09:00` to `17:30`, on some days.

    One that ends at or before its start ends on the day after; `24:00` is the end of the day.
    """

    days: Annotated[tuple[Day, ...], msgspec.Meta(min_length=1, max_length=7)]
    start: str
    to: str

    def __post_init__(self) -> None:
        """Refuse times that no clock shows."""
        for key, said in (("from", self.start), ("to", self.to)):
            if not _CLOCK.fullmatch(said) or said > ("23:59" if key == "from" else "24:00"):
                raise ValueError(f"{key}: Expected a time of the day such as 09:00, not {said!r}")


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`allow`: runs only in the windows; `forbid`: never in them. `time_zone` is an IANA name."""

    mode: Literal["allow", "forbid"]
    time_zone: str
    windows: Annotated[tuple[Window, ...], msgspec.Meta(min_length=1, max_length=50)]

    def __post_init__(self) -> None:
        """Refuse a zone that does not exist."""
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError):
            said = f"time_zone: Expected a name such as Europe/Paris, not {self.time_zone!r}"
            raise ValueError(said) from None


class Standing(msgspec.Struct, frozen=True):
    """Whether a moment is in a window; since when and until when, where that is within a week."""

    inside: bool
    since: datetime | None
    until: datetime | None


def says(safeguard: Safeguard, settings: Settings, asked: Question) -> Said:
    """No, in the windows or out of them."""
    at = standing(settings, asked.now.replace(second=0, microsecond=0))
    if at.inside == (settings.mode == "allow"):
        return Said(None, at.until)
    return Said(refusal(safeguard, until=at.until, since=at.since), at.until)


@lru_cache(1024)
def standing(settings: Settings, minute: datetime) -> Standing:
    """How a full minute stands to the windows, which begin and end on full minutes."""
    spans = _merged(settings, minute.astimezone(ZoneInfo(settings.time_zone)).date())
    first, last = spans[0][0], spans[-1][1]
    edges = [edge for span in spans for edge in span]
    since = max((edge for edge in edges if edge <= minute and edge != first), default=None)
    until = min((edge for edge in edges if edge > minute and edge != last), default=None)
    return Standing(any(start <= minute < end for start, end in spans), since, until)


def _merged(settings: Settings, day: date) -> list[Span]:
    """The windows around a day, in order; those that touch are one."""
    zone = ZoneInfo(settings.time_zone)
    spans = sorted(
        _span(window, day + timedelta(offset), zone)
        for window in settings.windows
        for offset in _AROUND
        if DAYS[(day + timedelta(offset)).weekday()] in window.days
    )
    merged: list[Span] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _span(window: Window, day: date, zone: ZoneInfo) -> Span:
    """One window on one day.

    Where clocks are put forward, a time that is skipped is the one it is called then; where they
    are put back, a window has both hours that are called the same.
    """
    over = day + timedelta(window.to <= window.start)
    return _moments(day, window.start, zone)[0], max(_moments(over, window.to, zone))


def _moments(day: date, clock: str, zone: ZoneInfo) -> Span:
    """The moment the clocks of a place show a time, and the one at which they show it last."""
    if clock == "24:00":
        day, clock = day + timedelta(1), "00:00"
    at = datetime.combine(day, time.fromisoformat(clock), zone)
    return at.astimezone(UTC), at.replace(fold=1).astimezone(UTC)
