"""What a file says that organizations shall have, read and checked before anything is changed."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec

from chaoscloud.console.records.declared_sending import (
    DeclaredExpectedRun,
    DeclaredSubscription,
    InvalidDeclaration,
    Name,
    Tag,
    read_expected_run,
    read_subscription,
)
from chaoscloud.console.records.retention import FEWEST_DAYS, MOST_DAYS
from chaoscloud.console.rules import verifications as rules
from chaoscloud.console.rules.durations import seconds_of
from chaoscloud.console.rules.safeguards import KINDS
from chaoscloud.console.rules.safeguards.settings import parse_settings

Days = Annotated[int, msgspec.Meta(ge=FEWEST_DAYS, le=MOST_DAYS)]


class DeclaredSafeguard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A safeguard as a file has it; `settings` are what its kind needs."""

    name: Name
    kind: str
    reason: Name
    settings: dict[str, Any] = {}
    tags: tuple[Tag, ...] = ()
    enabled: bool = True


class DeclaredObjective(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An objective as a file has it: `target` in percent, `window` such as 30d, or in seconds."""

    name: Name
    target: Annotated[float, msgspec.Meta(gt=0, le=100)]
    measurement: dict[str, Any]
    window: str | float = rules.WINDOW
    description: str = ""
    tags: tuple[Tag, ...] = ()


class DeclaredTeam(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A team as a file has it; None: the file says nothing of them."""

    name: Name
    safeguards: tuple[DeclaredSafeguard, ...] | None = None
    objectives: tuple[DeclaredObjective, ...] | None = None
    subscriptions: tuple[DeclaredSubscription, ...] | None = None
    expected_runs: tuple[DeclaredExpectedRun, ...] | None = None


class DeclaredRetention(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Days, or null for ever."""

    events: Days | None = None
    journals: Days | None = None


class DeclaredOrganization(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An organization as a file has it; None: the file says nothing of it."""

    name: Name
    teams: tuple[DeclaredTeam, ...] | None = None
    safeguards: tuple[DeclaredSafeguard, ...] | None = None
    subscriptions: tuple[DeclaredSubscription, ...] | None = None
    safeguards_required: bool | None = None
    retention: DeclaredRetention | None = None


class Declaration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole file."""

    organizations: tuple[DeclaredOrganization, ...]


def read_declaration(document: object, environ: Mapping[str, str]) -> Declaration:
    """Read a document that came from YAML or JSON. Raises `InvalidDeclaration`.

    `environ` has the secrets that the file names.
    """
    try:
        declaration = msgspec.convert(document, Declaration)
    except msgspec.ValidationError as error:
        raise InvalidDeclaration(str(error)) from None
    _refuse_repeated("organization", declaration.organizations)
    for organization in declaration.organizations:
        _refuse_repeated(f"team of {organization.name}", organization.teams or ())
        _check_safeguards(organization.name, organization.safeguards or ())
        _check_subscriptions(organization.name, organization.subscriptions or (), environ)
        for team in organization.teams or ():
            _check_team(team, environ)
    return declaration


def _check_team(team: DeclaredTeam, environ: Mapping[str, str]) -> None:
    _check_safeguards(team.name, team.safeguards or ())
    _refuse_repeated(f"objective of {team.name}", team.objectives or ())
    for objective in team.objectives or ():
        read_objective(objective)
    _check_subscriptions(team.name, team.subscriptions or (), environ)
    schedules = [
        (item.experiment, schedule.cron, schedule.zone)
        for item in team.expected_runs or ()
        for schedule in (read_expected_run(item),)
    ]
    for experiment, cron, zone in schedules:
        if schedules.count((experiment, cron, zone)) > 1:
            raise InvalidDeclaration(f"runs of {experiment!r} are expected by {cron!r} twice")


def _check_subscriptions(
    scope: str, items: tuple[DeclaredSubscription, ...], environ: Mapping[str, str]
) -> None:
    _refuse_repeated(f"subscription of {scope}", items)
    for item in items:
        read_subscription(item, environ)


def _refuse_repeated(what: str, items: Iterable[Any]) -> None:
    names = [item.name for item in items]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InvalidDeclaration(f"there are two of the {what}: {repeated[0]!r}")


def _check_safeguards(scope: str, items: tuple[DeclaredSafeguard, ...]) -> None:
    _refuse_repeated(f"safeguard of {scope}", items)
    for item in items:
        if item.kind not in KINDS:
            known = ", ".join(KINDS)
            raise InvalidDeclaration(
                f"safeguard {item.name!r}: {item.kind!r} is no kind; there are {known}"
            )
        try:
            parse_settings(item.kind, msgspec.json.encode(item.settings))
        except msgspec.DecodeError as error:
            raise InvalidDeclaration(f"settings of safeguard {item.name!r}: {error}") from None


def read_objective(item: DeclaredObjective) -> dict[str, Any]:
    """The columns of an objective."""
    window = seconds_of(item.window) if isinstance(item.window, str) else item.window
    if window is None or window <= 0:
        raise InvalidDeclaration(f"objective {item.name!r}: {item.window!r} is no length of time")
    try:
        measurement = rules.hypothesis(item.measurement, item.name, "measurement")
    except msgspec.ValidationError as error:
        raise InvalidDeclaration(f"objective {item.name!r}: {error}") from None
    return {
        "target": item.target,
        "window": float(window),
        "description": item.description,
        "tags": list(item.tags),
        "measurement": measurement,
    }


def read_safeguard(item: DeclaredSafeguard) -> dict[str, Any]:
    """The fields of a safeguard that a file decides."""
    return {
        "reason": " ".join(item.reason.split()),
        "settings": parse_settings(item.kind, msgspec.json.encode(item.settings)),
        "tags": item.tags,
        "enabled": item.enabled,
    }
