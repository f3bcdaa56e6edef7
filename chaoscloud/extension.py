"""The `chaosiq` block among a document's `extensions`: the only place that knows it.

Experiments and journals both carry it. Documents are written by people, so `extensions` may be
missing, null, not a list, or hold things that are no blocks: reading never fails on those.
"""

from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from chaoscloud.types import Experiment, Extension

__all__ = [
    "CONTEXT",
    "NAME",
    "REDACTED",
    "SENSITIVE_KEYS",
    "del_extension_value",
    "ensure_extension",
    "find_extension",
    "get_extension",
    "get_extension_value",
    "remove_sensitive_extension_values",
    "set_extension_value",
]

NAME = "chaosiq"

# What the block keeps for this machine only.
SENSITIVE_KEYS = ("experiment_path",)

CONTEXT = "context"
"""The key of where a run came from, in its journal's block: see `chaoscloud.context`."""

REDACTED = "redacted"
"""The key that says of an experiment that was sent how many things were taken out of it."""

Document = MutableMapping[str, Any]


def find_extension(extensions: object) -> Extension | None:
    """Our block in a list of `extensions`, or None. Changes made to it are made to the document."""
    for block in extensions if isinstance(extensions, list) else []:
        if isinstance(block, dict) and block.get("name") == NAME:
            return block
    return None


def get_extension(document: Document | None) -> Extension | None:
    """Our block in an experiment or a journal, or None."""
    return find_extension(document.get("extensions")) if document else None


def ensure_extension(document: Document) -> Extension:
    """Our block in an experiment or a journal, added to it when there is none.

    A value of `extensions` that is no list is of no use to anyone, the host included: it gives way.
    """
    block = get_extension(document)
    if block is None:
        block = {"name": NAME}
        if not isinstance(document.get("extensions"), list):
            document["extensions"] = []
        document["extensions"].append(block)
    return block


def get_extension_value(experiment: Experiment, key: str, default: Any = None) -> Any:
    """The value of `key` in our block; `default` when the block or the key is missing."""
    block = get_extension(experiment)
    return default if block is None else block.get(key, default)


def set_extension_value(experiment: Experiment, key: str, value: Any) -> None:
    """Put `value` under `key` in our block, which is added when there is none."""
    ensure_extension(experiment)[key] = value


def del_extension_value(experiment: Experiment, key: str, silent: bool = True) -> None:
    """Take `key` out of our block. A missing key raises `KeyError` unless `silent`."""
    block = get_extension(experiment) or {}
    if silent:
        block.pop(key, None)
    else:
        del block[key]


@contextmanager
def remove_sensitive_extension_values(
    experiment: Experiment, keys: Iterable[str] | None = None
) -> Iterator[Experiment]:
    """Take out what is for this machine only, inside the `with`; it is put back after it.

    A key that was absent stays absent. `keys` default to `SENSITIVE_KEYS`.
    """
    block = get_extension(experiment) or {}
    sensitive = SENSITIVE_KEYS if keys is None else tuple(keys)
    removed = {key: block.pop(key) for key in sensitive if key in block}
    try:
        yield experiment
    finally:
        block.update(removed)
