"""The journal of a run that goes on, from its events."""

from datetime import UTC, datetime, timedelta
from typing import Any

from chaoscloud.console.rules.live import ExecutionEvent, journal_so_far
from chaoscloud.console.rules.story import Story, story_of
from tests.console.documents import experiment, journal

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
KILL = {"type": "action", "name": "kill a broker"}
LOAD = {"type": "action", "name": "send orders", "background": True}
UNDO = {"type": "action", "name": "start the broker"}
DOCUMENT = experiment(method=[LOAD, KILL], rollbacks=[UNDO])
PROBE = DOCUMENT["steady-state-hypothesis"]["probes"][0]


def told(
    *events: tuple[str, Any] | tuple[str, Any, Any], document: dict[str, Any] = DOCUMENT
) -> Story:
    """The story of a run after these events, one a second."""
    sent = []
    for second, (kind, context, *rest) in enumerate(events):
        data = {"context": context, "state": (*rest, None)[0]}
        sent.append(ExecutionEvent(kind, NOON + timedelta(seconds=second), data))
    return story_of(journal_so_far(journal(experiment=document), sent))


def done(activity: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"activity": activity, "status": "succeeded", "duration": 1.0, **more}


def test_an_activity_runs_until_the_event_that_finishes_it() -> None:
    """The event of its end brings what the journal will say of it."""
    begun = told(("starting-method", DOCUMENT), ("starting-activity", KILL))
    finished = told(
        ("starting-method", DOCUMENT),
        ("starting-activity", KILL),
        ("activity-finished", KILL, done(KILL, output="gone")),
    )

    assert (begun.method[1].outcome, begun.method[1].start) == (
        "running",
        NOON + timedelta(seconds=1),
    )
    assert (finished.method[1].outcome, finished.method[1].output) == ("succeeded", "gone")


def test_a_background_activity_goes_on_beside_the_others() -> None:
    """Each end is given to the activity it names."""
    story = told(
        ("starting-method", DOCUMENT),
        ("starting-activity", LOAD),
        ("starting-activity", KILL),
        ("activity-finished", KILL, done(KILL)),
    )

    assert [(entry.name, entry.outcome) for entry in story.method] == [
        ("send orders", "running"),
        ("kill a broker", "succeeded"),
    ]


def test_an_activity_keeps_its_row_whenever_it_starts() -> None:
    """One in the background may start after, and end before, those that follow it."""
    events: list[tuple[str, Any] | tuple[str, Any, Any]] = [
        ("starting-method", DOCUMENT),
        ("starting-activity", KILL),
        ("starting-activity", LOAD),
        ("activity-finished", LOAD, done(LOAD)),
        ("activity-finished", KILL, done(KILL)),
    ]

    rows = [
        [activity.name for activity in told(*events[:number]).method]
        for number in range(1, len(events) + 1)
    ]

    assert rows == [["send orders", "kill a broker"]] * len(events)


def test_an_end_is_given_to_the_activity_it_is_of_where_two_have_one_name() -> None:
    """One of them in the background, as when load is made twice."""
    again = {**LOAD, "background": False}
    document = experiment(method=[LOAD, again])
    story = told(
        ("starting-method", document),
        ("starting-activity", LOAD),
        ("starting-activity", again),
        ("activity-finished", again, done(again)),
        document=document,
    )

    assert [activity.outcome for activity in story.method] == ["running", "succeeded"]


def test_probes_of_the_hypothesis_are_not_of_the_method() -> None:
    """Also while it is tested during the method, with a background activity going on."""
    story = told(
        ("starting-hypothesis", {}),
        ("starting-activity", PROBE),
        ("activity-finished", PROBE, done(PROBE)),
        ("hypothesis-finished", {}, {"steady_state_met": True, "probes": [done(PROBE)]}),
        ("starting-method", DOCUMENT),
        ("starting-activity", LOAD),
        ("starting-hypothesis", {}),
        ("starting-activity", PROBE),
    )

    assert [(check.moment, check.met) for check in story.checks] == [
        ("before", True),
        ("during", None),
    ]
    assert [entry.name for entry in story.method] == ["send orders", "kill a broker"]


def test_a_deviation_during_or_after_the_method_is_one() -> None:
    """Before it, the experiment has not done anything yet."""
    missed: tuple[str, Any, Any] = (
        "hypothesis-finished",
        {},
        {"steady_state_met": False, "probes": []},
    )
    before = told(("starting-hypothesis", {}), missed)
    after = told(("method-finished", DOCUMENT), ("starting-hypothesis", {}), missed)

    assert (before.deviated, after.deviated) == (False, True)


def test_rollbacks_are_told_apart() -> None:
    """What is played after the rollbacks began is one of them."""
    story = told(("starting-rollback", DOCUMENT), ("starting-activity", UNDO))

    assert [entry.outcome for entry in story.rollbacks] == ["running"]


def test_a_pause_before_an_activity_is_not_the_activity() -> None:
    """Its start is told before the pause is made."""
    paused = {**KILL, "pauses": {"before": 5}}
    story = told(("starting-method", DOCUMENT), ("starting-activity", paused))

    assert story.method[1].start == NOON + timedelta(seconds=6)


