"""An API described in OpenAPI 3.1, from its routes and a table of what each takes and answers."""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, get_args

import msgspec
from starlette.routing import BaseRoute, Route

from chaoscloud import __version__
from chaoscloud.console.api._answers import MOST, USUAL
from chaoscloud.console.rules.audit_words import KINDS
from chaoscloud.outcome import OutcomeName

SCHEMAS = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"{(?P<name>\w+)(?P<convertor>:\w+)?}")

# What stands in paths, queries and headers.
PATH = {
    "org": "The organization's id, or its name as it stands in addresses.",
    "team": "The team's id, or its name as it stands in addresses.",
    "experiment": "The experiment's id.",
    "execution": "The execution's id.",
    "number": "The version's number, from 1 on.",
    "objective": "The objective's id.",
    "verification": "The verification's id.",
    "run": "The verification run's id.",
    "id": "The id of what is to be run.",
    "safeguard": "The safeguard's id.",
    "hold": "The id of the hold.",
    "subscription": "The subscription's id.",
    "message": "The message's number.",
}
TEXT = {"type": "string"}
QUERY: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "limit": (
        "How many items at most.",
        {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL},
    ),
    "cursor": ("The `next` of the page before.", TEXT),
    "after": ("Only what came after this `seq`.", {"type": "integer", "minimum": 0}),
    "experiment": (
        "An experiment's id. A list holds only what belongs to it; a decision may be asked for with"
        " one that the console does not know.",
        TEXT,
    ),
    "tag": (
        "A tag that the run's experiment carries; may be given several times.",
        {"type": "array", "items": TEXT},
    ),
    "all": ("Also those that are switched off.", {"type": "boolean", "default": False}),
    "kind": (
        "Only entries of this kind.",
        {"type": "string", "enum": [kind for kind in KINDS if kind]},
    ),
    "status": ("Only those of these statuses.", {"type": "array", "items": TEXT}),
    "outcome": (
        "Only those with one of these outcomes; may be given several times.",
        {"type": "array", "items": {"type": "string", "enum": list(get_args(OutcomeName))}},
    ),
    "person": ("The id of the person who ran them.", TEXT),
    "since": ("Only those that started then or later: a time, or a day of UTC.", TEXT),
    "until": ("Only those that started before: a time, or a day of UTC.", TEXT),
    "q": (
        "Words that all stand in the title, a tag, the person's name, the machine's name or the"
        " sentence of an execution.",
        TEXT,
    ),
    "went_wrong": (
        "Only those that ended with another outcome than `passed`.",
        {"type": "boolean", "default": False},
    ),
}
KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Asking again with the same key makes nothing new, and answers the same id.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
WAIT = {
    "name": "Prefer",
    "in": "header",
    "description": "`wait=25` holds the answer until there is another than `If-None-Match` names,"
    " or so many seconds are over; `Preference-Applied` says that it does (RFC 7240).",
    "schema": {"type": "string", "pattern": "wait=[0-9]+"},
}
SEEN = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The `ETag` of the answer that is known.",
    "schema": TEXT,
}
REFUSALS = {
    400: "The request cannot be understood.",
    401: "The token is missing, unknown, expired or revoked.",
    403: "The caller may see it, but not do that.",
    404: "There is no such thing, or it is not the caller's to see.",
    408: "The body came too slowly.",
    409: "As things are it cannot be done: an id is taken, or a document is not whole.",
    410: "It was there, and retention has removed it.",
    413: "The body is over the limit.",
    415: "The body is encoded in a way the console does not understand.",
    422: "The body is JSON, but does not say what it must.",
    503: "Too many writes are waiting; `Retry-After` says for how long.",
}


class Text(msgspec.Struct):
    """An answer that is plain text."""


class Table(msgspec.Struct):
    """An answer that is a table of comma-separated values."""


PLAIN = {Text: "text/plain", Table: "text/csv"}  # the media types of answers that are no JSON


class Operation(msgspec.Struct, frozen=True):
    """One endpoint, as clients see it.

    `takes` maps media types to what the body holds, `answers` maps statuses to what comes back
    (None: no body; a tuple: one of these), `refuses` are statuses beyond the usual. `open` is for
    whoever has no token; `repeatable` honours `Idempotency-Key`, `waits` honours `Prefer: wait`.
    """

    answers: Mapping[int, Any]
    takes: Mapping[str, Any] = {}
    query: tuple[str, ...] = ()
    refuses: tuple[int, ...] = ()
    open: bool = False
    repeatable: bool = False
    waits: bool = False


