"""Fields of a form: from a setting to text, and from what somebody typed back to a setting."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from chaoscloud.console.rules.durations import seconds_of
from chaoscloud.outcome.durations import format_duration

MOST_TAGS = 50
LONGEST_TAG = 200  # characters


class InvalidField(Exception):
    """What somebody typed cannot be used; the message is the sentence that says why."""


class Field(msgspec.Struct, frozen=True):
    """One line of text. `subject` is how an error message calls the field.

    `template` draws it; a field of another shape brings a template of its own.
    """

    template: ClassVar[str] = "fields/text.html"

    name: str
    label: str
    subject: str
    initial: str = ""
    wide: bool = False
    placeholder: str = ""
    type: str = "text"
    hint: str = ""

    def initial_form(self) -> dict[str, str]:
        """What the form of a new safeguard shows."""
        return {self.name: self.initial}

    def fill_form(self, value: Any) -> dict[str, str]:
        """A setting as the form shows it."""
        return {self.name: str(value)}

    def read_form(self, form: Mapping[str, str]) -> Any:
        """The setting that was typed. Raises `InvalidField`."""
        return form.get(self.name, "").strip()

    def subjects(self) -> dict[str, str]:
        """How messages call the keys of the settings that this field fills."""
        return {self.name: self.subject}


class OptionalField(Field, frozen=True):
    """One line of text that may be left empty."""

    template: ClassVar[str] = "fields/optional.html"


class ChoiceField(Field, frozen=True):
    """One of a few values, each with its words."""

    template: ClassVar[str] = "fields/choice.html"

    choices: tuple[tuple[str, str], ...] = ()


class NumberField(Field, frozen=True):
    """A whole number."""

    def read_form(self, form: Mapping[str, str]) -> int:
        """The number. Raises `InvalidField`."""
        text = form.get(self.name, "").strip()
        if not (text.isascii() and text.isdigit() and len(text) < 9):
            raise InvalidField(f"{self.subject} is a number: 1, say.")
        return int(text)


class DurationField(Field, frozen=True):
    """A length of time such as `30 s`; the setting is in seconds."""

    def fill_form(self, value: Any) -> dict[str, str]:
        """The duration as it may be typed again."""
        text = format_duration(value)
        return {self.name: text if seconds_of(text) == value else f"{value:g} s"}

    def read_form(self, form: Mapping[str, str]) -> float:
        """The seconds. Raises `InvalidField`."""
        seconds = seconds_of(form.get(self.name, ""))
        if seconds is None:
            raise InvalidField(f"{self.subject} is a duration: {self.initial}, say.")
        return seconds


class TagsField(Field, frozen=True):
    """Tags with commas between."""

    def fill_form(self, value: Any) -> dict[str, str]:
        """The tags in one line."""
        return {self.name: ", ".join(value)}

    def read_form(self, form: Mapping[str, str]) -> tuple[str, ...]:
        """The tags, at least one. Raises `InvalidField`."""
        tags = read_tags(form.get(self.name, ""))
        if not tags:
            raise InvalidField("Name at least one tag.")
        return tags


def read_tags(typed: str) -> tuple[str, ...]:
    """The tags in one line, each once. Raises `InvalidField`."""
    tags = tuple(dict.fromkeys(tag.strip() for tag in typed.split(",") if tag.strip()))
    if len(tags) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in tags):
        raise InvalidField(
            f"At most {MOST_TAGS} tags, with commas between, each of at most {LONGEST_TAG}"
            " characters."
        )
    return tags
