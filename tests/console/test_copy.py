"""Copying a console's database into another one: everything, once, and equal afterwards."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Integer, String, Text, func, select

from chaoscloud.console.cli import main
from chaoscloud.console.db import CannotOpen, Database, copying
from chaoscloud.console.db.copying import copy_all
from chaoscloud.console.db.engines import Engines, create_engines
from chaoscloud.console.db.schema import Moment, audit, experiments, metadata, organizations
from tests.console.every_table import ROWS, fill_every_table
from tests.console.postgresql_server import AVAILABLE, address, create_database

Urls = tuple[str, str]


def _sqlite(folder: Path, name: str) -> str:
    return f"sqlite:///{folder / name}"


@pytest.fixture(params=["sqlite to sqlite", "sqlite to postgresql", "postgresql to sqlite"])
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> Urls:
    """Where from and where to; the first has rows in every table."""
    created = []
    for place, name in enumerate(request.param.split(" to ")):
        if name == "sqlite":
            created.append(_sqlite(tmp_path, f"console-{place}.sqlite3"))
            continue
        pytest.importorskip("psycopg")
        if not AVAILABLE:
            pytest.skip("no PostgreSQL on this machine")
        server = request.getfixturevalue("postgresql_server")
        created.append(address(server, create_database(server)))
    source, target = created
    with Database.open(source) as database:
        database.write(fill_every_table).result()
    return source, target


@pytest.fixture
def copy() -> Callable[..., Result]:
    """Run `chaosiq-console copy`."""
    clean = {"DATABASE_URL": None, "CHAOSIQ_CONSOLE_DATA": None, "XDG_DATA_HOME": None}

    def run(urls: Urls, *words: str) -> Result:
        source, target = urls
        arguments = ["copy", "--database", source, "--to", target, *words]
        return CliRunner(env=clean).invoke(main, arguments)

    return run


def read_all(url: str) -> dict[str, set[str]]:
    """Every row of every table, by table."""
    engines = create_engines(url)
    with engines.reader.connect() as connection:
        rows = {
            table.name: {repr(tuple(row)) for row in connection.execute(select(table))}
            for table in metadata.sorted_tables
        }
    engines.dispose()
    return rows


def test_every_table_is_copied_row_by_row(urls: Urls, copy: Callable[..., Result]) -> None:
    """Also tables that did not exist when this was written."""
    copied = copy(urls)

    assert copied.exit_code == 0, copied.output
    there = read_all(urls[1])
    assert there == read_all(urls[0])
    total = sum(len(rows) for rows in there.values())
    assert min(len(rows) for rows in there.values()) == ROWS
    assert f"{total:,} rows of {len(there)} tables" in copied.output


def test_the_next_row_gets_a_number_of_its_own(urls: Urls, copy: Callable[..., Result]) -> None:
    """A database that counts by itself goes on after what was copied."""
    copy(urls)

    with Database.open(urls[1]) as database:
        seq = database.write(
            lambda c: c.scalar(
                audit.insert().values(at=_moment(), action="a", subject="b").returning(audit.c.seq)
            )
        ).result()
    assert seq == ROWS + 1


def _moment() -> Any:
    from tests.console.every_table import START

    return START


def test_an_interrupted_copy_goes_on_where_it_was(
    urls: Urls, copy: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of a table; what is there is not copied again, and nothing is usable before."""
    monkeypatch.setattr(copying, "ROWS_AT_ONCE", 2)
    parts = _fail_at(monkeypatch, experiments.name, part=2)
    with pytest.raises(KeyboardInterrupt):
        _copy(urls)
    monkeypatch.undo()

    with pytest.raises(CannotOpen, match="a copy into it is not finished"):
        Database.open(urls[1])
    monkeypatch.setattr(copying, "ROWS_AT_ONCE", 2)
    parts = _fail_at(monkeypatch, "none", part=0)
    assert copy(urls).exit_code == 0
    assert organizations.name not in parts
    assert parts.count(experiments.name) == 2  # of three
    assert read_all(urls[1]) == read_all(urls[0])
    Database.open(urls[1]).close()


def _fail_at(monkeypatch: pytest.MonkeyPatch, name: str, part: int) -> list[str]:
    """Interrupt the copy before a part of a table; the parts that were read, by table."""
    read, parts = copying._read_parts, []

    def read_parts(reading: Any, table: Any, last: Any) -> Any:
        for number, rows in enumerate(read(reading, table, last), 1):
            if (table.name, number) == (name, part):
                raise KeyboardInterrupt
            parts.append(table.name)
            yield rows

    monkeypatch.setattr(copying, "_read_parts", read_parts)
    return parts


def _copy(urls: Urls, **options: Any) -> None:
    source, target = map(create_engines, urls)
    try:
        copy_all(source, target, str(source.writer.url.set(query={})), lambda one: None, **options)
    finally:
        source.dispose()
        target.dispose()


