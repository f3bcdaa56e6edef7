"""Verifications that come as a whole document: what it brings along is kept with it."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection

from chaoscloud.console.records import objectives, verifications
from chaoscloud.console.records.authorship import Author
from chaoscloud.console.records.objectives import ObjectiveFields
from chaoscloud.console.records.verifications import VerificationFields
from chaoscloud.console.rules.verifications import TARGET, WINDOW, Timing, VerificationContent


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """A document to import, what it says, and what was said beside it."""

    verification_id: str
    document: bytes
    content: VerificationContent
    timing: Timing
    objective_id: str | None = None  # hold it against this one, rather than make one
    target: float = TARGET
    window: float = WINDOW


def keep(
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
