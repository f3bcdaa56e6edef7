"""Which runs know of a stop, carried in the address from its form to the page that says so."""

from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec
from starlette.datastructures import QueryParams

from chaoscloud.console.db import Database
from chaoscloud.console.records.acknowledgements import MOST_NAMED, StopCounts
from chaoscloud.console.rules.safeguards import Safeguard
from chaoscloud.console.watch.acknowledging import wait_for_runs


async def wait_and_count(database: Database, safeguard: Safeguard) -> str:
    """What to add to the address once the runs know that a safeguard denies them, or do not."""
    report = await wait_for_runs(database, safeguard, safeguard.since)
    if report is None:
        return ""
    counts = {k: v for k, v in msgspec.structs.asdict(report.counts).items() if v is not None}
    silent = [run.execution_id for run in report.missing[:MOST_NAMED]]
    return f"&{urlencode(counts | {'silent': silent}, doseq=True)}"


def read_sentence(query: Mapping[str, str]) -> str:
    """The sentence for people; empty when the address carries no counts."""
    known = {name: query[name] for name in StopCounts.__struct_fields__ if name in query}
    try:
        return msgspec.convert({"slowest": None, **known}, StopCounts, strict=False).sentence
    except msgspec.ValidationError:
        return ""


def read_silent(query: QueryParams) -> list[str]:
    """The executions (their ids) that did not answer, as far as they are named."""
    return query.getlist("silent")[:MOST_NAMED]
