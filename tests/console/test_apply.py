"""`chaosiq-console apply`: what a file says is what there is, once, and nothing more is touched."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from sqlalchemy import select

from chaoscloud.console.cli import main
from chaoscloud.console.config import Config
from chaoscloud.console.db import Database
from chaoscloud.console.db.schema import subscriptions
from chaoscloud.console.records import audit, objectives, organizations, safeguards, teams
from chaoscloud.console.records.declaration import DeclaredOrganization, DeclaredTeam
from chaoscloud.console.records.retention import Retention, read_retention
from tests.console.conftest import Clock, Member
from tests.console.documents import TITLE, experiment
from tests.console.team import TeamApi

PROBE = {
    "type": "probe",
    "name": "orders are accepted",
    "tolerance": 200,
    "provider": {"type": "http", "url": "http://orders.local"},
}
DECLARED: dict[str, Any] = {
    "organizations": [
        {
            "name": "Globex",
            "safeguards_required": True,
            "retention": {"events": 30, "journals": None},
            "safeguards": [
                {"name": "Few", "kind": "limit", "reason": "Be kind", "settings": {"most": 2}}
            ],
            "teams": [
                {
                    "name": "Orders",
                    "safeguards": [
                        {"name": "Pager", "kind": "alert", "reason": "It burns", "tags": ["prod"]}
                    ],
                    "objectives": [
                        {
                            "name": "Accepted",
                            "target": 99.9,
                            "window": "30d",
                            "measurement": PROBE,
                        }
                    ],
                },
                {"name": "Billing"},
            ],
        }
    ]
}
DOCUMENTED = Path(__file__).parents[2] / "docs" / "console.md"
SLACK = "https://hooks.slack.com/services/T0/B0/secret"
Apply = Callable[..., Result]


@pytest.fixture
def apply(database: Database, config: Config, tmp_path: Path) -> Apply:
    """Write a file and apply it beside the console."""
    clean = {"DATABASE_URL": None, "CHAOSIQ_CONSOLE_DATA": None, "XDG_DATA_HOME": None}

    def run(declared: Any, *words: str) -> Result:
        file = tmp_path / "console.yaml"
        text = declared if isinstance(declared, str) else yaml.safe_dump(declared)
        file.write_text(text, encoding="utf-8")
        where = ["--data", str(config.data), "--database", config.database_url]
        arguments = ["apply", "-f", str(file), "--as", "git", *words, *where]
        return CliRunner(env=clean).invoke(main, arguments, env={"CHECKOUT_SLACK_URL": SLACK})

    return run


def globex(**more: Any) -> dict[str, Any]:
    """The declaration, with something else of the organization."""
    return {"organizations": [{**DECLARED["organizations"][0], **more}]}


def test_a_file_makes_what_it_says(apply: Apply, database: Database, now: Clock) -> None:
    """With one line for each difference, and entries of the audit log by the operator."""
    applied = apply(DECLARED)

    assert applied.exit_code == 0, applied.output
    assert applied.stdout.splitlines() == [
        "+ organization 'Globex'",
        "~ organization 'Globex': safeguards_required True",
        "~ organization 'Globex': keeps events for 30 days, journals for ever",
        "+ safeguard 'Few' (limit) of 'Globex'",
        "+ team 'Orders' of 'Globex'",
        "+ safeguard 'Pager' (alert) of 'Orders'",
        "+ objective 'Accepted' of 'Orders'",
        "+ team 'Billing' of 'Globex'",
    ]
    assert "secret " in applied.stderr
    with database.read() as connection:
        [made] = organizations.list_page(connection)
        team = teams.find(connection, made.id, "Orders")
        assert team is not None
        names = [one.name for one in safeguards.list_for_team(connection, made.id, team.id)]
        [objective] = objectives.list_page(connection, team.id)
        entries = audit.list_entries(connection, None)
        assert read_retention(connection, made.id) == Retention(30, None)
    assert sorted(names) == ["Few", "Pager"]
    assert (objective.target, objective.window) == (99.9, 30 * 86400)
    assert {entry.person_name for entry in entries} == {"git (operator)"}
    assert len(entries) == 8


def test_a_second_time_there_is_nothing_to_do(apply: Apply, database: Database) -> None:
    """No change, and no entry of the audit log."""
    apply(DECLARED)
    with database.read() as connection:
        before = audit.list_entries(connection, None)

    again = apply(DECLARED, "--prune")

    assert again.output == "Everything is as the file says.\n"
    with database.read() as connection:
        assert audit.list_entries(connection, None) == before


def test_what_differs_is_changed(apply: Apply, database: Database) -> None:
    """And the line names it."""
    apply(DECLARED)
    changed = globex(
        safeguards=[{"name": "Few", "kind": "limit", "reason": "Be kind", "settings": {"most": 3}}],
        teams=[
            {
                "name": "Orders",
                "objectives": [{"name": "Accepted", "target": 99, "measurement": PROBE}],
            }
        ],
    )

    applied = apply(changed)

    assert applied.stdout.splitlines() == [
        "~ safeguard 'Few' (limit) of 'Globex': settings",
        "~ objective 'Accepted' of 'Orders': target",
    ]
    assert apply(changed).output == "Everything is as the file says.\n"


def test_a_dry_run_says_the_same_and_changes_nothing(apply: Apply, database: Database) -> None:
    """Of a new organization, too."""
    dry = apply(DECLARED, "--dry-run")

    with database.read() as connection:
        assert organizations.list_page(connection) == []
    real = apply(DECLARED)
    assert dry.stdout.splitlines()[:-1] == real.stdout.splitlines()
    assert "Nothing is changed" in dry.stdout


def test_what_the_file_does_not_name_stays_unless_pruned(apply: Apply, database: Database) -> None:
    """A list that the file does not have is never pruned."""
    apply(DECLARED)
    fewer = globex(safeguards=[], teams=[{"name": "Orders", "safeguards": []}])

    assert apply(fewer).output == "Everything is as the file says.\n"
    assert apply(fewer, "--prune").stdout.splitlines() == [
        "- safeguard 'Few' (limit)",
        "- safeguard 'Pager' (alert)",
        "- team 'Billing' of 'Globex'",
    ]
    nothing_named = {"organizations": [{"name": "Globex"}]}
    assert apply(nothing_named, "--prune").output == "Everything is as the file says.\n"
    gone = globex(safeguards=[], teams=[{"name": "Orders", "objectives": []}])
    assert apply(gone, "--prune").stdout == "- objective 'Accepted' of 'Orders'\n"


def test_nothing_that_people_set_is_pruned(
    apply: Apply, bobs: TeamApi, ada: Member, database: Database
) -> None:
    """Neither their stops, nor a team with records."""
    body = {"kind": "stop", "name": "Black Friday", "reason": "Black Friday"}
    assert bobs.post("/safeguards", body).status_code == 201
    bobs.started()
    declared = {
        "organizations": [{"name": "Acme", "teams": [{"name": "Checkout", "safeguards": []}]}]
    }
    others = {"organizations": [{"name": "Acme", "teams": []}]}

    kept = apply(declared, "--prune")
    kept_team = apply(others, "--prune")

    assert kept.stdout == "  safeguard 'Black Friday' stays: a person set it\n"
    assert "team 'Checkout' stays: it still has 1 execution" in kept_team.stdout
    assert len(bobs.get("/safeguards").json()["items"]) == 1


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ("organizations: [", "cannot be read"),
        ("[]", "Expected `object`"),
        ({"organisations": []}, "unknown field"),
        (globex(safeguards=[{"name": "a", "kind": "magic", "reason": "b"}]), "is no kind"),
        (
            globex(safeguards=[{"name": "a", "kind": "limit", "reason": "b"}]),
            "settings of safeguard",
        ),
        (globex(teams=[{"name": "a"}, {"name": "a"}]), "two of the team of Globex"),
        (globex(retention={"events": 0}), "events"),
        (
            globex(
                teams=[{"name": "a", "objectives": [{"name": "b", "target": 9, "measurement": {}}]}]
            ),
            "objective 'b'",
        ),
        (
            globex(
                teams=[
                    {
                        "name": "a",
                        "objectives": [
                            {"name": "b", "target": 9, "window": "soon", "measurement": PROBE}
                        ],
                    }
                ]
            ),
            "no length of time",
        ),
    ],
)
def test_a_file_that_makes_no_sense_changes_nothing(
    apply: Apply, database: Database, declared: Any, words: str
) -> None:
    """One line says where it is wrong."""
    refused = apply(declared)

    assert refused.exit_code == 1
    assert words in refused.output
    assert refused.output.count("\n") == 1
    with database.read() as connection:
        assert organizations.list_page(connection) == []


# --- subscriptions and expected runs ------------------------------------------------------------

ON_CALL = {"name": "On call", "target": "slack", "environment": {"url": "CHECKOUT_SLACK_URL"}}
ARCHIVE = {"name": "Archive", "target": "webhook", "settings": {"url": "https://archive.local"}}
DAILY = {"experiment": TITLE, "cron": "0 6 * * 1-5", "zone": "Europe/Paris", "grace": "30m"}


def checkout_of(**more: Any) -> dict[str, Any]:
    """A declaration of Bob's team."""
    return {"organizations": [{"name": "Acme", "teams": [{"name": "Checkout", **more}]}]}


