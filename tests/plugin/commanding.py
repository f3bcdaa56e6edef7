"""How the tests of the commands run one, and the console they sign in to."""

from pathlib import Path
from typing import Any

import requests_mock
import yaml
from click import Command
from click.testing import CliRunner, Result

from chaoscloud.settings import save
from chaoscloud.types import Settings

CONSOLE = "https://console.example.com:8443"
API = f"{CONSOLE}/api/v1/organizations"
ACME = {"id": "org-acme", "name": "Acme"}
GLOBEX = {"id": "org-globex", "name": "Globex"}
CHECKOUT = {"id": "team-checkout", "name": "Checkout"}
PAYMENTS = {"id": "team-payments", "name": "Payments"}


def chaos(command: Command, settings_path: Path, *args: str, stdin: str = "") -> Result:
    """Run a command as the host does, without a terminal."""
    return CliRunner().invoke(
        command, list(args), obj={"settings_path": str(settings_path)}, input=stdin
    )


def console(mocker: requests_mock.Mocker, **answers: Any) -> None:
    """A console with two organizations of two teams each; `answers` replace its lists."""
    organizations = answers.get("organizations", [ACME, GLOBEX])
    teams = answers.get("teams", [PAYMENTS, CHECKOUT])
    mocker.head(CONSOLE, status_code=answers.get("greeting", 200))
    mocker.get(API, json=organizations)
    for organization in (ACME, GLOBEX):
        mocker.get(f"{API}/{organization['id']}/teams", json=teams)


def kept(settings_path: Path) -> Settings:
    """What stands in the settings file."""
    settings: Settings = yaml.safe_load(settings_path.read_text(encoding="utf-8"))
    return settings


def arguments(settings_path: Path) -> dict[str, Any]:
    """What the settings hand to the control."""
    control: dict[str, Any] = kept(settings_path)["controls"]["chaosiq-cloud"]
    matches: dict[str, Any] = control["provider"]["arguments"]
    return matches


def defaults(settings_path: Path) -> tuple[str, str]:
    """The names of the organization and the team in use."""
    [organization] = [o for o in arguments(settings_path)["organizations"] if o["default"]]
    [team] = [t for t in organization["teams"] if t["default"]]
    return organization["name"], team["name"]


def signed_in(settings_path: Path, settings: Settings) -> Path:
    """The settings written to their file."""
    save(settings, settings_path)
    return settings_path
