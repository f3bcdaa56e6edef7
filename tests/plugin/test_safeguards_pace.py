"""How often, how long, how current: arithmetic."""

import math

import pytest

from chaoscloud.api.policies import Allowed, NoAnswer
from chaoscloud.safeguards.ask import Reply
from chaoscloud.safeguards.pace import Pace

PACE = Pace(wait=25, slack=5, every=1, limit=5, current=1, rest=10, lease=60)
PLAIN = Reply(Allowed())
MONDAY = Reply(Allowed(), '"monday"', held=True)
TUESDAY = Reply(Allowed(), '"tuesday"', held=True)
AWAY = Reply(NoAnswer("the console does not answer"))


@pytest.mark.parametrize(
    ("before", "reply", "took", "pause"),
    [
        (PLAIN, PLAIN, 0.1, 0.9),
        (PLAIN, PLAIN, 3.0, 0.0),
        (MONDAY, MONDAY, 25.0, 0.0),
        (MONDAY, MONDAY, 0.1, 0.9),
        (MONDAY, TUESDAY, 0.1, 0.0),
        (AWAY, MONDAY, 0.1, 0.0),
        (MONDAY, AWAY, 0.1, 0.9),
        (AWAY, AWAY, 0.0, 1.0),
        (Reply(Allowed(), '"a"'), Reply(Allowed(), '"b"'), 0.1, 0.9),
    ],
)
def test_the_pause(before: Reply, reply: Reply, took: float, pause: float) -> None:
    """None after news and after a kept question; else what is left of a second."""
    assert PACE.pause(before, reply, took) == pytest.approx(pause)


@pytest.mark.parametrize(
    ("before", "lease_left", "limit"),
    [
        (PLAIN, math.inf, 5),
        (AWAY, math.inf, 5),
        (MONDAY, math.inf, 30),
        (MONDAY, 12.0, 12),
        (AWAY, 0.2, 1),
        (AWAY, -3.0, 1),
    ],
)
def test_the_time_limit(before: Reply, lease_left: float, limit: float) -> None:
    """A question that may be kept has longer, but nobody waits beyond the lease."""
    assert PACE.time_limit(before, lease_left) == limit


@pytest.mark.parametrize(
    ("reply", "took", "seconds"), [(PLAIN, 4.0, 1.0), (AWAY, 0.01, 1.0), (AWAY, 5.0, 50.0)]
)
def test_how_long_a_reply_is_used(reply: Reply, took: float, seconds: float) -> None:
    """An answer for a second; a failure for ten times what it took."""
    assert PACE.current_for(reply, took) == seconds
