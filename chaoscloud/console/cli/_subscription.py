"""What the commands about subscriptions look up, and how they read what was typed."""

import sys
from collections.abc import Callable

import click
import msgspec

from chaoscloud.console.cli._lookup import find_experiment, find_organization
from chaoscloud.console.cli._operator import Console, read_config
from chaoscloud.console.messages.settings import parse_settings
from chaoscloud.console.messages.subscriptions import Subscription
from chaoscloud.console.messages.targets import TARGETS
from chaoscloud.console.records import experiments, subscriptions
from chaoscloud.console.records.teams import Team


def ensure_library(target: str) -> None:
    """Refuse a target that needs a library which is not installed here.

    What the running console is set up with, such as a mail server, only that one knows.
    """
    chosen = TARGETS[target]
    problem = chosen.find_problem(read_config(None, None)) if chosen.operator_only else None
    if problem:
        raise click.ClickException(f"Nothing can be sent to {target}: {problem}")


def find_experiment_of(
    console: Console, organization_id: str, team: Team | None, word: str | None
) -> str | None:
    """The id of an experiment by its title (in a team) or its id; None for no word."""
    if not word:
        return None
    if team is not None:
        return find_experiment(console.connection, team, word)
    if experiments.find_name(console.connection, organization_id, None, word) is None:
        raise click.ClickException(
            f"There is no experiment with the id {word!r}; its title is known with --team."
        )
    return word


def read_settings(target: str, text: str) -> str:
    """The settings of a target as typed; `-` reads them from standard input."""
    raw = sys.stdin.read() if text == "-" else text
    try:
        return parse_settings(target, raw.encode("utf-8", "replace"))
    except msgspec.MsgspecError as error:
        raise click.UsageError(f"--settings of {target}: {error}") from error


def choose(
    chooser: Callable[[str, tuple[str, ...]], tuple[str, ...]], target: str, names: tuple[str, ...]
) -> tuple[str, ...]:
    """The events or outcomes of these names, as a target takes them."""
    try:
        return chooser(target, names)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error


def find_subscription(console: Console, organization_word: str | None, word: str) -> Subscription:
    """The subscription of the organization that an operator names."""
    organization = find_organization(console.connection, organization_word)
    every = subscriptions.list_subscriptions(
        console.connection, organization.id, None, every_team=True
    )
    matching = [known for known in every if word in (known.id, known.name)]
    if not matching:
        raise click.ClickException(
            f"There is no subscription {word!r}; `subscription list` shows them."
        )
    if len(matching) > 1:
        raise click.UsageError(f"There are {len(matching)} of that name: name it by its id.")
    return matching[0]
