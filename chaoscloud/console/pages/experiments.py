"""One experiment: its runs, its versions, what keeps it from running, and how to run it again."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.errors import NotFound
from chaoscloud.console.pages._diff import Line, changed_lines
from chaoscloud.console.pages._safeguards_bar import find_refusing
from chaoscloud.console.pages._strip import Bar, draw_strip
from chaoscloud.console.pages._templates import pretty
from chaoscloud.console.pages._visit import Visit, of_team
from chaoscloud.console.pages.experiment_list import LOOKS
from chaoscloud.console.records import execution_views, experiments
from chaoscloud.console.records.badges import find_badge_secret, set_badge
from chaoscloud.console.records.experiment_lists import ExperimentFacts, find_facts
from chaoscloud.console.records.experiments import Experiment, VersionDocument
from chaoscloud.console.records.overview import read_stale_days
from chaoscloud.console.rules.documents import LONGEST_TITLE, without_ours
from chaoscloud.console.rules.experiment_states import ExperimentState
from chaoscloud.console.rules.safeguards import Safeguard
from chaoscloud.console.rules.story import Story, story_of
from chaoscloud.console.rules.wholeness import Removal, find_removal


class Change(msgspec.Struct, frozen=True):
    """A version, and what it changed."""

    version: VersionDocument
    lines: list[Line]


class Whole(msgspec.Struct, frozen=True):
    """One experiment with all that its page shows."""

    entry: Experiment
    facts: ExperimentFacts
    state: ExperimentState
    runs: list[Bar]
    changes: list[Change]
    story: Story
    document: str
    removal: Removal | None
    refusing: list[Safeguard]  # those that would not let it run now
    badge: str | None  # the secret part of the address of its badge


@of_team
async def one(visit: Visit) -> Response:
    """One experiment."""
    whole = await visit.db.reading(_whole, visit)
    run_url = f"{visit.origin}/assets{visit.base}/experiments/{whole.entry.id}.json"
    badge_url = f"{visit.origin}/assets/badges/{whole.badge}.svg" if whole.badge else ""
    return await visit.page(
        "experiment.html",
        tab="Experiments",
        whole=whole,
        run_url=run_url,
        badge_url=badge_url,
        looks=LOOKS,
    )


def _whole(connection: Connection, visit: Visit) -> Whole:
    team_id = visit.scope.team_id
    entry = experiments.find(connection, team_id, visit.parameter("id"))
    facts = find_facts(connection, team_id, visit.parameter("id"))
    if entry is None or facts is None:
        raise NotFound
    versions = experiments.list_documents(connection, team_id, entry.id)
    document = _decoded(versions[0].document) if versions else {}
    return Whole(
        entry,
        facts,
        facts.state(visit.now, read_stale_days(connection, team_id)),
        draw_strip(execution_views.list_summaries(connection, team_id, entry.id), visit.now),
        list(_changes(versions)),
        story_of({"experiment": document}),
        pretty(document),
        find_removal(document),
        find_refusing(connection, visit.scope, facts.tags, visit.now),
        find_badge_secret(connection, team_id, entry.id),
    )


@of_team
async def rename(visit: Visit) -> Response:
    """Give an experiment another name, for the team; an empty one is the document's title."""
    form = await visit.form()
    name = " ".join(form.get("name", "").split())[:LONGEST_TITLE]
    return await _change(visit, "named", experiments.rename, name)


@of_team
async def archive(visit: Visit) -> Response:
    """Take an experiment off the lists; nothing of it is removed."""
    await visit.form()
    return await _change(visit, "archived", experiments.archive, True)


@of_team
async def restore(visit: Visit) -> Response:
    """Put it back."""
    await visit.form()
    return await _change(visit, "restored", experiments.archive, False)


@of_team
async def turn_badge(visit: Visit) -> Response:
    """Give an experiment a badge at a new address, or take it away."""
    form = await visit.form()
    is_on, experiment_id = form.get("badge") == "on", visit.parameter("id")
    secret = await visit.db.writing(set_badge, visit.author, experiment_id, is_on, visit.now)
    if secret is None:
        raise NotFound
    notice = "badge" if is_on else "unbadged"
    return visit.back(f"{visit.base}/experiments/{experiment_id}?said={notice}")


async def _change(
    visit: Visit, notice: str, change: Callable[..., bool], value: str | bool
) -> Response:
    experiment_id = visit.parameter("id")
    if not await visit.db.writing(change, visit.author, experiment_id, value, visit.now):
        raise NotFound
    return visit.back(f"{visit.base}/experiments/{experiment_id}?said={notice}")


def _changes(versions: list[VersionDocument]) -> Iterator[Change]:
    """Each version beside the one before it; newest first."""
    for newer, older in zip(versions, [*versions[1:], None], strict=True):
        before, after = (_read_author_part(item) if item else None for item in (older, newer))
        yield Change(newer, list(changed_lines(before, after)) if older else [])


def _read_author_part(version: VersionDocument) -> Any:
    """The document without what the console and the plugin put into it."""
    document = _decoded(version.document)
    return without_ours(document) if isinstance(document, dict) else document


def _decoded(document: bytes) -> Any:
    try:
        return msgspec.json.decode(document)
    except msgspec.DecodeError:
        return {}
