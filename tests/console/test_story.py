"""A journal read as a story, whatever the journal is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaoscloud.console.rules.story import story_of
from chaoscloud.console.rules.timeline import timeline_of
from chaoscloud.outcome.tolerances import describe_tolerance
from tests.console.documents import chaosiq, ended, experiment, journal

ACTIONS = [{"type": "action", "name": name} for name in ("kill a broker", "wait", "count")]


def run(name: str, **more: Any) -> dict[str, Any]:
    return {"activity": {"type": "action", "name": name}, "start": "2026-03-02T09:30:00Z", **more}


@pytest.mark.parametrize(
    ("document", "outcome"),
    [
        ({"status": "succeeded"}, "succeeded"),
        ({"status": "failed"}, "failed"),
        ({"status": "succeeded", "tolerance_met": False}, "outside tolerance"),
        ({"status": "failed", "tolerance_met": False}, "failed"),
        ({}, "not finished"),
    ],
)
def test_an_activity_has_one_outcome(document: dict[str, Any], outcome: str) -> None:
    """A probe that answered outside its tolerance succeeded, but that is not the news."""
    story = story_of(ended(run=[run("kill a broker", **document)]))

    assert [activity.outcome for activity in story.method] == [outcome]


def test_what_was_declared_but_not_reached_comes_last() -> None:
    """In the order of the document; two of a name are two activities."""
    document = experiment(method=[*ACTIONS, ACTIONS[1]])
    story = story_of(ended(experiment=document, run=[run("kill a broker"), run("wait")]))

    assert [(activity.name, activity.outcome) for activity in story.method] == [
        ("kill a broker", "not finished"),
        ("wait", "not finished"),
        ("count", "not run"),
        ("wait", "not run"),
    ]


def test_while_a_run_goes_on_the_rest_is_to_come() -> None:
    """Nothing is said to be left out before the end."""
    story = story_of(journal(experiment=experiment(method=ACTIONS), run=[run("kill a broker")]))

    assert [activity.outcome for activity in story.method] == ["running", "to come", "to come"]


def test_a_referenced_activity_goes_by_the_name_it_refers_to() -> None:
    """Chaos Toolkit plays the activity; the document only names it."""
    document = experiment(method=[{"ref": "count"}])

    assert story_of(ended(experiment=document, run=[])).method[0].name == "count"


@pytest.mark.parametrize(
    ("changes", "tested"),
    [
        ({}, False),
        ({"status": "interrupted"}, None),  # the host drops a test that is cut off
        ({"status": "aborted"}, None),
        ({"steady_states": None}, None),  # an old journal has no room for it
        ({"steady_states": {"before": {"steady_state_met": True, "probes": []}}}, True),
    ],
)
def test_whether_the_hypothesis_was_tested_is_not_guessed(
    changes: dict[str, Any], tested: bool | None
) -> None:
    """Only a journal that has room for tests, and was not cut off, says that there were none."""
    assert story_of(ended(**changes)).tested is tested


@pytest.mark.parametrize(
    ("changes", "statuses"),
    [
        ({}, ["not run", "not run"]),
        ({"status": "interrupted"}, ["unknown", "not run"]),  # it may have been cut off
        ({"run": None}, ["unknown", "unknown"]),
    ],
)
def test_whether_an_activity_was_run_is_not_guessed(
    changes: dict[str, Any], statuses: list[str]
) -> None:
    """The host leaves an activity that it interrupted out of the journal."""
    document = experiment(method=[{"name": "kill"}, {"name": "count"}])
    journal = ended(**{"experiment": document, "run": [], **changes})

    assert [activity.outcome for activity in story_of(journal).method] == statuses


def test_the_policies_that_stopped_a_run_are_named() -> None:
    """From our block of the journal, with or without objects around the names."""
    document = ended(**chaosiq(safeguards=[{"name": "Release day"}, "Night", {"id": 3}, None]))

    assert story_of(document).safeguards == ("Release day", "Night")


def test_times_without_a_zone_were_meant_in_utc() -> None:
    """Older toolkits wrote none."""
    story = story_of(journal(start="2026-03-02T09:30:00"))

    assert story.start is not None
    assert story.start.isoformat() == "2026-03-02T09:30:00+00:00"


KEYS = [
    *("experiment", "run", "activity", "start", "end", "duration", "pauses"),
    *("before", "name", "steady_states", "during", "probes", "provider", "tolerance"),
    *("status"),
]
ODD_TIMES = ["0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00", "2026-03-02"]
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.sampled_from(ODD_TIMES),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(sorted(ended())), json_values) | json_values)
def test_no_journal_breaks_a_story_or_its_drawing(document: object) -> None:
    """Whatever stands where, it is read, drawn or left out."""
    story = story_of(document)
    drawn = timeline_of(story)

    assert story.title
    assert drawn is None or all(
        0 <= span.start <= span.start + span.length <= drawn.length * 1.000001
        for lane in drawn.lanes
        for span in lane.spans
    )


@pytest.mark.parametrize(
    ("tolerance", "text"),
    [
        (200, "200"),
        (True, "true"),
        ("ok", "ok"),
        (None, ""),
        ([10, 20], "from 10 to 20"),
        ([200, 201, 202], "one of [200,201,202]"),
        ({"type": "range", "target": "body", "range": [0, 1.5]}, "body from 0 to 1.5"),
        ({"type": "regex", "pattern": "^ok"}, "matches ^ok"),
        ({"type": "jsonpath", "path": "$.a", "count": 2}, "$.a is found 2 times"),
        ({"type": "jsonpath", "path": "$.a", "expect": [1]}, "$.a is [1]"),
        ({"type": "jsonpath", "path": "$.a"}, "$.a is found"),
        ({"type": "probe", "provider": {"func": "status_must_be"}}, "accepted by status_must_be"),
        ({"type": "range", "range": "wide"}, "wide"),
        ({"type": "magic", "a": 1}, '{"type":"magic","a":1}'),
    ],
)
def test_a_tolerance_is_said_in_words(tolerance: object, text: str) -> None:
    """As the toolkit would take it; what it would not know stands as it is."""
    assert describe_tolerance(tolerance) == text
