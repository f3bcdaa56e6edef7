"""Publishing experiments, and reading them back."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.api import _lookup
from chaoscloud.console.api._answers import (
    Made,
    at,
    cursor,
    document,
    json,
    limit_of,
    mark_of,
    nothing,
    number_of,
    page,
)
from chaoscloud.console.api._body import (
    Document,
    body_of,
    check_json,
    decode_as,
    offload,
    offload_journal,
    read_journal,
    validate,
)
from chaoscloud.console.api._team_request import TeamRequest, of_team
from chaoscloud.console.api.events import ACCEPTS
from chaoscloud.console.errors import NotFound
from chaoscloud.console.records import executions, experiments, idempotency
from chaoscloud.console.records._rows import Cursor
from chaoscloud.console.records.audit import Author
from chaoscloud.console.records.experiments import Experiment, Published, Version
from chaoscloud.console.rules import journals, recognition
from chaoscloud.console.rules.documents import LONGEST_TITLE
from chaoscloud.console.rules.journals import Summary
from chaoscloud.console.rules.recognition import DocumentChange, ExperimentDraft


class NewExperiment(msgspec.Struct, frozen=True):
    """An experiment to publish, as the Chaos Toolkit reads it.

    `journal` is that of a run of it which starts now, without the experiment: an execution is
    created with it.
    """

    experiment: Document
    journal: Document = msgspec.field(default_factory=lambda: msgspec.Raw(b"null"))


class NewExecution(msgspec.Struct, frozen=True):
    """An execution that was created, and its address."""

    id: str
    address: str


class MadeWithExecution(Made, frozen=True):
    """The id of an experiment, and the execution of it that was created with it."""

    execution: NewExecution


Opening = tuple[Summary, bytes]
"""The journal of a run that starts, and what the console takes out of it."""


class ExperimentWithDocument(msgspec.Struct, frozen=True):
    """An experiment and the latest version of its document."""

    id: str
    title: str
    source: str | None
    latest_version: int
    created_at: datetime
    updated_at: datetime
    experiment: Document


@of_team
async def publish(request: TeamRequest) -> Response:
    """Keep an experiment: as a new one, as a new version of a known one, or leave it as it is."""
    body = await body_of(request.http)
    draft, opening = await offload_journal(_read_publication, body)
    key = request.key(idempotency.KeyKind.EXPERIMENT, body)
    if opening is not None:
        return await _publish_with_execution(request, draft, opening, body)
    published = await request.db.recording(_publish, request.author, draft, key, request.now)
    where = at(request.address("experiments", published.experiment_id))
    unchanged = published.change is DocumentChange.UNCHANGED
    if unchanged and draft.sent_id == published.experiment_id:
        return nothing(where)
    return json(Made(published.experiment_id), 201, where)


@of_team
async def list_page(request: TeamRequest) -> Response:
    """The team's experiments, the latest published first."""
    query = request.http.query_params
    limit = limit_of(query)
    record = await request.db.reading(
        experiments.list_page, request.team.team_id, after=mark_of(query), limit=limit
    )
    return page(request.http, record, limit, lambda last: cursor(Cursor(last.updated_at, last.id)))


@of_team
async def one(request: TeamRequest) -> Response:
    """An experiment with the latest version of its document."""
    record, raw = await request.db.reading(_one, request.team.team_id, request.path("experiment"))
    values: dict[str, Any] = msgspec.structs.asdict(record)
    del values["organization_id"]
    answer = ExperimentWithDocument(**values, experiment=msgspec.Raw(raw))
    return json(answer, headers=at(request.address("experiments", record.id)))


@of_team
async def versions(request: TeamRequest) -> Response:
    """The versions of an experiment, the newest first."""
    query = request.http.query_params
    limit = limit_of(query)
    before = number_of(query, "cursor", 0)
    record = await request.db.reading(
        _versions, request.team.team_id, request.path("experiment"), before or None, limit
    )
    return page(request.http, record, limit, lambda last: str(last.number))


@of_team
async def version(request: TeamRequest) -> Response:
    """The document of one version, as it was sent."""
    number = request.version_number()
    raw = await request.db.reading(
        experiments.document, request.team.team_id, request.path("experiment"), int(number)
    )
    if raw is None:
        raise NotFound("There is no such version.")
    return document(raw)


