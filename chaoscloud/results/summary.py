"""A run in Markdown, as CI systems show it beside a build (GitHub's flavour, and no HTML)."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from chaoscloud.outcome.durations import format_duration
from chaoscloud.results.cases import Case, Suite

__all__ = ["write_summary"]

_MOST_CASES = 200
_LONGEST_LINE = 240  # characters
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|!~&])")

_SIGNS = {"passed": "✅", "deviated": "❌"}
_WORDS = {
    "passed": "Passed",
    "deviated": "Deviated",
    "baseline-not-met": "Baseline not met",
    "probe-error": "Probe failed",
    "failed": "Failed",
    "aborted": "Aborted",
    "interrupted": "Interrupted",
    "refused": "Refused",
    "unknown": "Unknown",
}
_STATES = {"passed": "ok", "failure": "NOT MET", "error": "FAILED", "skipped": "-"}


def write_summary(suites: Sequence[Suite]) -> str:
    """Return the runs as one Markdown document, which ends with a line break."""
    return "\n".join(line for suite in suites for line in _write_suite(suite)) + "\n"


def _write_suite(suite: Suite) -> Iterator[str]:
    sign, word = _judge(suite)
    yield f"### {sign} {word}: {_escape(suite.title)}"
    yield ""
    yield f"**{_escape(suite.sentence)}**"
    yield ""
    if suite.outcome is not None and suite.outcome.warnings:
        yield from (f"- {_escape(caveat.message)}" for caveat in suite.outcome.warnings)
        yield ""
    yield from _write_facts(suite)
    if suite.cases:
        yield from _write_timeline(suite)
    yield _advise(suite)
    yield ""


def _judge(suite: Suite) -> tuple[str, str]:
    """The sign and the words of the heading."""
    if suite.outcome is None:
        return "⚠️", "Not ended" if suite.start else "Not started"
    word = _WORDS[suite.outcome.outcome]
    if suite.outcome.outcome in _SIGNS and suite.outcome.conclusive:
        return _SIGNS[suite.outcome.outcome], word
    return "⚠️", f"{word}, inconclusive" if suite.outcome.reasons else word


def _write_facts(suite: Suite) -> Iterator[str]:
    facts = {
        "Started": suite.start.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        if suite.start
        else "",
        "Took": format_duration(suite.duration) if suite.duration is not None else "",
        "On": suite.node,
        **suite.facts,
    }
    rows = [f"| {_escape(name)} | {_escape(value)} |" for name, value in facts.items() if value]
    if rows:
        yield from ("| | |", "|---|---|", *rows, "")


def _write_timeline(suite: Suite) -> Iterator[str]:
    """The cases as they came, in a block of plain text."""
    cases = list(suite.cases[:_MOST_CASES])
    lines = [_write_case(case, suite.start) for case in cases]
    if len(suite.cases) > len(cases):
        lines.append(f"… and {len(suite.cases) - len(cases)} more")
    fence = "`" * (max((len(run) for run in re.findall("`+", "".join(lines))), default=2) + 1)
    yield from (max(fence, "```", key=len) + "text", *lines, max(fence, "```", key=len), "")


def _write_case(case: Case, start: datetime | None) -> str:
    offset = ""
    if start is not None and case.start is not None:
        offset = f"+{max(0.0, (case.start - start).total_seconds()):.1f} s"
    took = f" ({format_duration(case.seconds)})" if case.seconds else ""
    message = f": {case.message}" if case.message else ""
    line = f"{offset:>10}  {_STATES[case.status]:<8}{case.section}: {case.name}{took}{message}"
    line = " ".join(line.splitlines())
    return line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 1]}…"


def _advise(suite: Suite) -> str:
    if suite.address:
        return f"Open [the run in the console](<{suite.address}>)."
    if suite.outcome is None and not suite.start:
        return "Look at the log of the build: there is no journal."
    return "This run is not in a console: `chaos publish journal.json` sends its journal there."


def _escape(text: str) -> str:
    """The text on one line, with nothing in it that Markdown would read."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
