"""The same console on PostgreSQL, where the machine has one: a scratch server on a socket file."""

import queue
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError
from starlette.testclient import TestClient

from chaoscloud.console.api.events import BATCH, SINGLE
from chaoscloud.console.app import create_app
from chaoscloud.console.config import Config
from chaoscloud.console.db import CannotOpen, Database
from chaoscloud.console.db.changes import DatabaseChange
from chaoscloud.console.db.engines import create_engines
from chaoscloud.console.db.migrations import NEWEST, alembic_version
from chaoscloud.console.db.notifications import (
    CHANNEL,
    Notification,
    NotificationListener,
    notify,
)
from chaoscloud.console.records import organizations, stops, teams
from chaoscloud.console.records.beginnings import begin
from chaoscloud.console.records.safeguard_snapshot import read_snapshot
from tests.console.conftest import Clock
from tests.console.documents import event
from tests.console.postgresql_server import AVAILABLE, address, create_database
from tests.console.team import TeamApi
from tests.console.test_migrations import compare_schema

WRITTEN_BY_1_0_0 = (
    Path(__file__).parents[1] / "together" / "version_1_0_0" / "console_postgresql.sql"
)
pytest.importorskip("psycopg")
if not AVAILABLE:
    pytest.skip("no PostgreSQL on this machine", allow_module_level=True)


@pytest.fixture
def server(postgresql_server: Path) -> Path:
    return postgresql_server


@pytest.fixture
def url(server: Path) -> str:
    """An empty database of its own for each test."""
    return address(server, create_database(server))


def test_processes_that_start_together_make_one_schema(url: str) -> None:
    """Any number of consoles may share a database, from its first moment."""
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: Database.open(url), range(4)))

    for database in opened:
        with database.read() as connection:
            assert connection.scalars(select(alembic_version)).all() == [NEWEST]
        database.close()


def test_the_migrations_lead_from_version_1_0_0_to_the_schema(url: str) -> None:
    """A database that 1.0.0 made there gets what a new one has."""
    engines = create_engines(url)
    with engines.writer.begin() as connection:
        connection.exec_driver_sql(WRITTEN_BY_1_0_0.read_text(encoding="utf-8"))

    Database.open(url).close()

    with engines.reader.connect() as connection:
        assert compare_schema(connection) == []
    engines.dispose()


def test_processes_that_start_together_begin_once(url: str, now: Clock) -> None:
    """One of them makes the owner's token, the others find everything there."""
    opened = [Database.open(url) for _ in range(4)]

    waiting = [database.write(lambda c: begin(c, now())) for database in opened]
    results = [future.result() for future in waiting]

    assert sorted(token is None for token in results) == [False, True, True, True]
    for database in opened:
        database.close()


def test_a_failing_job_takes_nobody_along(url: str, now: Clock) -> None:
    """Savepoints hold there too, for errors of the database itself."""

    def fail(connection: Connection) -> None:
        connection.exec_driver_sql("SELECT * FROM nowhere")

    with Database.open(url) as database:
        waiting: list[Future[Any]] = [
            database.write(lambda c: organizations.add(c, "Acme", now())),
            database.write(fail),
            database.write(lambda c: organizations.add(c, "Globex", now())),
        ]

        assert [future.exception() is None for future in waiting] == [True, False, True]
        with database.read() as connection:
            assert [organization.name for organization in organizations.list_page(connection)] == [
                "Acme",
                "Globex",
            ]


def test_a_reading_connection_cannot_write(url: str, now: Clock) -> None:
    """The server itself holds readers to reading."""
    with (
        Database.open(url) as database,
        database.read() as connection,
        pytest.raises(DBAPIError, match="read-only transaction"),
    ):
        organizations.add(connection, "Acme", now())


def test_the_console_answers_from_it(url: str, tmp_path: Path, now: Clock) -> None:
    """The first start's token lists the first start's organization and team."""
    config = Config.from_environ({"DATABASE_URL": url}, data=str(tmp_path))
    with Database.open(url) as database:
        owner = database.write(lambda c: begin(c, now())).result()
        assert owner is not None
        client = TestClient(create_app(config, database, now=now))
        headers = {"Authorization": f"Bearer {owner.token}"}

        [tenant] = client.get("/api/v1/organizations", headers=headers).json()
        answer = client.get(f"/api/v1/organizations/{tenant['id']}/teams", headers=headers)

        assert [team["name"] for team in answer.json()] == ["My team"]


