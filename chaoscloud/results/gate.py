"""Which results fail a command: what `--fail-on` names, beside what fails it anyway."""

from collections.abc import Iterator, Sequence

from chaoscloud.outcome import Outcome

__all__ = ["find_gate_reasons", "parse_gate_words"]


def parse_gate_words(text: str, known: Sequence[str]) -> tuple[str, ...]:
    """Return the words of a list with commas. Raises `ValueError` naming one that is not known."""
    words = [word.strip().lower() for word in text.split(",") if word.strip()]
    for word in words:
        if word not in known:
            raise ValueError(f"'{word}' is none of {', '.join(known)}")
    return tuple(dict.fromkeys(words))


def find_gate_reasons(
    words: Sequence[str], outcome: Outcome | None, *, impacted: bool | None = False
) -> tuple[str, ...]:
    """Return why a run does not get through: a phrase for each of the `words` that is true of it.

    A run that has not ended answers nothing. `impacted` is None where it cannot be known: then
    that is inconclusive, and who fails on impact fails on not knowing it.
    """
    reasons = dict(_list_reasons(outcome, impacted))
    return tuple(reasons[word] for word in words if word in reasons)


def _list_reasons(outcome: Outcome | None, impacted: bool | None) -> Iterator[tuple[str, str]]:
    if impacted is None:
        yield "impacted", "whether the objective is impacted is not known"
    elif impacted:
        yield "impacted", "the objective is impacted"
    if outcome is None:
        yield "inconclusive", "the run has not ended"
        return
    if outcome.outcome == "deviated":
        yield "deviated", f"the run deviated: {outcome.sentence}"
    if not outcome.conclusive:
        what = ", ".join(outcome.reasons) or outcome.outcome
        yield "inconclusive", f"the run is inconclusive ({what}): {outcome.sentence}"
    elif impacted is None:
        yield "inconclusive", "whether the objective is impacted is not known"
    if outcome.warnings:
        codes = ", ".join(caveat.code for caveat in outcome.warnings)
        yield "warnings", f"the run has warnings ({codes})"
