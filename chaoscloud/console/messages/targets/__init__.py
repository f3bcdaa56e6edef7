"""One file for each kind of target. Whatever file stands here without a `_` is one."""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from chaoscloud.console.messages.targets.target import Sending, Target

__all__ = ["TARGETS", "Sending", "Target"]

# The order in which forms and help offer them; one that is not listed comes after these.
_ORDER = ("webhook", "slack", "teams", "email", "pagerduty", "grafana", "apprise")


def _load_targets() -> dict[str, Target[Any]]:
    names = [module.name for module in iter_modules(__path__)]
    modules = [
        import_module(f"{__name__}.{name}")
        for name in names
        if not name.startswith("_") and name != "target"
    ]
    targets: dict[str, Target[Any]] = {module.TARGET.name: module.TARGET for module in modules}
    first = [name for name in _ORDER if name in targets]
    return {name: targets[name] for name in [*first, *sorted(targets.keys() - set(_ORDER))]}


TARGETS = _load_targets()
