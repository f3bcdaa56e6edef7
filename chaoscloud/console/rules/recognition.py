"""Whether an experiment is one we know, and is as we know it."""

from enum import Enum

import msgspec

from chaoscloud.console.rules import documents
from chaoscloud.console.rules.soundness import plain


class ExperimentDraft(msgspec.Struct, frozen=True):
    """An experiment as somebody sent it, not kept yet."""

    document: bytes
    digest: str
    title: str
    source: str | None  # the url it came from
    sent_id: str | None  # the experiment it says it is
    tags: tuple[str, ...] = ()


class Known(msgspec.Struct, frozen=True):
    """An experiment that is kept, and the fingerprint of its latest version."""

    id: str
    digest: str


class DocumentChange(Enum):
    """What the draft is to the console."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


def draft(document: bytes) -> ExperimentDraft:
    """Read what was sent. Raises `msgspec.ValidationError` when it is no experiment."""
    head = msgspec.json.decode(document, type=documents.Head)
    documents.ensure_bounded(head.tags)
    block = documents.block_of(head.extensions)
    return ExperimentDraft(
        document=document,
        digest=documents.digest(msgspec.json.decode(document, type=dict)),
        title=head.shown_title,
        source=plain(block.source) if block.source else None,
        sent_id=plain(block.experiment_id) if block.experiment_id else None,
        tags=head.tags,
    )


def change(known: Known | None, draft: ExperimentDraft) -> DocumentChange:
    """Compare with what is kept; which is told by id first, by source url else (contract, 6)."""
    if known is None:
        return DocumentChange.NEW
    return DocumentChange.UNCHANGED if known.digest == draft.digest else DocumentChange.CHANGED
