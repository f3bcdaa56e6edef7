"""A PostgreSQL of the tests' own: a scratch server whose only door is a socket file."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name)
NOBODYS = "postgres"  # who the server runs as when the suite runs as root, which it refuses
AVAILABLE = bool(BINARIES) and sys.platform != "win32" and find_spec("psycopg") is not None


@contextmanager
def run_server(*, durable: bool = False) -> Iterator[Path]:
    """Run a server; its folder has a short name, since a socket file's may not be long.

    What it has committed is lost with the machine, unless it is `durable`.
    """
    folder = Path(tempfile.mkdtemp(prefix="console-pg-"))
    user = NOBODYS if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    files = folder / "data"
    try:
        _run("initdb", "-D", files, "-U", "postgres", "-A", "trust", "--no-sync", user=user)
        fsync = "on" if durable else "off"
        where = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync={fsync}"
        log = folder / "log"
        _run("pg_ctl", "-D", files, "-w", "-l", log, "-o", where, "start", user=user)
        try:
            yield folder
        finally:
            _run("pg_ctl", "-D", files, "-m", "immediate", "stop", user=user)
    finally:
        shutil.rmtree(folder)


def restart_server(folder: Path, away: Callable[[], None] = lambda: None) -> None:
    """Kill the server as a crash would, call `away`, and start it again."""
    user = NOBODYS if os.geteuid() == 0 else None
    files, log = folder / "data", folder / "log"
    options = (files / "postmaster.opts").read_text().split(" ", 1)[1].replace('"', "'").strip()
    _run("pg_ctl", "-D", files, "-m", "immediate", "-w", "stop", user=user)
    away()
    _run("pg_ctl", "-D", files, "-w", "-l", log, "-o", options, "start", user=user)


def create_database(server: Path, template: str = "template1") -> str:
    """Create a database, empty or a copy of another one, and return its name."""
    name = f"console_{os.urandom(4).hex()}"
    _execute(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    return name


def drop_database(server: Path, name: str) -> None:
    """Remove a database, whoever is still connected to it."""
    _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


def address(server: Path, name: str) -> str:
    """Return a database's url, as an operator would write it."""
    return f"postgresql://postgres@/{name}?host={server}"


def _execute(server: Path, statement: str) -> None:
    import psycopg

    with psycopg.connect(host=str(server), user="postgres", autocommit=True) as connection:
        connection.execute(statement.encode())


def _run(program: str, *words: object, user: str | None) -> None:
    subprocess.run(
        [BINARIES[-1] / program, *map(str, words)],
        user=user,
        cwd="/",
        check=True,
        stdout=subprocess.DEVNULL,
    )