def read_documented() -> str:
    """The file that the documentation shows."""
    section = DOCUMENTED.read_text(encoding="utf-8").partition("### From a file in git")[2]
    return section.partition("```yaml\n")[2].partition("```")[0]


def test_the_documented_file_is_applied_once(
    apply: Apply, bobs: TeamApi, database: Database
) -> None:
    """It has one of everything that a file may have; a second time nothing is changed."""
    bobs.published(experiment("Orders survive a broker"))
    declared = yaml.safe_load(read_documented())["organizations"][0]
    assert set(declared) == set(DeclaredOrganization.__struct_fields__)
    assert set(declared["teams"][0]) == set(DeclaredTeam.__struct_fields__)

    first = apply(read_documented())
    with database.read() as connection:
        before = audit.list_entries(connection, None)
    second = apply(read_documented(), "--prune")

    assert first.exit_code == 0, first.output
    assert "+ subscription 'On call' (slack) of 'Checkout'" in first.stdout
    assert "+ expected run of 'Orders survive a broker'" in first.stdout
    assert second.output == "Everything is as the file says.\n"
    with database.read() as connection:
        assert audit.list_entries(connection, None) == before


def test_a_secret_comes_from_the_environment_and_is_shown_to_nobody(
    apply: Apply, bobs: TeamApi, database: Database
) -> None:
    """The target is called by it; what a webhook's messages are signed with is printed once."""
    declared = checkout_of(subscriptions=[ON_CALL, ARCHIVE])

    applied = apply(declared)

    with database.read() as connection:
        settings = list(connection.scalars(select(subscriptions.c.settings)))
        [secret] = connection.scalars(
            select(subscriptions.c.secret).where(subscriptions.c.target == "webhook")
        )
    assert any(SLACK in text for text in settings)
    assert "secret" not in applied.stdout
    assert applied.stderr.splitlines() == [
        "Secrets, shown once:",
        f"  Archive: messages are signed with {secret}",
    ]
    assert apply(declared).output == "Everything is as the file says.\n"


