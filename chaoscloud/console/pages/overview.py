"""The home of a team: what runs, what needs attention, how it goes, what is known."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from chaoscloud.console.db import changes
from chaoscloud.console.errors import BadRequest, NotFound
from chaoscloud.console.pages import _execution_rows
from chaoscloud.console.pages._visit import Visit, of_team
from chaoscloud.console.pages.live import Followed, following, live_page
from chaoscloud.console.records import attention, execution_views, overview
from chaoscloud.console.records.overview import MOST_STALE_DAYS, WEEK_STATES, Overview, Week
from chaoscloud.console.rules.attention import Key

MOST_TAGS = 12  # lines of coverage at first sight
HEIGHT = 100.0  # of the drawing of weeks, in percent
_SIX_DAYS = timedelta(days=6)
WEEK_WORDS = {  # in the order in which they are drawn, from below; and the class of their colour
    "held": ("Passed", "completed"),
    "not-held": ("Deviated", "deviated"),
    "inconclusive": ("Inconclusive", "inconclusive"),
    "failed": ("Could not be tested", "failed"),
    "stopped": ("Stopped", "interrupted"),
}


class Segment(msgspec.Struct, frozen=True):
    """Runs of one week that ended alike: a part of its bar, in percent of the drawing."""

    word: str
    css: str
    count: int
    address: str
    top: float
    height: float


class WeekBar(msgspec.Struct, frozen=True):
    """One week of the drawing."""

    week: Week
    segments: list[Segment]


@of_team
async def show(visit: Visit) -> Response:
    """The overview of the team that the address names."""
    values = await visit.db.reading(_load, visit)
    return await visit.page("overview.html", tab="Overview", **values)


def _load(connection: Connection, visit: Visit) -> dict[str, Any]:
    team = visit.scope
    found = overview.read_overview(connection, team.organization_id, team.team_id, visit.now)
    rows = _execution_rows.read_rows(connection, team.team_id, found.running, visit.now)
    shows_all = "tags" in visit.request.query_params
    return {
        "overview": found,
        "running": rows,
        "weeks": draw_weeks(found.weeks, visit.base),
        "legend": [WEEK_WORDS[name] for name in WEEK_WORDS if _occurs(found, name)],
        "coverage": found.coverage if shows_all else found.coverage[:MOST_TAGS],
    }


def _occurs(found: Overview, name: str) -> bool:
    return any(getattr(week, name.replace("-", "_")) for week in found.weeks)


def draw_weeks(weeks: list[Week], base: str) -> list[WeekBar]:
    """The bars of the drawing; each segment leads to its runs."""
    most = max((week.total for week in weeks), default=0) or 1
    return [WeekBar(week, _draw_week(week, most, base)) for week in weeks]


def _draw_week(week: Week, most: int, base: str) -> list[Segment]:
    segments, top = [], HEIGHT
    for name, (word, css) in WEEK_WORDS.items():
        count = getattr(week, name.replace("-", "_"))
        if not count:
            continue
        height = max(2.0, (HEIGHT - 10) * count / most)
        top -= height
        segments.append(Segment(word, css, count, _list_week(week, name, base), top, height))
    return segments


def _list_week(week: Week, name: str, base: str) -> str:
    """The list of these runs: days in it are those of UTC, as the week's are."""
    first = week.starts_at.date()
    query = [("outcome", state) for state in WEEK_STATES[name]]
    query += [("since", first.isoformat()), ("until", (first + _SIX_DAYS).isoformat())]
    return f"{base}/executions?{urlencode([*query, ('zone', 'UTC')])}"


# --- while one looks ---------------------------------------------------------------------------


@live_page
async def stream(visit: Visit) -> Response:
    """The event stream of the overview."""
    return following(visit, OVERVIEW)


async def _pulse(visit: Visit) -> object:
    return await visit.db.reading(_read_pulse, visit)


def _read_pulse(connection: Connection, visit: Visit) -> object:
    team = visit.scope
    return (
        execution_views.find_list_marker(connection, team.organization_id, team.team_id, visit.now),
        changes.read_revision(connection, team.organization_id).safeguards,
        attention.find_last_mark(connection, team.team_id),
    )


async def _piece(visit: Visit) -> Mapping[str, str]:
    values = await visit.db.reading(_load, visit)
    html = await run_in_threadpool(visit.html, "_overview.html", **values)
    return {"html": html, "title": f"Overview of {visit.scope.team_name}"}


OVERVIEW = Followed(_pulse, lambda _: True, _piece)


# --- what people do here -----------------------------------------------------------------------


@of_team
async def mark_seen(visit: Visit) -> Response:
    """Take something off the list of what needs attention, with a note."""
    form = await visit.form()
    key = (form.get("kind", ""), form.get("id", ""))
    note = " ".join(form.get("note", "").split())[: attention.LONGEST_NOTE]
    await visit.db.writing(_mark_seen, visit, key, note)
    return visit.back(f"{visit.base}?said=seen")


def _mark_seen(connection: Connection, visit: Visit, key: Key, note: str) -> None:
    team = visit.scope
    if not attention.exists(connection, team.team_id, team.organization_id, key):
        raise NotFound("There is no such thing any more, or it is not yours to see.")
    attention.mark_seen(connection, visit.author, key, note, visit.now)


@of_team
async def unmark_seen(visit: Visit) -> Response:
    """Put something back on the list."""
    form = await visit.form()
    key = (form.get("kind", ""), form.get("id", ""))
    await visit.db.writing(attention.unmark_seen, visit.author, key, visit.now)
    return visit.back(f"{visit.base}?said=returned")


@of_team
async def set_stale_days(visit: Visit) -> Response:
    """Choose after how many days an experiment is stale."""
    text = (await visit.form()).get("days", "").strip()
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST_STALE_DAYS):
        raise BadRequest(f"Say a whole number of days, from 1 to {MOST_STALE_DAYS:,}.")
    await visit.db.writing(overview.set_stale_days, visit.author, int(text), visit.now)
    return visit.back(f"{visit.base}?said=chosen")
