"""Verifications: made of an objective and a condition, or imported as a whole document."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from sqlalchemy import Connection
from starlette.responses import Response

from chaoscloud.console.api import _lookup
from chaoscloud.console.api._answers import at, cursor, json, limit_of, mark_of, page
from chaoscloud.console.api._body import (
    Document,
    Invalid,
    body_of,
    check_json,
    decode_as,
    offload,
    validate,
)
from chaoscloud.console.api._team_request import TeamRequest, of_team
from chaoscloud.console.api.objectives import Name, Target
from chaoscloud.console.errors import Conflict
from chaoscloud.console.records import (
    experiments,
    idempotency,
    verification_creation,
    verifications,
)
from chaoscloud.console.records._rows import AlreadyThere, Cursor, new_id
from chaoscloud.console.records.audit import Author
from chaoscloud.console.records.verification_creation import Composition, Import, Missing
from chaoscloud.console.records.verifications import Verification
from chaoscloud.console.rules import recognition
from chaoscloud.console.rules import verifications as rules
from chaoscloud.console.rules.recognition import ExperimentDraft
from chaoscloud.console.rules.soundness import plain
from chaoscloud.console.rules.verifications import Seconds, Timing

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=r"^(?!\.{1,2}$)[^/\x00]+$")]


class NewVerification(msgspec.Struct, frozen=True):
    """An objective to sample, and the experiment whose method is the condition (or none).

    Durations are in seconds.
    """

    name: Name
    objective_id: str
    frequency: Seconds
    duration: Seconds
    warm_up: Seconds = 0.0
    cool_down: Seconds = 0.0
    experiment_id: str | None = None
    description: str = ""


class ImportedVerification(msgspec.Struct, frozen=True):
    """An experiment to import: its probes are the measurement, its method the condition.

    What is said beside it wins over what its `chaosiq` block says.
    """

    experiment: Document
    id: Id | None = None
    objective_id: str | None = None
    target: Target | None = None
    window: Seconds | None = None
    frequency: Seconds | None = None
    warm_up: Seconds | None = None
    duration: Seconds | None = None
    cool_down: Seconds | None = None


class VerificationWithDocument(Verification, frozen=True, kw_only=True):
    """A verification and the document to run."""

    document: Document


class _Sent(msgspec.Struct):
    """Enough of a body to tell what it is."""

    experiment: Any = None
    hypothesis: Any = msgspec.field(default=None, name=rules.HYPOTHESIS)


@of_team
async def create(request: TeamRequest) -> Response:
    """Keep a verification: of an objective and a condition, or a whole document."""
    body = await body_of(request.http)
    new = await offload(_new_of, body)
    key = request.key(idempotency.KeyKind.VERIFICATION, body)
    try:
        created = await request.db.writing(_keep, request.author, new, key, request.now)
    except AlreadyThere as error:
        raise Conflict(f"{error}.".capitalize()) from None
    return json(created, 201, at(request.address("verifications", created.id)))


@of_team
async def list_page(request: TeamRequest) -> Response:
    """The team's verifications, the latest made first."""
    query = request.http.query_params
    limit = limit_of(query)
    record = await request.db.reading(
        verifications.list_page, request.team.team_id, after=mark_of(query), limit=limit
    )
    return page(request.http, record, limit, lambda last: cursor(Cursor(last.created_at, last.id)))


@of_team
async def one(request: TeamRequest) -> Response:
    """A verification and its document."""
    record, raw = await request.db.reading(_one, request.team.team_id, request.path("verification"))
    answer = VerificationWithDocument(**msgspec.structs.asdict(record), document=msgspec.Raw(raw))
    return json(answer, headers=at(request.address("verifications", record.id)))


def import_of(
    document: bytes,
    sent: ImportedVerification,
    content: rules.VerificationContent,
    verification_id: str,
) -> Import:
    """What is to be imported, with what was said beside the document."""
    return Import(
        verification_id=verification_id,
        document=document,
        content=content,
        timing=_timing(sent, content.timing),
        objective_id=sent.objective_id,
        target=content.target if sent.target is None else sent.target,
        window=content.window if sent.window is None else rules.pace(sent.window, "window"),
    )


# --- reading -----------------------------------------------------------------------------------

New = NewVerification | tuple[Import, ExperimentDraft]


def _new_of(body: bytes) -> New:
    content = decode_as(check_json(body), _Sent)
    if content.hypothesis is not None:
        return _import_of(ImportedVerification(msgspec.Raw(body)))
    if content.experiment is not None:
        return _import_of(decode_as(body, ImportedVerification), "experiment")
    new = decode_as(body, NewVerification)
    validate(lambda: rules.pace(new.frequency, "frequency"))
    return new


def _import_of(sent: ImportedVerification, *at: str) -> tuple[Import, ExperimentDraft]:
    document = bytes(sent.experiment)
    content = validate(lambda: rules.read_document(document), *at)
    verification_id = validate(lambda: msgspec.convert(sent.id or content.id or new_id(), Id), "id")
    return (
        validate(lambda: import_of(document, sent, content, verification_id)),
        validate(lambda: recognition.draft(document), *at),
    )


def _timing(sent: ImportedVerification, content: Timing) -> Timing:
    return Timing(
        content.frequency if sent.frequency is None else rules.pace(sent.frequency, "frequency"),
        *(
            usual if message is None else rules.seconds(message)
            for message, usual in (
                (sent.warm_up, content.warm_up),
                (sent.duration, content.duration),
                (sent.cool_down, content.cool_down),
            )
        ),
    )


# --- keeping -----------------------------------------------------------------------------------


def _keep(
    connection: Connection,
    author: Author,
    new: New,
    key: idempotency.Key | None,
    now: datetime,
) -> Verification:
    def make() -> str:
        if isinstance(new, NewVerification):
            return _compose(connection, author, new, now)
        imported, draft = new
        published = experiments.publish(connection, author, draft, now)
        verification_creation.import_document(
            connection, author, imported, published.experiment_id, now
        )
        return imported.verification_id

    created = idempotency.once(connection, author.team_id, key, now, make)
    return _lookup.find_verification(connection, author.team_id, created)


def _compose(connection: Connection, author: Author, new: NewVerification, now: datetime) -> str:
    """Make the document, which is an experiment of its own, and keep both. Raises `Invalid`."""
    timing = (new.frequency, new.warm_up, new.duration, new.cool_down)
    whole = Composition(
        name=plain(new.name),
        description=plain(new.description),
        objective_id=plain(new.objective_id),
        experiment_id=None if new.experiment_id is None else plain(new.experiment_id),
        timing=Timing(*(rules.seconds(value) for value in timing)),
    )
    try:
        return verification_creation.compose(connection, author, whole, now)
    except Missing as missing:
        message = f"There is no such {missing}"
        raise Invalid(message, ["body", f"{missing}_id"], "value_error") from None


def _one(connection: Connection, team_id: str, verification_id: str) -> tuple[Verification, bytes]:
    record = _lookup.find_verification(connection, team_id, verification_id)
    return record, verifications.document(connection, team_id, verification_id) or b"null"
