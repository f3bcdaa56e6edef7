"""Verifications made of an objective and a condition, or of a whole document."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from chaoscloud.console.records import experiments, objectives, verifications
from chaoscloud.console.records._rows import new_id
from chaoscloud.console.records.audit import Author
from chaoscloud.console.records.objectives import ObjectiveFields
from chaoscloud.console.records.verifications import VerificationFields
from chaoscloud.console.rules import recognition
from chaoscloud.console.rules import verifications as rules
from chaoscloud.console.rules.verifications import TARGET, WINDOW, Timing, VerificationContent


class Missing(Exception):
    """What a verification is to be made of is not there; the message names it in one word."""


class Composition(msgspec.Struct, frozen=True, kw_only=True):
    """An objective to sample, and the experiment whose method is the condition (or none)."""

    name: str
    objective_id: str
    timing: Timing
    experiment_id: str | None = None
    description: str = ""


def compose(connection: Connection, author: Author, new: Composition, now: datetime) -> str:
    """Keep a verification and the experiment it is; its id. Raises `Missing`."""
    objective = objectives.find(connection, author.team_id, new.objective_id)
    if objective is None:
        raise Missing("objective")
    condition = _condition(connection, author.team_id, new.experiment_id)
    document = rules.compose_document(new.name, new.description, objective.measurement, condition)
    published = experiments.publish(
        connection, author, recognition.draft(document), now, is_copy=True
    )
    verification = VerificationFields(
        id=new_id(),
        name=new.name,
        objective_id=objective.id,
        experiment_id=published.experiment_id,
        timing=new.timing,
        document=document,
    )
    verifications.add(connection, author, verification, now)
    return verification.id


def _condition(connection: Connection, team_id: str, experiment_id: str | None) -> dict[str, Any]:
    if experiment_id is None:
        return {}
    raw = experiments.document(connection, team_id, experiment_id)
    if raw is None:
        raise Missing("experiment")
    return msgspec.json.decode(raw, type=dict[str, Any])


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """A document to import, what it says, and what was said beside it."""

    verification_id: str
    document: bytes
    content: VerificationContent
    timing: Timing
    objective_id: str | None = None  # hold it against this one, rather than make one
    target: float = TARGET
    window: float = WINDOW


def import_document(
    connection: Connection, author: Author, new: Import, experiment_id: str, now: datetime
) -> str:
    """Keep a verification of a published experiment; the id of its objective.

    The objective the document names is used when the team has it. Raises `AlreadyThere` when the
    team has a verification of that id.
    """
    known = new.objective_id or new.content.objective_id
    if known is None or objectives.find(connection, author.team_id, known) is None:
        known = objectives.add(connection, author, _objective(new), now)
    verification = VerificationFields(
        id=new.verification_id,
        name=new.content.name,
        objective_id=known,
        experiment_id=experiment_id,
        timing=new.timing,
        document=new.document,
    )
    verifications.add(connection, author, verification, now)
    return known


def _objective(new: Import) -> ObjectiveFields:
    return ObjectiveFields(
        name=new.content.objective_name,
        target=new.target,
        window=new.window,
        measurement=new.content.measurement,
    )
