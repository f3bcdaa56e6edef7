"""Retention: what is removed and when, what never is, and what pages say of it."""

import asyncio
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, func, select

from chaoscloud.console.api.events import BATCH
from chaoscloud.console.cli import main
from chaoscloud.console.config import Config
from chaoscloud.console.db import Database
from chaoscloud.console.db.schema import events, executions, journal_versions
from chaoscloud.console.records import removals
from chaoscloud.console.records.removals import Removed
from chaoscloud.console.retention_task import apply_retention
from tests.console.browser import Browser, Seen
from tests.console.conftest import Client, Clock, Member
from tests.console.documents import ended, event, experiment, journal
from tests.console.team import TeamApi
from tests.console.test_api_runs import _finish, _run

ADDRESS = "/api/v1/organizations/acme/retention"
Apply = Callable[[], dict[str, Removed]]


@pytest.fixture
def apply(database: Database, now: Clock) -> Apply:
    """Let the console remove what is due."""
    return lambda: asyncio.run(apply_retention(database, now, pause=0))


@pytest.fixture
def operate(database: Database, config: Config) -> Callable[..., Result]:
    """Run `chaosiq-console …` beside the console."""
    clean = {"DATABASE_URL": None, "CHAOSIQ_CONSOLE_DATA": None, "XDG_DATA_HOME": None}
    where = ["--data", str(config.data), "--database", config.database_url]
    return lambda *words: CliRunner(env=clean).invoke(main, [*words, *where])


def choose(client: Client, ada: Member, **days: int | None) -> Any:
    """Choose through the API, as an owner; what is not named is kept for ever."""
    body = {"event_days": None, "journal_days": None, **days}
    return client(ada.token).put(ADDRESS, json=body)


def run_of(team: TeamApi, number: int = 3, status: str = "deviated", **more: Any) -> str:
    """The path of an execution that sent some events and has ended."""
    path = team.started(**more)
    batch = [event(f"e-{index}") for index in range(number)]
    team.post(path + "/events", batch, headers={"Content-Type": BATCH})
    assert team.put(path, {"journal": ended(status, **more)}).status_code == 204
    return path


def details(team: TeamApi, path: str) -> Any:
    """What the API says of an execution."""
    return team.get(f"/executions/{path.rpartition('/')[2]}").json()


def count_rows(database: Database, table: Any) -> int:
    with database.read() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def test_nothing_is_removed_unless_somebody_chose(
    bobs: TeamApi, database: Database, now: Clock, apply: Apply
) -> None:
    """However old it gets."""
    path = run_of(bobs)
    now.pass_by(days=4000)

    assert apply() == {}
    assert bobs.get(path).status_code == 200
    assert len(bobs.get(path + "/events").json()["items"]) == 3


def test_old_events_and_journals_go_and_the_outcome_stays(
    bobs: TeamApi, client: Client, ada: Member, now: Clock, apply: Apply
) -> None:
    """Each after its own number of days; the sentence is the one that was there before."""
    path = run_of(bobs)
    before = details(bobs, path)
    choose(client, ada, event_days=10, journal_days=30)

    now.pass_by(days=11)
    [removed] = apply().values()
    between = details(bobs, path)
    now.pass_by(days=20)
    apply()
    after = details(bobs, path)

    assert (removed.events, removed.records, removed.journals) == (3, 1, 0)
    assert between["journal"] == before["journal"]
    assert between["events_removed_at"] is not None
    assert after["journal"] is None
    assert after["journal_removed_at"] is not None
    assert bobs.get(path).status_code == 410
    assert "removed" in bobs.get(path).json()["detail"]
    stays = ("outcome", "sentence", "warnings", "reasons", "conclusive", "title", "tags", "status")
    assert {name: after[name] for name in stays} == {name: before[name] for name in stays}


