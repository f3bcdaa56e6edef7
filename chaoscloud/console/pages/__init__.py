"""The pages people open, all on one screen.

Addresses use names: `/{organization}/{team}/…`. They stand after the API's in the application, and
the last ones catch what nothing else answers.
"""

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from chaoscloud.console.errors import NotFound
from chaoscloud.console.pages import (
    audit,
    compare,
    execution_list,
    executions,
    expected_runs,
    experiment_list,
    experiments,
    home,
    insights,
    live,
    notes,
    objectives,
    overview,
    people,
    reports,
    retention,
    safeguard,
    safeguards,
    signin,
    stops,
    subscriptions,
    tokens,
    verifications,
)
from chaoscloud.console.pages._static import static
from chaoscloud.console.pages._visit import page
from chaoscloud.console.records.execution_exports import FORMATS


class Name(Convertor[str]):
    """The first word of a page's address: never one of the API's own."""

    regex = r"(?!(?:api|assets|healthz|metrics|static)(?:/|$))[^/]+"

    def convert(self, value: str) -> str:
        """As it stands in the address."""
        return value

    def to_string(self, value: str) -> str:
        """Likewise."""
        return value


class FileFormat(Name):
    """The end of a file's name, of those that a list can be taken away as."""

    regex = "|".join(FORMATS)


register_url_convertor("name", Name())
register_url_convertor("file", FileFormat())


@page
async def nothing_here(request: Request) -> Response:
    """Any other address of people's."""
    raise NotFound


TEAM = "/{org:name}/{team}"
EXECUTION = TEAM + "/executions/{id}"
SAFEGUARD = TEAM + "/safeguards/{id}"
SUBSCRIPTION = TEAM + "/subscriptions/{id}"
PERSON = TEAM + "/people/{id}"

