"""Which of a team's executions a list has: filtered, searched, sorted, counted.

Read from `outcomes`, whose rows are short. A page costs the same however far back it lies. What no
index knows (words, tags) is looked for in the next `WINDOW` executions, so that a search costs no
more in a large console; the list says how far it came, and goes on from there.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal, get_args

import msgspec
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Connection,
    FromClause,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    cast,
    false,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    union_all,
)

from chaoscloud.console.db.schema import IS_DRY, IS_INCONCLUSIVE, executions, outcomes
from chaoscloud.console.records.outcomes import NOT_PASSED
from chaoscloud.console.rules.search import split_query
from chaoscloud.outcome import OutcomeName

SILENCE = timedelta(minutes=15)  # a run that says nothing for so long is one we lost
WINDOW = 5_000  # executions that one search looks through
MOST_COUNTED = 1_000  # beyond that, a count is "more than"

HIDDEN_STATES = ("held", "not-held")  # other pages ask for them; counted only where chosen

State = Literal["running", "lost", "went-wrong", "inconclusive", "dry", "held", "not-held"]
STATES: tuple[str, ...] = (*get_args(State), *get_args(OutcomeName))
Sort = Literal["started", "oldest", "longest", "shortest"]
SORTS: tuple[Sort, ...] = get_args(Sort)


Text = str | BindParameter[str]
Moment = datetime | BindParameter[datetime]


class SortCursor(msgspec.Struct, frozen=True, array_like=True):
    """Where a page ended: what its last row is sorted by, and its id, since that may repeat."""

    value: datetime | float
    id: str


class SearchWord(msgspec.Struct, frozen=True):
    """A word to search for: in small letters, with the ids of the people who have it in a name."""

    text: str
    person_ids: tuple[str, ...] = ()


class ExecutionFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which executions to list; an empty field excludes none. `until` itself is not included."""

    states: tuple[str, ...] = ()  # of STATES: an execution is in one of them
    experiment_id: str = ""
    person_id: str = ""
    tags: tuple[str, ...] = ()  # an execution has all of them
    labels: tuple[tuple[str, str], ...] = ()  # likewise: names and values
    since: datetime | None = None
    until: datetime | None = None
    words: tuple[SearchWord, ...] = ()  # all of them stand in it
    sort: Sort = "started"

    @property
    def looks_through(self) -> bool:
        """Whether each execution has to be looked at."""
        return bool(self.words or self.tags or self.labels)


class ExecutionIds(msgspec.Struct, frozen=True):
    """The ids of a page of a list.

    `following` is where the next page begins, None at the end. `searched_to` is the start of the
    last execution that was looked at, where a search has not come to the end.
    """

    ids: list[str]
    following: SortCursor | None
    searched_to: datetime | None = None


class Counts(msgspec.Struct, frozen=True):
    """How many executions are in each state, of those that everything but the states matches.

    A number above MOST_COUNTED means "more". Where there are more executions than the `WINDOW` that
    were looked at, `is_whole` is false, and each number means "at least".
    """

    total: int
    by_state: dict[str, int]
    is_whole: bool = True


def find_page(
    connection: Connection,
    team_id: str,
    criteria: ExecutionFilter,
    now: datetime,
    *,
    after: SortCursor | None = None,
    limit: int = 50,
) -> ExecutionIds:
    """One page of the executions that match."""
    statement = _order(select(outcomes), outcomes, criteria, after)
    statement = statement.where(*_indexed(team_id, criteria))
    if not criteria.looks_through:
        found = _read(connection, statement.where(*_states(team_id, criteria, now)), limit + 1)
        return ExecutionIds(
            [row.execution_id for row in found[:limit]], _mark(found, limit, criteria)
        )
    window = statement.limit(WINDOW).subquery("looked_at")
    matching = select(window).where(*_states(team_id, criteria, now, window))
    matching = matching.where(*_unindexed(criteria, window))
    found = _read(connection, _order(matching, window, criteria, None), limit + 1)
    if len(found) > limit:
        return ExecutionIds(
            [row.execution_id for row in found[:limit]], _mark(found, limit, criteria)
        )
    ids, end = [row.execution_id for row in found], _read(connection, statement, 1, WINDOW - 1)
    if not end:
        return ExecutionIds(ids, None)
    return ExecutionIds(ids, _mark_of(end[0], criteria), end[0].started_at)


