"""A session in the name of a team, and the small functions of `chaoscloud.api`."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest
import requests
from requests_mock import Mocker

from chaoscloud import api
from chaoscloud.api import client_session
from chaoscloud.api._http import ConsoleSession
from chaoscloud.api.execution import (
    fetch_execution,
    initialize_execution,
    publish_event,
    publish_execution,
)
from chaoscloud.api.experiment import publish_experiment
from chaoscloud.api.safeguard import is_allowed_to_continue
from chaoscloud.exceptions import SettingsException
from chaoscloud.types import Experiment, Journal, Settings
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


@pytest.mark.parametrize(("text", "verify"), [(True, True), (False, False)])
def test_verify_tls_is_as_said(text: bool, verify: bool) -> None:
    """The settings' word reaches the session."""
    with client_session(CONSOLE, ORGANIZATIONS, text, _signed_in()) as session:
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


def test_a_journal_without_a_block_gets_one() -> None:
    """Of a run nobody recorded."""
    journal: dict[str, Any] = {}

    block = api.get_chaosiq_extension_from_journal(journal)

    assert block == {"name": "chaosiq"}
    assert journal == {"extensions": [block]}


def test_the_session_shows_its_token_to_who_reads_it_and_sends_it_to_its_console_only(
    requests_mock: Mocker,
) -> None:
    """As in 0.16; an address elsewhere gets no token."""
    requests_mock.get("https://elsewhere.example.com/")
    session = ConsoleSession("https://console.example.com/api/v1", "ciq_ada", scheme="bearer")

    session.get("https://elsewhere.example.com/")

    assert session.headers["Authorization"] == "Bearer ciq_ada"
    assert "Authorization" not in requests_mock.request_history[0].headers


class Unheard(requests.adapters.HTTPAdapter):
    """An adapter with an error of its own kind."""

    def send(self, *_: Any, **__: Any) -> requests.Response:
        """Fail."""
        raise LookupError("no such mock address")


def with_an_adapter() -> Any:
    """A session of `requests` with an adapter of somebody else."""
    session: Any = requests.Session()
    session.base_url = "mock://console"
    session.mount("mock://", Unheard())
    return session


def with_a_mock() -> Any:
    """What tests of others put in a session's place: it has every attribute."""
    return Mock(base_url="mock://console", request=Mock(side_effect=LookupError("no such address")))


@pytest.mark.parametrize("session_of_others", [with_an_adapter, with_a_mock])
def test_public_functions_never_raise(
    experiment: Experiment, journal: Journal, session_of_others: Callable[[], Any]
) -> None:
    """Whatever the session raises: None is the answer."""
    extensions = [{"name": "chaosiq", "experiment_id": "e", "execution_id": "x"}]
    journal["extensions"] = extensions
    console = session_of_others()

    assert publish_experiment(console, experiment) is None
    assert initialize_execution(console, experiment, journal) is None
    assert publish_execution(console, journal) is None
    assert fetch_execution(console, journal) is None
    assert publish_event(console, "starting-method", {}, None, None, extensions, None) is None
    is_allowed_to_continue(console, extensions)
    is_allowed_to_continue(None, [])  # type: ignore[arg-type]


def test_importing_the_wire_imports_no_requests() -> None:
    """Commands that never call the console do not pay for it."""
    script = "import chaoscloud.api, sys; print('requests' in sys.modules)"

    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)

    assert printed.stdout.split() == [b"False"]
