"""The runs that are under way in this process, and which of them a call of the host is for.

Most of the time there is one. There are two when an activity runs an experiment of its own, and
when the control stands in the settings and in the experiment, with a console each.
"""

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

from chaoscloud.controls.run import Run
from chaoscloud.extension import find_extension
from chaoscloud.safeguards.stop_signal import RUNNER
from chaoscloud.types import Experiment, Extensions

__all__ = ["OpenRuns", "Tenant"]

Tenant = tuple[str, str | None, str | None]
"""The console's url, the organization's id and the team's."""


@dataclass(eq=False)
class _Entry:
    run: Run
    experiment: Experiment
    tenant: Tenant
    thread: int
    depth: int


class OpenRuns:
    """A stack: the host ends runs, and the controls of a run, in reverse order."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []

    def find_shared(self, experiment: Experiment, tenant: Tenant) -> Run | None:
        """The run that another control has just opened for the same experiment and console.

        It counts once more from then on: `pop` returns it twice.
        """
        for entry in self._entries:
            is_same = entry.experiment is experiment and entry.tenant == tenant
            if is_same and not entry.run.has_begun:
                self._entries.append(entry)
                entry.run.is_shared = True
                return entry.run
        return None

    def push(self, run: Run, experiment: Experiment, tenant: Tenant) -> None:
        """Open a run, of the calling thread."""
        self._entries.append(_Entry(run, experiment, tenant, threading.get_ident(), _depth()))

    def pop_dead(self, experiment: Experiment) -> list[Run]:
        """Take out the runs of this thread that died before their end.

        One that a run is nested in is deeper down in the calls of this thread, and alive.
        """
        depth, thread = _depth(), threading.get_ident()
        dead = [
            entry
            for entry in self._entries
            if entry.thread == thread
            and entry.depth >= depth
            and (entry.experiment is not experiment or entry.run.has_begun)
        ]
        self._entries = [entry for entry in self._entries if entry not in dead]
        return [entry.run for entry in dead]

    def pop(self) -> Run | None:
        """Take out the last one that this thread opened; None while another control needs it.

        A run that this one is nested in stays, even if this one was never opened.
        """
        depth, thread = _depth(), threading.get_ident()
        for entry in reversed(self._entries):
            if entry.thread == thread and entry.depth >= depth:
                self._entries.reverse()
                self._entries.remove(entry)
                self._entries.reverse()
                is_needed = any(other.run is entry.run for other in self._entries)
                return None if is_needed else entry.run
        return None

    def remove(self, run: Run) -> None:
        """Take a run out, however often it counts."""
        self._entries = [entry for entry in self._entries if entry.run is not run]

    def find(
        self,
        experiment: Experiment | None,
        extensions: Extensions | None,
        tenant: Callable[[], Tenant],
    ) -> Run | None:
        """The run that a hook is called for, or None.

        The host names the experiment. Who calls a hook without one may name an execution among
        `extensions`: another one than those under way is none of them.
        """
        if experiment is not None:
            entries = [entry for entry in self._entries if entry.experiment is experiment]
            return _choose(entries, tenant)
        execution_id = (find_extension(extensions) or {}).get("execution_id")
        if execution_id is None:
            return self._entries[-1].run if self._entries else None
        runs = (entry.run for entry in reversed(self._entries))
        return next((run for run in runs if run.block.get("execution_id") == execution_id), None)


def _choose(entries: list[_Entry], tenant: Callable[[], Tenant]) -> Run | None:
    if len({id(entry.run) for entry in entries}) > 1:
        own_tenant = tenant()
        entries = [entry for entry in entries if entry.tenant == own_tenant] or entries
    return entries[-1].run if entries else None


def _depth() -> int:
    """In how many of the host's runs the calling thread is."""
    depth = 0
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        depth += (frame.f_globals.get("__name__"), frame.f_code.co_name) == RUNNER
        frame = frame.f_back
    return depth
