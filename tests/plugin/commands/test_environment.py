"""Signed in by the environment alone: no settings file is read for it, and none is written."""

import json
from pathlib import Path

import pytest
import requests
from requests_mock import Mocker

from chaoscloud.cli import publish, safeguards, signin
from chaoscloud.commands.environment import sign_in_by_environment
from chaoscloud.commands.failures import ConsoleUnreachable, MissingInput, TokenRefused
from chaoscloud.settings import get_default_org, get_guard_mode, read_profile
from chaoscloud.types import GuardMode, Settings
from tests.plugin.commanding import ACME, API, CHECKOUT, CONSOLE, chaos, console

IN_CI = {"CHAOSIQ_URL": CONSOLE, "CHAOSIQ_TOKEN": "ciq_of-the-build"}
NAMED = {**IN_CI, "CHAOSIQ_ORGANIZATION": "acme", "CHAOSIQ_TEAM": "team-checkout"}
TEAM = f"{API}/org-acme/teams/team-checkout"


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variables of a CI job whose token's owner has several organizations and teams."""
    for name, value in NAMED.items():
        monkeypatch.setenv(name, value)
    return NAMED


def test_url_and_token_are_enough_where_there_is_one_team(requests_mock: Mocker) -> None:
    """As with `chaos signin`, nothing is asked that has one answer."""
    console(requests_mock, organizations=[ACME], teams=[CHECKOUT])
    requests_mock.get(TEAM, json=CHECKOUT)

    settings = sign_in_by_environment({}, IN_CI)

    profile = read_profile(settings, IN_CI)
    assert profile.tenancy is not None
    assert (profile.tenancy.org_name, profile.tenancy.team_name) == ("Acme", "Checkout")
    assert (profile.url, profile.configured) == (CONSOLE, True)
    assert "ciq_" not in json.dumps(settings)


def test_organization_and_team_are_named_by_name_or_id(requests_mock: Mocker) -> None:
    """The case of a name does not count."""
    console(requests_mock)
    requests_mock.get(TEAM, json=CHECKOUT)

    organization = get_default_org(sign_in_by_environment({}, NAMED))

    assert organization is not None
    assert organization["teams"][0]["id"] == "team-checkout"


def test_a_team_that_is_named_wins_over_the_settings(
    requests_mock: Mocker, settings: Settings
) -> None:
    """For this run only: the settings handed in are as they were."""
    before = json.dumps(settings)
    console(requests_mock)
    requests_mock.get(f"{API}/org-acme/teams/team-payments", json={})

    changed = sign_in_by_environment(settings, {"CHAOSIQ_TEAM": "Payments"})

    tenancy = read_profile(changed, {}).tenancy
    assert tenancy is not None
    assert (tenancy.org_id, tenancy.team_id) == ("org-acme", "team-payments")
    assert json.dumps(settings) == before


@pytest.mark.parametrize("environ", [{}, {"CHAOSIQ_URL": CONSOLE}, {"CHAOSIQ_TOKEN": "ciq_x"}])
def test_half_a_sign_in_is_none(environ: dict[str, str], requests_mock: Mocker) -> None:
    """Nobody is asked anything."""
    settings: Settings = {}

    assert sign_in_by_environment(settings, environ) is settings
    assert requests_mock.call_count == 0


def test_who_is_signed_in_stays_so(settings: Settings, requests_mock: Mocker) -> None:
    """A token in the environment does not choose another team."""
    assert sign_in_by_environment(settings, IN_CI) is settings
    assert requests_mock.call_count == 0


def test_an_organization_that_requires_safeguards_is_obeyed(requests_mock: Mocker) -> None:
    """No run of CI is less guarded than others."""
    console(requests_mock, organizations=[ACME], teams=[CHECKOUT])
    requests_mock.get(TEAM, json={**CHECKOUT, "required": True})

    assert get_guard_mode(sign_in_by_environment({}, IN_CI)) is GuardMode.REQUIRED


PROBLEMS = {
    "several organizations": (IN_CI, "set CHAOSIQ_ORGANIZATION to one of 'Acme', 'Globex'"),
    "several teams": (
        {**IN_CI, "CHAOSIQ_ORGANIZATION": "Acme"},
        "set CHAOSIQ_TEAM to one of 'Payments', 'Checkout'",
    ),
    "no such team": ({**NAMED, "CHAOSIQ_TEAM": "Search"}, "CHAOSIQ_TEAM 'Search' is none of"),
}


