"""What `chaos verify` does: what the host's `run` does for an experiment, for a verification."""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from chaoslib import merge_vars
from chaoslib.control import load_global_controls
from chaoslib.exceptions import ChaosException
from chaoslib.experiment import ensure_experiment_is_valid
from chaoslib.notification import RunFlowEvent, notify
from chaoslib.run import RunEventHandler
from chaoslib.settings import load_settings, loaded_settings
from chaoslib.types import Dry

from chaoscloud._host import start_folder
from chaoscloud.outcome.verdict import describe_verdict
from chaoscloud.results.recorder import ResultRecorder
from chaoscloud.results.targets import read_result_files
from chaoscloud.types import Experiment, Journal, Settings
from chaoscloud.verify.journal import write_journal
from chaoscloud.verify.source import load_verification
from chaoscloud.verify.tenancy import switch_team_during_verification_run
from chaoscloud.verify.verdict import describe_result, find_failures, find_result
from chaoscloud.verify.verification import (
    ensure_signed_in,
    ensure_verification_is_valid,
    run_verification,
)

__all__ = ["run"]

logger = logging.getLogger("chaostoolkit")


def run(
    source: str,
    settings_path: str,
    *,
    journal_path: str = "./journal.json",
    dry: str | bool | None = None,
    no_validation: bool = False,
    no_verify_tls: bool = False,
    rollback_strategy: str | None = None,
    var: Mapping[str, Any] | None = None,
    var_file: Sequence[str] = (),
    control_file: Sequence[str] = (),
    junit: str | None = None,
    fail_on: tuple[str, ...] = (),
    say: Callable[[str], object] = logger.info,
    complete: Callable[[Settings], Settings] = lambda settings: settings,
    run_elsewhere: Callable[[Experiment], int | None] = lambda _: None,
) -> int:
    """Run the verification at `source`, write its journal, say what it found; the exit code.

    It is 0 when the run completed and did not deviate, else 1, as the host's; and 1 when one of the
    words of `fail_on` is true of it (see `chaoscloud.results.gate`). `dry=True` is the bare flag of
    earlier versions: no activity is executed. What keeps the run from starting is logged, and
    nothing has happened then. `junit` is a file for its test cases, `say` gets the last lines;
    `complete` makes of the file's settings those to run with; `run_elsewhere` runs the verification
    in a Python environment of its own, where it asks for one, and returns the exit code of that.
    """
    recorder = ResultRecorder(read_result_files(folder=start_folder()).with_junit(junit))
    settings = load_settings(settings_path) or {}
    dry = Dry.ACTIVITIES.value if dry is True else dry or None
    try:
        settings = complete(settings)
        loaded_settings.set(settings)
        experiment = _load(source, settings, control_file, not no_verify_tls)
        exit_code = run_elsewhere(experiment)
        if exit_code is not None:
            return exit_code
        notify(settings, RunFlowEvent.RunStarted, experiment)
        if not no_validation:
            ensure_verification_is_valid(experiment)
            ensure_experiment_is_valid(experiment)
        switch_team_during_verification_run(experiment, settings)
        experiment["dry"] = Dry.from_string(dry)
        _choose_rollbacks(rollback_strategy, experiment, settings)
        journal = run_verification(
            experiment,
            settings,
            merge_vars(var, var_file),
            event_handlers=[*_recorders(), recorder],
            keep=partial(_keep, dry, journal_path),
        )
    except ChaosException as x:
        logger.error("%s", x)  # noqa: TRY400 - people read a line, the log file keeps the trace
        logger.debug("The verification did not run", exc_info=True)
        recorder.write(reason=str(x))
        return 1
    exit_code = _end(journal, settings)
    verdict = find_result(experiment, journal, settings)
    for line in describe_result(journal, verdict):
        say(line)
    recorder.write({"verdict": " ".join(describe_verdict(verdict))})
    failures = find_failures(journal, verdict, fail_on)
    for reason in failures:
        logger.error("Failed by --fail-on: %s.", reason)
    return 1 if failures else exit_code


def _load(
    source: str, settings: Settings, control_files: Sequence[str], verify_tls: bool
) -> Experiment:
    profile = ensure_signed_in(settings)
    load_global_controls(settings, list(control_files))
    return load_verification(source, settings, profile, verify_tls)


def _choose_rollbacks(strategy: str | None, experiment: Experiment, settings: Settings) -> None:
    """When rollbacks are played: as the option says, else the experiment, else the settings."""
    rollbacks = settings.setdefault("runtime", {}).setdefault("rollbacks", {})
    known = experiment.get("runtime") or {"rollbacks": rollbacks}
    rollbacks["strategy"] = strategy or known.get("rollbacks", {}).get("strategy", "default")


def _keep(dry: str | None, path: str, journal: Journal) -> None:
    journal["experiment"]["dry"] = dry
    write_journal(journal, path)


def _recorders() -> list[RunEventHandler]:
    """What notes in the journal which signal ended a run, where the host has it (1.21)."""
    try:
        from chaostoolkit.signals import SignalRecorder
    except ImportError:
        return []
    return [SignalRecorder()]


def _end(journal: Journal, settings: Settings) -> int:
    completed, deviated = journal["status"] == "completed", journal.get("deviated", False)
    notify(settings, RunFlowEvent.RunCompleted if completed else RunFlowEvent.RunFailed, journal)
    if deviated:
        notify(settings, RunFlowEvent.RunDeviated, journal)
    return 0 if completed and not deviated else 1
