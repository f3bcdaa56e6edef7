"""Subscriptions and expected runs as a file declares them, read and checked.

What opens a target, such as the address of a Slack channel, does not stand in the file: the file
names the environment variable that has it.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from chaoscloud.console.messages.settings import choose_events, choose_outcomes, parse_settings
from chaoscloud.console.messages.targets import TARGETS
from chaoscloud.console.rules.durations import seconds_of
from chaoscloud.console.rules.schedules import InvalidSchedule, Schedule, read_schedule

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Tag = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class InvalidDeclaration(Exception):
    """The file makes no sense; the message says where."""


class DeclaredSubscription(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A subscription as a file has it.

    `settings` are what its target needs, `environment` the names of the environment variables that
    hold further ones. Without `events` they are the usual ones. `experiment` is a title or an id.
    """

    name: Name
    target: str
    settings: dict[str, Any] = {}
    environment: dict[str, str] = {}
    events: tuple[str, ...] = ()
    tags: tuple[Tag, ...] = ()
    outcomes: tuple[str, ...] = ()
    experiment: Name | None = None


class DeclaredExpectedRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Expected runs as a file has them: an experiment's title or id, cron, zone, and a grace.

    `grace` is such as 30m, or in seconds.
    """

    experiment: Name
    cron: str
    zone: str = "UTC"
    grace: str | float = 0.0


def read_subscription(item: DeclaredSubscription, environ: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a subscription that a file decides. Raises `InvalidDeclaration`."""
    where = f"subscription {item.name!r}"
    if item.target not in TARGETS:
        known = ", ".join(TARGETS)
        raise InvalidDeclaration(f"{where}: {item.target!r} is no target; there are {known}")
    settings = {**item.settings, **_read_secrets(item, environ)}
    try:
        return {
            "settings": parse_settings(item.target, msgspec.json.encode(settings)),
            "events": choose_events(item.target, item.events),
            "tags": item.tags,
            "outcomes": choose_outcomes(item.target, item.outcomes),
        }
    except (msgspec.MsgspecError, ValueError) as error:
        raise InvalidDeclaration(f"{where}: {error}") from None


def _read_secrets(item: DeclaredSubscription, environ: Mapping[str, str]) -> dict[str, str]:
    where = f"subscription {item.name!r}"
    for key in sorted(TARGETS[item.target].secret_settings & item.settings.keys()):
        raise InvalidDeclaration(
            f"{where}: {key} opens the target and is not to stand in a file;"
            f" name an environment variable that has it: environment: {{{key}: NAME}}"
        )
    missing = [name for name in item.environment.values() if not environ.get(name)]
    if missing:
        raise InvalidDeclaration(f"{where}: the environment variable {missing[0]} is not set")
    return {key: environ[name] for key, name in item.environment.items()}


def read_expected_run(item: DeclaredExpectedRun) -> Schedule:
    """The schedule of expected runs. Raises `InvalidDeclaration`."""
    where = f"expected run of {item.experiment!r}"
    grace = seconds_of(item.grace) if isinstance(item.grace, str) else item.grace
    if grace is None:
        raise InvalidDeclaration(f"{where}: {item.grace!r} is no length of time")
    try:
        return read_schedule(item.cron, item.zone, float(grace))
    except InvalidSchedule as error:
        raise InvalidDeclaration(f"{where}: {str(error).rstrip('.')}") from None
