"""A team's experiments, and one of them: its runs, its versions, and how to run it again."""

from collections.abc import Iterator
from math import sqrt
from typing import Any

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.errors import NotFound
from chaoscloud.console.pages import _filters, _looks
from chaoscloud.console.pages._diff import Line, changed_lines
from chaoscloud.console.pages._looks import Look
from chaoscloud.console.pages._templates import pretty
from chaoscloud.console.pages._visit import Visit, of_team
from chaoscloud.console.records import execution_views, experiments
from chaoscloud.console.records._rows import Cursor
from chaoscloud.console.records.execution_views import ExecutionSummary
from chaoscloud.console.records.experiments import Experiment, VersionDocument
from chaoscloud.console.rules.story import Story, story_of
from chaoscloud.console.rules.wholeness import Removal, find_removal

PAGE = 30
IN_A_ROW = 12  # outcomes in the strip of a list's line


class Run(msgspec.Struct, frozen=True):
    """One bar of a strip: the longer the run, the taller, up to 1 (the root keeps short ones)."""

    execution: ExecutionSummary
    look: Look
    height: float


class Row(msgspec.Struct, frozen=True):
    """An experiment as the list shows it."""

    entry: Experiment
    runs: list[Run]


class Change(msgspec.Struct, frozen=True):
    """A version, and what it changed."""

    version: VersionDocument
    lines: list[Line]


class Whole(msgspec.Struct, frozen=True):
    """One experiment with all that its page shows."""

    entry: Experiment
    runs: list[Run]
    changes: list[Change]
    story: Story
    document: str
    removal: Removal | None


@of_team
async def list_page(visit: Visit) -> Response:
    """The experiments the team published, the last changed first."""
    after = _filters.cursor(visit.request.query_params)
    rows = await visit.db.reading(_list_page, visit, after)
    more, rows = len(rows) > PAGE, rows[:PAGE]
    path = f"{visit.base}/experiments"
    last = rows[-1].entry if rows else None
    return await visit.page(
        "experiments.html",
        tab="Experiments",
        rows=rows,
        newer=path if after else "",
        older=_filters.beyond(path, last.updated_at, last.id) if more and last else "",
    )


def _list_page(connection: Connection, visit: Visit, after: Cursor | None) -> list[Row]:
    team_id = visit.scope.team_id
    entries = experiments.list_page(connection, team_id, after=after, limit=PAGE + 1)
    return [
        Row(
            item,
            _runs(execution_views.list_summaries(connection, team_id, item.id, IN_A_ROW), visit),
        )
        for item in entries
    ]


def _runs(summaries: list[ExecutionSummary], visit: Visit) -> list[Run]:
    """The strip, oldest first."""
    longest = max((max(0.0, item.duration or 0.0) for item in summaries), default=0.0)
    return [
        Run(
            item,
            _looks.execution(item, visit.now),
            max(0.2, sqrt(max(0.0, item.duration or 0.0) / longest)) if longest else 1.0,
        )
        for item in reversed(summaries)
    ]


@of_team
async def one(visit: Visit) -> Response:
    """One experiment."""
    whole = await visit.db.reading(_whole, visit)
    run_url = f"{visit.origin}/assets{visit.base}/experiments/{whole.entry.id}.json"
    return await visit.page("experiment.html", tab="Experiments", whole=whole, run_url=run_url)


def _whole(connection: Connection, visit: Visit) -> Whole:
    team_id = visit.scope.team_id
    entry = experiments.find(connection, team_id, visit.parameter("id"))
    if entry is None:
        raise NotFound
    versions = experiments.list_documents(connection, team_id, entry.id)
    document = _decoded(versions[0].document) if versions else {}
    return Whole(
        entry,
        _runs(execution_views.list_summaries(connection, team_id, entry.id), visit),
        list(_changes(versions)),
        story_of({"experiment": document}),
        pretty(document),
        find_removal(document),
    )


def _changes(versions: list[VersionDocument]) -> Iterator[Change]:
    """Each version beside the one before it; newest first."""
    for newer, older in zip(versions, [*versions[1:], None], strict=True):
        before, after = (_decoded(item.document) if item else None for item in (older, newer))
        yield Change(newer, list(changed_lines(before, after)) if older else [])


def _decoded(document: bytes) -> Any:
    try:
        return msgspec.json.decode(document)
    except msgspec.DecodeError:
        return {}
