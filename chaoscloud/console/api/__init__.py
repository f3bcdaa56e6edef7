"""What the plugin and scripts call: every route, with what does it, what it takes and answers.

The plugin's own calls come first in each group; the others let scripts read everything back.
`/api/openapi.json` is made from this table (see `ApiRoute`).
"""

from typing import Any

from starlette.routing import BaseRoute

from chaoscloud.console.api import (
    alerts,
    assets,
    audit,
    badges,
    events,
    execution_list,
    executions,
    expected_runs,
    experiments,
    health,
    me,
    metrics,
    notes,
    objectives,
    openapi,
    organizations,
    overview,
    policies,
    policy,
    reports,
    retention,
    run_events,
    runs,
    safeguards,
    stops,
    subscriptions,
    verifications,
)
from chaoscloud.console.api._answers import Made, Page
from chaoscloud.console.api._route import (
    Html,
    Lines,
    Picture,
    Table,
    Text,
    delete,
    get,
    head,
    patch,
    post,
    put,
)
from chaoscloud.console.api._safeguards import NewSafeguard, SafeguardChanges, SafeguardView
from chaoscloud.console.api._starting import NewRun
from chaoscloud.console.api._subscriptions import (
    MessageView,
    NewSubscription,
    SubscriptionChanges,
    SubscriptionView,
)
from chaoscloud.console.api.events import BATCH, SINGLE
from chaoscloud.console.records.executions import Execution
from chaoscloud.console.records.expected_runs import ExpectedRunStatus, MissedRun
from chaoscloud.console.records.experiments import Experiment, Version
from chaoscloud.console.records.journal_versions import JournalVersion
from chaoscloud.console.records.notes import NoteWithStatus
from chaoscloud.console.records.objectives import Objective
from chaoscloud.console.records.organization_overview import TeamOverview
from chaoscloud.console.records.overview import Overview
from chaoscloud.console.records.retention import Hold
from chaoscloud.console.records.runs import VerificationRun
from chaoscloud.console.records.verifications import Verification
from chaoscloud.console.watch.answers import MayGoOn

LIST = ("limit", "cursor")
EXECUTION_FILTERS = (
    *("status", "outcome", "went_wrong", "person", "tag", "label", "since", "until", "q"),
)

V1 = "/api/v1/organizations"
TEAM = V1 + "/{org}/teams/{team}"
EXPERIMENT = TEAM + "/experiments/{experiment}"
EXECUTION = EXPERIMENT + "/executions/{execution}"
VERIFICATION = TEAM + "/verifications/{verification}"
RUN = VERIFICATION + "/runs/{run}"
SAFEGUARDS = TEAM + "/safeguards"
OF_ALL = V1 + "/{org}/safeguards"  # the whole organization's
SUBSCRIPTIONS = TEAM + "/subscriptions"
SUBSCRIPTIONS_OF_ALL = V1 + "/{org}/subscriptions"
ADDRESS = "/api/{org}/{team}"  # what Content-Location says; without /api it is the page

