"""What happens when an experiment is loaded: a local file is linked to what the console knows."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from chaoscloud import workspace
from chaoscloud.api.verification import drop_run_ids
from chaoscloud.controls.console import Console
from chaoscloud.delivery.errors import NotRecorded, best_effort
from chaoscloud.exceptions import WorkspaceException
from chaoscloud.extension import (
    REDACTED,
    del_extension_value,
    get_extension_value,
    set_extension_value,
)
from chaoscloud.redaction import MARKER, has_marker, strip_credentials
from chaoscloud.types import Experiment

logger = logging.getLogger("chaostoolkit")


def read_workspace(console: Console, source: str) -> None:
    """Read the workspace file beside a local experiment."""
    workspace.reset_workspace()
    if console.wants("publish") and console.wants("workspace") and os.path.exists(source):
        with _unlinked_if_unusable():
            workspace.initialize_workspace_path(os.path.abspath(source))
            workspace.load_workspace()


def remember_source(console: Console, source: str, experiment: Experiment) -> None:
    """Put in the block where the experiment came from, or what the console knows it by."""
    warn_when_redacted(experiment)
    if not console.wants("publish"):
        return
    drop_run_ids(experiment)  # people keep experiments found in journals
    if not os.path.exists(source):
        set_extension_value(experiment, "source", strip_credentials(source))
    elif workspace.get_workspace_path() is not None:
        metadata = workspace.get_experiment_metadata_from_workspace(
            experiment, console.organizations, source
        )
        if metadata is None:
            set_extension_value(experiment, "experiment_path", source)
        else:
            set_extension_value(experiment, "experiment_id", metadata["experiment_id"])


def warn_when_redacted(experiment: Experiment) -> None:
    """Say of a document that was recorded, and not stored by its author, that it is not whole."""
    if get_extension_value(experiment, REDACTED) or has_marker(experiment):
        logger.warning(
            "This document is a record from which secrets were taken out (%s in it): what runs is "
            "not what its author wrote. Run the author's own file.",
            MARKER,
        )


def forget_path(experiment: Experiment) -> None:
    """Once the run is recorded, where its experiment lies is nobody's business any more."""
    del_extension_value(experiment, "experiment_path")


@contextmanager
def _unlinked_if_unusable() -> Iterator[None]:
    """A workspace file that cannot be used is said once and left as it is."""
    try:
        with best_effort(WorkspaceException):
            yield
    except (WorkspaceException, NotRecorded) as x:
        logger.warning("The experiment is not linked to the console's: %s", x)
        workspace.reset_workspace()
