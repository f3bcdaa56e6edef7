"""A run drawn to scale."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chaoscloud.console.rules.story import story_of
from chaoscloud.console.rules.timeline import KnownMoments, Timeline, ticks, timeline_of
from tests.console.documents import ended, experiment, journal

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def at(second: float) -> str:
    return (START + timedelta(seconds=second)).isoformat()


def run(name: str, start: float, end: float | None = None, **more: Any) -> dict[str, Any]:
    activity = {"type": "action", "name": name, **more}
    ending = {} if end is None else {"end": at(end), "status": "succeeded", "duration": end - start}
    return {"activity": activity, "start": at(start), **ending}


def drawn(**more: Any) -> Timeline:
    """The drawing of a run of a hundred seconds."""
    document = ended(
        **{"experiment": experiment(method=[]), "start": at(0), "end": at(100), "run": [], **more}
    )
    timeline = timeline_of(story_of(document))
    assert timeline
    return timeline


def test_activities_lie_where_they_were_played() -> None:
    """In seconds from the start, each in its own lane."""
    timeline = drawn(run=[run("load", 10, 90, background=True), run("kill", 20, 30)])

    assert [
        (lane.label, lane.note, [(span.start, span.length) for span in lane.spans])
        for lane in timeline.lanes
    ] == [("load", "in the background", [(10, 80)]), ("kill", "", [(20, 10)])]


@pytest.mark.parametrize(
    ("more", "until", "words"),
    [
        ({}, 60, "Pause of 30 s after kill"),
        ({"end": at(45), "status": "interrupted"}, 45, "interrupted after 15 s"),
        # rollbacks are run at once, and the journal ends long after the interruption
        (
            {"end": at(90), "status": "interrupted", "rollbacks": [run("bring back", 50, 55)]},
            50,
            "interrupted after 20 s",
        ),
    ],
)
def test_a_pause_ends_where_it_was_interrupted(
    more: dict[str, Any], until: float, words: str
) -> None:
    """Not where it would have ended."""
    lanes = drawn(run=[run("kill", 20, 30, pauses={"after": 30})], **more).lanes

    pause = lanes[0].spans[-1]
    assert (pause.look, pause.start, pause.start + pause.length) == ("pause", 30, until)
    assert words in pause.words


@pytest.mark.parametrize("exponent", range(-40, 121))
def test_no_two_labels_of_the_axis_read_the_same(exponent: int) -> None:
    """From a tenth of a millisecond to more years than anybody measures."""
    for factor in (1, 1.3, 2.2, 3.9, 5.5, 7.7, 9.1):
        labels = [tick.words for tick in ticks(factor * 10 ** (exponent / 10))]
        assert len(set(labels)) == len(labels), labels


def test_pauses_are_drawn_beside_their_activity() -> None:
    """Before and after, as long as they were declared."""
    [lane] = drawn(run=[run("kill", 20, 30, pauses={"before": 5, "after": 10})]).lanes

    assert [(span.look, span.start, span.length) for span in lane.spans] == [
        ("pause", 15, 5),
        ("succeeded", 20, 10),
        ("pause", 30, 10),
    ]


def test_the_hypothesis_has_one_lane_for_all_its_tests() -> None:
    """Before, during and after the method; the first deviation is marked."""

    def state(start: float, met: bool) -> dict[str, Any]:
        return {"steady_state_met": met, "probes": [run("an order is accepted", start, start + 1)]}

    timeline = drawn(
        steady_states={
            "before": state(1, True),
            "during": [state(20, True), state(40, False), state(60, False)],
            "after": state(90, True),
        }
    )

    [lane] = timeline.lanes
    assert [(span.start, span.look) for span in lane.spans] == [
        (1, "met"),
        (20, "met"),
        (40, "deviated"),
        (60, "deviated"),
        (90, "met"),
    ]
    assert [(mark.at, mark.words) for mark in timeline.marks] == [(41, "Deviated after 41 s")]


def test_a_rollback_that_was_not_played_keeps_its_lane() -> None:
    """Empty, and it says why."""
    document = experiment(method=[], rollbacks=[{"type": "action", "name": "undo"}])

    [lane] = drawn(experiment=document).lanes

    assert (lane.section, lane.note, lane.spans) == ("rollbacks", "not run", ())


def test_what_was_cut_off_ends_where_the_run_was_stopped() -> None:
    """The rollbacks that follow are not part of it."""
    timeline = drawn(status="interrupted", run=[run("load", 10)], rollbacks=[run("undo", 60, 100)])

    load = timeline.lanes[0].spans[0]
    assert (load.start, load.length, load.look) == (10, 50, "not finished")
    assert [(mark.look, mark.at) for mark in timeline.marks] == [("stopped", 60)]


def test_what_goes_on_reaches_to_now() -> None:
    """A running activity is as long as it has been running."""
    document = journal(start=at(0), experiment=experiment(method=[]), run=[run("load", 10)])

    timeline = timeline_of(story_of(document), START + timedelta(seconds=25))

    assert timeline
    assert (timeline.length, timeline.lanes[0].spans[0].length) == (25, 15)


def test_very_many_activities_share_lanes_without_overlapping() -> None:
    """Two hundred activities, two at a time, need two lanes."""
    runs = [run(f"step {n}", n, n + 1.5) for n in range(98)]

    lanes = drawn(run=runs).lanes

    assert len(lanes) == 2
    for lane in lanes:
        for one, next_one in zip(lane.spans, lane.spans[1:], strict=False):
            assert one.start + one.length <= next_one.start


def test_nothing_with_a_time_is_nothing_to_draw() -> None:
    """No drawing rather than a guess."""
    assert timeline_of(story_of({})) is None


def test_an_instant_is_still_a_drawing() -> None:
    """Shares of it can be worked out."""
    timeline = drawn(end=at(0))

    assert timeline.percent(0) == "0.000%"


@pytest.mark.parametrize(
    ("length", "lines_printed"),
    [
        (0.004, ["0 s", "1 ms", "2 ms", "3 ms", "4 ms"]),
        (5.5, ["0 s", "1 s", "2 s", "3 s", "4 s", "5 s"]),
        (70, ["0 s", "15 s", "30 s", "45 s", "1 min"]),
        (3_600, ["0 s", "10 min", "20 min", "30 min", "40 min", "50 min", "1 h"]),
        (200_000, ["0 s", "12 h", "1 day", "1 day 12 h", "2 days"]),
    ],
)
def test_the_axis_counts_as_people_do(length: float, lines_printed: list[str]) -> None:
    """Round steps, and no more than can be read."""
    assert [tick.words for tick in ticks(length)] == lines_printed


def test_the_moment_of_a_stop_is_marked_with_its_latency() -> None:
    """From the decision to where the run was cut off."""
    document = ended(
        experiment=experiment(method=[]),
        start=at(0),
        end=at(100),
        status="interrupted",
        run=[run("load", 10)],
        rollbacks=[run("undo", 60, 100)],
    )

    timeline = timeline_of(
        story_of(document), known=KnownMoments(decided=START + timedelta(seconds=58))
    )

    assert timeline
    assert [(mark.look, mark.words) for mark in timeline.marks] == [
        ("decided", "Stop decided after 58 s"),
        ("stopped", "Stopped after 1 min, 2 s later"),
    ]


def test_a_test_of_the_hypothesis_that_goes_on_is_not_unfinished() -> None:
    """It is being made right now."""
    state = {"steady_state_met": None, "probes": [run("an order is accepted", 5)]}
    document = journal(start=at(0), steady_states={"before": state})

    timeline = timeline_of(story_of(document), START + timedelta(seconds=8))

    assert timeline
    assert [(span.look, span.length) for span in timeline.lanes[0].spans] == [("running", 3)]


def test_very_many_tests_of_the_hypothesis_are_drawn_together() -> None:
    """And the one that did not hold is not lost among those that did."""

    def state(number: int) -> dict[str, Any]:
        probe = run("an order is accepted", number / 100, number / 100 + 0.001)
        return {"steady_state_met": number != 5_000, "probes": [probe]}

    [lane] = drawn(steady_states={"during": [state(number) for number in range(10_000)]}).lanes

    assert len(lane.spans) <= 201
    assert [round(span.start) for span in lane.spans if span.look == "deviated"] == [50]


@pytest.mark.parametrize(
    ("changes", "at_second"),
    [
        ({}, 100),  # in a pause, or in a test of the hypothesis: where the journal ends
        ({"rollbacks": [run("undo", 90)]}, 100),  # in the rollbacks
        ({"rollbacks": [{**run("undo", 90, 95), "status": "succeeded"}]}, None),
        ({"status": "aborted"}, None),  # nobody stopped it
        ({"status": "failed"}, None),
    ],
)
def test_where_a_run_was_stopped_is_not_guessed(
    changes: dict[str, Any], at_second: float | None
) -> None:
    """The journal ends where the run was interrupted, unless rollbacks were run since."""
    load = {**run("load", 10, 10.087), "status": "succeeded"}
    timeline = drawn(**{"status": "interrupted", "run": [load], **changes})

    stops = [mark.at for mark in timeline.marks if mark.look == "stopped"]
    assert stops == ([] if at_second is None else [at_second])


def test_a_hypothesis_that_did_not_hold_before_the_method_did_not_deviate() -> None:
    """Nothing had been done yet that it could have deviated from."""
    state = {"steady_state_met": False, "probes": [run("an order is accepted", 0, 1)]}
    timeline = drawn(steady_states={"before": state}, run=[])

    assert [mark.words for mark in timeline.marks] == ["Baseline not met after 1 s"]
