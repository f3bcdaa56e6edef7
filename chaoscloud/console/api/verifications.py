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
    away,
    body_of,
    checked,
    shaped,
    sound,
)
from chaoscloud.console.api._team_request import TeamRequest, of_team
from chaoscloud.console.api.objectives import Name, Target
from chaoscloud.console.errors import Conflict
from chaoscloud.console.records import (
    composing,
    experiments,
    idempotency,
    importing,
    verifications,
)
from chaoscloud.console.records._rows import AlreadyThere, new_id
from chaoscloud.console.records.authorship import Author
from chaoscloud.console.records.composing import Composition, Missing
from chaoscloud.console.records.importing import Import
from chaoscloud.console.records.lists import Mark
from chaoscloud.console.records.verifications import Verification
from chaoscloud.console.rules import recognition
from chaoscloud.console.rules import verifications as rules
from chaoscloud.console.rules.recognition import Draft
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
    target: Target = rules.TARGET
    window: Seconds = rules.WINDOW
    frequency: Seconds | None = None
    warm_up: Seconds | None = None
    duration: Seconds | None = None
    cool_down: Seconds | None = None


class WithDocument(Verification, frozen=True, kw_only=True):
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
    new = await away(_new_of, body)
    key = request.key(idempotency.Kind.VERIFICATION, body)
    try:
        made = await request.db.writing(_keep, request.author, new, key, request.now)
    except AlreadyThere as error:
        raise Conflict(f"{error}.".capitalize()) from None
    return json(made, 201, at(request.address("verifications", made.id)))


@of_team
async def listed(request: TeamRequest) -> Response:
    """The team's verifications, the latest made first."""
    query = request.http.query_params
    limit = limit_of(query)
    found = await request.db.reading(
        verifications.listed, request.team.team_id, after=mark_of(query), limit=limit
    )
    return page(request.http, found, limit, lambda last: cursor(Mark(last.created_at, last.id)))


@of_team
async def one(request: TeamRequest) -> Response:
    """A verification and its document."""
    found, raw = await request.db.reading(_one, request.team.team_id, request.path("verification"))
    answer = WithDocument(**msgspec.structs.asdict(found), document=msgspec.Raw(raw))
    return json(answer, headers=at(request.address("verifications", found.id)))


def import_of(
    document: bytes, sent: ImportedVerification, told: rules.Imported, verification_id: str
) -> Import:
    """What is to be imported, with what was said beside the document."""
    return Import(
        verification_id=verification_id,
        document=document,
        told=told,
        timing=_timing(sent, told.timing),
        objective_id=sent.objective_id,
        target=sent.target,
        window=rules.pace(sent.window, "window"),
    )


# --- reading -----------------------------------------------------------------------------------

New = NewVerification | tuple[Import, Draft]


def _new_of(body: bytes) -> New:
    told = shaped(sound(body), _Sent)
    if told.hypothesis is not None:
        return _import_of(ImportedVerification(msgspec.Raw(body)))
    if told.experiment is not None:
        return _import_of(shaped(body, ImportedVerification), "experiment")
    new = shaped(body, NewVerification)
    checked(lambda: rules.pace(new.frequency, "frequency"))
    return new


def _import_of(sent: ImportedVerification, *at: str) -> tuple[Import, Draft]:
    document = bytes(sent.experiment)
    told = checked(lambda: rules.imported(document), *at)
    verification_id = checked(lambda: msgspec.convert(sent.id or told.id or new_id(), Id), "id")
    return (
        checked(lambda: import_of(document, sent, told, verification_id)),
        checked(lambda: recognition.draft(document), *at),
    )


def _timing(sent: ImportedVerification, told: Timing) -> Timing:
    return Timing(
        told.frequency if sent.frequency is None else rules.pace(sent.frequency, "frequency"),
        *(
            usual if said is None else rules.seconds(said)
            for said, usual in (
                (sent.warm_up, told.warm_up),
                (sent.duration, told.duration),
                (sent.cool_down, told.cool_down),
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
        importing.keep(connection, author, imported, published.experiment_id, now)
        return imported.verification_id

    made = idempotency.once(connection, author.team_id, key, now, make)
    return _lookup.find_verification(connection, author.team_id, made)


def _compose(connection: Connection, author: Author, new: NewVerification, now: datetime) -> str:
    """Make the document, which is an experiment of its own, and keep both. Raises `Invalid`."""
    timing = (new.frequency, new.warm_up, new.duration, new.cool_down)
    whole = Composition(
        name=plain(new.name),
        description=plain(new.description),
        objective_id=plain(new.objective_id),
        experiment_id=None if new.experiment_id is None else plain(new.experiment_id),
        timing=Timing(*(rules.seconds(each) for each in timing)),
    )
    try:
        return composing.compose(connection, author, whole, now)
    except Missing as missing:
        said = f"There is no such {missing}"
        raise Invalid(said, ["body", f"{missing}_id"], "value_error") from None


def _one(connection: Connection, team_id: str, verification_id: str) -> tuple[Verification, bytes]:
    found = _lookup.find_verification(connection, team_id, verification_id)
    return found, verifications.document(connection, team_id, verification_id) or b"null"
