"""How a run begins: who guards it, and how it is recorded."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from chaoslib.run import initialize_run_journal

from chaoscloud import api
from chaoscloud._settings_file import in_use, warn_when_exposed
from chaoscloud.api.answers import body_of, was_stored
from chaoscloud.api.execution import fetch_execution
from chaoscloud.api.verification import drop_run_ids, get_run_id
from chaoscloud.controls.console import Console, console_of
from chaoscloud.controls.guarding import NO_TEAM, build_guard, build_refusing_guard
from chaoscloud.controls.run import Run
from chaoscloud.delivery.errors import NotRecorded, best_effort
from chaoscloud.delivery.outbox import Outbox, describe_place
from chaoscloud.delivery.registry import find_outbox
from chaoscloud.delivery.report import Registration
from chaoscloud.delivery.sender import Destination
from chaoscloud.delivery.spool_directory import Recipient
from chaoscloud.extension import NAME, ensure_extension, find_extension
from chaoscloud.redaction import Redactor
from chaoscloud.safeguards.guard import Guard
from chaoscloud.safeguards.question import RunQuestion
from chaoscloud.safeguards.rollbacks import rollback_strategy
from chaoscloud.tenancy import tenancy_of
from chaoscloud.types import (
    Experiment,
    Extension,
    Extensions,
    GuardMode,
    Secrets,
    Settings,
)

logger = logging.getLogger("chaostoolkit")

LOOK_UP_WITHIN = 2.0
"""Seconds in which the console says whether an execution has ended; else it has not."""


@dataclass
class PreparedGuard:
    """A guard that has asked its first question, about the run that `block` is to name.

    `close` gives back its connections, unless a run has taken it over.
    """

    guard: Guard | None
    block: Extension
    resources: ExitStack

    def close(self) -> None:
        """Give back its connections."""
        self.resources.close()


_prepared_guards: dict[tuple[int, tuple[str | None, ...]], PreparedGuard] = {}


def prepare_guard(console: Console, experiment: Experiment) -> PreparedGuard:
    """Build the guard of a run, and ask its first question beside what else there is to wait for.

    Ids that somebody who records this very run already has from the console are known to it.
    """
    block: Extension = {"name": NAME}
    resources = ExitStack()
    guard = build_guard(console, RunQuestion(block, experiment), resources)
    if guard is not None:
        outbox = find_outbox(experiment, console.url)
        block.update(outbox.registration.ids if outbox is not None else {})
        guard.ask_ahead()
    return PreparedGuard(guard, block, resources)


@contextmanager
def guard_prepared(experiment: Experiment, settings: Settings) -> Iterator[None]:
    """Ask about a run that is recorded before the host calls its controls; `begin` takes it over.

    Where that goes wrong, the control asks, and says what went wrong.
    """
    try:
        console = console_of(settings, None, None, None)
        key = id(experiment), console.tenant
        _prepared_guards[key] = prepare_guard(console, experiment)
    except Exception:
        logger.debug("Safeguards cannot be asked ahead", exc_info=True)
        yield
        return
    try:
        yield
    finally:
        if key in _prepared_guards:
            _prepared_guards.pop(key).close()


def begin(run: Run, console: Console, experiment: Experiment, secrets: Secrets | None) -> None:
    """Start to guard a run, then to record it; nothing about the record takes the guard away.

    A start that fails leaves the run unrecorded, with one warning that says why.
    """
    run.rollback_strategy = rollback_strategy(console.settings)
    prepared = _prepared_guards.pop((id(experiment), console.tenant), None)
    prepared = prepared or prepare_guard(console, experiment)
    run.guard, run.block = prepared.guard, prepared.block
    run.resources.callback(prepared.close)
    run.problem = "its start was interrupted"
    is_announced = find_outbox(experiment, console.url) is not None  # by whoever records it
    with run.holding_back_stops():
        warn_when_exposed(in_use(), console.settings)
        _prepare(run, lambda: _start(run, console, experiment, secrets))
    _say(run, console, is_announced=is_announced)


def leave_unpublished(run: Run, console: Console) -> None:
    """Record nothing of a run. If safeguards are required, it does not start."""
    reason = "publishing is disabled, run `chaos enable publish`"
    run.guard = build_refusing_guard(console, reason)
    logger.warning(
        "Publishing to the console is disabled: this run is neither recorded nor guarded. "
        "Run `chaos enable publish` to change that."
    )


def resume(console: Console, extensions: Extensions | None, secrets: Secrets | None) -> Run:
    """The run whose execution the `chaosiq` block names, for a hook called outside of a run."""
    run = Run()
    block = find_extension(extensions)
    if block is not None and block.get("execution_id") and console.wants("publish"):
        run.guard = build_guard(console, RunQuestion(run.block), run.resources)
        _prepare(run, lambda: _follow(run, console, block, secrets))
    if run.problem is not None:
        logger.warning("Not recorded in the console: %s.", run.problem)
    return run


def _prepare(run: Run, prepare: Callable[[], None]) -> None:
    """What goes wrong while a run is prepared is its problem."""
    try:
        with best_effort():
            prepare()
        run.problem = run.registration.problem
    except NotRecorded as x:
        run.problem = str(x)


def _start(run: Run, console: Console, experiment: Experiment, secrets: Secrets | None) -> None:
    """Create the experiment and its execution, unless a verification has done so already."""
    outbox = find_outbox(experiment, console.url)
    if outbox is not None:
        run.outbox = outbox.share()
        run.registration = outbox.registration
        outbox.on_change = run.learn_ids
        run.learn_ids(outbox.registration)
        return
    if get_run_id(experiment):
        if not _is_over(console, experiment):
            _follow(run, console, ensure_extension(experiment), secrets)
            return
        drop_run_ids(experiment)
    outbox = _connect(run, console, secrets, workspace=describe_place(experiment))
    journal = initialize_run_journal(experiment)
    journal["status"] = "running"
    with run.holding_back_stops():  # a run that is stopped here is recorded as one
        run.registration = outbox.register(experiment, journal)
    run.learn_ids(outbox.registration)


def _is_over(console: Console, experiment: Experiment) -> bool:
    """Whether the execution that the document names has ended: the document is of a journal then.

    People keep those. The record of that run is not to be replaced by another's.
    """
    with console.open_session() as session:
        session.quiet, session.call_limit = True, LOOK_UP_WITHIN
        answer = fetch_execution(session, {"experiment": experiment})
    body = body_of(answer) if answer is not None and was_stored(answer) else None
    return isinstance(body, dict) and bool(body.get("end"))


def _follow(run: Run, console: Console, block: Extension, secrets: Secrets | None) -> None:
    """Go on with an execution that exists."""
    run.registration = Registration(block.get("experiment_id"), block.get("execution_id"))
    run.learn_ids(run.registration)
    _connect(run, console, secrets).join(**run.registration.ids)


def _connect(run: Run, console: Console, secrets: Secrets | None, **header: Any) -> Outbox:
    """Give the run its outbox."""
    tenancy = tenancy_of(console.organizations)
    if tenancy is None:
        raise NotRecorded(NO_TEAM)
    run.outbox = Outbox(
        Destination.of(
            Recipient(console.url, tenancy.org_id, tenancy.team_id), console.open_session
        ),
        _redactor(secrets, api.token_for(console.url, console.settings)[0]),
        on_change=run.learn_ids,
        **header,
    )
    return run.outbox


def _redactor(secrets: Secrets | None, token: str | None) -> Redactor:
    redactor = Redactor(secrets, token)
    if redactor.short:
        logger.warning(
            "%d of this run's secrets are too short to be recognised inside other text: they are "
            "kept from the console only where they stand alone (numbers of fewer than four digits "
            "only where they are text).",
            redactor.short,
        )
    return redactor


def _say(run: Run, console: Console, *, is_announced: bool) -> None:
    """One line on what becomes of this run, one more when nothing guards it."""
    is_unguarded = run.guard is None and console.guard_mode is not GuardMode.OFF
    if run.problem is not None:
        logger.warning(
            "This run is %s: %s.%s",
            "neither recorded in the console nor guarded by safeguards"
            if is_unguarded
            else "not recorded in the console",
            run.problem,
            " The experiment carries on." if run.guard is None else "",
        )
    elif run.registration.pending and not is_announced:
        logger.warning("%s", run.registration.describe_pending("run"))
    elif run.registration.address and not is_announced:
        logger.info("Execution available at %s", run.registration.address)
    if console.guard_mode is GuardMode.OFF:
        logger.warning(
            "Safeguards are disabled: nothing in the console can stop this run. "
            "Run `chaos enable safeguards` to be guarded."
        )
