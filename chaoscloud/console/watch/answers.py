"""A decision as a run is told it."""

import hashlib
from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from chaoscloud.console.records.standing import Standing
from chaoscloud.console.rules.safeguards import Decision, Facts, Policy, Run, decide


class Place(msgspec.Struct, frozen=True):
    """Whose run, and which; `run` None is any that might begin."""

    organization_id: str
    team_id: str
    run: Run | None


class MayGoOn(msgspec.Struct, frozen=True):
    """Whether the run may go on; when it may not, which safeguards say so.

    `required`: the organization wants no run to go on without an answer.
    """

    allowed: bool
    required: bool
    policies: tuple[Policy, ...] | UnsetType = UNSET


class Answer(msgspec.Struct, frozen=True):
    """A decision, the bytes that tell it, and their entity tag."""

    decision: Decision
    body: bytes
    etag: str


def _answer_of(decision: Decision, required: bool) -> Answer:
    body = msgspec.json.encode(MayGoOn(decision.allowed, required, decision.policies or UNSET))
    return Answer(decision, body, f'"{hashlib.sha256(body).hexdigest()[:20]}"')


# The entity tags of every answer that lets a run go on.
ALLOWED_TAGS = frozenset(_answer_of(Decision(True), required).etag for required in (True, False))


def judged(held: Standing, facts: Facts, place: Place, now: datetime) -> Answer:
    """The answer for a run, as things stand."""
    safeguards = held.concerning(place.organization_id, place.team_id)
    decision = decide(safeguards, now, place.run, facts)
    return _answer_of(decision, place.organization_id in held.required)
