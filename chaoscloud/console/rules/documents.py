"""Experiment documents: what the console reads out of one, and the one it hands out to run.

People write them by hand, and YAML turns what they write into something else: a title of digits is
a number, a single tag a text. What can be understood is taken; a document is refused only when the
console could not act by it. A run that it refuses is one it has no record of.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from chaoscloud.console.rules.soundness import plain

OURS = "chaosiq"  # the name of our extension block
REDACTED = "redacted"  # the key in it: how many things were taken out before it was sent
UNTITLED = "Untitled experiment"
LONGEST_TITLE = 300  # characters, in lists; the document keeps its own
MOST_TAGS = 64
LONGEST_TAG = 128  # characters
# Of one run, or of one machine: never part of what is handed out.
PASSING = frozenset({"execution_id", "experiment_path", "run_id"})


class Block(msgspec.Struct, frozen=True):
    """What the console looks at in the `chaosiq` block; anything else in it is left alone."""

    any_experiment_id: Any = msgspec.field(default=None, name="experiment_id")
    any_source: Any = msgspec.field(default=None, name="source")
    any_objective_id: Any = msgspec.field(default=None, name="objective_id")
    any_safeguards: Any = msgspec.field(default=None, name="safeguards")
    stop: Any = None
    context: Any = None
    verification: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def experiment_id(self) -> str | None:
        """The experiment that the document says it is."""
        return text_of(self.any_experiment_id)

    @property
    def source(self) -> str | None:
        """The url that the document came from."""
        return text_of(self.any_source)

    @property
    def objective_id(self) -> str | None:
        """The objective that a verification is held against."""
        return text_of(self.any_objective_id)

    @property
    def safeguards(self) -> list[Any]:
        """The policies that stopped the run."""
        return self.any_safeguards if isinstance(self.any_safeguards, list) else []


class Head(msgspec.Struct, frozen=True):
    """What the console looks at in an experiment."""

    any_title: Any = msgspec.field(default=None, name="title")
    any_tags: Any = msgspec.field(default=None, name="tags")
    any_extensions: msgspec.Raw = msgspec.field(default=msgspec.Raw(b"null"), name="extensions")
    dry: Any = None  # what the host was told to leave out

    @property
    def title(self) -> str | None:
        """The title, as short as lists can show it; None when there is none."""
        title = text_of(self.any_title)
        return title[:LONGEST_TITLE] if title else None

    @property
    def shown_title(self) -> str:
        """The title, or a word for one that has none."""
        return plain(self.title or "") or UNTITLED

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags: one text is one tag, of an object its keys count."""
        several = isinstance(self.any_tags, list | dict)
        tags = map(text_of, self.any_tags if several else (self.any_tags,))
        return tuple(plain(tag) for tag in tags if tag is not None)

    @property
    def extensions(self) -> list[msgspec.Raw]:
        """The extension blocks, whatever they are."""
        if not bytes(self.any_extensions).lstrip().startswith(b"["):
            return []
        return msgspec.json.decode(self.any_extensions, type=list[msgspec.Raw])


class _Named(msgspec.Struct):
    name: Any = None


def block_of(extensions: Sequence[msgspec.Raw] | None) -> Block:
    """The first `chaosiq` block, or an empty one."""
    for raw in extensions or ():
        if _is_ours(raw):
            return msgspec.json.decode(raw, type=Block)
    return Block()


def _is_ours(raw: msgspec.Raw) -> bool:
    if not bytes(raw).lstrip().startswith(b"{"):
        return False
    return bool(msgspec.json.decode(raw, type=_Named).name == OURS)


def text_of(value: object) -> str | None:
    """A text, or a number or truth value as JSON writes it; None for anything else."""
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode() if isinstance(value, int | float) else None


def ensure_bounded(tags: Collection[str]) -> None:
    """Raise `msgspec.ValidationError` for more or longer tags than the console keeps.

    Tags are not cut short: a safeguard might name the very one that is missing.
    """
    if len(tags) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in tags):
        rule = f"Expected at most {MOST_TAGS} tags of at most {LONGEST_TAG} characters"
        raise msgspec.ValidationError(f"{rule} - at `$.tags`")


def without_ours(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as its author wrote it: no `chaosiq` block, no `dry`, no empty `extensions`."""
    author_part = {
        key: value for key, value in document.items() if key not in ("dry", "extensions")
    }
    others = [block for block in blocks_of(document) if not is_our_block(block)]
    return {**author_part, "extensions": others} if others else author_part


def blocks_of(document: Mapping[str, Any]) -> list[Any]:
    """The extension blocks of a decoded document, whatever they are."""
    blocks = document.get("extensions")
    return blocks if isinstance(blocks, list) else []


def is_our_block(block: object) -> bool:
    """Whether a decoded extension block is the `chaosiq` one."""
    return isinstance(block, dict) and block.get("name") == OURS


def removed_from(document: Mapping[str, Any]) -> int:
    """How many things were taken out of a document before it was sent, as its sender says."""
    ours: dict[str, Any] = next(filter(is_our_block, blocks_of(document)), {})
    count = ours.get(REDACTED)
    return count if isinstance(count, int) and count > 0 else 0


def digest(document: Mapping[str, Any]) -> str:
    """A fingerprint that stays the same as long as the author's part of the document does.

    A document that is whole differs from one of which the sender took something out, which may
    leave no trace in its texts.
    """
    author_part = without_ours(document)
    if removed_from(document):
        author_part[REDACTED] = True
    canonical = msgspec.json.encode(author_part, order="deterministic")
    return hashlib.sha256(canonical).hexdigest()


def to_run(document: Mapping[str, Any], ids: Mapping[str, Any]) -> bytes:
    """The document as `chaos run URL` and `chaos verify URL` load it, knowing where it belongs."""
    blocks = blocks_of(document)
    ours: dict[str, Any] = next((block for block in blocks if is_our_block(block)), {})
    block = {**_lasting(ours), "name": OURS, **{key: value for key, value in ids.items() if value}}
    others = [other for other in blocks if not is_our_block(other)]
    runnable = {key: value for key, value in document.items() if key != "dry"}
    return msgspec.json.encode({**runnable, "extensions": [*others, block]})


def _lasting(block: Mapping[str, Any]) -> dict[str, Any]:
    """The block without what was true of one run only, at any depth."""
    return {
        key: _lasting(value) if isinstance(value, dict) else value
        for key, value in block.items()
        if key not in PASSING
    }
