"""What could not be told: a reason in words, and never the experiment's trouble."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from chaoslib.exceptions import ExperimentExitedException, InterruptExecution

logger = logging.getLogger("chaostoolkit")


class NotStored(Exception):
    """Something did not reach the console; the message is the reason, a phrase for people."""


@contextmanager
def courtesy(*expected: type[Exception]) -> Iterator[None]:
    """The policy on our own mistakes: whatever goes wrong inside comes out as `NotStored`.

    What is `expected` passes, and what the host raises on purpose: signals arrive as exceptions
    wherever we are, and swallowing one would keep an experiment running that somebody stopped.
    """
    try:
        yield
    except (NotStored, InterruptExecution, ExperimentExitedException, *expected):
        raise
    except Exception as x:
        logger.debug("The chaosiq-cloud plugin failed", exc_info=True)
        raise NotStored(f"a mistake of the plugin ({type(x).__name__}: {x})") from x
