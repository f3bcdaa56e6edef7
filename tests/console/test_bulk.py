"""Statements that go through the driver alone do what SQLAlchemy's would."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError, ProgrammingError

from chaoscloud.console.db import CannotWrite, Database, bulk
from chaoscloud.console.db.schema import tokens
from tests.console.conftest import Member

MOMENTS = [
    datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
    datetime(2026, 3, 2, 9, 30, 1, 500, tzinfo=UTC),
    datetime(2026, 3, 2, 9, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
]


@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_a_time_is_stored_as_by_its_column(
    database: Database, bob: Member, moment: datetime
) -> None:
    """Times are compared in SQL: two ways to write one would put rows in a wrong order."""
    last_used_at = tokens.c.last_used_at

    def use(connection: Connection) -> int:
        mark, value = bulk.mark(connection), bulk.moment_writer(connection)(moment)
        statement = f"UPDATE tokens SET last_used_at = {mark} WHERE id = {mark}"  # noqa: S608
        bulk.execute(connection, statement, (value, bob.token_id))
        return len(connection.execute(select(tokens).where(last_used_at == moment)).all())

    assert database.write(use).result() == 1


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("SELECT * FROM nowhere", (CannotWrite, ProgrammingError)),
        ("INSERT INTO revisions (name, number) VALUES ('access', NULL)", IntegrityError),
    ],
)
def test_an_error_of_the_driver_is_sqlalchemys(
    database: Database, statement: str, error: type[Exception]
) -> None:
    """Whoever looks at errors need not know who ran the statement."""
    with pytest.raises(error):
        database.write(lambda connection: bulk.execute(connection, statement)).result()
