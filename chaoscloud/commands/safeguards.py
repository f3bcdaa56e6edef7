"""What the safeguards say about the team now: `chaos safeguards`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from chaoscloud import _yaml, api
from chaoscloud.api.answers import body_of, plain, refusal_of
from chaoscloud.api.policies import Allowed, Denied, NoAnswer, describe_policy, read_answer
from chaoscloud.api.team_safeguards import request_safeguards, simulate
from chaoscloud.commands.directory import REFUSED, sentence, unreachable
from chaoscloud.commands.environment import load_signed_in
from chaoscloud.commands.failures import CommandFailed, NotSignedIn, TokenRefused
from chaoscloud.safeguards.question import read_tags
from chaoscloud.settings import (
    get_guard_mode,
    get_orgs,
    is_required_by_organization,
    read_profile,
)
from chaoscloud.types import Experiment, GuardMode, Settings

if TYPE_CHECKING:
    from requests import Response

    from chaoscloud.api._http import ConsoleSession

__all__ = [
    "ask_about_experiment",
    "describe_answer",
    "ensure_accepted",
    "list_in_force",
    "read_answer_document",
    "read_experiment",
    "read_in_force",
]

_GUARD_MODES = {
    GuardMode.OFF: "Your runs are not guarded: run `chaos enable safeguards`.",
    GuardMode.ON: "Your runs are guarded, and carry on when nobody answers.",
    GuardMode.REQUIRED: "Your runs are guarded, and do not run when nobody answers.",
}


def list_in_force(settings_path: str) -> Iterator[str]:
    """The lines about what is in force for the active team, and which deny runs."""
    settings = load_signed_in(settings_path)
    in_force = _request_in_force(settings)
    tenancy = read_profile(settings).tenancy
    team = f"team '{tenancy.team_name}'" if tenancy else "the team"
    yield f"In force for {team}:" if in_force else f"No safeguard is in force for {team}."
    yield from (f"- {_line(item)}" for item in in_force)
    yield _describe_guard_mode(settings)


def read_in_force(settings_path: str) -> dict[str, Any]:
    """The same as a document for machines: the safeguards are as the console has them."""
    settings = load_signed_in(settings_path)
    tenancy = read_profile(settings).tenancy
    return {
        "team": tenancy and {"id": tenancy.team_id, "name": tenancy.team_name},
        "guard_mode": get_guard_mode(settings).value,
        "safeguards": _request_in_force(settings),
    }


def ask_about_experiment(settings_path: str, path: str) -> Allowed | Denied:
    """Whether the experiment in a file would be allowed to run now."""
    tags = read_tags(read_experiment(path).get("tags"))
    with _session(load_signed_in(settings_path)) as session:
        response = ensure_accepted(lambda: simulate(session, tags))
    answer = read_answer(response.status_code, body_of(response))
    if isinstance(answer, NoAnswer):
        raise CommandFailed("The console's answer cannot be understood.")
    return answer


def describe_answer(path: str, answer: Allowed | Denied) -> list[str]:
    """The lines about whether the experiment at `path` would be allowed."""
    if isinstance(answer, Allowed):
        return [f"{path} would be allowed to run now."]
    lines = [f"- {describe_policy(policy)}" for policy in answer.policies]
    return [f"{path} would not be allowed to run now:", *lines]


def read_answer_document(path: str, answer: Allowed | Denied) -> dict[str, Any]:
    """The same as a document for machines: the policies are as the console names them."""
    policies = [] if isinstance(answer, Allowed) else [dict(policy) for policy in answer.policies]
    return {"experiment": path, "allowed": isinstance(answer, Allowed), "policies": policies}


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


def _request_in_force(settings: Settings) -> list[dict[str, Any]]:
    with _session(settings) as session:
        body = body_of(ensure_accepted(lambda: request_safeguards(session)))
    items = body.get("items") if isinstance(body, Mapping) else None
    if not isinstance(items, list):
        raise CommandFailed("What answers is not a console that manages safeguards.")
    return [item for item in items if isinstance(item, dict) and item.get("in_force", True)]


@contextmanager
def _session(settings: Settings) -> "Iterator[ConsoleSession]":
    profile = read_profile(settings)
    if not profile.token or profile.tenancy is None:
        raise NotSignedIn()
    with api.client_session(
        profile.url, get_orgs(settings), profile.verify_tls, settings
    ) as session:
        yield session


def _line(safeguard: Mapping[str, Any]) -> str:
    """One safeguard: whether it denies runs now, what it is, why, whose, and until when."""
    denies = safeguard.get("refuses")
    facts = [
        plain(safeguard.get("kind") or "safeguard"),
        *([f"of the {plain(safeguard['scope'])}"] if safeguard.get("scope") else []),
        *([f"by {plain(safeguard['author'])}"] if safeguard.get("author") else []),
        *([f"for {', '.join(map(plain, safeguard['tags']))}"] if safeguard.get("tags") else []),
    ]
    answer = "" if denies is None else "denies: " if denies else "allows: "
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
