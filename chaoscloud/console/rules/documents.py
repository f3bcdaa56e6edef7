"""Experiment documents: what the console reads out of one, and the one it hands out to run."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from chaoscloud.console.rules.soundness import plain

OURS = "chaosiq"  # the name of our extension block
UNTITLED = "Untitled experiment"
# Of one run, or of one machine: never part of what is handed out.
PASSING = frozenset({"execution_id", "experiment_path", "run_id"})


class Block(msgspec.Struct, frozen=True):
    """What the console looks at in the `chaosiq` block; anything else in it is left alone."""

    experiment_id: str | None = None
    source: str | None = None
    objective_id: str | None = None
    safeguards: list[Any] | None = None
    stop: Any = None
    verification: msgspec.Raw = msgspec.Raw(b"null")


class Head(msgspec.Struct, frozen=True):
    """What the console looks at in an experiment."""

    title: str | None = None
    tags: list[str] | None = None
    extensions: list[msgspec.Raw] | None = None

    @property
    def shown_title(self) -> str:
        """The title, or a word for one that has none."""
        return plain(self.title or "") or UNTITLED


class _Named(msgspec.Struct):
    name: Any = None


def block_of(extensions: Sequence[msgspec.Raw] | None) -> Block:
    """The first `chaosiq` block, or an empty one.

    Raises `msgspec.ValidationError` when something in it is of the wrong type.
    """
    for raw in extensions or ():
        if _is_ours(raw):
            return msgspec.json.decode(raw, type=Block)
    return Block()


def _is_ours(raw: msgspec.Raw) -> bool:
    if not bytes(raw).lstrip().startswith(b"{"):
        return False
    return bool(msgspec.json.decode(raw, type=_Named).name == OURS)


def without_ours(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as its author wrote it: no `chaosiq` block, no `dry`, no empty `extensions`."""
    kept = {key: value for key, value in document.items() if key not in ("dry", "extensions")}
    others = [block for block in blocks_of(document) if not is_our_block(block)]
    return {**kept, "extensions": others} if others else kept


def blocks_of(document: Mapping[str, Any]) -> list[Any]:
    """The extension blocks of a decoded document, whatever they are."""
    blocks = document.get("extensions")
    return blocks if isinstance(blocks, list) else []


def is_our_block(block: object) -> bool:
    """Whether a decoded extension block is the `chaosiq` one."""
    return isinstance(block, dict) and block.get("name") == OURS


def digest(document: Mapping[str, Any]) -> str:
    """A fingerprint that stays the same as long as the author's part of the document does."""
    canonical = msgspec.json.encode(without_ours(document), order="deterministic")
    return hashlib.sha256(canonical).hexdigest()


def to_run(document: Mapping[str, Any], ids: Mapping[str, Any]) -> bytes:
    """The document as `chaos run URL` and `chaos verify URL` load it, knowing where it belongs."""
    blocks = blocks_of(document)
    ours: dict[str, Any] = next((block for block in blocks if is_our_block(block)), {})
    block = {**_lasting(ours), "name": OURS, **{key: value for key, value in ids.items() if value}}
    others = [other for other in blocks if not is_our_block(other)]
    made = {key: value for key, value in document.items() if key != "dry"}
    return msgspec.json.encode({**made, "extensions": [*others, block]})


def _lasting(block: Mapping[str, Any]) -> dict[str, Any]:
    """The block without what was true of one run only, at any depth."""
    return {
        key: _lasting(value) if isinstance(value, dict) else value
        for key, value in block.items()
        if key not in PASSING
    }
