"""Records of a run put into the shape of HTTP requests. Pure.

Ids that were not known when something was recorded are put in here.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chaoscloud.api import urls
from chaoscloud.delivery.copies import shorten
from chaoscloud.delivery.records import Record, SpoolContents
from chaoscloud.extension import CONTEXT, ensure_extension, get_extension, get_extension_value

__all__ = ["BATCH", "NotSendable", "QueuedRequest", "build_request"]

JSON = "application/json"
SINGLE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"

LARGEST_BATCH = 512 * 1024  # bytes, unless the first event alone is larger

CUTS: tuple[int, ...] = (4 * 1024 * 1024, 256 * 1024)
"""How many characters of text a journal may keep that was too large, at each attempt."""

FOLLOWED_BY = {"end": "journal", "run-end": "run-finished"}
"""The small record of an end, and the large one that says the same and more."""


class NotSendable(Exception):
    """The console did not take what this belongs to; the message is a phrase for people."""


@dataclass(frozen=True)
class QueuedRequest:
    """A request below a team's address, and the records it is made of.

    `id_name` is the name of the id that the answer brings, `known_id` what it is if the answer has
    none. `is_cuttable` is whether it can be made smaller.
    """

    records: tuple[Record, ...]
    method: str
    url: str
    body: bytes
    content_type: str = JSON
    key: str | None = None
    id_name: str | None = None
    known_id: str | None = None
    is_cuttable: bool = False

    @property
    def numbers(self) -> list[int]:
        """The numbers of its records."""
        return [record.n for record in self.records]


@dataclass(frozen=True)
class _Place:
    """What a request is made with; `cut` is how often its journal was too large already."""

    contents: SpoolContents
    team_url: str
    cut: int

    def get_id(self, name: str) -> str:
        ids = self.contents.ids
        if name not in ids:
            raise NotSendable(f"the console did not take the {name.removesuffix('_id')} it is of")
        return ids[name]

    @property
    def execution_url(self) -> str:
        experiment_url = urls.experiment(self.team_url, self.get_id("experiment_id"))
        return urls.execution(experiment_url, self.get_id("execution_id"))

    def run_url(self, document: Mapping[str, Any]) -> str:
        verification_url = urls.verification(self.team_url, document["verification_id"])
        return urls.verification_run(verification_url, self.get_id("run_id"))

    def name_ids(self, journal: dict[str, Any]) -> dict[str, Any]:
        """The journal with the ids of its experiment and its execution, wherever it names them."""
        ids = self.contents.ids
        known: dict[str, Any] = {
            key: ids[key] for key in ("experiment_id", "execution_id") if key in ids
        }
        for document in (journal, journal.get("experiment")):
            if isinstance(document, dict) and (block := get_extension(document)) is not None:
                block.update(known)
        return journal

    def shorten_journal(self, journal: dict[str, Any]) -> dict[str, Any]:
        """The journal as small as it has to be, which it says."""
        if self.cut == 0:
            return journal
        limit = CUTS[self.cut - 1]
        shorter: dict[str, Any] = shorten(journal, limit)
        ensure_extension(shorter)["cut"] = {
            "reason": "the whole journal is too large for the console",
            "characters_of_text": limit,
        }
        return shorter

    def complete_end(self, end: Mapping[str, Any]) -> dict[str, Any]:
        """The journal as it was when the run began, with its end."""
        opening = self.contents.opening
        journal = opening.parse()["journal"] if opening is not None else {}
        context = (get_extension(journal) or {}).get(CONTEXT)
        whole = {**journal, **end}
        if context:
            ensure_extension(whole).setdefault(CONTEXT, context)
        return self.name_ids(whole)


def build_request(
    records: Sequence[Record],
    contents: SpoolContents,
    team_url: str,
    *,
    batches: bool = False,
    alone: bool = False,
    cut: int = 0,
) -> QueuedRequest:
    """The request for the first of these records; with `batches`, for the events after it as well.

    An experiment goes together with its execution; with `alone`, each record goes alone. Raises
    `NotSendable`.
    """
    place = _Place(contents, team_url, cut)
    first = records[0]
    if first.kind == "event":
        return _event_request(_take_batch(records) if batches and not alone else [first], place)
    if not alone and [record.kind for record in records[:2]] == ["experiment", "execution"]:
        return _start((first, records[1]), place)
    if len(records) > 1 and FOLLOWED_BY.get(first.kind) == records[1].kind:
        return _BUILDERS[records[1].kind]((first, records[1]), place)
    return _BUILDERS[first.kind]((first,), place)


def _take_batch(records: Sequence[Record]) -> list[Record]:
    """The events at the head, as many as go into one request."""
    batch: list[Record] = []
    size = 0
    for record in records:
        size += len(record.line)
        if record.kind != "event" or (batch and size > LARGEST_BATCH):
            break
        batch.append(record)
    return batch


def _event_request(records: list[Record], place: _Place) -> QueuedRequest:
    url = urls.event(place.execution_url)
    documents = [record.parse() for record in records]
    if len(documents) > 1:
        batch = [{**document["event"], "data": document["data"]} for document in documents]
        return QueuedRequest(tuple(records), "POST", url, _encode(batch), BATCH)
    # An original's console reads the data as a string, and the older way is understood by all.
    event = {**documents[0]["event"], "data": json.dumps(documents[0]["data"])}
    return QueuedRequest(tuple(records), "POST", url, _encode(event), SINGLE)


Records = tuple[Record, ...]


def _experiment(records: Records, place: _Place) -> QueuedRequest:
    document = records[-1].parse()
    experiment = document["document"]
    return QueuedRequest(
        records,
        "POST",
        urls.experiment(place.team_url),
        _encode({"experiment": experiment}),
        key=document["key"],
        id_name="experiment_id",
        known_id=get_extension_value(experiment, "experiment_id"),
    )


def _start(records: Records, place: _Place) -> QueuedRequest:
    """Both in one: a console that does not know that takes the experiment, and names no execution.

    The journal goes without the experiment, which stands beside it.
    """
    document, opening = (record.parse() for record in records)
    journal = {name: part for name, part in opening["journal"].items() if name != "experiment"}
    request = _experiment(records[:1], place)
    body = _encode({"experiment": document["document"], "journal": journal})
    return replace(request, records=records, body=body, key=opening["key"])


def _execution(records: Records, place: _Place) -> QueuedRequest:
    document = records[-1].parse()
    experiment_id = place.get_id("experiment_id")
    journal = document["journal"]
    ensure_extension(journal["experiment"])["experiment_id"] = experiment_id
    return QueuedRequest(
        records,
        "POST",
        urls.execution(urls.experiment(place.team_url, experiment_id)),
        _encode({"journal": journal}),
        key=document["key"],
        id_name="execution_id",
    )


def _journal(records: Records, place: _Place) -> QueuedRequest:
    url = place.execution_url
    record = records[-1]
    if place.cut == 0 and b'"named":true,' in record.line[:80]:
        # It names its execution already, and may be too large to be decoded while a run goes on.
        body = b"".join([b'{"journal":', record.read_last_member("journal"), b"}"])
    else:
        journal = place.shorten_journal(place.name_ids(record.parse()["journal"]))
        body = _encode({"journal": journal})
    return QueuedRequest(records, "PUT", url, body, is_cuttable=place.cut < len(CUTS))


def _end(records: Records, place: _Place) -> QueuedRequest:
    journal = place.complete_end(records[-1].parse()["end"])
    return QueuedRequest(records, "PUT", place.execution_url, _encode({"journal": journal}))


def _run_start(records: Records, place: _Place) -> QueuedRequest:
    document = records[-1].parse()
    body = {
        "journal": place.name_ids(document["journal"]),
        "status": "started",
        "experiment_id": place.get_id("experiment_id"),
        "execution_id": place.get_id("execution_id"),
    }
    url = urls.verification_run(urls.verification(place.team_url, document["verification_id"]))
    return QueuedRequest(records, "POST", url, _encode(body), key=document["key"], id_name="run_id")


def _run_event(records: Records, place: _Place) -> QueuedRequest:
    document = records[-1].parse()
    payload = document["payload"]
    body = {"category": document["category"]} | ({} if payload is None else {"payload": payload})
    url = urls.verification_run_events(place.run_url(document))
    return QueuedRequest(records, "POST", url, _encode(body), key=document["key"])


def _run_finished(records: Records, place: _Place) -> QueuedRequest:
    document = records[-1].parse()
    journal = place.shorten_journal(place.name_ids(document["journal"]))
    return _finish(records, place, document, journal)


def _run_end(records: Records, place: _Place) -> QueuedRequest:
    document = records[-1].parse()
    return _finish(records, place, document, place.complete_end(document["end"]))


def _finish(
    records: Records, place: _Place, document: dict[str, Any], journal: dict[str, Any]
) -> QueuedRequest:
    body = {"journal": journal, "status": journal.get("status"), "results": document["results"]}
    return QueuedRequest(
        records,
        "POST",
        f"{place.run_url(document)}/finished",
        _encode(body),
        # The same end in a smaller form is another body, and may not come under the same key.
        key=f"{document['key']}.{records[-1].kind}.{place.cut}",
        is_cuttable=records[-1].kind == "run-finished" and place.cut < len(CUTS),
    )


_BUILDERS: Mapping[str, Callable[[Records, _Place], QueuedRequest]] = {
    "experiment": _experiment,
    "execution": _execution,
    "journal": _journal,
    "end": _end,
    "run-start": _run_start,
    "run-event": _run_event,
    "run-finished": _run_finished,
    "run-end": _run_end,
}


def _encode(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
