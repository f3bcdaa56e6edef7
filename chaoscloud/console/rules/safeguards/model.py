"""The values that decisions are made from, and the decision itself."""

from collections.abc import Mapping
from datetime import datetime

import msgspec


class Safeguard(msgspec.Struct, frozen=True):
    """A rule somebody set; `team_id` None means the whole organization.

    `settings` is JSON, in the shape of its kind; `person_id` is None for an operator on the
    machine, whose name `operator` is. With `tags` it applies only to runs that carry one of them,
    with `execution_id` only to that run. `decided_at` is since when its present settings hold;
    None: since it was created.
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
    operator: str | None = None

    @property
    def since(self) -> datetime:
        """Since when its present settings hold."""
        return self.decided_at or self.created_at


class Run(msgspec.Struct, frozen=True):
    """The run a decision is about; `id` None is one that the console has not recorded.

    `admitted`: such a run has been allowed to start already, by an earlier decision.
    """

    id: str | None = None
    tags: tuple[str, ...] = ()
    admitted: bool = False
    created_at: datetime | None = None


class RunningExecution(msgspec.Struct, frozen=True):
    """An execution that has not ended, as far as the console knows."""

    id: str
    team_id: str
    tags: tuple[str, ...]
    created_at: datetime
    last_seen_at: datetime


class WebhookAnswer(msgspec.Struct, frozen=True, rename={"message": "said"}):
    """The last answer of a webhook: `ok` None when it could not be asked.

    `message` is why it denies, or why it could not be asked; `since` is when this answer first
    came. Databases keep `message` under the name `said`.
    """

    ok: bool | None
    message: str
    since: datetime


class FiringAlert(
    msgspec.Struct, frozen=True, rename={"summary": "said", "last_sent_at": "told_at"}
):
    """An alert that fires: its summary, since when, and when it was last sent.

    Databases keep `summary` as `said` and `last_sent_at` as `told_at`.
    """

    summary: str
    since: datetime
    last_sent_at: datetime


class Facts(msgspec.Struct, frozen=True):
    """What decisions are made from besides the safeguards and the time.

    `running` are the organization's executions in the order they were created; `answers` and
    `alerts` are by the safeguard's id.
    """

    running: tuple[RunningExecution, ...] = ()
    answers: Mapping[str, WebhookAnswer] = {}
    alerts: Mapping[str, tuple[FiringAlert, ...]] = {}


class Question(msgspec.Struct, frozen=True):
    """What a safeguard is asked; `run` None asks about the team in general."""

    now: datetime
    run: Run | None
    facts: Facts


class Policy(msgspec.Struct, frozen=True):
    """A safeguard that denies, as a run reads it: why, since when, and until when if known.

    `operator` is who set it on the console's machine, where no person did.
    """

    id: str
    name: str
    reason: str
    kind: str
    until: datetime | None = None
    decided_at: datetime | None = None
    operator: str | msgspec.UnsetType = msgspec.UNSET


class Finding(msgspec.Struct, frozen=True):
    """What one safeguard decides: it denies (`policy`) or not.

    `changes_at` is when that may change merely because time passes.
    """

    policy: Policy | None = None
    changes_at: datetime | None = None


class Decision(msgspec.Struct, frozen=True):
    """The decision of all safeguards together; `policies` names every one that denies.

    `changes_at` is the first moment at which it may change merely because time passes.
    """

    allowed: bool
    policies: tuple[Policy, ...] = ()
    changes_at: datetime | None = None


def denial(
    safeguard: Safeguard,
    *,
    reason: str | None = None,
    until: datetime | None = None,
    since: datetime | None = None,
) -> Policy:
    """The policy of a safeguard that denies, until it expires unless something ends sooner."""
    ends = [end for end in (until, safeguard.expires_at) if end is not None]
    return Policy(
        safeguard.id,
        safeguard.name,
        reason or safeguard.reason,
        safeguard.kind,
        min(ends, default=None),
        max(safeguard.since, since or safeguard.since),
        safeguard.operator or msgspec.UNSET,
    )
