"""A decision as a run receives it."""

import hashlib
from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from chaoscloud.console.rules.safeguards import Decision, Policy, Run


class Place(msgspec.Struct, frozen=True):
    """Which run a question is about, and who asks; `run` None is any that might begin."""

    organization_id: str
    team_id: str
    run: Run | None
    person_id: str = ""
    token_id: str = ""
    token_expires_at: datetime | None = None


class MayGoOn(msgspec.Struct, frozen=True):
    """Whether the run may go on; when it may not, which safeguards deny it.

    `required`: the organization wants no run to go on without an answer.
    """

    allowed: bool
    required: bool
    policies: tuple[Policy, ...] | UnsetType = UNSET


class Answer(msgspec.Struct, frozen=True):
    """A decision, its bytes on the wire, and their entity tag."""

    decision: Decision
    body: bytes
    etag: str


def answer_of(decision: Decision, required: bool) -> Answer:
    """The answer that carries a decision."""
    body = msgspec.json.encode(MayGoOn(decision.allowed, required, decision.policies or UNSET))
    return Answer(decision, body, f'"{hashlib.sha256(body).hexdigest()[:20]}"')


# The entity tags of every answer that lets a run go on.
ALLOWED_TAGS = frozenset(answer_of(Decision(True), required).etag for required in (True, False))
