"""A run drawn to scale: lanes of spans, in seconds from the start.

Pure: from a `Story` to numbers. A lane is a row of the drawing; spans of different lanes overlap
where background activities did. What is not known is not drawn; what was not run has a lane without
spans and says so.
"""

import math
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby

import msgspec

from chaoscloud.console.rules.story import Activity, Check, Gap, Section, Story, later
from chaoscloud.outcome.durations import format_duration

_MOST_SPANS = 200  # of the hypothesis: more are drawn together
_WORST = ("met", "running", "not finished", "deviated")
_YEAR = 365 * 86_400  # seconds
_MOST_LANES = 40  # more activities than this share their section's lanes


_LOOKS = {True: "met", False: "deviated", None: "not finished"}
_WORDS = {True: "held", False: "did not hold", None: "did not finish"}


class Span(msgspec.Struct, frozen=True):
    """A stretch of time: `look` is an outcome, `pause`, `met` or `deviated`."""

    start: float  # seconds from the start of the run, as is the length
    length: float
    look: str
    words: str  # what a pointer or a screen reader is told


class Lane(msgspec.Struct, frozen=True):
    """One row of the drawing."""

    section: Section
    label: str
    spans: tuple[Span, ...]
    note: str = ""  # "not run", "unknown", "to come", "in the background"
    kind: str = ""


class TimelineMark(msgspec.Struct, frozen=True):
    """A moment worth a line across all lanes."""

    at: float
    look: str  # "deviated", "decided", "stopped" or "lost"
    words: str


class Tick(msgspec.Struct, frozen=True):
    """A label of the axis."""

    at: float
    words: str


class KnownAlert(msgspec.Struct, frozen=True):
    """An alert that fired during a run; `until` None: it went on."""

    summary: str
    since: datetime
    until: datetime | None


class KnownMoments(msgspec.Struct, frozen=True):
    """Moments that the journal does not say, as far as they are known.

    When the stop was decided, when it interrupted the run, when a run that says it goes on was
    heard of last, and which alerts fired.
    """

    decided: datetime | None = None
    interrupted: datetime | None = None
    last_heard: datetime | None = None
    alerts: tuple[KnownAlert, ...] = ()


NOTHING_MORE = KnownMoments()


class Timeline(msgspec.Struct, frozen=True):
    """The whole drawing; `length` is never zero, so positions may be divided by it."""

    length: float  # seconds
    lanes: tuple[Lane, ...]
    marks: tuple[TimelineMark, ...]
    ticks: tuple[Tick, ...]

    @property
    def looks(self) -> set[str]:
        """The looks that occur, for a legend of no more than is drawn."""
        return {span.look for lane in self.lanes for span in lane.spans}

    def percent(self, seconds: float) -> str:
        """A position or a length as a share of the drawing, for an attribute: `12.500%`."""
        return f"{min(100.0, max(0.0, 100 * seconds / self.length)):.3f}%"


def timeline_of(
    story: Story, now: datetime | None = None, known: KnownMoments = NOTHING_MORE
) -> Timeline | None:
    """Draw a story; None when nothing in it has a time. `now` ends what is still going on."""
    start = _start(story)
    if start is None:
        return None
    end = _end(story, start, now)
    rollbacks = min((a.start for a in story.rollbacks if a.start), default=None)
    scale = _Scale(start, end, _find_stop(story, known) or end, story.running, rollbacks)
    lanes = (*_alert_lanes(known.alerts, scale), *_lanes(story, scale))
    return Timeline(
        scale.length, lanes, tuple(_marks(story, scale, known)), tuple(ticks(scale.length))
    )


class _Scale(msgspec.Struct, frozen=True):
    """Where moments fall, in seconds from the start."""

    start: datetime
    end: datetime
    cut: datetime  # where ends what has no end of its own
    running: bool = False
    rollbacks: datetime | None = None  # when the first of them began

    @property
    def length(self) -> float:
        return max(0.001, (self.end - self.start).total_seconds())

    def at(self, moment: datetime) -> float:
        return min(self.length, max(0.0, (moment - self.start).total_seconds()))

    def span(self, start: datetime, end: datetime, look: str, words: str) -> Span:
        left, right = self.at(start), self.at(end)
        return Span(left, max(0.0, right - left), look, words)


def _start(story: Story) -> datetime | None:
    starts = [story.start, *(activity.start for activity in _everything(story))]
    return min((start for start in starts if start), default=None)


def _end(story: Story, start: datetime, now: datetime | None) -> datetime:
    """The end the journal gives; else now, or the last thing known."""
    if story.end:
        return max(story.end, start)
    if now and story.running:
        return max(now, start)
    moments = (moment for a in _everything(story) for moment in (a.start, a.end) if moment)
    last = max(moments, default=start)
    return max(last, later(start, story.duration or 0.0))


