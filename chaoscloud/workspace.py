"""The `.chaosiq` file: which experiment of the console a local file is.

It lies beside the experiment file, and people commit it to share the link. The next run of a
linked file adds an execution instead of a second experiment. What was read is kept in
`workspace_metadata`, one dictionary for the process, filled and emptied in place.
"""

import os
import stat
from copy import deepcopy
from pathlib import Path
from typing import Any, cast

from chaoscloud import _yaml
from chaoscloud._files import replace_file
from chaoscloud.exceptions import WorkspaceException
from chaoscloud.extension import get_extension_value
from chaoscloud.tenancy import Tenancy, tenancy_of
from chaoscloud.types import Experiment, Organizations, WorkspaceData, WorkspaceEntry

__all__ = [
    "WORKSPACE_FILENAME",
    "get_experiment_id",
    "get_experiment_metadata_from_workspace",
    "get_experiment_path",
    "get_experiment_source",
    "get_loaded_workspace_data",
    "get_workspace_path",
    "initialize_workspace_path",
    "link_file",
    "load_workspace",
    "register_experiment_to_workspace",
    "reset_workspace",
    "save_workspace",
    "set_workspace_data",
    "set_workspace_path",
    "workspace_metadata",
]

WORKSPACE_FILENAME = ".chaosiq"

# `path`: the file in use, `data`: what it says.
workspace_metadata: dict[str, Any] = {}


def initialize_workspace_path(experiment_path: str | os.PathLike[str]) -> None:
    """Use the workspace file that lies beside the experiment file; a relative path stays one."""
    set_workspace_path(Path(experiment_path).with_name(WORKSPACE_FILENAME))


def set_workspace_path(path: str | os.PathLike[str] | None) -> None:
    """Use this very file as the workspace, or none."""
    workspace_metadata["path"] = None if path is None else os.fspath(path)


def get_workspace_path() -> str | None:
    """The workspace file in use, or None before one was named."""
    return cast("str | None", workspace_metadata.get("path"))


def load_workspace(path: str | os.PathLike[str] | None = None) -> WorkspaceData:
    """Read the workspace file (`path`, else the one in use), keep and return what it says.

    A missing or empty file says nothing. Raises `WorkspaceException` for a file that cannot be
    read or that is no workspace; what was kept before is then left as it was.
    """
    set_workspace_data(_read_file(path or get_workspace_path()))
    return get_loaded_workspace_data()


def save_workspace(path: str | os.PathLike[str] | None = None) -> None:
    """Write what is kept to `path`, else to the file in use; `WorkspaceException` if it cannot."""
    target = path or get_workspace_path()
    if target is None:
        raise WorkspaceException("No workspace file to save to: name one first.")
    _write(target, get_loaded_workspace_data())


def _write(target: str | os.PathLike[str], data: WorkspaceData) -> None:
    content = _yaml.dump(data)
    try:
        replace_file(target, content, _mode_of(target))
    except OSError as error:
        raise WorkspaceException(
            f"The workspace file {target} cannot be written: {error.strerror or error}. "
            "Make its folder writable, or run `chaos disable workspace`."
        ) from error


def get_loaded_workspace_data() -> WorkspaceData:
    """A copy of what is kept."""
    return cast(WorkspaceData, deepcopy(workspace_metadata.get("data") or {}))


def set_workspace_data(data: WorkspaceData | None) -> None:
    """Keep a copy of `data`."""
    workspace_metadata["data"] = deepcopy(data or {})


def reset_workspace() -> None:
    """Forget the file in use and all it said."""
    workspace_metadata.clear()


def register_experiment_to_workspace(
    experiment: Experiment,
    organizations: Organizations | None,
    experiment_path: str | os.PathLike[str] | None = None,
) -> bool:
    """Link the experiment's file to its id, for the default team; `save_workspace` stores it.

    The file is `experiment_path`, else the one the experiment's block names. Returns whether
    anything changed: no file, no id, no team, or a link that is there already change nothing.
    """
    experiment_id = get_experiment_id(experiment)
    tenancy = tenancy_of(organizations)
    path = experiment_path or get_experiment_path(experiment)
    if not (experiment_id and tenancy and path):
        return False
    if _entry(tenancy, path).get("experiment_id") == experiment_id:
        return False
    data = get_loaded_workspace_data()
    teams = data.setdefault("experiments", {}).setdefault(tenancy.org_id, {})
    teams.setdefault(tenancy.team_id, {})[Path(path).name] = {"experiment_id": experiment_id}
    set_workspace_data(data)
    return True


