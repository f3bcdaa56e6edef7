"""A console that really serves, and a user with a home of their own."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from chaoscloud.context import PROVIDERS

SCRIPTS = Path(sys.executable).parent
LIMIT = 60  # seconds: a process that takes longer hangs

# What would lead a process of the suite astray on a developer's machine.
STRAY_VARIABLES = ("CHAOSIQ_", "DATABASE_URL", "XDG_", *(p.detected_by for p in PROVIDERS.values()))


def clean_environment(home: Path) -> dict[str, str]:
    """Return this process's environment with a home of its own and nothing of the developer's."""
    env = {
        name: value for name, value in os.environ.items() if not name.startswith(STRAY_VARIABLES)
    }
    return env | {"HOME": str(home), "PYTHONPATH": str(home)}


@dataclass
class Console:
    """A serving console: where it is, its owner's token, and its operator's command."""

    url: str
    token: str
    data: Path
    process: subprocess.Popen[str]

    def operate(self, *words: str) -> str:
        """Run `chaosiq-console …` beside the server and return what it printed."""
        done = subprocess.run(
            [SCRIPTS / "chaosiq-console", *words, "--data", self.data],
            env=clean_environment(self.data),
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def read(self, path: str) -> Any:
        """GET a document below `/api/v1`."""
        answer = requests.get(
            f"{self.url}/api/v1{path}",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=LIMIT,
        )
        answer.raise_for_status()
        return answer.json()

    @property
    def team(self) -> str:
        """The address of the first team of the first organization, below `/api/v1`."""
        organization = self.read("/organizations")[0]["id"]
        team = self.read(f"/organizations/{organization}/teams")[0]["id"]
        return f"/organizations/{organization}/teams/{team}"

    def experiments(self) -> list[Any]:
        """Every experiment of the team, the newest first."""
        items: list[Any] = self.read(f"{self.team}/experiments")["items"]
        return items

    def executions(self) -> list[Any]:
        """Every execution of the team, the newest first."""
        items: list[Any] = self.read(f"{self.team}/executions")["items"]
        return items

    def event_types(self, execution: Any) -> list[str]:
        """The types of an execution's events, as they came."""
        events = self.read(f"{self.team}/executions/{execution['id']}/events")["items"]
        return [event["type"] for event in events]

    def journal(self, execution: Any) -> Any:
        """The journal the console keeps of an execution."""
        experiment = execution["experiment_id"]
        return self.read(f"{self.team}/experiments/{experiment}/executions/{execution['id']}")

    def database_holds(self, words: str) -> bool:
        """Say whether the words stand anywhere in the database, in any column of any row."""
        with closing(sqlite3.connect(self.data / "console.sqlite3")) as database:
            names = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            tables = [name for (name,) in names]
            assert tables
            every = (f'SELECT * FROM "{item}"' for item in tables)  # noqa: S608 - our own names
            rows = (row for query in every for row in database.execute(query))
            return any(words in _text_of(value) for row in rows for value in row)


def _text_of(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


@contextmanager
def serving(
    data: Path, *, port: int = 0, database: str | None = None, networks: str = ""
) -> Iterator[Console]:
    """Serve a console from the folder `data` until the block ends; from a database, if named.

    `networks` are those that webhooks may call beside public ones.
    """
    data.mkdir(exist_ok=True)
    shared = {"DATABASE_URL": database} if database else {}
    if networks:
        shared["CHAOSIQ_CONSOLE_WEBHOOK_NETWORKS"] = networks
    with (data / "console.log").open("a") as log:
        process = subprocess.Popen(
            [SCRIPTS / "chaosiq-console", "serve", "--data", data, "--port", str(port)],
            env=clean_environment(data) | shared,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        yield _console_of(process, data)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LIMIT)


def _console_of(process: subprocess.Popen[str], data: Path) -> Console:
    """Read what the console says at its start; the token is said at the first one only."""
    assert process.stdout is not None
    text = process.stdout.readline()
    assert text.startswith("Console ready at "), (data / "console.log").read_text()
    token_file = data / "token-for-the-tests"
    if not token_file.exists():
        token_file.write_text(process.stdout.readline().partition("): ")[2].strip())
    url = text.removeprefix("Console ready at ").strip()
    return Console(url, token_file.read_text(), data, process)


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    """A fresh console, with one organization, one team and its owner."""
    with serving(tmp_path / "console") as served:
        yield served


@dataclass
class User:
    """Somebody at a shell, with an empty home that is also where they stand."""

    home: Path
    env: dict[str, str]

    def chaos(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run `chaos …` to its end."""
        return subprocess.run(
            [SCRIPTS / "chaos", "--no-version-check", *words],
            cwd=self.home,
            env=self.env,
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )

    @contextmanager
    def running(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """Run `chaos …` beside the test; it is killed when the block ends, should it still run."""
        process = subprocess.Popen(
            [SCRIPTS / "chaos", "--no-version-check", *words],
            cwd=self.home,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate(timeout=LIMIT)

    def sign_in(self, console: Console) -> None:
        """Sign in as the console's owner."""
        done = self.chaos(
            "signin", "--url", console.url, "--token-stdin", stdin=f"{console.token}\n"
        )
        assert done.returncode == 0, done.stderr

    def keep(self, name: str, document: Any) -> str:
        """Write a document into the home; return its name."""
        (self.home / name).write_text(json.dumps(document))
        return name

    @property
    def journal(self) -> Any:
        """The journal of the last run."""
        return json.loads((self.home / "journal.json").read_text())

    @property
    def settings(self) -> Path:
        """The settings file."""
        return self.home / ".chaostoolkit" / "settings.yaml"


def read_until(words: str, process: subprocess.Popen[str]) -> None:
    """Follow the log of a running `chaos` until the words come by."""
    assert process.stdout is not None
    assert any(words in line for line in process.stdout)


@pytest.fixture
def user(tmp_path: Path) -> User:
    """A user who never signed in anywhere."""
    home = tmp_path / "home"
    home.mkdir()
    return User(home, clean_environment(home))


@pytest.fixture
def signed_in(user: User, console: Console) -> User:
    """A user who signed in to the console."""
    user.sign_in(console)
    return user


def command(name: str, code: str, *, kind: str = "action") -> dict[str, Any]:
    """Return an activity that runs a line of Python in a process of its own."""
    return {
        "type": kind,
        "name": name,
        "provider": {"type": "process", "path": sys.executable, "arguments": ["-c", code]},
    }


@pytest.fixture
def experiment() -> dict[str, Any]:
    """An experiment of one steady-state probe, two activities and a rollback."""
    return {
        "title": "Orders survive the loss of a broker",
        "description": "Orders are kept while the broker is away.",
        "tags": ["orders"],
        "steady-state-hypothesis": {
            "title": "Orders are kept",
            "probes": [
                command("orders-are-kept", "print('kept')", kind="probe") | {"tolerance": 0}
            ],
        },
        "method": [
            command("lose-the-broker", "open('lost', 'w').write('yes')"),
            command("count-the-orders", "print(42)", kind="probe"),
        ],
        "rollbacks": [command("bring-the-broker-back", "open('back', 'w').write('yes')")],
    }