routes: list[BaseRoute] = [
    # Routes are tried in turn, so what runs ask all the time comes first.
    post(
        EXECUTION + "/events",
        events.receive,
        (Made, events.Stored),
        takes={SINGLE: events.CloudEvent, BATCH: list[events.CloudEvent]},
    ),
    get(
        EXECUTION + "/policies",
        policies.decide_for_execution,
        {200: MayGoOn, 304: None},
        waits=True,
    ),
    get(
        TEAM + "/policies",
        policies.decide_for_unrecorded_run,
        {200: MayGoOn, 304: None},
        query=("tag", "experiment"),
        waits=True,
    ),
    head("/", health.check_token, {200: None}, public=True),
    get("/healthz", health.healthz, {200: health.Health, 503: health.Health}, public=True),
    get("/metrics", metrics.expose, Text, refuses=(403,), public=True),
    get("/api/openapi.json", openapi.openapi, dict[str, Any], public=True),
    get("/api/v1/me", me.describe_caller, me.Me),
    get(V1, organizations.list_page, list[organizations.Named]),
    get(V1 + "/{org}/teams", organizations.list_teams, list[organizations.Named]),
    get(TEAM, organizations.team, organizations.TeamSummary),
    get(TEAM + "/overview", overview.show, Overview),
    put(TEAM + "/attention/{kind}/{subject}", overview.mark_seen, None, takes=overview.SeenNote),
    delete(TEAM + "/attention/{kind}/{subject}", overview.unmark_seen, None),
    get(TEAM + "/settings", overview.read_settings, overview.TeamSettings),
    put(
        TEAM + "/settings",
        overview.write_settings,
        overview.TeamSettings,
        takes=overview.TeamSettings,
    ),
    get(V1 + "/{org}/overview", overview.show_organization, list[TeamOverview]),
    post(
        TEAM + "/experiments",
        experiments.publish,
        {201: (Made, experiments.MadeWithExecution), 204: None},
        takes=experiments.NewExperiment,
        repeatable=True,
    ),
    get(TEAM + "/experiments", experiments.list_page, Page[Experiment], query=LIST),
    get(EXPERIMENT, experiments.one, experiments.ExperimentWithDocument),
    patch(EXPERIMENT, experiments.change, None, takes=experiments.ExperimentChanges),
    get(EXPERIMENT + "/badge", badges.read, badges.BadgeView),
    put(EXPERIMENT + "/badge", badges.turn_on, badges.BadgeView),
    delete(EXPERIMENT + "/badge", badges.turn_off, None),
    get("/assets/badges/{secret}.svg", badges.show, Picture, public=True),
    get(EXPERIMENT + "/versions", experiments.versions, Page[Version], query=LIST),
    get(EXPERIMENT + "/versions/{number}", experiments.version, dict[str, Any]),
    post(
        EXPERIMENT + "/executions",
        executions.create,
        {200: Made, 201: Made, 422: list[executions.Fault]},
        takes=executions.NewJournal,
        repeatable=True,
    ),
    get(
        EXPERIMENT + "/executions",
        execution_list.list_page_of_experiment,
        Page[Execution],
        query=(*EXECUTION_FILTERS, *LIST),
    ),
    get(EXECUTION, executions.journal, dict[str, Any], refuses=(410,)),
    put(EXECUTION, executions.record, None, takes=executions.NewJournal, refuses=(409,)),
    get(EXECUTION + "/events", events.list_page, Page[events.Event], query=("after", *LIST)),
    get(
        TEAM + "/executions",
        execution_list.list_page,
        Page[Execution],
        query=(*EXECUTION_FILTERS, "experiment", *LIST),
    ),
    get(
        TEAM + "/executions.csv",
        execution_list.export,
        Table,
        query=(*EXECUTION_FILTERS, "experiment"),
    ),
    get(TEAM + "/executions/{execution}", executions.one, executions.ExecutionWithJournal),
    delete(TEAM + "/executions/{execution}", stops.remove, None, refuses=(403,)),
    post(
        TEAM + "/executions/{execution}/stop",
        stops.stop,
        SafeguardView,
        takes=stops.NewStop,
        refuses=(409,),
        identifies="safeguard",
    ),
    get(
        TEAM + "/executions/{execution}/events",
        events.list_page,
        Page[events.Event],
        query=("after", *LIST),
    ),
    get(TEAM + "/executions/{execution}/report", reports.of_execution, Html),
    get(
        TEAM + "/report",
        reports.of_period,
        Html,
        query=("since", "until", "tag"),
        refuses=(422,),
    ),
    get(TEAM + "/executions/{execution}/journals", executions.list_journals, list[JournalVersion]),
    get(
        TEAM + "/executions/{execution}/journals/{number:int}",
        executions.journal_version,
        dict[str, Any],
        refuses=(410,),
    ),
    post(
        TEAM + "/executions/{execution}/notes",
        notes.create,
        NoteWithStatus,
        takes=notes.NoteDraft,
        identifies="finding",
    ),
    get(TEAM + "/executions/{execution}/notes", notes.list_of_execution, list[NoteWithStatus]),
    post(
        TEAM + "/expected-runs",
        expected_runs.create,
        ExpectedRunStatus,
        takes=expected_runs.NewExpectedRun,
    ),
    get(
        TEAM + "/expected-runs",
        expected_runs.list_all,
        list[ExpectedRunStatus],
        query=("experiment",),
    ),
    delete(TEAM + "/expected-runs/{expected}", expected_runs.remove, None),
    get(TEAM + "/missed-runs", expected_runs.list_missed, list[MissedRun], query=("limit",)),
    get(
        TEAM + "/findings",
        notes.list_findings,
        Page[NoteWithStatus],
        query=("state", "experiment", *LIST),
    ),
    patch(TEAM + "/findings/{finding}", notes.change, NoteWithStatus, takes=notes.StateChange),
    post(
        TEAM + "/objectives",
        objectives.create,
        Made,
        takes=objectives.NewObjective,
        repeatable=True,
    ),
    get(TEAM + "/objectives", objectives.list_page, Page[Objective], query=LIST),
    get(TEAM + "/objectives/{objective}", objectives.one, Objective),
    post(
        TEAM + "/verifications",
        verifications.create,
        Verification,
        takes=(verifications.NewVerification, verifications.ImportedVerification),
        refuses=(409,),
        repeatable=True,
    ),
    get(TEAM + "/verifications", verifications.list_page, Page[Verification], query=LIST),
    get(VERIFICATION, verifications.one, verifications.VerificationWithDocument),
    post(VERIFICATION + "/runs", runs.start, runs.StartedRun, takes=NewRun, repeatable=True),
    get(VERIFICATION + "/runs", runs.list_page, Page[VerificationRun], query=LIST),
    get(RUN, runs.one, runs.RunWithJournal),
    post(RUN + "/events", run_events.receive, Made, takes=run_events.NewRunEvent, repeatable=True),
    get(RUN + "/events", run_events.list_page, Page[run_events.RunEvent], query=("after", *LIST)),
    post(RUN + "/finished", runs.finish, None, takes=runs.Finished, refuses=(409,)),
    get(RUN + "/journals", runs.list_journals, list[JournalVersion]),
    get(RUN + "/journals/{number:int}", runs.journal_version, dict[str, Any], refuses=(410,)),
    post(SAFEGUARDS, safeguards.create, SafeguardView, takes=NewSafeguard),
    get(SAFEGUARDS, safeguards.list_page, safeguards.SafeguardList, query=("all",)),
    post(
        SAFEGUARDS + "/simulate",
        safeguards.simulate,
        {200: safeguards.SimulationResult},
        takes=safeguards.SimulationRequest,
    ),
    get(SAFEGUARDS + "/{safeguard}", safeguards.one, SafeguardView),
    patch(
        SAFEGUARDS + "/{safeguard}",
        safeguards.change,
        SafeguardView,
        takes=SafeguardChanges,
        refuses=(403,),
    ),
    delete(SAFEGUARDS + "/{safeguard}", safeguards.remove, None, refuses=(403,)),
    post(
        OF_ALL,
        safeguards.create_for_organization,
        SafeguardView,
        takes=NewSafeguard,
        refuses=(403,),
    ),
    get(
        OF_ALL,
        safeguards.list_page_of_organization,
        safeguards.SafeguardList,
        query=("all",),
        refuses=(403,),
    ),
    get(OF_ALL + "/{safeguard}", safeguards.one_of_organization, SafeguardView, refuses=(403,)),
    patch(
        OF_ALL + "/{safeguard}",
        safeguards.change_of_organization,
        SafeguardView,
        takes=SafeguardChanges,
        refuses=(403,),
    ),
    delete(OF_ALL + "/{safeguard}", safeguards.remove_of_organization, None, refuses=(403,)),
    post(SUBSCRIPTIONS, subscriptions.create, SubscriptionView, takes=NewSubscription),
    get(SUBSCRIPTIONS, subscriptions.list_page, subscriptions.SubscriptionList),
    get(SUBSCRIPTIONS + "/{subscription}", subscriptions.one, SubscriptionView),
    patch(
        SUBSCRIPTIONS + "/{subscription}",
        subscriptions.change,
        SubscriptionView,
        takes=SubscriptionChanges,
        refuses=(403,),
    ),
    delete(SUBSCRIPTIONS + "/{subscription}", subscriptions.remove, None, refuses=(403,)),
    post(
        SUBSCRIPTIONS + "/{subscription}/secret",
        subscriptions.renew_secret,
        {200: SubscriptionView},
        refuses=(403, 409),
    ),
    post(
        SUBSCRIPTIONS + "/{subscription}/test",
        subscriptions.send_test,
        {200: MessageView},
        refuses=(403,),
        identifies="message",
    ),
    get(
        SUBSCRIPTIONS + "/{subscription}/messages",
        subscriptions.list_messages,
        Page[MessageView],
        query=LIST,
    ),
    post(
        SUBSCRIPTIONS + "/{subscription}/messages/{message:int}/send",
        subscriptions.send_again,
        {200: MessageView},
        refuses=(403, 409),
    ),
    post(
        SUBSCRIPTIONS_OF_ALL,
        subscriptions.create_for_organization,
        SubscriptionView,
        takes=NewSubscription,
        refuses=(403,),
    ),
    get(
        SUBSCRIPTIONS_OF_ALL,
        subscriptions.list_page_of_organization,
        subscriptions.SubscriptionList,
        refuses=(403,),
    ),
    get(
        SUBSCRIPTIONS_OF_ALL + "/{subscription}",
        subscriptions.one_of_organization,
        SubscriptionView,
        refuses=(403,),
    ),
    patch(
        SUBSCRIPTIONS_OF_ALL + "/{subscription}",
        subscriptions.change_of_organization,
        SubscriptionView,
        takes=SubscriptionChanges,
        refuses=(403,),
    ),
    delete(
        SUBSCRIPTIONS_OF_ALL + "/{subscription}",
        subscriptions.remove_of_organization,
        None,
        refuses=(403,),
    ),
    post(
        SUBSCRIPTIONS_OF_ALL + "/{subscription}/secret",
        subscriptions.renew_secret_of_organization,
        {200: SubscriptionView},
        refuses=(403, 409),
    ),
    post(
        SUBSCRIPTIONS_OF_ALL + "/{subscription}/test",
        subscriptions.send_test_of_organization,
        {200: MessageView},
        refuses=(403,),
        identifies="message",
    ),
    get(
        SUBSCRIPTIONS_OF_ALL + "/{subscription}/messages",
        subscriptions.list_messages_of_organization,
        Page[MessageView],
        query=LIST,
        refuses=(403,),
    ),
    post(
        SUBSCRIPTIONS_OF_ALL + "/{subscription}/messages/{message:int}/send",
        subscriptions.send_again_of_organization,
        {200: MessageView},
        refuses=(403, 409),
    ),
    get(V1 + "/{org}/audit", audit.list_entries, Page[audit.Entry], query=("kind", *LIST)),
    get(V1 + "/{org}/audit.ndjson", audit.export, Lines, query=("kind",)),
    get(V1 + "/{org}/policy", policy.read, policy.OrganizationPolicy, refuses=(403,)),
    put(
        V1 + "/{org}/policy",
        policy.write,
        policy.OrganizationPolicy,
        takes=policy.OrganizationPolicy,
        refuses=(403,),
    ),
    get(V1 + "/{org}/retention", retention.read, retention.RetentionView, refuses=(403,)),
    put(
        V1 + "/{org}/retention",
        retention.write,
        retention.RetentionView,
        takes=retention.NewRetention,
        refuses=(403,),
    ),
    post(
        V1 + "/{org}/retention/holds",
        retention.add_hold,
        Hold,
        takes=retention.NewHold,
        refuses=(403, 409),
    ),
    delete(V1 + "/{org}/retention/holds/{hold}", retention.remove_hold, None, refuses=(403,)),
    post(
        "/api/v1/alerts/{safeguard}",
        alerts.receive,
        {200: alerts.AlertsReceived},
        takes=alerts.Alerts,
        public=True,
    ),
    get("/assets/experiments/{experiment}.json", assets.experiment, dict[str, Any], refuses=(409,)),
    get(
        "/assets/verifications/{verification}.json",
        assets.verification,
        dict[str, Any],
        refuses=(409,),
    ),
    get(
        "/assets/{org}/{team}/experiments/{experiment}.json",
        assets.experiment_of_team,
        dict[str, Any],
    ),
    get(
        "/assets/{org}/{team}/verifications/{verification}.json",
        assets.verification_of_team,
        dict[str, Any],
    ),
    get(ADDRESS + "/executions/{execution}", executions.one, executions.ExecutionWithJournal),
    get(ADDRESS + "/experiments/{experiment}", experiments.one, experiments.ExperimentWithDocument),
    get(ADDRESS + "/objectives/{objective}", objectives.one, Objective),
    get(
        ADDRESS + "/verifications/{verification}",
        verifications.one,
        verifications.VerificationWithDocument,
    ),
    get(ADDRESS + "/verifications/{verification}/runs/{run}", runs.one, runs.RunWithJournal),
]
