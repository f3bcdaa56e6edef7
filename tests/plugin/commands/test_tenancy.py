"""`chaos org` and `chaos team`."""

from pathlib import Path
from typing import Any

import pytest
import requests
from click import Command
from requests_mock import Mocker

from chaoscloud.cli import org, select_organization, select_team, team
from chaoscloud.types import Settings
from tests.plugin.commanding import (
    ACME,
    API,
    CHECKOUT,
    CONSOLE,
    arguments,
    chaos,
    console,
    defaults,
    kept,
    signed_in,
)

both = pytest.mark.parametrize("command", [org, team], ids=["org", "team"])


def test_another_organization_keeps_url_and_token(
    requests_mock: Mocker, settings_path: Path, settings: Settings
) -> None:
    """Only the choice changes; the organization of before is still known."""
    console(requests_mock)
    signed_in(settings_path, settings)

    done = chaos(org, settings_path, stdin="2\n1\n")

    assert done.exit_code == 0, done.output
    assert defaults(settings_path) == ("Globex", "Payments")
    assert kept(settings_path)["auths"] == settings["auths"]
    assert arguments(settings_path)["url"] == CONSOLE
    assert [o["name"] for o in arguments(settings_path)["organizations"]] == ["Acme", "Globex"]


def test_another_team_stays_within_the_organization(
    requests_mock: Mocker, settings_path: Path, settings: Settings
) -> None:
    """Nobody is asked for an organization."""
    console(requests_mock)
    signed_in(settings_path, settings)

    done = chaos(team, settings_path, stdin="1\n")

    assert done.exit_code == 0, done.output
    assert "Here are the teams you belong to in organization 'Acme':" in done.stdout
    assert "team 'Payments' in organization 'Acme'" in done.stdout
    assert defaults(settings_path) == ("Acme", "Payments")


def test_options_choose_here_as_well(
    requests_mock: Mocker, settings_path: Path, settings: Settings
) -> None:
    """A script names an organization and a team."""
    console(requests_mock)
    signed_in(settings_path, settings)

    chosen = chaos(org, settings_path, "--organization", "Globex", "--team", "team-payments")
    changed = chaos(team, settings_path, "--team", "Checkout")

    assert (chosen.exit_code, changed.exit_code) == (0, 0)
    assert defaults(settings_path) == ("Globex", "Checkout")


@both
def test_without_a_token_it_is_a_sign_in(
    requests_mock: Mocker, settings_path: Path, command: Command
) -> None:
    """Both ask for what they lack."""
    console(requests_mock)

    done = chaos(command, settings_path, stdin=f"{CONSOLE}\nciq_secret\n1\n2\n")

    assert done.exit_code == 0, done.output
    assert defaults(settings_path) == ("Acme", "Checkout")


@both
@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_said_and_exits_4(
    requests_mock: Mocker, settings_path: Path, settings: Settings, command: Command, status: int
) -> None:
    """It ended in a traceback once."""
    requests_mock.get(API, status_code=status)
    requests_mock.get(f"{API}/org-acme/teams", status_code=status)
    before = signed_in(settings_path, settings).read_bytes()

    done = chaos(command, settings_path)

    assert done.exit_code == 4
    assert done.stderr == (
        "Provided credentials are not allowed by ChaosIQ. Please verify your access token.\n"
    )
    assert settings_path.read_bytes() == before


@pytest.mark.parametrize(
    ("command", "lists", "words"),
    [
        (org, {"organizations": []}, "You belong to no organization"),
        (team, {"teams": []}, "You belong to no team in organization 'Acme'"),
    ],
)
def test_nothing_to_choose_from_is_explained(
    requests_mock: Mocker,
    settings_path: Path,
    settings: Settings,
    command: Command,
    lists: dict[str, list[str]],
    words: str,
) -> None:
    """It asked for ever once."""
    console(requests_mock, **lists)
    signed_in(settings_path, settings)

    done = chaos(command, settings_path)

    assert done.exit_code == 1
    assert words in done.stderr


