"""Asks whether a run may go on, remembers a no, and interrupts the run with it."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from chaoslib.exceptions import InterruptExecution

from chaoscloud.api.policies import Allowed, NoAnswer, Policy, Refused, refusal
from chaoscloud.safeguards.ask import Call, ask
from chaoscloud.safeguards.contact import Contact, Gap, utc_now
from chaoscloud.types import Extensions

logger = logging.getLogger("chaostoolkit")


class Guard:
    """The safeguards of one run. Safe to use from several threads when `call` is.

    `extensions` name the execution that is asked about. The guard belongs to the thread that made
    it, the run's: an interruption raised elsewhere stops a background activity but not the run.
    """

    def __init__(
        self,
        session: Any,
        extensions: Extensions,
        call: Call = lambda send: send(),
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.policies: tuple[Policy, ...] | None = None
        self.ignored: tuple[Policy, ...] | None = None
        self._session = session
        self._extensions = extensions
        self._call = call
        self._contact = Contact(now)
        self._thread = threading.get_ident()
        self._run_is_stopped = False
        self._rolling_back = False

    @property
    def gaps(self) -> list[Gap]:
        """When nobody answered."""
        return self._contact.gaps

    def check(self) -> None:
        """Raise the host's `InterruptExecution` when a safeguard says no, or said so before.

        The run itself is stopped once: what the host still calls while it ends is let through.
        """
        if self._rolling_back:
            self._look_on()
        elif not (self._run_is_stopped and self._in_run()):
            self._stop_if_refused()

    def rollbacks_start(self) -> None:
        """From here on a no is only noted: rollbacks half played would be worse."""
        self._rolling_back = True

    def _stop_if_refused(self) -> None:
        if self.policies is None:
            self.policies = self._ask()
        if self.policies is not None:
            self._run_is_stopped = self._run_is_stopped or self._in_run()
            raise InterruptExecution(refusal(self.policies))

    def _look_on(self) -> None:
        if self.policies is None and self.ignored is None:
            self.ignored = self._ask()
            if self.ignored is not None:
                logger.warning(
                    "A safeguard says no while the rollbacks are played: they are played to the "
                    "end, and the journal notes it."
                )

    def _ask(self) -> tuple[Policy, ...] | None:
        """The policies that say no, or None."""
        match ask(self._session, self._extensions, self._call):
            case NoAnswer(reason):
                self._contact.lost(reason)
                return None
            case Refused(policies):
                self._contact.back()
                return policies
            case Allowed():
                self._contact.back()
                return None

    def _in_run(self) -> bool:
        return threading.get_ident() == self._thread
