"""What a run leaves in the journal's `chaosiq` block, for `chaos publish` and for people."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from chaoscloud.context import read_context
from chaoscloud.extension import CONTEXT, ensure_extension
from chaoscloud.types import Journal

if TYPE_CHECKING:
    from chaoscloud.controls.run import Run
    from chaoscloud.delivery.outbox import Outbox

__all__ = ["mark_journal"]


def mark_journal(run: "Run", journal: Journal, outbox: "Outbox | None") -> None:
    """Write into the block which execution this is, and what did not go as it should."""
    if not (outbox or run.problem or run.guard):
        return
    known = outbox.registration if outbox else run.registration
    ensure_extension(journal).update(
        known.ids,
        safeguards=_copies(run.guard.policies) if run.guard else None,
        **{key: note for key, note in _notes(run, outbox).items() if note},
    )


def _notes(run: "Run", outbox: "Outbox | None") -> dict[str, Any]:
    """What did not go as it should; falsy where there is nothing to say."""
    notes: dict[str, Any] = {}
    if run.problem:
        notes = {"not_recorded": {"reason": run.problem}}
    elif outbox is not None and outbox.is_closed:
        notes = outbox.report.as_notes()
    guard = run.guard
    return {
        **notes,
        CONTEXT: (outbox and outbox.context) or read_context(),
        "safeguards_without_answer": guard and _copies(guard.gaps),
        "safeguards_during_rollbacks": guard and _copies(guard.late_denial),
        "stop": guard and guard.stop and guard.stop.as_document(),
        "rollbacks_not_played": run.rollbacks_not_run,
    }


def _copies(entries: Iterable[Mapping[str, Any]] | None) -> list[dict[str, Any]] | None:
    return None if entries is None else [dict(entry) for entry in entries]
