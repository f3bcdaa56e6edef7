"""What of a journal cannot be redacted any more, because the secrets of then are not known now.

A run that was recorded was redacted with the values its secrets had. A journal that is published
later was not: since then a variable may be unset or changed, and a vault is not asked again. What
activities returned that were given secrets may hold those values, so it is replaced by a note.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chaoscloud.redaction.values import is_reference
from chaoscloud.types import Journal

__all__ = ["WITHHELD", "Withheld", "withhold_outputs"]

WITHHELD = "[withheld: this activity was given secrets]"

# `$name` and `${name}`, as the host and shells write them; `%name%`, as Windows does.
_PLACEHOLDER = re.compile(r"\$\{?(\w+)|%(\w+)%")

_RESOLVED = ("arguments", "url", "headers")
"""What the host resolves secrets into, in a provider."""


@dataclass(frozen=True)
class Withheld:
    """A copy of a journal; of how many activities something is missing; which secrets they had."""

    journal: Journal
    activities: int
    secrets: tuple[str, ...]


def withhold_outputs(journal: Journal) -> Withheld:
    """Leave out the outputs, exceptions and resolved arguments of activities with secrets.

    The caller's journal is not changed. An activity was given a secret when its provider lists the
    secret's group, or when a text of its provider names the secret or its environment variable.
    Raises `ValueError` for a journal that is too deep.
    """
    try:
        withholding = _Withholding(journal.get("experiment"))
        copy = {
            key: value if key == "experiment" else withholding.copy(value)
            for key, value in journal.items()
        }
    except RecursionError as error:
        raise ValueError("The journal is nested too deeply.") from error
    return Withheld(copy, withholding.activities, tuple(sorted(withholding.secrets)))


class _Withholding:
    """One journal being copied."""

    def __init__(self, experiment: Any) -> None:
        self.activities = 0
        self.secrets: set[str] = set()
        document = _mapping(experiment)
        secrets = _mapping(document.get("secrets"))
        self._names = _names_of_secrets(secrets)
        self._vault = _name_of_vault(secrets)
        self._configuration = _mapping(document.get("configuration"))
        self._providers = list(_providers_in(document))

    def copy(self, value: Any) -> Any:
        """The value, with notes in the runs of activities that are in it at any depth."""
        if isinstance(value, list):
            return [self.copy(item) for item in value]
        if not isinstance(value, dict):
            return value
        if isinstance(value.get("activity"), dict):
            return self._copy_run(value)
        return {key: self.copy(item) for key, item in value.items()}

    def _copy_run(self, run: dict[str, Any]) -> dict[str, Any]:
        provider = run["activity"].get("provider")
        secrets = set(self._secrets_given_to(provider))
        if not secrets:
            return run
        self.activities += 1
        self.secrets |= secrets
        copy = {**run, "activity": self._copy_activity(run["activity"])}
        if run.get("output") is not None:
            copy["output"] = WITHHELD
        if run.get("exception"):
            copy["exception"] = [WITHHELD]
        return copy

    def _copy_activity(self, activity: dict[str, Any]) -> dict[str, Any]:
        """The activity as the document has it; what was resolved in it is left out."""
        provider = activity["provider"]
        if provider in self._providers:
            return activity
        notes = {key: WITHHELD for key in _RESOLVED if provider.get(key)}
        return {**activity, "provider": {**provider, **notes}}

    def _secrets_given_to(self, provider: Any) -> Iterator[str]:
        if not isinstance(provider, dict):
            return
        groups = provider.get("secrets") or []
        yield from map(str, groups if isinstance(groups, list) else [groups])
        for text in _texts_in(provider):
            for placeholder in _PLACEHOLDER.finditer(text):
                name = placeholder[1] or placeholder[2]
                secret = self._names.get(name)
                if secret or (self._vault and name not in self._configuration):
                    yield secret or str(self._vault)


def _names_of_secrets(secrets: Mapping[str, Any], group: str = "") -> dict[str, str]:
    """The secret, as `group.name`, by what a text may call it: its name or its variable's."""
    names = {}
    for key, secret in secrets.items():
        name = f"{group}{key}"
        names[str(key)] = name
        if not isinstance(secret, dict):
            continue
        if not is_reference(secret):
            names |= _names_of_secrets(secret, f"{name}.")
        elif secret["type"] == "env":
            names[str(secret.get("key"))] = name
    return names


def _name_of_vault(secrets: Mapping[str, Any]) -> str | None:
    """The group that is all a vault has at a path: nobody knows the names of its secrets."""
    for group, secret in secrets.items():
        if isinstance(secret, dict) and secret.get("type") == "vault" and "key" not in secret:
            return str(group)
    return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _providers_in(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, list):
        for item in document:
            yield from _providers_in(item)
    elif isinstance(document, dict):
        if isinstance(document.get("provider"), dict):
            yield document["provider"]
        for item in document.values():
            yield from _providers_in(item)


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts_in(item)
