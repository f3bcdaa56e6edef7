"""What the console takes out of a journal: the few facts that pages, lists and rules ask for."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from chaoscloud.console.rules import documents
from chaoscloud.console.rules.outcome_reading import read_outcome
from chaoscloud.console.rules.run_context import RunContext, read_context
from chaoscloud.console.rules.soundness import plain
from chaoscloud.console.rules.stops import Stop, stop_of
from chaoscloud.outcome import ENDED, Outcome


class _SteadyState(msgspec.Struct, frozen=True):
    probes: list[msgspec.Raw] | None = None
    steady_state_met: Any = None


class _SteadyStates(msgspec.Struct, frozen=True):
    before: _SteadyState | None = None
    during: list[_SteadyState | None] | None = None


class _JournalHead(msgspec.Struct, frozen=True, rename={"chaoslib_version": "chaoslib-version"}):
    experiment: documents.Head | None = None
    chaoslib_version: str | None = None
    platform: str | None = None
    node: str | None = None
    start: str | None = None
    end: str | None = None
    status: str | None = None
    deviated: bool | None = None
    duration: float | None = None
    run: list[msgspec.Raw] | None = None
    steady_states: _SteadyStates | None = None
    extensions: list[msgspec.Raw] | None = None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of one journal; `duration` is in seconds."""

    title: str | None  # None: the journal does not say
    status: str
    node: str | None
    platform: str | None
    chaoslib_version: str | None
    tags: list[str]
    started_at: datetime | None
    ended_at: datetime | None
    duration: float | None
    safeguards: list[Any] | None  # the policies that stopped it
    stop: Stop | None = None  # how that stop reached it
    outcome: Outcome | None = None  # None: it has not ended
    dry: bool = False  # activities are left out on purpose
    context: RunContext | None = None  # where it came from; None: the journal does not say

    @property
    def over(self) -> bool:
        """Whether the run has ended."""
        return self.outcome is not None


class Samples(msgspec.Struct, frozen=True):
    """How often the steady state was looked at while a verification ran, and what was seen."""

    successful: int
    deviated: int
    not_run: int

    @property
    def total(self) -> int:
        """How often in all."""
        return self.successful + self.deviated + self.not_run


def summary(journal: bytes) -> Summary:
    """Read a journal. Raises `msgspec.ValidationError` when something is of the wrong type."""
    document = msgspec.json.decode(journal, type=_JournalHead)
    experiment = document.experiment or documents.Head()
    block = documents.block_of(document.extensions)
    outcome = read_outcome(journal)
    if outcome is None:  # the end of an execution is taken whatever its tags are
        _check_tags(experiment)
    return Summary(
        title=experiment.shown_title if document.experiment else None,
        status=_read_status(document.status, document.deviated, outcome),
        node=_text(document.node),
        platform=_text(document.platform),
        chaoslib_version=_text(document.chaoslib_version),
        tags=list(experiment.tags),
        started_at=_moment(document.start, "start"),
        ended_at=_moment(document.end, "end"),
        duration=document.duration,
        safeguards=block.safeguards or None,
        stop=stop_of(block.stop),
        outcome=outcome,
        dry=outcome.dry if outcome else bool(experiment.dry),
        context=read_context(block.context),
    )


def _check_tags(experiment: documents.Head) -> None:
    try:
        documents.ensure_bounded(experiment.tags)
    except msgspec.ValidationError as error:
        raise msgspec.ValidationError(str(error).replace("`$", "`$.experiment", 1)) from None


def _read_status(status: str | None, deviated: bool | None, outcome: Outcome | None) -> str:
    """The status of an execution: what its journal says, with three words of the console's own.

    "running" for one that has not ended, "refused" for one that safeguards did not let start, and
    "deviated" for one that the host calls so in its log: it writes "completed" (up to
    chaostoolkit-lib 1.29: "failed") and `deviated: true`. One that has ended and does not say how
    is "unknown".
    """
    if outcome is None:
        return "running"
    if outcome.outcome == "refused":
        return "refused"
    if deviated and status in ("completed", "failed"):
        return "deviated"
    return status if status in ENDED else "unknown"


def samples(journal: bytes) -> Samples:
    """Count the samples of the steady state that a journal holds."""
    states = msgspec.json.decode(journal, type=_JournalHead).steady_states or _SteadyStates()
    met = [state.steady_state_met if state else None for state in states.during or ()]
    successful, deviated = sum(one is True for one in met), sum(one is False for one in met)
    return Samples(successful, deviated, len(met) - successful - deviated)


def extensions(journal: bytes) -> list[msgspec.Raw] | None:
    """The extension blocks of the experiment that a journal is of."""
    experiment = msgspec.json.decode(journal, type=_JournalHead).experiment
    return experiment.extensions if experiment else None


def moment(text: str) -> datetime:
    """An aware UTC time from ISO 8601; one without a zone was meant in UTC. Raises `ValueError`."""
    try:
        read = datetime.fromisoformat(text)
        if read.tzinfo is UTC:  # as of most
            return read
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise ValueError("out of the calendar") from None


def _moment(text: str | None, key: str) -> datetime | None:
    try:
        return moment(text) if text else None
    except ValueError:
        raise msgspec.ValidationError(f"Expected an ISO 8601 time - at `$.{key}`") from None


def _text(value: str | None) -> str | None:
    return None if value is None else plain(value)