routes: list[BaseRoute] = [
    Mount("/static", static),
    Route("/", home.home),
    Route("/signin", signin.ask),
    Route("/signin", signin.submit, methods=["POST"]),
    Route("/signout", signin.leave, methods=["POST"]),
    Route("/settings/teams", home.all_teams),
    Route("/settings/tokens", tokens.show),
    Route("/settings/tokens", tokens.add, methods=["POST"]),
    Route("/settings/tokens/{id}/revoke", tokens.revoke, methods=["POST"]),
    Route("/{org:name}", home.organization),
    Route(TEAM, overview.show),
    Route(TEAM + "/live", overview.stream),
    Route(TEAM + "/attention/seen", overview.mark_seen, methods=["POST"]),
    Route(TEAM + "/attention/return", overview.unmark_seen, methods=["POST"]),
    Route(TEAM + "/stale-days", overview.set_stale_days, methods=["POST"]),
    Route(TEAM + "/executions", execution_list.show),
    Route(TEAM + "/report.html", reports.of_period),
    Route(TEAM + "/executions/live", execution_list.stream),
    Route(TEAM + "/executions.{format:file}", execution_list.export),
    Route(EXECUTION, executions.one),
    Route(EXECUTION + "/live", live.stream),
    Route(EXECUTION + "/stop", stops.stop, methods=["POST"]),
    Route(EXECUTION + "/notes", notes.add, methods=["POST"]),
    Route(TEAM + "/expected-runs", expected_runs.show),
    Route(TEAM + "/expected-runs", expected_runs.add, methods=["POST"]),
    Route(TEAM + "/expected-runs/{id}/remove", expected_runs.remove, methods=["POST"]),
    Route(TEAM + "/findings", notes.list_findings),
    Route(TEAM + "/findings/{id}", notes.change, methods=["POST"]),
    Route(EXECUTION + "/compare", compare.show),
    Route(EXECUTION + "/report.html", executions.report),
    Route(EXECUTION + "/journal", executions.text),
    Route(EXECUTION + "/journal.json", executions.journal),
    Route(EXECUTION + "/journals/{number}", executions.earlier_journal),
    Route(TEAM + "/experiments", experiment_list.show),
    Route(TEAM + "/experiments/live", experiment_list.stream),
    Route(TEAM + "/experiments/{id}", experiments.one),
    Route(TEAM + "/experiments/{id}/rename", experiments.rename, methods=["POST"]),
    Route(TEAM + "/experiments/{id}/archive", experiments.archive, methods=["POST"]),
    Route(TEAM + "/experiments/{id}/restore", experiments.restore, methods=["POST"]),
    Route(TEAM + "/experiments/{id}/badge", experiments.turn_badge, methods=["POST"]),
    Route(TEAM + "/objectives", objectives.list_page),
    Route(TEAM + "/objectives", objectives.add, methods=["POST"]),
    Route(TEAM + "/objectives/{id}", objectives.one),
    Route(TEAM + "/verifications", verifications.list_page),
    Route(TEAM + "/verifications", verifications.add, methods=["POST"]),
    Route(TEAM + "/verifications/import", verifications.bring_in, methods=["POST"]),
    Route(TEAM + "/verifications/{id}", verifications.one),
    Route(TEAM + "/verifications/{id}/runs/{run}", verifications.run),
    Route(TEAM + "/verifications/{id}/runs/{run}/live", verifications.live),
    Route(TEAM + "/insights", insights.show),
    Route(TEAM + "/safeguards", safeguards.show),
    Route(TEAM + "/safeguards/live", live.bar_stream),
    Route(TEAM + "/safeguards/new", safeguard.new),
    Route(TEAM + "/safeguards/new", safeguard.add, methods=["POST"]),
    Route(TEAM + "/safeguards/required", safeguards.require, methods=["POST"]),
    Route(TEAM + "/safeguards/stop", safeguards.stop, methods=["POST"]),
    Route(SAFEGUARD, safeguard.one),
    Route(SAFEGUARD, safeguard.change, methods=["POST"]),
    Route(SAFEGUARD + "/switch", safeguard.switch, methods=["POST"]),
    Route(SAFEGUARD + "/release", safeguards.release, methods=["POST"]),
    Route(SAFEGUARD + "/remove", safeguard.remove, methods=["POST"]),
    Route(SAFEGUARD + "/secret", safeguard.renew, methods=["POST"]),
    Route(TEAM + "/subscriptions", subscriptions.list_page),
    Route(TEAM + "/subscriptions/new", subscriptions.new),
    Route(TEAM + "/subscriptions/new", subscriptions.add, methods=["POST"]),
    Route(SUBSCRIPTION, subscriptions.one),
    Route(SUBSCRIPTION, subscriptions.change, methods=["POST"]),
    Route(SUBSCRIPTION + "/switch", subscriptions.switch, methods=["POST"]),
    Route(SUBSCRIPTION + "/remove", subscriptions.remove, methods=["POST"]),
    Route(SUBSCRIPTION + "/secret", subscriptions.renew, methods=["POST"]),
    Route(SUBSCRIPTION + "/test", subscriptions.send_test, methods=["POST"]),
    Route(SUBSCRIPTION + "/again", subscriptions.send_again, methods=["POST"]),
    Route(TEAM + "/audit", audit.show),
    Route(TEAM + "/timeline", audit.redirect_from_timeline),
    Route(TEAM + "/retention", retention.show),
    Route(TEAM + "/retention", retention.change, methods=["POST"]),
    Route(TEAM + "/retention/holds", retention.hold, methods=["POST"]),
    Route(TEAM + "/retention/holds/{id}/release", retention.release, methods=["POST"]),
    Route(TEAM + "/people", people.list_page),
    Route(TEAM + "/people", people.add, methods=["POST"]),
    Route(TEAM + "/people/teams", people.add_team, methods=["POST"]),
    Route(TEAM + "/people/rename", people.rename, methods=["POST"]),
    Route(PERSON, people.one),
    Route(PERSON + "/rename", people.rename_person, methods=["POST"]),
    Route(PERSON + "/join", people.join, methods=["POST"]),
    Route(PERSON + "/leave", people.leave, methods=["POST"]),
    Route(PERSON + "/dismiss", people.dismiss, methods=["POST"]),
    Route(PERSON + "/tokens", people.add_token, methods=["POST"]),
    Route(PERSON + "/revoke", people.revoke, methods=["POST"]),
    Route("/{org:name}/{rest:path}", nothing_here),
]
