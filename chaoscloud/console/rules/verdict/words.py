"""The words of a verdict: who is asked about, what is known, who says no."""

from collections.abc import Mapping
from datetime import datetime

import msgspec


class Safeguard(msgspec.Struct, frozen=True):
    """A rule somebody set; `team_id` None means the whole organization.

    `settings` is JSON, what the kind needs; `person_id` is None for the operator on the machine.
    With `tags` it concerns only runs that carry one of them, with `execution_id` only that run.
    `decided_at` is since when it says what it says; None: since it was made.
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
    tags: tuple[str, ...] = ()
    execution_id: str | None = None
    decided_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def since(self) -> datetime:
        """Since when it says what it says."""
        return self.decided_at or self.created_at


class Run(msgspec.Struct, frozen=True):
    """The run that is asked about; `id` None is one that the console has not recorded.

    `admitted`: such a run has been allowed to start already, by an earlier decision.
    """

    id: str | None = None
    tags: tuple[str, ...] = ()
    admitted: bool = False


class Going(msgspec.Struct, frozen=True):
    """A run that goes on, as far as is known."""

    id: str
    team_id: str
    tags: tuple[str, ...]
    created_at: datetime
    last_seen_at: datetime


class Answer(msgspec.Struct, frozen=True):
    """What was last heard of a webhook: `ok` None when it could not be asked.

    `said` is why it says no, or why it could not be asked; `since` is when it began to say so.
    """

    ok: bool | None
    said: str
    since: datetime


class Firing(msgspec.Struct, frozen=True):
    """An alert that fires: what it says, since when, and when it was last told."""

    said: str
    since: datetime
    told_at: datetime


class Facts(msgspec.Struct, frozen=True):
    """What verdicts are made from besides the safeguards and the time.

    `going` are the runs of the organization in the order they were created; `answers` and
    `alerts` are by the safeguard's id.
    """

    going: tuple[Going, ...] = ()
    answers: Mapping[str, Answer] = {}
    alerts: Mapping[str, tuple[Firing, ...]] = {}


class Question(msgspec.Struct, frozen=True):
    """What a safeguard is asked; `run` None asks about the team in general."""

    now: datetime
    run: Run | None
    facts: Facts


class Policy(msgspec.Struct, frozen=True):
    """A safeguard that says no, as a run is told: why, since when, and until when if known."""

    id: str
    name: str
    reason: str
    kind: str
    until: datetime | None = None
    decided_at: datetime | None = None


class Said(msgspec.Struct, frozen=True):
    """What one safeguard says, and when that may change merely because time passes."""

    policy: Policy | None = None
    turns_at: datetime | None = None


class Verdict(msgspec.Struct, frozen=True):
    """The answer; `policies` names every safeguard that says no.

    `turns_at` is the first moment at which it may change merely because time passes.
    """

    allowed: bool
    policies: tuple[Policy, ...] = ()
    turns_at: datetime | None = None


def refusal(
    safeguard: Safeguard,
    *,
    reason: str | None = None,
    until: datetime | None = None,
    since: datetime | None = None,
) -> Policy:
    """The policy of a safeguard that says no, until it expires unless something ends sooner."""
    ends = [each for each in (until, safeguard.expires_at) if each is not None]
    return Policy(
        safeguard.id,
        safeguard.name,
        reason or safeguard.reason,
        safeguard.kind,
        min(ends, default=None),
        max(safeguard.since, since or safeguard.since),
    )
