"""What the verifications of the tests do, and a control of theirs."""

import time
from typing import Any

from chaoslib.exceptions import InterruptExecution


def wait_for_ever() -> None:
    """Go on until somebody interrupts."""
    time.sleep(3600)


class Refusal:
    """Says no in the first sample of a run; unless somebody uses it, it says nothing."""

    hypotheses = 0
    wanted = False

    @classmethod
    def look(cls) -> None:
        """Count a hypothesis; the first is the one before the method, and no sample."""
        cls.hypotheses += cls.wanted
        if cls.hypotheses > 1:
            raise InterruptExecution("The following safe guards disallow this execution")


def before_hypothesis_control(context: Any) -> None:
    """What the host calls around each sample."""
    Refusal.look()