def test_what_is_not_old_enough_stays(
    bobs: TeamApi, client: Client, ada: Member, now: Clock, apply: Apply
) -> None:
    """The age is that of the run's start."""
    old = run_of(bobs)
    now.pass_by(days=9)
    young = run_of(bobs, start=now().isoformat())
    choose(client, ada, event_days=10, journal_days=10)
    now.pass_by(days=2)

    apply()

    assert bobs.get(old).status_code == 410
    assert bobs.get(young).status_code == 200


def test_a_run_that_goes_on_is_left_alone(
    bobs: TeamApi, client: Client, ada: Member, now: Clock, apply: Apply
) -> None:
    """However long it takes, as long as it is heard of; silent for a day, it is lost."""
    path = bobs.started()
    choose(client, ada, event_days=1, journal_days=1)
    now.pass_by(days=3)
    bobs.post(path + "/events", [event("e-1")], headers={"Content-Type": BATCH})

    assert apply() == {}
    now.pass_by(days=2)
    [removed] = apply().values()

    assert (removed.events, removed.journals) == (1, 1)


def test_another_organization_s_records_stay(
    bobs: TeamApi, eves: TeamApi, client: Client, ada: Member, now: Clock, apply: Apply
) -> None:
    """Both teams are Acme's: both follow; an organization without a choice does not."""
    mine, theirs = run_of(bobs), run_of(eves)
    choose(client, ada, event_days=1)
    now.pass_by(days=2)

    apply()

    assert bobs.get(mine + "/events").json()["items"] == []
    assert eves.get(theirs + "/events").json()["items"] == []


@pytest.mark.parametrize("field", ["tag", "execution_id"])
def test_what_is_held_stays(
    bobs: TeamApi, client: Client, ada: Member, now: Clock, apply: Apply, field: str
) -> None:
    """By a tag, exactly as it is written, or by the run itself; until it is released."""
    document = experiment(tags=["audit-2026"])
    held_run = run_of(bobs, experiment=document)
    other = run_of(bobs, experiment=experiment(tags=["Audit-2026"]))
    choose(client, ada, event_days=1, journal_days=1)
    value = "audit-2026" if field == "tag" else held_run.rpartition("/")[2]
    body = {field: value, "reason": "the review"}
    hold = client(ada.token).post(f"{ADDRESS}/holds", json=body)
    now.pass_by(days=2)

    apply()
    assert hold.status_code == 201
    assert bobs.get(held_run).status_code == 200
    assert bobs.get(other).status_code == 410

    released = client(ada.token).delete(f"{ADDRESS}/holds/{hold.json()['id']}")
    apply()
    assert released.status_code == 204
    assert bobs.get(held_run).status_code == 410


def test_a_hold_that_comes_between_two_steps_is_respected(
    bobs: TeamApi, client: Client, ada: Member, database: Database, now: Clock
) -> None:
    """What was found due is looked at again by the write itself."""
    path = run_of(bobs)
    choose(client, ada, journal_days=1)
    now.pass_by(days=2)
    execution_id = path.rpartition("/")[2]
    client(ada.token).post(f"{ADDRESS}/holds", json={"execution_id": execution_id})

    left, removed = database.write(
        lambda c: removals.remove_due(
            c,
            ada.organization_id,
            removals.Content.JOURNAL,
            removals.EXECUTIONS,
            [execution_id],
            Removed(),
            now(),
        )
    ).result()

    assert (list(left), removed) == ([], Removed())
    assert bobs.get(path).status_code == 200


