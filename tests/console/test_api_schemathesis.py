"""The API holds to its own description, whatever fits it or does not is sent (schemathesis)."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from chaoscloud.console import api
from chaoscloud.console.api.openapi import describe_routes
from chaoscloud.console.app import create_app
from chaoscloud.console.config import Config
from chaoscloud.console.db import Database
from chaoscloud.console.records.beginnings import begin
from tests.console.conftest import Clock
from tests.console.documents import ended, event, journal
from tests.console.test_api_objectives import objective

EXAMPLES = 6  # for each operation, fitting ones and others: some 40 seconds in all
CHECKS = [
    schemathesis.checks.not_a_server_error,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]


def _read_operations(document: dict[str, Any]) -> dict[str, APIOperation[Any, Any, Any, Any]]:
    """The operations of an OpenAPI document, by method and path."""
    results = schemathesis.openapi.from_dict(document).get_all_operations()
    operations = [result.ok() for result in results if isinstance(result, Ok)]
    return {operation.label: operation for operation in operations}


OPERATIONS = _read_operations(describe_routes(api.routes))
WITH_BODY = [label for label, operation in OPERATIONS.items() if operation.body]


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A console with somebody in it, as a client with a token of theirs."""
    folder = tmp_path_factory.mktemp("console")
    environ = {"CHAOSIQ_CONSOLE_MIN_FREE": "0", "CHAOSIQ_CONSOLE_WEBHOOK_NETWORKS": "127.0.0.0/8"}
    config = Config.from_environ(environ, data=str(folder))
    now = Clock()
    with Database.open(config.database_url) as database:
        owner = database.write(lambda connection: begin(connection, now())).result()
        assert owner is not None
        headers = {"Authorization": f"Bearer {owner.token}"}
        app = create_app(config, database, now=now)
        with TestClient(app, headers=headers, raise_server_exceptions=False) as client:
            yield client


@pytest.fixture(scope="module")
def ids(console: TestClient) -> dict[str, str]:
    """What may stand in paths: the id of one thing of each kind."""
    [organization] = console.get("/api/v1/organizations").json()
    base = f"/api/v1/organizations/{organization['id']}/teams"
    [team] = console.get(base).json()
    base = f"{base}/{team['id']}"

    def create(path: str, body: dict[str, Any]) -> str:
        answer = console.post(base + path, json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    experiment = create("/experiments", {"experiment": journal()["experiment"]})
    execution = create(f"/experiments/{experiment}/executions", {"journal": journal()})
    path = f"/experiments/{experiment}/executions/{execution}"
    create(path + "/events", event())
    console.put(base + path, json={"journal": ended()})
    return {
        "org": organization["id"],
        "team": team["id"],
        "experiment": experiment,
        "execution": execution,
        "objective": create("/objectives", objective()),
        "safeguard": create("/safeguards", {"kind": "stop", "name": "Freeze", "reason": "Sale"}),
    }


@pytest.mark.parametrize("label", OPERATIONS)
def test_answers_to_what_fits_are_as_described(
    console: TestClient, ids: dict[str, str], label: str
) -> None:
    """Statuses, types, headers and bodies; never an error of the console's own."""
    _send_examples(console, ids, label, GenerationMode.POSITIVE)


@pytest.mark.parametrize(
    "label", [label for label, operation in OPERATIONS.items() if operation.body]
)
def test_answers_to_what_does_not_fit_are_as_described(
    console: TestClient, ids: dict[str, str], label: str
) -> None:
    """The same of bodies that are not what they must be."""
    _send_examples(console, ids, label, GenerationMode.NEGATIVE)


def test_an_answer_that_is_not_described_is_found(console: TestClient, ids: dict[str, str]) -> None:
    """The checks above can fail: here on a status that the description leaves out."""
    document = describe_routes(api.routes)
    path = "/api/v1/organizations/{org}"
    del document["paths"][path + "/teams"]["get"]["responses"]["200"]
    operation = _read_operations(document)[f"GET {path}/teams"]

    with pytest.raises(FailureGroup, match="Undocumented status code"):
        _send(console, operation.Case(path_parameters={"org": ids["org"]}))


def _send_examples(
    console: TestClient, ids: dict[str, str], label: str, mode: GenerationMode
) -> None:
    operation = OPERATIONS[label]
    names = {parameter.name for parameter in operation.path_parameters}
    path = {name: value for name, value in ids.items() if name in names}

    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode, path_parameters=path))
    def send(case: schemathesis.Case[Any]) -> None:
        _send(console, case)

    send()


def _send(console: TestClient, case: schemathesis.Case[Any]) -> None:
    answer = console.request(**request_of(console, case))
    case.validate_response(answer, checks=CHECKS)


def request_of(console: TestClient, case: schemathesis.Case[Any]) -> dict[str, Any]:
    """What schemathesis made as the client sends it, with the client's token."""
    request = case.as_transport_kwargs(base_url=str(console.base_url))
    request["headers"]["Authorization"] = console.headers["Authorization"]
    del request["cookies"]
    if "data" in request:
        request["content"] = request.pop("data")
    return request