def so_far(*events: tuple[str, Any] | tuple[str, Any, Any]) -> dict[str, Any]:
    """The journal after these events, one a second."""
    sent = []
    for second, (kind, context, *rest) in enumerate(events):
        data = {"context": context, "state": (*rest, None)[0]}
        sent.append(ExecutionEvent(kind, NOON + timedelta(seconds=second), data))
    return journal_so_far({"experiment": DOCUMENT}, sent)


def test_before_the_first_event_the_journal_is_that_of_the_start() -> None:
    """In the shape that the Chaos Toolkit gives it."""
    assert so_far() == {
        "experiment": DOCUMENT,
        "run": [],
        "rollbacks": [],
        "steady_states": {"before": None, "during": [], "after": None},
        "deviated": False,
    }


def test_a_test_of_the_hypothesis_stands_where_it_is_made() -> None:
    """Before, during or after the method; what has begun is known to have."""
    begun: dict[str, Any] = {"steady_state_met": None, "probes": []}
    ended = {"steady_state_met": True, "probes": [done(PROBE)]}

    before = so_far(("starting-hypothesis", {}))
    all_three = so_far(
        ("starting-hypothesis", {}),
        ("hypothesis-finished", {}, ended),
        ("starting-method", DOCUMENT),
        ("starting-hypothesis", {}),
        ("hypothesis-finished", {}, ended),
        ("method-finished", DOCUMENT),
        ("starting-hypothesis", {}),
    )

    assert before["steady_states"] == {"before": begun, "during": [], "after": None}
    assert all_three["steady_states"] == {"before": ended, "during": [ended], "after": begun}


def test_an_end_of_a_test_that_did_not_begin_changes_nothing() -> None:
    """Nor a second end of the same one."""
    missed = {"steady_state_met": False, "probes": []}
    lost = so_far(("method-finished", DOCUMENT), ("hypothesis-finished", {}, missed))
    twice = so_far(
        ("starting-hypothesis", {}),
        ("hypothesis-finished", {}, {"steady_state_met": True}),
        ("method-finished", DOCUMENT),
        ("hypothesis-finished", {}, missed),
    )

    assert not lost["deviated"]
    assert not twice["deviated"]
    assert twice["steady_states"]["before"]["steady_state_met"] is True


def test_an_activity_that_runs_has_no_output_yet() -> None:
    """One whose start was lost has what its end says, and no more."""
    begun = so_far(("starting-activity", KILL))
    lost = so_far(("activity-finished", KILL))

    assert begun["run"] == [{"activity": KILL, "output": None, "start": NOON.isoformat()}]
    assert lost["run"] == [{"activity": KILL, "output": None, "end": NOON.isoformat()}]


def test_a_probe_of_the_method_is_not_of_the_hypothesis() -> None:
    """Neither one of the same name without a tolerance, nor one with a tolerance of its own."""
    namesake = {"type": "probe", "name": PROBE["name"]}
    other = {"type": "probe", "name": "latency", "tolerance": 5}

    state = so_far(
        ("starting-method", DOCUMENT),
        ("starting-hypothesis", {}),
        ("starting-activity", namesake),
        ("starting-activity", other),
        ("starting-activity", PROBE),
        ("hypothesis-finished", {}),
        ("starting-activity", PROBE),
    )

    during = state["steady_states"]["during"]
    assert [run["activity"] for run in state["run"]] == [namesake, other, PROBE]
    assert [[probe["activity"] for probe in check["probes"]] for check in during] == [[PROBE]]


def test_an_end_is_given_to_the_activity_of_its_name_and_type() -> None:
    """Two may go on at once."""
    first = {"type": "probe", "name": "look", "background": True}
    second = {"type": "action", "name": "look", "background": True}
    third = {"type": "action", "name": "push", "background": True}

    state = so_far(
        ("starting-method", DOCUMENT),
        *(("starting-activity", activity) for activity in (first, second, third)),
        ("activity-finished", third, done(third)),
        ("activity-finished", second, done(second)),
    )

    assert [run.get("status") for run in state["run"]] == [None, "succeeded", "succeeded"]


def test_an_interrupted_activity_ends_without_an_outcome() -> None:
    """The event of its end has no state then."""
    story = told(("starting-activity", KILL), ("activity-finished", KILL))

    assert story.method[1].outcome == "not finished"


def test_an_end_whose_start_was_lost_is_still_told() -> None:
    """Events may be lost; what arrives counts."""
    story = told(("activity-finished", KILL, done(KILL)))

    assert story.method[1].outcome == "succeeded"


def test_events_of_unknown_shape_change_nothing() -> None:
    """Unknown types, and data that is no object."""
    events = [
        ExecutionEvent("solar-eclipse", NOON, None),
        ExecutionEvent("activity-finished", NOON, "text"),
    ]
    events += [ExecutionEvent("hypothesis-finished", NOON, [])]

    assert story_of(journal_so_far(None, events)).method[0].name == "unnamed"
