"""Cursors and days, as they stand in the addresses of lists."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from chaoscloud.console.records._rows import Cursor
from chaoscloud.outcome.values import as_moment


def cursor(query: Mapping[str, str]) -> Cursor | None:
    """Where the page before ended."""
    at, _, last = query.get("after", "").partition("~")
    moment = as_moment(at)
    return Cursor(moment, plain_text(last)) if moment and last else None


def beyond(path: str, at: datetime, last: str) -> str:
    """The address of the page after the one that ends with this row."""
    return f"{path}?{urlencode({'after': f'{at.isoformat()}~{last}'})}"


def plain_text(text: str) -> str:
    """The text without what no database takes in one."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode()


def read_zone(name: str) -> tzinfo:
    """The time zone of this name; UTC where there is none."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ValueError, OSError, KeyError):
        return UTC


def read_day(text: str, zone: tzinfo, days: int = 0) -> datetime | None:
    """The moment at which a day, or one so many days later, begins; None for what is no day."""
    try:
        day = date.fromisoformat(text) + timedelta(days=days)
        return datetime.combine(day, time(), zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
