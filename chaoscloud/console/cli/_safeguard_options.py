"""Options that the commands about safeguards share."""

import getpass
import os
from collections.abc import Callable
from typing import Any

import click

from chaoscloud.console.cli._operator import one_line

LONGEST_NAME = 100  # characters of an operator's name

Command = Callable[..., Any]


def _operator_name(context: click.Context, parameter: click.Parameter, value: str | None) -> str:
    name = " ".join(one_line(value or _system_user()).split())
    if not name:
        raise click.BadParameter("write a name.")
    return name[:LONGEST_NAME]


def _system_user() -> str:
    """Who is logged in; behind sudo, who called it."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as containers have
        return f"user {os.getuid()}"


as_option = click.option(
    "--as",
    "operator",
    metavar="NAME",
    callback=_operator_name,
    help="Who does it, for pages and the audit log.  [default: the system's user]",
)


def reason_of(text: str, what: str) -> str:
    """A name or a reason as one line. Raises a usage error when nothing is left of it."""
    line = " ".join(one_line(text).split())
    if not line:
        raise click.UsageError(f"{what} is what people read when they are stopped; write one.")
    return line
