"""Which documents are verifications, and what they ask for."""

import math
from typing import Any

import pytest

from chaoscloud.types import Experiment
from chaoscloud.verify.exceptions import InvalidVerification, VerificationException
from chaoscloud.verify.plan import Plan, read_plan
from chaoscloud.verify.verification import ensure_verification_is_valid
from tests.plugin.verification_documents import block_of, verification

OURS = {"name": "chaosiq", "verification": {}}
MISSING = {
    "no extensions": ({}, "an extensions block"),
    "extensions of null": ({"extensions": None}, "an extensions block"),
    "no chaosiq block": ({"extensions": [{"name": "grafana"}]}, "a single chaosiq extension block"),
    "two chaosiq blocks": ({"extensions": [OURS, OURS]}, "a single chaosiq extension block"),
    "damaged extensions": ({"extensions": ["chaosiq", None]}, "a single chaosiq extension block"),
    "no verification": ({"extensions": [{"name": "chaosiq"}]}, "a verification block"),
    "an empty verification": ({"extensions": [OURS]}, "an id"),
}


@pytest.mark.parametrize(("document", "named"), MISSING.values(), ids=MISSING.keys())
def test_what_is_missing_is_named(document: Experiment, named: str) -> None:
    """A document that lacks something says what, in one sentence."""
    with pytest.raises(InvalidVerification, match=f"^a verification must have {named}$"):
        ensure_verification_is_valid(document)


@pytest.mark.parametrize("key", ["frequency-of-measurement", "duration-of-conditions"])
@pytest.mark.parametrize("absent", [True, False], ids=["absent", "null"])
def test_frequency_and_duration_are_required(key: str, absent: bool) -> None:
    """Without a pace or conditions there is nothing to run."""
    document = verification()
    block_of(document)[key] = None
    if absent:
        del block_of(document)[key]

    with pytest.raises(InvalidVerification, match=f"^a verification must have a {key} block$"):
        ensure_verification_is_valid(document)


def test_what_is_missing_comes_in_the_order_of_the_document() -> None:
    """The id comes first, then the frequency, then the duration; values come after all of them."""
    document = verification(frequency_of_measurement="often", warm_up_duration=-1)
    block = block_of(document)
    del block["duration-of-conditions"], block["id"]
    complaints = []

    for key in ("id", "duration-of-conditions", "frequency-of-measurement", "warm-up-duration"):
        with pytest.raises(InvalidVerification) as caught:
            ensure_verification_is_valid(document)
        complaints.append(str(caught.value))
        block[key] = "orders" if key == "id" else 1

    assert [complaint.split(":")[0] for complaint in complaints] == [
        "a verification must have an id",
        "a verification must have a duration-of-conditions block",
        "frequency-of-measurement must be a number of seconds",
        "warm-up-duration must be a number of seconds",
    ]
    ensure_verification_is_valid(document)


@pytest.mark.parametrize(
    "key",
    [
        "frequency-of-measurement",
        "duration-of-conditions",
        "warm-up-duration",
        "cool-down-duration",
    ],
)
@pytest.mark.parametrize("value", [-1, "10", math.nan, math.inf, [1], True, {"weeks": 1}], ids=str)
def test_a_bad_value_is_refused_with_its_key(key: str, value: Any) -> None:
    """Who wrote a duration that makes no sense reads which one it is."""
    document = verification()
    block_of(document)[key] = value

    with pytest.raises(InvalidVerification, match=f"^{key} must be a number of seconds: "):
        ensure_verification_is_valid(document)


@pytest.mark.parametrize("zero", [0, 0.0, {"minutes": 0}], ids=str)
def test_a_frequency_of_nought_is_refused(zero: Any) -> None:
    """Sampling without a pause is not a frequency."""
    with pytest.raises(InvalidVerification, match=r"^frequency-of-measurement must be more"):
        ensure_verification_is_valid(verification(frequency_of_measurement=zero))


def test_a_plan_has_everything_in_seconds() -> None:
    """Integers, decimals and the older objects all become seconds."""
    document = verification(
        frequency_of_measurement=0.5,
        warm_up_duration={"minutes": 1},
        duration_of_conditions=300,
        cool_down_duration={"hours": 0, "seconds": 2.5},
    )

    assert read_plan(document) == Plan("verification-orders", 0.5, 60, 300, 2.5)


def test_warm_up_and_cool_down_are_optional() -> None:
    """Missing, or null, they take no time."""
    document = verification(duration_of_conditions=0, warm_up_duration=None)

    assert read_plan(document) == Plan("verification-orders", 1, 0, 0, 0)


def test_a_plan_without_waits_keeps_its_pace() -> None:
    """A dry run waits for nothing, and samples as it would."""
    plan = Plan("verification-orders", 0.5, 60, 300, 2.5)

    assert plan.without_waits() == Plan("verification-orders", 0.5, 0, 0, 0)


def test_an_invalid_verification_is_a_failure_of_verifications() -> None:
    """Whoever catches the one catches the other."""
    assert issubclass(InvalidVerification, VerificationException)