def test_the_dry_run_says_exactly_what_goes(
    bobs: TeamApi, client: Client, ada: Member, now: Clock, apply: Apply
) -> None:
    """By the rules that it is removed by; and it changes nothing."""
    run_of(bobs, 3)
    run_of(bobs, 250)
    _finish(bobs, _run(bobs))
    now.pass_by(days=2)

    body = {"event_days": 1, "journal_days": 1, "dry_run": True}
    due = client(ada.token).put(ADDRESS, json=body).json()["due"]
    unchanged = client(ada.token).get(ADDRESS).json()
    assert apply() == {}
    choose(client, ada, event_days=1, journal_days=1)
    [removed] = apply().values()

    assert (unchanged["event_days"], unchanged["journal_days"]) == (None, None)
    assert due["events"] == removed.events == 253
    assert due["event_records"] == removed.records == 2
    assert due["journals"] == removed.journals
    assert due["event_bytes"] > 0
    assert due["journal_bytes"] > 0
    nothing = {"events": 0, "event_records": 0, "event_bytes": 0, "journals": 0, "journal_bytes": 0}
    assert client(ada.token).get(ADDRESS).json()["due"] == nothing


def test_the_same_journal_sent_again_is_known(
    bobs: TeamApi, client: Client, ada: Member, now: Clock, apply: Apply
) -> None:
    """It makes no second version; another one does, and is there to read."""
    path = run_of(bobs)
    choose(client, ada, journal_days=1)
    now.pass_by(days=2)
    apply()

    again = bobs.put(path, {"journal": ended("deviated")})
    assert again.status_code == 204
    assert bobs.get(path).status_code == 410

    bobs.put(path, {"journal": ended("completed")})
    assert bobs.get(path).json()["status"] == "completed"
    versions = f"/executions/{path.rpartition('/')[2]}/journals"
    assert [version["number"] for version in bobs.get(versions).json()] == [2, 1]
    assert bobs.get(versions + "/1").status_code == 410


def test_earlier_versions_of_a_journal_go_too(
    bobs: TeamApi, client: Client, ada: Member, database: Database, now: Clock, apply: Apply
) -> None:
    """Who sent them stays."""
    path = run_of(bobs)
    bobs.put(path, {"journal": ended("completed")})
    choose(client, ada, journal_days=1)
    now.pass_by(days=2)
    apply()

    with database.read() as connection:
        assert set(connection.scalars(select(journal_versions.c.journal))) == {b""}
        assert set(connection.scalars(select(executions.c.journal))) == {b""}
    versions = bobs.get(f"/executions/{path.rpartition('/')[2]}/journals").json()
    assert [version["person_name"] for version in versions] == ["Bob", "Bob"]


def test_a_verification_run_keeps_its_insight(
    bobs: TeamApi, client: Client, ada: Member, bob: Member, now: Clock, apply: Apply
) -> None:
    """Its journal goes, what its samples came to stays, and its page says so."""
    run = _run(bobs)
    results = {
        "successful_samples": 16,
        "deviated_samples": 4,
        "not_run_samples": 0,
        "total_number_of_samples": 20,
        "total_duration": 341,
    }
    _finish(bobs, run, results=results)
    before = bobs.get(run).json()
    choose(client, ada, event_days=1, journal_days=1)
    now.pass_by(days=2)
    apply()

    after = bobs.get(run).json()
    assert after["journal"] is None
    assert (after["insight"], after["results"]) == (before["insight"], before["results"])
    _finish(bobs, run, results=results)
    assert bobs.get(run).json()["journal"] is None
    browser = Browser(client())
    browser.sign_in(bob.token)
    page = Seen(browser.open(f"/acme/checkout{run}")).text
    assert "The journal was removed on 2026-03-04" in page
    assert "16 held, 4 did not, 0 not run" in page


def test_the_audit_log_has_one_entry_for_a_pass(
    bobs: TeamApi, client: Client, ada: Member, now: Clock, apply: Apply
) -> None:
    """However many steps it took; who chose stands there as well."""
    for _ in range(3):
        run_of(bobs, 600)
    choose(client, ada, event_days=1, journal_days=2)
    now.pass_by(days=3)
    apply()

    address = "/api/v1/organizations/acme/audit"
    entries = client(ada.token).get(address, params={"kind": "records"}).json()["items"]
    sentences = [e["sentence"] for e in entries if e["action"].startswith("retention")]
    assert sentences == [
        "removed what is not kept any more: 1,800 events of 3 runs, 3 journals",
        "chose what is kept: events for 1 day, journals for 2 days"
        " (before: events for ever, journals for ever)",
    ]


