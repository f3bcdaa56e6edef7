"""What `chaos verify` says at its end: what the samples mean to the objective."""

import logging
from collections.abc import Mapping
from typing import Any

from chaoscloud import api
from chaoscloud.api.verification import get_call_context, get_verification_id, request_objective
from chaoscloud.delivery.registry import find_registration
from chaoscloud.delivery.report import Registration
from chaoscloud.extension import get_extension, get_extension_value
from chaoscloud.outcome import find_outcome
from chaoscloud.outcome.verdict import Objective, Verdict, describe_verdict, find_verdict
from chaoscloud.results.gate import find_gate_reasons
from chaoscloud.types import Experiment, Journal, Settings
from chaoscloud.verify.plan import read_plan

__all__ = ["describe_result", "find_failures", "find_objective", "find_result", "read_objective"]

logger = logging.getLogger("chaostoolkit")


def find_result(experiment: Experiment, journal: Journal, settings: Settings) -> Verdict:
    """Hold the samples of a run against the objective, as far as that is known."""
    frequency = read_plan(experiment).frequency
    return find_verdict(journal, frequency, find_objective(experiment, journal, settings))


def find_objective(
    experiment: Experiment, journal: Journal, settings: Settings
) -> Objective | None:
    """The objective as the console has it, or as the document says where nobody answers.

    The console is asked only about a run that it knows.
    """
    verification_id = get_verification_id(experiment)
    registration = _find_registration(journal)
    objective = None
    if registration is not None and registration.run_address and verification_id:
        context = get_call_context(settings)
        with api.client_session(*context, settings) as session:
            session.quiet = True
            objective = _read_content(request_objective(session, str(verification_id)))
    return objective or read_objective(experiment)


def read_objective(experiment: Experiment) -> Objective | None:
    """The objective that a document names: `"objective": {"target": 99.9, "window": 2592000}`."""
    verification = get_extension_value(experiment, "verification")
    return (
        _read_content(verification.get("objective")) if isinstance(verification, Mapping) else None
    )


def describe_result(journal: Journal, verdict: Verdict) -> list[str]:
    """The lines that a verification ends with; the last one is where to look."""
    outcome = find_outcome(journal)
    lines = describe_verdict(verdict)
    if outcome is not None:
        lines.insert(0, f"{outcome.outcome.capitalize()}: {outcome.sentence}.")
    registration = _find_registration(journal)
    address = registration and (registration.run_address or registration.address)
    return [*lines, f"See {address}"] if address else lines


def find_failures(journal: Journal, verdict: Verdict, words: tuple[str, ...]) -> tuple[str, ...]:
    """Why the verification fails by what `--fail-on` names."""
    return find_gate_reasons(words, find_outcome(journal), impacted=verdict.impacted)


def _find_registration(journal: Journal) -> Registration | None:
    return find_registration((get_extension(journal) or {}).get("execution_id"))


def _read_content(value: object) -> Objective | None:
    fields: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
    target, window = _number(fields.get("target")), _number(fields.get("window"))
    if target is None or not 0 < target <= 100:
        return None
    return Objective(target, window if window and window > 0 else None)


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None  # type: ignore[arg-type]
