"""`chaosiq-console apply`: what a file says is what there is, once, and nothing more is touched."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from chaoscloud.console.cli import main
from chaoscloud.console.config import Config
from chaoscloud.console.db import Database
from chaoscloud.console.records import audit, objectives, organizations, safeguards, teams
from chaoscloud.console.records.retention import Retention, read_retention
from tests.console.conftest import Clock, Member
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
        return CliRunner(env=clean).invoke(main, arguments)

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
