"""One file for each kind of safeguard. Whatever file stands in this folder is a kind."""

from collections.abc import Iterable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from chaoscloud.console.rules.safeguards.kind import Kind

# The order in which forms and help offer them; a kind that is not listed comes after these.
_ORDER = ("stop", "windows", "tags", "limit", "webhook", "alert")


def load_kinds(folders: Iterable[str]) -> dict[str, Kind[Any]]:
    """The kinds in the files of these folders, by name."""
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(folders)]
    kinds: dict[str, Kind[Any]] = {module.KIND.name: module.KIND for module in modules}
    places = {name: place for place, name in enumerate(_ORDER)}
    return dict(sorted(kinds.items(), key=lambda item: (places.get(item[0], len(places)), item[0])))


KINDS = load_kinds(__path__)
