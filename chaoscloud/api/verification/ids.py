"""Which verification a document is, and which run of it: the ids in its `chaosiq` block."""

from typing import Any

from chaoscloud.extension import find_extension, get_extension
from chaoscloud.types import Experiment, Extensions

__all__ = ["drop_run_ids", "get_run_id", "get_verification_id", "set_run_id"]

Source = Experiment | Extensions | None


def get_verification_id(source: Source) -> str | None:
    """The verification's id in an experiment, or in its list of extensions; None without one."""
    return _verification_of(source).get("id")


def get_run_id(source: Source) -> str | None:
    """The id of the run in an experiment, or in its list of extensions; None without one."""
    return _verification_of(source).get("run_id")


def set_run_id(run_id: str, experiment: Experiment) -> None:
    """Remember which run this is; a document that is no verification stays as it is."""
    verification = _verification_of(experiment)
    if verification:
        verification["run_id"] = run_id


def drop_run_ids(experiment: Experiment) -> None:
    """Forget the run a document was taken from: people keep experiments found in journals."""
    _verification_of(experiment).pop("run_id", None)
    (get_extension(experiment) or {}).pop("execution_id", None)


def _verification_of(source: Source) -> dict[str, Any]:
    block = find_extension(source) if isinstance(source, list) else get_extension(source)
    verification = (block or {}).get("verification")
    return verification if isinstance(verification, dict) else {}
