"""The form of a subscription: its name and what narrows it, around the fields of its target."""

from collections.abc import Iterable, Mapping
from typing import Any, get_args

import msgspec

from chaoscloud.console.messages.events import TYPES, USUAL
from chaoscloud.console.messages.settings import (
    choose_events,
    choose_outcomes,
    may_call_address,
    parse_settings,
)
from chaoscloud.console.messages.subscriptions import Subscription
from chaoscloud.console.messages.targets import TARGETS, Target
from chaoscloud.console.rules.addresses import Network
from chaoscloud.console.rules.safeguards.fields import InvalidField, read_tags
from chaoscloud.outcome import OutcomeName

Form = Mapping[str, str]

LONGEST_NAME = 200
OUTCOMES = get_args(OutcomeName)
EVENT, OUTCOME = "event-", "outcome-"  # how the names of their checkboxes begin


def initial_form(target: Target[Any]) -> dict[str, str]:
    """What the form of a new subscription shows."""
    events = {EVENT + name: "on" for name in target.events or USUAL}
    return {
        "name": "",
        "only": "",
        "experiment": "",
        "scope": "team",
        **events,
        **target.initial_form(),
    }


def fill_form(subscription: Subscription) -> dict[str, str]:
    """What the form of an existing subscription shows; where it goes is not changed there."""
    return {
        "name": subscription.name,
        "only": ", ".join(subscription.tags),
        "experiment": subscription.experiment_id or "",
        **{EVENT + name: "on" for name in subscription.events},
        **{OUTCOME + name: "on" for name in subscription.outcomes},
    }


def read_form(target: Target[Any], form: Form) -> dict[str, Any]:
    """What a form says besides the target's settings. Raises `InvalidField`."""
    name = " ".join(form.get("name", "").split())
    if not name or len(name) > LONGEST_NAME:
        raise InvalidField("Name it, so that you know it again: the channel, say.")
    try:
        return {
            "name": name,
            "events": choose_events(target.name, _read_choices(form, EVENT)),
            "tags": read_tags(form.get("only", "")),
            "outcomes": choose_outcomes(target.name, _read_choices(form, OUTCOME)),
            "experiment_id": form.get("experiment") or None,
        }
    except ValueError as error:
        raise InvalidField(f"{error}.") from None


def read_settings(target: Target[Any], form: Form, networks: Iterable[Network]) -> str:
    """The target's settings in a form, as the database keeps them. Raises `InvalidField`."""
    raw = msgspec.json.encode(target.read_form(form))
    try:
        settings = parse_settings(target.name, raw)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        key = path.partition("[")[0].rpartition(".")[2].strip("`")
        sentence = f"{target.subject_of(key)}: {message[:1].lower()}{message[1:]}."
        raise InvalidField(sentence) from None
    if not may_call_address(target.name, settings, networks):
        raise InvalidField(
            "The address must be a public one, or in a network that the console's operator allows."
        )
    return settings


def _read_choices(form: Form, prefix: str) -> list[str]:
    return [name.removeprefix(prefix) for name in form if name.startswith(prefix)]


def open_targets() -> dict[str, Target[Any]]:
    """The targets that people may set up on pages."""
    return {name: target for name, target in TARGETS.items() if not target.operator_only}


def event_choices(target: Target[Any]) -> dict[str, str]:
    """The events that may be chosen, with what they tell; none where the target has its own."""
    return {} if target.events else {EVENT + name: words for name, words in TYPES.items()}


def outcome_choices(target: Target[Any]) -> dict[str, str]:
    """The outcomes that may be chosen; none where the target takes all of them."""
    return {} if target.events else {OUTCOME + name: name for name in OUTCOMES}
