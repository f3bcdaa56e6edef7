"""`subscription add`, `change`, `list`, `remove`: who hears of what happens in the console."""

from collections.abc import Callable
from typing import Any

import click

from chaoscloud.console.cli._lookup import find_organization, find_team
from chaoscloud.console.cli._operator import (
    Console,
    command_that_reads,
    command_that_writes,
    name_of,
    organization_option,
)
from chaoscloud.console.cli._output import moment, table
from chaoscloud.console.cli._subscription import (
    choose,
    ensure_library,
    find_experiment_of,
    find_subscription,
    read_settings,
)
from chaoscloud.console.messages.settings import (
    choose_events,
    choose_outcomes,
    describe_target,
)
from chaoscloud.console.messages.subscriptions import Subscription
from chaoscloud.console.messages.targets import TARGETS
from chaoscloud.console.records import experiments, subscriptions, teams
from chaoscloud.console.records.audit import Actor

Command = Callable[..., Any]

_team_option = click.option(
    "--team", "team_word", metavar="NAME", help="The team it is about, by name or id."
)

_FILTERS = (
    click.option(
        "--event",
        "events",
        metavar="EVENT",
        multiple=True,
        help="An event such as execution.finished; may be repeated.  [default: the usual ones]",
    ),
    click.option(
        "--tag",
        "tags",
        metavar="TAG",
        multiple=True,
        help="Only about what carries one of these tags.",
    ),
    click.option(
        "--outcome",
        "outcomes",
        metavar="OUTCOME",
        multiple=True,
        help="Only ends with one of these outcomes, such as deviated.",
    ),
    click.option(
        "--experiment",
        "experiment_word",
        metavar="NAME",
        help="Only runs of this experiment, by title or id.",
    ),
)


def _with_filters(command: Command) -> Command:
    """Give a command the options that say which events a subscription gets."""
    for option in reversed(_FILTERS):
        command = option(command)
    return command


def _check_target(context: click.Context, parameter: click.Parameter, name: str) -> str:
    if name not in TARGETS:
        raise click.BadParameter(f"{name!r} is no target; there are {', '.join(TARGETS)}.")
    return name


@click.group()
def subscription() -> None:
    """Messages to others: who hears of what happens, by webhook, chat, mail, Grafana."""


@subscription.command("add")
@click.argument("target", metavar=f"[{'|'.join(TARGETS)}]", callback=_check_target)
@click.argument("name")
@click.option(
    "--settings",
    "settings_json",
    metavar="JSON",
    required=True,
    help='What the target needs, such as \'{"url": "https://…"}\'; - reads it from standard'
    " input, where it stays out of the list of processes.",
)
@_with_filters
@organization_option
@_team_option
@command_that_writes
def add_subscription(
    console: Console,
    target: str,
    name: str,
    settings_json: str,
    events: tuple[str, ...],
    tags: tuple[str, ...],
    outcomes: tuple[str, ...],
    experiment_word: str | None,
    organization_word: str | None,
    team_word: str | None,
) -> None:
    """Subscribe: for a team with --team, else for the whole organization."""
    ensure_library(target)
    organization = find_organization(console.connection, organization_word)
    team = find_team(console.connection, organization, team_word) if team_word else None
    added = subscriptions.create(
        console.connection,
        organization.id,
        team.id if team else None,
        console.now,
        Actor(operator=console.operator),
        name=name_of(name),
        target=target,
        settings=read_settings(target, settings_json),
        events=choose(choose_events, target, events),
        tags=tags,
        outcomes=choose(choose_outcomes, target, outcomes),
        experiment_id=find_experiment_of(console, organization.id, team, experiment_word),
    )
    console.say(f"Subscribed '{added.name}' with id {added.id}.")
    if added.secret:
        console.say(f"Its messages are signed with (shown once): {added.secret}")


@subscription.command("change")
@click.argument("name")
@click.option("--name", "new_name", metavar="NAME", help="What it is called from now on.")
@click.option(
    "--settings", "settings_json", metavar="JSON", help="What the target needs; - as for add."
)
@_with_filters
@organization_option
@command_that_writes
def change_subscription(
    console: Console,
    name: str,
    new_name: str | None,
    settings_json: str | None,
    events: tuple[str, ...],
    tags: tuple[str, ...],
    outcomes: tuple[str, ...],
    experiment_word: str | None,
    organization_word: str | None,
) -> None:
    """Change the subscription of this NAME or id; what is not named stays.

    An empty --tag, --outcome or --experiment takes that filter away.
    """
    organization = find_organization(console.connection, organization_word)
    known = find_subscription(console, organization_word, name)
    target = known.target
    values: dict[str, Any] = {}
    if new_name is not None:
        values["name"] = name_of(new_name)
    if settings_json is not None:
        values["settings"] = read_settings(target, settings_json)
    if events:
        values["events"] = choose(choose_events, target, events)
    if tags:
        values["tags"] = tuple(filter(None, tags))
    if outcomes:
        values["outcomes"] = choose(choose_outcomes, target, tuple(filter(None, outcomes)))
    if experiment_word is not None:
        of = find_team(console.connection, organization, known.team_id) if known.team_id else None
        values["experiment_id"] = find_experiment_of(console, organization.id, of, experiment_word)
    actor = Actor(operator=console.operator)
    after = subscriptions.change(console.connection, known, console.now, actor, **values)
    same = "Nothing is different in" if after == known else "Changed"
    console.say(f"{same} subscription '{after.name}'.")


@subscription.command("list")
@organization_option
@command_that_reads
def list_subscriptions(console: Console, organization_word: str | None) -> None:
    """List the subscriptions, and how their targets do."""
    organization = find_organization(console.connection, organization_word)
    of_organization = teams.of_organization(console.connection, organization.id)
    names = {team.id: team.name for team in of_organization}
    every = subscriptions.list_subscriptions(
        console.connection, organization.id, None, every_team=True
    )
    heads = ("NAME", "TARGET", "WHERE", "FOR", "EVENTS", "STATE", "ONLY", "ID")
    table(heads, [_row(console, known, names) for known in every])


def _row(console: Console, known: Subscription, team_names: dict[str, str]) -> tuple[str, ...]:
    return (
        known.name,
        known.target,
        describe_target(known),
        team_names.get(known.team_id or "", "every team"),
        str(len(known.events)),
        _describe_state(known),
        _describe_filters(console, known),
        known.id,
    )


def _describe_state(known: Subscription) -> str:
    if known.paused_at is not None:
        return f"paused: {known.pause_reason}"
    if known.failures:
        return f"failing, tried again at {moment(known.retry_at)}"
    return "ok"


def _describe_filters(console: Console, known: Subscription) -> str:
    """What narrows a subscription: its tags, its outcomes, the title of its experiment."""
    words = [*known.tags, *known.outcomes]
    if id_ := known.experiment_id:
        place = (known.organization_id, known.team_id)
        words.append(experiments.find_name(console.connection, *place, id_) or id_)
    return ", ".join(words) or "-"


@subscription.command("remove")
@click.argument("name")
@organization_option
@command_that_writes
def remove_subscription(console: Console, name: str, organization_word: str | None) -> None:
    """End the subscription of this NAME or id."""
    target = find_subscription(console, organization_word, name)
    subscriptions.remove(console.connection, target, console.now, Actor(operator=console.operator))
    console.say(f"Ended subscription '{target.name}'.")
