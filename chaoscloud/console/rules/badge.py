"""A badge: the last outcome of an experiment and its age, as a small picture for other pages."""

from datetime import datetime
from html import escape

from chaoscloud.console.rules.experiment_states import RecentRun
from chaoscloud.outcome.durations import format_duration

__all__ = ["describe_age", "draw_badge"]

_LABEL = "chaos"
_COLOURS = {"passed": "#14663a", "deviated": "#a3231f"}
_OTHER, _NONE = "#7a4b00", "#55606e"
_PER_CHARACTER = 6.6  # pixels at the size used, on the broad side
_PADDING = 10  # pixels, on each side of a text

_DAY, _HOUR, _MINUTE = 86_400, 3_600, 60


def draw_badge(run: RecentRun | None, now: datetime) -> str:
    """Return the badge as SVG: of the last run that has ended and was no dry one, if there is one.

    It says nothing else: neither the experiment's title nor whose it is.
    """
    if run is None or run.outcome is None:
        return _draw("not run yet", _NONE)
    words = run.outcome.replace("-", " ")
    if run.outcome == "passed" and not run.conclusive:
        words = "inconclusive"
    colour = _COLOURS.get(run.outcome, _OTHER) if run.conclusive else _OTHER
    return _draw(f"{words}, {describe_age((now - run.started_at).total_seconds())}", colour)


def describe_age(seconds: float) -> str:
    """Return how long ago something was, in its largest unit: `3 days ago`."""
    for size in (_DAY, _HOUR, _MINUTE):
        if seconds >= size:
            return f"{format_duration(seconds // size * size)} ago"
    return "just now"


def _draw(words: str, colour: str) -> str:
    left = round(len(_LABEL) * _PER_CHARACTER) + 2 * _PADDING
    right = round(len(words) * _PER_CHARACTER) + 2 * _PADDING
    text = escape(words)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" '
        f'aria-label="{_LABEL}: {text}"><title>{_LABEL}: {text}</title>'
        f'<rect width="{left + right}" height="20" rx="3" fill="{colour}"/>'
        f'<path d="M3 0h{left - 3}v20H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z" fill="#3b4452"/>'
        '<g fill="#fff" text-anchor="middle" '
        'font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="{left / 2:g}" y="14">{_LABEL}</text>'
        f'<text x="{left + right / 2:g}" y="14">{text}</text></g></svg>\n'
    )
