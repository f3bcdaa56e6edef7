"""A team's experiments: searched, sorted, by what their runs showed."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import msgspec
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.responses import Response

from chaoscloud.console.pages import _looks
from chaoscloud.console.pages._filters import plain_text
from chaoscloud.console.pages._looks import Look
from chaoscloud.console.pages._strip import Bar, draw_strip, summarize
from chaoscloud.console.pages._visit import Visit, of_team
from chaoscloud.console.pages.live import Followed, following, live_page
from chaoscloud.console.records import execution_views, people
from chaoscloud.console.records.execution_lists import select_running
from chaoscloud.console.records.expected_runs import find_next_moments
from chaoscloud.console.records.experiment_lists import ExperimentFacts, list_facts
from chaoscloud.console.records.overview import read_stale_days
from chaoscloud.console.rules.experiment_states import ExperimentState
from chaoscloud.console.rules.search import join_texts, split_query

PAGE = 50  # rows of a list
KEYS = ("q", "state", "tag", "sort")
LONGEST_VALUE = 300  # characters of one value in the address

LOOKS = {  # of states of an experiment
    "holds": Look("Holds", "completed"),
    "does-not-hold": Look("Does not hold", "deviated"),
    "not-known": Look("Not known", "inconclusive"),
    "never-run": Look("Never run", "not-run"),
}
STATES: Mapping[str, tuple[str, Callable[[ExperimentState], bool]]] = {  # chips, by their key
    "holds": ("Hold", lambda state: state.name == "holds"),
    "does-not-hold": ("Do not hold", lambda state: state.name == "does-not-hold"),
    "flapping": ("Flap", lambda state: state.is_flapping),
    "stale": ("Stale", lambda state: state.is_stale),
    "not-known": ("Not known", lambda state: state.name == "not-known"),
    "never-run": ("Never run", lambda state: state.name == "never-run"),
    "never-tried": ("Never tried", lambda state: state.name in ("never-run", "not-known")),
}
HIDDEN = ("never-tried",)  # asked for by the overview; no chip unless it is chosen
ARCHIVED = "archived"

_NEVER = datetime(1, 1, 1, tzinfo=UTC)
SORTS: Mapping[str, tuple[Callable[[ExperimentFacts], Any], bool]] = {  # the key; whether reversed
    "run": (lambda item: item.last.started_at if item.last else _NEVER, True),
    "changed": (lambda item: item.updated_at, True),
    "name": (lambda item: item.name.casefold(), False),
}


class ExperimentRow(msgspec.Struct, frozen=True):
    """An experiment as the list shows it."""

    facts: ExperimentFacts
    state: ExperimentState
    look: Look
    last_look: Look | None
    last_person: str
    strip: list[Bar]
    next_due_at: datetime | None  # when the next run is expected


class StateChip(msgspec.Struct, frozen=True):
    """A filter one click away."""

    word: str
    address: str
    count: int
    is_chosen: bool


class ExperimentListPage(msgspec.Struct, frozen=True, kw_only=True):
    """All that a list of experiments shows."""

    rows: list[ExperimentRow]
    chips: list[StateChip]
    query: Mapping[str, str]
    total: int  # of the team, archived ones apart
    stale_days: int
    addresses: Mapping[str, str]  # the same list sorted otherwise, without a tag, without a search
    older: str
    newer: str


@of_team
async def show(visit: Visit) -> Response:
    """The experiments of the team, those that ran last first."""
    page = await visit.db.reading(_load, visit)
    live = _address(f"{visit.base}/experiments/live", {**page.query, **_page_number(visit)})
    return await visit.page("experiments.html", tab="Experiments", page=page, live=live)


def _load(connection: Connection, visit: Visit) -> ExperimentListPage:
    team_id, path = visit.scope.team_id, f"{visit.base}/experiments"
    query = _read_query(visit.request.query_params)
    stale_days = read_stale_days(connection, team_id)
    everything = list_facts(connection, team_id)
    states = {item.id: item.state(visit.now, stale_days) for item in everything}
    matching = [item for item in everything if _matches(item, query)]
    chosen = [item for item in matching if _is_in(item, states[item.id], query["state"])]
    key, is_reversed = SORTS.get(query["sort"], SORTS["run"])
    chosen.sort(key=lambda item: (key(item), item.id), reverse=is_reversed)
    first = PAGE * int(_page_number(visit).get("page", "0"))
    lost = connection.execute(select_running(team_id, visit.now, lost=True)).all()
    lost_ids = {str(row.id) for row in lost}
    on_page = chosen[first : first + PAGE]
    due = find_next_moments(connection, team_id, [item.id for item in on_page], visit.now)
    names = {
        person.id: person.name
        for person in people.of_organization(connection, visit.scope.organization_id)
    }
    return ExperimentListPage(
        rows=[
            _row(item, states[item.id], names, lost_ids, due.get(item.id), visit.now)
            for item in on_page
        ],
        chips=_draw_chips(path, query, matching, states),
        query=query,
        total=sum(item.archived_at is None for item in everything),
        stale_days=stale_days,
        addresses=_list_addresses(path, query),
        older=_address(path, {**query, "page": str(first // PAGE + 1)})
        if len(chosen) > first + PAGE
        else "",
        newer=_address(path, query) if first else "",
    )


def _read_query(params: QueryParams) -> dict[str, str]:
    return {key: plain_text(params.get(key, "").strip())[:LONGEST_VALUE] for key in KEYS}


def _page_number(visit: Visit) -> dict[str, str]:
    text = visit.request.query_params.get("page", "")
    return {"page": text} if text.isascii() and text.isdigit() and len(text) < 7 else {}


def _address(path: str, query: Mapping[str, str]) -> str:
    encoded = urlencode({key: value for key, value in query.items() if value})
    return f"{path}?{encoded}" if encoded else path


def _list_addresses(path: str, query: Mapping[str, str]) -> dict[str, str]:
    sorted_by = {name: _address(path, {**query, "sort": name}) for name in SORTS}
    without = {f"no-{name}": _address(path, {**query, name: ""}) for name in ("q", "tag")}
    return sorted_by | without


def _matches(item: ExperimentFacts, query: Mapping[str, str]) -> bool:
    """Whether it has the tag and all words that are asked for."""
    if query["tag"] and query["tag"] not in item.tags:
        return False
    texts = join_texts([item.name, item.source, *item.tags])
    return all(word in texts for word in split_query(query["q"]))


def _is_in(item: ExperimentFacts, state: ExperimentState, name: str) -> bool:
    if name == ARCHIVED:
        return item.archived_at is not None
    _, is_it = STATES.get(name, ("", lambda _: True))
    return item.archived_at is None and is_it(state)


def _draw_chips(
    path: str,
    query: Mapping[str, str],
    matching: Sequence[ExperimentFacts],
    states: Mapping[str, ExperimentState],
) -> list[StateChip]:
    words = {"": "All", **{name: word for name, (word, _) in STATES.items()}, ARCHIVED: "Archived"}
    chips = []
    for name, word in words.items():
        count = sum(_is_in(item, states[item.id], name) for item in matching)
        is_chosen = name == query["state"]
        if is_chosen or not name or (count and name not in HIDDEN):
            chips.append(
                StateChip(word, _address(path, {**query, "state": name}), count, is_chosen)
            )
    return chips


def _row(
    item: ExperimentFacts,
    state: ExperimentState,
    names: Mapping[str, str],
    lost_ids: Collection[str],
    next_due_at: datetime | None,
    now: datetime,
) -> ExperimentRow:
    summaries = summarize(item.recent, now, lost_ids)
    return ExperimentRow(
        item,
        state,
        LOOKS[state.name],
        _looks.execution(summaries[0], now) if summaries else None,
        names.get(item.last.person_id or "", "") if item.last else "",
        draw_strip(summaries, now),
        next_due_at,
    )


# --- while one looks ---------------------------------------------------------------------------


@live_page
async def stream(visit: Visit) -> Response:
    """The event stream of the list that the address names."""
    return following(visit, LIST)


async def _pulse(visit: Visit) -> object:
    team = visit.scope
    return await visit.db.reading(
        execution_views.find_list_marker, team.organization_id, team.team_id, visit.now
    )


async def _piece(visit: Visit) -> Mapping[str, str]:
    page = await visit.db.reading(_load, visit)
    html = await run_in_threadpool(visit.html, "_experiments.html", page=page)
    return {"html": html, "title": "Experiments"}


LIST = Followed(_pulse, lambda _: True, _piece)
