"""What the plugin and scripts call: every route, and what it does in one place each.

The plugin's own calls come first in each group; the others let scripts read everything back.
What each takes and answers stands in `_operations.py`; `/api/openapi.json` is made from both.
"""

from starlette.routing import BaseRoute, Route

from chaoscloud.console.api import (
    alerts,
    assets,
    audit,
    events,
    execution_list,
    executions,
    experiments,
    health,
    me,
    metrics,
    objectives,
    openapi,
    organizations,
    policies,
    policy,
    retention,
    run_events,
    runs,
    safeguards,
    stops,
    verifications,
)

V1 = "/api/v1/organizations"
TEAM = V1 + "/{org}/teams/{team}"
EXPERIMENT = TEAM + "/experiments/{experiment}"
EXECUTION = EXPERIMENT + "/executions/{execution}"
VERIFICATION = TEAM + "/verifications/{verification}"
RUN = VERIFICATION + "/runs/{run}"
SAFEGUARDS = TEAM + "/safeguards"
OF_ALL = V1 + "/{org}/safeguards"  # the whole organization's
ADDRESS = "/api/{org}/{team}"  # what Content-Location says; without /api it is the page

routes: list[BaseRoute] = [
    # Routes are tried in turn, so what runs ask all the time comes first.
    Route(EXECUTION + "/events", events.receive, methods=["POST"]),
    Route(EXECUTION + "/policies", policies.decide_for_execution),
    Route(TEAM + "/policies", policies.decide_for_unrecorded_run),
    Route("/", health.check_token, methods=["HEAD"]),
    Route("/healthz", health.healthz),
    Route("/metrics", metrics.expose),
    Route("/api/openapi.json", openapi.openapi),
    Route("/api/v1/me", me.describe_caller),
    Route(V1, organizations.list_page),
    Route(V1 + "/{org}/teams", organizations.teams_listed),
    Route(TEAM, organizations.team),
    Route(TEAM + "/experiments", experiments.publish, methods=["POST"]),
    Route(TEAM + "/experiments", experiments.list_page),
    Route(EXPERIMENT, experiments.one),
    Route(EXPERIMENT + "/versions", experiments.versions),
    Route(EXPERIMENT + "/versions/{number}", experiments.version),
    Route(EXPERIMENT + "/executions", executions.create, methods=["POST"]),
    Route(EXPERIMENT + "/executions", execution_list.list_page_of_experiment),
    Route(EXECUTION, executions.journal),
    Route(EXECUTION, executions.record, methods=["PUT"]),
    Route(EXECUTION + "/events", events.list_page),
    Route(TEAM + "/executions", execution_list.list_page),
    Route(TEAM + "/executions.csv", execution_list.export),
    Route(TEAM + "/executions/{execution}", executions.one),
    Route(TEAM + "/executions/{execution}", stops.remove, methods=["DELETE"]),
    Route(TEAM + "/executions/{execution}/stop", stops.stop, methods=["POST"]),
    Route(TEAM + "/executions/{execution}/events", events.list_page),
    Route(TEAM + "/executions/{execution}/journals", executions.list_journals),
    Route(TEAM + "/executions/{execution}/journals/{number:int}", executions.journal_version),
    Route(TEAM + "/objectives", objectives.create, methods=["POST"]),
    Route(TEAM + "/objectives", objectives.list_page),
    Route(TEAM + "/objectives/{objective}", objectives.one),
    Route(TEAM + "/verifications", verifications.create, methods=["POST"]),
    Route(TEAM + "/verifications", verifications.list_page),
    Route(VERIFICATION, verifications.one),
    Route(VERIFICATION + "/runs", runs.start, methods=["POST"]),
    Route(VERIFICATION + "/runs", runs.list_page),
    Route(RUN, runs.one),
    Route(RUN + "/events", run_events.receive, methods=["POST"]),
    Route(RUN + "/events", run_events.list_page),
    Route(RUN + "/finished", runs.finish, methods=["POST"]),
    Route(RUN + "/journals", runs.list_journals),
    Route(RUN + "/journals/{number:int}", runs.journal_version),
    Route(SAFEGUARDS, safeguards.create, methods=["POST"]),
    Route(SAFEGUARDS, safeguards.list_page),
    Route(SAFEGUARDS + "/simulate", safeguards.simulate, methods=["POST"]),
    Route(SAFEGUARDS + "/{safeguard}", safeguards.one),
    Route(SAFEGUARDS + "/{safeguard}", safeguards.change, methods=["PATCH"]),
    Route(SAFEGUARDS + "/{safeguard}", safeguards.remove, methods=["DELETE"]),
    Route(OF_ALL, safeguards.create_for_organization, methods=["POST"]),
    Route(OF_ALL, safeguards.listed_of_organization),
    Route(OF_ALL + "/{safeguard}", safeguards.one_of_organization),
    Route(OF_ALL + "/{safeguard}", safeguards.change_of_organization, methods=["PATCH"]),
    Route(OF_ALL + "/{safeguard}", safeguards.remove_of_organization, methods=["DELETE"]),
    Route(V1 + "/{org}/audit", audit.list_entries),
    Route(V1 + "/{org}/audit.ndjson", audit.export),
    Route(V1 + "/{org}/policy", policy.read),
    Route(V1 + "/{org}/policy", policy.write, methods=["PUT"]),
    Route(V1 + "/{org}/retention", retention.read),
    Route(V1 + "/{org}/retention", retention.write, methods=["PUT"]),
    Route(V1 + "/{org}/retention/holds", retention.add_hold, methods=["POST"]),
    Route(V1 + "/{org}/retention/holds/{hold}", retention.remove_hold, methods=["DELETE"]),
    Route("/api/v1/alerts/{safeguard}", alerts.receive, methods=["POST"]),
    Route("/assets/experiments/{id}.json", assets.experiment),
    Route("/assets/verifications/{id}.json", assets.verification),
    Route("/assets/{org}/{team}/experiments/{id}.json", assets.experiment_of_team),
    Route("/assets/{org}/{team}/verifications/{id}.json", assets.verification_of_team),
    Route(ADDRESS + "/executions/{execution}", executions.one),
    Route(ADDRESS + "/experiments/{experiment}", experiments.one),
    Route(ADDRESS + "/objectives/{objective}", objectives.one),
    Route(ADDRESS + "/verifications/{verification}", verifications.one),
    Route(ADDRESS + "/verifications/{verification}/runs/{run}", runs.one),
]
