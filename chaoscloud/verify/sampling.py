"""The samples: taken at their pace in a thread of their own, and stopped when told to."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from contextvars import copy_context
from threading import Event, Thread
from time import monotonic
from typing import Any

from chaoslib.exceptions import InterruptExecution

__all__ = ["Metronome", "Sampler"]

Clock = Callable[[], float]
GRACE = 0.5  # seconds a sample under way is given when the run is interrupted


class Metronome:
    """The event on which the host's loop of samples waits from one to the next, made a pace.

    The host waits `frequency` seconds after each sample, so that slow probes stretch the pace. Here
    the wait is what is left until the next beat. A sample that takes longer than that is followed
    by the next one at once. `looked_at` is set once the loop, which tells everybody that it starts
    first of all, has come as far as its samples.
    """

    def __init__(self, event: Event, clock: Clock = monotonic) -> None:
        self.looked_at = Event()
        self._event = event
        self._clock = clock
        self._beat = clock()

    def is_set(self) -> bool:
        """Whether sampling is over."""
        self.looked_at.set()
        return self._event.is_set()

    def wait(self, timeout: float) -> bool:
        """Wait for the beat that comes `timeout` seconds after the last one, or for the end."""
        self._beat = max(self._beat + timeout, self._clock())
        return self._event.wait(self._beat - self._clock())


class Sampler(Executor):
    """What the host takes for the pool its samples run in.

    The host's own keeps an interrupted run waiting for the next sample, and the process for the
    last probe. This one takes the samples in a daemon thread, which sees the run's context (the
    loaded settings among it), and is not waited for longer than `GRACE` once interrupted.
    """

    def __init__(self, clock: Clock = monotonic) -> None:
        self._clock = clock
        self._event = Event()
        self._begun = Event()
        self._thread: Thread | None = None

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Start the host's loop `fn`, whose first argument is the event that ends it."""
        self._event, *others = args
        future: Future[Any] = Future()
        metronome = Metronome(self._event, self._clock)
        self._begun = metronome.looked_at
        work = (_settle, future, lambda: fn(metronome, *others, **kwargs))
        self._thread = Thread(target=copy_context().run, args=work, name="samples", daemon=True)
        self._thread.start()
        return future

    def stop(self) -> None:
        """Take no further sample."""
        self._event.set()

    def has_begun(self, seconds: float) -> bool:
        """Whether sampling is under way, waiting up to `seconds`; so when there is none to be."""
        return self._thread is None or self._begun.wait(seconds) or not self._thread.is_alive()

    def is_done(self, seconds: float) -> bool:
        """Whether the last sample has ended, waiting up to `seconds` for it."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End it: the host does so last, whatever happened before."""
        self.stop()
        if wait:
            # The host is cleaning up: raised here, a second signal would cost the journal.
            with suppress(KeyboardInterrupt, InterruptExecution):
                self.is_done(GRACE)


def _settle(future: Future[Any], work: Callable[[], Any]) -> None:
    try:
        future.set_result(work())
    except BaseException as x:  # noqa: BLE001 - the host looks at it in the future
        future.set_exception(x)