def count_states(
    connection: Connection, team_id: str, criteria: ExecutionFilter, now: datetime
) -> Counts:
    """Count what the same list would have for each state, and in all."""
    # Only where nothing but the state narrows the list does an index lead to each count.
    narrowed = msgspec.structs.replace(criteria, states=(), sort="started") != ExecutionFilter()
    states = tuple(s for s in STATES if s not in HIDDEN_STATES or s in criteria.states)
    if narrowed:
        return _count_window(connection, team_id, criteria, now, states)
    return _count_each(connection, team_id, now, states)


def _count_each(
    connection: Connection, team_id: str, now: datetime, states: tuple[str, ...]
) -> Counts:
    """Each state by its index, up to a bound."""
    values = {"team": team_id, "silent_since": now - SILENCE}
    rows = connection.execute(_select_each_count(states), values).all()
    numbers = {state: number for state, number in rows}  # noqa: C416 - `dict` knows no rows
    return Counts(numbers.pop(""), numbers)


@cache  # building such a statement takes several times as long as running it
def _select_each_count(states: tuple[str, ...]) -> CompoundSelect[Any]:
    team_id = bindparam("team", type_=String)
    silent_since = bindparam("silent_since", type_=executions.c.last_seen_at.type)
    several = []
    for state in ("", *states):
        some = select(literal(1)).where(outcomes.c.team_id == team_id)
        if state:
            some = some.where(_state(team_id, state, silent_since, outcomes))
        some = some.limit(MOST_COUNTED + 1)
        several.append(select(literal(state), func.count()).select_from(some.subquery()))
    return union_all(*several)


def _count_window(
    connection: Connection,
    team_id: str,
    criteria: ExecutionFilter,
    now: datetime,
    states: tuple[str, ...],
) -> Counts:
    """All states in one look at the window."""
    statement = _order(select(outcomes), outcomes, criteria, None)
    statement = statement.where(*_indexed(team_id, criteria))
    window, silent_since = statement.limit(WINDOW).subquery("looked_at"), now - SILENCE
    sums = [
        func.sum(cast(func.coalesce(_state(team_id, state, silent_since, window), False), Integer))
        for state in states
    ]
    matching = select(func.count(), *sums).where(*_unindexed(criteria, window))
    total, *numbers = connection.execute(matching).one()
    by_state = {state: number or 0 for state, number in zip(states, numbers, strict=True)}
    return Counts(total, by_state, is_whole=not _read(connection, statement, 1, WINDOW))


def match(team_id: str, criteria: ExecutionFilter) -> list[ColumnElement[bool]]:
    """All conditions but the states, for a statement that joins `outcomes`."""
    return [*_indexed(team_id, criteria), *_unindexed(criteria, outcomes)]


# --- conditions --------------------------------------------------------------------------------


def _indexed(team_id: str, criteria: ExecutionFilter) -> list[ColumnElement[bool]]:
    by = outcomes.c
    conditions = [by.team_id == team_id]
    if criteria.experiment_id:
        conditions.append(by.experiment_id == criteria.experiment_id)
    if criteria.person_id:
        conditions.append(by.person_id == criteria.person_id)
    if criteria.since:
        conditions.append(by.started_at >= criteria.since)
    if criteria.until:
        conditions.append(by.started_at < criteria.until)
    return conditions


def _unindexed(criteria: ExecutionFilter, table: FromClause) -> list[ColumnElement[bool]]:
    column = table.c
    conditions: list[ColumnElement[bool]] = [
        column.tags.contains(_json(tag), autoescape=True) for tag in criteria.tags
    ]
    for name, value in criteria.labels:  # `"env":"staging"`, which no text in JSON can contain
        label = f"{_json(name)}:{_json(value)}"
        conditions.append(column.labels.contains(label, autoescape=True))
    for word in criteria.words:
        matches = [column.words.contains(word.text, autoescape=True)]
        if word.person_ids:
            matches.append(column.person_id.in_(word.person_ids))
        conditions.append(or_(*matches))
    return conditions


