"""`chaos publish`: what it prints, the results it writes, and how it ends."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from chaoscloud._prompts import complain, say
from chaoscloud.commands.failures import CommandFailed, NotSignedIn, exit_code_of
from chaoscloud.commands.journals import known_secrets, read_journal
from chaoscloud.commands.pending import send_pending
from chaoscloud.commands.publishing import PublishedJournal, publish_journals
from chaoscloud.redaction import withhold_outputs
from chaoscloud.results.cases import Suite, build_unstarted_suite
from chaoscloud.results.gate import find_gate_reasons
from chaoscloud.results.recorder import build_suite_of
from chaoscloud.results.targets import read_result_files

__all__ = ["PublishOptions", "publish", "publish_pending"]


@dataclass(frozen=True)
class PublishOptions:
    """What the command line says: see the help of `chaos publish`."""

    with_outputs: bool = False
    junit: str | None = None
    fail_on: tuple[str, ...] = ()
    as_json: bool = False

    @property
    def wants_results(self) -> bool:
        """Whether anybody looks at more than whether the journals were published."""
        return bool(self.junit or self.fail_on or self.as_json or read_result_files())


def publish(settings_path: str, paths: Sequence[str], options: PublishOptions) -> int:
    """Publish each journal, write their results, and return the exit code.

    It is that of the worst failure; else 1 where a word of `fail_on` is true of a journal, which
    is looked at whether or not it could be published.
    """
    exit_code = 0
    published = []
    for journal in _publish_each(settings_path, paths, options):
        published.append(journal)
        if journal.failure is not None:
            complain(str(journal))
            exit_code = max(exit_code, exit_code_of(journal.failure))
        elif not options.as_json:
            say(str(journal))
    if not options.wants_results:
        return exit_code
    suites = [_build_suite(journal, options.with_outputs) for journal in published]
    read_result_files().with_junit(options.junit).write(suites)
    failures = [find_gate_reasons(options.fail_on, suite.outcome) for suite in suites]
    for journal, reasons in zip(published, failures, strict=True):
        for reason in reasons if journal.journal is not None else ():
            complain(f"{journal.path}: failed by --fail-on: {reason}.")
            exit_code = exit_code or 1
    if options.as_json:
        documents = map(_describe, published, suites, failures)
        say(json.dumps({"journals": list(documents)}, indent=2))
    return exit_code


def publish_pending(settings_path: str, *, rejected: bool, as_json: bool) -> None:
    """Send what is pending on this machine, and say what became of it."""
    runs = list(_say_runs(settings_path, rejected=rejected, is_quiet=as_json))
    if as_json:
        say(json.dumps({"runs": runs}, indent=2))
    elif not runs:
        say("Nothing is pending on this machine: there is nothing to publish.")


def _say_runs(settings_path: str, *, rejected: bool, is_quiet: bool) -> Iterator[dict[str, Any]]:
    for run in send_pending(settings_path, rejected=rejected):
        if line := str(run):
            if not is_quiet:
                say(line)
            yield asdict(run)


def _publish_each(
    settings_path: str, paths: Sequence[str], options: PublishOptions
) -> Iterator[PublishedJournal]:
    """What becomes of each; results are written for somebody who is not signed in, too."""
    try:
        yield from publish_journals(settings_path, paths, options.with_outputs)
    except NotSignedIn as x:
        if not options.wants_results:
            raise
        for path in paths:
            yield PublishedJournal(path, failure=x, journal=_read_if_possible(path))


def _read_if_possible(path: str) -> dict[str, Any] | None:
    try:
        return read_journal(path)
    except CommandFailed:
        return None


def _build_suite(published: PublishedJournal, with_outputs: bool) -> Suite:
    journal = published.journal
    if journal is None:
        return build_unstarted_suite(published.path, str(published.failure))
    try:
        secrets = known_secrets(journal["experiment"].get("secrets"), os.environ)
        if not with_outputs:
            journal = withhold_outputs(journal).journal
        return build_suite_of(journal, secrets, address=published.address)
    except (TypeError, ValueError, RecursionError) as x:  # nested too deeply, say
        return build_unstarted_suite(published.path, f"the journal cannot be read: {x}")


def _describe(
    published: PublishedJournal, suite: Suite, failures: Sequence[str]
) -> Mapping[str, Any]:
    """One journal for machines; see docs/ci.md."""
    outcome = suite.outcome
    return {
        "path": published.path,
        "published": published.failure is None,
        "is_new": published.is_new,
        "address": published.address,
        "note": published.note or None,
        "error": None if published.failure is None else str(published.failure),
        "outcome": outcome.outcome if outcome else None,
        "conclusive": outcome.conclusive if outcome else None,
        "reasons": list(outcome.reasons) if outcome else [],
        "warnings": [asdict(caveat) for caveat in outcome.warnings] if outcome else [],
        "sentence": suite.sentence if outcome else None,
        "dry": outcome.dry if outcome else None,
        "failed_by": list(failures),
    }
