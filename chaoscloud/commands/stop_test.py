"""`chaos safeguards test`: a run that only sleeps is stopped through the console, and measured.

The run is a real one, guarded as any other. No trace of it is left: its record is removed from the
console, no journal is written, and what could not be sent is thrown away with a scratch folder, so
that it is never published later as if it had been a real run.
"""

import copy
import logging
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chaoslib.control import load_global_controls
from chaoslib.exit import exit_gracefully
from chaoslib.experiment import run_experiment
from chaoslib.run import RunEventHandler
from chaoslib.settings import loaded_settings

from chaoscloud import __version__, _settings_file, api
from chaoscloud.api.policies import describe_policy
from chaoscloud.api.team_safeguards import remove_execution, stop_execution
from chaoscloud.commands.environment import load_signed_in
from chaoscloud.commands.failures import CommandFailed, NotSignedIn
from chaoscloud.commands.safeguards import ensure_accepted, read_experiment
from chaoscloud.controls.runtime import ChildRuntime, PluginMissing, prepare_child, run_in_child
from chaoscloud.extension import get_extension, get_extension_value
from chaoscloud.settings import CONTROL_NAME, enable_feature, get_orgs, read_profile
from chaoscloud.types import Experiment, Extension, Journal, Settings

__all__ = ["TAG", "child_of", "run_stop_test", "run_stop_test_in_child"]

TAG = "chaosiq-safeguards-test"
"""What the console knows such a run by: it removes the record of no other."""

SLEEP = 30.0
"""Seconds the run sleeps, unless it is stopped."""


@dataclass
class _StopTest:
    """The run's thread sleeps in the activity; another thread asks the console for the stop."""

    experiment: Experiment
    session: Any
    sleeping: threading.Event = field(default_factory=threading.Event)
    is_over: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)
    requested_at: datetime | None = None
    failure: CommandFailed | None = None

    def request_stop(self) -> None:
        """Once the run sleeps, ask the console to stop it; if it cannot, end the run here."""
        self.sleeping.wait()
        if self.is_over:
            return
        try:
            self._send_request()
        except CommandFailed as x:
            self.failure = x
            with self.lock:  # the host listens to signals until the run is over, and no longer
                if not self.is_over:
                    exit_gracefully()

    def end(self) -> None:
        """The run is over."""
        with self.lock:
            self.is_over = True
        self.sleeping.set()

    def _send_request(self) -> None:
        execution = get_extension_value(self.experiment, "execution_id")
        if execution is None:
            raise CommandFailed("The console does not record this run: it cannot stop it.")
        self.requested_at = datetime.now(UTC)
        reason = "`chaos safeguards test`"
        ensure_accepted(lambda: stop_execution(self.session, execution, reason, 2 * SLEEP))


class _EndHandler(RunEventHandler):  # type: ignore[misc]  # the host publishes no types
    """Notes the end of the run while the host still listens to signals."""

    def __init__(self, stop_test: _StopTest) -> None:
        self._stop_test = stop_test

    def finish(self, journal: Journal) -> None:
        """Nothing is left to stop."""
        self._stop_test.end()


_current: _StopTest | None = None


def sleep() -> None:
    """The one activity of the run."""
    if _current is not None:
        _current.sleeping.set()
        time.sleep(SLEEP)


def child_of(path: str) -> ChildRuntime | None:
    """The child process that `chaos run` would run the experiment at `path` in, or None.

    Raises `CommandFailed` when that child would not have the plugin.
    """
    try:
        return prepare_child(read_experiment(path))
    except PluginMissing as x:
        raise CommandFailed(
            f"A run of {path} could not be stopped: its own Python environment "
            f"(`runtime.python`) cannot have chaosiq-cloud {__version__}: {x}."
        ) from x


def run_stop_test_in_child(settings_path: str, child: ChildRuntime) -> int:
    """Run this very command in the child's environment; return its exit code."""
    return run_in_child(
        child, "--no-version-check", "--settings", settings_path, "safeguards", "test"
    )


