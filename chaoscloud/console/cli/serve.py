"""`serve`: the console itself."""

import logging
import os
import sys
import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from chaoscloud.console.cli._operator import now, read_config, with_database_options
from chaoscloud.console.config import Config
from chaoscloud.console.db import Database, DiskSpace
from chaoscloud.console.db.backup import check_database
from chaoscloud.console.db.engines import find_file
from chaoscloud.console.db.lock import lock_database
from chaoscloud.console.db.space import RESERVE
from chaoscloud.console.records.beginnings import begin

if TYPE_CHECKING:
    import socket

log = logging.getLogger("chaosiq.console")

LONGEST_STOP = 4.0  # seconds from the signal to the end of the process, whatever hangs


@click.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.  [default: 8080]")
@click.option(
    "--public-url",
    metavar="URL",
    help="How people reach the console, when a proxy stands in front of it.",
)
@click.option(
    "--access-log",
    is_flag=True,
    default=None,
    help="Write a line for each request to stderr.",
)
@with_database_options
def serve(
    host: str | None,
    port: int | None,
    public_url: str | None,
    access_log: bool | None,
    data: str | None,
    database: str | None,
) -> None:
    """Serve the console until Ctrl-C or SIGTERM.

    The first start makes an organization, a team and an owner, and prints, once, the owner's token
    and an address that signs a browser in.
    """
    config = read_config(
        data, database, host=host, port=port, public_url=public_url, access_log=access_log
    )
    _log_to_stderr()
    _make_folder(config.data)
    with _lock(config), _listen(config) as listener, _open(config) as opened:
        _serve(config, opened, listener)
    _end_process()


def _open(config: Config) -> Database:
    file = find_file(config.database_url)
    if file and not check_database(file):
        log.warning("%s is large: it was looked at for damage, but not to its end", file)
    return Database.open(config.database_url, DiskSpace(file, config.min_free, RESERVE))


def _serve(config: Config, database: Database, listener: "socket.socket") -> None:
    from chaoscloud.console.app import create_app
    from chaoscloud.console.cli._server import Server, describe_address, known_hosts

    hosts = known_hosts(config.host, config.public_url, config.hosts)
    config = replace(config, hosts=hosts, port=listener.getsockname()[1])
    url = config.public_url or describe_address(config.host, listener)

    def announce() -> None:
        # The token is made only now, when it is sure that somebody will read it.
        owner = database.write(lambda connection: begin(connection, now())).result()
        click.echo(f"Console ready at {url}")
        if owner:
            click.echo(f"Owner's token (shown once): {owner.token}")
            click.echo(f"Sign in with: chaos signin --url {url}")
            click.echo(
                f"In a browser (once, within 10 minutes): {url}/signin?once={owner.link_secret}"
            )

    app = create_app(config, database, now=now)
    Server(app, announce, on_stop=_limit_stop).serve_until_stopped(listener)


def _limit_stop() -> None:
    """End the process soon, whatever hangs: a name server, a disk, another machine's database.

    What was acknowledged is on disk; nobody was promised more.
    """

    def end() -> None:
        log.warning("not everything ended within %g seconds: the console stops", LONGEST_STOP)
        _end_process()

    timer = threading.Timer(LONGEST_STOP, end)
    timer.daemon = True
    timer.start()


def _end_process() -> NoReturn:
    """End without waiting for threads that look up a name: they cannot be interrupted."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _make_folder(data: Path) -> None:
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise click.ClickException(f"Cannot make the folder {data}: {error.strerror}.") from error


def _lock(config: Config) -> AbstractContextManager[None]:
    file = find_file(config.database_url)
    return lock_database(file) if file else nullcontext()


def _listen(config: Config) -> "socket.socket":
    from chaoscloud.console.cli._server import listen

    try:
        return listen(config.host, config.port)
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
