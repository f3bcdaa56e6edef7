"""What was not delivered."""

import logging

import pytest
from chaoslib.exceptions import InterruptExecution

from chaoscloud.delivery.losses import Losses, NotStored, courtesy


def test_only_the_first_loss_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """A console that is away costs the user one line, not one a hook."""
    caplog.set_level(logging.DEBUG)
    losses = Losses()

    losses.note("the event starting-method", "the console does not answer")
    losses.note("the journal", "the console answers HTTP 503")

    assert [record.levelname for record in caplog.records] == ["WARNING", "DEBUG"]


def test_the_summary_counts_all_and_keeps_the_first_reason() -> None:
    """The first failure is the cause; what follows it are consequences."""
    losses = Losses()

    losses.note("the event starting-method", "the console does not answer")
    losses.note("the journal", "the console answers HTTP 503")

    assert losses.summary() == {
        "lost": 2,
        "reason": "the event starting-method: the console does not answer",
    }


def test_without_losses_there_is_nothing_to_sum_up() -> None:
    """The journal's block then has no entry."""
    assert Losses().summary() is None


def test_our_own_mistake_becomes_a_loss() -> None:
    """A bug of ours is named, and goes no further."""
    with pytest.raises(NotStored, match="KeyError"), courtesy():
        raise KeyError("experiment")


@pytest.mark.parametrize("stop", [InterruptExecution("SIGTERM"), KeyboardInterrupt()])
def test_a_stop_passes(stop: BaseException) -> None:
    """Swallowing a signal would keep an experiment running that somebody stopped."""
    with pytest.raises(type(stop)), courtesy():
        raise stop
