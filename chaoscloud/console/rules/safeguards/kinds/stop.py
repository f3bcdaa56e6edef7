"""The stop: nothing runs as long as it is set."""

import msgspec

from chaoscloud.console.rules.safeguards.kind import Kind
from chaoscloud.console.rules.safeguards.model import Finding, Question, Safeguard, denial


class StopSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stop needs no settings."""


class StopKind(Kind[StopSettings]):
    """Denies everything it applies to."""

    name = "stop"
    label = "Stop"
    purpose = "Nothing that carries one of some tags runs, for as long as it is on."
    settings = StopSettings
    needs_tags = True

    def decide(self, safeguard: Safeguard, settings: StopSettings, question: Question) -> Finding:
        """Deny."""
        return Finding(denial(safeguard))

    def describe(self, settings: StopSettings) -> str:
        """Nothing runs."""
        return "Nothing runs"


KIND = StopKind()
