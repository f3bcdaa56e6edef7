"""The host's functions that a verification puts its own around while it runs.

The host has no other place for a wait. What an event handler raises it swallows, the interruption
of a SIGTERM included; and it drops global controls around the method of an experiment that has
controls of its own. But its runner looks these functions up when it needs them, and what goes on
around its method ends like the method: on a signal, a control's word, a second Ctrl-C.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial, wraps
from inspect import signature
from types import ModuleType
from typing import Any

from chaoslib import __version__, activity, run
from chaoslib.exceptions import ActivityFailed, InterruptExecution

from chaoscloud.verify.exceptions import VerificationException
from chaoscloud.verify.phases import Phases
from chaoscloud.verify.sampling import Sampler

__all__ = ["playing_within"]

Function = Callable[..., Any]


@contextmanager
def playing_within(phases: Phases, sampler: Sampler) -> Iterator[None]:
    """Let the host play methods within `phases`, and take samples with `sampler`.

    Raises `VerificationException` when the installed host does not know one of the functions.
    """
    with ExitStack() as stack:
        for module, name, wrapped in (
            (run, "get_hypothesis_pool", lambda _: lambda: sampler),
            (run, "run_method", partial(_within, phases)),
            (activity, "run_python_activity", _interruptible),
        ):
            stack.enter_context(_replace(module, name, wrapped))
        yield


@contextmanager
def _replace(
    module: ModuleType, name: str, wrapped: Callable[[Function], Function]
) -> Iterator[None]:
    original = getattr(module, name, None)
    if original is None:
        raise VerificationException(
            f"`chaos verify` does not know chaostoolkit-lib {__version__}: "
            "upgrade chaosiq-cloud, or install an earlier chaostoolkit-lib"
        )
    setattr(module, name, wrapped(original))
    try:
        yield
    finally:
        setattr(module, name, original)


def _within(phases: Phases, play: Function) -> Function:
    """The host's `run_method`, which has the journal and the event registry among its arguments."""

    @wraps(play)
    def run_method(*args: Any, **kwargs: Any) -> Any:
        arguments = signature(play).bind(*args, **kwargs).arguments
        method = partial(play, *args, **kwargs)
        return phases.around(method, arguments["journal"], arguments["event_registry"])

    return run_method


def _interruptible(call: Function) -> Function:
    """Python activities a SIGTERM interrupts: up to lib 1.44 they fail, and the run goes on."""

    @wraps(call)
    def run_python_activity(*args: Any, **kwargs: Any) -> Any:
        try:
            return call(*args, **kwargs)
        except ActivityFailed as x:
            if isinstance(x.__context__, InterruptExecution):
                raise x.__context__ from None
            raise

    return run_python_activity
