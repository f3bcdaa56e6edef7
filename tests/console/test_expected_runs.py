"""Runs that a team expects by a schedule, and those that did not come."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from chaoscloud.console.app import judge_expected_runs
from chaoscloud.console.cli import main
from chaoscloud.console.config import Config
from chaoscloud.console.db import Database
from chaoscloud.console.db.schema import expected_runs as table
from chaoscloud.console.db.schema import messages
from chaoscloud.console.records import expected_runs
from chaoscloud.console.rules.schedules import (
    InvalidSchedule,
    Schedule,
    describe,
    find_window,
    list_moments,
    read_schedule,
)
from tests.console.browser import Browser, Seen
from tests.console.conftest import Client, Clock, Member
from tests.console.documents import ended, journal
from tests.console.team import TeamApi

PAGE = "/acme/checkout/expected-runs"
# The clock stands at Monday, 9:30; so Tuesday at 6:00 is the first moment.
WEEKDAYS = {"cron": "0 6 * * 1-5", "zone": "UTC", "grace": 1800.0}
TUESDAY = datetime(2026, 3, 3, 6, tzinfo=UTC)

Judge = Callable[[], None]


@pytest.fixture
def judge(database: Database, now: Clock) -> Judge:
    """What the console does by itself every few seconds."""
    return lambda: asyncio.run(judge_expected_runs(database, now()))


@pytest.fixture
def browser(client: Client, bob: Member) -> Browser:
    browser = Browser(client())
    browser.sign_in(bob.token)
    return browser


@pytest.fixture
def experiment(bobs: TeamApi) -> str:
    """An experiment that the team expects on weekdays."""
    experiment_id = bobs.published()
    expect(bobs, experiment_id)
    return experiment_id


def expect(api: TeamApi, experiment_id: str, **more: Any) -> Any:
    answer = api.post("/expected-runs", {"experiment_id": experiment_id, **WEEKDAYS, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def missed(api: TeamApi) -> list[str]:
    """The moments by which no run came, the latest first."""
    return [item["due_at"] for item in api.get("/missed-runs").json()]


def run(api: TeamApi, experiment_id: str, start: datetime, **more: Any) -> None:
    """Record a run that started then."""
    path = api.started(experiment_id, start=start.isoformat(), **more)
    document = ended(**{"start": start.isoformat(), "end": start.isoformat(), **more})
    assert api.put(path, {"journal": document}).is_success


def test_a_run_that_does_not_come_is_missed(
    bobs: TeamApi, experiment: str, judge: Judge, now: Clock
) -> None:
    """Once its grace is over, and no sooner; one row for each moment."""
    now.at = TUESDAY + timedelta(minutes=29)
    judge()
    before = missed(bobs)
    now.pass_by(minutes=1)
    judge()
    judge()

    assert before == []
    assert missed(bobs) == ["2026-03-03T06:00:00Z"]


@pytest.mark.parametrize(
    "start",
    [TUESDAY - timedelta(hours=2), TUESDAY, TUESDAY + timedelta(minutes=30)],
    ids=["before", "at the moment", "at the end of its grace"],
)
def test_a_run_that_comes_is_not_missed(
    bobs: TeamApi, experiment: str, judge: Judge, now: Clock, start: datetime
) -> None:
    """Whatever its outcome."""
    run(bobs, experiment, start, deviated=True)

    now.at = TUESDAY + timedelta(hours=1)
    judge()

    assert missed(bobs) == []


def test_what_was_not_really_run_did_not_come(
    bobs: TeamApi, experiment: str, judge: Judge, now: Clock
) -> None:
    """A dry run does nothing, and one that safeguards denied did not start."""
    at = TUESDAY - timedelta(hours=1)
    run(bobs, experiment, at, experiment={**journal()["experiment"], "dry": "activities"})
    denied = {"extensions": [{"name": "chaosiq", "safeguards": [{"name": "no"}]}]}
    run(bobs, experiment, at, status="interrupted", run=[], **denied)

    now.at = TUESDAY + timedelta(hours=1)
    judge()

    assert missed(bobs) == ["2026-03-03T06:00:00Z"]


def test_a_console_that_was_away_judges_what_it_missed(
    bobs: TeamApi, experiment: str, judge: Judge, now: Clock
) -> None:
    """Every weekday since; Saturday and Sunday are none."""
    now.at = datetime(2026, 3, 9, 8, tzinfo=UTC)
    judge()

    assert missed(bobs) == [f"2026-03-{day:02d}T06:00:00Z" for day in (9, 6, 5, 4, 3)]


def test_a_console_that_was_away_for_years_begins_with_the_latest(
    bobs: TeamApi, judge: Judge, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not fill its database with what nobody would read."""
    monkeypatch.setattr(expected_runs, "MOST_MOMENTS", 3)
    expect(bobs, bobs.published(), cron="* * * * *", grace=0)

    now.pass_by(days=800)
    judge()
    judge()

    assert len(missed(bobs)) == 3
    assert missed(bobs)[0] == now().isoformat().replace("+00:00", "Z")


