"""A team's records as a file: written here, brought in there, nothing lost and nothing twice."""

import json
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, select, update
from starlette.testclient import TestClient

from chaoscloud.console.api.events import BATCH
from chaoscloud.console.app import create_app
from chaoscloud.console.cli import main
from chaoscloud.console.config import Config
from chaoscloud.console.db import Database
from chaoscloud.console.db.schema import metadata
from chaoscloud.console.records import organizations, people, teams, tokens
from chaoscloud.console.records.belonging import LEFT_OUT, list_exported
from chaoscloud.console.records.team_export import export_team, is_left_out
from chaoscloud.console.records.team_import import TeamImport, read_parts
from chaoscloud.console.records.teams import Team
from chaoscloud.console.rules.access import Role
from tests.console.conftest import Clock
from tests.console.documents import ended, event, experiment
from tests.console.every_table import fill_every_table
from tests.console.team import TeamApi
from tests.console.test_api_objectives import objective
from tests.console.test_api_runs import _finish, _run

Operate = Callable[..., Result]


@pytest.fixture
def operate(tmp_path: Path) -> Operate:
    """Run `chaosiq-console …` on the console of a folder below."""
    clean = {"DATABASE_URL": None, "CHAOSIQ_CONSOLE_DATA": None, "XDG_DATA_HOME": None}
    return lambda folder, *words: CliRunner(env=clean).invoke(
        main, [*words, "--data", str(tmp_path / folder)]
    )


@pytest.fixture
def here(tmp_path: Path, now: Clock) -> dict[str, Any]:
    """A console with the team Checkout, which has one of everything."""
    return _make_console(tmp_path / "here", now)


@pytest.fixture
def there(tmp_path: Path, now: Clock) -> Path:
    """Another console, with an organization of its own and no such team."""
    folder = tmp_path / "there"
    folder.mkdir()
    with Database.open(_url(folder)) as database:
        database.write(lambda c: organizations.add(c, "Globex", now())).result()
    return folder


def _url(folder: Path) -> str:
    return f"sqlite:///{folder / 'console.sqlite3'}"


def _make_console(folder: Path, now: Clock) -> dict[str, Any]:
    folder.mkdir()
    config = Config.from_environ({}, data=str(folder))
    with Database.open(_url(folder)) as database:
        acme = database.write(lambda c: organizations.add(c, "Acme", now())).result()
        checkout = database.write(lambda c: teams.add(c, acme.id, "Checkout", now())).result()
        bob = database.write(lambda c: people.add(c, "Bob", now())).result()

        def admit(connection: Any) -> str:
            organizations.admit(connection, acme.id, bob.id, Role.MEMBER)
            teams.join(connection, checkout.id, bob.id)
            return tokens.add(connection, bob.id, "ci", now(), organization_id=acme.id)[1]

        secret = database.write(admit).result()
        headers = {"Authorization": f"Bearer {secret}"}
        api = TeamApi(TestClient(create_app(config, database, now=now), headers=headers), checkout)
        path = api.started(api.published(experiment("Größe ☃")))
        batch = [event(f"e-{number}") for number in range(3)]
        api.post(path + "/events", batch, headers={"Content-Type": BATCH})
        api.put(path, {"journal": ended("deviated", note="ü ☃")})
        api.put(path, {"journal": ended("completed")})
        api.started()
        api.post("/objectives", {**objective(), "name": "Accepted"})
        run = _run(api)
        _finish(api, run)
        journal = api.get(path).json()
        return {"path": path, "journal": journal, "secret": secret, "run": run}


def lines_of(file: Path) -> list[Any]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def rows_of(file: Path) -> list[str]:
    """The rows of a file in one order, without what names the team."""
    rows = []
    for line in lines_of(file)[1:]:
        row = {k: v for k, v in line["row"].items() if k not in ("team_id", "organization_id")}
        if line["table"] == "people":
            del row["removed_at"]
        if line["table"] == "audit" and row["action"].startswith("team."):
            continue
        rows.append(json.dumps([line["table"], row], sort_keys=True))
    return sorted(rows)


def test_a_team_moves_to_another_console_whole(
    here: dict[str, Any], there: Path, operate: Operate, tmp_path: Path
) -> None:
    """What is exported there again is what was exported here."""
    first, second = tmp_path / "first.ndjson", tmp_path / "second.ndjson"

    exported = operate("here", "team", "export", "Checkout", str(first))
    imported = operate("there", "team", "import", str(first))
    again = operate("there", "team", "export", "Checkout", str(second))

    assert [result.exit_code for result in (exported, imported, again)] == [0, 0, 0], (
        imported.output
    )
    assert rows_of(second) == rows_of(first)
    tables = {line["table"] for line in lines_of(first)[1:]}
    assert tables >= {"people", "experiments", "experiment_versions", "executions", "outcomes"}
    assert tables >= {"events", "journal_versions", "verification_runs", "objectives", "audit"}
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert here["secret"] not in first.read_text()