class ExperimentChanges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a team changes of an experiment of its own; what is left out stays.

    An empty `name` is the title of the document again. An `archived` one stands on no list of the
    console's pages, and nothing of it is removed.
    """

    name: Annotated[str, msgspec.Meta(max_length=LONGEST_TITLE)] | msgspec.UnsetType = msgspec.UNSET
    archived: bool | msgspec.UnsetType = msgspec.UNSET


@of_team
async def change(request: TeamRequest) -> Response:
    """Rename an experiment, archive it, or bring it back."""
    sent = await offload(
        lambda body: decode_as(check_json(body), ExperimentChanges), await body_of(request.http)
    )
    experiment_id = request.path("experiment")
    await request.db.writing(_change, request.author, experiment_id, sent, request.now)
    return nothing()


def _change(
    connection: Connection,
    author: Author,
    experiment_id: str,
    sent: ExperimentChanges,
    now: datetime,
) -> None:
    _lookup.find_experiment(connection, author.team_id, experiment_id)
    if sent.name is not msgspec.UNSET:
        name = " ".join(sent.name.split())
        experiments.rename(connection, author, experiment_id, name, now)
    if sent.archived is not msgspec.UNSET:
        experiments.archive(connection, author, experiment_id, sent.archived, now)


async def _publish_with_execution(
    request: TeamRequest, draft: ExperimentDraft, opening: Opening, body: bytes
) -> Response:
    """Keep the experiment and the execution that starts, both or neither."""
    kinds = (idempotency.KeyKind.EXPERIMENT, idempotency.KeyKind.EXECUTION)
    experiment_id, execution_id = await request.db.recording(
        _start,
        request.author,
        draft,
        opening,
        [request.key(kind, body) for kind in kinds],
        request.now,
    )
    execution = NewExecution(execution_id, request.address("executions", execution_id))
    headers = {**at(request.address("experiments", experiment_id)), **ACCEPTS}
    return json(MadeWithExecution(experiment_id, execution), 201, headers)


def _read_publication(body: bytes) -> tuple[ExperimentDraft, Opening | None]:
    """The experiment in a body, and the journal with it. Raises a `Problem` for what is wrong."""
    sent = decode_as(check_json(body), NewExperiment)
    draft = validate(lambda: recognition.draft(bytes(sent.experiment)), "experiment")
    if sent.journal == msgspec.Raw(b"null"):
        return draft, None
    members = decode_as(sent.journal, dict[str, msgspec.Raw], "journal")
    journal = read_journal(msgspec.json.encode({**members, "experiment": sent.experiment}))
    return draft, (validate(lambda: journals.summary(journal), "journal"), journal)


def _start(
    connection: Connection,
    author: Author,
    draft: ExperimentDraft,
    opening: Opening,
    keys: list[idempotency.Key | None],
    now: datetime,
) -> tuple[str, str]:
    """The ids of the experiment and of its new execution, or of those made with the key before."""
    experiment_key, execution_key = keys
    experiment_id = _publish(connection, author, draft, experiment_key, now).experiment_id

    def make() -> str:
        execution_id = executions.create(connection, author, experiment_id, *opening, now)
        if execution_id is None:
            raise NotFound("There is no such experiment.")
        return execution_id

    return experiment_id, idempotency.once(connection, author.team_id, execution_key, now, make)


def _publish(
    connection: Connection,
    author: Author,
    draft: ExperimentDraft,
    key: idempotency.Key | None,
    now: datetime,
) -> Published:
    if known_id := idempotency.recall(connection, author.team_id, key):
        return Published(known_id, DocumentChange.NEW)
    published = experiments.publish(connection, author, draft, now)
    if published.change is not DocumentChange.UNCHANGED:
        idempotency.remember(connection, author.team_id, key, published.experiment_id, now)
    return published


def _one(connection: Connection, team_id: str, experiment_id: str) -> tuple[Experiment, bytes]:
    record = _lookup.find_experiment(connection, team_id, experiment_id)
    raw = experiments.document(connection, team_id, experiment_id)
    return record, raw or b"null"


def _versions(
    connection: Connection, team_id: str, experiment_id: str, before: int | None, limit: int
) -> list[Version]:
    _lookup.find_experiment(connection, team_id, experiment_id)
    return experiments.versions(connection, team_id, experiment_id, before=before, limit=limit)