def test_subscriptions_are_changed_and_pruned(
    apply: Apply, bobs: TeamApi, database: Database
) -> None:
    """Those of an operator alone; what a person subscribed to is theirs."""
    body = {"name": "Bob's", "target": "webhook", "settings": {"url": "https://bob.example"}}
    made = bobs.post("/subscriptions", body)
    assert made.status_code == 201, made.text
    apply(checkout_of(subscriptions=[ON_CALL, ARCHIVE]))

    changed = apply(checkout_of(subscriptions=[{**ON_CALL, "outcomes": ["deviated"]}]), "--prune")

    assert changed.stdout.splitlines() == [
        "~ subscription 'On call' (slack) of 'Checkout': outcomes",
        '  subscription "Bob\'s" (webhook) stays: a person made it',
        "- subscription 'Archive' (webhook)",
    ]
    names = [item["name"] for item in bobs.get("/subscriptions").json()["items"]]
    assert sorted(names) == ["Bob's", "On call"]


def test_expected_runs_are_made_changed_and_pruned(apply: Apply, bobs: TeamApi) -> None:
    """Another grace changes them, another expression is another one."""
    bobs.published()
    body = {"experiment_id": bobs.published(experiment("Bob's")), "cron": "0 7 * * *"}
    assert bobs.post("/expected-runs", body).status_code == 201

    made = apply(checkout_of(expected_runs=[DAILY]))
    changed = apply(checkout_of(expected_runs=[{**DAILY, "grace": 60}]))
    other = apply(checkout_of(expected_runs=[{**DAILY, "cron": "0 8 * * *"}]), "--prune")

    assert [line[0] for line in made.stdout.splitlines()] == ["+"]
    assert [line[0] for line in changed.stdout.splitlines()] == ["~"]
    assert sorted(line[0] for line in other.stdout.splitlines()) == [" ", "+", "-"]
    crons = [item["cron"] for item in bobs.get("/expected-runs").json()]
    assert sorted(crons) == ["0 7 * * *", "0 8 * * *"]


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"subscriptions": [{**ON_CALL, "target": "pigeon"}]}, "is no target"),
        ({"subscriptions": [{**ON_CALL, "settings": {"url": SLACK}}]}, "not to stand in a file"),
        ({"subscriptions": [{**ON_CALL, "environment": {"url": "NOT_SET"}}]}, "NOT_SET is not set"),
        ({"subscriptions": [{"name": "a", "target": "webhook"}]}, "subscription 'a'"),
        ({"subscriptions": [{**ARCHIVE, "events": ["party"]}]}, "no event 'party'"),
        ({"subscriptions": [{**ARCHIVE, "outcomes": ["party"]}]}, "no outcome 'party'"),
        ({"subscriptions": [ARCHIVE, ARCHIVE]}, "two of the subscription"),
        ({"subscriptions": [{**ARCHIVE, "experiment": "Nothing"}]}, "no such experiment"),
        ({"expected_runs": [DAILY]}, "no such experiment"),
        ({"expected_runs": [{**DAILY, "cron": "often"}]}, "cron expression"),
        ({"expected_runs": [{**DAILY, "zone": "Mars"}]}, "no time zone 'Mars'"),
        ({"expected_runs": [{**DAILY, "grace": "soon"}]}, "no length of time"),
        ({"expected_runs": [DAILY, {**DAILY, "grace": 0}]}, "twice"),
    ],
)
def test_what_cannot_be_sent_or_expected_changes_nothing(
    apply: Apply, bobs: TeamApi, declared: dict[str, Any], words: str
) -> None:
    """One line says where it is wrong, without the secret."""
    refused = apply(checkout_of(objectives=[], **declared))

    assert refused.exit_code == 1
    assert words in refused.output
    assert SLACK not in refused.output
    assert refused.output.count("\n") == 1
    assert bobs.get("/subscriptions").json()["items"] == []


def test_subscriptions_of_an_organization_are_for_every_team(
    apply: Apply, bobs: TeamApi, database: Database
) -> None:
    """An experiment is a team's, so they cannot be narrowed to one."""
    declared = {"organizations": [{"name": "Acme", "subscriptions": [ARCHIVE]}]}
    narrowed = {
        "organizations": [{"name": "Acme", "subscriptions": [{**ARCHIVE, "experiment": TITLE}]}]
    }

    applied = apply(declared)

    assert applied.stdout == "+ subscription 'Archive' (webhook) of 'Acme'\n"
    with database.read() as connection:
        assert list(connection.scalars(select(subscriptions.c.team_id))) == [None]
    assert "subscribe in its team" in apply(narrowed).output
