"""Tries the brake: a run that only sleeps is stopped through the console, and measured.

The run is a real one, guarded as any other. Its record is removed afterwards, and no file is
written for it.
"""

import copy
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from chaoslib.control import load_global_controls
from chaoslib.exit import exit_gracefully
from chaoslib.experiment import run_experiment
from chaoslib.run import RunEventHandler
from chaoslib.settings import loaded_settings

from chaoscloud import api
from chaoscloud.api.policies import in_words
from chaoscloud.api.team_safeguards import remove_execution, stop_execution
from chaoscloud.commands.failures import CommandFailed, NotSignedIn
from chaoscloud.commands.safeguards import accepted
from chaoscloud.extension import get_extension, get_extension_value
from chaoscloud.settings import CONTROL_NAME, enable_feature, get_orgs, load, read_profile
from chaoscloud.types import Experiment, Extension, Journal, Settings

__all__ = ["TAG", "try_the_brake"]

TAG = "chaosiq-safeguards-test"
"""What the console knows such a run by: it removes the record of no other."""

LIMIT = 30.0
"""Seconds the run sleeps, unless it is stopped."""


@dataclass
class _Trial:
    """What happens during the run; the activity runs on the run's thread, the request beside it."""

    experiment: Experiment
    session: Any
    begun: threading.Event = field(default_factory=threading.Event)
    over: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)
    asked_at: datetime | None = None
    failure: CommandFailed | None = None

    def ask_for_the_stop(self) -> None:
        """Once the run sleeps, ask the console to stop it; without a stop there, end it here."""
        self.begun.wait()
        if self.over:
            return
        try:
            self._request()
        except CommandFailed as x:
            self.failure = x
            with self.lock:  # the host listens to signals until the run is over, and no longer
                if not self.over:
                    exit_gracefully()

    def end(self) -> None:
        """The run is over."""
        with self.lock:
            self.over = True
        self.begun.set()

    def _request(self) -> None:
        execution = get_extension_value(self.experiment, "execution_id")
        if execution is None:
            raise CommandFailed("The console does not record this run: it cannot stop it.")
        self.asked_at = datetime.now(UTC)
        reason = "`chaos safeguards test` tries the brake"
        accepted(lambda: stop_execution(self.session, execution, reason, 2 * LIMIT))


class _UntilTheEnd(RunEventHandler):  # type: ignore[misc]  # the host publishes no types
    """Notes the end of the run while the host still listens to signals."""

    def __init__(self, trial: _Trial) -> None:
        self._trial = trial

    def finish(self, journal: Journal) -> None:
        """Nothing is left to stop."""
        self._trial.end()


_trial: _Trial | None = None


def sleep() -> None:
    """What the run does."""
    if _trial is not None:
        _trial.begun.set()
        time.sleep(LIMIT)


def try_the_brake(settings_path: str) -> Iterator[str]:
    """Run, stop, measure, remove: the lines that tell it. Raises `CommandFailed` when it fails."""
    settings = _settings_of_the_run(load(settings_path))
    profile = read_profile(settings)
    if not profile.token or profile.tenancy is None:
        raise NotSignedIn()
    yield "Starting a run that only sleeps, and asking the console to stop it."
    with api.client_session(
        profile.url, get_orgs(settings), profile.verify_tls, settings
    ) as session:
        trial = _Trial(_experiment(), session)
        journal = _run(trial, settings)
        removed = _remove(trial)
    yield _measured(trial, journal)
    yield removed


def _settings_of_the_run(settings: Settings) -> Settings:
    """Our control alone, with what it needs switched on, whatever the user has chosen."""
    control = (settings.get("controls") or {}).get(CONTROL_NAME) or {}
    own = {"auths": settings.get("auths") or {}, "controls": {CONTROL_NAME: copy.deepcopy(control)}}
    for feature in ("publish", "safeguards"):
        enable_feature(own, feature)
    return own


def _experiment() -> Experiment:
    provider = {"type": "python", "module": "chaoscloud.commands.trial", "func": "sleep"}
    return {
        "title": "The brake works",
        "description": "Sleeps until a safeguard stops it. Started by `chaos safeguards test`.",
        "tags": [TAG],
        "method": [{"type": "action", "name": "sleep", "provider": provider}],
        "rollbacks": [],
    }


def _run(trial: _Trial, settings: Settings) -> Journal:
    global _trial
    _trial = trial
    token = loaded_settings.set(settings)
    asking = threading.Thread(target=trial.ask_for_the_stop, daemon=True)
    try:
        with _quiet():
            load_global_controls(settings)
            asking.start()
            journal: Journal = run_experiment(
                trial.experiment, settings=settings, event_handlers=[_UntilTheEnd(trial)]
            )
        return journal
    finally:
        trial.end()
        asking.join(LIMIT)
        loaded_settings.reset(token)
        _trial = None


@contextmanager
def _quiet() -> Iterator[None]:
    """A run that is stopped has much to say, and all of it would alarm."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _measured(trial: _Trial, journal: Journal) -> str:
    """How long it took. Both moments are this machine's."""
    if trial.failure is not None:
        raise trial.failure
    block = get_extension(journal) or {}
    interrupted = (block.get("stop") or {}).get("interrupted_at")
    if trial.asked_at is None or interrupted is None:
        raise CommandFailed(f"The brake could not be tried: {_obstacle(block)}.")
    latency = (datetime.fromisoformat(interrupted) - trial.asked_at).total_seconds()
    return f"The brake works: the run was interrupted {latency:.2f} s after the console was asked."


def _obstacle(block: Extension) -> str:
    """What kept the run from sleeping, or from being stopped."""
    policies = block.get("safeguards")
    if policies:
        return f"the run may not start, {'; '.join(map(in_words, policies))}"
    unrecorded = (block.get("not_recorded") or {}).get("reason")
    return unrecorded or "the run was not interrupted"


def _remove(trial: _Trial) -> str:
    execution = get_extension_value(trial.experiment, "execution_id")
    if execution is None:
        return "Nothing is left behind."
    try:
        accepted(lambda: remove_execution(trial.session, execution))
    except CommandFailed as x:
        return f"The record of execution {execution} is left in the console: {x}"
    return "Nothing is left behind."
