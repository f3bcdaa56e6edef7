"""Templates to HTML. Escaping is always on: nothing that was recorded is ever markup."""

import hashlib
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from chaoscloud.console.pages import _looks
from chaoscloud.outcome.durations import format_duration, format_percentage
from chaoscloud.outcome.tolerances import describe_tolerance

LONGEST_TEXT = 4_000  # characters of one value on a page; the journal has the rest
LONGEST_CELL = 160  # characters of one value in a table


@cache
def environment() -> Environment:
    """The one environment of templates."""
    templates = Environment(
        loader=PackageLoader("chaoscloud.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    templates.filters.update(
        iso=iso, exact=exact, day=day, spoken=format_duration, pretty=pretty, cut=cut, short=short
    )
    templates.filters.update(
        look=_looks.activity,
        hypothesis=_looks.hypothesis,
        legend=_looks.legend,
        expected=describe_tolerance,
        at_least=max,
        percentage=format_percentage,
    )
    templates.globals.update(asset=asset)
    return templates


def render(template: str, values: dict[str, Any]) -> str:
    """A whole page, or a piece of one."""
    return environment().get_template(template).render(values)


@cache
def asset(name: str) -> str:
    """The address of a static file; it changes with the file, so it may be kept for a year."""
    content = (files("chaoscloud.console") / "static" / name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"


def iso(moment: datetime) -> str:
    """The moment for machines: `2026-11-22T12:48:46.794Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def exact(moment: datetime) -> str:
    """The moment for people who want to know exactly."""
    utc = moment.astimezone(UTC)
    milliseconds = utc.microsecond // 1000
    return f"{utc:%A} {utc.day} {utc:%B} {utc.year:04d}, {utc:%H:%M:%S}.{milliseconds:03d} UTC"


def day(moment: datetime) -> str:
    """The moment at a glance: `22 Nov 2026 12:48 UTC`; `console.js` turns it into local time."""
    utc = moment.astimezone(UTC)
    return f"{utc.day} {utc:%b} {utc.year:04d} {utc:%H:%M} UTC"


def pretty(value: Any) -> str:
    """Any value of a journal as text: text as it is, everything else as indented JSON."""
    if isinstance(value, str):
        return value
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def cut(text: str, longest: int = LONGEST_TEXT) -> str:
    """The beginning of a text that is too long for a page, and how much is missing."""
    if len(text) <= longest:
        return text
    return f"{text[:longest]}\n… {len(text) - longest:,} more characters are in the journal"


def short(text: str) -> str:
    """One line's worth of a text, for a cell."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_CELL else f"{line[:LONGEST_CELL]}…"
