"""A console for tests: a real database file, a clock to set, and a cast with roles.

Ada owns the organization "Acme". Bob is on the team "Checkout", Eve on the team "Payments": she
sees nothing of Checkout.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection
from starlette.applications import Starlette
from starlette.testclient import TestClient

from chaoscloud.console.config import Config
from chaoscloud.console.db import Database
from chaoscloud.console.db.engines import find_file
from chaoscloud.console.records import organizations, people, teams, tokens
from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.teams import Team
from chaoscloud.console.rules.access import Role
from chaoscloud.console.watch import acknowledging
from tests.console.postgresql_server import address, create_database, drop_database, run_server
from tests.console.team import TeamApi


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what is about SQLite's files where the console keeps its data in PostgreSQL."""
    if config.getoption("--database") == "postgresql":
        skip = pytest.mark.skip(reason="it is about SQLite's files; this console has none")
        for item in items:
            if item.get_closest_marker("sqlite_files"):
                item.add_marker(skip)


@dataclass
class Clock:
    """The console's time: stands still until it is told to pass."""

    at: datetime = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, **time: float) -> datetime:
        self.at += timedelta(**time)
        return self.at


@dataclass(frozen=True)
class Member:
    """One of the cast, with a token of theirs."""

    id: str
    name: str
    token: str = field(repr=False)
    token_id: str
    organization_id: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


Client = Callable[..., TestClient]


@pytest.fixture(autouse=True)
def impatient_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sets a stop does not wait for runs that are only recorded."""
    monkeypatch.setattr(acknowledging, "PATIENCE", 0.0)


@pytest.fixture
def now() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Path]:
    """The folder of a running server, for all tests that want one."""
    with run_server() as folder:
        yield folder


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: Path) -> str:
    """The name of a database with the console's tables, to be copied."""
    name = create_database(postgresql_server)
    Database.open(address(postgresql_server, name)).close()
    return name


@pytest.fixture
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Config]:
    """A console on SQLite; on PostgreSQL with `pytest --database postgresql`."""
    if request.config.getoption("--database") == "sqlite":
        yield Config.from_environ({}, data=str(tmp_path))
        return
    server = request.getfixturevalue("postgresql_server")
    name = create_database(server, request.getfixturevalue("postgresql_template"))
    yield Config.from_environ({"DATABASE_URL": address(server, name)}, data=str(tmp_path))
    drop_database(server, name)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the console's tables, to be copied: making them takes six times as long."""
    file = tmp_path_factory.mktemp("template") / "console.sqlite3"
    Database.open(f"sqlite:///{file}").close()
    return file


@pytest.fixture
def database(config: Config, sqlite_template: Path) -> Iterator[Database]:
    file = find_file(config.database_url)
    if file is not None:
        shutil.copy(sqlite_template, file)
    with Database.open(config.database_url) as database:
        yield database


@pytest.fixture
def acme(database: Database, now: Clock) -> Organization:
    return database.write(lambda c: organizations.add(c, "Acme", now())).result()


@pytest.fixture
def checkout(database: Database, acme: Organization, now: Clock) -> Team:
    return database.write(lambda c: teams.add(c, acme.id, "Checkout", now())).result()


@pytest.fixture
def payments(database: Database, acme: Organization, now: Clock) -> Team:
    return database.write(lambda c: teams.add(c, acme.id, "Payments", now())).result()


@pytest.fixture
def ada(database: Database, acme: Organization, now: Clock) -> Member:
    return _member(database, now(), "Ada", acme, Role.OWNER)


@pytest.fixture
def bob(database: Database, acme: Organization, checkout: Team, now: Clock) -> Member:
    return _member(database, now(), "Bob", acme, Role.MEMBER, checkout)


@pytest.fixture
def eve(database: Database, acme: Organization, payments: Team, now: Clock) -> Member:
    return _member(database, now(), "Eve", acme, Role.MEMBER, payments)


@pytest.fixture
def app(config: Config, database: Database, now: Clock) -> Starlette:
    from chaoscloud.console.app import create_app

    return create_app(config, database, now=now)


@pytest.fixture
def client(app: Starlette) -> Iterator[Client]:
    """Make clients: `client()` for a stranger, `client(token=bob.token)` for Bob."""
    entry: list[TestClient] = []

    def make(token: str | None = None) -> TestClient:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        entry.append(
            TestClient(app, headers=headers, follow_redirects=False, raise_server_exceptions=False)
        )
        return entry[-1]

    yield make
    for item in entry:
        item.close()


@pytest.fixture
def bobs(client: Client, bob: Member, checkout: Team) -> TeamApi:
    """Bob's calls below his team."""
    return TeamApi(client(bob.token), checkout)


@pytest.fixture
def eves(client: Client, eve: Member, payments: Team) -> TeamApi:
    """Eve's calls below hers."""
    return TeamApi(client(eve.token), payments)


def _member(
    database: Database, now: datetime, name: str, organization: Organization, role: Role, *on: Team
) -> Member:
    def add(connection: Connection) -> Member:
        person = people.add(connection, name, now)
        organizations.admit(connection, organization.id, person.id, role)
        for team in on:
            teams.join(connection, team.id, person.id)
        token, secret = tokens.add(
            connection, person.id, "laptop", now, organization_id=organization.id
        )
        return Member(person.id, name, secret, token.id, organization.id)

    return database.write(add).result()
