"""A session in the name of a team, and the small functions of `chaoscloud.api`."""

import subprocess
import sys

import pytest
import requests

from chaoscloud import api
from chaoscloud.api import client_session
from chaoscloud.exceptions import SettingsException
from chaoscloud.types import Journal, Settings
from tests.plugin.wire import (
    CONSOLE,
    ORGANIZATIONS,
    TEAM,
    TOKEN,
    extensions,
    orders_experiment,
    orders_journal,
)


def _signed_in(scheme: str = "bearer") -> Settings:
    return {"auths": {"console.example.com": {"type": scheme, "value": TOKEN}}}


def _authorization(session: requests.Session) -> str | None:
    prepared = session.prepare_request(requests.Request("GET", TEAM))
    return prepared.headers.get("Authorization")


def test_a_session_speaks_for_the_default_team() -> None:
    """Its address is the team's, its token the one of the settings for that host."""
    with client_session(CONSOLE, ORGANIZATIONS, True, _signed_in()) as session:
        assert isinstance(session, requests.Session)
        assert session.base_url == TEAM
        assert _authorization(session) == f"Bearer {TOKEN}"


def test_the_word_before_the_token_is_the_settings() -> None:
    """Some front doors want another one."""
    with client_session(CONSOLE, ORGANIZATIONS, True, _signed_in("digest")) as session:
        assert _authorization(session) == f"Digest {TOKEN}"


def test_a_token_of_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """As pipelines have it; it is a bearer token whatever the settings say."""
    monkeypatch.setenv("CHAOSIQ_TOKEN", "from-the-pipeline")

    with client_session(CONSOLE, ORGANIZATIONS, True, _signed_in("digest")) as session:
        assert _authorization(session) == "Bearer from-the-pipeline"


def test_a_token_for_another_host_is_not_taken() -> None:
    """Each console has its own."""
    elsewhere = "https://elsewhere.example.com"

    with client_session(elsewhere, ORGANIZATIONS, True, _signed_in()) as session:
        assert session.token is None


@pytest.mark.parametrize(("said", "verify"), [(True, True), (False, False)])
def test_verify_tls_is_as_said(said: bool, verify: bool) -> None:
    """The settings' word reaches the session."""
    with client_session(CONSOLE, ORGANIZATIONS, said, _signed_in()) as session:
        assert session.verify is verify


def test_certificates_are_checked_when_nothing_is_said() -> None:
    """Two arguments are enough, and the default is the safe one."""
    with client_session(CONSOLE, ORGANIZATIONS, settings={}) as session:
        assert session.verify is True


def test_a_patched_address_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """People replace `chaoscloud.api.build_base_url`: it is looked up at each call."""
    monkeypatch.setattr(
        "chaoscloud.api.build_base_url", lambda url, org_id, team_id: f"{url}/{org_id}/{team_id}"
    )

    with client_session(CONSOLE, ORGANIZATIONS, True, _signed_in()) as session:
        assert session.base_url == f"{CONSOLE}/acme/shop"


def test_a_session_needs_a_team() -> None:
    """The message says what to do."""
    with pytest.raises(SettingsException, match="chaos signin"), client_session(CONSOLE, []):
        pass


def test_a_teams_address_is_built_from_the_consoles() -> None:
    """Where everything of a team starts."""
    assert api.build_base_url(CONSOLE, "acme", "shop") == TEAM


def test_the_default_organization_and_team_are_found() -> None:
    """By the marks the settings hold."""
    organization = api.get_default_org(ORGANIZATIONS)
    team = api.get_default_team(organization)

    assert organization is not None
    assert team is not None
    assert (organization["id"], team["id"]) == ("acme", "shop")


def test_ids_are_read_from_a_list_of_extensions() -> None:
    """Ours is the block named `chaosiq`."""
    blocks = extensions(experiment_id="e1", execution_id="x1")

    assert api.get_experiment_id(blocks) == "e1"
    assert api.get_execution_id(blocks) == "x1"


@pytest.mark.parametrize("blocks", [None, [], [{"name": "grafana"}], [{"name": "chaosiq"}]])
def test_missing_ids_are_none(blocks: list[dict[str, str]] | None) -> None:
    """Documents come with any extensions or none."""
    assert api.get_experiment_id(blocks) is None
    assert api.get_execution_id(blocks) is None


def test_an_execution_is_named_in_an_experiment() -> None:
    """In our block, the others are left alone."""
    experiment = orders_experiment(experiment_id="e1")

    api.set_execution_id("x1", experiment)

    assert experiment["extensions"] == extensions(experiment_id="e1", execution_id="x1")


@pytest.mark.parametrize(
    ("journal", "execution_id"),
    [
        (orders_journal(execution_id="x1"), "x1"),
        ({"experiment": orders_experiment(execution_id="x2")}, "x2"),
    ],
)
def test_a_journals_block_is_its_own_or_its_experiments(
    journal: Journal, execution_id: str
) -> None:
    """Journals of runs that were cut short have none of their own."""
    block = api.get_chaosiq_extension_from_journal(journal)

    assert block is not None
    assert block["execution_id"] == execution_id


def test_a_journal_without_a_block_has_none() -> None:
    """Of a run nobody recorded."""
    assert api.get_chaosiq_extension_from_journal({"status": "completed"}) is None


def test_importing_the_wire_imports_no_requests() -> None:
    """Commands that never call the console do not pay for it."""
    script = "import chaoscloud.api, sys; print('requests' in sys.modules)"

    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)

    assert printed.stdout.split() == [b"False"]
