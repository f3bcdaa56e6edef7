"""One guard through the moments of a run, without a network and without a signal."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from chaoslib.exceptions import InterruptExecution

from chaoscloud.api.policies import Allowed, Answer, Denied, NoAnswer
from chaoscloud.safeguards import guard as guard_module
from chaoscloud.safeguards.guard import Guard
from chaoscloud.safeguards.lease import Lease
from chaoscloud.safeguards.question import PolicyReply, RunQuestion
from chaoscloud.safeguards.timing import Timing
from chaoscloud.types import GuardMode

FRIDAY = {"name": "Black Friday", "decided_at": "2026-11-27T11:59:59+00:00"}
YES = Allowed()
NO = Denied((FRIDAY,))
AWAY = NoAnswer("the console does not answer")
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Asked:
    """What answers a guard: one answer after the other, the last one for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.count = 0

    def __call__(self, known: PolicyReply | None, seconds: float) -> PolicyReply:
        self.count += 1
        return PolicyReply(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])


@pytest.fixture
def clock() -> Clock:
    """Time stands still."""
    return Clock()


def guard_of(
    console: Asked, clock: Clock, *, required: bool = False, imposed: bool = False
) -> Guard:
    """A guard of a run that starts at noon."""
    chosen = GuardMode.REQUIRED if required else GuardMode.ON
    lease = Lease(chosen, imposed, clock=clock)
    return Guard(console, lease, Timing(), lambda: NOON, clock)


def in_another_thread(work: Callable[[], None]) -> Exception | None:
    """Do the work as a background activity does; return what it raised."""
    raised: list[Exception] = []

    def call() -> None:
        try:
            work()
        except InterruptExecution as x:
            raised.append(x)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    return raised[0] if raised else None


def test_a_no_before_the_start_interrupts(clock: Clock) -> None:
    """The host's own exception carries the policies; the journal finds them on the guard."""
    guard = guard_of(Asked(NO), clock)

    with pytest.raises(InterruptExecution, match=r"continuing:\nBlack Friday$"):
        guard.open()

    assert guard.policies == (FRIDAY,)
    assert guard.stop is not None
    assert guard.stop.latency is None


def test_an_answer_is_used_for_a_second(clock: Clock) -> None:
    """Controls ask for themselves when the last answer is older."""
    console = Asked(YES)
    guard = guard_of(console, clock)
    guard.open()

    guard.check()
    clock.seconds += 0.9
    guard.check()
    asked_within_a_second = console.count
    clock.seconds += 0.2
    guard.check()

    assert (asked_within_a_second, console.count) == (1, 2)


class StandingWatch:
    """A watch whose question the console holds, or which waits for its turn to ask."""

    is_blind, is_held = False, True

    def __init__(self, *_: object) -> None: ...
    def start(self, reply: PolicyReply) -> None: ...


class BlindWatch(StandingWatch):
    is_blind, is_held = True, False