def run_stop_test(settings_path: str) -> Iterator[str]:
    """Run, stop, measure, remove: the lines that say so. Raises `CommandFailed`."""
    settings = _settings_of_the_run(load_signed_in(settings_path))
    profile = read_profile(settings)
    if not profile.token or profile.tenancy is None:
        raise NotSignedIn()
    yield "Starting a run that only sleeps, and asking the console to stop it."
    with (
        _records_elsewhere(),
        api.client_session(
            profile.url, get_orgs(settings), profile.verify_tls, settings
        ) as session,
    ):
        stop_test = _StopTest(_experiment(), session)
        journal = _run(stop_test, settings)
        removal = _remove_record(stop_test)
    yield _describe_latency(stop_test, journal)
    yield removal


@contextmanager
def _records_elsewhere() -> Iterator[None]:
    """Keep the records of this run out of the outbox, in a folder that goes with the run."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="chaosiq-", ignore_cleanup_errors=True)
    except OSError as x:
        raise CommandFailed(
            f"There is no folder for temporary files: {x.strerror or x}. Set TMPDIR to one."
        ) from x
    with folder as path, _settings_file.replaced_by(Path(path) / "settings.yaml"):
        yield


def _settings_of_the_run(settings: Settings) -> Settings:
    """Our control alone, with what it needs switched on, whatever the user has chosen."""
    control = (settings.get("controls") or {}).get(CONTROL_NAME) or {}
    own = {"auths": settings.get("auths") or {}, "controls": {CONTROL_NAME: copy.deepcopy(control)}}
    for feature in ("publish", "safeguards"):
        enable_feature(own, feature)
    return own


def _experiment() -> Experiment:
    provider = {"type": "python", "module": "chaoscloud.commands.stop_test", "func": "sleep"}
    return {
        "title": "A stop reaches a running activity",
        "description": "Sleeps until a safeguard stops it. Started by `chaos safeguards test`.",
        "tags": [TAG],
        "method": [{"type": "action", "name": "sleep", "provider": provider}],
        "rollbacks": [],
    }


def _run(stop_test: _StopTest, settings: Settings) -> Journal:
    global _current
    _current = stop_test
    token = loaded_settings.set(settings)
    requester = threading.Thread(target=stop_test.request_stop, daemon=True)
    try:
        with _without_log():
            load_global_controls(settings)
            requester.start()
            journal: Journal = run_experiment(
                stop_test.experiment, settings=settings, event_handlers=[_EndHandler(stop_test)]
            )
        return journal
    finally:
        stop_test.end()
        requester.join(SLEEP)
        loaded_settings.reset(token)
        _current = None


@contextmanager
def _without_log() -> Iterator[None]:
    """Log nothing: what a run says while it is stopped would alarm."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _describe_latency(stop_test: _StopTest, journal: Journal) -> str:
    """How long the stop took. Both moments are this machine's."""
    if stop_test.failure is not None:
        raise stop_test.failure
    block = get_extension(journal) or {}
    interrupted_at = (block.get("stop") or {}).get("interrupted_at")
    if stop_test.requested_at is None or interrupted_at is None:
        raise CommandFailed(f"The stop test failed: {_obstacle(block)}.")
    latency = (datetime.fromisoformat(interrupted_at) - stop_test.requested_at).total_seconds()
    return f"The stop works: the run was interrupted {latency:.2f} s after the console was asked."


def _obstacle(block: Extension) -> str:
    """What kept the run from sleeping, or from being stopped."""
    policies = block.get("safeguards")
    if policies:
        return f"the run may not start, {'; '.join(map(describe_policy, policies))}"
    unrecorded = (block.get("not_recorded") or {}).get("reason")
    return unrecorded or "the run was not interrupted"


def _remove_record(stop_test: _StopTest) -> str:
    execution = get_extension_value(stop_test.experiment, "execution_id")
    if execution is None:
        return "Nothing is left behind."
    try:
        ensure_accepted(lambda: remove_execution(stop_test.session, execution))
    except CommandFailed as x:
        return f"The record of execution {execution} is left in the console: {x}"
    return "Nothing is left behind."