def test_a_run_that_is_recorded_later_takes_its_row_back(
    bobs: TeamApi, experiment: str, judge: Judge, now: Clock
) -> None:
    """It had started in time, and its machine could not reach the console."""
    now.at = TUESDAY + timedelta(hours=1)
    judge()
    before = missed(bobs)

    run(bobs, experiment, TUESDAY - timedelta(minutes=5))
    judge()

    assert before == ["2026-03-03T06:00:00Z"]
    assert missed(bobs) == []


def test_several_processes_make_one_row_and_one_event(
    bobs: TeamApi, experiment: str, database: Database, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each judges by the same rows, whoever is first."""
    told: list[str] = []
    monkeypatch.setattr(expected_runs, "announce_missed", lambda *args: told.append(args[3]))
    now.at = TUESDAY + timedelta(hours=1)

    def judge_as_if_nobody_had(connection: Any) -> int:
        again = table.update().values(
            checked_until=TUESDAY - timedelta(hours=1), next_check_at=TUESDAY
        )
        connection.execute(again)
        return expected_runs.judge_due(connection, now())

    counts = [database.write(judge_as_if_nobody_had).result() for _ in range(3)]

    assert counts == [1, 0, 0]
    assert len(told) == 1
    assert missed(bobs) == ["2026-03-03T06:00:00Z"]


def test_a_missed_run_is_told_to_subscribers(
    bobs: TeamApi, experiment: str, judge: Judge, now: Clock, database: Database
) -> None:
    """As an event that leads to the page."""
    body = {
        "name": "chat",
        "target": "webhook",
        "settings": {"url": "https://chat.example/hook"},
        "events": ["expected-run.missed"],
    }
    answer = bobs.post("/subscriptions", body)
    assert answer.status_code == 201, answer.text

    now.at = TUESDAY + timedelta(hours=1)
    judge()

    with database.read() as connection:
        [event] = connection.execute(select(messages.c.event)).scalars()
    assert "was expected to run by 2026-03-03 06:00 UTC, and did not." in event
    assert "/acme/checkout/expected-runs" in event


def test_what_is_expected_no_more_is_not_missed(
    bobs: TeamApi, experiment: str, judge: Judge, now: Clock
) -> None:
    """Neither from now on, nor in the list."""
    [expected] = bobs.get("/expected-runs").json()
    now.at = TUESDAY + timedelta(hours=1)
    judge()

    assert bobs.client.delete(f"{bobs.base}/expected-runs/{expected['id']}").status_code == 204
    now.pass_by(days=3)
    judge()

    assert bobs.get("/expected-runs").json() == []
    assert missed(bobs) == []


def test_the_list_says_what_comes_next(
    bobs: TeamApi, experiment: str, judge: Judge, now: Clock
) -> None:
    """In words, with the last that was missed."""
    now.at = TUESDAY + timedelta(hours=1)
    judge()

    [expected] = bobs.get(f"/expected-runs?experiment={experiment}").json()

    assert expected["description"] == "At 06:00 on Monday through Friday (UTC)"
    assert expected["next_due_at"] == "2026-03-04T06:00:00Z"
    assert expected["last_missed_at"] == "2026-03-03T06:00:00Z"
    assert expected["author"] == "Bob"


def test_a_missed_run_needs_attention_until_one_comes(
    bobs: TeamApi, browser: Browser, experiment: str, judge: Judge, now: Clock
) -> None:
    """On the overview, once for each schedule; or until somebody has seen it."""
    now.at = TUESDAY + timedelta(days=1, hours=1)
    judge()
    before = Seen(browser.open("/acme/checkout")).text
    run(bobs, experiment, now())

    after = Seen(browser.open("/acme/checkout")).text

    assert before.count("It was expected by 4 Mar 2026 06:00 UTC.") == 1
    assert "It was expected by" not in after


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"cron": "at 6 on every day"}, "no cron expression"),
        ({"cron": "0 6 * * 1-5 *"}, "five fields"),
        ({"cron": "0 0 31 2 *"}, "no cron expression"),
        ({"zone": "Europe/Atlantis"}, "no time zone 'Europe/Atlantis'"),
        ({"zone": "../etc/passwd"}, "no time zone"),
        ({"experiment_id": "unknown"}, "no such experiment"),
        ({"grace": -1}, "grace"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(
    bobs: TeamApi, more: dict[str, Any], words: str
) -> None:
    """With what is wrong about it."""
    body = {"experiment_id": bobs.published(), **WEEKDAYS, **more}

    answer = bobs.post("/expected-runs", body)

    assert answer.status_code == 422
    assert words in answer.text
    assert bobs.get("/expected-runs").json() == []


def test_a_team_expects_a_bounded_number_of_runs(
    bobs: TeamApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script that expects for ever is told to stop."""
    monkeypatch.setattr(expected_runs, "MOST_EXPECTED", 1)
    experiment_id = bobs.published()
    expect(bobs, experiment_id)

    answer = bobs.post("/expected-runs", {"experiment_id": experiment_id, **WEEKDAYS})

    assert answer.status_code == 422


def test_another_team_sees_and_changes_nothing(
    bobs: TeamApi, eves: TeamApi, experiment: str
) -> None:
    """To Eve, it is not there."""
    [expected] = bobs.get("/expected-runs").json()

    assert eves.get("/expected-runs").json() == []
    assert eves.client.delete(f"{eves.base}/expected-runs/{expected['id']}").status_code == 404
    assert eves.post("/expected-runs", {"experiment_id": experiment, **WEEKDAYS}).status_code == 422


# --- the rule ----------------------------------------------------------------------------------


def test_moments_are_those_of_the_zone() -> None:
    """Also where clocks are changed: 06:00 in Paris is 05:00 UTC in winter, 04:00 in summer."""
    schedule = Schedule("0 6 * * *", "Europe/Paris")

    moments = list_moments(
        schedule, datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 3, 30, tzinfo=UTC), 10
    )

    assert [f"{moment:%d %H:%M}" for moment in moments] == ["27 05:00", "28 05:00", "29 04:00"]