def test_the_pages_of_a_run_say_what_was_removed(
    bobs: TeamApi, client: Client, bob: Member, ada: Member, now: Clock, apply: Apply
) -> None:
    """The execution's, its journal's, and the comparison with another run."""
    experiment_id = bobs.published()
    paths = []
    for status in ("completed", "deviated"):
        path = bobs.started(experiment_id)
        bobs.put(path, {"journal": ended(status)})
        paths.append(path)
    browser = Browser(client())
    browser.sign_in(bob.token)
    page = f"/acme/checkout/executions/{paths[1].rpartition('/')[2]}"
    before = Seen(browser.open(page))
    choose(client, ada, event_days=1, journal_days=1)
    now.pass_by(days=2)
    apply()

    after = Seen(browser.open(page))
    sentence = details(bobs, paths[1])["sentence"]
    assert "The journal was removed on 2026-03-04" in after.text
    assert sentence[1:] in after.text
    assert sentence[1:] in before.text
    assert page + "/journal" in before.links
    assert page + "/journal" not in after.links
    assert "No activity" not in after.text
    for address in ("/journal", "/journal.json"):
        assert browser.open(page + address).status_code == 410
    assert "cannot be compared any more" in Seen(browser.open(page + "/compare")).text


def test_an_owner_chooses_on_a_page(
    bobs: TeamApi, client: Client, ada: Member, now: Clock, apply: Apply
) -> None:
    """Asked first what it would remove, then saved; holds are set and released there."""
    path = run_of(bobs)
    now.pass_by(days=5)
    browser = Browser(client())
    browser.sign_in(ada.token)
    page = "/acme/checkout/retention"

    response = browser.submit(page, page, event_days="2", journal_days="", do="ask")
    assert "3 events of 1 runs" in Seen(response).text
    assert apply() == {}
    execution_id = path.rpartition("/")[2]
    browser.submit(page, page + "/holds", execution=execution_id, reason="Evidence")
    browser.submit(page, page, event_days="2", journal_days="3", do="save")
    assert apply() == {}
    view = Seen(browser.open(page))
    assert "Evidence" in view.text
    hold_id = client(ada.token).get(ADDRESS).json()["holds"][0]["id"]
    browser.submit(page, f"{page}/holds/{hold_id}/release")
    assert len(apply()) == 1


@pytest.mark.parametrize("days", ["-1", "0", "soon", "1.5", "36501", "٣"])
def test_what_is_no_number_of_days_is_refused_on_the_page(
    client: Client, ada: Member, checkout: object, days: str
) -> None:
    """In words, and nothing is changed."""
    browser = Browser(client())
    browser.sign_in(ada.token)
    page = "/acme/checkout/retention"

    answer = browser.submit(page, page, event_days=days, do="save")

    assert answer.status_code == 422
    assert client(ada.token).get(ADDRESS).json()["event_days"] is None


def test_only_owners_see_and_change_it(client: Client, bob: Member, checkout: object) -> None:
    """A member is told so by the API; the page does not exist for them."""
    body = {"event_days": 1, "journal_days": 1}
    browser = Browser(client())
    browser.sign_in(bob.token)

    assert client(bob.token).get(ADDRESS).status_code == 403
    assert client(bob.token).put(ADDRESS, json=body).status_code == 403
    assert client(bob.token).post(f"{ADDRESS}/holds", json={"tag": "a"}).status_code == 403
    assert browser.open("/acme/checkout/retention").status_code == 404
    assert "/acme/checkout/retention" not in Seen(browser.open("/acme/checkout/audit")).links


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"tag": "a", "execution_id": "b"}, 422),
        ({"execution_id": "nobody-s"}, 404),
        ({"tag": ""}, 422),
        ({"tag": "a", "more": 1}, 422),
    ],
)
def test_a_hold_names_one_thing_that_is_there(
    client: Client, ada: Member, body: dict[str, object], status: int
) -> None:
    """Anything else is refused with a reason."""
    assert client(ada.token).post(f"{ADDRESS}/holds", json=body).status_code == status


