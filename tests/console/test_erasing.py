"""Erasing a person: their name stands nowhere any more, and everything else is as it was."""

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import LargeBinary, Text, select

from chaoscloud.console.cli import main
from chaoscloud.console.config import Config
from chaoscloud.console.db import Database
from chaoscloud.console.db.schema import Words, metadata, people
from chaoscloud.console.records import erasing
from chaoscloud.console.records.erasing import ADDRESSES, NamePattern
from chaoscloud.console.records.people import Person
from tests.console.browser import Browser, Seen
from tests.console.conftest import Client, Member
from tests.console.documents import ended
from tests.console.every_table import ROWS, fill_every_table
from tests.console.team import TeamApi

NAME = "Ada Lövelace"


@pytest.fixture
def operate(database: Database, config: Config) -> Callable[..., Result]:
    """Run `chaosiq-console …` beside the console."""
    clean = {"DATABASE_URL": None, "CHAOSIQ_CONSOLE_DATA": None, "XDG_DATA_HOME": None}
    where = ["--data", str(config.data), "--database", config.database_url]
    return lambda *words: CliRunner(env=clean).invoke(main, [*words, *where])


def places_of(database: Database, name: str) -> set[str]:
    """Every column in which a name stands, in any spelling: `table.column`."""
    matches = set()
    spellings = {name.lower().encode(), name.encode("unicode_escape").lower()}
    with database.read() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(select(table)):
                for column, value in row._mapping.items():
                    raw = value if isinstance(value, bytes) else str(value).encode()
                    if any(spelling in raw.lower() for spelling in spellings):
                        matches.add(f"{table.name}.{column}")
    return matches


def test_the_name_is_gone_from_every_column_of_every_table(database: Database) -> None:
    """Also from tables that did not exist when this was written; ids and addresses are kept."""
    database.write(lambda c: fill_every_table(c, name=NAME)).result()
    with database.read() as connection:
        rows = connection.execute(select(people.c.id)).all()
    before = places_of(database, NAME)

    for (person_id,) in rows:
        person = Person(person_id, NAME)
        pattern = NamePattern(NAME, "Former member 1")
        with database.read() as connection:
            places = list(erasing.find_places(connection, person, pattern))
        database.write(lambda c, p=places, n=pattern: erasing.replace_names(c, p, n)).result()  # type: ignore[misc]

    assert len(rows) == ROWS
    assert len(before) > 40
    assert drop_kept(places_of(database, NAME)) == set()


def drop_kept(places: set[str]) -> set[str]:
    """Those of the places that should not have the name any more."""
    return {place for place in places if not _is_kept(*place.split("."))}


def _is_kept(table: str, column: str) -> bool:
    """Whether a column holds ids, addresses or words of the console, which nobody is named by."""
    if table in ("revisions", "organization_revisions", "idempotency_keys"):
        return True
    own = metadata.tables[table].c[column]
    is_text = isinstance(own.type, (Text, Words, LargeBinary))
    return (
        not is_text
        or own.primary_key
        or bool(own.foreign_keys)
        or column.endswith("_id")
        or column in ADDRESSES
    )


def test_pages_and_journals_show_the_pseudonym(
    bobs: TeamApi,
    client: Client,
    ada: Member,
    bob: Member,
    operate: Callable[..., Result],
) -> None:
    """What they ran is still theirs, by the same id; nothing of theirs opens anything."""
    path = bobs.started(configuration={"contact": "Bob", "team": "Bobsleigh"})
    bobs.put(path, {"journal": ended("completed", operator="BOB", team="Bobsleigh")})
    operate("token", "add", "--person", "Bob", "--name", "of Bob")

    dry = operate("person", "erase", "Bob", "--dry-run")
    unchanged = bobs.get(path).json()["operator"]
    erased = operate("person", "erase", "Bob", "--yes")

    assert "people: 1" in dry.output
    assert unchanged == "BOB"
    assert erased.exit_code == 0, erased.output
    pseudonym = f"Former member {bob.id[:8]}"
    assert bobs.get(path).status_code == 401
    browser = Browser(client())
    browser.sign_in(ada.token)
    page = Seen(browser.open(f"/acme/checkout/executions/{path.rpartition('/')[2]}")).text
    assert pseudonym in page
    journal = browser.open(f"/acme/checkout/executions/{path.rpartition('/')[2]}/journal.json")
    assert (journal.json()["operator"], journal.json()["team"]) == (pseudonym, "Bobsleigh")
    log = Seen(browser.open("/acme/checkout/audit")).text
    assert "Bob" not in log.replace("Bobsleigh", "")
    assert f"erased the name of {pseudonym}" in log


def test_what_another_organization_wrote_stays(
    bobs: TeamApi, database: Database, operate: Callable[..., Result]
) -> None:
    """Somebody of that name there is somebody else."""
    operate("organization", "add", "Globex")
    operate("person", "add", "Bob", "--organization", "Globex")

    erased = operate("person", "erase", "Bob", "--organization", "Acme", "--yes")

    assert erased.exit_code == 0, erased.output
    listed = operate("person", "list").output
    assert "Bob  " in listed
    assert "Globex" in listed


def test_somebody_who_was_removed_can_be_erased(
    bobs: TeamApi, bob: Member, database: Database, operate: Callable[..., Result]
) -> None:
    """What they ran still named them."""
    bobs.started()
    operate("person", "remove", "Bob")

    erased = operate("person", "erase", bob.id, "--yes")

    assert erased.exit_code == 0, erased.output
    assert {
        place for place in places_of(database, "Bob") if not _is_kept(*place.split("."))
    } == set()


def test_nobody_is_erased_without_a_yes(bobs: TeamApi, operate: Callable[..., Result]) -> None:
    """It cannot be undone."""
    bobs.started()

    refused = operate("person", "erase", "Bob")

    assert refused.exit_code == 1
    assert "Bob" in operate("person", "list").output


@pytest.mark.parametrize(
    ("value", "after"),
    [
        ("Ada ran it", "X ran it"),
        ("ada-laptop", "X-laptop"),
        ("Adamant", "Adamant"),
        (b'{"by": "Ada"}', b'{"by": "X"}'),
        (b"\xff Ada", b"\xff X"),
        (("Ada", "prod"), ("X", "prod")),
        (None, None),
        (7, 7),
    ],
)
def test_a_name_is_a_whole_word(value: Any, after: Any) -> None:
    """In any kind of value; what is no text is left alone."""
    assert NamePattern("Ada", "X").replace(value) == after


def test_a_name_is_found_as_json_spells_it() -> None:
    """With its letters escaped, or as they are."""
    pattern = NamePattern("Löwe", "X")

    assert pattern.replace(b'"L\\u00f6we"') == b'"X"'
    assert pattern.replace('"Löwe"'.encode()) == b'"X"'
