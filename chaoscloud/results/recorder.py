"""Has the results of a run written, whether or not the run has anything to do with a console.

The host calls a control only where the settings name it, so that a run of somebody who is not
signed in has none. But it loads our commands for each `chaos` command, and from there its runner
can be given one more run event handler.
"""

import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from chaoslib.run import RunEventHandler, Runner
from chaoslib.settings import get_loaded_settings

from chaoscloud.delivery.copies import copy_document
from chaoscloud.delivery.errors import deferred_signals
from chaoscloud.delivery.registry import find_registration
from chaoscloud.extension import get_extension
from chaoscloud.outcome.classification import ENDED
from chaoscloud.redaction import Redactor
from chaoscloud.results.cases import Suite, build_suite, build_unstarted_suite
from chaoscloud.results.targets import ResultFiles, read_result_files
from chaoscloud.results.unstarted import watch_commands
from chaoscloud.settings import read_profile
from chaoscloud.types import Experiment, Journal

__all__ = ["ResultRecorder", "build_suite_of", "install", "register_recorder"]

logger = logging.getLogger("chaostoolkit")


class ResultRecorder(RunEventHandler):  # type: ignore[misc]  # the host publishes no types
    """A run event handler that keeps what results are made of, and writes them when asked to."""

    def __init__(self, files: ResultFiles, *, writes_at_end: bool = False) -> None:
        self.files = files
        self._writes_at_end = writes_at_end
        self._experiment: Experiment = {}
        self._journal: Journal | None = None
        self._secrets: Mapping[str, Any] = {}

    def started(self, experiment: Experiment, journal: Journal) -> None:
        """The host's first event."""
        self._experiment, self._journal = experiment, journal

    def running(
        self,
        experiment: Experiment,
        journal: Journal,
        configuration: Any,
        secrets: Any,
        schedule: Any,
        settings: Any,
    ) -> None:
        """The host's second event, which brings the resolved secrets."""
        self._experiment, self._journal, self._secrets = experiment, journal, secrets or {}

    def finish(self, journal: Journal) -> None:
        """The host's last event."""
        if self._writes_at_end:
            self.write()

    def write(self, facts: Mapping[str, str] | None = None, reason: str = "") -> None:
        """Write the results; `reason` is why the run did not start, where it has no journal.

        Nothing that goes wrong here is the run's trouble: one warning says so.
        """
        if not self.files:
            return
        with deferred_signals():  # a signal would cost the host's own journal
            try:
                self.files.write([self._build_suite(facts, reason)])
            except Exception as x:
                logger.debug("The results could not be written", exc_info=True)
                logger.warning(
                    "The results of this run are not written: a mistake of the plugin (%s: %s).",
                    type(x).__name__,
                    x,
                )

    def _build_suite(self, facts: Mapping[str, str] | None, reason: str) -> Suite:
        if self._journal is None:
            title = str(self._experiment.get("title") or "Chaos Toolkit")
            return build_unstarted_suite(title, reason or "the host did not say why")
        return build_suite_of(self._journal, self._secrets, facts)


def build_suite_of(
    journal: Journal,
    secrets: Mapping[str, Any],
    facts: Mapping[str, str] | None = None,
    address: str | None = None,
) -> Suite:
    """Return the test cases of a journal as the host has it, without the values of `secrets`.

    `address` is the run's page, where it is not known from this process having recorded it.
    """
    token = read_profile(get_loaded_settings()).token
    text, _ = copy_document(_complete(journal), Redactor(secrets, token))
    registration = find_registration((get_extension(journal) or {}).get("execution_id"))
    address = address or (registration.address if registration else None)
    return build_suite(json.loads(text), address=address or "", facts=facts)


def _complete(journal: Journal) -> Journal:
    """The journal of a run that is over: where the host crashed, it does not say so itself."""
    if journal.get("status") in ENDED or journal.get("end"):
        return journal
    return {**journal, "status": "aborted", "end": datetime.now(UTC).isoformat()}


def register_recorder(event_registry: Any) -> None:
    """Have the results of one run written at its end, unless its runner sees to that already."""
    if _find_recorder(event_registry) is None and (files := read_result_files()):
        event_registry.register(ResultRecorder(files, writes_at_end=True))


# --- the host's runner -------------------------------------------------------------------------


def install() -> None:
    """Have each run of this process write the results that the environment asks for."""
    if not getattr(Runner.run, "writes_results", False):
        files = read_result_files()  # relative to where `chaos` was started
        Runner.run = _with_results(Runner.run, files)
        watch_commands(files)


def _with_results(run: Callable[..., Journal], files: ResultFiles) -> Callable[..., Journal]:
    @wraps(run)
    def run_and_write(runner: Runner, *args: Any, **kwargs: Any) -> Journal:
        recorder = _find_recorder(runner.event_registry)
        if recorder is None:
            recorder = ResultRecorder(files)
            runner.register_event_handler(recorder)
        reason = ""
        try:
            return run(runner, *args, **kwargs)
        except Exception as x:
            reason = str(x)
            raise
        finally:
            recorder.write(reason=reason)

    run_and_write.writes_results = True  # type: ignore[attr-defined]
    return run_and_write


def _find_recorder(event_registry: Any) -> ResultRecorder | None:
    handlers = event_registry.handlers
    return next((known for known in handlers if isinstance(known, ResultRecorder)), None)
