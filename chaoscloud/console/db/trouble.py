"""What is wrong with the database right now: one line in the log when it begins, one when it ends.

A database that is away fails a thousand requests a minute, for one reason.
"""

import logging
import time

from chaoscloud.console.db.failures import StorageError
from chaoscloud.console.metrics import DATABASE_ERRORS

log = logging.getLogger("chaosiq.console")

PERIOD = 60.0  # seconds after which trouble that goes on is logged again


class Trouble:
    """The trouble with one way of using the database (reading, writing); safe in any thread."""

    def __init__(self, what: str) -> None:
        self.error: StorageError | None = None
        self._what = what
        self._logged_at = 0.0

    def report(self, error: StorageError) -> None:
        """Remember an error; log it when it is the first, or when the last line is old."""
        DATABASE_ERRORS.labels(self._what).inc()
        now = time.monotonic()
        if self.error is None or now - self._logged_at >= PERIOD:
            self._logged_at = now
            log.error("%s", error)
        self.error = error

    def clear(self) -> None:
        """It works."""
        if self.error is not None:
            self.error = None
            log.warning("%s the database works again", self._what)