KILLED = """
import os, signal, sys
from chaoscloud.console.cli import main
from chaoscloud.console.db import copying

read = copying._read_parts


def read_parts(reading, table, last):
    for number, rows in enumerate(read(reading, table, last), 1):
        if (table.name, number) == ("executions", 3):
            os.kill(os.getpid(), signal.SIGKILL)
        yield rows


copying.ROWS_AT_ONCE = 2
copying._read_parts = read_parts
main(["copy", "--database", sys.argv[1], "--to", sys.argv[2]])
"""


def test_a_copy_that_was_killed_goes_on(urls: Urls, copy: Callable[..., Result]) -> None:
    """Without a moment to say good-bye, in the middle of a table."""
    killed = subprocess.run([sys.executable, "-c", KILLED, *urls], capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    engines = create_engines(urls[1])
    with engines.reader.connect() as connection:
        table = metadata.tables["executions"]
        assert connection.scalar(select(func.count()).select_from(table)) == 4  # of five
    engines.dispose()

    resumed = copy(urls)

    assert resumed.exit_code == 0, resumed.output
    assert read_all(urls[1]) == read_all(urls[0])
    Database.open(urls[1]).close()


def test_a_copy_of_another_console_does_not_go_on(
    urls: Urls, copy: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two halves would make no whole; `--restart` begins anew."""
    _fail_at(monkeypatch, experiments.name, part=1)
    with pytest.raises(KeyboardInterrupt):
        _copy(urls)
    monkeypatch.undo()
    other = _sqlite(tmp_path, "other.sqlite3")
    with Database.open(other) as database:
        database.write(lambda c: fill_every_table(c, rows=2)).result()

    refused = copy((other, urls[1]))
    restarted = copy((other, urls[1]), "--restart")

    assert refused.exit_code == 1
    assert "was begun and not finished" in refused.output
    assert restarted.exit_code == 0, restarted.output
    assert read_all(urls[1]) == read_all(other)


def test_a_target_that_has_something_is_refused(urls: Urls, copy: Callable[..., Result]) -> None:
    """It is left as it is."""
    with Database.open(urls[1]) as database:
        database.write(lambda c: fill_every_table(c, rows=1)).result()
    before = read_all(urls[1])

    refused = copy(urls)

    assert refused.exit_code == 1
    assert "there is a console in it already" in refused.output.lower()
    assert read_all(urls[1]) == before


def test_what_changed_meanwhile_is_noticed(
    urls: Urls, copy: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the checksum, although the number of rows is the same; it can be begun anew."""
    monkeypatch.setattr(copying, "_sum_up", _change_before(copying._sum_up, urls[1]))
    changed = copy(urls)
    monkeypatch.undo()

    assert changed.exit_code == 1
    assert "organizations has 5 rows" in changed.output
    assert copy(urls, "--restart").exit_code == 0
    assert read_all(urls[1]) == read_all(urls[0])


def _change_before(sum_up: Any, url: str) -> Any:
    done = False

    def change_and_sum_up(connection: Any, table: Any) -> Any:
        nonlocal done
        if table is organizations and not done:
            done = True
            engines: Engines = create_engines(url)
            with engines.writer.begin() as writing:
                writing.execute(organizations.update().values(safeguards_required=True))
            engines.dispose()
        return sum_up(connection, table)

    return change_and_sum_up


def test_a_console_that_runs_is_not_copied(tmp_path: Path, copy: Callable[..., Result]) -> None:
    """What it writes meanwhile would be missing."""
    from chaoscloud.console.db.lock import lock_database

    source = _sqlite(tmp_path, "console.sqlite3")
    Database.open(source).close()
    with lock_database(tmp_path / "console.sqlite3"):
        refused = copy((source, _sqlite(tmp_path, "other.sqlite3")))

    assert refused.exit_code == 1
    assert "another console serves" in refused.output.lower()


def test_a_database_is_not_copied_into_itself(tmp_path: Path, copy: Callable[..., Result]) -> None:
    """It would be refused for having something, but this says why."""
    source = _sqlite(tmp_path, "console.sqlite3")
    Database.open(source).close()

    refused = copy((source, source))

    assert refused.exit_code == 1


def test_every_key_can_be_written_down() -> None:
    """How far a copy is stands in the target as JSON: texts, times and whole numbers."""
    odd = [
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.primary_key.columns
        if not isinstance(column.type, (String, Text, Integer, Moment))
    ]

    assert odd == []
    assert all(table.primary_key.columns for table in metadata.sorted_tables)


def test_large_rows_come_in_small_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a console with many journals needs no more memory than one with few."""
    monkeypatch.setattr(copying, "BYTES_AT_ONCE", 10)
    source, target = _sqlite(tmp_path, "a.sqlite3"), _sqlite(tmp_path, "b.sqlite3")
    with Database.open(source) as database:
        database.write(fill_every_table).result()
    parts = _fail_at(monkeypatch, "none", part=0)

    _copy((source, target))

    assert parts.count("executions") == ROWS
    engines = create_engines(target)
    with engines.reader.connect() as connection:
        table = metadata.tables["executions"]
        assert connection.scalar(select(func.count()).select_from(table)) == ROWS
    engines.dispose()
