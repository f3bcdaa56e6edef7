"""Our own mistakes, and the stops of others."""

import pytest
from chaoslib.exceptions import InterruptExecution

from chaoscloud.delivery.errors import NotRecorded, best_effort


def test_our_own_mistake_becomes_a_loss() -> None:
    """A bug of ours is named, and goes no further."""
    with pytest.raises(NotRecorded, match="KeyError"), best_effort():
        raise KeyError("experiment")


@pytest.mark.parametrize("stop", [InterruptExecution("SIGTERM"), KeyboardInterrupt()])
def test_a_stop_passes(stop: BaseException) -> None:
    """Swallowing a signal would keep an experiment running that somebody stopped."""
    with pytest.raises(type(stop)), best_effort():
        raise stop
