"""The outboxes that are open in this process, and what the console said of its executions."""

import atexit
from contextlib import suppress
from typing import TYPE_CHECKING

from chaoscloud.delivery.errors import deferred_signals
from chaoscloud.delivery.report import Registration
from chaoscloud.types import Experiment

if TYPE_CHECKING:
    from chaoscloud.delivery.outbox import Outbox

__all__ = [
    "add_outbox",
    "find_outbox",
    "find_registration",
    "remember_registration",
    "remove_outbox",
]

MOST_REGISTRATIONS = 100

_open_outboxes: "list[Outbox]" = []
_registrations: dict[str, Registration] = {}


def add_outbox(outbox: "Outbox") -> None:
    """An outbox records a run from now on."""
    _open_outboxes.append(outbox)


def remove_outbox(outbox: "Outbox") -> None:
    """It does not any more."""
    if outbox in _open_outboxes:
        _open_outboxes.remove(outbox)


def find_outbox(experiment: Experiment, console_url: str | None = None) -> "Outbox | None":
    """The outbox that records the run of this document already, if there is one.

    With an url, only one that records it in that console: a run may have a control for each of two.
    """
    for outbox in _open_outboxes:
        is_same_console = console_url is None or outbox.console_url == console_url.rstrip("/")
        if is_same_console and outbox.belongs_to(experiment):
            return outbox
    return None


def remember_registration(registration: Registration) -> None:
    """Keep what the console said of an execution; of the last hundred."""
    if registration.execution_id is None:
        return
    _registrations[registration.execution_id] = registration
    if len(_registrations) > MOST_REGISTRATIONS:
        del _registrations[next(iter(_registrations))]


def find_registration(execution_id: object) -> Registration | None:
    """What the console said about an execution that this process recorded.

    Journals do not keep it: its addresses say where the console is.
    """
    return _registrations.get(str(execution_id))


@atexit.register
def _end_open_outboxes() -> None:
    """Tell the end of a run that the host left without a word, on its way out of the process."""
    for outbox in [*_open_outboxes]:
        with suppress(Exception), deferred_signals() as interrupted:
            outbox.end_at_exit(interrupted)
