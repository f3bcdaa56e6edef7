"""What has changed of that which decisions are made from, counted where other processes look.

A console answers "may this run go on?" from memory. Whoever writes to one of the tables below adds
one to a number that every process reads; writers in the same process tell it at once. What
concerns one organization is counted for it alone, where the statement names it: a statement that
does not is counted for all, so that forgetting costs time and never a decision.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, PoolProxiedConnection, bindparam, event, select, text
from sqlalchemy.sql.dml import UpdateBase

from chaoscloud.console.db.bulk import execute
from chaoscloud.console.db.schema import organization_revisions, teams

ACCESS = "access"  # who may see which team
SAFEGUARDS = "safeguards"  # what may deny
RUNS = "executions"  # which executions there are, and which are running
MESSAGES = "messages"  # what waits to be sent; told to listeners, and counted nowhere
ALL_ORGANIZATIONS = ""

# Tokens and executions are not among them: most of what is written there changes nothing of this.
_TABLES: Mapping[str, tuple[str, ...]] = {
    "organizations": (ACCESS, SAFEGUARDS),
    "teams": (ACCESS,),
    "people": (ACCESS,),
    "memberships": (ACCESS,),
    "team_members": (ACCESS,),
    "safeguards": (SAFEGUARDS,),
    "safeguard_states": (SAFEGUARDS,),
}
_MARKS = "what this transaction changes"
_OPTION = "changes_of_organization"
_COUNT_ACCESS = text(
    "INSERT INTO revisions (name, number) VALUES (:name, 1)"
    " ON CONFLICT (name) DO UPDATE SET number = revisions.number + 1"
)
_COUNT = text(
    "INSERT INTO organization_revisions AS counted (organization_id, safeguards, executions)"
    " VALUES (:organization, :safeguards, :executions)"
    " ON CONFLICT (organization_id) DO UPDATE SET"
    " safeguards = counted.safeguards + excluded.safeguards,"
    " executions = counted.executions + excluded.executions"
)
_ACCESS_ROW = "*"  # no organization has such an id
_ALL = (
    f"SELECT '{_ACCESS_ROW}', number, 0 FROM revisions WHERE name = '{ACCESS}'"  # noqa: S608
    " UNION ALL SELECT organization_id, safeguards, executions FROM organization_revisions"
)
_ACCESS_REVISION = f"SELECT number FROM revisions WHERE name = '{ACCESS}'"  # noqa: S608
_OF_ORGANIZATION = select(organization_revisions).where(
    organization_revisions.c.organization_id.in_((bindparam("organization"), ALL_ORGANIZATIONS))
)


class DatabaseChange(NamedTuple):
    """One thing that a transaction changed, and the organization that it concerns."""

    subject: str
    organization_id: str = ALL_ORGANIZATIONS


class Revision(NamedTuple):
    """How often an organization's safeguards and executions have changed so far."""

    safeguards: int = 0
    executions: int = 0


class Revisions(NamedTuple):
    """All numbers at one moment."""

    access: int
    organizations: Mapping[str, Revision]

    def of(self, organization_id: str) -> Revision:
        """The numbers of one organization; what concerns all of them is in it."""
        known = (self.organizations.get(id_) for id_ in (organization_id, ALL_ORGANIZATIONS))
        return _add_up(revision for revision in known if revision)


def watch(engine: Engine) -> None:
    """Notice what is written through an engine."""
    event.listen(engine, "after_execute", _notice)


def of_organization(organization_id: str) -> dict[str, str]:
    """Execution options that name the organization whose safeguards a statement changes."""
    return {_OPTION: organization_id}


def mark(connection: Connection, subject: str, organization_id: str = ALL_ORGANIZATIONS) -> None:
    """Say that a write changes something that its table alone does not tell."""
    connection.info.setdefault(_MARKS, set()).add(DatabaseChange(subject, organization_id))


def mark_executions(connection: Connection, team_id: str) -> None:
    """Say that an execution of a team began or ended."""
    organization_id = connection.scalar(
        select(teams.c.organization_id).where(teams.c.id == team_id)
    )
    mark(connection, RUNS, organization_id or ALL_ORGANIZATIONS)


def forget(connection: Connection) -> None:
    """Begin anew: what an earlier transaction marked and lost is nobody's business."""
    connection.info.pop(_MARKS, None)


def count(connection: Connection) -> frozenset[DatabaseChange]:
    """Count what this transaction changes, as a part of it; give what that is."""
    marks = frozenset(connection.info.pop(_MARKS, ()))
    if any(change.subject == ACCESS for change in marks):
        connection.execute(_COUNT_ACCESS, {"name": ACCESS})
    ids = {c.organization_id for c in marks if c.subject not in (ACCESS, MESSAGES)}
    for organization_id in sorted(ids):  # in one order, so that processes never wait in a circle
        connection.execute(_COUNT, _numbers_to_add(organization_id, marks))
    return marks


def read_revisions(connection: Connection) -> Revisions:
    """How often everything has changed so far."""
    return _convert_rows(connection.exec_driver_sql(_ALL))


class RevisionReader:
    """Reads the numbers of a SQLite database without SQLAlchemy, on a connection that stays open.

    That takes 30 microseconds instead of a thousand, and waits for no writer, so an event loop may
    do it itself.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: PoolProxiedConnection | None = None

    def read_all(self) -> Revisions:
        """How often everything has changed so far. Raises the driver's errors, or SQLAlchemy's."""
        try:
            if self._connection is None:
                self._connection = self._engine.raw_connection()
            driver: Any = self._connection.driver_connection
            return _convert_rows(driver.execute(_ALL).fetchall())
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        """Give the connection up; the next reading opens another."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection = None


def read_revision(connection: Connection, organization_id: str) -> Revision:
    """How often one organization's safeguards and executions have changed so far."""
    rows = connection.execute(_OF_ORGANIZATION, {"organization": organization_id})
    return _add_up(Revision(row.safeguards, row.executions) for row in rows)


def read_access_revision(connection: Connection) -> int:
    """How often who may see which team has changed so far."""
    row = execute(connection, _ACCESS_REVISION).fetchone()
    return row[0] if row else 0


def _convert_rows(rows: Iterable[Sequence[Any]]) -> Revisions:
    organizations = {id_: Revision(safeguards, executions) for id_, safeguards, executions in rows}
    access = organizations.pop(_ACCESS_ROW, Revision())
    return Revisions(access.safeguards, organizations)


def _add_up(revisions: Iterable[Revision]) -> Revision:
    several = list(revisions)
    return Revision(
        sum(revision.safeguards for revision in several),
        sum(revision.executions for revision in several),
    )


def _numbers_to_add(organization_id: str, marks: Iterable[DatabaseChange]) -> dict[str, Any]:
    return {
        "organization": organization_id,
        "safeguards": int(DatabaseChange(SAFEGUARDS, organization_id) in marks),
        "executions": int(DatabaseChange(RUNS, organization_id) in marks),
    }


def _notice(
    connection: Connection,
    clause: Any,
    parameters: Any,
    more_parameters: Any,
    options: Mapping[str, Any],
    result: Any,
) -> None:
    if isinstance(clause, UpdateBase):
        organization_id = options.get(_OPTION, ALL_ORGANIZATIONS)
        for subject in _TABLES.get(getattr(clause.table, "name", ""), ()):
            mark(connection, subject, organization_id)
