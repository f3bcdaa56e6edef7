"""A journal read for people: what was tested, what was done, what came of it.

Journals come from anywhere, so nothing here trusts their shape: what is not as the Chaos Toolkit
writes it is left out or said to be unknown, and nothing raises. Values stay as they were decoded
(`output`, `arguments`, …); cutting and showing them is the pages' affair.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from chaoscloud.outcome.values import as_list, as_map, as_moment, as_seconds, as_text

Section = Literal["alerts", "safeguards", "hypothesis", "method", "rollbacks"]
ActivityStatus = Literal[
    "succeeded",
    "failed",
    "outside tolerance",
    "not finished",
    "running",
    "to come",
    "not run",
    "unknown",  # the journal does not say whether it was run
]
Phase = Literal["before", "during", "after"]


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """One activity as it was run, or as it was declared when it was not."""

    name: str
    section: Section
    kind: str  # "action" or "probe", as the document has it
    outcome: ActivityStatus
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
    """One test of the steady-state hypothesis."""

    moment: Phase
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
    """What a journal says. `tested` is None where it does not say whether the hypothesis was."""

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
    tested: bool | None
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
    def method_began(self) -> bool:
        """Whether something of the method was run, so that it may have left something behind."""
        return any(activity.start or activity.outcome in _RUN for activity in self.method)


_RUN = ("succeeded", "failed", "outside tolerance", "not finished", "running")


def story_of(journal: object) -> Story:
    """Read a decoded journal, whatever it is."""
    document = as_map(journal)
    experiment = as_map(document.get("experiment"))
    hypothesis = as_map(experiment.get("steady-state-hypothesis"))
    block = _chaosiq_block(document)
    over = document.get("end") is not None
    checks = tuple(_checks(as_map(document.get("steady_states")), over))
    return Story(
        title=as_text(experiment.get("title")) or "Untitled experiment",
        description=as_text(experiment.get("description")),
        tags=_texts(experiment.get("tags")),
        hypothesis=as_text(hypothesis.get("title")),
        status=as_text(document.get("status")),
        deviated=document.get("deviated") is True,
        start=as_moment(document.get("start")),
        end=as_moment(document.get("end")),
        duration=as_seconds(document.get("duration")),
        checks=checks,
        tested=True if checks else _is_untested(document),
        method=_section("method", document, experiment.get("method"), over),
        rollbacks=_section("rollbacks", document, experiment.get("rollbacks"), over),
        declared_probes=_section("hypothesis", {}, hypothesis.get("probes"), over),
        configuration=as_map(experiment.get("configuration")),
        secrets=as_map(experiment.get("secrets")),
        safeguards=_policies(block.get("safeguards")),
        gaps=tuple(_gaps(block.get("safeguards_without_answer"))),
        source=as_text((block or _chaosiq_block(experiment)).get("source")),
    )


def _is_untested(document: Mapping[str, Any]) -> bool | None:
    """False for a journal with room for tests and none in it.

    The host drops a test that is interrupted, so then nobody knows.
    """
    is_cut = document.get("status") in ("interrupted", "aborted")
    return None if is_cut or not as_map(document.get("steady_states")) else False


# --- the parts ---------------------------------------------------------------------------------


def _checks(states: Mapping[str, Any], over: bool) -> Iterable[Check]:
    tests: list[tuple[Phase, Any]] = [("before", states.get("before"))]
    tests += [("during", state) for state in as_list(states.get("during"))]
    tests += [("after", states.get("after"))]
    for phase, state in tests:
        if isinstance(state, dict):
            met = state.get("steady_state_met")
            probes = (_read_run("hypothesis", run, over) for run in as_list(state.get("probes")))
            yield Check(phase, met if isinstance(met, bool) else None, tuple(probes))


_RUNS_KEY = {"method": "run", "rollbacks": "rollbacks"}


def _section(
    section: Section, document: Mapping[str, Any], declared: Any, over: bool
) -> tuple[Activity, ...]:
    """What was declared, each as it was run or as it was not; then what was run besides.

    In the order of the document, so that an activity keeps its place whenever it starts: one in the
    background may start after those that follow it.
    """
    runs = document.get(_RUNS_KEY.get(section, ""))
    run_activities = [_read_run(section, run, over) for run in as_list(runs)]
    waiting: dict[tuple[str, bool], list[Activity]] = {}
    for activity in run_activities:
        waiting.setdefault((activity.name, activity.background), []).append(activity)
    # The host drops the activity that an interruption cuts off: it may be the first that is
    # missing, or any in the background. A journal without the list says nothing of any.
    is_cut = document.get("status") in ("interrupted", "aborted")
    is_first_missing = True
    rows: list[Activity] = []
    for declaration in map(as_map, as_list(declared)):
        is_background = declaration.get("background") is True
        same = waiting.get((_name(declaration), is_background))
        if same:
            rows.append(same.pop(0))
            continue
        may_have_run = is_cut and (is_first_missing or is_background)
        is_unknown = not isinstance(runs, list) or (may_have_run and section == "method")
        outcome: ActivityStatus = "unknown" if is_unknown else "not run"
        rows.append(_read_declaration(section, declaration, outcome=outcome if over else "to come"))
        is_first_missing = False
    undeclared = {id(activity) for activities in waiting.values() for activity in activities}
    return (*rows, *(activity for activity in run_activities if id(activity) in undeclared))


def _read_declaration(section: Section, activity: Mapping[str, Any], **fields: Any) -> Activity:
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
        **fields,
    )


def _read_run(section: Section, value: object, over: bool) -> Activity:
    run = as_map(value)
    return _read_declaration(
        section,
        as_map(run.get("activity")),
        outcome=_status_of(run, over),
        start=as_moment(run.get("start")),
        end=as_moment(run.get("end")),
        duration=as_seconds(run.get("duration")),
        output=run.get("output"),
        error=_error(run.get("exception")),
    )


def _status_of(run: Mapping[str, Any], over: bool) -> ActivityStatus:
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
    names = {
        "python": f"{as_text(provider.get('module'))}.{as_text(provider.get('func'))}",
        "process": as_text(provider.get("path")),
        "http": f"{as_text(provider.get('method')) or 'GET'} {as_text(provider.get('url'))}",
    }.get(kind, "")
    return f"{kind} {names}".strip()


def _error(exception: object) -> str:
    """The traceback as the toolkit kept it: a list of pieces of lines."""
    if isinstance(exception, list):
        return "".join(as_text(line) for line in exception)
    return as_text(exception)


def _chaosiq_block(document: Mapping[str, Any]) -> Mapping[str, Any]:
    blocks = (as_map(block) for block in as_list(document.get("extensions")))
    return next((block for block in blocks if block.get("name") == "chaosiq"), {})


def _policies(value: object) -> tuple[str, ...]:
    names = (as_text(as_map(item).get("name")) or as_text(item) for item in as_list(value))
    return tuple(name for name in names if name)


def _gaps(value: object) -> Iterable[Gap]:
    for gap in map(as_map, as_list(value)):
        since = as_moment(gap.get("since"))
        if since:
            yield Gap(since, as_moment(gap.get("until")), as_text(gap.get("reason")))


def later(moment: datetime, seconds: float) -> datetime:
    """The moment so many seconds on, or the moment itself where the calendar ends."""
    try:
        return moment + timedelta(seconds=seconds)
    except OverflowError:
        return moment


def _texts(value: object) -> tuple[str, ...]:
    return tuple(text for text in as_list(value) if isinstance(text, str))
