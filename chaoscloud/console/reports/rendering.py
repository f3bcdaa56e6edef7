"""The templates of reports, with the filters that they share."""

from datetime import UTC, datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from chaoscloud.outcome.durations import format_duration
from chaoscloud.outcome.tolerances import describe_tolerance
from chaoscloud.outcome.values import format_value

__all__ = ["environment"]

LONGEST_VALUE = 2_000  # characters of one output or error; the journal has the rest


@cache
def environment() -> Environment:
    """The one environment of reports: escaping is always on."""
    templates = Environment(
        loader=PackageLoader("chaoscloud.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    templates.filters.update(
        duration=format_duration, tolerance=describe_tolerance, value=_write_value, utc=_write_time
    )
    return templates


def _write_value(value: object) -> str:
    text = "" if value is None else format_value(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _write_time(moment: datetime | None) -> str:
    return "unknown" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
