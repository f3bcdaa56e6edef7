"""What the plugin and scripts call: every route, and what it does in one place each.

The plugin's own calls come first in each group; the others let scripts read everything back.
What each takes and answers stands in `_operations.py`, which makes `/api/openapi.json`.
"""

from starlette.routing import BaseRoute, Route

from chaoscloud.console.api import (
    events,
    executions,
    experiments,
    health,
    openapi,
    organizations,
    policies,
)

V1 = "/api/v1/organizations"
TEAM = V1 + "/{org}/teams/{team}"
EXPERIMENT = TEAM + "/experiments/{experiment}"
EXECUTION = EXPERIMENT + "/executions/{execution}"
ADDRESS = "/api/{org}/{team}"  # what Content-Location says; without /api it is the page

routes: list[BaseRoute] = [
    Route("/", health.check_token, methods=["HEAD"]),
    Route("/healthz", health.healthz),
    Route("/api/openapi.json", openapi.openapi),
    Route(V1, organizations.listed),
    Route(V1 + "/{org}/teams", organizations.teams_listed),
    Route(TEAM, organizations.team),
    Route(TEAM + "/experiments", experiments.publish, methods=["POST"]),
    Route(TEAM + "/experiments", experiments.listed),
    Route(EXPERIMENT, experiments.one),
    Route(EXPERIMENT + "/versions", experiments.versions),
    Route(EXPERIMENT + "/versions/{number:int}", experiments.version),
    Route(EXPERIMENT + "/executions", executions.create, methods=["POST"]),
    Route(EXPERIMENT + "/executions", executions.listed_of_experiment),
    Route(EXECUTION, executions.journal),
    Route(EXECUTION, executions.record, methods=["PUT"]),
    Route(EXECUTION + "/events", events.receive, methods=["POST"]),
    Route(EXECUTION + "/events", events.listed),
    Route(EXECUTION + "/policies", policies.verdict_for),
    Route(TEAM + "/executions", executions.listed),
    Route(TEAM + "/executions/{execution}", executions.one),
    Route(TEAM + "/executions/{execution}/events", events.listed),
    Route(ADDRESS + "/executions/{execution}", executions.one),
    Route(ADDRESS + "/experiments/{experiment}", experiments.one),
]
