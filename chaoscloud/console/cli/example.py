"""`example`: an experiment that runs anywhere, to see a first run recorded."""

import json
from pathlib import Path
from typing import Any

import click

from chaoscloud.console.cli._operator import read_config

LOAD = 4  # seconds for which the machine is kept busy


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default="experiment.json")
@click.option(
    "--url",
    help="The console's address, as the machine that runs the experiment reaches it."
    "  [default: where `serve` listens]",
)
@click.option(
    "--wait",
    type=click.IntRange(1, 3600),
    default=1,
    show_default=True,
    metavar="SECONDS",
    help="How long it waits before its last question: time to look at it, or to stop it.",
)
def example(file: Path, url: str | None, wait: int) -> None:
    """Write an experiment into FILE (experiment.json) that runs wherever the console is reached.

    It keeps this machine's processor busy for some seconds, and looks whether the console goes on
    answering. It changes nothing.
    """
    config = read_config(None, None, public_url=url)
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(config.host, config.host)  # noqa: S104
    document = make_example(config.public_url or f"http://{host}:{config.port}", wait)
    try:
        with file.open("x", encoding="utf-8") as target:
            target.write(json.dumps(document, indent=2) + "\n")
    except FileExistsError:
        raise click.ClickException(f"There is a file {file} already: name another.") from None
    except OSError as error:
        raise click.ClickException(f"Cannot write {file}: {error.strerror}.") from error
    click.echo(f"Wrote {file}. Run it with: chaos run {file}")


def make_example(url: str, wait: int = 1) -> dict[str, Any]:
    """An experiment for the Chaos Toolkit that needs nothing but it, and a console at this url."""
    return {
        "title": "The console answers while this machine is busy",
        "description": "Somebody who has to stop a run can do so, however busy the machine is.",
        "tags": ["example"],
        "configuration": {"console": url},
        "steady-state-hypothesis": {
            "title": "The console answers",
            "probes": [_ask_console("the console is healthy", tolerance=200)],
        },
        "method": [
            {
                "type": "action",
                "name": "keep the processor busy",
                "background": True,
                "provider": {
                    "type": "python",
                    "module": "timeit",
                    "func": "timeit",
                    "arguments": {
                        "stmt": "while time.monotonic() < end: sum(range(1000))",
                        "setup": f"import time; end = time.monotonic() + {LOAD}",
                        "number": 1,
                    },
                },
            },
            {**_ask_console("ask the console meanwhile"), "pauses": {"before": 1, "after": wait}},
            _ask_console("ask it once more"),
        ],
        "rollbacks": [],
    }


def _ask_console(name: str, **more: object) -> dict[str, Any]:
    provider = {"type": "http", "url": "${console}/healthz", "timeout": 3}
    return {"type": "probe", "name": name, "provider": provider, **more}