@pytest.mark.parametrize(("environ", "words"), PROBLEMS.values(), ids=PROBLEMS)
def test_what_is_missing_is_named_by_its_variable(
    environ: dict[str, str], words: str, requests_mock: Mocker
) -> None:
    """In CI there is nobody to ask."""
    console(requests_mock)

    with pytest.raises(MissingInput, match=words):
        sign_in_by_environment({}, environ)


def test_a_refused_token_and_an_absent_console_are_told_apart(requests_mock: Mocker) -> None:
    """Their exit codes differ, too."""
    requests_mock.get(API, status_code=401)
    with pytest.raises(TokenRefused):
        sign_in_by_environment({}, IN_CI)

    requests_mock.get(API, exc=requests.ConnectionError)
    with pytest.raises(ConsoleUnreachable):
        sign_in_by_environment({}, IN_CI)


def test_the_status_is_a_document_for_machines(
    environ: dict[str, str], requests_mock: Mocker, settings_path: Path
) -> None:
    """A first step of a job that wants to know."""
    console(requests_mock)
    requests_mock.get(TEAM, json=CHECKOUT)

    done = chaos(signin, settings_path, "--status", "--output", "json")

    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["ok"] is True
    assert document["team"] == {"id": "team-checkout", "name": "Checkout"}
    assert document["token"] == {"hint": "…", "source": "environment"}
    assert not settings_path.exists()
    docs = (Path(__file__).parents[3] / "docs" / "ci.md").read_text()
    assert [key for key in document if f"`{key}`" not in docs] == []


def test_what_is_wrong_stands_in_the_document(
    monkeypatch: pytest.MonkeyPatch, requests_mock: Mocker, settings_path: Path
) -> None:
    """And the exit code is that of the lines."""
    for name, value in IN_CI.items():
        monkeypatch.setenv(name, value)
    requests_mock.get(API, status_code=401)

    done = chaos(signin, settings_path, "--status", "--output", "json")

    assert done.exit_code == 4
    document = json.loads(done.stdout)
    assert document["ok"] is False
    assert "not allowed" in document["problem"]


def test_json_is_for_the_status(settings_path: Path) -> None:
    """Signing in asks questions."""
    assert chaos(signin, settings_path, "--output", "json").exit_code == 2


def test_safeguards_are_a_document_for_machines(
    environ: dict[str, str], requests_mock: Mocker, settings_path: Path, tmp_path: Path
) -> None:
    """What is in force, and whether an experiment would be allowed; the exit code says that too."""
    console(requests_mock)
    requests_mock.get(TEAM, json=CHECKOUT)
    stop = {"id": "1", "kind": "stop", "name": "Black Friday", "in_force": True}
    requests_mock.get(f"{TEAM}/safeguards", json={"items": [stop]})
    denial = {"allowed": False, "policies": [{"name": "Black Friday"}]}
    requests_mock.post(f"{TEAM}/safeguards/simulate", json=denial)
    file = tmp_path / "experiment.json"
    file.write_text('{"title": "Orders"}')

    listed = chaos(safeguards, settings_path, "--output", "json")
    question = chaos(safeguards, settings_path, "--experiment", str(file), "--output", "json")

    assert json.loads(listed.stdout) == {
        "team": {"id": "team-checkout", "name": "Checkout"},
        "guard_mode": "on",
        "safeguards": [stop],
    }
    assert json.loads(question.stdout) == {
        "experiment": str(file),
        "allowed": False,
        "policies": [{"name": "Black Friday"}],
    }
    assert (listed.exit_code, question.exit_code) == (0, 1)


def test_a_journal_is_published_without_a_settings_file(
    environ: dict[str, str], requests_mock: Mocker, settings_path: Path
) -> None:
    """Nor is there one afterwards."""
    console(requests_mock)
    requests_mock.get(TEAM, json=CHECKOUT)

    done = chaos(publish, settings_path)

    assert done.exit_code == 0, done.output
    assert "nothing to publish" in done.output
    assert not settings_path.exists()
