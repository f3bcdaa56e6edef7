"""What stands in the paths, queries and headers of the API, described once for all routes."""

from collections.abc import Mapping
from typing import Any, get_args

from chaoscloud.console.api._answers import MOST, USUAL
from chaoscloud.console.rules.audit_words import KINDS
from chaoscloud.outcome import OutcomeName

PATH: Mapping[str, str] = {
    "org": "The organization's id, or its name as it stands in addresses.",
    "team": "The team's id, or its name as it stands in addresses.",
    "experiment": "The experiment's id.",
    "execution": "The execution's id.",
    "number": "The version's number, from 1 on.",
    "objective": "The objective's id.",
    "verification": "The verification's id.",
    "run": "The verification run's id.",
    "safeguard": "The safeguard's id.",
    "hold": "The id of the hold.",
    "secret": "The secret of the address, which is all that it takes to read it.",
    "finding": "The id of the finding.",
    "expected": "The id of what is expected.",
    "subscription": "The subscription's id.",
    "message": "The message's number.",
    "kind": "Why it needs attention, as the overview says.",
    "subject": "The id of what needs attention.",
}
TEXT = {"type": "string"}
QUERY: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "limit": (
        "How many items at most.",
        {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL},
    ),
    "cursor": ("The `next` of the page before.", TEXT),
    "after": ("Only what came after this `seq`.", {"type": "integer", "minimum": 0}),
    "experiment": (
        "An experiment's id. A list holds only what belongs to it; a decision may be asked for with"
        " one that the console does not know.",
        TEXT,
    ),
    "tag": (
        "A tag that the run's experiment carries; may be given several times.",
        {"type": "array", "items": TEXT},
    ),
    "label": (
        "A label that the run was given, such as `env:staging`; may be given several times.",
        {"type": "array", "items": TEXT},
    ),
    "state": (
        "Only findings in this state.",
        {"type": "string", "enum": ["open", "fixed"]},
    ),
    "all": ("Also those that are switched off.", {"type": "boolean", "default": False}),
    "kind": (
        "Only entries of this kind.",
        {"type": "string", "enum": [kind for kind in KINDS if kind]},
    ),
    "status": ("Only those of these statuses.", {"type": "array", "items": TEXT}),
    "outcome": (
        "Only those with one of these outcomes; may be given several times.",
        {"type": "array", "items": {"type": "string", "enum": list(get_args(OutcomeName))}},
    ),
    "person": ("The id of the person who ran them.", TEXT),
    "since": ("Only those that started then or later: a time, or a day of UTC.", TEXT),
    "until": ("Only those that started before: a time, or a day of UTC.", TEXT),
    "q": (
        "Words that all stand in the title, a tag, the person's name, the machine's name or the"
        " sentence of an execution.",
        TEXT,
    ),
    "went_wrong": (
        "Only those that ended with another outcome than `passed`.",
        {"type": "boolean", "default": False},
    ),
}
KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Asking again with the same key makes nothing new, and answers the same id.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
WAIT = {
    "name": "Prefer",
    "in": "header",
    "description": "`wait=25` holds the answer until there is another than `If-None-Match` names,"
    " or so many seconds are over; `Preference-Applied` says that it does (RFC 7240).",
    "schema": {"type": "string", "pattern": "wait=[0-9]+"},
}
SEEN = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The `ETag` of the answer that is known.",
    "schema": TEXT,
}
