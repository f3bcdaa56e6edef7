"""How a run begins: which console, who guards the run, and how it is recorded."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from chaoslib.run import initialize_run_journal
from chaoslib.settings import get_loaded_settings

from chaoscloud import api
from chaoscloud._settings_file import in_use, warn_when_exposed
from chaoscloud.api.verification import get_run_id
from chaoscloud.controls.guarding import NO_TEAM, build_guard, build_refusing_guard
from chaoscloud.controls.run import Run
from chaoscloud.delivery import Delivery, Started
from chaoscloud.delivery.linking import place_of
from chaoscloud.delivery.losses import NotStored, courtesy
from chaoscloud.delivery.outbox import Outbox
from chaoscloud.delivery.posting import post_to
from chaoscloud.delivery.verifications import lent
from chaoscloud.exceptions import SettingsException
from chaoscloud.extension import (
    ensure_extension,
    find_extension,
)
from chaoscloud.redaction import Redactor
from chaoscloud.safeguards.question import RunQuestion
from chaoscloud.safeguards.rollbacks import rollback_strategy
from chaoscloud.settings import (
    get_endpoint_url,
    get_guard_mode,
    get_orgs,
    is_feature_enabled,
    read_profile,
)
from chaoscloud.tenancy import tenancy_of
from chaoscloud.types import (
    Experiment,
    Extension,
    Extensions,
    GuardMode,
    Organizations,
    Secrets,
    Settings,
)
from chaoscloud.workspace import get_experiment_path

logger = logging.getLogger("chaostoolkit")


@dataclass(frozen=True)
class Console:
    """Where a run is recorded: the control's arguments, completed by settings and environment."""

    settings: Settings
    url: str
    verify_tls: bool
    organizations: Organizations

    def wants(self, feature: str) -> bool:
        """Whether a feature is on in the settings."""
        return is_feature_enabled(self.settings, feature)

    @property
    def tenant(self) -> tuple[str, str | None, str | None]:
        """Its url, and the organization's and the team's id where they are chosen."""
        tenancy = tenancy_of(self.organizations)
        if tenancy is None:
            return self.url, None, None
        return self.url, tenancy.org_id, tenancy.team_id

    @property
    def guard_mode(self) -> GuardMode:
        """How its runs are guarded."""
        return get_guard_mode(self.settings)


def console_of(
    settings: Settings | None,
    url: str | None,
    verify_tls: bool | None,
    organizations: Organizations | None,
) -> Console:
    """Complete what the host handed to a control. `CHAOSIQ_URL` wins over the control's `url`."""
    settings = get_loaded_settings() if settings is None else settings
    profile = read_profile(settings)
    overruled = profile.url != get_endpoint_url(settings, default="").rstrip("/") or not url
    return Console(
        settings=settings,
        url=profile.url if overruled else str(url),
        verify_tls=profile.verify_tls if overruled else verify_tls is not False,
        organizations=organizations or get_orgs(settings),
    )


def begin(run: Run, console: Console, experiment: Experiment, secrets: Secrets | None) -> None:
    """Start to guard a run, then to record it; nothing about the record takes the guard away.

    A start that fails leaves the run unrecorded, with one warning that says why.
    """
    run.rollback_strategy = rollback_strategy(console.settings)
    run.guard = build_guard(console, RunQuestion(run.block, experiment), run.resources)
    run.problem = "its start was interrupted"
    with run.holding_back_stops():
        warn_when_exposed(in_use(), console.settings)
        _prepare(run, lambda: _start(run, console, experiment, secrets))
    _say(run, console)


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
        with courtesy(SettingsException):
            prepare()
        run.problem = run.started.problem
    except (NotStored, SettingsException) as x:
        run.problem = str(x)


def _start(run: Run, console: Console, experiment: Experiment, secrets: Secrets | None) -> None:
    """Create the experiment and its execution, unless a verification has done so already."""
    verifications = lent(run.learn_ids)
    if verifications is not None:
        run.delivery = verifications
        run.learn_ids(verifications.started)
        return
    if get_run_id(experiment):
        _follow(run, console, ensure_extension(experiment), secrets)
        return
    place = place_of(get_experiment_path(experiment))
    delivery = _connect(run, console, secrets, workspace=place)
    journal = initialize_run_journal(experiment)
    journal["status"] = "running"
    with run.holding_back_stops():  # a run that is stopped here is recorded as one
        run.started = delivery.start(experiment, journal)
    run.learn_ids(delivery.started)


def _follow(run: Run, console: Console, block: Extension, secrets: Secrets | None) -> None:
    """Go on with an execution that exists."""
    run.started = Started(block.get("experiment_id"), block.get("execution_id"))
    run.learn_ids(run.started)
    _connect(run, console, secrets).join(**run.started.ids)


def _connect(run: Run, console: Console, secrets: Secrets | None, **header: Any) -> Delivery:
    """Give the run its delivery, with a connection of its own."""
    tenancy = tenancy_of(console.organizations)
    if tenancy is None:
        raise NotStored(NO_TEAM)
    session = run.resources.enter_context(_session(console))
    run.delivery = Outbox(
        post_to(console.url, tenancy, session),
        _redactor(secrets, getattr(session, "token", None)),
        learned=run.learn_ids,
        **header,
    )
    return run.delivery


def _session(console: Console) -> AbstractContextManager[Any]:
    return api.client_session(
        console.url, console.organizations, console.verify_tls, console.settings
    )


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


def _say(run: Run, console: Console) -> None:
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
    elif run.started.kept:
        logger.warning("%s", _kept(run.started))
    elif run.started.address:
        logger.info("Execution available at %s", run.started.address)
    if console.guard_mode is GuardMode.OFF:
        logger.warning(
            "Safeguards are disabled: nothing in the console can stop this run. "
            "Run `chaos enable safeguards` to be guarded."
        )


def _kept(started: Started) -> str:
    """One line on a run that the console does not know yet."""
    if started.trouble:
        where = f"nor can it be kept on this machine ({started.trouble}): it may be lost"
    else:
        where = "it is recorded on this machine, and the next run or `chaos publish` sends it"
    return f"The console does not take this run's record now ({started.kept}); {where}."