def link_file(
    path: str | os.PathLike[str],
    org_id: str,
    team_id: str,
    experiment_path: str | os.PathLike[str],
    experiment_id: str,
) -> None:
    """Link an experiment's file to its id in the workspace file at `path`, and in no other.

    What is kept in this process stays as it is: another thread's run may be using it. Raises
    `WorkspaceException`.
    """
    data = _read_file(path)
    teams = _ensure_mapping(_ensure_mapping(data, "experiments"), org_id)
    entry = {"experiment_id": experiment_id}
    if _ensure_mapping(teams, team_id).get(Path(experiment_path).name) != entry:
        teams[team_id][Path(experiment_path).name] = entry
        _write(path, data)


def get_experiment_metadata_from_workspace(
    experiment: Experiment,
    organizations: Organizations | None,
    experiment_path: str | os.PathLike[str] | None = None,
) -> WorkspaceEntry | None:
    """A copy of what is kept about the experiment's file for the default team, or None."""
    tenancy = tenancy_of(organizations)
    path = experiment_path or get_experiment_path(experiment)
    if not (tenancy and path):
        return None
    entry = _entry(tenancy, path)
    return cast(WorkspaceEntry, entry) if entry.get("experiment_id") else None


def get_experiment_path(experiment: Experiment) -> str | None:
    """The local file the experiment was loaded from, as its block names it."""
    return cast("str | None", get_extension_value(experiment, "experiment_path"))


def get_experiment_source(experiment: Experiment) -> str | None:
    """The url the experiment was loaded from, as its block names it."""
    return cast("str | None", get_extension_value(experiment, "source"))


def get_experiment_id(experiment: Experiment) -> str | None:
    """The id the console knows the experiment by, as its block names it."""
    return cast("str | None", get_extension_value(experiment, "experiment_id"))


def _ensure_mapping(parent: Any, key: str) -> dict[str, Any]:
    """The mapping under a key, made when there is none."""
    if not parent.get(key):
        parent[key] = {}
    return cast("dict[str, Any]", parent[key])


def _entry(tenancy: Tenancy, path: str | os.PathLike[str]) -> dict[str, Any]:
    level: Any = get_loaded_workspace_data()
    for key in ("experiments", tenancy.org_id, tenancy.team_id, Path(path).name):
        level = level.get(key) or {}
    return cast("dict[str, Any]", level)


def _read_file(path: str | os.PathLike[str] | None) -> WorkspaceData:
    if path is None or not Path(path).exists():
        return {}
    try:
        data = _yaml.read(path)
    except _yaml.UNREADABLE as error:
        raise WorkspaceException(
            f"The workspace file {_yaml.complaint(path, error)}. Repair it, or delete it."
        ) from error
    if not _is_workspace(data):
        raise WorkspaceException(
            f"The workspace file {path} is no workspace: repair it, or delete it to start afresh."
        )
    return cast(WorkspaceData, data or {})


def _is_workspace(data: object) -> bool:
    """Nothing at all, or four levels of mappings: organizations, teams, files, entries."""
    if data is None or not isinstance(data, dict):
        return data is None
    level: list[Any] = [data.get("experiments")]
    for _ in range(4):
        level = [entry for entry in level if entry is not None]
        if not all(isinstance(entry, dict) for entry in level):
            return False
        level = [value for entry in level for value in entry.values()]
    return True


def _mode_of(path: str | os.PathLike[str]) -> int:
    """The file's permissions; a new one holds nothing but ids, and is shared with the folder."""
    file = Path(path)
    return stat.S_IMODE(file.stat().st_mode) if file.exists() else 0o644
