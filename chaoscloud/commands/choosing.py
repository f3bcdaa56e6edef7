"""Choosing one of several organizations, or teams: by name or id when told, else by asking."""

from collections.abc import Callable
from dataclasses import dataclass

from chaoscloud import _prompts
from chaoscloud.commands.directory import Entry
from chaoscloud.commands.failures import MissingInput

__all__ = ["Choice", "choose", "named"]


@dataclass(frozen=True)
class Choice:
    """How a choice is put to people."""

    word: str
    heading: str
    question: str

    @property
    def option(self) -> str:
        """The option that makes the choice without asking."""
        return f"--{self.word}"


def choose(entries: list[Entry], choice: Choice, wanted: str | None = None) -> Entry:
    """The wanted one, else the only one, else the one somebody picks from a numbered list."""
    if wanted is not None:
        return named(entries, wanted, choice)
    if len(entries) == 1:
        return entries[0]
    picked = _prompts.choose(choice.heading, [entry["name"] for entry in entries], choice.question)
    if picked is None:
        raise MissingInput(
            f"You belong to several {choice.word}s: "
            f"give {choice.option} NAME or ID, one of {_names(entries)}."
        )
    return entries[picked]


def named(entries: list[Entry], wanted: str, choice: Choice) -> Entry:
    """The entry with this id, else with this name, else with this name in another case."""
    tests: tuple[Callable[[Entry], bool], ...] = (
        lambda entry: entry["id"] == wanted,
        lambda entry: entry["name"] == wanted,
        lambda entry: entry["name"].casefold() == wanted.casefold(),
    )
    for test in tests:
        found = [entry for entry in entries if test(entry)]
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(entry["id"] for entry in found)
            raise MissingInput(f"{choice.option} '{wanted}' names several: give an id, of {ids}.")
    raise MissingInput(f"{choice.option} '{wanted}' is none of yours, which are {_names(entries)}.")


def _names(entries: list[Entry]) -> str:
    return ", ".join(f"'{entry['name']}'" for entry in entries)
