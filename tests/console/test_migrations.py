"""From an older schema to today's: every step, once, and nothing lost on the way."""

import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, select

from chaoscloud.console.db import CannotOpen, Database
from chaoscloud.console.db.engines import create_engines
from chaoscloud.console.db.migrations import BASELINE, NEWEST, VERSIONS, alembic_version, migrate
from chaoscloud.console.db.schema import metadata

WRITTEN_BY_1_0_0 = Path(__file__).parents[1] / "together" / "version_1_0_0" / "console.sql"

ADD_MOTTO = """
import sqlalchemy as sa
from alembic import op

revision = "m9998_motto"
down_revision = {newest!r}


def upgrade() -> None:
    op.add_column("organizations", sa.Column("motto", sa.Text))
"""
REBUILD_SAFEGUARDS = """
import sqlalchemy as sa
from alembic import op

revision = "m9999_rebuild"
down_revision = "m9998_motto"


def upgrade() -> None:
    with op.batch_alter_table("safeguards") as table:
        table.alter_column("reason", nullable=True)
"""
FAIL = REBUILD_SAFEGUARDS.replace('"m9999_rebuild"', '"m9999_failing"') + "    1 / 0\n"
LEAVE_ORPHANS = """
from alembic import op

revision = "m9999_orphans"
down_revision = "m9998_motto"


def upgrade() -> None:
    op.execute("DELETE FROM organizations")
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database that version 1.0.0 wrote."""
    file = tmp_path / "orders.sqlite3"
    with sqlite3.connect(file) as connection:
        connection.executescript(WRITTEN_BY_1_0_0.read_text(encoding="utf-8"))
    connection.close()
    return file


@pytest.fixture
def url(file: Path) -> str:
    return f"sqlite:///{file}"


@pytest.fixture
def versions(tmp_path: Path) -> Path:
    """Today's migrations, and some more that tests name."""
    folder = tmp_path / "versions"
    folder.mkdir()
    for migration in VERSIONS.glob("m*.py"):
        (folder / migration.name).write_text(migration.read_text())
    for name, text in {
        "m9998_motto": ADD_MOTTO.format(newest=NEWEST),
        "m9999_rebuild": REBUILD_SAFEGUARDS,
        "m9999_failing": FAIL,
        "m9999_orphans": LEAVE_ORPHANS,
    }.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def test_the_migrations_are_one_line_that_ends_at_the_newest() -> None:
    """Two migrations that follow the same one would leave it open which schema is the newest."""
    scripts = ScriptDirectory(VERSIONS.parent, version_locations=[VERSIONS])

    revisions = [script.revision for script in scripts.walk_revisions()]

    assert scripts.get_heads() == [NEWEST]
    assert revisions == sorted(revisions, reverse=True)
    assert revisions == sorted((path.stem for path in VERSIONS.glob("m*.py")), reverse=True)
    assert max(map(len, revisions)) <= 32  # characters that Alembic's table has room for


def test_the_migrations_lead_from_version_1_0_0_to_the_schema(url: str) -> None:
    """A database that 1.0.0 wrote gets what a new one has, and keeps what is in it."""
    before = _count_rows(url)

    Database.open(url).close()

    assert _differences(url) == []
    assert _count_rows(url).items() >= before.items()


def test_a_new_database_has_the_newest_revision(tmp_path: Path) -> None:
    """What `schema.py` makes at once needs no migration."""
    url = f"sqlite:///{tmp_path / 'new.sqlite3'}"

    Database.open(url).close()

    assert _revision(url) == NEWEST
    assert _differences(url) == []


def test_a_database_that_is_up_to_date_is_opened_without_alembic(url: str) -> None:
    """Importing it costs every start and every command a fifth of a second."""
    Database.open(url).close()
    script = (
        "import sys; from chaoscloud.console.db import Database;"
        f"Database.open({url!r}).close(); print('alembic' in sys.modules)"
    )

    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert process.stdout == "False\n", process.stderr


def test_a_migration_is_applied_once_after_a_copy(file: Path, url: str, versions: Path) -> None:
    """The database moves forward, and lies beside itself as it was, for its owner alone."""
    engines = create_engines(url)

    migrate(engines, "m9998_motto", versions)
    migrate(engines, "m9998_motto", versions)

    copy = file.with_name("orders.sqlite3.before-m9998_motto")
    assert "motto" in _columns(url, "organizations")
    assert "motto" not in _columns(f"sqlite:///{copy}", "organizations")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert _revision(url) == "m9998_motto"
    engines.dispose()


def test_a_table_that_is_made_anew_keeps_what_refers_to_it(url: str, versions: Path) -> None:
    """SQLite changes a column by making the table anew; dropping the old one deletes no other."""
    engines = create_engines(url)
    migrate(engines)
    with engines.writer.begin() as connection:
        _add_safeguard_with_state(connection)
    before = _count_rows(url)

    migrate(engines, "m9999_rebuild", versions)

    assert _count_rows(url) == before
    with engines.writer.begin() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    engines.dispose()