class ProblemDetails(msgspec.Struct):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[dict[str, Any]] | msgspec.UnsetType = msgspec.UNSET


def described(
    routes: Iterable[BaseRoute], operations: Mapping[Callable[..., Any], Operation]
) -> dict[str, Any]:
    """The OpenAPI document of those routes that the table knows."""
    known = [r for r in routes if isinstance(r, Route) and r.endpoint in operations]
    schema_of, components = _schemas(operations.values())
    paths: dict[str, dict[str, Any]] = {}
    ids: set[str] = set()
    for route in known:
        told = _operation(route, operations[route.endpoint], schema_of)
        told["operationId"] = _unique(route.endpoint, ids)
        method = "head" if route.methods == {"HEAD"} else min((route.methods or set()) - {"HEAD"})
        path = _PARAMETER.sub(r"{\g<name>}", route.path)
        paths.setdefault(path, {})[method.lower()] = told
    return {
        "openapi": "3.1.0",
        "info": {"title": "ChaosIQ console", "version": __version__},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


SchemaOf = Callable[[Any], Mapping[str, Any]]


def _schemas(operations: Iterable[Operation]) -> tuple[SchemaOf, dict[str, Any]]:
    """Every type the table names as a schema, and a look-up from the type to it."""
    types: list[Any] = [ProblemDetails]
    for operation in operations:
        for kind in (*operation.takes.values(), *operation.answers.values()):
            types += kind if isinstance(kind, tuple) else [kind]
    types = [t for number, t in enumerate(types) if t not in (*PLAIN, *types[:number])]
    schemas, components = msgspec.json.schema_components(types, ref_template=SCHEMAS)

    def schema_of(kind: Any) -> Mapping[str, Any]:
        if isinstance(kind, tuple):
            return {"oneOf": [schema_of(each) for each in kind]}
        return schemas[types.index(kind)]

    return schema_of, components


def _operation(route: Route, operation: Operation, schema_of: SchemaOf) -> dict[str, Any]:
    summary = (inspect.getdoc(route.endpoint) or "").partition("\n")[0]
    told: dict[str, Any] = {
        "summary": summary,
        "tags": [route.endpoint.__module__.rpartition(".")[2]],
        "parameters": list(_parameters(route, operation)),
        "responses": dict(sorted(_responses(route, operation, schema_of).items())),
    }
    if operation.open:
        told["security"] = [{}]
    if operation.takes:
        content = {media: {"schema": schema_of(kind)} for media, kind in operation.takes.items()}
        told["requestBody"] = {"required": True, "content": content}
    return told


def _parameters(route: Route, operation: Operation) -> Iterator[Mapping[str, Any]]:
    for name, convertor in _PARAMETER.findall(route.path):
        schema = {"type": "integer"} if convertor else TEXT
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "description": PATH[name],
            "schema": schema,
        }
    for name in operation.query:
        description, schema_ = QUERY[name]
        yield {"name": name, "in": "query", "description": description, "schema": schema_}
    if operation.repeatable:
        yield KEY
    if operation.waits:
        yield from (WAIT, SEEN)


def _responses(route: Route, operation: Operation, schema_of: SchemaOf) -> dict[str, Any]:
    refusals = {
        str(status): {
            "description": REFUSALS[status],
            "content": {"application/problem+json": {"schema": schema_of(ProblemDetails)}},
        }
        for status in _refusals(route, operation)
    }
    answers = {str(status): _answer(kind, schema_of) for status, kind in operation.answers.items()}
    return {**refusals, **answers}


def _refusals(route: Route, operation: Operation) -> list[int]:
    refused = {401, 503, *operation.refuses}
    if operation.takes:
        refused |= {400, 408, 413, 415, 422}
    if operation.query:
        refused.add(400)
    if "{" in route.path:
        refused.add(404)
    return sorted(refused)


def _answer(kind: Any, schema_of: SchemaOf) -> dict[str, Any]:
    if kind is None:
        return {"description": "Done; no body."}
    if kind in PLAIN:
        return {"description": "The answer.", "content": {PLAIN[kind]: {"schema": TEXT}}}
    return {
        "description": "The answer.",
        "content": {"application/json": {"schema": schema_of(kind)}},
    }


def _unique(endpoint: Callable[..., Any], ids: set[str]) -> str:
    """`experiments_publish`; an endpoint that stands at a second address says so."""
    made = f"{endpoint.__module__.rpartition('.')[2]}_{endpoint.__name__}"
    while made in ids:
        made += "_too"
    ids.add(made)
    return made
