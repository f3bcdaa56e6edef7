"""Verification documents: what one says, and how one is made of an objective and a condition."""

import json
from typing import Any

import msgspec
import pytest

from chaoscloud.console.rules import verifications
from chaoscloud.console.rules.verifications import Parts, Timing, VerificationContent

PROBE = {"type": "probe", "name": "orders", "tolerance": 200, "provider": {"type": "http"}}
DAY = 86_400.0


def read(**fields: Any) -> VerificationContent:
    """A document with a probe, a title, and these fields."""
    document = {
        "title": "Orders",
        "steady-state-hypothesis": {"title": "Taken", "probes": [PROBE]},
        **fields,
    }
    return verifications.read_document(json.dumps(document).encode())


def with_block(**block: Any) -> VerificationContent:
    """A document whose verification block is this."""
    return read(extensions=[{"name": "slack"}, {"name": "chaosiq", "verification": block}])


def test_a_document_without_a_word_on_timing_has_the_usual() -> None:
    """As an experiment that is imported."""
    content = read()

    assert content == VerificationContent(
        id=None,
        name="Orders",
        objective_id=None,
        objective_name="Taken",
        measurement={"title": "Taken", "probes": [PROBE]},
        timing=Timing(frequency=10, warm_up=0, duration=60, cool_down=0),
        target=99,
        window=30 * DAY,
    )


def test_a_document_says_its_pace_its_phases_and_its_objective() -> None:
    """In seconds, or in parts as documents of before 0.7 have them."""
    content = with_block(
        id="v1",
        **{
            "frequency-of-measurement": 5,
            "warm-up-duration": {"minutes": 1, "seconds": 30},
            "duration-of-conditions": {"days": 1, "hours": 2},
            "cool-down-duration": 20.5,
            "objective": {"target": 99.9, "window": 3600},
        },
    )

    assert content.id == "v1"
    assert content.timing == Timing(5, 90, DAY + 7200, 20.5)
    assert (content.target, content.window) == (99.9, 3600)


@pytest.mark.parametrize("objective", [None, "all", {"target": 0}, {"target": 101}, {"window": 0}])
def test_an_objective_of_no_sense_is_the_usual_one(objective: object) -> None:
    """The console has its own; the document only repeats it."""
    content = with_block(objective=objective)

    assert (content.target, content.window) == (99, 30 * DAY)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (
            {"frequency-of-measurement": 0},
            "Expected more than 0 seconds - at "
            "`$.extensions.chaosiq.verification.frequency-of-measurement`",
        ),
        (
            {"warm-up-duration": -1},
            r"at `\$.extensions.chaosiq.verification.warm-up-duration`",
        ),
        ({"duration-of-conditions": 36_525 * DAY + 1}, "verification.duration-of-conditions"),
    ],
)
def test_a_time_that_cannot_be_meant_is_refused_with_its_place(
    block: dict[str, Any], message: str
) -> None:
    """The place is that in the document."""
    with pytest.raises(msgspec.ValidationError, match=message.replace("`$.", r"`\$.")):
        with_block(**block)


def test_a_hundred_years_and_no_conditions_may_be_meant() -> None:
    """The bounds themselves are allowed."""
    content = with_block(
        **{"duration-of-conditions": 36_525 * DAY, "warm-up-duration": 0, "id": ""}
    )

    assert content.id is None
    assert (content.timing.duration, content.timing.warm_up) == (36_525 * DAY, 0)


def test_a_single_probe_is_a_hypothesis() -> None:
    """It takes the title that is given."""
    assert verifications.hypothesis(PROBE, "Orders", "measurement") == {
        "title": "Orders",
        "probes": [PROBE],
    }


@pytest.mark.parametrize("title", [None, "", 5])
def test_a_hypothesis_without_a_title_takes_one(title: object) -> None:
    """One that has a title keeps it."""
    bare = {"title": title, "probes": [{"ref": "orders"}]}

    assert verifications.hypothesis(bare, "Orders", "m")["title"] == "Orders"
    assert verifications.hypothesis({**bare, "title": "Own"}, "Orders", "m")["title"] == "Own"


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "orders",
        {"probes": None},
        {"probes": []},
        {"probes": {}},
        {"probes": ["orders"]},
        {"probes": [PROBE, {"tolerance": 200}]},
        {"probes": [{"provider": {}}]},
        {"name": "orders"},
    ],
)
def test_what_judges_nothing_is_refused(value: object) -> None:
    """Every probe needs a tolerance, and somebody to ask."""
    rule = "Expected a probe with a tolerance, or a hypothesis with such probes"
    with pytest.raises(msgspec.ValidationError, match=rf"^{rule} - at `\$\.measurement`$"):
        verifications.hypothesis(value, "Orders", "measurement")


def test_a_document_is_made_of_a_measurement_and_a_condition() -> None:
    """What the method may refer to comes along, and nothing else of the condition."""
    condition = {
        "title": "Kill a broker",
        "tags": ["kafka"],
        "steady-state-hypothesis": {"probes": []},
        "method": [{"ref": "kill"}],
        "rollbacks": [{"ref": "start"}],
        "configuration": {"a": 1},
        "secrets": {"b": {}},
        "controls": [],
        "runtime": {},
        "contributions": {},
    }
    measurement = {"title": "Taken", "probes": [PROBE]}

    made = json.loads(verifications.compose_document("V", "", measurement, condition))

    brought = {key: value for key, value in condition.items() if key not in ("title", "tags")}
    assert made == {
        **brought,
        "version": "1.0.0",
        "title": "V",
        "description": "V",
        "steady-state-hypothesis": measurement,
    }


def test_a_document_without_a_condition_does_nothing() -> None:
    """It only looks on."""
    made = json.loads(verifications.compose_document("V", "Why", {"probes": []}, {}))

    assert (made["description"], made["method"]) == ("Why", [])


def test_what_was_taken_out_of_the_condition_is_missing_here_too() -> None:
    """So the document is not run as if it were whole."""
    extensions = [{"name": "chaosiq", "redacted": 2}]
    condition = {"method": [], "extensions": extensions}

    made = json.loads(verifications.compose_document("V", "", {}, condition))

    assert made["extensions"] == extensions


def test_the_block_of_a_verification_is_written_as_people_would() -> None:
    """Whole numbers without a point."""
    assert verifications.block("v1", Timing(0.5, 1.0, 60.0, 0.0), 99.9, DAY) == {
        "id": "v1",
        "frequency-of-measurement": 0.5,
        "warm-up-duration": 1,
        "duration-of-conditions": 60,
        "cool-down-duration": 0,
        "objective": {"target": 99.9, "window": 86400},
    }
    assert (
        str(verifications.block("v1", Timing(10.0), 99.0, DAY)["frequency-of-measurement"]) == "10"
    )


def test_a_pace_is_read_from_the_extensions_of_an_experiment() -> None:
    """Where they set one."""
    block = msgspec.Raw(b'{"name": "chaosiq", "verification": {"frequency-of-measurement": 5}}')

    assert verifications.frequency([block]) == 5
    assert verifications.frequency([msgspec.Raw(b'{"name": "chaosiq"}')]) is None
    assert verifications.frequency(None) is None


def test_parts_are_added_up() -> None:
    """Days, hours, minutes and seconds."""
    assert Parts(1, 2, 3, 4).total == 86_400 + 2 * 3_600 + 3 * 60 + 4
    assert verifications.pace(Parts(seconds=5), "every") == 5
