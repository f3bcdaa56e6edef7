"""The description of the API says what the API does."""

import re
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.routing import Route

from chaoscloud.console import api
from chaoscloud.console.api._route import get
from chaoscloud.console.api.openapi import describe_routes, openapi
from tests.console.conftest import Client
from tests.console.documents import ended, event, journal
from tests.console.team import TeamApi


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The document, as it is made from the routes."""
    return describe_routes(api.routes)


def test_the_document_is_openapi(client: Client) -> None:
    """Anybody may read it, and the validator finds nothing wrong."""
    answer = client().get("/api/openapi.json")

    assert answer.json()["openapi"] == "3.1.0"
    assert list(OpenAPIV31SpecValidator(answer.json()).iter_errors()) == []


def test_every_route_is_described(document: dict[str, Any]) -> None:
    """Path and method, none missing and none invented."""
    routes = {
        (re.sub(r":\w+}", "}", route.path), method)
        for route in api.routes
        if isinstance(route, Route)
        for method in route.methods or ()
        if method != "HEAD" or route.methods == {"HEAD"}
    }

    content = {
        (path, method.upper()) for path, methods in document["paths"].items() for method in methods
    }

    assert content == routes


def test_a_route_that_names_what_nobody_described_is_refused_at_once() -> None:
    """When its table is imported, so that no console is served without its description."""
    with pytest.raises(ValueError, match=r"/drones/{drone}: _parameters.py does not describe"):
        get("/drones/{drone}", openapi, None, query=("colour",))


def test_every_operation_has_a_name_and_a_summary(document: dict[str, Any]) -> None:
    """The name is unique, so that clients can be generated."""
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    names = [entry["operationId"] for entry in operations]

    assert len(set(names)) == len(names)
    assert all(operation["summary"].endswith(".") for operation in operations)


def test_the_two_shapes_of_422_are_told_apart(document: dict[str, Any]) -> None:
    """A list where the original's clients read one, problem details elsewhere."""
    base = "/api/v1/organizations/{org}/teams/{team}/experiments"
    create = document["paths"][base + "/{experiment}/executions"]["post"]["responses"]["422"]
    publish = document["paths"][base]["post"]["responses"]["422"]

    assert create["content"]["application/json"]["schema"]["type"] == "array"
    assert list(publish["content"]) == ["application/problem+json"]


def test_answers_fit_their_schemas(client: Client, bobs: TeamApi) -> None:
    """What is answered is what is described, for every list and every single thing."""
    document = client().get("/api/openapi.json").json()
    path = bobs.started()
    bobs.post(path + "/events", event())
    bobs.put(path, {"journal": ended()})
    execution, experiment = path.rpartition("/")[2], path.split("/")[2]
    question = {
        "/experiments": "/experiments",
        "/experiments/{experiment}": f"/experiments/{experiment}",
        "/experiments/{experiment}/versions": f"/experiments/{experiment}/versions",
        "/experiments/{experiment}/executions": f"/experiments/{experiment}/executions",
        "/executions": "/executions",
        "/executions/{execution}": f"/executions/{execution}",
        "/executions/{execution}/events": f"/executions/{execution}/events",
        "/experiments/{experiment}/executions/{execution}/policies": path + "/policies",
    }

    for described_as, place in question.items():
        content = document["paths"]["/api/v1/organizations/{org}/teams/{team}" + described_as][
            "get"
        ]
        schema = content["responses"]["200"]["content"]["application/json"]["schema"]
        whole = {**schema, "components": document["components"]}
        assert _misfits(bobs.get(place).json(), whole) == []


def test_a_wrong_answer_does_not_fit() -> None:
    """The check of the test above can fail."""
    schema = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}

    assert _misfits(journal(), schema) == ["'id' is a required property"]


def _misfits(value: object, schema: dict[str, Any]) -> list[str]:
    return [error.message for error in OAS31Validator(schema).iter_errors(value)]
