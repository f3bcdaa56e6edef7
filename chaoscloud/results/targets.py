"""The files that results are written to: what the environment and options of commands name."""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from chaoscloud.results.cases import Suite

__all__ = ["JUNIT", "SUMMARY", "ResultFiles", "read_result_files"]

JUNIT, SUMMARY = "CHAOSIQ_JUNIT", "CHAOSIQ_SUMMARY"

logger = logging.getLogger("chaostoolkit")


@dataclass(frozen=True)
class ResultFiles:
    """Where results go; an empty name is no file."""

    junit: tuple[str, ...] = ()
    summary: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.junit or self.summary)

    def with_junit(self, path: str | None) -> "ResultFiles":
        """The same and one more JUnit report, if a path is given."""
        return replace(self, junit=(*self.junit, path)) if path else self

    def look(self) -> tuple[tuple[int, int] | None, ...]:
        """Return what tells whether the files were written since: each one's time and size."""
        return tuple(map(_look, (*self.junit, *self.summary)))

    def write(self, suites: Sequence[Suite]) -> None:
        """Write all files; one that cannot be written is a warning of one line."""
        if self.junit:
            from chaoscloud.results.junit import write_junit

            report = write_junit(suites)
            for path in self.junit:
                _write(path, report, "JUnit report")
        if self.summary:
            from chaoscloud.results.summary import write_summary

            text = write_summary(suites).encode("utf-8", "replace")
            for path in self.summary:
                _write(path, text, "summary")


def read_result_files(
    environ: Mapping[str, str] | None = None, folder: str | None = None
) -> ResultFiles:
    """Return the files that the environment names, relative to `folder` (the current one)."""
    environ = os.environ if environ is None else environ
    folder = os.getcwd() if folder is None else folder
    names = (environ.get(variable, "").strip() for variable in (JUNIT, SUMMARY))
    junit, summary = ((os.path.join(folder, name),) if name else () for name in names)
    return ResultFiles(junit, summary)


def _look(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size


def _write(path: str, content: bytes, what: str) -> None:
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(content)
    except (OSError, ValueError) as x:  # a name with a NUL in it
        reason = x.strerror if isinstance(x, OSError) and x.strerror else x
        logger.warning("The %s cannot be written to %s: %s.", what, path, reason)
