"""What a run's spool file holds, line by line: pure text, no disk.

A line is JSON, `["<checksum>",{…}]`, and one record. What happened has a number `n`, and a `kind`
that says which request it becomes:

    experiment      {"document", "key"}             run-start     {"journal", "key"}
    execution       {"journal", "key"}              run-event     {"category", "payload", "key"}
    event           {"event", "data"}               run-end       {"end", "results", "key"}
    end             {"end"}                         run-finished  {"journal", "results", "key"}
    journal         {"journal"}

Beside those there is the file's `header`, and what became of the records: `ids` the console gave,
numbers that are `done` (sent) or `refused` (rejected), the `counts` of a file that was written
anew, and `overdue` when somebody found the file too old. No line holds the token, the console's
address, or an absolute url of it.
"""

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "FORMAT",
    "NEVER_DROPPED",
    "Record",
    "SpoolContents",
    "creation_key",
    "decode_line",
    "encode_line",
    "encode_members",
    "read_lines",
    "write_lines",
]

FORMAT = 1

NEVER_DROPPED = 0
"""The rank of what stays however little room there is: the start, the end and the decisions."""

ENDS = ("end", "journal", "run-end", "run-finished")
"""The kinds of records that tell the end of a run."""

_ACTIVITIES = ("starting-activity", "activity-finished")
_ALWAYS_KEPT = ("starting-experiment", "experiment-finished", "safeguard-stop")
_PREFIX = 12  # characters of `["89abcdef",`


@dataclass(frozen=True)
class Record:
    """One record, as its line; `type` is that of an event, else empty."""

    n: int
    kind: str
    type: str
    line: bytes

    @property
    def rank(self) -> int:
        """What is dropped first when room is needed: the highest rank."""
        if self.kind == "run-event":
            return 1
        if self.kind != "event" or self.type in _ALWAYS_KEPT:
            return NEVER_DROPPED
        return 2 if self.type in _ACTIVITIES else 1

    def parse(self) -> dict[str, Any]:
        """The record as a dictionary."""
        document: dict[str, Any] = json.loads(self.line[_PREFIX:-2])
        return document

    def read_last_member(self, name: str) -> memoryview:
        """The JSON text of the record's last member, not decoded or copied: it may be large."""
        start = self.line.index(b'"%s":' % name.encode()) + len(name) + 3
        return memoryview(self.line)[start:-3]


@dataclass
class SpoolContents:
    """What a spool file says, all its lines together.

    `opening` is the record that created the execution, kept for what tells its end, `run_opening`
    the same of a verification's run; `time` is that of the last event. `overdue` are the moments
    (seconds since 1970) at which somebody found the file too old.
    """

    header: dict[str, Any] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    pending: dict[int, Record] = field(default_factory=dict)
    rejected: dict[int, Record] = field(default_factory=dict)
    opening: Record | None = None
    ended: bool = False
    run_opening: Record | None = None
    run_ended: bool = False
    time: str = ""
    last: int = 0
    sent: int = 0
    rejected_count: int = 0
    lost: int = 0
    damaged: int = 0
    reason: str = ""
    overdue: list[float] = field(default_factory=list)

    def take_line(self, line: bytes) -> None:
        """Add one line, without its end; a damaged one is counted and skipped."""
        document = decode_line(line)
        if document is None:
            self.damaged += 1
            return
        _READERS.get(document.get("kind", ""), _take_record)(self, document, line)

    def take_record(self, record: Record) -> None:
        """Add a record that is to be sent."""
        self.last = record.n
        self.pending[record.n] = record
        if record.kind == "execution":
            self.opening = record
        self.ended = self.ended or record.kind in ("end", "journal")
        if record.kind == "run-start":
            self.run_opening = record
        self.run_ended = self.run_ended or record.kind in ("run-end", "run-finished")


def encode_line(kind: str, text: str, rest: str = "") -> bytes:
    """The line of a record whose other parts are the JSON members in `text` (`"n":1,"key":"…"`).

    `rest` is more of that text. It may be a large journal, of which each copy takes time.
    """
    head = f'{{"kind":"{kind}"{"," if text else ""}{text}'.encode("ascii")
    parts = (head, rest.encode("ascii"), b"}")
    checksum = 0
    for part in parts:
        checksum = zlib.crc32(part, checksum)
    return b"".join([b'["%08x",' % checksum, *parts, b"]\n"])


