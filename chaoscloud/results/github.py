"""Tells GitHub what a run came to: `python -m chaoscloud.results.github`, a step of our action.

Reads the files that the run wrote, which `CHAOSIQ_JUNIT` and `CHAOSIQ_SUMMARY` name, and the
variables `STATUS` (the exit code of the run), `EXPERIMENT` and `FAIL_ON`. Writes the step's
outputs, its summary, and annotations; the exit code is that of the run, or of the gate.
"""

import os
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast, get_args
from xml.etree.ElementTree import ParseError, parse

from chaoscloud.outcome import Caveat, Outcome, OutcomeName
from chaoscloud.results.gate import find_gate_reasons, parse_gate_words

__all__ = ["escape_message", "escape_property", "main"]

GATE = ("deviated", "inconclusive", "warnings")
OUTPUTS = ("outcome", "conclusive", "sentence", "address")


def main(environ: Mapping[str, str] | None = None) -> int:
    """Write outputs, summary and annotations; return the exit code."""
    environ = os.environ if environ is None else environ
    facts = {"outcome": "not-started", "conclusive": "false", "sentence": "the run did not start"}
    facts |= _read_properties(environ.get("CHAOSIQ_JUNIT", ""))
    _write_outputs(facts, environ.get("GITHUB_OUTPUT", ""))
    _append(environ.get("CHAOSIQ_SUMMARY", ""), environ.get("GITHUB_STEP_SUMMARY", ""))
    failures = list(_find_failures(facts, environ.get("FAIL_ON", "")))
    for line in (*_annotate(facts, environ.get("EXPERIMENT", "")), *failures):
        sys.stdout.write(f"{line}\n")
    status = int(environ.get("STATUS") or 1)
    return status or (1 if failures else 0)


def escape_message(text: str) -> str:
    """The text as a workflow command may carry it: on one line."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """The same for a property of a workflow command, which ends at a comma or a colon."""
    return escape_message(text).replace(":", "%3A").replace(",", "%2C")


def _read_properties(path: str) -> dict[str, str]:
    """The properties of the report's suite; none where it cannot be read."""
    try:
        tree = parse(path)  # noqa: S314 - written by the step before
    except (OSError, ParseError):
        return {}
    items = tree.iterfind("testsuite/properties/property")
    facts = {item.get("name", ""): item.get("value", "") for item in items}
    suite = tree.find("testsuite")
    return {**facts, "title": "" if suite is None else suite.get("name", "")}


def _write_outputs(facts: Mapping[str, str], path: str) -> None:
    if not path:
        return
    with open(path, "a", encoding="utf-8") as file:
        for name in OUTPUTS:
            delimiter = f"end-{uuid.uuid4()}"  # what a run's title holds must not end the value
            file.write(f"{name}<<{delimiter}\n{facts.get(name, '')}\n{delimiter}\n")


def _append(source: str, target: str) -> None:
    """Add the summary of the run to that of the step."""
    if source and target and Path(source).exists():
        with open(target, "a", encoding="utf-8") as file:
            file.write(Path(source).read_text(encoding="utf-8"))


def _annotate(facts: Mapping[str, str], experiment: str) -> Iterator[str]:
    """One annotation for a run that did not pass, or that says nothing."""
    if facts["outcome"] == "passed" and facts["conclusive"] == "true":
        return
    level = "warning" if facts["outcome"] == "passed" else "error"
    title = f"{facts['outcome']}: {facts.get('title', '')}"
    is_file = bool(experiment) and "://" not in experiment
    place = f"file={escape_property(experiment)}," if is_file else ""
    text = escape_message(facts["sentence"])
    yield f"::{level} {place}title={escape_property(title)}::{text}"


def _find_failures(facts: Mapping[str, str], fail_on: str) -> Iterator[str]:
    """An annotation for each reason why the run does not get through the gate."""
    try:
        words = parse_gate_words(fail_on, GATE)
    except ValueError as x:
        yield f"::error title=fail-on::{escape_message(str(x))}"
        return
    outcome = _read_outcome(facts)
    for reason in find_gate_reasons(words, outcome) if outcome else ():
        yield f"::error title=fail-on::{escape_message(reason)}"


def _read_outcome(facts: Mapping[str, str]) -> Outcome | None:
    """The outcome as the report's properties have it; None where no run started, which fails."""
    name = facts["outcome"]
    if name not in get_args(OutcomeName):
        return None
    codes = {key: facts.get(key, "").split(", ") for key in ("reasons", "warnings")}
    return Outcome(
        outcome=cast(OutcomeName, name),
        conclusive=facts["conclusive"] == "true",
        reasons=tuple(filter(None, codes["reasons"])),
        warnings=tuple(Caveat(code, "") for code in codes["warnings"] if code),
        sentence=facts["sentence"],
        dry="dry-run" in codes["warnings"],
        left_behind=False,  # which no gate asks about
    )


if __name__ == "__main__":
    sys.exit(main())
