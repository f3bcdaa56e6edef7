"""What the safeguards say about the team now: `chaos safeguards`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from chaoscloud import _yaml, api
from chaoscloud.api.answers import body_of, plain, refusal_of
from chaoscloud.api.policies import Allowed, Denied, describe_policy, read_answer
from chaoscloud.api.team_safeguards import request_safeguards, simulate
from chaoscloud.commands.directory import REFUSED, sentence, unreachable
from chaoscloud.commands.failures import CommandFailed, NotSignedIn, TokenRefused
from chaoscloud.settings import (
    get_guard_mode,
    get_orgs,
    is_required_by_organization,
    load,
    read_profile,
)
from chaoscloud.types import Experiment, GuardMode, Settings

if TYPE_CHECKING:
    from requests import Response

    from chaoscloud.api._http import ConsoleSession

__all__ = ["ask_about_experiment", "ensure_accepted", "list_in_force", "read_experiment"]

_GUARD_MODES = {
    GuardMode.OFF: "Your runs are not guarded: run `chaos enable safeguards`.",
    GuardMode.ON: "Your runs are guarded, and carry on when nobody answers.",
    GuardMode.REQUIRED: "Your runs are guarded, and do not run when nobody answers.",
}


def list_in_force(settings_path: str) -> Iterator[str]:
    """The lines about what is in force for the active team, and who says no."""
    settings = load(settings_path)
    with _session(settings_path) as session:
        body = body_of(ensure_accepted(lambda: request_safeguards(session)))
    items = body.get("items") if isinstance(body, Mapping) else None
    if not isinstance(items, list):
        raise CommandFailed("What answers is not a console that manages safeguards.")
    tenancy = read_profile(settings).tenancy
    team = f"team '{tenancy.team_name}'" if tenancy else "the team"
    in_force = [item for item in items if isinstance(item, dict) and item.get("in_force", True)]
    yield f"In force for {team}:" if in_force else f"No safeguard is in force for {team}."
    yield from (f"- {_line(item)}" for item in in_force)
    yield _describe_guard_mode(settings)


def ask_about_experiment(settings_path: str, path: str) -> tuple[bool, list[str]]:
    """Whether the experiment in a file would be allowed to run now, and the lines that say so."""
    tags = _tags_of(read_experiment(path))
    with _session(settings_path) as session:
        response = ensure_accepted(lambda: simulate(session, tags))
    match read_answer(response.status_code, body_of(response)):
        case Allowed():
            return True, [f"{path} would be allowed to run now."]
        case Denied(policies):
            lines = [f"- {describe_policy(policy)}" for policy in policies]
            return False, [f"{path} would not be allowed to run now:", *lines]
        case _:
            raise CommandFailed("The console's answer cannot be understood.")


def ensure_accepted(ask: "Callable[[], Response]") -> "Response":
    """The answer, when the console did what it was asked; else `CommandFailed` with the reason."""
    try:
        response = ask()
    except OSError as x:
        raise unreachable(x) from x
    if response.status_code in REFUSED:
        raise TokenRefused()
    if response.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        raise CommandFailed(
            "The console does not know the team, or is one that cannot be asked this: "
            "run `chaos signin --status`."
        )
    if not HTTPStatus.OK <= response.status_code < HTTPStatus.MULTIPLE_CHOICES:
        raise CommandFailed(sentence(refusal_of(response)))
    return response


@contextmanager
def _session(settings_path: str) -> "Iterator[ConsoleSession]":
    settings = load(settings_path)
    profile = read_profile(settings)
    if not profile.token or profile.tenancy is None:
        raise NotSignedIn()
    with api.client_session(
        profile.url, get_orgs(settings), profile.verify_tls, settings
    ) as session:
        yield session


def _line(safeguard: Mapping[str, Any]) -> str:
    """One safeguard: whether it says no now, what it is, why, whose, and until when."""
    says_no = safeguard.get("refuses")
    facts = [
        plain(safeguard.get("kind") or "safeguard"),
        *([f"of the {plain(safeguard['scope'])}"] if safeguard.get("scope") else []),
        *([f"by {plain(safeguard['author'])}"] if safeguard.get("author") else []),
        *([f"for {', '.join(map(plain, safeguard['tags']))}"] if safeguard.get("tags") else []),
    ]
    answer = "" if says_no is None else "says no: " if says_no else "lets pass: "
    return f"{answer}{describe_policy(safeguard)} [{', '.join(facts)}]"


def _describe_guard_mode(settings: Settings) -> str:
    line = _GUARD_MODES[get_guard_mode(settings)]
    required = is_required_by_organization(settings)
    return f"{line} Your organization requires it." if required else line


def read_experiment(path: str) -> Experiment:
    """The experiment in a file, JSON or YAML. Raises `CommandFailed` where there is none."""
    try:
        experiment = _yaml.read(path)
    except OSError as x:
        raise CommandFailed(f"{path} cannot be read: {x.strerror or x}.") from x
    except _yaml.UNREADABLE as x:
        raise CommandFailed(f"{_yaml.complaint(path, x)}.") from x
    if not isinstance(experiment, dict):
        raise CommandFailed(f"{path} is not an experiment.")
    return experiment


def _tags_of(experiment: Experiment) -> list[str]:
    """The tags of an experiment; one text is one tag."""
    tags = experiment.get("tags")
    if isinstance(tags, str):
        return [tags]
    return [str(tag) for tag in tags] if isinstance(tags, list) else []
