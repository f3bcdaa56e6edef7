"""The API's own description in OpenAPI 3.1, made from the table of its routes."""

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from chaoscloud import __version__
from chaoscloud.console.api._answers import document
from chaoscloud.console.api._links import find_links
from chaoscloud.console.api._parameters import KEY, PATH, QUERY, SEEN, TEXT, WAIT
from chaoscloud.console.api._route import PLAIN, ApiRoute

SCHEMAS = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"{(?P<name>\w+)(?P<convertor>:\w+)?}")

# What refusals of these statuses mean.
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
    429: "The token asks too often; `Retry-After` says when to come back.",
    503: "Too many writes are waiting; `Retry-After` says for how long.",
    507: "There is no room on the console's disk; `Retry-After` says when to come back.",
}


class ProblemDetails(msgspec.Struct):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[dict[str, Any]] | msgspec.UnsetType = msgspec.UNSET


async def openapi(request: Request) -> Response:
    """What you are reading."""
    state = request.app.state
    if not hasattr(state, "openapi"):  # made once: it takes many milliseconds
        state.openapi = msgspec.json.encode(describe_routes(request.app.routes))
    return document(state.openapi)


def describe_routes(all_routes: Iterable[BaseRoute]) -> dict[str, Any]:
    """The OpenAPI document of those routes that are the API's."""
    routes = [route for route in all_routes if isinstance(route, ApiRoute)]
    schema_of, components = _schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    ids = _name_operations(routes)
    for route in routes:
        operation = _describe_route(route, schema_of)
        operation["operationId"] = ids[route]
        _add_links(operation, route, ids, components)
        path = _PARAMETER.sub(r"{\g<name>}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = operation
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


def _schemas(routes: Iterable[ApiRoute]) -> tuple[SchemaOf, dict[str, Any]]:
    """Every type that routes name as a schema, and a look-up from the type to it."""
    types: list[Any] = [ProblemDetails]
    for route in routes:
        for kind in (*route.takes.values(), *route.answers.values()):
            types += kind if isinstance(kind, tuple) else [kind]
    types = [t for number, t in enumerate(types) if t not in (*PLAIN, *types[:number])]
    schemas, components = msgspec.json.schema_components(types, ref_template=SCHEMAS)

    def schema_of(kind: Any) -> Mapping[str, Any]:
        if isinstance(kind, tuple):
            # Not "oneOf": what has more members is an answer with fewer, too.
            return {"anyOf": [schema_of(part) for part in kind]}
        return schemas[types.index(kind)]

    return schema_of, components


def _describe_route(route: ApiRoute, schema_of: SchemaOf) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": (inspect.getdoc(route.endpoint) or "").partition("\n")[0],
        "tags": [route.endpoint.__module__.rpartition(".")[2]],
        "parameters": list(_parameters(route)),
        "responses": dict(sorted(_responses(route, schema_of).items())),
    }
    if route.public:
        operation["security"] = [{}]
    if route.takes:
        content = {media: {"schema": schema_of(kind)} for media, kind in route.takes.items()}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _parameters(route: ApiRoute) -> Iterator[Mapping[str, Any]]:
    for name, convertor in _PARAMETER.findall(route.path):
        schema = {"type": "integer"} if convertor else TEXT
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "description": PATH[name],
            "schema": schema,
        }
    for name in route.query:
        description, schema_ = QUERY[name]
        yield {"name": name, "in": "query", "description": description, "schema": schema_}
    if route.repeatable:
        yield KEY
    if route.waits:
        yield from (WAIT, SEEN)


def _responses(route: ApiRoute, schema_of: SchemaOf) -> dict[str, Any]:
    refusals = {
        str(status): {
            "description": REFUSALS[status],
            "content": {"application/problem+json": {"schema": schema_of(ProblemDetails)}},
        }
        for status in _refusals(route)
    }
    answers = {str(status): _answer(kind, schema_of) for status, kind in route.answers.items()}
    return {**refusals, **answers}


def _refusals(route: ApiRoute) -> list[int]:
    refused = {401, 429, 503, *route.refuses}
    if route.takes:
        refused |= {400, 408, 413, 415, 422, 507}
    if route.query:
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


def _add_links(
    operation: dict[str, Any],
    route: ApiRoute,
    ids: Mapping[ApiRoute, str],
    components: Mapping[str, Any],
) -> None:
    """Say of each usual answer which operations take its id."""
    for status, response in operation["responses"].items():
        schema = response.get("content", {}).get("application/json", {}).get("schema")
        if status not in {str(status) for status in route.answers} or schema is None:
            continue
        links = {
            ids[target]: {"operationId": ids[target], "parameters": parameters}
            for target, parameters in find_links(route, ids, schema, components)
        }
        if links:
            response["links"] = links


def _name_operations(routes: Iterable[ApiRoute]) -> dict[ApiRoute, str]:
    """`experiments_publish`; an endpoint that stands at a second address says so."""
    ids: dict[ApiRoute, str] = {}
    for route in routes:
        module = sys.modules[route.endpoint.__module__]
        # Two endpoints made of one function have its name both; those of the module differ.
        name = next(name for name, value in vars(module).items() if value is route.endpoint)
        id_ = f"{module.__name__.rpartition('.')[2]}_{name}"
        while id_ in ids.values():
            id_ += "_too"
        ids[route] = id_
    return ids