def test_what_came_is_there_to_read(
    here: dict[str, Any], there: Path, operate: Operate, tmp_path: Path, now: Clock
) -> None:
    """Under the same ids, for whoever is on the team there; with its summary."""
    file = tmp_path / "team.ndjson"
    result = operate("here", "team", "export", "Checkout", str(file))
    assert result.exit_code == 0, (result.output, result.exception)
    operate("there", "team", "import", str(file))
    operate("there", "person", "add", "Zoe", "--team", "Checkout")
    secret = operate("there", "token", "add", "--person", "Zoe").stdout.strip()

    with Database.open(_url(there)) as database, database.read() as connection:
        [globex] = organizations.list_page(connection)
        team = teams.find(connection, globex.id, "Checkout")
        assert team is not None
        app = create_app(Config.from_environ({}, data=str(there)), database, now=now)
        api = TeamApi(TestClient(app, headers={"Authorization": f"Bearer {secret}"}), team)
        execution = api.get(f"/executions/{here['path'].rpartition('/')[2]}").json()
        assert api.get(here["path"]).json() == here["journal"]
        assert (execution["person_name"], execution["outcome"]) == ("Bob", "passed")
        assert len(api.get(here["path"] + "/events").json()["items"]) == 3
        assert api.get(here["run"]).json()["insight"] is not None
        [*entries] = api.client.get("/api/v1/organizations/globex/audit").json()["items"]
        assert "journal.replaced" in {entry["action"] for entry in entries}


def test_the_same_file_brings_nothing_a_second_time(
    here: dict[str, Any], there: Path, operate: Operate, tmp_path: Path
) -> None:
    """Audit entries and events of verification runs, which have no id, included."""
    file, after = tmp_path / "team.ndjson", tmp_path / "after.ndjson"
    result = operate("here", "team", "export", "Checkout", str(file))
    assert result.exit_code == 0, (result.output, result.exception)

    outputs = [operate("there", "team", "import", str(file)).output for _ in range(2)]
    operate("there", "team", "export", "Checkout", str(after))

    assert "Brought 0 records" in outputs[1]
    assert rows_of(after) == rows_of(file)


def test_beside_the_original_it_gets_ids_of_its_own(
    here: dict[str, Any], operate: Operate, tmp_path: Path
) -> None:
    """Into another team of the same console; once, however often, and the original stays."""
    before, copy, after = (tmp_path / f"{name}.ndjson" for name in ("before", "copy", "after"))
    operate("here", "team", "export", "Checkout", str(before))

    first, second = (
        operate("here", "team", "import", str(before), "--team", "Checkout 2") for _ in range(2)
    )
    operate("here", "team", "export", "Checkout 2", str(copy))
    operate("here", "team", "export", "Checkout", str(after))

    assert first.exit_code == 0, first.output
    assert "Brought 0 records" in second.output
    assert rows_of(after) == rows_of(before)
    assert len(rows_of(copy)) == len(rows_of(before))
    ids = [
        {line["row"]["id"] for line in lines_of(file)[1:] if line["table"] == "executions"}
        for file in (before, copy)
    ]
    assert ids[0].isdisjoint(ids[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: [], "is no file of a team"),
        (lambda lines: ["{}", *lines[1:]], "is no file of a team"),
        (lambda lines: [lines[0].replace("m00", "m99"), *lines[1:]], "another version"),
        (lambda lines: [*lines[:-1], lines[-1][:40]], "cannot be read"),
        (lambda lines: [*lines, '{"table": "tokens", "row": {}}'], "of a table 'tokens'"),
        (lambda lines: [*lines, '{"table": "events", "row": {"x": 1}}'], "cannot be read"),
    ],
)
def test_a_file_that_is_not_whole_brings_nothing(
    here: dict[str, Any],
    there: Path,
    operate: Operate,
    tmp_path: Path,
    change: Callable[[list[str]], list[str]],
    message: str,
) -> None:
    """One line says what is wrong, and where."""
    file = tmp_path / "team.ndjson"
    result = operate("here", "team", "export", "Checkout", str(file))
    assert result.exit_code == 0, (result.output, result.exception)
    file.write_text("\n".join(change(file.read_text().splitlines())) + "\n")

    refused = operate("there", "team", "import", str(file))

    assert refused.exit_code == 1
    assert message in refused.output
    assert refused.output.count("\n") == 1
    with Database.open(_url(there)) as database, database.read() as connection:
        assert connection.execute(select(metadata.tables["executions"])).first() is None
        assert connection.execute(select(metadata.tables["teams"])).first() is None