def _everything(story: Story) -> Iterator[Activity]:
    for check in story.checks:
        yield from check.probes
    yield from story.method
    yield from story.rollbacks


# --- lanes -------------------------------------------------------------------------------------


def _alert_lanes(alerts: Iterable[KnownAlert], scale: _Scale) -> Iterator[Lane]:
    """A lane for each alert's name; what fired several times is several spans of it."""
    spans: dict[str, list[Span]] = {}
    for alert in alerts:
        until = alert.until or scale.end
        since = format_duration(scale.at(alert.since))
        words = f"{alert.summary}: fired {_describe_start(alert, scale, since)}"
        span = scale.span(alert.since, until, "alert", words)
        spans.setdefault(alert.summary, []).append(span)
    for summary, of_alert in spans.items():
        yield Lane("alerts", summary, tuple(of_alert))


def _describe_start(alert: KnownAlert, scale: _Scale, since: str) -> str:
    start = "before the start" if alert.since < scale.start else f"after {since}"
    if alert.until is None:
        return start
    duration = format_duration(max(0.0, (alert.until - alert.since).total_seconds()))
    return f"{start}, for {duration}"


def _lanes(story: Story, scale: _Scale) -> Iterator[Lane]:
    if story.gaps:
        gaps = (_gap_span(gap, scale) for gap in story.gaps)
        yield Lane("safeguards", "Nobody answered", tuple(gaps))
    if story.checks:
        spans = (span for check in story.checks for span in _check_spans(check, scale))
        label = story.hypothesis or "Steady-state hypothesis"
        yield Lane("hypothesis", label, tuple(_thin(list(spans), scale)))
    crowded = len(story.method) + len(story.rollbacks) > _MOST_LANES
    draw = _draw_shared if crowded else _draw_single
    yield from draw(story.method, scale)
    yield from draw(story.rollbacks, scale)


def _gap_span(gap: Gap, scale: _Scale) -> Span:
    until = gap.until or scale.end
    took = format_duration(max(0.0, (until - gap.since).total_seconds()))
    return scale.span(gap.since, until, "unanswered", f"Safeguards did not answer for {took}")


def _check_spans(check: Check, scale: _Scale) -> Iterator[Span]:
    starts = [probe.start for probe in check.probes if probe.start]
    ends = [probe.end for probe in check.probes if probe.end]
    if not starts:
        return
    goes_on = check.met is None and scale.running
    look = "running" if goes_on else _LOOKS[check.met]
    words = "is being tested" if goes_on else _WORDS[check.met]
    end = max(ends, default=scale.cut)
    yield scale.span(min(starts), end, look, f"Hypothesis {check.moment} the method {words}")


def _thin(spans: list[Span], scale: _Scale) -> Iterator[Span]:
    """No more spans than can be told apart: those of one place are one, as bad as the worst."""
    if len(spans) <= _MOST_SPANS:
        yield from spans
        return
    place = scale.length / _MOST_SPANS
    for _, some in groupby(spans, lambda span: int(span.start / place)):
        together = list(some)
        worst = max(together, key=lambda span: _WORST.index(span.look))
        end = max(span.start + span.length for span in together)
        words = f"{worst.words} ({len(together)} tests)" if len(together) > 1 else worst.words
        yield Span(together[0].start, end - together[0].start, worst.look, words)


def _draw_single(activities: Iterable[Activity], scale: _Scale) -> Iterator[Lane]:
    for activity in activities:
        was_not_run = activity.outcome in ("not run", "unknown", "to come")
        note = activity.outcome if was_not_run else "in the background" * activity.background
        spans = tuple(_spans(activity, scale))
        yield Lane(activity.section, activity.name, spans, note, activity.kind)


def _draw_shared(activities: tuple[Activity, ...], scale: _Scale) -> Iterator[Lane]:
    """As few lanes as overlaps allow: each activity goes into the first lane that is free."""
    lanes: list[list[Span]] = []
    for activity in sorted((a for a in activities if a.start), key=_first_moment):
        spans = list(_spans(activity, scale))
        free = (lane for lane in lanes if lane[-1].start + lane[-1].length <= spans[0].start)
        lane = next(free, None)
        if lane is None:
            lanes.append(spans)
        else:
            lane.extend(spans)
    missing = sum(activity.start is None for activity in activities)
    for number, lane in enumerate(lanes, 1):
        yield Lane(activities[0].section, f"Lane {number}", tuple(lane))
    if missing:
        yield Lane(activities[0].section, f"{missing} activities", (), "without a time")


def _first_moment(activity: Activity) -> datetime:
    assert activity.start is not None  # noqa: S101 - the caller asked
    return activity.start


