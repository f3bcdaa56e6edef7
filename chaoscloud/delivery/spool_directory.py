"""Where spool files lie: in `chaosiq/outbox` beside the settings, a folder for each team.

A team's folder is named by a hash of console, organization and team; a run's file is `<run>.jsonl`.
"""

import contextlib
import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from chaoscloud.delivery.records import FORMAT, decode_line
from chaoscloud.delivery.spool import LIMIT, REJECTED, SUFFIX, Spool

__all__ = ["LONGEST_KEPT", "PendingCount", "Recipient", "SpoolDirectory"]

logger = logging.getLogger("chaostoolkit")

LONGEST_KEPT = 10 * 24 * 3600.0
"""How long, in seconds, a record is kept after its run."""

SECOND_LOOK = 24 * 3600.0
"""Seconds after which a file that was found too old is looked at again: clocks can be wrong."""


@dataclass(frozen=True)
class Recipient:
    """Whom records are for: a team of an organization in the console at `url`."""

    url: str
    org_id: str
    team_id: str

    @property
    def console(self) -> str:
        """The console, in a form that tells nobody where it is."""
        return _digest(self._host)

    @property
    def folder(self) -> str:
        """The name of the team's folder."""
        return _digest("\n".join([self._host, self.org_id, self.team_id]))

    @property
    def _host(self) -> str:
        url = self.url if "//" in self.url else f"//{self.url}"
        try:
            return urlsplit(url).netloc.rpartition("@")[2].lower()
        except ValueError:
            return self.url.lower()


@dataclass
class PendingCount:
    """What is pending for a console: how many records of how many runs.

    `rejected` are runs of which the console did not take everything, `elsewhere` those for other
    consoles.
    """

    records: int = 0
    runs: int = 0
    rejected: int = 0
    elsewhere: int = 0


class SpoolDirectory:
    """All spool files of one settings file. `now` gives seconds since 1970."""

    def __init__(self, settings_folder: Path, now: Callable[[], float] = time.time) -> None:
        self._root = settings_folder / "chaosiq" / "outbox"
        self._now = now

    def create(self, recipient: Recipient, **header: Any) -> Spool:
        """A new spool for a run; in memory only where nothing can be written."""
        run = str(uuid4())
        identity = {
            "format": FORMAT,
            "run": run,
            "console": recipient.console,
            "org_id": recipient.org_id,
            "team_id": recipient.team_id,
        }
        path = self._root / recipient.folder / f"{run}{SUFFIX}"
        return Spool.create(path, identity | header)

    def open_pending(
        self, recipient: Recipient, *, rejected: bool = False, but: Path | None = None
    ) -> Iterator[Spool]:
        """What earlier runs left for a console, its teams together, the oldest first.

        Each is owned by this process, and closed by whoever asks. `but` is left out, `rejected`
        gives what the console did not take instead.
        """
        for path in self._files(REJECTED if rejected else SUFFIX):
            if path != but and _read_header(path).get("console") == recipient.console:
                spool = Spool.open(path, self._now)
                if spool is not None:
                    yield spool

    def count(self, recipient: Recipient) -> PendingCount:
        """What lies here, but for runs under way."""
        count = PendingCount(rejected=len(self._files(REJECTED)))
        for path in self._files(SUFFIX):
            if _read_header(path).get("console") != recipient.console:
                count.elsewhere += 1
            elif (spool := Spool.open(path, self._now)) is not None:
                count.records += len(spool.contents.pending)
                count.runs += not spool.is_empty
                spool.leave()
        return count

    def tidy(self) -> None:
        """Clean up after what waits has been tried: what is too old, what crashes left, room."""
        for path in self._files(".new"):  # a process died while it wrote a file anew
            if (spool := Spool.open(path.with_suffix(SUFFIX), self._now)) is not None:
                _remove(path)
                spool.leave()
            elif not path.with_suffix(SUFFIX).exists():
                _remove(path)
        now = self._now()
        for path in self._files(".lock"):  # what it locked is gone; a run that starts has a new one
            is_left = not any(path.with_suffix(suffix).exists() for suffix in (SUFFIX, REJECTED))
            if is_left and now - _change_time(path, now) > SECOND_LOOK:
                _remove(path)
        for suffix in (SUFFIX, REJECTED):
            for path in self._files(suffix):
                self._give_up_if_overdue(path)
            self._make_room(suffix)

    def _give_up_if_overdue(self, path: Path) -> None:
        """Delete what is too old, if it was so on another day already: a clock may be wrong."""
        now = self._now()
        if now - _change_time(path, now) <= LONGEST_KEPT or (
            (spool := Spool.open(path, self._now)) is None
        ):
            return
        overdue = spool.contents.overdue
        if overdue and spool.is_orphan and now - min(overdue) >= SECOND_LOOK:
            if not spool.is_empty:
                logger.warning(
                    "%d records of a run could not be sent to the console for %d days: "
                    "they are given up.",
                    len(spool.contents.pending),
                    LONGEST_KEPT // (24 * 3600),
                )
            spool.discard()
            return
        if not overdue:
            spool.mark_overdue(now)
        spool.leave()

    def _make_room(self, suffix: str) -> None:
        """Keep within `LIMIT`; of what was rejected, whole files go, the oldest first."""
        paths = self._files(suffix)
        over = sum(map(_size, paths)) - LIMIT
        for path in paths:
            if over <= 0:
                return
            if suffix == REJECTED:
                over -= _size(path)
                _remove(path)
            elif (spool := Spool.open(path, self._now)) is not None:
                over -= spool.evict(over) if spool.is_orphan else 0
                spool.leave()

    def _files(self, suffix: str) -> list[Path]:
        """All files of a kind, the one that was written to longest ago first."""
        now = self._now()
        paths = self._root.glob(f"*/*{suffix}")
        return sorted(paths, key=lambda path: (_change_time(path, now), path))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read_header(path: Path) -> dict[str, Any]:
    """What the first line says; empty when that cannot be read."""
    try:
        with path.open("rb") as file:
            document = decode_line(file.readline())
    except OSError:
        return {}
    return document if document is not None and document.get("kind") == "header" else {}


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # sent meanwhile
        return 0


def _change_time(path: Path, now: float) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return now


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
