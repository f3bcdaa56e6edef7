"""What each endpoint takes and answers: the table that `/api/openapi.json` is made from."""

from collections.abc import Callable, Mapping
from typing import Any

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
from chaoscloud.console.api._answers import Made, Page
from chaoscloud.console.api._describing import Operation, Table, Text
from chaoscloud.console.api._safeguards import NewSafeguard, SafeguardChanges, SafeguardView
from chaoscloud.console.api._starting import NewRun
from chaoscloud.console.api.events import BATCH, SINGLE
from chaoscloud.console.records.executions import Execution
from chaoscloud.console.records.experiments import Experiment, Version
from chaoscloud.console.records.journal_versions import JournalVersion
from chaoscloud.console.records.objectives import Objective
from chaoscloud.console.records.retention import Hold
from chaoscloud.console.records.runs import VerificationRun
from chaoscloud.console.records.verifications import Verification
from chaoscloud.console.watch.answers import MayGoOn

JSON = "application/json"
LIST = ("limit", "cursor")
KINDS_OF_EXECUTION = ("status", "outcome", "went_wrong", "person", "tag", "since", "until", "q")


OPERATIONS: Mapping[Callable[..., Any], Operation] = {
    health.check_token: Operation({200: None}, open=True),
    health.healthz: Operation({200: health.Health, 503: health.Health}, open=True),
    metrics.expose: Operation({200: Text}, refuses=(403,), open=True),
    me.describe_caller: Operation({200: me.Me}),
    organizations.list_page: Operation({200: list[organizations.Named]}),
    organizations.teams_listed: Operation({200: list[organizations.Named]}),
    organizations.team: Operation({200: organizations.TeamSummary}),
    experiments.publish: Operation(
        {201: Made, 204: None}, {JSON: experiments.NewExperiment}, repeatable=True
    ),
    experiments.list_page: Operation({200: Page[Experiment]}, query=LIST),
    experiments.one: Operation({200: experiments.ExperimentWithDocument}),
    experiments.versions: Operation({200: Page[Version]}, query=LIST),
    experiments.version: Operation({200: dict[str, Any]}),
    executions.create: Operation(
        {200: Made, 201: Made, 422: list[executions.Fault]},
        {JSON: executions.NewJournal},
        repeatable=True,
    ),
    execution_list.list_page_of_experiment: Operation(
        {200: Page[Execution]}, query=(*KINDS_OF_EXECUTION, *LIST)
    ),
    executions.journal: Operation({200: dict[str, Any]}, refuses=(410,)),
    executions.record: Operation({204: None}, {JSON: executions.NewJournal}, refuses=(409,)),
    executions.list_journals: Operation({200: list[JournalVersion]}),
    executions.journal_version: Operation({200: dict[str, Any]}, refuses=(410,)),
    execution_list.list_page: Operation(
        {200: Page[Execution]}, query=(*KINDS_OF_EXECUTION, "experiment", *LIST)
    ),
    execution_list.export: Operation({200: Table}, query=(*KINDS_OF_EXECUTION, "experiment")),
    executions.one: Operation({200: executions.ExecutionWithJournal}),
    events.receive: Operation(
        {201: (Made, events.Stored)},
        {SINGLE: events.CloudEvent, BATCH: list[events.CloudEvent]},
    ),
    events.list_page: Operation({200: Page[events.Event]}, query=("after", *LIST)),
    policies.decide_for_execution: Operation({200: MayGoOn, 304: None}, waits=True),
    policies.decide_for_unrecorded_run: Operation(
        {200: MayGoOn, 304: None}, query=("tag", "experiment"), waits=True
    ),
    objectives.create: Operation({201: Made}, {JSON: objectives.NewObjective}, repeatable=True),
    objectives.list_page: Operation({200: Page[Objective]}, query=LIST),
    objectives.one: Operation({200: Objective}),
    verifications.create: Operation(
        {201: Verification},
        {JSON: (verifications.NewVerification, verifications.ImportedVerification)},
        refuses=(409,),
        repeatable=True,
    ),
    verifications.list_page: Operation({200: Page[Verification]}, query=LIST),
    verifications.one: Operation({200: verifications.VerificationWithDocument}),
    runs.start: Operation({201: runs.StartedRun}, {JSON: NewRun}, repeatable=True),
    runs.list_page: Operation({200: Page[VerificationRun]}, query=LIST),
    runs.one: Operation({200: runs.RunWithJournal}),
    runs.finish: Operation({204: None}, {JSON: runs.Finished}, refuses=(409,)),
    runs.list_journals: Operation({200: list[JournalVersion]}),
    runs.journal_version: Operation({200: dict[str, Any]}, refuses=(410,)),
    run_events.receive: Operation({201: Made}, {JSON: run_events.NewRunEvent}, repeatable=True),
    run_events.list_page: Operation({200: Page[run_events.RunEvent]}, query=("after", *LIST)),
    stops.stop: Operation({201: SafeguardView}, {JSON: stops.NewStop}, refuses=(409,)),
    stops.remove: Operation({204: None}, refuses=(403,)),
    safeguards.create: Operation({201: SafeguardView}, {JSON: NewSafeguard}),
    safeguards.list_page: Operation({200: safeguards.SafeguardList}, query=("all",)),
    safeguards.simulate: Operation(
        {200: safeguards.SimulationResult}, {JSON: safeguards.SimulationRequest}
    ),
    safeguards.one: Operation({200: SafeguardView}),
    safeguards.change: Operation({200: SafeguardView}, {JSON: SafeguardChanges}, refuses=(403,)),
    safeguards.remove: Operation({204: None}, refuses=(403,)),
    safeguards.create_for_organization: Operation(
        {201: SafeguardView}, {JSON: NewSafeguard}, refuses=(403,)
    ),
    safeguards.listed_of_organization: Operation(
        {200: safeguards.SafeguardList}, query=("all",), refuses=(403,)
    ),
    safeguards.one_of_organization: Operation({200: SafeguardView}, refuses=(403,)),
    safeguards.change_of_organization: Operation(
        {200: SafeguardView}, {JSON: SafeguardChanges}, refuses=(403,)
    ),
    safeguards.remove_of_organization: Operation({204: None}, refuses=(403,)),
    audit.list_entries: Operation({200: Page[audit.Entry]}, query=("kind", *LIST)),
    audit.export: Operation({200: audit.Entry}, query=("kind",)),
    policy.read: Operation({200: policy.OrganizationPolicy}, refuses=(403,)),
    policy.write: Operation(
        {200: policy.OrganizationPolicy}, {JSON: policy.OrganizationPolicy}, refuses=(403,)
    ),
    retention.read: Operation({200: retention.RetentionView}, refuses=(403,)),
    retention.write: Operation(
        {200: retention.RetentionView}, {JSON: retention.NewRetention}, refuses=(403,)
    ),
    retention.add_hold: Operation({201: Hold}, {JSON: retention.NewHold}, refuses=(403, 409)),
    retention.remove_hold: Operation({204: None}, refuses=(403,)),
    alerts.receive: Operation({200: alerts.AlertsReceived}, {JSON: alerts.Alerts}, open=True),
    assets.experiment: Operation({200: dict[str, Any]}, refuses=(409,)),
    assets.verification: Operation({200: dict[str, Any]}, refuses=(409,)),
    assets.experiment_of_team: Operation({200: dict[str, Any]}),
    assets.verification_of_team: Operation({200: dict[str, Any]}),
}
