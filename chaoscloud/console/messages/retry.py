"""When a message is tried again, and when no more."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta

FIRST = 1.0  # seconds before the second attempt; twice as long before each further one
LONGEST = 1800.0  # seconds between two attempts
GIVE_UP_AFTER = timedelta(hours=24)
REFUSALS_BEFORE_PAUSE = 20  # messages in a row that a target refused


def find_pause(failures: int, jitter: Callable[[], float] = random.random) -> float:
    """Seconds before the next attempt, after so many failures in a row; 20 % of it are chance."""
    pause = min(FIRST * 2.0 ** min(failures - 1, 30), LONGEST)
    return pause * (0.8 + 0.4 * jitter())


def find_retry_at(now: datetime, failures: int, retry_after: float | None) -> datetime:
    """When to try again; what the target asked for (`retry_after`, seconds) is the least."""
    pause = max(find_pause(failures), min(retry_after or 0.0, GIVE_UP_AFTER.total_seconds()))
    return now + timedelta(seconds=pause)
