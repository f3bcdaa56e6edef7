"""The filters of a list of executions: they stand in its address, so that it can be passed on."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlencode

import msgspec
from starlette.datastructures import QueryParams

from chaoscloud.console.pages import _looks
from chaoscloud.console.pages._filters import plain_text, read_day, read_zone
from chaoscloud.console.records.execution_lists import (
    HIDDEN_STATES,
    MOST_COUNTED,
    SORTS,
    STATES,
    Counts,
    ExecutionFilter,
    Sort,
    SortCursor,
    find_words,
)
from chaoscloud.console.rules.run_context import parse_label
from chaoscloud.outcome.values import as_moment

SINGLE = ("q", "experiment", "person", "since", "until", "zone", "sort")
SEVERAL = ("status", "outcome", "tag", "label")
LONGEST_QUERY = 300  # characters
MOST_STATES = 20
MOST_TAGS = 10

# What `?status=` names besides the states: the word of the journal for an outcome.
STATUSES = {"completed": "passed"}

CHIPS = (  # the word of each state, and the key in the address that it stands in
    ("running", _looks.RUNNING.word, "status"),
    ("lost", _looks.LOST.word, "status"),
    ("went-wrong", "Went wrong", "outcome"),
    *((name, look.word, "outcome") for name, look in _looks.EXECUTIONS.items()),
    ("inconclusive", "Inconclusive", "outcome"),
    ("dry", "Dry run", "outcome"),
    ("held", "Passed, conclusive", "outcome"),
    ("not-held", "Deviated, conclusive", "outcome"),
)
ALWAYS = ("running", "went-wrong")  # chips that stay where there is nothing of them


class Chip(msgspec.Struct, frozen=True):
    """A filter one click away; a click on a chosen one takes it back."""

    word: str
    address: str
    chosen: bool
    count: str = ""


class ListAddress(msgspec.Struct, frozen=True):
    """The address of a list: its path, and the query that it was asked with."""

    path: str
    query: Mapping[str, Sequence[str]]

    @classmethod
    def read(cls, path: str, params: QueryParams) -> "ListAddress":
        """Read an address; what makes no sense in it is left out."""
        query = {name: [_clean(params.get(name, ""))] for name in SINGLE}
        query |= {name: [_clean(value) for value in params.getlist(name)] for name in SEVERAL}
        return cls(path, {name: [v for v in values if v] for name, values in query.items()})

    def value(self, name: str) -> str:
        """The first value of a key, or nothing."""
        return next(iter(self.query.get(name, ())), "")

    def values(self, name: str) -> Sequence[str]:
        """All values of a key."""
        return self.query.get(name, ())

    @property
    def is_filtered(self) -> bool:
        """Whether it asks for anything less than all executions."""
        return any(values for name, values in self.query.items() if name not in ("zone", "sort"))

    @property
    def is_narrowed(self) -> bool:
        """Whether a filter stands in it that no chip and no search shows."""
        return any(
            self.query.get(name)
            for name in ("experiment", "person", "tag", "label", "since", "until")
        )

    def with_values(self, **changed: Sequence[str]) -> str:
        """The same list with something changed, from its first page on."""
        query = {**self.query, **changed}
        encoded = urlencode([(name, value) for name, values in query.items() for value in values])
        return f"{self.path}?{encoded}" if encoded else self.path

    def at(self, path: str) -> str:
        """The same query at another path."""
        return ListAddress(path, self.query).with_values()

    def without(self, name: str, value: str) -> str:
        """The same list without one value."""
        return self.with_values(**{name: [v for v in self.values(name) if v != value]})

    @property
    def states(self) -> tuple[str, ...]:
        """The states that are asked for."""
        named = [STATUSES.get(value, value) for value in self.values("status")]
        return tuple(dict.fromkeys([*named, *self.values("outcome")]))[:MOST_STATES]

    def filter(self, people: Sequence[tuple[str, str]]) -> ExecutionFilter:
        """What it asks for; `people` are ids and names that a word of the search may mean.

        Days are those of `zone`, which the page's script sends along; without it, those of UTC.
        """
        zone, sort = read_zone(self.value("zone")), self.value("sort")
        return ExecutionFilter(
            states=self.states,
            experiment_id=self.value("experiment"),
            person_id=self.value("person"),
            tags=tuple(self.values("tag"))[:MOST_TAGS],
            labels=tuple(filter(None, map(parse_label, self.values("label"))))[:MOST_TAGS],
            since=read_day(self.value("since"), zone),
            until=read_day(self.value("until"), zone, days=1),  # people mean the whole day
            words=find_words(self.value("q"), people),
            sort=sort if sort in SORTS else "started",
        )

    def chips(self, counts: Counts) -> list[Chip]:
        """One chip for each state there is something of, and for each that is chosen."""
        chosen = self.states
        chips = [Chip("All", self.with_values(status=(), outcome=()), not chosen)]
        for state, word, key in CHIPS:
            number = counts.by_state.get(state, 0)
            if (number and state not in HIDDEN_STATES) or state in chosen or state in ALWAYS:
                chips.append(
                    Chip(
                        word,
                        self._toggle(state, key),
                        state in chosen,
                        write_count(number, counts.is_whole),
                    )
                )
        return chips

    def _toggle(self, state: str, key: str) -> str:
        if state not in self.states:
            return self.with_values(**{key: [*self.values(key), state]})
        kept = {
            name: [v for v in self.values(name) if STATUSES.get(v, v) != state]
            for name in ("status", "outcome")
        }
        return self.with_values(**kept)

    def sorted_by(self, first: Sort, second: Sort) -> str:
        """The same list sorted by a column: this way, and the other way if it is already."""
        sort = second if (self.value("sort") or "started") == first else first
        return self.with_values(sort=[] if sort == "started" else [sort])


def read_cursor(params: QueryParams, sort: Sort) -> SortCursor | None:
    """Where the page before ended; None for what no page ended with."""
    text, _, last = params.get("after", "").partition("~")
    value = _read_number(text) if sort in ("longest", "shortest") else as_moment(text)
    return SortCursor(value, plain_text(last)) if value is not None and last else None


def write_cursor(cursor: SortCursor) -> str:
    """A cursor as it stands in an address."""
    value = cursor.value
    return f"{value.isoformat() if isinstance(value, datetime) else repr(value)}~{cursor.id}"


def write_count(number: int, is_whole: bool) -> str:
    """A number as it stands on a chip: `1,000+` beyond the bound, up to which is counted.

    Where not all executions were looked at, `12+`; and nothing where none was found among them.
    """
    if number > MOST_COUNTED:
        return f"{MOST_COUNTED:,}+"
    if is_whole:
        return f"{number:,}"
    return f"{number:,}+" if number else ""


def _clean(value: str) -> str:
    return plain_text(value.strip())[:LONGEST_QUERY]


def _read_number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if number == number else None  # NaN comes before and after nothing


assert {state for state, _, _ in CHIPS} == set(STATES)  # noqa: S101 - a chip for each state
