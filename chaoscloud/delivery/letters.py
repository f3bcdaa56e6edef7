"""What travels: records of a run put into the shape of a request. Pure.

Ids that were not known when something was recorded are put in here.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaoscloud.api import urls
from chaoscloud.delivery.records import Entry
from chaoscloud.extension import ensure_extension, get_extension, get_extension_value

__all__ = ["Letter", "Undeliverable", "write"]

JSON = "application/json"
SINGLE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"

LARGEST_BATCH = 512 * 1024  # bytes, unless the first event alone is larger

Ids = Mapping[str, str]


class Undeliverable(Exception):
    """The console did not take what this belongs to; the message is a phrase for people."""


@dataclass(frozen=True)
class Letter:
    """A request below a team's address, and the records it delivers.

    `gives` is the name of the id that the answer brings, `known` what it is if the answer has none.
    """

    entries: tuple[Entry, ...]
    method: str
    url: str
    body: bytes
    content_type: str = JSON
    key: str | None = None
    gives: str | None = None
    known: str | None = None

    @property
    def numbers(self) -> list[int]:
        """The numbers of its records."""
        return [entry.n for entry in self.entries]


def write(entries: Sequence[Entry], ids: Ids, team_url: str, *, batches: bool) -> Letter:
    """The letter for the first of these records; with `batches`, for the events after it as well.

    `ids` are those known so far. Raises `Undeliverable`.
    """
    first = entries[0]
    if first.kind == "event":
        together = _batch(entries) if batches else [first]
        return _events(together, ids, team_url)
    return _WRITERS[first.kind](first, first.read(), ids, team_url)


def _batch(entries: Sequence[Entry]) -> list[Entry]:
    """The events at the head, as many as go into one letter."""
    taken: list[Entry] = []
    size = 0
    for entry in entries:
        size += len(entry.line)
        if entry.kind != "event" or (taken and size > LARGEST_BATCH):
            break
        taken.append(entry)
    return taken


def _events(entries: list[Entry], ids: Ids, team_url: str) -> Letter:
    url = urls.event(_execution_url(ids, team_url))
    records = [entry.read() for entry in entries]
    if len(records) > 1:
        batch = [{**record["event"], "data": record["data"]} for record in records]
        return Letter(tuple(entries), "POST", url, _json(batch), BATCH)
    # An original's console reads the data as a string, and the older way is understood by all.
    event = {**records[0]["event"], "data": json.dumps(records[0]["data"])}
    return Letter(tuple(entries), "POST", url, _json(event), SINGLE)


def _experiment(entry: Entry, record: dict[str, Any], ids: Ids, team_url: str) -> Letter:
    document = record["document"]
    return Letter(
        (entry,),
        "POST",
        urls.experiment(team_url),
        _json({"experiment": document}),
        key=record["key"],
        gives="experiment_id",
        known=get_extension_value(document, "experiment_id"),
    )


def _execution(entry: Entry, record: dict[str, Any], ids: Ids, team_url: str) -> Letter:
    experiment_id = _known(ids, "experiment_id")
    journal = record["journal"]
    ensure_extension(journal["experiment"])["experiment_id"] = experiment_id
    return Letter(
        (entry,),
        "POST",
        urls.execution(urls.experiment(team_url, experiment_id)),
        _json({"journal": journal}),
        key=record["key"],
        gives="execution_id",
    )


def _journal(entry: Entry, record: dict[str, Any], ids: Ids, team_url: str) -> Letter:
    url = _execution_url(ids, team_url)
    journal = _named(record["journal"], ids)
    return Letter((entry,), "PUT", url, _json({"journal": journal}))


def _run_start(entry: Entry, record: dict[str, Any], ids: Ids, team_url: str) -> Letter:
    body = {
        "journal": _named(record["journal"], ids),
        "status": "started",
        "experiment_id": _known(ids, "experiment_id"),
        "execution_id": _known(ids, "execution_id"),
    }
    url = urls.verification_run(urls.verification(team_url, record["verification_id"]))
    return Letter((entry,), "POST", url, _json(body), key=record["key"], gives="run_id")


def _run_event(entry: Entry, record: dict[str, Any], ids: Ids, team_url: str) -> Letter:
    payload = record["payload"]
    body = {"category": record["category"]} | ({} if payload is None else {"payload": payload})
    url = urls.verification_run_events(_run_url(record, ids, team_url))
    return Letter((entry,), "POST", url, _json(body), key=record["key"])


def _run_finished(entry: Entry, record: dict[str, Any], ids: Ids, team_url: str) -> Letter:
    journal = _named(record["journal"], ids)
    body = {"journal": journal, "status": journal.get("status"), "results": record["results"]}
    url = f"{_run_url(record, ids, team_url)}/finished"
    return Letter((entry,), "POST", url, _json(body), key=record["key"])


_WRITERS: Mapping[str, Callable[[Entry, dict[str, Any], Ids, str], Letter]] = {
    "experiment": _experiment,
    "execution": _execution,
    "journal": _journal,
    "run-start": _run_start,
    "run-event": _run_event,
    "run-finished": _run_finished,
}


def _named(journal: dict[str, Any], ids: Ids) -> dict[str, Any]:
    """The journal with the ids of its experiment and its execution, wherever it names them."""
    known = {key: ids[key] for key in ("experiment_id", "execution_id") if key in ids}
    for document in (journal, journal.get("experiment")):
        if isinstance(document, dict) and (block := get_extension(document)) is not None:
            block.update(known)
    return journal


def _execution_url(ids: Ids, team_url: str) -> str:
    experiment_url = urls.experiment(team_url, _known(ids, "experiment_id"))
    return urls.execution(experiment_url, _known(ids, "execution_id"))


def _run_url(record: Mapping[str, Any], ids: Ids, team_url: str) -> str:
    verification_url = urls.verification(team_url, record["verification_id"])
    return urls.verification_run(verification_url, _known(ids, "run_id"))


def _known(ids: Ids, name: str) -> str:
    if name not in ids:
        raise Undeliverable(f"the console did not take the {name.removesuffix('_id')} it is of")
    return ids[name]


def _json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
