"""A control of somebody else, which adds to the journal after ours was called."""

from typing import Any

_journals: list[dict[str, Any]] = []


def after_experiment_control(context: Any, state: dict[str, Any], **_: Any) -> None:
    """Add something."""
    state["added"] = "after ours"
    _journals.append(state)


def cleanup_control() -> None:
    """Add something more, once all hooks were called."""
    while _journals:
        _journals.pop()["added_at_cleanup"] = "after all hooks"
