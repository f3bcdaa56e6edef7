"""Weekly time windows: runs only in them, or never in them, by the clocks of one place."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from chaoscloud.console.rules.safeguards.fields import ChoiceField, Field, InvalidField
from chaoscloud.console.rules.safeguards.kind import Kind
from chaoscloud.console.rules.safeguards.model import Finding, Question, Safeguard, denial

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_CLOCK = re.compile(r"(?P<hour>[01][0-9]|2[0-4]):(?P<minute>[0-5][0-9])")
_AROUND = range(-9, 10)  # days: a week to either side, and the windows that reach over midnight
Span = tuple[datetime, datetime]

MOST_WINDOWS = 50
SPARE_ROWS = 2  # empty rows at the end of the form
_AREAS = (
    "Africa/",
    "America/",
    "Asia/",
    "Atlantic/",
    "Australia/",
    "Europe/",
    "Indian/",
    "Pacific/",
)


@cache
def list_zones() -> tuple[str, ...]:
    """Time zones to choose from; any other that exists may be typed."""
    return ("UTC", *sorted(zone for zone in available_timezones() if zone.startswith(_AREAS)))


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"start": "from"}):
    """From one time of the day to another, such as `09:00` to `17:30`, on some days.

    One that ends at or before its start ends on the day after; `24:00` is the end of the day.
    """

    days: Annotated[tuple[Day, ...], msgspec.Meta(min_length=1, max_length=7)]
    start: str
    to: str

    def __post_init__(self) -> None:
        """Refuse times that no clock shows."""
        for key, clock in (("from", self.start), ("to", self.to)):
            if not _CLOCK.fullmatch(clock) or clock > ("23:59" if key == "from" else "24:00"):
                raise ValueError(f"{key}: Expected a time of the day such as 09:00, not {clock!r}")


class WindowsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`allow`: runs only in the windows; `forbid`: never in them. `time_zone` is an IANA name."""

    mode: Literal["allow", "forbid"]
    time_zone: str
    windows: Annotated[tuple[Window, ...], msgspec.Meta(min_length=1, max_length=MOST_WINDOWS)]

    def __post_init__(self) -> None:
        """Refuse a zone that does not exist."""
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError):
            message = f"time_zone: Expected a name such as Europe/Paris, not {self.time_zone!r}"
            raise ValueError(message) from None


class ZoneField(Field, frozen=True):
    """The name of a time zone, with suggestions."""

    template: ClassVar[str] = "fields/zone.html"

    @property
    def zones(self) -> tuple[str, ...]:
        """The suggestions."""
        return list_zones()


class WindowsField(Field, frozen=True):
    """One row for each window: a box for each day (`mon0`), and two times (`from0`, `to0`)."""

    template: ClassVar[str] = "fields/windows.html"
    days: ClassVar[tuple[str, ...]] = DAYS

    def initial_form(self) -> dict[str, str]:
        """Office hours."""
        days = dict.fromkeys((f"{day}0" for day in DAYS[:5]), "on")
        return {**days, "from0": "09:00", "to0": "17:00"}

    def fill_form(self, value: Any) -> dict[str, str]:
        """The rows of the windows."""
        form: dict[str, str] = {}
        for row, window in enumerate(value):
            form |= {f"{day}{row}": "on" for day in window.days}
            form |= {f"from{row}": window.start, f"to{row}": window.to.replace("24:00", "00:00")}
        return form

    def read_form(self, form: Mapping[str, str]) -> list[dict[str, Any]]:
        """The windows in the rows that are not empty. Raises `InvalidField`."""
        windows = [_read_row(form, row) for row in range(MOST_WINDOWS) if _is_used(form, row)]
        if not windows:
            raise InvalidField("Give at least one window: its days, and when it begins and ends.")
        return windows

    def rows(self, form: Mapping[str, str]) -> range:
        """The rows to show: those with something in them, and spare ones."""
        last = max((row for row in range(MOST_WINDOWS) if _is_used(form, row)), default=-1)
        return range(min(MOST_WINDOWS, last + 1 + SPARE_ROWS))

    def subjects(self) -> dict[str, str]:
        """How messages call the keys of the settings that this field fills."""
        return {
            "windows": "The windows",
            "days": "The days of a window",
            "from": "The start of a window",
            "to": "The end of a window",
        }


