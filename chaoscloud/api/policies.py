"""What the console's answer to "may this run go on?" means: pure decisions, no network.

On the wire, `GET …/policies` is `{"allowed": true}`, or `{"allowed": false, "policies": […]}`. Only
an explicit `false` denies and only an explicit `true` allows: an error page, a proxy's greeting or
half a document is no answer, which is a third case of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from chaoscloud.api.answers import plain
from chaoscloud.settings import token_remedy

__all__ = [
    "Allowed",
    "Answer",
    "Denied",
    "NoAnswer",
    "Policy",
    "describe_denial",
    "describe_policy",
    "read_answer",
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
class Denied:
    """At least one safeguard denies the run; `policies` are those, as they came."""

    policies: tuple[Policy, ...]
    required: bool | None = None


@dataclass(frozen=True)
class NoAnswer:
    """Nobody said yes or no; `reason` is a phrase for people."""

    reason: str


Answer = Allowed | Denied | NoAnswer


def read_answer(status: int, body: object) -> Answer:
    """The meaning of an HTTP answer; `body` is decoded, None when it is not JSON."""
    if status != HTTPStatus.OK:
        return NoAnswer(_describe_status(status))
    document = body if isinstance(body, Mapping) else {}
    required = document.get("required")
    required = required if isinstance(required, bool) else None
    match document.get("allowed"):
        case True:
            return Allowed(required)
        case False:
            return Denied(_read_policies(document.get("policies")), required)
        case _:
            return NoAnswer("the console's answer cannot be understood")


def describe_denial(policies: tuple[Policy, ...]) -> str:
    """The sentence a stopped run ends with: one policy a line."""
    lines = [describe_policy(policy) for policy in policies] or ["(the console named none)"]
    return "\n".join(["The following safe guards disallow this execution from continuing:", *lines])


def describe_policy(policy: Policy) -> str:
    """A policy's name; its reason, unless the name says it all; and until when it holds."""
    name, reason = (plain(policy.get(key) or "") for key in ("name", "reason"))
    until = _describe_moment(policy.get("until"))
    because = f": {reason}" if reason and reason != name else ""
    return f"{name or '(unnamed)'}{because}{f' (until {until})' if until else ''}"


def _describe_moment(value: object) -> str:
    """A moment as people read it: to the minute, in UTC; what is none as it came."""
    try:
        moment = datetime.fromisoformat(str(value or ""))
    except ValueError:
        return plain(value or "")
    zone = " UTC" if moment.tzinfo is not None else ""
    moment = moment.astimezone(UTC) if moment.tzinfo is not None else moment
    return f"{moment:%Y-%m-%d %H:%M}{zone}"


def _read_policies(value: object) -> tuple[Policy, ...]:
    """The policies as they came; a denial stays one whatever stands in their place."""
    entries = value if isinstance(value, list) else []
    return tuple(entry for entry in entries if isinstance(entry, Mapping))


def _describe_status(status: int) -> str:
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return f"the console refuses the token (HTTP {status}): {token_remedy()}"
    return f"the console answers HTTP {status}"
