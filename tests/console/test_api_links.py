"""One answer leads to the next: the links of the OpenAPI document, one by one and in walks."""

import json
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from schemathesis.core.failures import FailureGroup
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import ensure_resource_availability, use_after_free
from sqlalchemy import Connection
from starlette.testclient import TestClient

from chaoscloud.console import api
from chaoscloud.console.api.openapi import describe_routes
from chaoscloud.console.records import organizations, people, teams, tokens
from chaoscloud.console.rules.access import Role
from tests.console.documents import chaosiq, ended, event, experiment, journal
from tests.console.test_api_objectives import objective
from tests.console.test_api_schemathesis import CHECKS, console, request_of

__all__ = ["console"]  # the fixture of a console with somebody in it

WALKS = 25
STEPS = 12  # in each walk, at most
CHECKS_OF_WALKS = [*CHECKS, ensure_resource_availability, use_after_free]

BLOCK = {"id": "orders-hold", "frequency-of-measurement": 10, "duration-of-conditions": 60}
VERIFICATION = experiment(**chaosiq(verification=BLOCK))
WEBHOOK = {"name": "Bot", "target": "webhook", "settings": {"url": "http://127.0.0.1:9/hook"}}
STOP = {"kind": "stop", "name": "Freeze", "reason": "Sale"}
# What fits its schema is not yet what the console takes, so what makes something has a body here.
BODIES: Mapping[str, Any] = {
    "experiments_publish": {"experiment": experiment()},
    "experiments_change": {"name": "Orders"},
    "executions_create": {"journal": journal()},
    "executions_record": {"journal": ended()},
    "events_receive": event(),
    "objectives_create": objective(),
    "verifications_create": VERIFICATION,
    "runs_start": {"journal": journal(experiment=VERIFICATION)},
    "run_events_receive": {"category": "samples", "payload": {}},
    "runs_finish": {"journal": ended(experiment=VERIFICATION), "status": "completed"},
    "notes_create": {"text": "The second broker was slow.", "finding": True},
    "notes_change": {"state": "fixed"},
    "safeguards_create": STOP,
    "safeguards_create_for_organization": STOP,
    "stops_stop": {"reason": "Sale"},
    "subscriptions_create": WEBHOOK,
    "subscriptions_create_for_organization": WEBHOOK,
    "safeguards_simulate": {"tags": ["kafka"]},
    "safeguards_change": {"reason": "Sale until Monday"},
    "safeguards_change_of_organization": {"reason": "Sale until Monday"},
    "subscriptions_change": {"name": "Robot"},
    "subscriptions_change_of_organization": {"name": "Robot"},
    "overview_write_settings": {"stale_days": 30},
    "policy_write": {"safeguards": "optional"},
    "retention_write": {"event_days": None, "journal_days": None},
    "retention_add_hold": {"tag": "audit-2026", "reason": "The audit of 2026"},
}
# Nothing leads to what takes no id, nor to what takes a secret, or a kind beside an id.
WITHOUT_LINKS = {
    *("health_check_token", "health_healthz", "metrics_expose", "openapi_openapi"),
    *("me_describe_caller", "organizations_list_page", "badges_show"),
    *("overview_mark_seen", "overview_unmark_seen"),
}
ORG, TEAM = "the-organization", "the-team"  # in the paths of walks
NUMBERS = count(1)  # of organizations

EXPECTED = (403, 409)  # changing what is the organization's, or what is over
Parameters = Mapping[str, Any]


class Tenant(msgspec.Struct, frozen=True):
    """A team, the token of an owner, and what is sent to operations there."""

    org: str
    team: str
    token: str
    bodies: Mapping[str, Any]


def _add_tenant(console: TestClient) -> Tenant:
    state = console.app.state  # type: ignore[attr-defined]
    name, now = f"Organization {next(NUMBERS)}", state.now()

    def add(connection: Connection) -> tuple[str, str, str]:
        organization = organizations.add(connection, name, now)
        team = teams.add(connection, organization.id, "Checkout", now)
        owner = people.add(connection, name, now)
        organizations.admit(connection, organization.id, owner.id, Role.OWNER)
        teams.join(connection, team.id, owner.id)
        _, secret = tokens.add(connection, owner.id, "", now, organization_id=organization.id)
        return organization.slug, team.slug, secret

    org, team, token = state.db.write(add).result()
    answer = console.post(
        f"/api/v1/organizations/{org}/teams/{team}/experiments",
        json=BODIES["experiments_publish"],
        headers={"Authorization": f"Bearer {token}"},
    )
    expected_run = {"experiment_id": answer.json()["id"], "cron": "0 6 * * *"}
    return Tenant(org, team, token, {**BODIES, "expected_runs_create": expected_run})


class Operation(msgspec.Struct, frozen=True):
    """One operation of the document."""

    method: str
    path: str
    responses: Mapping[str, Any]

    def find_links(self, answer: Any, parameters: Parameters) -> Iterator[tuple[str, Parameters]]:
        """What an answer leads to: ids of operations, each with its parameters."""
        for link in self.responses[str(answer.status_code)].get("links", {}).values():
            sources = link["parameters"].items()
            values = {name: _evaluate(source, answer, parameters) for name, source in sources}
            yield link["operationId"], values


