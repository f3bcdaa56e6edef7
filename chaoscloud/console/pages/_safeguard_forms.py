"""The form of a safeguard: the fields that every kind has, around those of its kind."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from chaoscloud.console.pages._stop_form import (
    LONGEST_REASON,
    InvalidReason,
    expiry_of,
    reason_of,
)
from chaoscloud.console.rules.addresses import Network
from chaoscloud.console.rules.safeguards import KINDS, Kind, Safeguard
from chaoscloud.console.rules.safeguards.fields import InvalidField, read_tags
from chaoscloud.console.rules.safeguards.settings import (
    load_settings,
    may_call_address,
    parse_settings,
)

Form = Mapping[str, str]

UNCHANGED = "keep"  # the choice that leaves the end of a safeguard as it is


def initial_form(kind: Kind[Any]) -> dict[str, str]:
    """What the form of a new safeguard shows."""
    common = {"name": "", "reason": "", "only": "", "for": "", "enabled": "on", "scope": "team"}
    return {**common, **kind.initial_form()}


def fill_form(safeguard: Safeguard) -> dict[str, str]:
    """What the form of an existing safeguard shows."""
    return {
        "name": safeguard.name,
        "reason": safeguard.reason,
        "only": ", ".join(safeguard.tags),
        "for": UNCHANGED,
        **({"enabled": "on"} if safeguard.enabled else {}),
        **KINDS[safeguard.kind].fill_form(load_settings(safeguard)),
    }


def needs_tags(kind: Kind[Any], safeguard: Safeguard | None) -> bool:
    """Whether a form must name tags: a new one of such a kind, not a stop of all runs."""
    return kind.needs_tags and (safeguard is None or bool(safeguard.tags))


def read_form(
    kind: Kind[Any],
    form: Form,
    networks: Iterable[Network],
    now: datetime,
    safeguard: Safeguard | None = None,
) -> dict[str, Any]:
    """The safeguard's fields in a form, as the database keeps them. Raises `InvalidField`.

    `safeguard` is the one that is changed; None for a new one.
    """
    fields = {
        "name": _read_name(form),
        "reason": _read_reason(form),
        "settings": _read_settings(kind, form, networks),
        "tags": read_tags(form.get("only", "")),
        "enabled": "enabled" in form,
    }
    if needs_tags(kind, safeguard) and not fields["tags"]:
        raise InvalidField("Name the tags it is about; to stop everything there is the button.")
    if form.get("for") == UNCHANGED:
        return fields
    return {**fields, "expires_at": expiry_of(form, now)}


def _read_name(form: Form) -> str:
    name = " ".join(form.get("name", "").split())
    if not name or len(name) > LONGEST_REASON:
        raise InvalidField("Name it: the name is what a stopped run shows.")
    return name


def _read_reason(form: Form) -> str:
    try:
        return reason_of(form)
    except InvalidReason as error:
        raise InvalidField(str(error)) from None


def _read_settings(kind: Kind[Any], form: Form, networks: Iterable[Network]) -> str:
    raw = msgspec.json.encode(kind.read_form(form))
    try:
        settings = parse_settings(kind.name, raw)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        key = path.rpartition(".")[2].strip("`")
        sentence = f"{kind.subject_of(key)}: {message[:1].lower()}{message[1:]}."
        raise InvalidField(sentence) from None
    if not may_call_address(kind.name, settings, networks):
        raise InvalidField(
            "The address must be a public one, or in a network that the console's operator allows."
        )
    return settings
