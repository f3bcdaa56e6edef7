"""An alert: while one fires nothing runs, and when it is resolved runs may go on."""

from datetime import timedelta
from typing import Annotated

import msgspec

from chaoscloud.console.rules.safeguards.fields import DurationField
from chaoscloud.console.rules.safeguards.kind import Kind
from chaoscloud.console.rules.safeguards.model import Finding, Question, Safeguard, denial
from chaoscloud.outcome.durations import format_duration

MOST_NAMED = 5  # alerts named in a reason


class AlertSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`forget_after`: seconds after which an alert that nobody repeats counts as resolved.

    Whoever sends alerts repeats them (Alertmanager every four hours unless configured otherwise).
    """

    forget_after: Annotated[float, msgspec.Meta(ge=60, le=30 * 86_400)] = 86_400.0


class AlertKind(Kind[AlertSettings]):
    """Denies while one of its alerts fires."""

    name = "alert"
    label = "Alert"
    purpose = "While an alert of yours fires, nothing runs."
    settings = AlertSettings
    fields = (
        DurationField(
            "forget_after",
            "Forget an alert that nobody repeats for",
            "When an alert is forgotten",
            initial="1 day",
        ),
    )
    needs_facts = True
    has_secret = True

    def decide(self, safeguard: Safeguard, settings: AlertSettings, question: Question) -> Finding:
        """Deny while an alert fires that was sent recently enough."""
        lifetime = timedelta(seconds=settings.forget_after)
        alerts = question.facts.alerts.get(safeguard.id, ())
        firing = [alert for alert in alerts if alert.last_sent_at + lifetime > question.now]
        if not firing:
            return Finding()
        summaries = ", ".join(sorted({alert.summary for alert in firing})[:MOST_NAMED])
        policy = denial(
            safeguard,
            reason=f"{safeguard.reason} ({summaries})",
            since=min(alert.since for alert in firing),
        )
        return Finding(policy, min(alert.last_sent_at + lifetime for alert in firing))

    def describe(self, settings: AlertSettings) -> str:
        """While what, and when that is forgotten."""
        duration = format_duration(settings.forget_after)
        return f"While an alert fires; one not repeated for {duration} is forgotten"


KIND = AlertKind()
