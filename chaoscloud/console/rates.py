"""How often somebody may ask: sign-ins and wrong tokens, alerts, and the API.

Generous for people and pipelines, too few for guessing and flooding. Counted in this process, in
fixed windows, by the `limits` library; a limit is written as it has them ("60/minute").
"""

import hashlib
import math
import time
from collections.abc import Mapping
from types import MappingProxyType

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

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


class RateLimiter:
    """Counts what is limited. `count` raises `TooManyRequests` for who asks too often."""

    def __init__(self, rates: Mapping[str, str] = RATES) -> None:
        self._items: dict[str, RateLimitItem] = {name: parse(rate) for name, rate in rates.items()}
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def count(self, name: str, who: str) -> None:
        """Count one request of somebody: an address, or what identifies a token."""
        item = self._items[name]
        if not self._limiter.hit(item, name, who):
            reset = self._limiter.get_window_stats(item, name, who).reset_time
            seconds = max(1, math.ceil(reset - time.time()))
            raise TooManyRequests(f"That is more than {item}; ask again later.", seconds)


def identify_token(authorization: str) -> str:
    """What stands for a token in memory: never the token itself."""
    return hashlib.sha256(authorization.encode("utf-8", "surrogatepass")).hexdigest()[:32]
