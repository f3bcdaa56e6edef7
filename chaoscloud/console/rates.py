"""How often somebody may ask: sign-ins and wrong tokens, alerts, and the API.

Generous for people and pipelines, too few for guessing and flooding. Counted in this process, in
fixed windows. A limit is written as the `limits` library has them ("60/minute"). Its counters are
not used: a busy one starts a thread every 10 ms, which every request then waits for.
"""

import hashlib
import math
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

from limits import RateLimitItem, parse

from chaoscloud.console.errors import TooManyRequests

RATES: Mapping[str, str] = MappingProxyType(
    {
        "signin": "60/minute",  # by address
        "wrong-token": "120/minute",  # by address
        "alerts": "1200/minute",  # by address
        "api": "120000/minute",  # by token
    }
)
"""What is limited, and how, unless the operator chooses otherwise."""

FEWEST_CLEANED = 10_000  # clients that are remembered before those of earlier are forgotten


def parse_rates(text: str) -> dict[str, str]:
    """Read "signin=10/minute, api=5000/minute"; what is not named keeps its limit.

    Raises `ValueError` with a sentence for the operator.
    """
    rates = dict(RATES)
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, rate = (word.strip() for word in part.partition("="))
        if name not in RATES:
            raise ValueError(f"rates are {', '.join(RATES)}, not {name!r}")
        try:
            parse(rate)
        except ValueError:
            raise ValueError(f"a rate looks like 60/minute, not {rate!r}") from None
        rates[name] = rate
    return rates


class _Window:
    """The requests of one client in one span of time."""

    __slots__ = ("count", "ends_at")

    def __init__(self, ends_at: float) -> None:
        self.ends_at = ends_at
        self.count = 0


class RateLimiter:
    """Counts what is limited, by a clock that gives seconds."""

    def __init__(
        self, rates: Mapping[str, str] = RATES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._items: dict[str, RateLimitItem] = {name: parse(rate) for name, rate in rates.items()}
        self._clock = clock
        self._windows: dict[tuple[str, str], _Window] = {}
        self._clean_at = FEWEST_CLEANED  # windows

    def count(self, name: str, client: str) -> None:
        """Count one request of a client: an address, or what identifies a token.

        Raises `TooManyRequests` for one that asks too often.
        """
        item, now = self._items[name], self._clock()
        window = self._windows.get((name, client))
        if window is None or now >= window.ends_at:
            self._remove_ended(now)
            window = self._windows[name, client] = _Window(now + item.get_expiry())
        window.count += 1
        if window.count > item.amount:
            seconds = max(1, math.ceil(window.ends_at - now))
            raise TooManyRequests(f"That is more than {item}; ask again later.", seconds)

    def _remove_ended(self, now: float) -> None:
        """Forget clients of earlier, once there are twice as many as the last time."""
        if len(self._windows) < self._clean_at:
            return
        self._windows = {
            key: window for key, window in self._windows.items() if now < window.ends_at
        }
        self._clean_at = max(FEWEST_CLEANED, 2 * len(self._windows))


def identify_token(authorization: bytes) -> str:
    """What stands for a token in memory: never the token itself."""
    return hashlib.sha256(authorization).hexdigest()[:32]
