"""Choosing one of several organizations, or teams: by name or id where given, else by asking."""

from collections.abc import Callable
from dataclasses import dataclass

from chaoscloud import _prompts
from chaoscloud.commands.directory import Entry
from chaoscloud.commands.failures import MissingInput

__all__ = ["Choice", "choose", "find_entry"]


@dataclass(frozen=True)
class Choice:
    """How a choice is put to people; `current` is the id of the entry in use.

    `option` is what makes the choice without asking.
    """

    word: str
    heading: str
    question: str
    current: str | None = None
    option: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "option", self.option or f"--{self.word}")


def choose(entries: list[Entry], choice: Choice, name_or_id: str | None = None) -> Entry:
    """The entry that `name_or_id` names, else the only one, else the one that somebody picks."""
    if name_or_id is not None:
        return find_entry(entries, name_or_id, choice)
    if len(entries) == 1:
        return entries[0]
    current = next((i for i, entry in enumerate(entries) if entry["id"] == choice.current), None)
    names = [entry["name"] for entry in entries]
    picked = _prompts.choose(choice.heading, names, choice.question, current)
    if picked is None:
        raise MissingInput(
            f"You belong to several {choice.word}s: "
            f"give {choice.option} NAME or ID, one of {_list_names(entries)}."
        )
    return entries[picked]


def find_entry(entries: list[Entry], name_or_id: str, choice: Choice) -> Entry:
    """The entry with this id, else with this name, else with this name in another case."""
    tests: tuple[Callable[[Entry], bool], ...] = (
        lambda entry: entry["id"] == name_or_id,
        lambda entry: entry["name"] == name_or_id,
        lambda entry: entry["name"].casefold() == name_or_id.casefold(),
    )
    for test in tests:
        matches = [entry for entry in entries if test(entry)]
        if len(matches) == 1:
            return matches[0]
        if matches:
            ids = ", ".join(entry["id"] for entry in matches)
            raise MissingInput(
                f"{choice.option} '{name_or_id}' names several: give an id, of {ids}."
            )
    raise MissingInput(
        f"{choice.option} '{name_or_id}' is none of yours, which are {_list_names(entries)}."
    )


def _list_names(entries: list[Entry]) -> str:
    return ", ".join(f"'{entry['name']}'" for entry in entries)
