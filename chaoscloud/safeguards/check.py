"""What the console's answer to "may I go on?" means: pure decisions, no network.

On the wire, `GET …/policies` is `{"allowed": true}`, or `{"allowed": false, "policies": […]}`. Only
an explicit `false` refuses and only an explicit `true` allows: an error page, a proxy's greeting or
half a document is no answer, which is a third case of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from chaoscloud.api.answers import plain

Policy = Mapping[str, Any]
"""A safeguard as the console names it; `name` is the one key every console sends."""


@dataclass(frozen=True)
class Allowed:
    """Every safeguard lets the run go on."""


@dataclass(frozen=True)
class Refused:
    """At least one safeguard says no; `policies` are those, as they came."""

    policies: tuple[Policy, ...]


@dataclass(frozen=True)
class NoAnswer:
    """Nobody said yes or no; `reason` is a phrase for people."""

    reason: str


Answer = Allowed | Refused | NoAnswer


def read_answer(status: int, body: object) -> Answer:
    """The meaning of an HTTP answer; `body` is decoded, None when it is not JSON."""
    if status != HTTPStatus.OK:
        return NoAnswer(_why(status))
    if not isinstance(body, Mapping):
        return NoAnswer("the console's answer cannot be understood")
    match body.get("allowed"):
        case True:
            return Allowed()
        case False:
            return Refused(_policies(body.get("policies")))
        case _:
            return NoAnswer("the console's answer cannot be understood")


def refusal(policies: tuple[Policy, ...]) -> str:
    """The sentence a stopped run ends with: one policy a line."""
    names = [plain(policy["name"]) for policy in policies] or ["(the console named none)"]
    return "\n".join(["The following safe guards disallow this execution from continuing:", *names])


def _policies(found: object) -> tuple[Policy, ...]:
    """The policies that have a name; a refusal stays one whatever came in their place."""
    entries = found if isinstance(found, list) else []
    return tuple(e for e in entries if isinstance(e, Mapping) and e.get("name"))


def _why(status: int) -> str:
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return f"the console refuses the token (HTTP {status}): run `chaos signin`"
    return f"the console answers HTTP {status}"
