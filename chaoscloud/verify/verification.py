"""Is a document a verification, and run one."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from chaoslib import substitute
from chaoslib.caching import cache_activities, clear_cache
from chaoslib.run import RunEventHandler, Runner, initialize_run_journal
from chaoslib.settings import get_loaded_settings
from chaoslib.types import Dry, Schedule, Strategy

from chaoscloud.controls.opening import guard_prepared
from chaoscloud.delivery.verification import VerificationRunEventHandler
from chaoscloud.settings import Profile, read_profile
from chaoscloud.types import Experiment, Journal, Settings
from chaoscloud.verify.exceptions import VerificationException
from chaoscloud.verify.host import playing_within
from chaoscloud.verify.phases import Phases
from chaoscloud.verify.plan import Plan, read_plan
from chaoscloud.verify.progress import progress_on
from chaoscloud.verify.sampling import Sampler
from chaoscloud.verify.watch import RunWatch

__all__ = ["ensure_signed_in", "ensure_verification_is_valid", "run_verification"]

logger = logging.getLogger("chaostoolkit")


def ensure_verification_is_valid(experiment: Experiment) -> None:
    """Raise `InvalidVerification` for a document that is no verification.

    First for what is missing, in the order documents are written, then for values that make no
    sense. Whether it is a valid experiment is the host's `ensure_experiment_is_valid` to say.
    """
    read_plan(experiment)


def run_verification(
    experiment: Experiment,
    settings: Settings | None = None,
    experiment_vars: Any = None,
    strategy: Strategy = Strategy.CONTINUOUS,
    schedule: Schedule | None = None,
    event_handlers: Sequence[RunEventHandler] = (),
    keep: Callable[[Journal], None] = lambda _: None,
) -> Journal:
    """Run a verification and return its journal, as the host's `run_experiment` does.

    `settings` default to those the host loaded, `schedule` to the document's frequency; `keep` gets
    the journal before anybody waits for the console at the end. Raises
    `InvalidVerification` for a document that makes no sense, and `VerificationException` when
    nobody signed in or the console does not let it start: nothing has happened then.
    """
    settings = get_loaded_settings() if settings is None else settings
    plan = read_plan(experiment)
    profile = ensure_signed_in(settings)
    schedule = schedule or Schedule(continuous_hypothesis_frequency=plan.frequency)
    sampler = Sampler()
    phases = Phases(_as_dry(plan, experiment.get("dry")), sampler, progress_on())
    with ExitStack() as stack:
        recorders = stack.enter_context(_recording(experiment, settings, profile))
        runner = _Runner(strategy, schedule, recorders, stack)
        for handler in (RunWatch(phases, sampler), *recorders, *event_handlers):
            runner.register_event_handler(handler)
        with playing_within(phases, sampler), _cache_names(experiment):
            journal: Journal = runner.run(experiment, settings, experiment_vars=experiment_vars)
        keep(journal)
        return journal


def ensure_signed_in(settings: Settings | None) -> Profile:
    """What the settings say of us. Raises `VerificationException` unless somebody signed in."""
    profile = read_profile(settings)
    if not (profile.configured and profile.token and profile.tenancy):
        raise VerificationException(
            "Verifications are run in the name of a team: run `chaos signin` first"
        )
    return profile


class _Runner(Runner):  # type: ignore[misc]  # the host publishes no types
    """The host's runner, which has a run recorded before anything happens in it."""

    def __init__(
        self,
        strategy: Strategy,
        schedule: Schedule,
        recorders: Sequence[VerificationRunEventHandler],
        resources: ExitStack,
    ) -> None:
        super().__init__(strategy, schedule)
        self._recorders = recorders
        self._resources = resources

    def configure(self, experiment: Experiment, settings: Settings, experiment_vars: Any) -> None:
        """Resolve configuration and secrets, which say what must not leave; then record.

        Safeguards are asked beside that, as they are beside the start of an experiment.
        """
        super().configure(experiment, settings, experiment_vars)
        experiment["title"] = substitute(experiment["title"], self.config, self.secrets)
        if self._recorders:
            self._resources.enter_context(guard_prepared(experiment, settings))
        for recorder in self._recorders:
            journal = initialize_run_journal(experiment)
            reason = recorder.start(experiment, journal, self.secrets)
            if reason is not None:
                raise VerificationException(f"This verification may not start: {reason}")


@contextmanager
def _recording(
    experiment: Experiment, settings: Settings, profile: Profile
) -> Iterator[Sequence[VerificationRunEventHandler]]:
    """Who records the run: nobody where publishing is disabled."""
    if not profile.features["publish"]:
        yield ()
        return
    recorder = VerificationRunEventHandler(experiment, settings, closes=False)
    try:
        yield (recorder,)
    finally:
        recorder.close()


@contextmanager
def _cache_names(experiment: Experiment) -> Iterator[None]:
    """Let the host find activities by their name, as it does for an experiment."""
    cache_activities(experiment)
    try:
        yield
    finally:
        clear_cache()


def _as_dry(plan: Plan, dry: Dry | None) -> Plan:
    """Waits are pauses: a dry run without activities or pauses has none."""
    if dry not in (Dry.ACTIVITIES, Dry.PAUSE):
        return plan
    logger.info("Warm-up, conditions and cool-down are not waited for in this dry run.")
    return plan.without_waits()