def decode_line(line: bytes) -> dict[str, Any] | None:
    """The record of a line, with or without its end; None when the line is damaged."""
    line = line.rstrip(b"\n")
    if line[:2] != b'["' or line[10:_PREFIX] != b'",' or line[-1:] != b"]":
        return None
    body = line[_PREFIX:-1]
    if line[2:10] != b"%08x" % zlib.crc32(body):
        return None
    document = json.loads(body)
    return document if isinstance(document, dict) else None


def creation_key(run: str) -> str:
    """The `Idempotency-Key` of what a run creates as it starts, for whoever sends it.

    Version 1.0.0 sent executions with this key: an outbox of that time may still be sent.
    """
    return f"{run}.execution"


def encode_members(**parts: object) -> str:
    """JSON members, to be put together with others."""
    return json.dumps(parts, separators=(",", ":"))[1:-1]


def read_lines(lines: Iterable[bytes]) -> SpoolContents:
    """What the lines of a file say; the last one may be torn."""
    contents = SpoolContents()
    for line in lines:
        if line.strip():
            contents.take_line(line)
    return contents


def write_lines(contents: SpoolContents) -> Iterable[bytes]:
    """The fewest lines that say the same."""
    yield encode_line("header", encode_members(**contents.header))
    if contents.ids:
        yield encode_line("ids", encode_members(ids=contents.ids))
    records = contents.pending | contents.rejected
    for opening in (contents.opening, contents.run_opening):
        if opening is not None:
            records[opening.n] = opening
    for n in sorted(records):
        yield records[n].line
    crossed_off = [n for n in records if n not in contents.pending and n not in contents.rejected]
    if crossed_off:
        yield encode_line("done", encode_members(n=crossed_off))
    if contents.rejected:
        yield encode_line(
            "refused", encode_members(n=list(contents.rejected), reason=contents.reason)
        )
    # After the records: what is not beyond the last number counts as written twice.
    yield encode_line(
        "counts",
        encode_members(
            sent=contents.sent - len(crossed_off),
            refused=contents.rejected_count - len(contents.rejected),
            gone=contents.lost,
            last=contents.last,
            reason=contents.reason,
            time=contents.time,
            ended=contents.ended,
            run_ended=contents.run_ended,
        ),
    )
    for at in contents.overdue:
        yield encode_line("overdue", encode_members(at=at))


def _header(contents: SpoolContents, document: Mapping[str, Any], _: bytes) -> None:
    contents.header = {key: value for key, value in document.items() if key != "kind"}


def _ids(contents: SpoolContents, document: Mapping[str, Any], _: bytes) -> None:
    contents.ids |= document["ids"]


def _counts(contents: SpoolContents, document: Mapping[str, Any], _: bytes) -> None:
    contents.sent += document["sent"]
    contents.rejected_count += document["refused"]
    contents.lost += document["gone"]
    contents.last = max(contents.last, document["last"])
    contents.reason = contents.reason or document["reason"]
    contents.time = document.get("time") or contents.time
    for flag in ("ended", "run_ended"):
        setattr(contents, flag, getattr(contents, flag) or document.get(flag, False))


def _done(contents: SpoolContents, document: Mapping[str, Any], _: bytes) -> None:
    contents.sent += sum(contents.pending.pop(n, None) is not None for n in document["n"])


def _take_rejected(contents: SpoolContents, document: Mapping[str, Any], _: bytes) -> None:
    for n in document["n"]:
        record = contents.pending.pop(n, None)
        if record is not None:
            contents.rejected[n] = record
            contents.rejected_count += 1
    contents.reason = contents.reason or document["reason"]


def _overdue(contents: SpoolContents, document: Mapping[str, Any], _: bytes) -> None:
    contents.overdue.append(document["at"])


def _take_record(contents: SpoolContents, document: Mapping[str, Any], line: bytes) -> None:
    n = document.get("n")
    if not isinstance(n, int) or n <= contents.last:
        return  # written twice: a file that was made anew in the midst of an append
    event = document.get("event") or {}
    whole = line if line.endswith(b"\n") else line + b"\n"
    contents.take_record(Record(n, document["kind"], str(event.get("type", "")), whole))
    contents.time = str(event.get("time") or contents.time)


_READERS = {
    "header": _header,
    "ids": _ids,
    "counts": _counts,
    "done": _done,
    "refused": _take_rejected,
    "overdue": _overdue,
}
