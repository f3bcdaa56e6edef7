"""May this run go on? Decided from the safeguards that concern it and the time, and nothing else.

Each kind of safeguard is one function in `KINDS`: it gives the policy that says no, or None. An
unknown kind is an error of ours, which is never turned into a decision.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import msgspec


class Safeguard(msgspec.Struct, frozen=True):
    """A rule somebody set; `team_id` None means the whole organization.

    `settings` is JSON, what the kind needs; `person_id` is None for the operator on the machine.
    """

    id: str
    organization_id: str
    team_id: str | None
    kind: str
    name: str
    reason: str
    settings: str
    enabled: bool
    person_id: str | None
    created_at: datetime
    expires_at: datetime | None


class Policy(msgspec.Struct, frozen=True):
    """A safeguard that says no, as a run is told: why, and until when if that is known."""

    name: str
    reason: str
    kind: str
    until: datetime | None = None


class Verdict(msgspec.Struct, frozen=True):
    """The answer; `policies` names every safeguard that says no."""

    allowed: bool
    policies: tuple[Policy, ...] = ()


Kind = Callable[[Safeguard, datetime], Policy | None]


def stop(safeguard: Safeguard, now: datetime) -> Policy | None:
    """The stop switch says no as long as it is set."""
    return Policy(safeguard.name, safeguard.reason, safeguard.kind, safeguard.expires_at)


KINDS: Mapping[str, Kind] = {"stop": stop}


def verdict(safeguards: Iterable[Safeguard], now: datetime) -> Verdict:
    """What the safeguards say together: one "no" is enough, and every one is named."""
    asked = (KINDS[each.kind](each, now) for each in safeguards if in_force(each, now))
    policies = tuple(policy for policy in asked if policy is not None)
    return Verdict(not policies, policies)


def in_force(safeguard: Safeguard, now: datetime) -> bool:
    """Whether a safeguard has a say at all."""
    return safeguard.enabled and (safeguard.expires_at is None or safeguard.expires_at > now)
