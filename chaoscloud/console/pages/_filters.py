"""Filters and cursors, kept in the address so that a list can be passed on as a link."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec

from chaoscloud.console.records.execution_views import ExecutionFilter
from chaoscloud.console.records.lists import Cursor
from chaoscloud.outcome.values import as_moment

NAMES = ("status", "outcome", "experiment", "person", "tag", "since", "until", "zone")


def read_filter(query: Mapping[str, str]) -> ExecutionFilter:
    """What an address asks for; what makes no sense in it asks for nothing.

    Days are those of `zone`, which the page's script sends along; without it, those of UTC.
    """
    zone = _zone(query.get("zone", ""))
    return ExecutionFilter(
        status=_text(query, "status"),
        outcome=_text(query, "outcome"),
        experiment_id=_text(query, "experiment"),
        person_id=_text(query, "person"),
        tag=_text(query, "tag"),
        since=_day(query.get("since", ""), zone),
        until=_day(query.get("until", ""), zone, days=1),  # people mean the whole day
    )


def cursor(query: Mapping[str, str]) -> Cursor | None:
    """Where the page before ended."""
    at, _, last = query.get("after", "").partition("~")
    moment = as_moment(at)
    return Cursor(moment, _plain(last)) if moment and last else None


def address(path: str, query: Mapping[str, str], **changed: str) -> str:
    """The same list with something changed; what is empty is left out, and so is the cursor."""
    values = {name: query.get(name, "") for name in NAMES} | changed
    encoded = urlencode({name: _plain(value) for name, value in values.items() if value})
    return f"{path}?{encoded}" if encoded else path


def beyond(path: str, query: Mapping[str, str], at: datetime, last: str) -> str:
    """The address of the page after the one that ends with this row."""
    return address(path, query, after=f"{at.isoformat()}~{last}")


class Chip(msgspec.Struct, frozen=True):
    """A filter one click away."""

    word: str
    address: str
    chosen: bool


def chips(
    path: str, query: Mapping[str, str], choices: Mapping[str, tuple[str, str]]
) -> list[Chip]:
    """One chip for each choice: its word, by the status and the outcome that it asks for."""
    chosen = (query.get("status", ""), query.get("outcome", ""))
    return [
        Chip(
            word,
            address(path, query, status=status, outcome=outcome),
            chosen == (status, outcome),
        )
        for word, (status, outcome) in choices.items()
    ]


def _text(query: Mapping[str, str], name: str) -> str:
    return _plain(query.get(name, "").strip())


def _plain(text: str) -> str:
    """Without what no database takes in a text."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode()


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (ValueError, OSError, KeyError):
        return UTC


def _day(text: str, zone: tzinfo, days: int = 0) -> datetime | None:
    try:
        day = date.fromisoformat(text) + timedelta(days=days)
        return datetime.combine(day, time(), zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
