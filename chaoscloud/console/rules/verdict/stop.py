"""The stop switch: nothing runs as long as it is set."""

import msgspec

from chaoscloud.console.rules.verdict.words import Question, Safeguard, Said, refusal


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A switch needs no settings."""


def says(safeguard: Safeguard, settings: Settings, asked: Question) -> Said:
    """No."""
    return Said(refusal(safeguard))
