"""A journal as the story of a run: what was checked, what was done, what came of it.

Journals come from anywhere, so nothing here trusts their shape: what is not as the Chaos Toolkit
writes it is left out or said to be unknown, and nothing raises. Values stay as they were decoded
(`output`, `arguments`, …); cutting and showing them is the pages' affair.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec

Section = Literal["safeguards", "hypothesis", "method", "rollbacks"]
Outcome = Literal[
    "succeeded",
    "failed",
    "outside tolerance",
    "not finished",
    "running",
    "to come",
    "not played",
]
Moment = Literal["before", "during", "after"]


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """One activity as it was played, or as it was declared when it was not."""

    name: str
    section: Section
    kind: str  # "action" or "probe", as the document has it
    outcome: Outcome
    background: bool = False
    start: datetime | None = None
    end: datetime | None = None
    pause_before: float = 0.0  # seconds, as are the next two
    pause_after: float = 0.0
    duration: float | None = None
    provider: str = ""  # "python orders.broker.kill", "process kill", "http GET http://…"
    arguments: Any = None
    tolerance: Any = None
    output: Any = None
    error: str = ""


class Check(msgspec.Struct, frozen=True):
    """One time the steady-state hypothesis was put to the test."""

    moment: Moment
    met: bool | None  # None: it never came to an end
    probes: tuple[Activity, ...]

    @property
    def met_word(self) -> str:
        """Something to group by: did not hold first, unknown last."""
        return {False: "0", True: "1", None: "2"}[self.met]


class Gap(msgspec.Struct, frozen=True):
    """A stretch in which nobody answered whether the run may go on; `until` None: to its end."""

    since: datetime
    until: datetime | None
    reason: str


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """All that a journal tells."""

    title: str
    description: str
    tags: tuple[str, ...]
    hypothesis: str  # its title
    status: str
    deviated: bool
    start: datetime | None
    end: datetime | None
    duration: float | None  # seconds
    checks: tuple[Check, ...]
    method: tuple[Activity, ...]
    rollbacks: tuple[Activity, ...]
    declared_probes: tuple[Activity, ...]  # of the hypothesis
    configuration: Mapping[str, Any]
    secrets: Mapping[str, Any]  # references only: the values never reach the console
    safeguards: tuple[str, ...]  # names of the policies that stopped the run
    gaps: tuple[Gap, ...]  # in which safeguards could not be asked
    source: str  # the url the experiment came from

    @property
    def running(self) -> bool:
        """Whether the journal was written at the start and not since."""
        return self.end is None and self.status in ("", "running")

    @property
    def stopped_at_the_gate(self) -> bool:
        """Whether the hypothesis did not hold to begin with, so that nothing was done."""
        return any(check.moment == "before" and check.met is False for check in self.checks)


def story_of(journal: object) -> Story:
    """Read a decoded journal, whatever it is."""
    told = as_map(journal)
    experiment = as_map(told.get("experiment"))
    hypothesis = as_map(experiment.get("steady-state-hypothesis"))
    ours = _chaosiq_block(told) or _chaosiq_block(experiment)
    over = told.get("end") is not None
    return Story(
        title=as_text(experiment.get("title")) or "Untitled experiment",
        description=as_text(experiment.get("description")),
        tags=_texts(experiment.get("tags")),
        hypothesis=as_text(hypothesis.get("title")),
        status=as_text(told.get("status")),
        deviated=told.get("deviated") is True,
        start=as_moment(told.get("start")),
        end=as_moment(told.get("end")),
        duration=as_seconds(told.get("duration")),
        checks=tuple(_checks(as_map(told.get("steady_states")), over)),
        method=_section("method", told.get("run"), experiment.get("method"), over),
        rollbacks=_section("rollbacks", told.get("rollbacks"), experiment.get("rollbacks"), over),
        declared_probes=_section("hypothesis", [], hypothesis.get("probes"), over),
        configuration=as_map(experiment.get("configuration")),
        secrets=as_map(experiment.get("secrets")),
        safeguards=_policies(_chaosiq_block(told).get("safeguards")),
        gaps=tuple(_gaps(_chaosiq_block(told).get("safeguards_without_answer"))),
        source=as_text(ours.get("source")),
    )


# --- the parts ---------------------------------------------------------------------------------


def _checks(states: Mapping[str, Any], over: bool) -> Iterable[Check]:
    told: list[tuple[Moment, Any]] = [("before", states.get("before"))]
    told += [("during", state) for state in as_list(states.get("during"))]
    told += [("after", states.get("after"))]
    for moment, state in told:
        if isinstance(state, dict):
            met = state.get("steady_state_met")
            probes = (_played("hypothesis", run, over) for run in as_list(state.get("probes")))
            yield Check(moment, met if isinstance(met, bool) else None, tuple(probes))


def _section(section: Section, runs: Any, declared: Any, over: bool) -> tuple[Activity, ...]:
    """What was played, in order, and then what was declared but not, or not yet, reached."""
    played = [_played(section, run, over) for run in as_list(runs)]
    missing = Counter(_name(as_map(activity)) for activity in as_list(declared))
    missing.subtract(activity.name for activity in played)
    left: list[Activity] = []
    for activity in reversed(as_list(declared)):
        if missing[_name(as_map(activity))] > 0:
            missing[_name(as_map(activity))] -= 1
            outcome: Outcome = "not played" if over else "to come"
            left.append(_declared(section, as_map(activity), outcome=outcome))
    return (*played, *reversed(left))


def _declared(section: Section, activity: Mapping[str, Any], **more: Any) -> Activity:
    provider = as_map(activity.get("provider"))
    pauses = as_map(activity.get("pauses"))
    return Activity(
        name=_name(activity),
        section=section,
        kind=as_text(activity.get("type")) or "activity",
        background=activity.get("background") is True,
        pause_before=as_seconds(pauses.get("before")) or 0.0,
        pause_after=as_seconds(pauses.get("after")) or 0.0,
        provider=_provider(provider),
        arguments=provider.get("arguments"),
        tolerance=activity.get("tolerance"),
        **more,
    )


def _played(section: Section, run: object, over: bool) -> Activity:
    told = as_map(run)
    return _declared(
        section,
        as_map(told.get("activity")),
        outcome=_outcome(told, over),
        start=as_moment(told.get("start")),
        end=as_moment(told.get("end")),
        duration=as_seconds(told.get("duration")),
        output=told.get("output"),
        error=_error(told.get("exception")),
    )


def _outcome(run: Mapping[str, Any], over: bool) -> Outcome:
    """How it went. A run without an end is one that goes on, or one that was cut off."""
    if run.get("status") == "failed":
        return "failed"
    if run.get("tolerance_met") is False:
        return "outside tolerance"
    if run.get("status") == "succeeded":
        return "succeeded"
    return "not finished" if over or run.get("end") else "running"


def _name(activity: Mapping[str, Any]) -> str:
    return as_text(activity.get("name")) or as_text(activity.get("ref")) or "unnamed"


def _provider(provider: Mapping[str, Any]) -> str:
    """What was called, in a few words."""
    kind = as_text(provider.get("type"))
    called = {
        "python": f"{as_text(provider.get('module'))}.{as_text(provider.get('func'))}",
        "process": as_text(provider.get("path")),
        "http": f"{as_text(provider.get('method')) or 'GET'} {as_text(provider.get('url'))}",
    }.get(kind, "")
    return f"{kind} {called}".strip()


def _error(exception: object) -> str:
    """The traceback as the toolkit kept it: a list of pieces of lines."""
    if isinstance(exception, list):
        return "".join(as_text(line) for line in exception)
    return as_text(exception)


def _chaosiq_block(document: Mapping[str, Any]) -> Mapping[str, Any]:
    blocks = (as_map(block) for block in as_list(document.get("extensions")))
    return next((block for block in blocks if block.get("name") == "chaosiq"), {})


def _policies(told: object) -> tuple[str, ...]:
    named = (as_text(as_map(one).get("name")) or as_text(one) for one in as_list(told))
    return tuple(name for name in named if name)


def _gaps(told: object) -> Iterable[Gap]:
    for gap in map(as_map, as_list(told)):
        since = as_moment(gap.get("since"))
        if since:
            yield Gap(since, as_moment(gap.get("until")), as_text(gap.get("reason")))


# --- reading values that may be anything -------------------------------------------------------


def as_map(value: object) -> Mapping[str, Any]:
    """The value when it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """The value when it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: object) -> str:
    """The value when it is text, else none."""
    return value if isinstance(value, str) else ""


def as_seconds(value: object) -> float | None:
    """A duration in seconds when it is a number a clock could have said."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 1e12 else None


def as_moment(value: object) -> datetime | None:
    """An aware UTC time from ISO 8601 text; one without a zone was meant in UTC."""
    try:
        moment = datetime.fromisoformat(as_text(value))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def later(moment: datetime, seconds: float) -> datetime:
    """The moment so many seconds on, or the moment itself where the calendar ends."""
    try:
        return moment + timedelta(seconds=seconds)
    except OverflowError:
        return moment


def _texts(value: object) -> tuple[str, ...]:
    return tuple(text for text in as_list(value) if isinstance(text, str))