def test_an_export_overwrites_nothing(
    here: dict[str, Any], operate: Operate, tmp_path: Path
) -> None:
    """A file that is there stays as it is."""
    file = tmp_path / "team.ndjson"
    file.write_text("precious")

    refused = operate("here", "team", "export", "Checkout", str(file))

    assert refused.exit_code == 1
    assert file.read_text() == "precious"


def test_every_table_leaves_with_a_team_or_says_why_not() -> None:
    """Whoever adds one decides."""
    exported = {table.name for table in list_exported()}

    assert exported & LEFT_OUT.keys() == set()
    assert exported | LEFT_OUT.keys() == metadata.tables.keys()


def test_nothing_that_opens_something_leaves_with_a_team() -> None:
    """No table that is exported has a column for secrets, nor one for settings of what is sent."""
    columns = {
        column.name
        for table in list_exported()
        for column in table.columns
        if not is_left_out(table, column.name)
    }

    assert "title" in columns
    assert {name for name in columns if "secret" in name or name in ("settings", "badge")} == set()


def test_every_exported_row_arrives(tmp_path: Path, now: Clock) -> None:
    """Of every table there is, with each of its columns; also one that comes later."""
    file = tmp_path / "team.ndjson"
    with Database.open(f"sqlite:///{tmp_path / 'from.sqlite3'}") as database:
        database.write(fill_every_table).result()
        exporting = database.write(_join_rows).result()
        with database.read() as connection:
            file.write_bytes(b"".join(export_team(connection, "Acme", exporting, now())))
    with Database.open(f"sqlite:///{tmp_path / 'to.sqlite3'}") as database:
        globex = database.write(lambda c: organizations.add(c, "Globex", now())).result()
        into = database.write(lambda c: teams.add(c, globex.id, "Orders", now())).result()
        bringing = TeamImport(into)
        for part in read_parts(file):
            database.write(partial(bringing.find_ids, part=part)).result()
        for part in read_parts(file):
            database.write(partial(bringing.add, part=part)).result()
        with database.read() as connection:
            again = tmp_path / "again.ndjson"
            again.write_bytes(b"".join(export_team(connection, "Globex", into, now())))

    assert {line["table"] for line in lines_of(file)[1:]} == {
        "people",
        *(table.name for table in list_exported()),
    }
    assert rows_of(again) == rows_of(file)


def _join_rows(connection: Connection) -> Team:
    """A team, to which rows without foreign keys are made to belong as well."""
    tables = metadata.tables
    executions = tables["executions"].c
    execution_id, team_id = connection.execute(select(executions.id, executions.team_id)).all()[1]
    own = tables["outcomes"].c.execution_id == execution_id
    connection.execute(update(tables["outcomes"]).where(own).values(team_id=team_id))
    for name in ("journal_versions", "removals"):
        column = tables[name].c.record_id
        first = select(column).limit(1).scalar_subquery()
        change = update(tables[name]).where(column == first)
        connection.execute(change.values(record_id=execution_id))
    team = tables["teams"].c
    row = connection.execute(select(tables["teams"]).where(team.id == team_id)).one()
    return Team(row.id, row.organization_id, row.name, row.slug)


def test_an_experiment_with_a_badge_comes_beside_the_original(
    here: dict[str, Any], operate: Operate, tmp_path: Path, now: Clock
) -> None:
    """The badge stays with the one that has it: its address opens a page."""
    badge = _turn_badge_on(tmp_path / "here")
    file, copy = tmp_path / "team.ndjson", tmp_path / "copy.ndjson"

    operate("here", "team", "export", "Checkout", str(file))
    imported = operate("here", "team", "import", str(file), "--team", "Checkout 2")
    operate("here", "team", "export", "Checkout 2", str(copy))

    assert imported.exit_code == 0, imported.output
    assert badge not in file.read_text()
    assert len(rows_of(copy)) == len(rows_of(file))


def _turn_badge_on(folder: Path) -> str:
    """Give the first experiment a badge; the secret of its address."""
    badge = "b" * 43
    links = metadata.tables["team_experiments"]
    with Database.open(_url(folder)) as database:
        with database.read() as connection:
            first = connection.scalar(select(links.c.experiment_id).limit(1))
        where = links.c.experiment_id == first
        database.write(lambda c: c.execute(update(links).where(where).values(badge=badge))).result()
    return badge
