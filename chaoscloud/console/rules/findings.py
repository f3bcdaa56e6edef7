"""The state of a finding: somebody says that it is fixed, and runs show whether it is.

Pure. A run proves that a finding is fixed when it began after that was said, and passed; one that
deviated since opens the finding again. Dry and inconclusive runs show nothing.
"""

from datetime import datetime
from typing import Literal

import msgspec

FindingState = Literal["open", "fixed"]


class LaterRun(msgspec.Struct, frozen=True):
    """A run of the finding's experiment that began after somebody said that it is fixed."""

    execution_id: str
    started_at: datetime


class FindingStatus(msgspec.Struct, frozen=True):
    """What is known of a finding; the runs that prove it fixed, or opened it again."""

    state: FindingState
    proved_by: LaterRun | None = None
    reopened_by: LaterRun | None = None

    @property
    def is_proved(self) -> bool:
        """Whether a run has shown that it is fixed."""
        return self.proved_by is not None


def find_status(
    fixed_at: datetime | None, passed: LaterRun | None, deviated: LaterRun | None
) -> FindingStatus:
    """The status of a finding.

    `fixed_at` is when somebody last said that it is fixed; `passed` the first run since that
    passed, `deviated` the first that deviated.
    """
    if fixed_at is None:
        return FindingStatus("open")
    if deviated is not None:
        return FindingStatus("open", reopened_by=deviated)
    return FindingStatus("fixed", proved_by=passed)
