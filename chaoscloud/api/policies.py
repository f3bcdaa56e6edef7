"""What the console's answer to "may I go on?" means: pure decisions, no network.

On the wire, `GET …/policies` is `{"allowed": true}`, or `{"allowed": false, "policies": […]}`. Only
an explicit `false` refuses and only an explicit `true` allows: an error page, a proxy's greeting or
half a document is no answer, which is a third case of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from chaoscloud.api.answers import plain

__all__ = [
    "Allowed",
    "Answer",
    "NoAnswer",
    "Policy",
    "Refused",
    "in_words",
    "read_answer",
    "refusal",
]

Policy = Mapping[str, Any]
"""A safeguard as the console names it: `name`, and maybe `id`, `reason`, `until`, `decided_at`."""


@dataclass(frozen=True)
class Allowed:
    """Every safeguard lets the run go on.

    `required` is whether the organization requires safeguards; None when it does not say.
    """

    required: bool | None = None


@dataclass(frozen=True)
class Refused:
    """At least one safeguard says no; `policies` are those, as they came."""

    policies: tuple[Policy, ...]
    required: bool | None = None


@dataclass(frozen=True)
class NoAnswer:
    """Nobody said yes or no; `reason` is a phrase for people."""

    reason: str


Answer = Allowed | Refused | NoAnswer


def read_answer(status: int, body: object) -> Answer:
    """The meaning of an HTTP answer; `body` is decoded, None when it is not JSON."""
    if status != HTTPStatus.OK:
        return NoAnswer(_why(status))
    said = body if isinstance(body, Mapping) else {}
    required = said.get("required")
    required = required if isinstance(required, bool) else None
    match said.get("allowed"):
        case True:
            return Allowed(required)
        case False:
            return Refused(_policies(said.get("policies")), required)
        case _:
            return NoAnswer("the console's answer cannot be understood")


def refusal(policies: tuple[Policy, ...]) -> str:
    """The sentence a stopped run ends with: one policy a line."""
    lines = [in_words(policy) for policy in policies] or ["(the console named none)"]
    return "\n".join(["The following safe guards disallow this execution from continuing:", *lines])


def in_words(policy: Policy) -> str:
    """A policy's name; its reason, unless the name says it all; and until when it holds."""
    name, reason = (plain(policy.get(key) or "") for key in ("name", "reason"))
    until = _moment(policy.get("until"))
    because = f": {reason}" if reason and reason != name else ""
    return f"{name or '(unnamed)'}{because}{f' (until {until})' if until else ''}"


def _moment(said: object) -> str:
    """A moment as people read it: to the minute, in UTC; what is none as it came."""
    try:
        moment = datetime.fromisoformat(str(said or ""))
    except ValueError:
        return plain(said or "")
    zone = " UTC" if moment.tzinfo is not None else ""
    moment = moment.astimezone(UTC) if moment.tzinfo is not None else moment
    return f"{moment:%Y-%m-%d %H:%M}{zone}"


def _policies(found: object) -> tuple[Policy, ...]:
    """The policies as they came; a refusal stays one whatever stands in their place."""
    entries = found if isinstance(found, list) else []
    return tuple(entry for entry in entries if isinstance(entry, Mapping))


def _why(status: int) -> str:
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return f"the console refuses the token (HTTP {status}): run `chaos signin`"
    return f"the console answers HTTP {status}"
