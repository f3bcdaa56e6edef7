"""Who guards a run: over which sessions, in which mode, and what the organization says of it."""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from chaoscloud import _settings_file, api
from chaoscloud.api.policies import NoAnswer
from chaoscloud.safeguards.guard import Guard
from chaoscloud.safeguards.lease import Lease
from chaoscloud.safeguards.question import PolicyReply, RunQuestion, ask_console
from chaoscloud.safeguards.timing import TIMING
from chaoscloud.settings import (
    get_chosen_guard_mode,
    get_control,
    get_default_org,
    is_required_by_organization,
    load,
    remember_requirement,
    save,
)
from chaoscloud.tenancy import tenancy_of
from chaoscloud.types import GuardMode

if TYPE_CHECKING:
    from chaoscloud.controls.console import Console

__all__ = ["NO_TEAM", "build_guard", "build_refusing_guard"]

NO_TEAM = "no organization and team are chosen, run `chaos signin`"

logger = logging.getLogger("chaostoolkit")


def build_guard(console: "Console", question: RunQuestion, resources: ExitStack) -> Guard | None:
    """The guard of the run that `question` is about; None where nothing is to guard it.

    It needs nothing of the run's record. It has a session for the watch and one for what controls
    ask, neither connected before it is used; `resources` closes them.
    """
    if console.guard_mode is GuardMode.OFF:
        return None
    if tenancy_of(console.organizations) is None:
        return build_refusing_guard(console, NO_TEAM)
    session, watch_session = (_open_session(console, resources) for _ in range(2))

    def ask(known: PolicyReply | None, seconds: float) -> PolicyReply:
        session.call_limit = seconds
        return ask_console(session, question, known)

    return Guard(
        ask,
        _build_lease(console),
        TIMING,
        watched=(watch_session, question),
    )


def build_refusing_guard(console: "Console", reason: str) -> Guard | None:
    """What guards a run that nobody can be asked about: it only starts if it need not be."""
    if console.guard_mode is not GuardMode.REQUIRED:
        return None
    return Guard(lambda *_: PolicyReply(NoAnswer(reason)), _build_lease(console))


def _open_session(console: "Console", resources: ExitStack) -> Any:
    session = resources.enter_context(
        api.client_session(console.url, console.organizations, console.verify_tls, console.settings)
    )
    session.quiet = True  # the guard logs itself what a failure means
    session.call_limit = TIMING.limit
    return session


def _build_lease(console: "Console") -> Lease:
    chosen = get_chosen_guard_mode(console.settings)
    imposed = is_required_by_organization(console.settings)
    return Lease(chosen, imposed, _build_remember(console), TIMING.lease)


def _build_remember(console: "Console") -> Callable[[bool], None]:
    """What keeps the organization's word where the next run finds it. Called from any thread.

    Only the main thread knows which file `chaos --settings` names, so that is looked up here.
    """
    organization, path = get_default_org(console.settings), _settings_file.in_use()

    def remember(required: bool) -> None:
        if organization is None:
            return
        try:
            with _settings_file.locked(path):
                settings = load(path)
                is_signed_in = get_control(settings) is not None
                if is_signed_in and remember_requirement(settings, organization["id"], required):
                    save(settings, path)
        except Exception as x:  # noqa: BLE001 - the run is guarded all the same
            logger.warning("That safeguards are required cannot be remembered: %s", x)

    return remember
