"""Subscriptions: which events go where."""

from datetime import datetime

import msgspec

from chaoscloud.console.messages.events import CORRECTED, ENDS, TEST, WITH_OUTCOME, ConsoleEvent


class Subscription(msgspec.Struct, frozen=True):
    """Events of a team, or (`team_id` None) of a whole organization, for one target.

    `tags`, `outcomes` and `experiment_id` narrow it. `failures` are those since the last good
    answer, `retry_at` is when the target is called again.
    """

    id: str
    organization_id: str
    team_id: str | None
    name: str
    target: str
    settings: str
    events: tuple[str, ...]
    tags: tuple[str, ...]
    outcomes: tuple[str, ...]
    experiment_id: str | None
    created_at: datetime
    secret: str | None = None
    earlier_secret: str | None = None
    earlier_secret_until: datetime | None = None
    person_id: str | None = None
    operator: str | None = None
    updated_at: datetime | None = None
    paused_at: datetime | None = None
    pause_reason: str | None = None
    failures: int = 0
    failing_since: datetime | None = None
    retry_at: datetime | None = None

    def __repr__(self) -> str:
        """Name it; its settings and secrets open something."""
        return f"<Subscription {self.id} {self.name!r} to {self.target}>"

    def secrets(self, now: datetime) -> tuple[str, ...]:
        """The secrets that its messages are signed with: after a renewal, for a while, two."""
        until = self.earlier_secret_until
        earlier = self.earlier_secret if until is not None and now < until else None
        return tuple(secret for secret in (self.secret, earlier) if secret)


def wants(subscription: Subscription, event: ConsoleEvent) -> bool:
    """Whether an event is for this subscription.

    What has no tags, outcome or experiment of its own, such as a stop of all runs, concerns
    everything that one may have narrowed a subscription to.
    """
    if not _is_subscribed(subscription, event.type):
        return False
    if subscription.team_id is not None and event.team_id not in (None, subscription.team_id):
        return False
    experiment_id = subscription.experiment_id
    if experiment_id is not None and event.experiment_id not in (None, experiment_id):
        return False
    if subscription.tags and event.tags is not None and not set(subscription.tags) & {*event.tags}:
        return False
    outcomes = {event.outcome, event.earlier_outcome}
    has_outcome = bool(subscription.outcomes) and event.type in WITH_OUTCOME
    return not has_outcome or not outcomes.isdisjoint(subscription.outcomes)


def _is_subscribed(subscription: Subscription, type_: str) -> bool:
    """Whether it gets events of a type; who hears of ends also hears of their corrections."""
    if type_ == CORRECTED:
        return not ENDS.isdisjoint(subscription.events)
    return type_ == TEST or type_ in subscription.events
