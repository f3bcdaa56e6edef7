"""Backups: made while the console runs, for their owner alone, and put back; damage is refused."""

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chaoscloud.console.cli import main
from chaoscloud.console.db import CannotOpen, Database
from chaoscloud.console.db.backup import check_database
from chaoscloud.console.db.lock import check_not_emptied, lock_database
from chaoscloud.console.records import organizations
from tests.console.conftest import Clock


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def file(data: Path) -> Path:
    return data / "console.sqlite3"


@pytest.fixture
def running(file: Path, now: Clock) -> Iterator[Database]:
    """A console with something in it, still in SQLite's log alone."""
    with lock_database(file), Database.open(f"sqlite:///{file}") as database:
        add(database, "Acme", now)
        yield database


def add(database: Database, name: str, now: Clock) -> None:
    database.write(lambda connection: organizations.add(connection, name, now())).result()


def names(file: Path) -> list[str]:
    with Database.open(f"sqlite:///{file}") as database, database.read() as connection:
        return [organization.name for organization in organizations.list_page(connection)]


def run(data: Path, *words: object) -> Result:
    return CliRunner().invoke(main, [*map(str, words), "--data", str(data)])


def test_a_backup_is_made_while_the_console_runs(
    running: Database, data: Path, tmp_path: Path, now: Clock
) -> None:
    """It holds all that was acknowledged, and only its owner may read it."""
    target = tmp_path / "backup.sqlite3"

    result = run(data, "backup", target)

    assert result.exit_code == 0, result.output
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert names(target) == ["Acme"]
    add(running, "Globex", now)  # and the console goes on


def test_a_backup_overwrites_nothing(running: Database, data: Path, tmp_path: Path) -> None:
    """Yesterday's is not lost to a slip."""
    target = tmp_path / "backup.sqlite3"
    target.write_text("yesterday's")

    result = run(data, "backup", target)

    assert result.exit_code == 1
    assert result.output == f"Error: {target} is there already.\n"
    assert target.read_text() == "yesterday's"


def test_a_backup_that_cannot_be_written_leaves_nothing(
    running: Database, data: Path, tmp_path: Path
) -> None:
    """One line says why."""
    result = run(data, "backup", tmp_path / "no-folder" / "backup.sqlite3")

    assert result.exit_code == 1
    assert "No such file or directory" in result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_a_backup_is_put_back(file: Path, data: Path, tmp_path: Path, now: Clock) -> None:
    """What was there since lies beside it, whole."""
    target = tmp_path / "backup.sqlite3"
    with Database.open(f"sqlite:///{file}") as database:
        add(database, "Acme", now)
        run(data, "backup", target)
        add(database, "Globex", now)

    result = run(data, "restore", target)

    assert result.exit_code == 0, result.output
    assert names(file) == ["Acme"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    [earlier] = data.glob("console.sqlite3.before-restore-*")
    assert names(earlier) == ["Acme", "Globex"]
    assert str(earlier) in result.output


def test_a_backup_is_put_back_where_nothing_is_left(
    running: Database, data: Path, tmp_path: Path
) -> None:
    """On another machine, whose folder is not even made."""
    target = tmp_path / "backup.sqlite3"
    run(data, "backup", target)

    result = run(tmp_path / "elsewhere", "restore", target)

    assert result.exit_code == 0, result.output
    assert names(tmp_path / "elsewhere" / "console.sqlite3") == ["Acme"]


def test_nothing_is_put_back_under_a_running_console(
    running: Database, file: Path, data: Path, tmp_path: Path
) -> None:
    """It would go on writing to what is there no more."""
    target = tmp_path / "backup.sqlite3"
    run(data, "backup", target)

    result = run(data, "restore", target)

    assert result.exit_code == 1
    assert result.output.startswith(f"Error: Another console serves {file} already (process ")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "there is no backup"),
        (lambda path: path.write_text("orders, no database\n" * 300), "not a database"),
        (lambda path: path.touch(), "no console made it"),
        (lambda path: _make_newer(path), "'m0099_drones' is not known to this console"),
        (lambda path: _make_damaged(path), "damaged"),
    ],
    ids=["missing", "text", "empty", "newer", "damaged"],
)
def test_what_is_no_sound_backup_changes_nothing(
    make: object, reason: str, file: Path, data: Path, tmp_path: Path, now: Clock
) -> None:
    """The reason is one line that names the file."""
    with Database.open(f"sqlite:///{file}") as database:
        add(database, "Acme", now)
    target = tmp_path / "backup.sqlite3"
    assert callable(make)
    make(target)

    result = run(data, "restore", target)

    assert result.exit_code == 1
    assert reason.lower() in result.output.lower()
    assert str(target) in result.output
    assert names(file) == ["Acme"]
    assert {path.name for path in data.iterdir()} <= {"console.sqlite3", "console.sqlite3.lock"}


