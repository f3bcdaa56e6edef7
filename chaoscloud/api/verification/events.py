"""What is told of a run while it goes on: the host's events, and our word for each."""

from collections.abc import Callable
from typing import Any

__all__ = ["EVENTS", "OLDER_SPELLINGS"]

Payload = Callable[..., Any]


def _nothing(*_: Any, **__: Any) -> None:
    return None


# Each function has the parameters of the host's event, so that it can be called in any way.
EVENTS: dict[str, tuple[str, Payload]] = {
    "start_hypothesis_before": ("verification-hypothesis-before-method-started", _nothing),
    "hypothesis_before_completed": ("verification-hypothesis-before-method-completed", _nothing),
    "start_continuous_hypothesis": (
        "verification-sample-started",
        lambda frequency: {"frequency": frequency},
    ),
    "continuous_hypothesis_iteration": (
        "verification-sample",
        lambda iteration_index, state=None: {"iteration": iteration_index, "state": state},
    ),
    "start_method": ("verification-condition-started", _nothing),
    "method_completed": (
        "verification-condition-completed",
        lambda experiment, state=None: {"state": state},
    ),
    "start_cooldown": ("verification-cooldown-started", lambda duration: {"duration": duration}),
    "cooldown_completed": ("verification-cooldown-completed", _nothing),
    "continuous_hypothesis_completed": ("verification-sampling-completed", _nothing),
    "start_hypothesis_after": ("verification-hypothesis-after-method-started", _nothing),
    "hypothesis_after_completed": ("verification-hypothesis-after-method-completed", _nothing),
    "start_rollbacks": ("verification-rollbacks-started", _nothing),
    "rollbacks_completed": ("verification-rollbacks-completed", _nothing),
    "interrupted": ("verification-interrupted", _nothing),
    "signal_exit": ("verification-exited-by-signal", _nothing),
    "finish": ("verification-completed", lambda journal: journal),
}

OLDER_SPELLINGS = {
    name.replace("continuous", "continous"): name for name in EVENTS if "continuous" in name
}