def test_the_same_is_not_held_twice(client: Client, ada: Member) -> None:
    """It would have to be released twice."""
    first, second = (
        client(ada.token).post(f"{ADDRESS}/holds", json={"tag": "audit"}) for _ in range(2)
    )

    assert (first.status_code, second.status_code) == (201, 409)


def test_the_operator_chooses_by_commands(
    operate: Callable[..., Result], bobs: TeamApi, now: Clock, apply: Apply
) -> None:
    """With a dry run, holds by tag and by execution, and their release."""
    path = run_of(bobs)
    now.pass_by(days=40)

    dry = operate("retention", "set", "--events", "30", "--dry-run")
    assert "3 events of 1 runs" in dry.output
    assert "events for ever" in operate("retention", "show").output
    assert operate("retention", "set", "--events", "30", "--journals", "365").exit_code == 0
    assert "events for 30 days, journals for 365 days" in operate("retention", "show").output
    operate("retention", "set", "--journals", "forever")
    assert "journals for ever" in operate("retention", "show").output
    result = operate("retention", "hold", "--execution", path.rpartition("/")[2], "--as", "Olga")
    assert "Olga (operator)" in operate("retention", "show").output
    assert apply() == {}
    hold_id = result.output.split()[-1]
    assert operate("retention", "release", hold_id).exit_code == 0
    assert operate("retention", "release", hold_id).exit_code == 1


@pytest.mark.parametrize("words", [[], ["--events", "soon"], ["--events", "0"]])
def test_a_choice_that_makes_no_sense_is_refused(
    operate: Callable[..., Result], acme: object, words: list[str]
) -> None:
    """As a wrong use of the command."""
    assert operate("retention", "set", *words).exit_code == 2


@pytest.mark.sqlite_files
def test_the_file_gets_smaller(
    bobs: TeamApi, client: Client, ada: Member, database: Database, now: Clock, apply: Apply
) -> None:
    """What is removed gives the disk its room back, without stopping anything."""
    for _ in range(3):
        output = secrets.token_hex(2_500_000)  # which compression makes half as long
        run_of(bobs, run=[{"output": output, "status": "succeeded"}])
    assert database.file is not None
    _checkpoint(database)
    before = database.file.stat().st_size
    choose(client, ada, journal_days=1)
    now.pass_by(days=2)

    apply()
    _checkpoint(database)

    assert before > 6_000_000
    assert database.file.stat().st_size < before / 10


@pytest.mark.sqlite_files
def test_an_older_file_gets_smaller_by_a_command(
    operate: Callable[..., Result], tmp_path: Path, now: Clock
) -> None:
    """A file made before, which gives no room back by itself, does after `compact`."""
    import sqlite3

    file = tmp_path / "console.sqlite3"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA auto_vacuum=NONE")
        connection.execute("VACUUM")
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (0,)
    connection.close()

    compacted = operate("compact")

    assert compacted.exit_code == 0, compacted.output
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    connection.close()


def _checkpoint(database: Database) -> None:
    """Bring what stands in SQLite's log into the file."""

    def checkpoint(connection: Connection) -> None:
        raw: Any = connection.connection.driver_connection
        raw.execute("COMMIT")
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        raw.execute("BEGIN IMMEDIATE")
        raw.execute("SAVEPOINT job")

    database.write(checkpoint).result()


def test_the_journal_of_a_start_is_no_removed_one(bobs: TeamApi, database: Database) -> None:
    """Everything else is as it was: a run that begins has its journal and no note."""
    path = bobs.started()

    assert details(bobs, path)["journal_removed_at"] is None
    assert bobs.get(path).json() == journal()
    assert count_rows(database, events) == 0
