"""Who guards a run: over which sessions, how strongly, and what the organization says of it."""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from chaoscloud import _settings_file, api
from chaoscloud.api.policies import NoAnswer
from chaoscloud.exceptions import SettingsException
from chaoscloud.safeguards.ask import Reply, ask
from chaoscloud.safeguards.guard import Guard
from chaoscloud.safeguards.pace import PACE
from chaoscloud.safeguards.strength import Strength
from chaoscloud.settings import (
    get_chosen_guard_mode,
    get_control,
    get_default_org,
    is_required_by_organization,
    load,
    remember_requirement,
    save,
)
from chaoscloud.types import Extensions, GuardMode

if TYPE_CHECKING:
    from chaoscloud.controls.opening import Console

__all__ = ["guard_over", "guard_without"]

logger = logging.getLogger("chaostoolkit")


def guard_over(console: "Console", extensions: Extensions, held: ExitStack) -> Guard | None:
    """The guard of the run that `extensions` name; None where safeguards are switched off.

    It has a session for the watch and one for what controls ask, neither connected before it is
    used; `held` closes them.
    """
    if console.guard_mode == GuardMode.OFF:
        return None
    sessions = [_session(console, held) for _ in range(2)]
    return Guard(
        lambda: ask(sessions[0], extensions),
        _strength(console),
        PACE,
        watched=(sessions[1], extensions),
    )


def guard_without(console: "Console", reason: str) -> Guard | None:
    """What guards a run the console cannot be asked about: it only starts if it need not be."""
    if console.guard_mode != GuardMode.REQUIRED:
        return None
    return Guard(lambda: Reply(NoAnswer(reason)), _strength(console))


def _session(console: "Console", held: ExitStack) -> Any:
    session = held.enter_context(
        api.client_session(console.url, console.organizations, console.verify_tls, console.settings)
    )
    session.quiet = True  # the guard says itself what a failure means
    session.call_limit = PACE.limit
    return session


def _strength(console: "Console") -> Strength:
    return Strength(
        get_chosen_guard_mode(console.settings) == GuardMode.REQUIRED,
        is_required_by_organization(console.settings),
        _remembering(console),
    )


def _remembering(console: "Console") -> Callable[[bool], None]:
    organization = get_default_org(console.settings)

    def remember(required: bool) -> None:
        """Keep what the organization says where the next run finds it."""
        if organization is None:
            return
        path = _settings_file.in_use()
        try:
            settings = load(path)
            known = get_control(settings) is not None
            if known and remember_requirement(settings, organization["id"], required):
                save(settings, path)
        except SettingsException as x:
            logger.warning("That safeguards are required cannot be remembered: %s", x)

    return remember
