"""Where a run is, as its guard sees it: one state, which moves forward only."""

from enum import Enum, auto

__all__ = ["RunState"]


class RunState(Enum):
    """waiting → running → stopping → stopped | rolling back → over."""

    WAITING = auto()  # nobody has answered yet: nothing has started
    RUNNING = auto()
    STOPPING = auto()  # a safeguard denies the run, which does not know it yet
    STOPPED = auto()  # the run was interrupted, and is on its way out
    ROLLING_BACK = auto()  # a denial is noted only: rollbacks half run would be worse
    OVER = auto()  # nothing is left to stop

    def may_become(self, state: "RunState") -> bool:
        """Whether a run in this state may come into another one."""
        return state in _NEXT[self]


_END = {RunState.ROLLING_BACK, RunState.OVER}
_NEXT: dict[RunState, set[RunState]] = {
    RunState.WAITING: {RunState.RUNNING, RunState.STOPPING} | _END,
    RunState.RUNNING: {RunState.STOPPING} | _END,
    RunState.STOPPING: {RunState.STOPPED} | _END,
    RunState.STOPPED: _END,
    RunState.ROLLING_BACK: {RunState.OVER},
    RunState.OVER: set(),
}
