"""Filters and cursors, kept in the address so that a list can be passed on as a link."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode

import msgspec

from chaoscloud.console.records.execution_views import ExecutionFilter
from chaoscloud.console.records.lists import Mark
from chaoscloud.console.rules.story import as_moment

KEPT = ("status", "experiment", "person", "tag", "since", "until")


def wanted(asked: Mapping[str, str]) -> ExecutionFilter:
    """What an address asks for; what makes no sense in it asks for nothing."""
    until = _day(asked.get("until", ""))
    if until and until.date() < date.max:
        until += timedelta(days=1)  # people mean the whole day
    return ExecutionFilter(
        status=_text(asked, "status"),
        experiment_id=_text(asked, "experiment"),
        person_id=_text(asked, "person"),
        tag=_text(asked, "tag"),
        since=_day(asked.get("since", "")),
        until=until,
    )


def cursor(asked: Mapping[str, str]) -> Mark | None:
    """Where the page before ended."""
    at, _, last = asked.get("after", "").partition("~")
    moment = as_moment(at)
    return Mark(moment, _plain(last)) if moment and last else None


def address(path: str, asked: Mapping[str, str], **changed: str) -> str:
    """The same list with something changed; what is empty is left out, and so is the cursor."""
    kept = {name: asked.get(name, "") for name in KEPT} | changed
    query = urlencode({name: _plain(value) for name, value in kept.items() if value})
    return f"{path}?{query}" if query else path


def beyond(path: str, asked: Mapping[str, str], at: datetime, last: str) -> str:
    """The address of the page after the one that ends with this row."""
    return address(path, asked, after=f"{at.isoformat()}~{last}")


class Chip(msgspec.Struct, frozen=True):
    """A filter one click away."""

    word: str
    address: str
    chosen: bool


def chips(path: str, asked: Mapping[str, str], words: Mapping[str, str]) -> list[Chip]:
    """One chip for each status, and one for all."""
    chosen = asked.get("status", "")
    return [
        Chip(word, address(path, asked, status=status), chosen == status)
        for status, word in words.items()
    ]


def _text(asked: Mapping[str, str], name: str) -> str:
    return _plain(asked.get(name, "").strip())


def _plain(text: str) -> str:
    """Without what no database takes in a text."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode()


def _day(text: str) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        return None
