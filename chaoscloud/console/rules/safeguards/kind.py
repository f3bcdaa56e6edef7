"""What a kind of safeguard consists of. Each kind is one file of `kinds/`, which defines `KIND`."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from chaoscloud.console.rules.safeguards.fields import Field
from chaoscloud.console.rules.safeguards.model import Facts, Finding, Question, Safeguard

S = TypeVar("S", bound=msgspec.Struct)


class Kind(ABC, Generic[S]):
    """A kind of safeguard: its words for people, its settings, its form and its decision."""

    name: ClassVar[str]
    """Its name in the database, on the wire and on the command line."""

    label: ClassVar[str]
    """Its name to people."""

    purpose: ClassVar[str]
    """What it is for, in one sentence."""

    settings: type[S]
    """The shape of its settings: a frozen struct that forbids unknown fields."""

    fields: ClassVar[tuple[Field, ...]] = ()
    """The fields of its form beside those that every safeguard has."""

    needs_facts: ClassVar[bool] = False
    """Whether its decision depends on more than the run and the time."""

    decides_by_tags: ClassVar[bool] = False
    """Whether it decides by the tags of a run, so that there is no answer without one."""

    counts_executions: ClassVar[bool] = False
    """Whether its decision depends on which other executions are running."""

    interrupts: ClassVar[bool] = True
    """Whether it can stop a run under way; False for one that only keeps others from starting."""

    needs_tags: ClassVar[bool] = False
    """Whether the form asks for tags: for everything there is another button."""

    calls: ClassVar[str] = ""
    """The key of its settings with an address that the console calls, if there is one."""

    has_secret: ClassVar[bool] = False
    """Whether others call it, at an address of its own and with a secret."""

    @abstractmethod
    def decide(self, safeguard: Safeguard, settings: S, question: Question) -> Finding:
        """Deny or not; called only for a safeguard that is in force and applies to the run."""

    @abstractmethod
    def describe(self, settings: S) -> str:
        """What a safeguard with these settings does, in one line without a full stop."""

    def is_undecided(self, safeguard: Safeguard, facts: Facts) -> bool:
        """Whether the facts that its decision needs are not known yet."""
        return False

    def usage(self, safeguard: Safeguard, settings: S, question: Question) -> str:
        """How much of what it allows is used, such as `2 of 2 running`; empty where that is odd."""
        return ""

    def initial_form(self) -> dict[str, str]:
        """What the form of a new safeguard shows."""
        return {name: text for field in self.fields for name, text in field.initial_form().items()}

    def fill_form(self, settings: S) -> dict[str, str]:
        """The settings as the fields of a form show them."""
        form: dict[str, str] = {}
        for field in self.fields:
            form |= field.fill_form(getattr(settings, field.name))
        return form

    def read_form(self, form: Mapping[str, str]) -> dict[str, Any]:
        """The settings that were typed into a form, not yet checked. Raises `InvalidField`."""
        return {field.name: field.read_form(form) for field in self.fields}

    def subject_of(self, key: str) -> str:
        """How a message to people calls a key of the settings."""
        subjects = {key: text for field in self.fields for key, text in field.subjects().items()}
        return subjects.get(key, "Its settings")
