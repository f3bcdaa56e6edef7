"""Removing what organizations do not keep, in small steps beside the console's work."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from chaoscloud.console.db import Database
from chaoscloud.console.db.engines import return_free_pages
from chaoscloud.console.records import removals
from chaoscloud.console.records.removals import RECORD_TYPES, Content, RecordType, Removed
from chaoscloud.console.records.retention import list_retentions

log = logging.getLogger("chaosiq.console")

PERIOD = 600  # seconds between two looks for what is to be removed
STEP_PAUSE = 0.05  # seconds between two steps, in which ingest has the writer to itself


async def apply_retention(
    database: Database, now: Callable[[], datetime], pause: float = STEP_PAUSE
) -> dict[str, Removed]:
    """Remove what is due of every organization, and give the disk its room back.

    Return what was removed, by organization. Raises `StorageError`.
    """
    totals: dict[str, Removed] = {}
    for organization_id in await database.reading(list_retentions):
        removed = Removed()
        for content in Content:
            for record_type in RECORD_TYPES:
                removed = await _remove(
                    database, organization_id, content, record_type, removed, now(), pause
                )
        if removed != Removed():
            log.info("retention removed %s", removed.describe())
            totals[organization_id] = removed
    if totals:
        while await database.writing(return_free_pages):
            await asyncio.sleep(pause)
    return totals


async def _remove(
    database: Database,
    organization_id: str,
    content: Content,
    record_type: RecordType,
    removed: Removed,
    now: datetime,
    pause: float,
) -> Removed:
    last: str | None = ""
    while last is not None:
        due = await database.reading(
            removals.find_due, organization_id, content, record_type, now, after=last
        )
        ids, last = due.ids, due.last
        while ids:
            left, removed = await database.writing(
                removals.remove_due, organization_id, content, record_type, ids, removed, now
            )
            ids = list(left)
            await asyncio.sleep(pause)
    return removed
