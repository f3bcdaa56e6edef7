"""What the console takes out of a journal: the few facts that pages, lists and rules ask for."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from chaoscloud.console.rules import documents
from chaoscloud.console.rules.soundness import plain
from chaoscloud.console.rules.stops import Stop, stop_of

ENDED = frozenset({"completed", "failed", "aborted", "interrupted"})


class _State(msgspec.Struct, frozen=True):
    probes: list[msgspec.Raw] | None = None
    steady_state_met: Any = None


class _States(msgspec.Struct, frozen=True):
    before: _State | None = None
    during: list[_State | None] | None = None


class _Journal(msgspec.Struct, frozen=True, rename={"chaoslib_version": "chaoslib-version"}):
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
    steady_states: _States | None = None
    extensions: list[msgspec.Raw] | None = None

    @property
    def has_acted(self) -> bool:
        """Whether an activity was run, one of the hypothesis included."""
        before = self.steady_states and self.steady_states.before
        return bool(self.run or (before and before.probes))


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

    @property
    def over(self) -> bool:
        """Whether the run has ended."""
        return self.status != "running"


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
    told = msgspec.json.decode(journal, type=_Journal)
    experiment = told.experiment or documents.Head()
    block = documents.block_of(told.extensions)
    safeguards = block.safeguards or None
    status = status_of(told.status, told.deviated, bool(safeguards), told.has_acted)
    if status == "running":  # the end of a run is taken whatever the run is called
        _ensure_bounded(experiment)
    return Summary(
        title=experiment.shown_title if told.experiment else None,
        status=status,
        node=_text(told.node),
        platform=_text(told.platform),
        chaoslib_version=_text(told.chaoslib_version),
        tags=list(experiment.tags),
        started_at=_moment(told.start, "start"),
        ended_at=_moment(told.end, "end"),
        duration=told.duration,
        safeguards=safeguards,
        stop=stop_of(block.stop),
    )


def _ensure_bounded(experiment: documents.Head) -> None:
    try:
        documents.ensure_bounded(experiment.tags)
    except msgspec.ValidationError as error:
        raise msgspec.ValidationError(str(error).replace("`$", "`$.experiment", 1)) from None


def status_of(
    status: str | None, deviated: bool | None, by_safeguards: bool, has_acted: bool
) -> str:
    """The one word for how a run went; `running` for one that does not say it has ended."""
    if status == "deviated" or (status == "completed" and deviated):
        return "deviated"
    if status == "interrupted" and by_safeguards and not has_acted:
        return "refused"
    return status if status in ENDED else "running"


def samples(journal: bytes) -> Samples:
    """Count the samples of the steady state that a journal holds."""
    states = msgspec.json.decode(journal, type=_Journal).steady_states or _States()
    met = [state.steady_state_met if state else None for state in states.during or ()]
    successful, deviated = sum(one is True for one in met), sum(one is False for one in met)
    return Samples(successful, deviated, len(met) - successful - deviated)


def extensions(journal: bytes) -> list[msgspec.Raw] | None:
    """The extension blocks of the experiment that a journal is of."""
    told = msgspec.json.decode(journal, type=_Journal)
    return told.experiment.extensions if told.experiment else None


def moment(text: str) -> datetime:
    """An aware UTC time from ISO 8601; one without a zone was meant in UTC. Raises `ValueError`."""
    try:
        read = datetime.fromisoformat(text)
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
