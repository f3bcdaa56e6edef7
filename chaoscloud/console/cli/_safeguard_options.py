"""What the commands about safeguards share."""

import click

from chaoscloud.console.cli._operator import one_line


def reason_of(text: str, what: str) -> str:
    """A name or a reason as one line. Raises a usage error when nothing is left of it."""
    line = " ".join(one_line(text).split())
    if not line:
        raise click.UsageError(f"{what} is what people read when they are stopped; write one.")
    return line
