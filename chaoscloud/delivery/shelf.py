"""Where spool files lie: in `chaosiq/outbox` beside the settings, a folder for each team.

A team's folder is named by a hash of console, organization and team; a run's file is `<run>.jsonl`.
"""

import contextlib
import hashlib
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from chaoscloud.delivery.records import FORMAT, decoded
from chaoscloud.delivery.spool import LIMIT, REFUSED, SUFFIX, Spool

__all__ = ["LONGEST_KEPT", "Addressee", "Kept", "Shelf"]

logger = logging.getLogger("chaostoolkit")

LONGEST_KEPT = 10 * 24 * 3600.0
"""How long, in seconds, a record is kept after its run."""


@dataclass(frozen=True)
class Addressee:
    """Whom records are for. `host` is that of the console, `host[:port]`."""

    host: str
    org_id: str
    team_id: str

    @property
    def console(self) -> str:
        """The console, in a form that tells nobody where it is."""
        return _digest(self.host.lower())

    @property
    def folder(self) -> str:
        """The name of the team's folder."""
        return _digest("\n".join([self.host.lower(), self.org_id, self.team_id]))


@dataclass
class Kept:
    """What is kept for a console: how many records of how many runs, and for other consoles."""

    records: int = 0
    runs: int = 0
    refused: int = 0
    elsewhere: int = 0


class Shelf:
    """All spool files of one settings file."""

    def __init__(self, settings_folder: Path) -> None:
        self._root = settings_folder / "chaosiq" / "outbox"

    def begin(self, to: Addressee, **header: Any) -> Spool:
        """A new spool for a run; in memory only where nothing can be written."""
        run = str(uuid4())
        path = self._root / to.folder / f"{run}{SUFFIX}"
        said = {
            "format": FORMAT,
            "run": run,
            "console": to.console,
            "org_id": to.org_id,
            "team_id": to.team_id,
            **header,
        }
        others = self.size()
        return Spool.create(path, said, lambda: others)

    def waiting(self, console: str) -> Iterator[Spool]:
        """What earlier runs left for a console, oldest first, each owned while it is looked at.

        The one who asks closes it.
        """
        for path in self._files():
            if _header_of(path).get("console") == console:
                spool = Spool.open(path)
                if spool is not None:
                    yield spool

    def kept(self, console: str) -> Kept:
        """What lies here, but for runs under way."""
        kept = Kept(refused=sum(1 for _ in self._root.glob(f"*/*{REFUSED}")))
        for path in self._files():
            if _header_of(path).get("console") != console:
                kept.elsewhere += 1
            elif (spool := Spool.open(path)) is not None:
                kept.records += len(spool.contents.pending)
                kept.runs += not spool.is_empty
                spool.leave()
        return kept

    def size(self) -> int:
        """Bytes that all files take together."""
        return sum(_size(path) for path in self._root.glob("*/*"))

    def tidy(self, now: float | None = None) -> None:
        """Delete what is too old, then drop what tells least until there is room again.

        `now` is in seconds since 1970.
        """
        now = time.time() if now is None else now
        for path in [*self._files(), *self._root.glob(f"*/*{REFUSED}")]:
            if now - _changed(path, now) > LONGEST_KEPT:
                self._throw_away(path)
        over = self.size() - LIMIT
        for path in self._files():
            if over > 0 and (spool := Spool.open(path)) is not None:
                over -= spool.evict(over)
                spool.leave()

    def _throw_away(self, path: Path) -> None:
        if path.suffix == REFUSED:
            with contextlib.suppress(OSError):
                path.unlink()
        elif (spool := Spool.open(path)) is not None:
            if not spool.is_empty:
                logger.warning(
                    "%d records of a run could not be sent to the console for %d days: "
                    "they are given up.",
                    len(spool.contents.pending),
                    LONGEST_KEPT // (24 * 3600),
                )
            spool.discard()

    def _files(self) -> list[Path]:
        """All spool files, the one that was written to longest ago first."""
        now = time.time()
        return sorted(self._root.glob(f"*/*{SUFFIX}"), key=lambda path: (_changed(path, now), path))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _header_of(path: Path) -> dict[str, Any]:
    """What the first line says; empty when that cannot be read."""
    try:
        with path.open("rb") as file:
            record = decoded(file.readline())
    except OSError:
        return {}
    return record if record is not None and record.get("kind") == "header" else {}


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # delivered meanwhile
        return 0


def _changed(path: Path, now: float) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return now
