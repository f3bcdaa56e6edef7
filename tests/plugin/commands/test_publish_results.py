"""`chaos publish` in CI: the results it writes, what fails it, and what a machine reads."""

import json
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml
from requests_mock import Mocker

from chaoscloud.cli import publish
from chaoscloud.types import Settings
from tests.plugin.commanding import API, CONSOLE, chaos, signed_in
from tests.plugin.results.journals import JOURNALS, journal_of

TEAM = f"{API}/org-acme/teams/team-checkout"
PAGE = f"{CONSOLE}/acme/checkout/executions/execution-1"


@pytest.fixture
def signed(settings_path: Path, settings: Settings, requests_mock: Mocker) -> Path:
    """The settings of somebody who signed in to a console that takes everything."""
    location = f"{CONSOLE}/api/acme/checkout/executions/execution-1"
    requests_mock.post(f"{TEAM}/experiments", status_code=201, json={"id": "orders"})
    requests_mock.post(
        f"{TEAM}/experiments/orders/executions",
        status_code=201,
        json={"id": "execution-1"},
        headers={"Content-Location": location},
    )
    return signed_in(settings_path, settings)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """A file for each journal, by how its run ended."""
    paths = {name: tmp_path / f"{name.replace(' ', '-')}.json" for name in JOURNALS}
    for name, path in paths.items():
        path.write_text(json.dumps(JOURNALS[name]))
    return {name: str(path) for name, path in paths.items()}


@pytest.mark.parametrize(
    ("name", "words", "exit_code"),
    [
        ("passed", "inconclusive,deviated,warnings", 0),
        ("deviated", "inconclusive", 0),
        ("deviated", "inconclusive,deviated", 1),
        ("failed activity", "inconclusive", 1),
        ("failed rollback", "deviated,inconclusive", 0),
        ("failed rollback", "warnings", 1),
    ],
)
def test_the_gate_fails_the_command(
    signed: Path, files: dict[str, str], name: str, words: str, exit_code: int
) -> None:
    """By what it names only, and the journal is published all the same."""
    done = chaos(publish, signed, "--fail-on", words, files[name])

    assert done.exit_code == exit_code
    assert f"{files[name]}: published, see {PAGE}" in done.stdout
    assert ("failed by --fail-on" in done.stderr) is (exit_code == 1)


def test_a_failure_to_publish_wins_over_the_gate(
    signed: Path, files: dict[str, str], requests_mock: Mocker
) -> None:
    """A refused token is exit code 4, as it is without a gate."""
    requests_mock.post(f"{TEAM}/experiments", status_code=401)

    done = chaos(publish, signed, "--fail-on", "deviated", files["deviated"])

    assert done.exit_code == 4
    assert "failed by --fail-on: the run deviated" in done.stderr


def test_a_word_that_nobody_knows_is_a_mistake(signed: Path, files: dict[str, str]) -> None:
    """Nothing is published then. Whether an objective is impacted only `chaos verify` can say."""
    done = chaos(publish, signed, "--fail-on", "impacted", files["passed"])

    assert done.exit_code == 2
    assert "'impacted' is none of deviated, inconclusive, warnings" in done.stderr


@pytest.mark.parametrize("option", [("--junit", "x.xml"), ("--fail-on", "deviated")])
def test_results_are_about_journals(signed: Path, option: tuple[str, str]) -> None:
    """Without one there is nothing to judge."""
    assert chaos(publish, signed, *option).exit_code == 2


def test_one_report_holds_all_journals(signed: Path, files: dict[str, str], tmp_path: Path) -> None:
    """One that cannot be read is an error in it."""
    report = tmp_path / "reports" / "junit.xml"
    broken = tmp_path / "broken.json"
    broken.write_text("{")

    chaos(publish, signed, "--junit", str(report), files["passed"], files["deviated"], str(broken))

    suites = list(JUnitXml.fromfile(str(report)))
    assert [(suite.failures, suite.errors) for suite in suites] == [(0, 0), (1, 0), (0, 1)]
    addresses = [{p.name: p.value for p in suite.properties()}.get("address") for suite in suites]
    assert addresses == [PAGE, PAGE, None]


def test_results_need_no_sign_in(
    settings_path: Path, files: dict[str, str], tmp_path: Path
) -> None:
    """The command fails, because nothing was published; the report is there."""
    report = tmp_path / "junit.xml"

    done = chaos(publish, settings_path, "--junit", str(report), files["deviated"])

    assert done.exit_code == 1
    assert "chaos signin" in done.stderr
    [suite] = JUnitXml.fromfile(str(report))
    assert suite.failures == 1


def test_the_environment_names_files_too(
    signed: Path, files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for a run."""
    monkeypatch.setenv("CHAOSIQ_SUMMARY", str(tmp_path / "summary.md"))

    chaos(publish, signed, files["passed"])

    assert f"[the run in the console](<{PAGE}>)" in (tmp_path / "summary.md").read_text()


def test_a_machine_reads_one_document(signed: Path, files: dict[str, str]) -> None:
    """Standard output holds nothing else; its keys are those of the docs."""
    done = chaos(publish, signed, "--output", "json", "--fail-on", "deviated", files["deviated"])

    [journal] = json.loads(done.stdout)["journals"]
    assert journal == {
        "path": files["deviated"],
        "published": True,
        "is_new": True,
        "address": PAGE,
        "note": None,
        "error": None,
        "outcome": "deviated",
        "conclusive": True,
        "reasons": [],
        "warnings": [],
        "sentence": "orders-are-accepted after the method: expected 201, got 503",
        "dry": False,
        "failed_by": [
            "the run deviated: orders-are-accepted after the method: expected 201, got 503"
        ],
    }
    docs = (Path(__file__).parents[3] / "docs" / "ci.md").read_text()
    assert [key for key in journal if f"`{key}`" not in docs] == []


def test_a_machine_reads_what_failed(signed: Path, tmp_path: Path) -> None:
    """A file that is no journal has its error, and no outcome."""
    absent = str(tmp_path / "absent.json")

    done = chaos(publish, signed, "--output", "json", absent)

    assert done.exit_code == 1
    [journal] = json.loads(done.stdout)["journals"]
    assert (journal["published"], journal["outcome"]) == (False, None)
    assert journal["error"].startswith("cannot be read")


def test_a_machine_reads_that_nothing_is_pending(signed: Path) -> None:
    """Without a journal the document is about runs."""
    done = chaos(publish, signed, "--output", "json")

    assert json.loads(done.stdout) == {"runs": []}


def test_outputs_that_may_hold_secrets_stand_in_no_result(
    signed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is withheld from the console is withheld from CI, too."""
    monkeypatch.setenv("BROKER_PASSWORD", "changed-since")
    secret: dict[str, Any] = {"type": "env", "key": "BROKER_PASSWORD"}
    journal = journal_of()
    probe = journal["run"][0]
    probe["activity"] = {
        **probe["activity"],
        "provider": {"type": "python", "secrets": ["broker"], "module": "shop", "func": "login"},
    }
    probe |= {"status": "failed", "exception": ["ActivityFailed: refused: hunter2\n"]}
    journal["experiment"]["method"][0] = probe["activity"]
    journal["experiment"]["secrets"] = {"broker": {"password": secret}}
    file = tmp_path / "journal.json"
    file.write_text(json.dumps(journal))
    report = tmp_path / "junit.xml"

    done = chaos(publish, signed, "--junit", str(report), "--output", "json", str(file))

    assert "hunter2" not in done.output
    assert "hunter2" not in report.read_text()
