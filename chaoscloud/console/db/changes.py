"""What has changed of that which decisions are made from, counted where other processes look.

A console answers "may this run go on?" from memory. Whoever writes to one of the tables below adds
one to a number that every process looks at; writers in the same process tell it at once.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, event, select, text
from sqlalchemy.sql.dml import UpdateBase

from chaoscloud.console.db.schema import revisions

ACCESS = "access"  # who may see which team
SAFEGUARDS = "safeguards"  # what may say no
RUNS = "runs"  # which runs there are, and which go on

# Tokens and executions are not among them: most of what is written there changes nothing of this.
_TABLES: Mapping[str, tuple[str, ...]] = {
    "organizations": (ACCESS, SAFEGUARDS),
    "teams": (ACCESS, SAFEGUARDS),
    "people": (ACCESS,),
    "memberships": (ACCESS,),
    "team_members": (ACCESS,),
    "safeguards": (SAFEGUARDS,),
    "safeguard_states": (SAFEGUARDS,),
}
_MARKS = "what this transaction changes"
_COUNT = text(
    "INSERT INTO revisions (name, number) VALUES (:name, 1)"
    " ON CONFLICT (name) DO UPDATE SET number = revisions.number + 1"
)
_NUMBER = select(revisions.c.number).where(revisions.c.name == bindparam("name"))


def watch(engine: Engine) -> None:
    """Notice what is written through an engine."""
    event.listen(engine, "after_execute", _noticed)


def mark(connection: Connection, what: str) -> None:
    """Say that a write changes something that its table alone does not tell."""
    connection.info.setdefault(_MARKS, set()).add(what)


def forget(connection: Connection) -> None:
    """Begin anew: what an earlier transaction marked and lost is nobody's business."""
    connection.info.pop(_MARKS, None)


def counted(connection: Connection) -> frozenset[str]:
    """Count what this transaction changes, as a part of it; give what that is."""
    marks = frozenset(connection.info.pop(_MARKS, ()))
    for name in sorted(marks):  # in one order, so that two processes never wait for each other
        connection.execute(_COUNT, {"name": name})
    return marks


def numbers(connection: Connection) -> dict[str, int]:
    """How often each has changed so far."""
    rows = connection.execute(select(revisions.c.name, revisions.c.number))
    return {row.name: row.number for row in rows}


def number(connection: Connection, name: str) -> int:
    """How often one of them has changed so far."""
    return connection.scalar(_NUMBER, {"name": name}) or 0


def _noticed(connection: Connection, clause: Any, *rest: Any) -> None:
    if isinstance(clause, UpdateBase):
        for what in _TABLES.get(getattr(clause.table, "name", ""), ()):
            mark(connection, what)
