"""Links an experiment's file to the id the console gave it, be it long after its run."""

import logging
from pathlib import Path

from chaoscloud import workspace
from chaoscloud.delivery.records import Contents
from chaoscloud.exceptions import WorkspaceException

__all__ = ["link", "place_of"]

logger = logging.getLogger("chaostoolkit")


def place_of(experiment_path: str | None) -> dict[str, str] | None:
    """What a spool's header keeps of where a new experiment lies; None without a workspace."""
    path = workspace.get_workspace_path()
    if path is None or not experiment_path:
        return None
    return {"path": path, "file": str(Path(experiment_path).absolute())}


def link(contents: Contents) -> None:
    """Write the id into the workspace file, if the experiment's file is still where it was."""
    header, ids = contents.header, contents.ids
    place = header.get("workspace")
    if place is None or "execution_id" not in ids or not Path(place["file"]).exists():
        return
    try:
        workspace.link_file(
            place["path"], header["org_id"], header["team_id"], place["file"], ids["experiment_id"]
        )
    except WorkspaceException as x:
        logger.warning("The experiment is not linked to the console's: %s", x)
