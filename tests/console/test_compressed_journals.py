"""Journals are compressed in the database; whoever reads them has them byte for byte."""

import threading
from typing import Any

import pytest
from sqlalchemy import LargeBinary, select, type_coerce, update

from chaoscloud.console.api._body import LARGE_JOURNAL
from chaoscloud.console.db import Database, journal_column
from chaoscloud.console.db.journal_column import JournalBytes, compress, decompress
from chaoscloud.console.db.schema import (
    executions,
    journal_versions,
    metadata,
    verification_runs,
)
from tests.console.browser import Browser
from tests.console.conftest import Client, Member
from tests.console.documents import ended, experiment, journal
from tests.console.team import TeamApi
from tests.console.test_api_runs import _finish, _run

RAW = b'{"status": "completed", "deviated": false, "note": "as an earlier version wrote it"}'


def _read_stored(database: Database, column: Any = executions.c.journal) -> list[bytes]:
    """The bytes that stand in a column."""
    with database.read() as connection:
        return list(connection.scalars(select(type_coerce(column, LargeBinary))))


def _write_stored(database: Database, raw: bytes) -> None:
    """Write a journal as a version did that compressed none."""
    values = {"journal": type_coerce(raw, LargeBinary)}
    database.write(lambda c: c.execute(update(executions).values(**values))).result()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b" \n{}",
        b"null",
        b'{"run": ["' + b"a" * 5_000 + b'"]}',
        '{"name": "Größe ☃"}'.encode(),
        bytes(range(256)),
        b"x",
        compress(b"{" + b" " * 1_000 + b"}"),  # what is compressed already
        compress(b"{" + b" " * 1_000 + b"}")[:9],  # and what only looks so
    ],
)
def test_a_journal_comes_back_as_it_was(raw: bytes) -> None:
    """Whatever it is: nothing is taken for a compressed journal that is none."""
    assert decompress(compress(raw)) == raw
    assert len(compress(raw)) <= len(raw) or raw.startswith(b"x")


def test_every_column_of_journals_is_compressed() -> None:
    """Also one in a table that did not exist when this was written."""
    columns = [table.c.journal for table in metadata.sorted_tables if "journal" in table.c]

    assert {column.table for column in columns} == {
        executions,
        journal_versions,
        verification_runs,
    }
    assert all(isinstance(column.type, JournalBytes) for column in columns)


def test_a_typical_journal_takes_a_third_of_its_bytes_at_most(
    database: Database, bobs: TeamApi
) -> None:
    """And is read as it was sent."""
    run = bobs.started()
    sent = ended("completed", run=[{"activity": {"name": "pay"}, "status": "succeeded"}] * 20)

    bobs.put(run, {"journal": sent})

    [stored] = _read_stored(database)
    answer = bobs.get(run)
    assert answer.json() == sent
    assert len(stored) < len(answer.content) / 3


def test_earlier_journals_and_those_of_verifications_are_compressed(
    database: Database, bobs: TeamApi
) -> None:
    """The journal of a row becomes an earlier one as it is stored."""
    run = bobs.started()
    bobs.put(run, {"journal": ended("failed", note="a" * 500)})
    bobs.put(run, {"journal": ended("completed", note="b" * 500)})
    _finish(bobs, _run(bobs))

    sizes = [
        len(stored)
        for column in (journal_versions.c.journal, verification_runs.c.journal)
        for stored in _read_stored(database, column)
    ]

    earlier = bobs.get(f"/executions/{run.rpartition('/')[2]}/journals/1")
    assert earlier.json() == ended("failed", note="a" * 500)
    assert len(sizes) == 2
    assert max(sizes) < len(earlier.content) / 2


def test_a_journal_of_an_earlier_version_is_read_and_kept_as_it_is(
    database: Database, bobs: TeamApi
) -> None:
    """Nothing rewrites it; a later journal beside it is compressed."""
    run = bobs.started()
    bobs.put(run, {"journal": ended("failed")})
    _write_stored(database, RAW)
    assert bobs.get(run).content == RAW

    bobs.put(run, {"journal": ended("completed", note="a" * 500)})

    place = f"/executions/{run.rpartition('/')[2]}/journals"
    assert bobs.get(f"{place}/1").content == RAW
    assert _read_stored(database, journal_versions.c.journal) == [RAW]
    assert bobs.get(run).json() == ended("completed", note="a" * 500)


def test_the_same_journal_again_is_known_whichever_way_it_is_stored(
    database: Database, bobs: TeamApi
) -> None:
    """Compared is what was sent, so an upgrade between two attempts makes no new version."""
    run = bobs.started()
    bobs.put(run, {"journal": ended("completed")})
    _write_stored(database, bobs.get(run).content)

    answer = bobs.put(run, {"journal": ended("completed")})

    versions = bobs.get(f"/executions/{run.rpartition('/')[2]}/journals").json()
    assert answer.status_code == 204
    assert [version["number"] for version in versions] == [1]


def test_a_damaged_journal_keeps_nobody_from_the_page_of_its_run(
    database: Database, bobs: TeamApi, client: Client, bob: Member
) -> None:
    """The page says that it cannot be read, as of any other damaged journal."""
    run = bobs.started()
    bobs.put(run, {"journal": ended("completed", note="a" * 500)})
    [stored] = _read_stored(database)
    _write_stored(database, stored[:20] + bytes(len(stored) - 20))

    browser = Browser(client())
    browser.sign_in(bob.token)
    page = browser.open(f"/acme/checkout/executions/{run.rpartition('/')[2]}")

    assert page.status_code == 200


def test_neither_the_writer_nor_the_event_loop_compresses_what_is_large(
    bobs: TeamApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others wait for both."""
    threads: list[str] = []

    def note_thread(raw: bytes) -> bytes:
        threads.append(threading.current_thread().name)
        return compress(raw)

    monkeypatch.setattr(journal_column, "compress", note_thread)
    run = bobs.started()
    document, started = experiment("Another"), journal()
    del started["experiment"]
    published = bobs.post("/experiments", {"experiment": document, "journal": started})
    assert published.status_code == 201, published.text
    assert len(threads) == 2
    assert "console-writer" not in threads

    bobs.put(run, {"journal": ended("completed", note="a" * LARGE_JOURNAL)})

    assert len(threads) == 3
    assert threads[2].startswith("asyncio_")