def _evaluate(source: str, answer: Any, parameters: Parameters) -> Any:
    """The value of a runtime expression of OpenAPI, of the two forms that the document has."""
    if source.startswith("$request.path."):
        return parameters[source.removeprefix("$request.path.")]
    value = answer.json()
    for step in source.removeprefix("$response.body#/").split("/"):
        value = value[int(step) if isinstance(value, list) else step]
    return value


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The document as it is read over the wire."""
    decoded: dict[str, Any] = json.loads(json.dumps(describe_routes(api.routes)))
    return decoded


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> dict[str, Operation]:
    """Every operation of the document, by its id."""
    return {
        content["operationId"]: Operation(method.upper(), path, content["responses"])
        for path, methods in document["paths"].items()
        for method, content in methods.items()
    }


@pytest.fixture
def tenant(console: TestClient) -> Tenant:
    """A new team of a new organization."""
    return _add_tenant(console)


def test_links_lead_to_every_operation_that_takes_an_id(operations: dict[str, Operation]) -> None:
    """None is left out, and none leads to an operation that is not there."""
    targets = {
        link["operationId"]
        for operation in operations.values()
        for response in operation.responses.values()
        for link in response.get("links", {}).values()
    }

    assert targets == operations.keys() - WITHOUT_LINKS


def test_every_link_leads_to_something(
    console: TestClient, operations: dict[str, Operation], tenant: Tenant
) -> None:
    """From the list of organizations on, by links alone; writing comes before reading."""
    waiting: list[tuple[str, Parameters]] = [("organizations_list_page", {})]
    followed: set[str] = set()

    while waiting:
        waiting.sort(key=lambda link: operations[link[0]].method == "GET")
        id_, parameters = waiting.pop(0)
        operation = operations[id_]
        path = operation.path.format(**parameters)
        headers = {"Authorization": f"Bearer {tenant.token}"}
        body = tenant.bodies.get(id_)
        answer = console.request(operation.method, path, json=body, headers=headers)
        assert answer.is_success or answer.status_code in EXPECTED, f"{id_} {path}: {answer.text}"
        if id_ not in followed and answer.is_success:
            waiting += [
                link
                for link in operation.find_links(answer, parameters)
                if operations[link[0]].method != "DELETE" and link[0] != "alerts_receive"
            ]
        followed.add(id_)

    assert len(followed) > len(operations) / 2


def test_walks_along_links_hold_to_the_description(
    console: TestClient, document: dict[str, Any]
) -> None:
    """What was made is there, what was removed is not, and every answer is as described."""
    _walk(console, document)


def test_a_walk_finds_an_answer_that_is_not_described(
    console: TestClient, document: dict[str, Any]
) -> None:
    """The checks of the walks can fail: here on a status that the description leaves out."""
    changed = json.loads(json.dumps(document))
    del changed["paths"]["/api/v1/organizations/{org}/policy"]["get"]["responses"]["200"]

    with pytest.raises(FailureGroup, match="Undocumented status code"):
        _walk(console, changed)


def _walk(console: TestClient, document: dict[str, Any]) -> None:
    """Let schemathesis walk along the links, each time in a team that nobody has used."""
    schema = schemathesis.openapi.from_dict(_leave_out_tenant(document))
    schema.config.phases.stateful.inference.algorithms = []  # our own links alone

    class Walk(schema.as_state_machine()):  # type: ignore[misc]
        def setup(self) -> None:
            self.tenant = _add_tenant(console)

        def before_call(self, case: Case[Any]) -> None:
            id_ = case.operation.definition.raw["operationId"]
            case.body = self.tenant.bodies.get(id_, case.body)

        def call(self, case: Case[Any], **_kwargs: Any) -> Response:
            request = request_of(console, case)
            request["headers"]["Authorization"] = f"Bearer {self.tenant.token}"
            url = request["url"].replace(ORG, self.tenant.org).replace(TEAM, self.tenant.team)
            return Response.from_any(console.request(**{**request, "url": url}))

        def validate_response(
            self, response: Any, case: Case[Any], *_: Any, **_kwargs: Any
        ) -> None:
            case.validate_response(response, checks=CHECKS_OF_WALKS, recorder=self.recorder)

    Walk.run(
        settings=settings(
            max_examples=WALKS,
            stateful_step_count=STEPS,
            phases=[Phase.generate],
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
    )


def _leave_out_tenant(document: dict[str, Any]) -> dict[str, Any]:
    """The document with one organization and team in its paths, so that walks begin there."""
    text = json.dumps(document).replace("{org}", ORG).replace("{team}", TEAM)
    changed: dict[str, Any] = json.loads(text)
    for methods in changed["paths"].values():
        for operation in methods.values():
            operation["parameters"] = [
                parameter
                for parameter in operation["parameters"]
                if parameter["name"] not in ("org", "team")
            ]
            for response in operation["responses"].values():
                for link in response.get("links", {}).values():
                    link["parameters"].pop("org", None)
                    link["parameters"].pop("team", None)
    return changed
