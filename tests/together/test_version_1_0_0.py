"""What version 1.0.0 wrote is still read: its database, outbox, settings, workspace and journal.

The folder `version_1_0_0` holds a copy of each, written by that version. The console's database
stands there as SQL. Nothing listens: what the plugin sends is handed to the console in this
process, so the address in the settings stays as it was written.
"""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import requests_mock
from click.testing import CliRunner, Result
from starlette.testclient import TestClient

from chaoscloud.cli import publish
from chaoscloud.console.app import compute_missing, create_app
from chaoscloud.console.config import Config
from chaoscloud.console.db import Database
from chaoscloud.settings import load
from tests.console.browser import Browser

WRITTEN = Path(__file__).parent / "version_1_0_0"
URL = "http://127.0.0.1:8765"
TOKEN = "ciq_8eMJ3ehm69awc-4iDoKxW--oSU1Ls096nrAs9dB4sfk"
TEAM = (
    "/api/v1/organizations/52564130-39c9-40c3-82d4-1522716931f7"
    "/teams/4e946320-7076-4740-8b19-e25fa7a41488"
)
PENDING = "Orders survive without a network"
"""The experiment whose run the outbox holds: the console did not answer."""


@pytest.fixture
def console(tmp_path: Path) -> Iterator[TestClient]:
    """Today's console on the database that version 1.0.0 wrote."""
    file = tmp_path / "data" / "console.sqlite3"
    file.parent.mkdir()
    with sqlite3.connect(file) as connection:
        connection.executescript((WRITTEN / "console.sql").read_text(encoding="utf-8"))
    connection.close()
    config = Config.from_environ({}, data=str(file.parent))
    with Database.open(config.database_url) as database:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        app = create_app(config, database)
        yield TestClient(app, base_url=URL, headers=headers, follow_redirects=False)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with the settings and the outbox that version 1.0.0 wrote."""
    folder = tmp_path / "home" / ".chaostoolkit"
    folder.mkdir(parents=True)
    shutil.copy(WRITTEN / "settings.yaml", folder)
    shutil.copytree(WRITTEN / "outbox", folder / "chaosiq" / "outbox")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def wire(console: TestClient) -> Iterator[requests_mock.Mocker]:
    """Hand to the console what the plugin sends."""

    def answer(request: Any, context: Any) -> bytes:
        response = console.request(
            request.method, request.url, content=request.body, headers=dict(request.headers)
        )
        context.status_code = response.status_code
        context.headers.update(response.headers)
        return response.content

    with requests_mock.Mocker() as mocker:
        mocker.register_uri(requests_mock.ANY, requests_mock.ANY, content=answer)
        yield mocker


def run_publish(home: Path, *arguments: str) -> Result:
    """Run `chaos publish` with the settings of version 1.0.0."""
    settings = {"settings_path": str(home / "settings.yaml")}
    return CliRunner().invoke(publish, list(arguments), obj=settings)


def read_executions(console: TestClient) -> list[dict[str, Any]]:
    """Return all executions of the team, newest first."""
    items: list[dict[str, Any]] = console.get(f"{TEAM}/executions").json()["items"]
    return items


def test_the_database_is_read_with_all_that_was_recorded(console: TestClient) -> None:
    """Executions, their events and journals, safeguards and verification runs are there."""
    executions = read_executions(console)
    events = [
        len(console.get(f"{TEAM}/executions/{execution['id']}/events").json()["items"])
        for execution in executions
    ]
    safeguards = console.get(f"{TEAM}/safeguards").json()["items"]
    [verification] = console.get(f"{TEAM}/verifications").json()["items"]
    runs = console.get(f"{TEAM}/verifications/{verification['id']}/runs").json()["items"]

    assert sorted(execution["status"] for execution in executions) == [
        "completed",
        "completed",
        "completed",
        "interrupted",
    ]
    assert sum(events) == 81
    assert {safeguard["kind"] for safeguard in safeguards} == {
        "stop",
        "windows",
        "tags",
        "limit",
        "webhook",
        "alert",
    }
    assert [run["state"] for run in runs] == ["finished"]


def test_executions_of_then_get_their_outcome(console: TestClient) -> None:
    """The console computes it beside its work, once it has started."""
    database: Database = console.app.state.db  # type: ignore[attr-defined]

    asyncio.run(compute_missing(database))

    executions = read_executions(console)
    assert {execution["outcome"] for execution in executions} == {"passed", "interrupted"}
    assert all(execution["sentence"] for execution in executions)


def test_every_page_of_the_database_opens(console: TestClient) -> None:
    """The pages of what was recorded then show it today."""
    browser = Browser(console)
    browser.sign_in(TOKEN)
    execution = read_executions(console)[0]
    base = "/my-organization/my-team"

    pages = [
        browser.open(f"{base}{path}").status_code
        for path in (
            "/executions",
            f"/executions/{execution['id']}",
            "/experiments",
            f"/experiments/{execution['experiment_id']}",
            "/verifications",
            "/safeguards",
        )
    ]

    assert set(pages) == {200}


def test_a_stop_that_was_set_then_is_in_force_now(console: TestClient) -> None:
    """A safeguard outlives the upgrade."""
    execution = read_executions(console)[0]
    address = f"{TEAM}/experiments/{execution['experiment_id']}/executions/{execution['id']}"

    decision = console.get(f"{address}/policies").json()

    assert decision["allowed"] is False
    assert [policy["reason"] for policy in decision["policies"]] == ["Maintenance of the cluster"]


def test_the_settings_sign_in_as_before(home: Path) -> None:
    """Url, token, organization and team are read from where they stood."""
    settings = load(str(home / "settings.yaml"))

    arguments = settings["controls"]["chaosiq-cloud"]["provider"]["arguments"]

    assert settings["auths"]["127.0.0.1:8765"]["value"] == TOKEN
    assert arguments["url"] == URL
    assert arguments["organizations"][0]["teams"][0]["name"] == "My team"


@pytest.mark.usefixtures("wire")
def test_the_outbox_is_sent(console: TestClient, home: Path) -> None:
    """A run that waited on disk through the upgrade is recorded, once and whole."""
    before = {execution["id"] for execution in read_executions(console)}

    first = run_publish(home)
    again = run_publish(home)

    sent = [item for item in read_executions(console) if item["id"] not in before]
    journal = console.get(
        f"{TEAM}/experiments/{sent[0]['experiment_id']}/executions/{sent[0]['id']}"
    ).json()
    assert (first.exit_code, again.exit_code) == (0, 0), first.output + again.output
    assert [execution["status"] for execution in sent] == ["completed"]
    assert journal["experiment"]["title"] == PENDING
    assert not list((home / "chaosiq" / "outbox").rglob("*.jsonl"))


@pytest.mark.usefixtures("wire")
def test_a_run_that_waits_is_recorded_once_though_its_journal_is_published_first(
    console: TestClient, home: Path, tmp_path: Path
) -> None:
    """The journal names the run that waits in the outbox: both are sent with one key."""
    before = {execution["id"] for execution in read_executions(console)}
    [spool] = (home / "chaosiq" / "outbox").rglob("*.jsonl")
    waiting = tmp_path / "outbox.jsonl"
    spool.rename(waiting)  # publishing a journal sends what waits as well, and that first
    records = [json.loads(line)[1] for line in waiting.read_text(encoding="utf-8").splitlines()]
    [journal] = [record["journal"] for record in records if record.get("kind") == "execution"]
    journal["experiment"]["extensions"] = [{"name": "chaosiq", "kept": {"run": spool.stem}}]
    journal.update(extensions=journal["experiment"]["extensions"], status="completed")
    file = tmp_path / "journal.json"
    file.write_text(json.dumps(journal), encoding="utf-8")

    first = run_publish(home, str(file))
    waiting.rename(spool)
    again = run_publish(home)

    assert (first.exit_code, again.exit_code) == (0, 0), first.output + again.output
    sent = [item for item in read_executions(console) if item["id"] not in before]
    assert [execution["status"] for execution in sent] == ["completed"]


@pytest.mark.usefixtures("wire")
def test_a_journal_that_was_recorded_is_not_recorded_twice(console: TestClient, home: Path) -> None:
    """`chaos publish` of that version's journal finds the execution it names."""
    before = len(read_executions(console))
    shutil.rmtree(home / "chaosiq")

    result = run_publish(home, str(WRITTEN / "journal.json"))

    assert result.exit_code == 0, result.output
    assert len(read_executions(console)) == before


def test_the_journal_names_its_execution(console: TestClient) -> None:
    """The block in the journal leads to the execution, as it did."""
    journal = json.loads((WRITTEN / "journal.json").read_text(encoding="utf-8"))
    [block] = [block for block in journal["extensions"] if block["name"] == "chaosiq"]

    address = f"{TEAM}/experiments/{block['experiment_id']}/executions/{block['execution_id']}"
    response = console.get(address)

    assert response.status_code == requests.codes.ok
    assert response.json()["status"] == "completed"
