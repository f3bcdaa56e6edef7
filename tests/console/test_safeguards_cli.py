"""`chaosiq-console safeguard …`: every kind of safeguard, beside the running server."""

import pytest
from click.testing import CliRunner, Result

from chaoscloud.console.cli import main
from chaoscloud.console.config import Config
from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.teams import Team
from tests.console.browser import Browser, Seen
from tests.console.conftest import Client, Member
from tests.console.documents import chaosiq, ended
from tests.console.team import TeamApi


@pytest.fixture
def run(config: Config, acme: Organization, checkout: Team) -> "Runner":
    return Runner(config.database_url)


class Runner:
    """The command line on a database."""

    def __init__(self, database_url: str) -> None:
        self.database_url = database_url

    def __call__(self, *words: str) -> Result:
        return CliRunner().invoke(main, [*words, "--database", self.database_url])


def add(run: Runner, kind: str, name: str, *more: str) -> Result:
    return run("safeguard", "add", kind, name, "--reason", "The launch is near", *more)


def test_a_safeguard_of_the_operator_stops_runs(run: Runner, bobs: TeamApi) -> None:
    """What is set on the command line is in the decision, with who set it."""
    path = bobs.started()

    done = add(
        run,
        "tags",
        "No Kafka",
        "--settings",
        '{"mode": "forbid", "tags": ["kafka"]}',
        "--as",
        "grace",
    )

    assert done.exit_code == 0, done.output
    [policy] = bobs.get(path + "/policies").json()["policies"]
    assert (policy["name"], policy["operator"]) == ("No Kafka", "grace")
    [item] = bobs.get("/safeguards").json()["items"]
    assert (item["author"], item["scope"]) == ("grace (operator)", "organization")


def test_a_stopped_run_s_page_names_the_operator(
    run: Runner, bobs: TeamApi, client: Client, bob: Member
) -> None:
    """Also after the stop was released: whoever was stopped may want to ask."""
    path = bobs.started()
    run("stop", "--reason", "Release day", "--as", "grace")
    journal = ended("interrupted", **chaosiq(safeguards=[{"name": "Release day"}]))
    bobs.put(path, {"journal": journal})
    run("release", "--as", "alan")
    browser = Browser(client())
    browser.sign_in(bob.token)

    page = Seen(browser.open(f"/acme/checkout/executions/{path.rpartition('/')[2]}")).text
    audit_log = Seen(browser.open("/acme/checkout/audit")).text

    assert "Release day by grace (operator)" in page
    assert "grace (operator) stopped all runs: Release day" in audit_log
    assert "alan (operator) released the stop: Release day" in audit_log


def test_it_is_switched_off_and_on_and_removed(run: Runner) -> None:
    """By its name; the list says how it stands."""
    add(run, "stop", "Freeze", "--team", "Checkout", "--for", "2h")

    lists = []
    for word in ("off", "on", "remove"):
        assert run("safeguard", word, "Freeze").exit_code == 0
        lists.append(run("safeguard", "list").output)

    assert "off  " in lists[0]
    assert "Checkout" in lists[1]
    assert "denies  " in lists[1]
    assert "Freeze" not in lists[2]


def test_it_says_whether_a_run_would_be_allowed(run: Runner) -> None:
    """With what denies it, why and until when."""
    windows = (
        '{"mode": "forbid", "time_zone": "Europe/Paris",'
        ' "windows": [{"days": ["fri"], "from": "15:00", "to": "24:00"}]}'
    )
    add(run, "windows", "Friday afternoon", "--settings", windows)

    friday = run("safeguard", "simulate", "--team", "Checkout", "--at", "2026-03-06T15:00+01:00")
    monday = run("safeguard", "simulate", "--team", "Checkout", "--at", "2026-03-09T15:00+01:00")

    assert friday.output == (
        "Denied at 2026-03-06 14:00 UTC:\n"
        "  Friday afternoon: The launch is near, until 2026-03-06 23:00 UTC\n"
    )
    assert monday.output == "Allowed at 2026-03-09 14:00 UTC.\n"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("limit", "Two", "--settings", '{"most": "two"}'), "$.most"),
        (("limit", "Two", "--settings", "{"), "--settings of limit"),
        (("windows", "W", "--settings", '{"time_zone": "Mars"}'), "mode"),
        (("stop", "  "), "NAME is what people read"),
        (("moon", "M"), "moon"),
    ],
)
def test_what_is_wrong_is_said(run: Runner, words: tuple[str, ...], text: str) -> None:
    """Exit code 2, and which word it was."""
    answer = add(run, *words)

    assert answer.exit_code == 2
    assert text in answer.output


def test_an_alert_s_secret_is_shown_once(run: Runner, client: Client) -> None:
    """And opens its address."""
    lines = add(run, "alert", "Burning").output.splitlines()
    address = lines[1].removeprefix("Address for alerts: ")
    secret = lines[2].removeprefix("Its secret (shown once): ")

    headers = {"Authorization": f"Bearer {secret}"}
    answer = client().post(address, json={"alerts": []}, headers=headers)

    assert (answer.status_code, answer.json()) == (200, {"firing": 0})


def test_answers_are_required(run: Runner, client: Client, bob: Member, checkout: Team) -> None:
    """On for the organization, and off again."""
    api = TeamApi(client(bob.token), checkout)

    answers = [run("organization", "require-safeguards", "Acme", "on").output]
    required = api.get("").json()["required"]
    answers.append(run("organization", "require-safeguards", "Acme", "off").output)

    assert required is True
    assert "must not run without an answer" in answers[0]
    assert "may run without an answer" in answers[1]