def test_while_the_console_holds_a_question_controls_seldom_ask(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tells of a change at once; asking each second would slow down a run far from it."""
    monkeypatch.setattr(guard_module, "Watch", StandingWatch)
    console = Asked(YES)
    guard = Guard(console, timing=Timing(), clock=clock, watched=(None, RunQuestion({})))
    guard.open()

    clock.seconds += 4.9
    guard.check()
    asked_while_held = console.count
    clock.seconds += 0.2
    guard.check()

    assert (asked_while_held, console.count) == (1, 2)


def test_a_control_asks_for_itself_while_the_watch_would_not_hear_of_a_change(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However recent the last answer is: a stop that everybody heard holds from then on."""
    monkeypatch.setattr(guard_module, "Watch", BlindWatch)
    console = Asked(YES, YES, NO)
    watched = (None, RunQuestion({}))
    guard = Guard(console, timing=Timing(), clock=clock, watched=watched)
    guard.open()

    guard.check()
    with pytest.raises(InterruptExecution):
        guard.check()

    assert console.count == 3


def test_a_no_during_the_run_interrupts_it_and_is_not_asked_about_again(clock: Clock) -> None:
    """What the host calls while it leaves the run is let through."""
    console = Asked(YES, NO)
    guard = guard_of(console, clock)
    guard.open()
    clock.seconds += 2

    with pytest.raises(InterruptExecution) as leaving:
        guard.check()
    try:
        raise leaving.value
    except InterruptExecution:
        guard.check()

    assert console.count == 2
    assert guard.stop is not None
    assert guard.stop.latency == 1.0


def test_a_stop_that_the_run_swallowed_is_raised_again(clock: Clock) -> None:
    """An activity may catch whatever comes; the next control stops the run all the same."""
    guard = guard_of(Asked(YES, NO), clock)
    guard.open()
    clock.seconds += 2
    with pytest.raises(InterruptExecution):
        guard.check()

    with pytest.raises(InterruptExecution):
        guard.check()


def test_a_no_found_in_the_background_stops_the_run_too(clock: Clock) -> None:
    """The host swallows what is raised in the background: the run's next hook repeats it."""
    guard = guard_of(Asked(NO), clock)

    in_background = in_another_thread(guard.check)

    assert isinstance(in_background, InterruptExecution)
    with pytest.raises(InterruptExecution):
        guard.check()


def test_what_the_watch_hears_stops_the_run_at_its_next_control(clock: Clock) -> None:
    """Where no signal can interrupt it."""
    guard = guard_of(Asked(YES), clock)
    guard.open()

    goes_on = guard.hear(PolicyReply(NO))

    assert goes_on is False
    with pytest.raises(InterruptExecution):
        guard.check()


def test_rollbacks_are_run_to_the_end(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """A no while they run is noted and said once, and interrupts nothing."""
    guard = guard_of(Asked(YES), clock)
    guard.open()
    guard.start_rollbacks()

    guard.hear(PolicyReply(NO))
    guard.check()
    guard.hear(PolicyReply(NO))

    assert guard.policies is None
    assert guard.late_denial == (FRIDAY,)
    [message] = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert message == (
        "A safeguard denies this run while the rollbacks run: they are run to the end, and the "
        "journal notes it. The following safe guards disallow this execution from continuing:\n"
        "Black Friday"
    )


def test_a_no_that_the_rollbacks_overtake_is_noted(clock: Clock) -> None:
    """It was heard, but nothing could be interrupted before they began."""
    guard = guard_of(Asked(YES), clock)
    guard.open()
    guard.hear(PolicyReply(NO))

    guard.start_rollbacks()
    guard.check()

    assert guard.stop is None
    assert guard.late_denial == (FRIDAY,)


def test_a_no_as_the_experiment_ends_is_noted(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody is told that a safeguard stopped a run that ended by itself."""
    guard = guard_of(Asked(YES), clock)
    guard.open()
    guard.hear(PolicyReply(NO))

    guard.end()

    assert guard.policies is None
    assert guard.late_denial == (FRIDAY,)
    assert caplog.messages[-1] == (
        "A safeguard denies this run as the experiment ends: there is nothing left to stop, and "
        "the journal notes it. The following safe guards disallow this execution from continuing:"
        "\nBlack Friday"
    )


def test_without_an_answer_the_run_goes_on(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """It is said when contact is lost and when it is back, and the journal gets the gap."""
    guard = guard_of(Asked(YES, AWAY, AWAY, YES), clock)
    guard.open()

    for _ in range(3):
        clock.seconds += 100
        guard.check()

    assert [r.levelname for r in caplog.records if r.levelname != "INFO"] == ["WARNING"] * 2
    [gap] = guard.gaps
    assert gap["until"] is not None
    assert gap["reason"] == AWAY.reason
    assert "The experiment carries on without them" in caplog.text


def test_a_loss_during_rollbacks_is_a_gap_too(clock: Clock) -> None:
    """With the reason; nothing is stopped for it."""
    guard = guard_of(Asked(YES), clock, required=True)
    guard.open()
    guard.start_rollbacks()

    guard.hear(PolicyReply(AWAY))

    assert [gap["reason"] for gap in guard.gaps] == [AWAY.reason]


def test_a_loss_says_whether_the_run_starts(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """Before the start it does not begin; after it, it has the rest of its lease."""
    waiting = guard_of(Asked(AWAY), clock, required=True)
    with pytest.raises(InterruptExecution):
        waiting.open()
    running = guard_of(Asked(YES), clock, required=True)
    running.open()

    running.hear(PolicyReply(AWAY))

    warnings = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert [AWAY.reason in warning for warning in warnings] == [True, True]
    assert warnings[0].endswith("the experiment does not start without them.")
    assert warnings[1].endswith("unless the console answers within 60 seconds.")


def test_after_a_failure_that_took_long_controls_ask_nothing_for_a_while(clock: Clock) -> None:
    """A console that hangs slows a run by a tenth at most."""

    def hanging(known: PolicyReply | None, seconds: float) -> PolicyReply:
        clock.seconds += 5
        questions.append(clock.seconds)
        return PolicyReply(AWAY)

    questions: list[float] = []
    guard = Guard(hanging, timing=Timing(), clock=clock)

    guard.check()
    clock.seconds += 49
    guard.check()
    clock.seconds += 2
    guard.check()

    assert len(questions) == 2


def test_a_no_after_a_silence_counts(clock: Clock) -> None:
    """A console that comes back and denies the run is obeyed."""
    guard = guard_of(Asked(AWAY, NO), clock)
    guard.open()
    clock.seconds += 2

    with pytest.raises(InterruptExecution):
        guard.check()


@pytest.mark.parametrize("who", ["user", "organization"])
def test_a_run_that_needs_an_answer_does_not_start_without_one(clock: Clock, who: str) -> None:
    """Whoever requires it; the reason stands in the policies."""
    guard = guard_of(Asked(AWAY), clock, required=who == "user", imposed=who == "organization")

    with pytest.raises(InterruptExecution, match=r"are required: nobody answers: the console"):
        guard.open()

    assert guard.policies is not None


def test_a_lease_without_an_answer_stops_a_run_that_needs_one(clock: Clock) -> None:
    """A minute, and not a moment earlier."""
    guard = guard_of(Asked(YES), clock, required=True)
    guard.open()

    clock.seconds += 59.9
    early = guard.hear(PolicyReply(AWAY))
    clock.seconds = 1060  # a minute after the start
    late = guard.hear(PolicyReply(AWAY))

    assert (early, late) == (True, False)
    with pytest.raises(InterruptExecution, match=f"nobody answers: {AWAY.reason}"):
        guard.check()


def test_an_answer_renews_the_lease(clock: Clock) -> None:
    """What counts is the silence since the last one."""
    guard = guard_of(Asked(YES), clock, required=True)
    guard.open()

    clock.seconds += 59
    guard.hear(PolicyReply(YES))
    clock.seconds += 59
    goes_on = guard.hear(PolicyReply(AWAY))

    assert goes_on is True
    assert guard.lease.time_left() == 1


def test_no_lease_ends_during_rollbacks(clock: Clock) -> None:
    """They are run to the end, also without a console."""
    guard = guard_of(Asked(YES), clock, required=True)
    guard.open()
    guard.start_rollbacks()

    clock.seconds += 3600
    guard.hear(PolicyReply(AWAY))
    guard.check()

    assert guard.policies is None
    assert guard.late_denial is None


def test_what_the_organization_says_is_remembered_once(clock: Clock) -> None:
    """It counts at once, and for the runs to come; servers that say nothing change nothing."""
    remembered: list[bool] = []
    guard = Guard(Asked(YES), Lease(remember=remembered.append), clock=clock)

    for required in (None, True, True, None, False):
        guard.hear(PolicyReply(Allowed(required)))

    assert remembered == [True, False]


def test_an_organization_may_impose_it_with_the_answer_that_lets_the_run_start(
    clock: Clock,
) -> None:
    """The lease holds from then on."""
    guard = guard_of(Asked(Allowed(required=True)), clock)

    guard.open()

    assert guard.lease.time_left() == 60


def test_a_stop_that_arrives_while_asking_passes(clock: Clock) -> None:
    """SIGTERM reaches us as an exception of the host's, and is not taken for a failed question."""

    def terminate(known: PolicyReply | None, seconds: float) -> PolicyReply:
        raise InterruptExecution("SIGTERM signal received")

    guard = Guard(terminate, clock=clock)

    with pytest.raises(InterruptExecution, match="SIGTERM"):
        guard.check()