def test_postgresql_is_left_to_its_own_tools(data: Path, tmp_path: Path) -> None:
    """The commands say which, and never the password."""
    url = "postgresql://ada:s3cret@db/orders"

    results = [run(data, word, tmp_path / "b", "--database", url) for word in ("backup", "restore")]

    assert [result.exit_code for result in results] == [1, 1]
    assert "pg_dump --format=custom" in results[0].output
    assert "pg_restore --clean" in results[1].output
    assert "s3cret" not in results[0].output + results[1].output


# --- damage --------------------------------------------------------------------------------------


def test_a_sound_database_is_read_to_its_end(running: Database, file: Path, data: Path) -> None:
    """One that is not there yet, too."""
    assert check_database(file)
    assert check_database(data / "none.sqlite3")


def test_damage_is_found_before_the_console_starts(file: Path, now: Clock) -> None:
    """Not at the thousandth request; the line says what to do."""
    _make_damaged(file)

    with pytest.raises(CannotOpen, match=r"damaged.*chaosiq-console restore"):
        check_database(file)


def test_a_large_database_does_not_hold_up_the_start(file: Path) -> None:
    """The look for damage ends when its time is over."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE orders (text TEXT)")
        connection.execute(
            "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 300000)"
            " INSERT INTO orders SELECT hex(randomblob(60)) FROM n"
        )
        connection.commit()

    assert check_database(file, limit=0.01) is False


def test_a_database_that_was_emptied_is_refused(file: Path, now: Clock) -> None:
    """A lock beside an empty file shows that a console had used it."""
    with lock_database(file), Database.open(f"sqlite:///{file}") as database:
        add(database, "Acme", now)
    file.write_bytes(b"")

    with pytest.raises(CannotOpen, match="has been emptied"), lock_database(file):
        pass
    with pytest.raises(CannotOpen, match="has been emptied"):
        check_not_emptied(file)


def test_an_empty_file_that_no_console_used_is_a_new_database(file: Path) -> None:
    """A container's volume may be made of one."""
    file.touch()

    with lock_database(file), Database.open(f"sqlite:///{file}"):
        pass


def test_a_command_does_not_begin_anew_in_an_emptied_database(file: Path, data: Path) -> None:
    """It says so instead of making new tables."""
    with lock_database(file), Database.open(f"sqlite:///{file}"):
        pass
    file.write_bytes(b"")

    result = run(data, "organization", "list")

    assert result.exit_code == 1
    assert "has been emptied" in result.output
    assert file.stat().st_size == 0


def _make_newer(path: Path) -> None:
    Database.open(f"sqlite:///{path}").close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'm0099_drones'")
        connection.commit()


def _make_damaged(path: Path) -> None:
    """A database whose last half is another's."""
    Database.open(f"sqlite:///{path}").close()
    size = path.stat().st_size
    with path.open("r+b") as handle:
        handle.seek(size // 2)
        handle.write(b"\x07" * (size - size // 2))
