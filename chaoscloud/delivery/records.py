"""What a run's spool file holds, line by line: pure text, no disk.

A line is JSON, `["<checksum>",{…}]`, and one record. What happened has a number `n`, and a `kind`
that says how it is told to the console:

    experiment      {"document", "key"}             run-start     {"journal", "key"}
    execution       {"journal", "key"}              run-event     {"category", "payload", "key"}
    event           {"event", "data"}               run-finished  {"journal", "results", "key"}
    journal         {"journal"}

Beside those there is the file's `header`, and what became of the records: `ids` the console gave,
numbers that are `done` or `refused`, and the `counts` of a file that was written anew. No line
holds the token, the console's address, or an absolute url of it.
"""

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

FORMAT = 1

NEVER_DROPPED = 0
"""The rank of what stays however little room there is: the start, the end and the decisions."""

_ACTIVITIES = ("starting-activity", "activity-finished")
_KEPT = ("starting-experiment", "experiment-finished", "safeguard-stop")
_PREFIX = 12  # characters of `["89abcdef",`


@dataclass(frozen=True)
class Entry:
    """A record that is still to be sent, as its line; `type` is that of an event, else empty."""

    n: int
    kind: str
    type: str
    line: bytes

    @property
    def rank(self) -> int:
        """What goes first when room is needed: the highest rank."""
        if self.kind == "run-event":
            return 1
        if self.kind != "event" or self.type in _KEPT:
            return NEVER_DROPPED
        return 2 if self.type in _ACTIVITIES else 1

    def read(self) -> dict[str, Any]:
        """What the record says."""
        record: dict[str, Any] = json.loads(self.line[_PREFIX:-2])
        return record


@dataclass
class Contents:
    """What a spool file says, all its lines together."""

    header: dict[str, Any] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    pending: dict[int, Entry] = field(default_factory=dict)
    last: int = 0
    sent: int = 0
    refused: int = 0
    gone: int = 0
    damaged: int = 0
    reason: str = ""

    def take(self, line: bytes) -> None:
        """Add one line, without its end; a damaged one is counted and skipped."""
        record = decoded(line)
        if record is None:
            self.damaged += 1
            return
        _READERS.get(record.get("kind", ""), _happened)(self, record, line)


def encoded(kind: str, text: str) -> bytes:
    """The line of a record whose other parts are the JSON members in `text` (`"n":1,"key":"…"`)."""
    body = f'{{"kind":"{kind}"{"," if text else ""}{text}}}'.encode("ascii")
    return b'["%08x",%s]\n' % (zlib.crc32(body), body)


def decoded(line: bytes) -> dict[str, Any] | None:
    """The record of a line, with or without its end; None when the line is damaged."""
    line = line.rstrip(b"\n")
    if line[:2] != b'["' or line[10:_PREFIX] != b'",' or line[-1:] != b"]":
        return None
    body = line[_PREFIX:-1]
    if line[2:10] != b"%08x" % zlib.crc32(body):
        return None
    record = json.loads(body)
    return record if isinstance(record, dict) else None


def creation_keys(run: str) -> dict[str, str]:
    """The `Idempotency-Key`s of what a run creates, for whoever tells the console of it."""
    return {each: f"{run}.{each}" for each in ("experiment", "execution")}


def members(**parts: object) -> str:
    """JSON members, to be put together with others."""
    return json.dumps(parts, separators=(",", ":"))[1:-1]


def read_lines(lines: Iterable[bytes]) -> Contents:
    """What the lines of a file say; the last one may be torn."""
    contents = Contents()
    for line in lines:
        if line.strip():
            contents.take(line)
    return contents


def lines_of(contents: Contents) -> Iterable[bytes]:
    """The fewest lines that say the same."""
    yield encoded("header", members(**contents.header))
    if contents.ids:
        yield encoded("ids", members(ids=contents.ids))
    for n in sorted(contents.pending):
        yield contents.pending[n].line
    counts = {"sent": contents.sent, "refused": contents.refused, "gone": contents.gone}
    # After the records: what is not beyond the last number counts as written twice.
    yield encoded("counts", members(**counts, last=contents.last, reason=contents.reason))


def _header(contents: Contents, record: Mapping[str, Any], _: bytes) -> None:
    contents.header = {key: value for key, value in record.items() if key != "kind"}


def _ids(contents: Contents, record: Mapping[str, Any], _: bytes) -> None:
    contents.ids |= record["ids"]


def _counts(contents: Contents, record: Mapping[str, Any], _: bytes) -> None:
    contents.sent += record["sent"]
    contents.refused += record["refused"]
    contents.gone += record["gone"]
    contents.last = max(contents.last, record["last"])
    contents.reason = contents.reason or record["reason"]


def _done(contents: Contents, record: Mapping[str, Any], _: bytes) -> None:
    contents.sent += _leave(contents, record["n"])


def _refused(contents: Contents, record: Mapping[str, Any], _: bytes) -> None:
    contents.refused += _leave(contents, record["n"])
    contents.reason = contents.reason or record["reason"]


def _leave(contents: Contents, numbers: Iterable[int]) -> int:
    return sum(contents.pending.pop(n, None) is not None for n in numbers)


def _happened(contents: Contents, record: Mapping[str, Any], line: bytes) -> None:
    n = record.get("n")
    if not isinstance(n, int) or n <= contents.last:
        return  # written twice: a file that was made anew in the midst of an append
    contents.last = n
    event = record.get("event") or {}
    whole = line if line.endswith(b"\n") else line + b"\n"
    contents.pending[n] = Entry(n, record["kind"], str(event.get("type", "")), whole)


_READERS = {
    "header": _header,
    "ids": _ids,
    "counts": _counts,
    "done": _done,
    "refused": _refused,
}
