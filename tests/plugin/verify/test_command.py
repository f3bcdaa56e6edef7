"""`chaos verify`: how it is called. What it then does is tried beside `chaoscloud.verify`."""

from pathlib import Path
from typing import Any

import pytest
from chaoslib.types import Dry

from chaoscloud import cli
from chaoscloud._options import DRY_STRATEGIES
from chaoscloud.commands.environment import sign_in_by_environment
from chaoscloud.commands.verify_elsewhere import verify_elsewhere
from chaoscloud.verify import command, tenancy
from tests.plugin.commanding import chaos


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the runner of verifications is asked for; it always fails."""
    question: list[dict[str, Any]] = []

    def run(source: str, settings_path: str, *, say: Any, **options: Any) -> int:
        question.append({"source": source, "settings_path": settings_path, **options})
        return 1

    monkeypatch.setattr(command, "run", run)
    return question


def test_the_runner_gets_what_was_not_said_as_its_default(
    settings_path: Path, runs: list[dict[str, Any]]
) -> None:
    """And its answer is the exit code."""
    done = chaos(cli.verify, settings_path, "verification.json")

    assert done.exit_code == 1
    assert runs == [
        {
            "source": "verification.json",
            "settings_path": str(settings_path),
            "journal_path": "./journal.json",
            "dry": None,
            "no_validation": False,
            "no_verify_tls": False,
            "rollback_strategy": None,
            "var": {},
            "var_file": (),
            "control_file": (),
            "junit": None,
            "fail_on": (),
            "complete": sign_in_by_environment,
            "run_elsewhere": verify_elsewhere,
        }
    ]


def test_the_runner_gets_what_was_said(
    settings_path: Path, tmp_path: Path, runs: list[dict[str, Any]]
) -> None:
    """Values are typed as `chaos run` types them."""
    file = tmp_path / "more.json"
    file.write_text("{}")

    chaos(
        cli.verify,
        settings_path,
        *("--journal-path", "findings.json", "--no-validation", "--no-verify-tls"),
        *("--rollback-strategy", "always", "--var", "brokers:int=3", "--var", "name=kafka"),
        *("--junit", "junit.xml", "--fail-on", "impacted, inconclusive"),
        *("--var-file", str(file), "--control-file", str(file)),
        "https://console.example.com/assets/verifications/1.json",
    )

    [question] = runs
    assert question["source"] == "https://console.example.com/assets/verifications/1.json"
    assert question["journal_path"] == "findings.json"
    assert (question["no_validation"], question["no_verify_tls"]) == (True, True)
    assert question["rollback_strategy"] == "always"
    assert question["var"] == {"brokers": 3, "name": "kafka"}
    assert (question["var_file"], question["control_file"]) == ((str(file),), (str(file),))
    assert (question["junit"], question["fail_on"]) == ("junit.xml", ("impacted", "inconclusive"))


@pytest.mark.parametrize(
    ("args", "strategy"),
    [
        (["--dry", "verification.json"], "activities"),
        (["verification.json", "--dry"], "activities"),
        (["--dry", "--no-validation", "verification.json"], "activities"),
        (["--dry", "pause", "verification.json"], "pause"),
        (["--dry=probes", "verification.json"], "probes"),
        (["verification.json", "--dry", "actions"], "actions"),
        (["--dry", "--", "verification.json"], "activities"),
    ],
)
def test_dry_is_a_flag_or_names_what_is_left_out(
    settings_path: Path, runs: list[dict[str, Any]], args: list[str], strategy: str
) -> None:
    """It was a bare flag once, and the host's takes a choice: both are understood."""
    chaos(cli.verify, settings_path, *args)

    assert [(question["source"], question["dry"]) for question in runs] == [
        ("verification.json", strategy)
    ]


def test_what_looks_like_an_option_after_two_dashes_is_a_file(
    settings_path: Path, runs: list[dict[str, Any]]
) -> None:
    """A file may be called `--dry`."""
    chaos(cli.verify, settings_path, "--", "--dry")

    assert [(question["source"], question["dry"]) for question in runs] == [("--dry", None)]


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["--var", "brokers"],
        ["--var", "brokers:int=three"],
        ["--dry=everything", "verification.json"],
        ["--rollback-strategy", "maybe", "verification.json"],
        ["--var-file", "absent.json", "verification.json"],
        ["--fail-on", "impact", "verification.json"],
    ],
)
def test_a_mistake_in_the_command_exits_2(
    settings_path: Path, runs: list[dict[str, Any]], args: list[str]
) -> None:
    """Nothing runs."""
    done = chaos(cli.verify, settings_path, *args)

    assert done.exit_code == 2
    assert runs == []


@pytest.mark.parametrize(
    "name", ["get_org_id", "get_team_id", "switch_team_during_verification_run"]
)
def test_what_verify_owns_is_found_beside_the_commands(name: str) -> None:
    """Programs import these names from `chaoscloud.cli`."""
    assert getattr(cli, name) is getattr(tenancy, name)


def test_a_name_that_is_not_there_is_not_made_up() -> None:
    """The module answers as any other would."""
    with pytest.raises(AttributeError, match="get_teem_id"):
        _ = cli.get_teem_id


def test_what_a_dry_run_may_leave_out_is_what_the_host_knows() -> None:
    """The words are spelled out, so that listing the commands loads nothing of the host."""
    assert set(DRY_STRATEGIES) == {strategy.value for strategy in Dry}