def test_a_failing_migration_changes_nothing(url: str, versions: Path) -> None:
    """What the steps before it did is undone with it."""
    engines = create_engines(url)
    migrate(engines)
    revision = _revision(url)

    with pytest.raises(ZeroDivisionError):
        migrate(engines, "m9999_failing", versions)

    assert "motto" not in _columns(url, "organizations")
    assert _revision(url) == revision
    engines.dispose()


def test_a_migration_that_leaves_orphans_is_undone(url: str, versions: Path) -> None:
    """Rows that refer to nothing would fail much later, somewhere else."""
    engines = create_engines(url)
    before = _count_rows(url)["organizations"]

    with pytest.raises(CannotOpen, match="refers to one of 'organizations' that is gone"):
        migrate(engines, "m9999_orphans", versions)

    assert _count_rows(url)["organizations"] == before > 0
    engines.dispose()


def test_a_schema_between_releases_is_refused_with_what_to_do(file: Path, url: str) -> None:
    """Only 1.0.0 itself knows how to bring those forward."""
    with sqlite3.connect(file) as connection:
        connection.execute("DELETE FROM schema_versions WHERE number > 2")
    connection.close()

    with pytest.raises(CannotOpen, match=r"schema number 2.*version 1\.0\.0 of chaosiq-cloud"):
        Database.open(url)


def _differences(url: str) -> list[object]:
    """What differs between the database and `schema.py`, as Alembic sees it."""
    engines = create_engines(url)
    with engines.reader.connect() as connection:
        differences = compare_schema(connection)
    engines.dispose()
    return differences


def compare_schema(connection: Connection) -> list[object]:
    """The same for a connection to either kind of database."""

    def is_ours(thing: object, name: str | None, kind: str, *rest: object) -> bool:
        if kind == "table":
            return name not in ("alembic_version", "schema_versions")
        condition = getattr(thing, "_ddl_if", None)  # an index that one kind of database has
        return condition is None or condition.dialect == connection.dialect.name

    context = MigrationContext.configure(connection, opts={"include_object": is_ours})
    return list(compare_metadata(context, metadata))


def _add_safeguard_with_state(connection: Connection) -> None:
    connection.exec_driver_sql(
        "INSERT INTO safeguards (id, organization_id, kind, name, reason, settings, enabled,"
        " created_at, tags) SELECT 's-1', id, 'webhook', 'Freeze', '', '{}', 1,"
        " '2026-03-02 09:30:00', '[]' FROM organizations LIMIT 1"
    )
    connection.exec_driver_sql(
        "INSERT INTO safeguard_states VALUES ('s-1', '{}', '2026-03-02 09:30:00')"
    )


def _count_rows(url: str) -> dict[str, int]:
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        counts = {
            name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608
            for (name,) in tables.fetchall()
            if name in metadata.tables
        }
    connection.close()
    return counts


def _revision(url: str) -> str:
    engines = create_engines(url)
    with engines.reader.connect() as connection:
        tables = inspect(connection).get_table_names()
        known = alembic_version.name in tables
        revision = connection.scalar(select(alembic_version)) if known else BASELINE
    engines.dispose()
    return str(revision)


def _columns(url: str, table: str) -> set[str]:
    engines = create_engines(url)
    with engines.reader.connect() as connection:
        names = {column["name"] for column in inspect(connection).get_columns(table)}
    engines.dispose()
    return names


def test_what_1_0_0_let_reach_across_borders_ends_where_it_was(file: Path, url: str) -> None:
    """A token opens what its person belonged to, and each team has a document of its own."""
    with sqlite3.connect(file) as connection:
        [experiment] = connection.execute("SELECT id FROM experiments LIMIT 1").fetchone()
        columns = "'t-2', organization_id, 'Second', 'second', created_at FROM teams LIMIT 1"
        connection.execute(
            f"INSERT INTO teams (id, organization_id, name, slug, created_at) SELECT {columns}"
        )
        connection.execute("INSERT INTO team_experiments VALUES ('t-2', ?)", [experiment])
    connection.close()

    Database.open(url).close()

    with sqlite3.connect(file) as connection:
        opened = connection.execute("SELECT count(*) FROM token_organizations").fetchone()
        belonging = connection.execute(
            "SELECT count(*) FROM tokens JOIN memberships USING (person_id)"
        ).fetchone()
        [latest] = connection.execute(
            "SELECT latest_version FROM experiments WHERE id = ?", [experiment]
        ).fetchone()
        versions = connection.execute(
            "SELECT team_id, document FROM experiment_versions WHERE experiment_id = ?"
            " ORDER BY number DESC LIMIT 2",
            [experiment],
        ).fetchall()
        count = connection.execute(
            "SELECT count(*) FROM experiment_versions WHERE experiment_id = ?", [experiment]
        ).fetchone()
    connection.close()
    assert opened == belonging != (0,)
    assert versions[0] == ("t-2", versions[1][1])
    assert count == (latest,)