def test_events_are_kept_once_there_too(url: str, tmp_path: Path, now: Clock) -> None:
    """One by one and in batches; what is not the database's own counts as new."""
    config = Config.from_environ({"DATABASE_URL": url}, data=str(tmp_path))
    with Database.open(url) as database:
        owner = database.write(lambda c: begin(c, now())).result()
        assert owner is not None
        headers = {"Authorization": f"Bearer {owner.token}"}
        client = TestClient(create_app(config, database, now=now), headers=headers)
        with database.read() as connection:
            [organization] = organizations.list_page(connection)
            [team] = teams.of_organization(connection, organization.id)
        team_api = TeamApi(client, team)
        events = team_api.started() + "/events"

        single = team_api.post(events, event("e-1"), headers={"Content-Type": SINGLE})
        batch = team_api.post(
            events, [event("e-1"), event("e-2", time=None)], headers={"Content-Type": BATCH}
        )

        assert (single.status_code, batch.json()) == (201, {"stored": 1, "duplicates": 1})
        stored = team_api.get(events).json()["items"]
        assert [(item["id"], item["data"]) for item in stored] == [
            ("e-1", event()["data"]),
            ("e-2", event()["data"]),
        ]


def test_a_server_that_is_away_is_one_clear_line(tmp_path: Path) -> None:
    """With the address, without the password."""
    with pytest.raises(CannotOpen, match="No such file or directory") as caught:
        Database.open(f"postgresql://ada:s3cret@/orders?host={tmp_path}")

    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_console_s_stop_is_seen(url: str, now: Clock) -> None:
    """What one process writes is counted where the other one looks."""
    with Database.open(url) as here, Database.open(url) as there:
        organization = here.write(lambda c: organizations.add(c, "Acme", now())).result()
        with here.read() as connection:
            before = read_snapshot(connection, organization.id, None, now())
        there.write(lambda c: stops.stop(c, organization.id, None, "Freeze", now())).result()

        with here.read() as connection:
            after = read_snapshot(connection, organization.id, before, now())
            again = read_snapshot(connection, organization.id, after, now())

    assert before.safeguards == ()
    assert [safeguard.name for safeguard in after.safeguards] == ["Freeze"]
    assert again is after


def test_while_the_server_is_away_reads_say_when_to_come_back(
    url: str, server: Path, tmp_path: Path, now: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """503 for each request, one line in the log, without what was asked; then all is well again."""
    import psycopg

    config = Config.from_environ({"DATABASE_URL": url}, data=str(tmp_path))
    with Database.open(url) as database:
        owner = database.write(lambda c: begin(c, now())).result()
        assert owner is not None
        headers = {"Authorization": f"Bearer {owner.token}"}
        client = TestClient(create_app(config, database, now=now), headers=headers)
        name = url.split("/")[3].partition("?")[0]
        with psycopg.connect(host=str(server), user="postgres", autocommit=True) as connection:
            _let_in(connection, name, "false")
            away = [client.get("/api/v1/organizations") for _ in range(5)]
            health = client.get("/healthz")
            _let_in(connection, name, "true")
        back = client.get("/api/v1/organizations")

    assert {answer.status_code for answer in away} == {503}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in away)
    assert health.status_code == 503
    assert "not currently accepting connections" in health.json()["database"]
    assert back.status_code == 200
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) == 1
    assert errors[0].exc_info is None
    assert "\n" not in errors[0].getMessage()


def _let_in(connection: Any, name: str, allowed: str) -> None:
    """Open or close a database, and cut the connections it has."""
    connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}")
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
    )


def test_a_change_in_one_process_is_told_to_the_others(url: str, now: Clock) -> None:
    """At once, with what it concerns; and not to the process that made it a second time."""
    heard: queue.SimpleQueue[frozenset[DatabaseChange]] = queue.SimpleQueue()
    with Database.open(url) as here:
        organization = here.write(lambda c: organizations.add(c, "Acme", now())).result()
        engines = create_engines(url)
        listener = NotificationListener(engines.reader, heard.put)
        sender = _send_as_another_process(url)

        received = heard.get(timeout=30)
        here.write(lambda c: organizations.add(c, "Globex", now())).result()
        sender.join()
        listener.close()
        engines.dispose()

    assert received == {DatabaseChange("safeguards", "acme")}
    assert organization.name == "Acme"
    assert heard.empty()


def _send_as_another_process(url: str) -> threading.Thread:
    """Notify again and again, for nobody knows when somebody listens."""
    payload = msgspec.json.encode(
        Notification("another", (DatabaseChange("safeguards", "acme"),))
    ).decode()

    def send() -> None:
        engines = create_engines(url)
        with engines.writer.begin() as connection:
            connection.execute(select(func.pg_sleep(0.5)))
            connection.execute(select(func.pg_notify(CHANNEL, "nonsense")))
            connection.execute(select(func.pg_notify(CHANNEL, payload)))
        engines.dispose()

    thread = threading.Thread(target=send)
    thread.start()
    return thread


def test_a_notification_has_room_for_any_number_of_changes(url: str) -> None:
    """More than a notification takes become one for all organizations."""
    many = [DatabaseChange("safeguards", f"organization-{number}") for number in range(1000)]
    engines = create_engines(url)

    with engines.writer.begin() as connection:
        notify(connection, many)

    engines.dispose()
