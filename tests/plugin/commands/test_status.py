"""`chaos signin --status`."""

from pathlib import Path

import pytest
import requests
from requests_mock import Mocker

from chaoscloud.cli import signin
from chaoscloud.types import Settings
from tests.plugin.commanding import API, CONSOLE, chaos, console, signed_in
from tests.plugin.conftest import TOKEN

TEAM = f"{API}/org-acme/teams/team-checkout"


def test_it_says_where_we_stand(
    requests_mock: Mocker, settings_path: Path, settings: Settings
) -> None:
    """Console, organization, team, features, token, and that all is well."""
    requests_mock.get(TEAM, json={"id": "team-checkout", "name": "Checkout", "org_id": "org-acme"})
    before = signed_in(settings_path, settings).read_bytes()

    done = chaos(signin, settings_path, "--status")

    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        f"Console:      {CONSOLE}",
        "Organization: Acme",
        "Team:         Checkout",
        "Features:     publish on, safeguards off, workspace on",
        "Token:        … (from the settings)",
        "Pending:      nothing",
        "The console answers and accepts the token.",
    ]
    assert settings_path.read_bytes() == before


@pytest.mark.parametrize(
    ("token", "address"), [("ciq_0123456789abcdefghij", "ciq_…ghij"), ("short", "…")]
)
def test_the_token_of_the_environment_is_named_and_masked(
    requests_mock: Mocker,
    settings_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    token: str,
    address: str,
) -> None:
    """Enough to know it again, too little to use it."""
    requests_mock.get(TEAM, json={})
    signed_in(settings_path, settings)
    monkeypatch.setenv("CHAOSIQ_TOKEN", token)

    done = chaos(signin, settings_path, "--status")

    assert f"Token:        {address} (from CHAOSIQ_TOKEN)" in done.stdout
    assert token not in done.output
    assert TOKEN not in done.output


@pytest.mark.parametrize(
    ("answer", "exit_code", "words"),
    [
        ({"status_code": 401}, 4, "refuses the token"),
        ({"status_code": 403}, 4, "refuses the token"),
        ({"status_code": 404}, 1, "the team is not yours"),
        ({"status_code": 503}, 1, "HTTP 503"),
        ({"exc": requests.exceptions.ReadTimeout}, 1, "did not answer in time"),
    ],
)
def test_what_is_amiss_is_said_after_what_is_known(
    requests_mock: Mocker,
    settings_path: Path,
    settings: Settings,
    answer: dict[str, object],
    exit_code: int,
    words: str,
) -> None:
    """Each has its own words, and its exit code."""
    requests_mock.get(TEAM, [answer])
    signed_in(settings_path, settings)

    done = chaos(signin, settings_path, "--status")

    assert done.exit_code == exit_code
    assert "Team:         Checkout" in done.stdout
    assert words in done.stderr


def test_before_any_sign_in_it_says_what_to_do(settings_path: Path) -> None:
    """Nobody is asked, and no file is made."""
    done = chaos(signin, settings_path, "--status")

    assert done.exit_code == 1
    assert "Console:      none" in done.stdout
    assert "run `chaos signin`" in done.stderr
    assert not settings_path.exists()


def test_a_token_without_a_team_is_not_enough(
    requests_mock: Mocker, settings_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment brings a url and a token, and one of several teams has still to be named."""
    console(requests_mock)
    monkeypatch.setenv("CHAOSIQ_URL", CONSOLE)
    monkeypatch.setenv("CHAOSIQ_TOKEN", "ciq_of-the-pipeline")

    done = chaos(signin, settings_path, "--status")

    assert done.exit_code == 2
    assert "Console:      https://console.example.com:8443" in done.stdout
    assert "set CHAOSIQ_ORGANIZATION to one of 'Acme', 'Globex'" in done.stderr


def test_a_certificate_that_is_not_checked_is_mentioned(
    requests_mock: Mocker, settings_path: Path, settings: Settings
) -> None:
    """Somebody agreed to it once, and may have forgotten."""
    requests_mock.get(TEAM, json={})
    arguments = settings["controls"]["chaosiq-cloud"]["provider"]["arguments"]
    arguments["verify_tls"] = False
    signed_in(settings_path, settings)

    done = chaos(signin, settings_path, "--status")

    assert f"{CONSOLE} (certificate not checked)" in done.stdout


def test_it_says_whose_token_it_is_and_until_when(
    requests_mock: Mocker, settings_path: Path, settings: Settings
) -> None:
    """Where the console says so: the person, the token's name and its end."""
    requests_mock.get(TEAM, json={})
    token = {"name": "laptop", "hint": "ciq_0123", "expires_at": "2027-01-31T00:00:00Z"}
    requests_mock.get(f"{CONSOLE}/api/v1/me", json={"id": "p", "name": "Ada", "token": token})
    signed_in(settings_path, settings)

    done = chaos(signin, settings_path, "--status")

    assert "You:          Ada\n" in done.stdout
    assert "Token name:   laptop (ends on 2027-01-31)\n" in done.stdout


def test_a_refused_token_of_the_environment_is_to_be_replaced_there(
    requests_mock: Mocker,
    settings_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`chaos signin` would not help: the variable would win again."""
    requests_mock.get(TEAM, status_code=401)
    signed_in(settings_path, settings)
    monkeypatch.setenv("CHAOSIQ_TOKEN", "ciq_stale")

    done = chaos(signin, settings_path, "--status")

    assert done.exit_code == 4
    assert "CHAOSIQ_TOKEN" in done.stderr
    assert "chaos signin" not in done.stderr


def test_no_console_is_asked_that_nobody_named(
    requests_mock: Mocker, settings_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token in the environment alone is sent nowhere."""
    monkeypatch.setenv("CHAOSIQ_TOKEN", "ciq_of-the-pipeline")

    done = chaos(signin, settings_path, "--status")

    assert done.exit_code == 1
    assert "run `chaos signin`" in done.stderr
    assert requests_mock.request_history == []