def _states(
    team_id: str, criteria: ExecutionFilter, now: datetime, table: FromClause = outcomes
) -> list[ColumnElement[bool]]:
    """At most one condition: that an execution is in one of the states."""
    if not criteria.states:
        return []
    names = {state for state in criteria.states if state in get_args(OutcomeName)}
    if "went-wrong" in criteria.states:
        names.update(NOT_PASSED)
    others = [state for state in criteria.states if state in ("running", "lost", *_MARKS)]
    conditions = [_state(team_id, state, now - SILENCE, table) for state in others]
    if names:  # as one list, so that the index by outcome leads there
        conditions.append(table.c.outcome.in_(sorted(names)))
    return [or_(*conditions)] if conditions else [literal(False)]


_MARKS = ("inconclusive", "dry", "held", "not-held")


def _state(
    team_id: Text, state: str, silent_since: Moment, table: FromClause
) -> ColumnElement[bool]:
    """Whether an execution is in this state.

    Asked of the table itself in the very words of its partial indexes (see `partial_index`), for
    only then a database uses them.
    """
    column = table.c
    if state == "went-wrong":
        return _condition(column.outcome.in_(NOT_PASSED))
    if state == "inconclusive":
        if table is outcomes:
            return and_(IS_INCONCLUSIVE, outcomes.c.conclusive == false())
        return and_(~column.conclusive, column.outcome.in_(("passed", "deviated")))
    if state in ("held", "not-held"):  # conclusive: what answers the question of its experiment
        outcome = "passed" if state == "held" else "deviated"
        return and_(column.outcome == outcome, column.conclusive)
    if state == "dry":
        return and_(IS_DRY, outcomes.c.dry == true()) if table is outcomes else and_(column.dry)
    if state in ("running", "lost"):
        return and_(
            column.outcome.is_(None),
            column.execution_id.in_(_select_running(team_id, silent_since, state == "lost")),
        )
    return _condition(column.outcome == state)


def _condition(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return condition


def select_running(team_id: str, now: datetime, *, lost: bool) -> Select[tuple[str]]:
    """The ids of a team's executions that go on; with `lost`, of those that fell silent."""
    return _select_running(team_id, now - SILENCE, lost)


def _select_running(team_id: Text, silent_since: Moment, lost: bool) -> Select[tuple[str]]:
    column = executions.c
    is_lost = column.last_seen_at < silent_since
    return select(column.id).where(
        column.team_id == team_id, column.status == "running", is_lost if lost else ~is_lost
    )


def _json(text: str) -> str:
    return msgspec.json.encode(text).decode()


# --- order -------------------------------------------------------------------------------------


def _order(
    statement: Select[Any], table: FromClause, criteria: ExecutionFilter, after: SortCursor | None
) -> Select[Any]:
    """Sort, and begin after a mark. Runs that go on have no duration yet to be sorted by."""
    by_duration = criteria.sort in ("longest", "shortest")
    value = table.c.duration if by_duration else table.c.started_at
    if by_duration:
        statement = statement.where(value.is_not(None))
    row, ascending = tuple_(value, table.c.execution_id), criteria.sort in ("oldest", "shortest")
    if after is not None:  # compared as a row, so that an index leads straight to it
        mark = (after.value, after.id)
        statement = statement.where(row > mark if ascending else row < mark)
    columns = (value, table.c.execution_id)
    return statement.order_by(*(c.asc() if ascending else c.desc() for c in columns))


def _read(connection: Connection, statement: Select[Any], limit: int, offset: int = 0) -> list[Any]:
    names = ("execution_id", "started_at", "duration")
    columns = [column for column in statement.selected_columns if column.key in names]
    statement = statement.with_only_columns(*columns).limit(limit).offset(offset)
    return list(connection.execute(statement))


def _mark(found: list[Any], limit: int, criteria: ExecutionFilter) -> SortCursor | None:
    return _mark_of(found[limit - 1], criteria) if len(found) > limit else None


def _mark_of(row: Any, criteria: ExecutionFilter) -> SortCursor:
    by_duration = criteria.sort in ("longest", "shortest")
    return SortCursor(row.duration if by_duration else row.started_at, row.execution_id)


def find_words(query: str, names: Iterable[tuple[str, str]]) -> tuple[SearchWord, ...]:
    """The words of a query, with the people whom each may mean; `names` are ids and names."""
    people = [(person_id, name.casefold()) for person_id, name in names]
    return tuple(
        SearchWord(word, tuple(person_id for person_id, name in people if word in name))
        for word in split_query(query)
    )
