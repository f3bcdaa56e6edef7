"""`serve`: the console itself."""

import logging
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chaoscloud.console.cli._operator import configured, now, on_the_console
from chaoscloud.console.config import Config
from chaoscloud.console.db import Database
from chaoscloud.console.db.engines import file_of
from chaoscloud.console.db.lock import lock_database
from chaoscloud.console.records.beginnings import begin

if TYPE_CHECKING:
    import socket


@click.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.  [default: 8080]")
@click.option(
    "--public-url",
    metavar="URL",
    help="How people reach the console, when a proxy stands in front of it.",
)
@on_the_console
def serve(
    host: str | None,
    port: int | None,
    public_url: str | None,
    data: str | None,
    database: str | None,
) -> None:
    """Serve the console until Ctrl-C or SIGTERM.

    The first start makes an organization, a team and an owner, and prints the owner's token: once.
    """
    config = configured(data, database, host=host, port=port, public_url=public_url)
    _log_to_stderr()
    _make_folder(config.data)
    with _lock(config), _listening(config) as made, Database.open(config.database_url) as opened:
        _serve(config, opened, made)


def _serve(config: Config, database: Database, made: "socket.socket") -> None:
    from chaoscloud.console.app import create_app
    from chaoscloud.console.cli._server import Server, address, known_hosts

    hosts = known_hosts(config.host, config.public_url, config.hosts)
    config = replace(config, hosts=hosts)
    url = config.public_url or address(config.host, made)

    def ready() -> None:
        # The token is made only now, when it is sure that somebody will read it.
        token = database.write(lambda connection: begin(connection, now())).result()
        click.echo(f"Console ready at {url}")
        if token:
            click.echo(f"Owner's token (shown once): {token}")
            click.echo(f"Sign in with: chaos signin --url {url}")

    Server(create_app(config, database, now=now), ready).run([made])


def _make_folder(data: Path) -> None:
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise click.ClickException(f"Cannot make the folder {data}: {error.strerror}.") from error


def _lock(config: Config) -> AbstractContextManager[None]:
    file = file_of(config.database_url)
    return lock_database(file) if file else nullcontext()


def _listening(config: Config) -> "socket.socket":
    from chaoscloud.console.cli._server import listening

    try:
        return listening(config.host, config.port)
    except OSError as error:
        raise click.ClickException(
            f"Cannot listen on {config.host}:{config.port}: {error.strerror};"
            " choose another address with --host and --port."
        ) from error


def _log_to_stderr() -> None:
    """The console's own lines, and what its libraries warn of."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s"
    )
    logging.getLogger("chaosiq.console").setLevel(logging.INFO)
    # No line tells where in the code or in which thread it was written, so nobody need find out:
    # that is a third of what a line costs (docs.python.org/howto/logging.html#optimization).
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