def _spans(activity: Activity, scale: _Scale) -> Iterator[Span]:
    """The pause before, the activity, the pause after; a pause is only drawn where it was made."""
    if activity.start is None:
        return
    end = max(activity.start, activity.end or scale.cut)
    if activity.pause_before:
        before = later(activity.start, -activity.pause_before)
        words = f"Pause of {format_duration(activity.pause_before)} before {activity.name}"
        yield scale.span(before, activity.start, "pause", words)
    took = format_duration((end - activity.start).total_seconds())
    yield scale.span(
        activity.start, end, activity.outcome, f"{activity.name}: {activity.outcome}, {took}"
    )
    if activity.pause_after and activity.end:
        until = _end_of_pause(activity, scale)
        words = f"Pause of {format_duration(activity.pause_after)} after {activity.name}"
        if until < later(end, activity.pause_after):
            took = format_duration((until - end).total_seconds())
            words += f", {'so far' if scale.running else 'interrupted after'} {took}"
        yield scale.span(end, until, "pause", words)


def _end_of_pause(activity: Activity, scale: _Scale) -> datetime:
    """When the pause after an activity was over: what interrupts a run interrupts its pause."""
    assert activity.end is not None  # noqa: S101 - the caller asked
    until = later(activity.end, activity.pause_after)
    bounds = [scale.end, scale.cut]
    if activity.section == "method" and scale.rollbacks:
        bounds.append(scale.rollbacks)
    return min([until, *(bound for bound in bounds if bound >= activity.end)])


# --- marks and the axis ------------------------------------------------------------------------


def _marks(story: Story, scale: _Scale, known: KnownMoments) -> Iterator[TimelineMark]:
    for check in story.checks:
        ends = [probe.end for probe in check.probes if probe.end]
        if check.met is False and ends:
            at = scale.at(max(ends))
            news = "Baseline not met" if check.moment == "before" else "Deviated"
            yield TimelineMark(at, "deviated", f"{news} after {format_duration(at)}")
            break  # the first is the news; the others show in their lane
    decided = known.decided if known.decided and known.decided >= scale.start else None
    if decided:
        at = scale.at(decided)
        yield TimelineMark(at, "decided", f"Stop decided after {format_duration(at)}")
    stop = _find_stop(story, known)
    if stop:
        at = scale.at(stop)
        later_by = f", {format_duration(at - scale.at(decided))} later" if decided else ""
        yield TimelineMark(at, "stopped", f"Stopped after {format_duration(at)}{later_by}")
    if known.last_heard:
        at = scale.at(known.last_heard)
        yield TimelineMark(at, "lost", f"Last heard of after {format_duration(at)}")


def _find_stop(story: Story, known: KnownMoments) -> datetime | None:
    """When an interrupted run was interrupted, where that is known.

    Its journal ends there, also when it was in a pause or in its rollbacks, unless rollbacks were
    run since: those begin at once after an activity that was cut off. An aborted run was not
    stopped by anybody.
    """
    if known.interrupted or story.status != "interrupted":
        return known.interrupted
    rollbacks = [activity.start for activity in story.rollbacks if activity.start]
    if rollbacks and any(activity.outcome == "not finished" for activity in story.method):
        return min(rollbacks)
    is_over = all(activity.outcome in ("succeeded", "failed") for activity in story.rollbacks)
    return None if rollbacks and is_over else story.end


def ticks(length: float, most: int = 6) -> Iterator[Tick]:
    """Round steps along the axis, from 0, at most so many after it."""
    step = next((size for size in _steps() if length / size <= most), length)
    for number in range(int(length / step) + 1):
        yield Tick(number * step, _label(number * step, step))


def _label(at: float, step: float) -> str:
    """A moment of the axis, as exact as the step: no two of them read the same."""
    if at == 0:
        return "0 s"
    if step < 0.1:
        return f"{round(at * 1_000)} ms"
    if step < 1:
        return f"{at:.1f} s"
    if step >= _YEAR:
        years = round(at / _YEAR)
        return f"{years:,} year{'s' if years > 1 else ''}"
    return format_duration(at)


def _steps() -> Iterator[float]:
    """1 ms, 2, 5, 10 … up to seconds; then what clocks and calendars count in."""
    for exponent in range(-3, 1):
        yield from (digit * math.pow(10, exponent) for digit in (1, 2, 5))
    yield from (10, 15, 30)
    yield from (minutes * 60 for minutes in (1, 2, 5, 10, 15, 30))
    yield from (hours * 3_600 for hours in (1, 2, 4, 6, 12))
    yield from (days * 86_400 for days in (1, 2, 7, 14, 28, 91, 365, 3_650, 36_500, 365_000))
