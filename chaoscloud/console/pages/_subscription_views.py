"""What the pages of subscriptions show: their rows, their messages, experiments to choose from."""

import msgspec
from sqlalchemy import Connection

from chaoscloud.console.errors import NotFound
from chaoscloud.console.messages import outbox
from chaoscloud.console.messages.outbox import MessageRow
from chaoscloud.console.messages.settings import describe_target
from chaoscloud.console.messages.subscriptions import Subscription
from chaoscloud.console.messages.targets import TARGETS
from chaoscloud.console.pages._visit import Visit
from chaoscloud.console.records import experiments, subscriptions

MOST_SHOWN = 50  # messages
MOST_EXPERIMENTS = 500  # to choose from


class SubscriptionRow(msgspec.Struct, frozen=True):
    """A subscription as the list shows it."""

    subscription: Subscription
    label: str  # of its target
    place: str  # where its messages go
    state: str  # ok | failing | paused
    experiment: str | None  # the name of the only one that it is about


class ExperimentChoice(msgspec.Struct, frozen=True):
    """An experiment that a subscription may be narrowed to."""

    id: str
    title: str


class SubscriptionPage(msgspec.Struct, frozen=True):
    """What the page of a subscription shows beside its form; `row` None: of a new one."""

    choices: list[ExperimentChoice]
    row: SubscriptionRow | None = None
    messages: list[MessageRow] = []


def _describe(connection: Connection, visit: Visit, subscription: Subscription) -> SubscriptionRow:
    state = "failing" if subscription.failures else "ok"
    return SubscriptionRow(
        subscription,
        TARGETS[subscription.target].label,
        describe_target(subscription),
        "paused" if subscription.paused_at else state,
        _find_experiment_name(connection, visit, subscription.experiment_id),
    )


def _find_experiment_name(
    connection: Connection, visit: Visit, experiment_id: str | None
) -> str | None:
    """The name of the team's experiment; what another team calls its own is not for this one."""
    if experiment_id is None:
        return None
    scope = visit.scope
    name = experiments.find_name(connection, scope.organization_id, scope.team_id, experiment_id)
    return name or "an experiment that this team does not have"


def list_choices(connection: Connection, visit: Visit) -> list[ExperimentChoice]:
    """The team's experiments, by their names."""
    page = experiments.list_page(connection, visit.scope.team_id, limit=MOST_EXPERIMENTS)
    choices = [ExperimentChoice(experiment.id, experiment.title) for experiment in page]
    return sorted(choices, key=lambda choice: choice.title.casefold())


def load_rows(connection: Connection, visit: Visit) -> list[SubscriptionRow]:
    """The team's subscriptions and its organization's, the oldest first."""
    every = subscriptions.list_subscriptions(
        connection, visit.scope.organization_id, visit.scope.team_id
    )
    return [_describe(connection, visit, subscription) for subscription in every]


def load_page(
    connection: Connection, visit: Visit, subscription_id: str
) -> tuple[Subscription, SubscriptionPage]:
    """A subscription with all that its page shows. Raises `NotFound`."""
    subscription = find_subscription(connection, visit, subscription_id)
    row, choices = _describe(connection, visit, subscription), list_choices(connection, visit)
    messages = outbox.list_messages(connection, subscription.id, limit=MOST_SHOWN)
    chosen = subscription.experiment_id
    if chosen is not None and all(choice.id != chosen for choice in choices):
        choices.append(ExperimentChoice(chosen, row.experiment or ""))
    return subscription, SubscriptionPage(choices, row, messages)


def find_subscription(connection: Connection, visit: Visit, subscription_id: str) -> Subscription:
    """The subscription, if it is the team's or its organization's. Raises `NotFound`."""
    subscription = subscriptions.find(connection, visit.scope.organization_id, subscription_id)
    if subscription is None or subscription.team_id not in (None, visit.scope.team_id):
        raise NotFound
    return subscription
