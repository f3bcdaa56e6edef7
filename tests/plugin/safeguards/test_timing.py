"""How often, how long, how fresh: arithmetic."""

import math

import pytest

from chaoscloud.api.policies import Allowed, NoAnswer
from chaoscloud.safeguards.question import PolicyReply
from chaoscloud.safeguards.timing import Timing

TIMING = Timing(wait=25, slack=5, every=1, limit=5, fresh=1, backoff=10, lease=60)
PLAIN = PolicyReply(Allowed())
MONDAY = PolicyReply(Allowed(), '"monday"', is_held=True)
TUESDAY = PolicyReply(Allowed(), '"tuesday"', is_held=True)
AWAY = PolicyReply(NoAnswer("the console does not answer"))


@pytest.mark.parametrize(
    ("known", "reply", "duration", "pause"),
    [
        (PLAIN, PLAIN, 0.1, 0.9),
        (PLAIN, PLAIN, 3.0, 0.0),
        (MONDAY, MONDAY, 25.0, 0.0),
        (MONDAY, MONDAY, 0.1, 0.9),
        (MONDAY, TUESDAY, 0.1, 0.0),
        (AWAY, MONDAY, 0.1, 0.0),
        (MONDAY, AWAY, 0.1, 0.9),
        (AWAY, AWAY, 0.0, 1.0),
        (PolicyReply(Allowed(), '"a"'), PolicyReply(Allowed(), '"b"'), 0.1, 0.9),
    ],
)
def test_the_pause(known: PolicyReply, reply: PolicyReply, duration: float, pause: float) -> None:
    """None after news and after a held question; else what is left of a second."""
    assert TIMING.pause(known, reply, duration) == pytest.approx(pause)


@pytest.mark.parametrize(
    ("known", "wait", "lease_left", "limit"),
    [
        (PLAIN, 25, math.inf, 5),
        (AWAY, 25, math.inf, 5),
        (MONDAY, 25, math.inf, 30),
        (MONDAY, 6, math.inf, 11),
        (MONDAY, None, math.inf, 5),
        (MONDAY, 25, 12.0, 12),
        (AWAY, 25, 0.2, 1),
        (AWAY, 25, -3.0, 1),
    ],
)
def test_the_time_limit(
    known: PolicyReply, wait: int | None, lease_left: float, limit: float
) -> None:
    """A question that may be held has longer, but nobody waits beyond the lease."""
    assert TIMING.time_limit(known, wait, lease_left) == limit


@pytest.mark.parametrize(
    ("reply", "duration", "seconds"), [(PLAIN, 4.0, 1.0), (AWAY, 0.01, 1.0), (AWAY, 5.0, 50.0)]
)
def test_how_long_a_reply_is_used(reply: PolicyReply, duration: float, seconds: float) -> None:
    """An answer for a second; a failure for ten times what it took."""
    assert TIMING.fresh_for(reply, duration) == seconds


@pytest.mark.parametrize(
    ("wait", "duration", "shorter"), [(25, 10.0, 5), (25, 30.0, 12), (5, 10.0, 2), (1, 0.1, 1)]
)
def test_a_wait_that_was_cut_becomes_shorter(wait: int, duration: float, shorter: int) -> None:
    """Half of what the proxy allowed, and never less than a second."""
    assert TIMING.shorter_wait(wait, duration) == shorter
