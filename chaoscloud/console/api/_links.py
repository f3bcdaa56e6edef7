"""Which answer's id is another operation's parameter: the links of the OpenAPI document.

What `POST P` makes and what `GET P` lists stands at `P/{name}`: so the id in the answer of `P` is
the parameter `name` of every operation whose other parameters stand in the path of `P`. What is a
team's is not at an address of the whole organization. A route whose answer's id belongs to another
address says so itself (`ApiRoute.identifies`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from chaoscloud.console.api._route import ApiRoute

_MEMBER = re.compile(r"/{(?P<name>\w+)")


def find_links(
    route: ApiRoute, routes: Iterable[ApiRoute], schema: Mapping[str, Any], components: Any
) -> Iterator[tuple[ApiRoute, dict[str, str]]]:
    """The operations that an answer of a route leads to, each with where its parameters are from.

    `schema` is the answer's JSON Schema. Sources are runtime expressions of OpenAPI.
    """
    name = route.identifies or _find_member(route, routes)
    if name is None:
        return
    pointer = _find_id(name, schema, components)
    if pointer is None:
        return
    sources = {known: f"$request.path.{known}" for known in route.param_convertors}
    sources[name] = f"$response.body#{pointer}"
    for target in routes:
        parameters = target.param_convertors.keys()
        if name in parameters and parameters <= sources.keys() and _may_be_at(target, route):
            yield target, {parameter: sources[parameter] for parameter in target.param_convertors}


def _may_be_at(target: ApiRoute, route: ApiRoute) -> bool:
    """Whether both are of a team, or both are not, or the target's address names nobody."""
    tenants = [{"org", "team"} & part.param_convertors.keys() for part in (target, route)]
    return not tenants[0] or tenants[0] >= tenants[1]


def _find_member(route: ApiRoute, routes: Iterable[ApiRoute]) -> str | None:
    """The parameter that follows the path of this route in the path of another."""
    for other in routes:
        match = _MEMBER.match(other.path, len(route.path))
        if match and other.path.startswith(route.path):
            return match["name"]
    return None


def _find_id(name: str, schema: Mapping[str, Any], components: Mapping[str, Any]) -> str | None:
    """The JSON pointer to the id, or number, of the thing or of the first of a list."""
    while reference := schema.get("$ref"):
        schema = components[reference.rpartition("/")[2]]
    if schema.get("type") == "array":
        inner = _find_id(name, schema["items"], components)
        return inner and f"/0{inner}"
    properties = schema.get("properties", {})
    for key in ("id", "seq", name):
        if key in properties:
            return f"/{key}"
    if "items" in properties:
        inner = _find_id(name, properties["items"], components)
        return inner and f"/items{inner}"
    return None
