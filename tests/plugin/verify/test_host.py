"""What a verification puts around the host's functions, and that it takes it away again."""

import signal
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from chaoslib import activity, run
from chaoslib.exceptions import ActivityFailed, InterruptExecution
from chaoslib.run import initialize_run_journal

from chaoscloud.types import Journal
from chaoscloud.verify.exceptions import VerificationException
from chaoscloud.verify.host import playing_within
from chaoscloud.verify.phases import Phases
from chaoscloud.verify.plan import Plan
from chaoscloud.verify.progress import LogProgress
from chaoscloud.verify.sampling import Sampler
from chaoscloud.verify.watch import RunWatch
from tests.plugin.verification_documents import probe, verification

NAMES = [(run, "get_hypothesis_pool"), (run, "run_method"), (activity, "run_python_activity")]


@pytest.fixture
def sampler() -> Sampler:
    return Sampler()


@pytest.fixture
def phases(sampler: Sampler) -> Phases:
    return Phases(Plan("orders", 1, 0, 0, 0), sampler, LogProgress())


def functions() -> list[Any]:
    return [getattr(module, name) for module, name in NAMES]


def test_the_hosts_functions_are_its_own_again_afterwards(phases: Phases, sampler: Sampler) -> None:
    """Whatever ends a verification, the next experiment finds the host as it was."""
    before = functions()

    with suppress(KeyboardInterrupt), playing_within(phases, sampler):
        assert all(now is not was for now, was in zip(functions(), before, strict=True))
        raise KeyboardInterrupt

    assert functions() == before


def test_the_host_takes_its_samples_with_ours(phases: Phases, sampler: Sampler) -> None:
    """The pool the host asks for is the sampler."""
    with playing_within(phases, sampler):
        assert run.get_hypothesis_pool() is sampler


@pytest.mark.parametrize(("module", "name"), NAMES, ids=lambda one: getattr(one, "__name__", one))
def test_a_host_we_do_not_know_is_refused(
    module: Any, name: str, phases: Phases, sampler: Sampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a place for its phases a verification could not keep its word."""
    before = functions()
    monkeypatch.delattr(module, name)

    with (
        pytest.raises(VerificationException, match="chaostoolkit-lib"),
        playing_within(phases, sampler),
    ):
        pass

    monkeypatch.undo()
    assert functions() == before


def stop_now() -> None:
    """A Python activity during which a SIGTERM arrives."""
    raise InterruptExecution("SIGTERM signal received")


def break_down() -> None:
    """A Python activity that fails."""
    raise KeyError("broker-2")


def test_an_interrupted_python_activity_is_an_interruption(
    phases: Phases, sampler: Sampler
) -> None:
    """Up to lib 1.44 the host takes it for a failure of the activity, and goes on."""
    with playing_within(phases, sampler), pytest.raises(InterruptExecution, match="SIGTERM"):
        activity.run_activity(probe("interrupted", __name__, "stop_now"), {}, {})


def test_a_failed_python_activity_is_a_failure(phases: Phases, sampler: Sampler) -> None:
    """What is no interruption stays what the host makes of it."""
    with playing_within(phases, sampler), pytest.raises(ActivityFailed, match="broker-2"):
        activity.run_activity(probe("failing", __name__, "break_down"), {}, {})


@pytest.fixture
def journal() -> Journal:
    journal: Journal = initialize_run_journal(verification())
    return journal


@pytest.fixture
def quiet_sigterm() -> Iterator[list[int]]:
    """A process in which SIGTERM is only noted."""
    calls: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: calls.append(number))
    yield calls
    signal.signal(signal.SIGTERM, before)


def test_the_measurements_are_the_samples(
    phases: Phases, sampler: Sampler, journal: Journal, quiet_sigterm: list[int]
) -> None:
    """They are equal from the first sample on, whoever looks and when."""
    RunWatch(phases, sampler).started(verification(), journal)
    journal["steady_states"]["during"].append({"steady_state_met": True})

    assert journal["measurements"] == journal["steady_states"]["during"] != []


def test_sigterm_is_marked_in_the_journal_and_passed_on(
    phases: Phases, sampler: Sampler, journal: Journal, quiet_sigterm: list[int]
) -> None:
    """The host's handler still gets it."""
    RunWatch(phases, sampler).started(verification(), journal)

    signal.raise_signal(signal.SIGTERM)

    assert journal["status"] == "interrupted"
    assert quiet_sigterm == [signal.SIGTERM]


def test_sigterm_does_not_change_a_status_that_is_known(
    phases: Phases, sampler: Sampler, journal: Journal, quiet_sigterm: list[int]
) -> None:
    """A run that failed stays failed."""
    RunWatch(phases, sampler).started(verification(), journal)
    journal["status"] = "failed"

    signal.raise_signal(signal.SIGTERM)

    assert journal["status"] == "failed"
