"""Sends each thing as it happens, on the run's own connection. An outbox takes this place later."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from chaoscloud.api.calls import Cleaner
from chaoscloud.api.execution import (
    address_of,
    initialize_execution,
    publish_event,
    publish_execution,
)
from chaoscloud.api.experiment import publish_experiment
from chaoscloud.delivery import Started
from chaoscloud.delivery.line import Line
from chaoscloud.delivery.losses import Losses, NotStored, courtesy
from chaoscloud.delivery.witness import Witness
from chaoscloud.extension import NAME, del_extension_value, get_extension_value
from chaoscloud.types import Experiment, Journal

JOURNAL_LIMIT = 30.0
"""How long, in seconds, the journal may take: it can be large, and nothing waits behind it."""


class DirectDelivery:
    """A `Delivery` of one run over one console session. Safe to use from several threads.

    Everything goes out as a copy that `redactor` cleaned; the host's own documents get the ids of
    their `chaosiq` block and nothing else.
    """

    def __init__(self, session: Any, redactor: Cleaner, line: Line | None = None) -> None:
        self._session: Any = Witness(session)
        self._redactor = redactor
        self._line = line or Line()
        self._losses = Losses()
        self._ids: dict[str, str | None] = Started().ids

    def start(self, experiment: Experiment, journal: Journal) -> Started:
        """Create the experiment, then its execution."""
        started = Started()
        try:
            started = Started(self._start_experiment(experiment))
            started = self._start_execution(started, experiment, journal)
        except NotStored as x:
            return replace(started, problem=str(x))
        self.join(**started.ids)
        return started

    def join(self, experiment_id: str | None, execution_id: str | None) -> None:
        """Deliver for an execution that exists already."""
        self._ids = Started(experiment_id, execution_id).ids

    def event(self, event_type: str, context: object, state: object = None) -> None:
        """Send one event. Without an execution there is nothing it could belong to."""
        if self._ids["execution_id"] is None:
            return
        block = {"name": NAME, **self._ids}
        with self._noting(f"the event {event_type}"):
            self._store(
                lambda: publish_event(
                    self._session,
                    event_type,
                    context,
                    None,
                    None,
                    [block],
                    None,
                    state=state,
                    redactor=self._redactor,
                )
            )

    def finish(self, journal: Journal) -> None:
        """Update the execution that the journal's block names.

        Tried even when the console did not answer a moment ago: nothing matters more.
        """
        if self._ids["execution_id"] is None:
            return
        with self._noting("the journal"), self._session.taking_up_to(JOURNAL_LIMIT):
            self._store(
                lambda: publish_execution(self._session, journal, redactor=self._redactor),
                insist=True,
            )

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    @property
    def losses(self) -> dict[str, Any] | None:
        """What was not delivered; None when nothing is missing."""
        return self._losses.summary()

    def _start_experiment(self, experiment: Experiment) -> str:
        """The experiment's id. The document may name the execution of a run of the past."""
        del_extension_value(experiment, "execution_id")
        self._store(lambda: publish_experiment(self._session, experiment, redactor=self._redactor))
        return _named(experiment, "experiment_id")

    def _start_execution(
        self, started: Started, experiment: Experiment, journal: Journal
    ) -> Started:
        journal = {**journal, "experiment": experiment}
        answer = self._store(
            lambda: initialize_execution(
                self._session, experiment, journal, redactor=self._redactor
            )
        )
        execution_id = _named(experiment, "execution_id")
        return replace(started, execution_id=execution_id, address=address_of(answer))

    def _store(self, send: Callable[[], Any], *, insist: bool = False) -> Any:
        """The console's answer; raises `NotStored` when it did not take what it was sent."""
        with courtesy():
            return self._session.stored(self._line.call(send, insist=insist))

    @contextmanager
    def _noting(self, what: str) -> Iterator[None]:
        """Note as a loss what could not be stored inside."""
        try:
            yield
        except NotStored as x:
            self._losses.note(what, str(x))


def _named(experiment: Experiment, key: str) -> str:
    """An id that an answer of the console has put in the block."""
    identifier = get_extension_value(experiment, key)
    if identifier is None:
        raise NotStored(f"the console's answer has no {key}")
    return str(identifier)
