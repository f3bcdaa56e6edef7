"""Names as they stand in addresses: lower-case letters, digits and hyphens."""

import re
import unicodedata
from collections.abc import Collection
from itertools import count

LONGEST = 60

# First words of the console's own addresses, which no organization may take.
RESERVED_FOR_ORGANIZATIONS = frozenset(
    [
        "admin",
        "api",
        "assets",
        "events",
        "favicon",
        "healthz",
        "help",
        "login",
        "logout",
        "metrics",
        "robots",
        "sessions",
        "settings",
        "signin",
        "signout",
        "static",
        "well-known",
    ]
)

# Second words that organizations' own pages have, or may come to have.
RESERVED_FOR_TEAMS = frozenset(
    [
        "audit",
        "events",
        "executions",
        "experiments",
        "insights",
        "new",
        "objectives",
        "people",
        "policies",
        "runs",
        "safeguards",
        "settings",
        "stop",
        "teams",
        "tokens",
        "verifications",
    ]
)


def slug(
    name: str, taken: Collection[str] = (), reserved: Collection[str] = (), otherwise: str = "team"
) -> str:
    """Write a name as an address does, made unique among the taken ones with -2, -3 and so on.

    `otherwise` stands for names that have no letter an address could carry.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST].rstrip("-") or otherwise
    candidates = (base if number == 1 else f"{base}-{number}" for number in count(1))
    return next(word for word in candidates if word not in taken and word not in reserved)
