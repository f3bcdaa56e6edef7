"""The lease: how long a run may go on without an answer, and what its end is called."""

import math

import pytest

from chaoscloud.safeguards.lease import Lease
from chaoscloud.types import GuardMode


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """The seconds that have passed."""
        return self.seconds


def test_a_run_that_needs_no_answer_has_all_the_time() -> None:
    """However long nobody answers."""
    clock = Clock()
    lease = Lease(GuardMode.ON, clock=clock)
    clock.seconds = 1e6

    assert lease.time_left() == math.inf


def test_a_lease_runs_from_the_last_answer() -> None:
    """An answer gives all of it again."""
    clock = Clock()
    lease = Lease(GuardMode.REQUIRED, seconds=60, clock=clock)
    clock.seconds = 45
    before = lease.time_left()

    lease.renew(None)

    assert (before, lease.time_left()) == (15, 60)


@pytest.mark.parametrize(
    ("chosen", "imposed", "has_started", "words"),
    [
        (
            GuardMode.ON,
            False,
            True,
            "The experiment carries on without them until the console answers again.",
        ),
        (
            GuardMode.REQUIRED,
            False,
            False,
            "They are required: the experiment does not start without them.",
        ),
        (
            GuardMode.ON,
            True,
            True,
            "They are required: the experiment is stopped unless the console answers within "
            "60 seconds.",
        ),
    ],
)
def test_a_loss_says_what_it_means_for_the_run(
    chosen: GuardMode, imposed: bool, has_started: bool, words: str
) -> None:
    """Whether somebody chose that, or the organization imposes it."""
    assert Lease(chosen, imposed).describe_loss(has_started) == words
