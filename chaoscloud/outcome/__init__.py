"""How a run ended and what a verification found, read from its journal. Pure.

Plugin and console show the same answers from the same rules, so these are a room of their own that
both import; it imports neither of them, and nothing that is not in Python's standard library.
"""

from chaoscloud.outcome.classification import (
    ENDED,
    INCONCLUSIVE,
    Caveat,
    Outcome,
    OutcomeName,
    find_outcome,
)

__all__ = ["ENDED", "INCONCLUSIVE", "Caveat", "Outcome", "OutcomeName", "find_outcome"]