def _is_used(form: Mapping[str, str], row: int) -> bool:
    return any(form.get(f"{word}{row}") for word in (*DAYS, "from", "to"))


def _read_row(form: Mapping[str, str], row: int) -> dict[str, Any]:
    days = [day for day in DAYS if form.get(f"{day}{row}")]
    start, end = form.get(f"from{row}", ""), form.get(f"to{row}", "")
    if not days or not start or not end:
        raise InvalidField("Each window needs its days, and when it begins and ends.")
    return {"days": days, "from": start[:5], "to": end[:5]}


class WindowsKind(Kind[WindowsSettings]):
    """Denies outside of the windows, or in them."""

    name = "windows"
    label = "Time windows"
    purpose = "Runs only at certain hours of the week, or never at some."
    settings = WindowsSettings
    fields = (
        ChoiceField(
            "mode",
            "Runs are allowed",
            "What the windows mean",
            initial="allow",
            wide=True,
            choices=(("allow", "only in these windows"), ("forbid", "never in these windows")),
        ),
        ZoneField("time_zone", "By the clocks of", "The time zone", initial="UTC"),
        WindowsField(
            "windows",
            "Windows",
            "The windows",
            hint="A window that ends at or before its start ends on the day after. Empty rows are"
            " left out; save to get more.",
        ),
    )

    def decide(
        self, safeguard: Safeguard, settings: WindowsSettings, question: Question
    ) -> Finding:
        """Deny in the windows or out of them, until the next edge."""
        position = _locate(settings, question.now.replace(second=0, microsecond=0))
        if position.inside == (settings.mode == "allow"):
            return Finding(None, position.until)
        policy = denial(safeguard, until=position.until, since=position.since)
        return Finding(policy, position.until)

    def describe(self, settings: WindowsSettings) -> str:
        """The days and times, and whose clocks."""
        windows = "; ".join(
            f"{_describe_days(window.days)} {window.start} to {window.to}"
            for window in settings.windows
        )
        beginning = "Runs only" if settings.mode == "allow" else "No runs"
        return f"{beginning} {windows} ({settings.time_zone})"


def _describe_days(days: tuple[Day, ...]) -> str:
    """Days of the week as people say them: `Mon to Thu, Sat`."""
    numbers = sorted({DAYS.index(day) for day in days})
    if len(numbers) == len(DAYS):
        return "every day"
    groups = list[list[int]]()
    for number in numbers:
        if groups and groups[-1][-1] == number - 1:
            groups[-1].append(number)
        else:
            groups.append([number])
    names = [day.capitalize() for day in DAYS]
    return ", ".join(
        names[group[0]] + (f" to {names[group[-1]]}" if len(group) > 1 else "") for group in groups
    )


class _Position(msgspec.Struct, frozen=True):
    """Whether a moment is in a window; since when and until when, where that is within a week."""

    inside: bool
    since: datetime | None
    until: datetime | None


@lru_cache(1024)
def _locate(settings: WindowsSettings, minute: datetime) -> _Position:
    """Where a full minute is among the windows, which begin and end on full minutes."""
    spans = _merge_spans(settings, minute.astimezone(ZoneInfo(settings.time_zone)).date())
    first, last = spans[0][0], spans[-1][1]
    edges = [edge for span in spans for edge in span]
    since = max((edge for edge in edges if edge <= minute and edge != first), default=None)
    until = min((edge for edge in edges if edge > minute and edge != last), default=None)
    return _Position(any(start <= minute < end for start, end in spans), since, until)


def _merge_spans(settings: WindowsSettings, day: date) -> list[Span]:
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


KIND = WindowsKind()
