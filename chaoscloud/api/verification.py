"""The ids of a verification and of its run in a document's block, and what its samples found."""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from chaoscloud.api import urls
from chaoscloud.api.answers import body_of, was_stored
from chaoscloud.api.calls import call
from chaoscloud.extension import find_extension, get_extension
from chaoscloud.types import Experiment, Extensions, Journal, Organizations, Settings

if TYPE_CHECKING:
    from chaoscloud.api._http import ConsoleSession
    from chaoscloud.delivery.verification import VerificationRunEventHandler

__all__ = [
    "CallContext",
    "Results",
    "SampleCount",
    "VerificationRunEventHandler",
    "count_samples",
    "drop_run_ids",
    "get_call_context",
    "get_run_id",
    "get_verification_id",
    "request_objective",
    "results_of",
    "set_run_id",
]

Source = Experiment | Extensions | None


class SampleCount(TypedDict):
    """The samples by what they found: a sample whose steady state was met is successful."""

    successful_samples: int
    deviated_samples: int
    not_run_samples: int
    total_number_of_samples: int


class Results(SampleCount):
    """What a run found, in how many seconds."""

    total_duration: float


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


def request_objective(session: "ConsoleSession", verification_id: str) -> Any:
    """What the console knows of a verification, its `target` and `window` among it; None if not."""
    url = urls.verification(session.base_url, verification_id)
    response = call(session, "GET", url, "The verification could not be looked up")
    return body_of(response) if response is not None and was_stored(response) else None


def drop_run_ids(experiment: Experiment) -> None:
    """Forget the run a document was taken from: people keep experiments found in journals."""
    _verification_of(experiment).pop("run_id", None)
    (get_extension(experiment) or {}).pop("execution_id", None)


def count_samples(journal: Journal) -> SampleCount:
    """Count the samples of a journal, which may still be growing."""
    states = list((journal.get("steady_states") or {}).get("during") or [])
    count = Counter(map(_is_met, states))
    return {
        "successful_samples": count[True],
        "deviated_samples": count[False],
        "not_run_samples": count[None],
        "total_number_of_samples": len(states),
    }


def results_of(journal: Journal) -> Results:
    """The results of a run that ended."""
    return {**count_samples(journal), "total_duration": journal.get("duration") or 0}


def _is_met(state: Any) -> bool | None:
    met = state.get("steady_state_met") if isinstance(state, Mapping) else None
    return met if isinstance(met, bool) else None


def _verification_of(source: Source) -> dict[str, Any]:
    block = find_extension(source) if isinstance(source, list) else get_extension(source)
    verification = (block or {}).get("verification")
    return verification if isinstance(verification, dict) else {}


# Names of chaosiq-cloud 0.16


class CallContext(NamedTuple):
    """The first arguments of `chaoscloud.api.client_session`, in its order."""

    url: str
    organizations: Organizations
    verify_tls: bool


def get_call_context(settings: Settings | None) -> CallContext:
    """The console's url, the organizations and whether certificates are checked."""
    from chaoscloud.settings import get_orgs, read_profile

    profile = read_profile(settings)
    return CallContext(profile.url, get_orgs(settings), profile.verify_tls)


def __getattr__(name: str) -> Any:
    """The handler is of a room above this one, and is only imported for whoever asks for it."""
    if name == "VerificationRunEventHandler":
        from chaoscloud.delivery.verification import VerificationRunEventHandler

        return VerificationRunEventHandler
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
