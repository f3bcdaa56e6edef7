"""The pace of samples, and their end."""

import threading
from typing import Any

import pytest
from chaoslib.settings import get_loaded_settings, loaded_settings

from chaoscloud.verify import sampling
from chaoscloud.verify.sampling import Metronome, Sampler


class Clock:
    """A clock that stands still, and an event on which waiting makes it go."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def is_set(self) -> bool:
        return False

    def wait(self, timeout: float) -> bool:
        self.waits.append(round(timeout, 6))
        self.now += max(timeout, 0)
        return False


@pytest.mark.parametrize(
    ("samples", "starts"),
    [
        ([0.0, 0.0, 0.0], [0, 10, 20, 30]),
        ([0.25, 4.0, 9.5], [0, 10, 20, 30]),
        ([3.0, 12.0, 3.0], [0, 10, 22, 32]),
        ([25.0, 0.0, 0.0], [0, 25, 35, 45]),
    ],
    ids=["no time at all", "less than the frequency", "once more than it", "a slow first one"],
)
def test_samples_start_at_the_frequency(samples: list[float], starts: list[float]) -> None:
    """Every ten seconds, however long probes take; a sample that is late follows at once."""
    clock = Clock()
    metronome = Metronome(clock, clock)  # type: ignore[arg-type]
    started = [clock.now - 100]

    for took in samples:
        clock.now += took
        metronome.wait(timeout=10)
        started.append(clock.now - 100)

    assert started == starts


def test_the_pace_does_not_drift() -> None:
    """A thousand samples at a tenth of a second end after a hundred seconds, whatever each took."""
    clock = Clock()
    metronome = Metronome(clock, clock)  # type: ignore[arg-type]

    for index in range(1000):
        clock.now += (index % 7) / 100
        metronome.wait(timeout=0.1)

    assert clock.now - 100 == pytest.approx(100)


def loop(event: Any, taken: threading.Semaphore) -> str:
    """As the host's: sample, then wait on the event, until it is set."""
    while not event.is_set():
        taken.release()
        event.wait(timeout=3600)
    return "the last one"


def test_stopping_ends_the_wait_for_the_next_sample() -> None:
    """With an hour between samples, the end does not take an hour."""
    sampler, event, taken = Sampler(), threading.Event(), threading.Semaphore(0)

    future = sampler.submit(loop, event, taken)
    taken.acquire()
    sampler.stop()

    assert sampler.is_done(60)
    assert future.result() == "the last one"


def test_sampling_has_begun_once_its_loop_has_told_that_it_starts() -> None:
    """The method waits for that: its own start must not overtake the samples' on the wire."""
    sampler, content = Sampler(), threading.Event()

    def telling_first(event: threading.Event) -> None:
        content.wait()
        event.is_set()

    sampler.submit(telling_first, threading.Event())
    before = sampler.has_begun(0.01)
    content.set()

    assert not before
    assert sampler.has_begun(60)


def test_without_samples_there_is_nothing_to_wait_for() -> None:
    """An experiment without a hypothesis has a method all the same."""
    assert Sampler().has_begun(60)


def test_the_hosts_own_event_ends_sampling_too() -> None:
    """The host sets the event it made, and knows nothing of ours."""
    sampler, event, taken = Sampler(), threading.Event(), threading.Semaphore(0)

    sampler.submit(loop, event, taken)
    taken.acquire()
    event.set()

    assert sampler.is_done(60)


def test_a_sample_under_way_is_not_waited_for_when_it_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An interrupted run ends though a probe does not."""
    monkeypatch.setattr(sampling, "GRACE", 0.01)
    sampler, probe_ends = Sampler(), threading.Event()
    future = sampler.submit(lambda _: probe_ends.wait(), threading.Event())

    sampler.shutdown(wait=True)

    assert not future.done()
    probe_ends.set()
    assert sampler.is_done(60)


def test_a_sampler_that_never_started_is_done() -> None:
    """A run whose steady state is not met at first takes no samples."""
    sampler = Sampler()

    sampler.shutdown()

    assert sampler.is_done(0)


def test_what_a_sample_raises_is_in_the_future() -> None:
    """The host looks there for what a control said."""
    sampler = Sampler()

    future = sampler.submit(lambda _: 1 / 0, threading.Event())

    assert isinstance(future.exception(timeout=60), ZeroDivisionError)


def test_samples_see_the_settings_the_host_loaded() -> None:
    """Controls around a sample get the same settings as those around the method."""
    token = loaded_settings.set({"vendor": {"theme": "dark"}})
    sampler = Sampler()

    future = sampler.submit(lambda _: get_loaded_settings(), threading.Event())

    assert future.result(timeout=60) == {"vendor": {"theme": "dark"}}
    loaded_settings.reset(token)
