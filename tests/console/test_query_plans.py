"""By which index SQLite finds what pages show: the few rows, not all of a team's."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event

from chaoscloud.console.db import Database
from chaoscloud.console.records.teams import Team
from tests.console.browser import Browser
from tests.console.conftest import Client, Member
from tests.console.documents import ended, experiment
from tests.console.team import TeamApi

TEAM = "/acme/checkout"


@pytest.fixture
def statements() -> Iterator[list[tuple[str, Any]]]:
    """What the console asks its database, as it is asked."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    yield asked
    event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture
def browser(client: Client, ada: Member, bob: Member, checkout: Team) -> Browser:
    api = TeamApi(client(token=bob.token), checkout)
    path = api.started(api.published())
    assert api.put(path, {"journal": ended("aborted", experiment=experiment())}).is_success
    visitor = Browser(client())
    visitor.sign_in(ada.token)
    return visitor


def explain(database: Database, statements: list[tuple[str, Any]]) -> list[str]:
    """The steps of the plans of these statements."""
    with database.read() as connection:
        return [
            str(row[3])
            for statement, parameters in list(statements)
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]


@pytest.mark.parametrize("path", ["/executions", "/executions?outcome=aborted", ""])
def test_rows_are_found_by_their_ids(
    browser: Browser, database: Database, statements: list[tuple[str, Any]], path: str
) -> None:
    """And not by reading every execution, or verification run, of the team."""
    browser.open(f"{TEAM}{path}")

    steps = explain(database, statements)

    assert any("SEARCH executions USING INDEX sqlite_autoindex" in step for step in steps)
    assert not [step for step in steps if "executions_by_status (team_id=?)" in step]
    assert not [step for step in steps if "runs_by_verification (team_id=?)" in step]


def test_rare_states_are_counted_by_their_own_indexes(
    browser: Browser, database: Database, statements: list[tuple[str, Any]]
) -> None:
    """Dry runs and inconclusive ones; and the overview looks so for what was left behind."""
    browser.open(f"{TEAM}/executions")
    browser.open(TEAM)

    steps = " ".join(explain(database, statements))

    for index in ("outcomes_dry", "outcomes_inconclusive", "outcomes_left_behind"):
        assert f"INDEX {index} (team_id=? AND" in steps


def test_the_audit_log_is_read_from_its_end(
    browser: Browser, database: Database, statements: list[tuple[str, Any]]
) -> None:
    """Along the organization's index, whoever reads: nothing is sorted that is not shown."""
    browser.open(f"{TEAM}/audit")

    steps = explain(database, [item for item in statements if "FROM audit" in item[0]])

    assert any("audit_by_organization" in step for step in steps)
    assert not [step for step in steps if "TEMP B-TREE" in step]
