"""May this run go on? Decided from the safeguards, the run, the time and the facts: nothing else.

The API, the pages and the commands all decide here. A kind of safeguard is one file of `kinds/`;
`KINDS` has them by name. An unknown kind is an error of ours, never turned into a decision.
"""

from chaoscloud.console.rules.safeguards.deciding import (
    NO_FACTS,
    applies_to,
    decide,
    is_in_force,
)
from chaoscloud.console.rules.safeguards.kind import Kind
from chaoscloud.console.rules.safeguards.kinds import KINDS
from chaoscloud.console.rules.safeguards.model import (
    Decision,
    Facts,
    FiringAlert,
    Policy,
    Run,
    RunningExecution,
    Safeguard,
    WebhookAnswer,
)

__all__ = [
    "KINDS",
    "NO_FACTS",
    "Decision",
    "Facts",
    "FiringAlert",
    "Kind",
    "Policy",
    "Run",
    "RunningExecution",
    "Safeguard",
    "WebhookAnswer",
    "applies_to",
    "decide",
    "is_in_force",
]