@pytest.mark.parametrize(
    ("command", "words"),
    [(org, "Failed to fetch your organizations"), (team, "Failed to fetch your teams")],
)
@pytest.mark.parametrize(
    "answer",
    [
        {"status_code": 500},
        {"status_code": 302, "headers": {"Location": "https://elsewhere.example.com"}},
        {"text": "<html>Welcome to nginx!</html>"},
        {"json": {"message": "hello"}},
        {"json": [{"title": "no id"}]},
    ],
)
def test_an_answer_that_makes_no_sense_is_a_failure(
    requests_mock: Mocker,
    settings_path: Path,
    settings: Settings,
    command: Command,
    words: str,
    answer: dict[str, Any],
) -> None:
    """Whatever answers at the address, the user reads one line."""
    requests_mock.get(API, **answer)
    requests_mock.get(f"{API}/org-acme/teams", **answer)
    signed_in(settings_path, settings)

    done = chaos(command, settings_path)

    assert done.exit_code == 1
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


@both
def test_an_unreachable_console_exits_1(
    requests_mock: Mocker, settings_path: Path, settings: Settings, command: Command
) -> None:
    """Nothing is changed."""
    requests_mock.get(API, exc=requests.exceptions.ConnectionError("no route to host"))
    requests_mock.get(
        f"{API}/org-acme/teams", exc=requests.exceptions.ConnectionError("no route to host")
    )
    signed_in(settings_path, settings)

    done = chaos(command, settings_path)

    assert done.exit_code == 1
    assert "cannot be reached (no route to host)" in done.stderr


@both
def test_the_console_of_the_environment_is_not_mixed_with_that_of_the_settings(
    settings_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    command: Command,
) -> None:
    """An organization of one console means nothing to another."""
    signed_in(settings_path, settings)
    monkeypatch.setenv("CHAOSIQ_URL", "https://elsewhere.example.com")

    done = chaos(command, settings_path)

    assert done.exit_code == 1
    assert "https://elsewhere.example.com" in done.stderr
    assert CONSOLE in done.stderr


def test_the_token_of_the_environment_is_not_saved(
    requests_mock: Mocker,
    settings_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It serves for asking only."""
    console(requests_mock)
    signed_in(settings_path, settings)
    monkeypatch.setenv("CHAOSIQ_TOKEN", "ciq_of-the-pipeline")

    done = chaos(team, settings_path, "--team", "Payments")

    assert done.exit_code == 0, done.output
    assert "ciq_of-the-pipeline" not in settings_path.read_text()


def test_names_cannot_steer_the_terminal(
    requests_mock: Mocker, settings_path: Path, settings: Settings
) -> None:
    """What a console calls a team is text."""
    console(requests_mock, teams=[CHECKOUT, {"id": "team-evil", "name": "\x1b[2JEvil"}])
    signed_in(settings_path, settings)

    done = chaos(team, settings_path, stdin="1\n")

    assert "2) ?[2JEvil" in done.stdout


def test_programs_can_choose_an_organization_and_a_team(requests_mock: Mocker) -> None:
    """Both functions return what the console lists."""
    console(requests_mock, organizations=[ACME], teams=[CHECKOUT])

    organization = select_organization(CONSOLE, "ciq_secret")
    chosen = select_team(organization, CONSOLE, "ciq_secret", True)

    assert (organization, chosen) == (ACME, CHECKOUT)


def test_a_name_is_an_answer_and_the_one_in_use_is_marked(
    requests_mock: Mocker, settings_path: Path, settings: Settings
) -> None:
    """In any case; numbers go on working, see above."""
    console(requests_mock)
    signed_in(settings_path, settings)

    done = chaos(org, settings_path, stdin="globex\nCheckout\n")

    assert done.exit_code == 0, done.output
    assert "1) Acme (current)\n2) Globex\n" in done.stdout
    assert defaults(settings_path) == ("Globex", "Checkout")


@both
def test_without_a_sign_in_and_without_answers_it_says_to_sign_in(
    settings_path: Path, command: Command
) -> None:
    """A script that has nothing to say reads what to do."""
    done = chaos(command, settings_path)

    assert done.exit_code == 1
    assert done.stderr == "You are not signed in: run `chaos signin` first.\n"