def test_each_run_is_in_one_window() -> None:
    """The next begins where one ends, with the grace of both."""
    schedule = Schedule("0 6 * * *", "UTC", 1800.0)

    first = find_window(schedule, TUESDAY)
    second = find_window(schedule, TUESDAY + timedelta(days=1))

    assert first.until == second.since == TUESDAY + timedelta(minutes=30)


@pytest.mark.parametrize("cron", ["0 6 * * 1-5", "*/15 * * * *", "0 0 1 * *", "0 6 L * *"])
def test_a_schedule_is_described_in_words(cron: str) -> None:
    """With its zone."""
    assert describe(read_schedule(cron, "", 0)).endswith("(UTC)")


def test_a_schedule_of_no_day_is_none() -> None:
    """It would never be missed."""
    with pytest.raises(InvalidSchedule):
        read_schedule("0 0 30 2 *", "UTC", 0)


# --- page and command --------------------------------------------------------------------------


def test_a_run_is_expected_on_the_page(browser: Browser, bobs: TeamApi) -> None:
    """And shown there, in words; the audit log has who did it."""
    experiment_id = bobs.published()

    answer = browser.submit(
        PAGE, PAGE, experiment=experiment_id, cron="0 6 * * 1-5", zone="", grace="30 min"
    )

    shown = Seen(browser.open(answer.headers["location"])).text
    assert "At 06:00 on Monday through Friday (UTC)" in shown
    assert "30 min of grace" in shown
    assert "Bob expected runs of" in Seen(browser.open("/acme/checkout/audit")).text


def test_a_form_that_makes_no_sense_stays_filled_in(browser: Browser, bobs: TeamApi) -> None:
    """With what is wrong."""
    answer = browser.submit(PAGE, PAGE, experiment=bobs.published(), cron="daily", grace="0")

    assert answer.status_code == 422
    assert "five fields" in Seen(answer).text
    assert 'value="daily"' in answer.text


def test_the_page_shows_what_did_not_come(
    browser: Browser, experiment: str, judge: Judge, now: Clock, bobs: TeamApi
) -> None:
    """Until it is expected no more."""
    now.at = TUESDAY + timedelta(hours=1)
    judge()
    before = Seen(browser.open(PAGE)).text
    [expected] = bobs.get("/expected-runs").json()

    browser.submit(PAGE, f"{PAGE}/{expected['id']}/remove")

    assert "Did not come" in before
    assert "Did not come" not in Seen(browser.open(PAGE)).text


def test_an_operator_expects_runs(
    bobs: TeamApi, database: Database, config: Config, bob: Member
) -> None:
    """By the experiment's title; lists and removes them too."""
    bobs.published()
    title = journal()["experiment"]["title"]

    def operate(*words: str) -> str:
        command = [*words, "--team", "Checkout", "--database", config.database_url]
        result = CliRunner(env={"DATABASE_URL": None}).invoke(main, command)
        assert result.exit_code == 0, result.output
        return result.stdout

    added = operate("expected", "add", title, "0 6 * * 1-5", "--grace", "30m", "--as", "Ops")
    listed = operate("expected", "list")
    [expected] = bobs.get("/expected-runs").json()
    missed_runs = operate("expected", "missed")
    operate("expected", "remove", expected["id"], "--as", "Ops")

    assert "At 06:00 on Monday through Friday (UTC)" in added
    assert expected["id"] in listed
    assert expected["author"] == "Ops (operator)"
    assert missed_runs.split() == ["EXPERIMENT", "EXPECTED", "BY"]
    assert bobs.get("/expected-runs").json() == []
