"""The form of each kind of safeguard: from its settings to fields, and from fields back."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from chaoscloud.console.pages._reasons import LONGEST, Unsaid, reason_of
from chaoscloud.console.rules.addresses import Network
from chaoscloud.console.rules.durations import seconds_of, spoken
from chaoscloud.console.rules.verdict import Safeguard, settings
from chaoscloud.console.rules.verdict.windows import DAYS

Given = Mapping[str, str]

MOST_WINDOWS = 50
SPARE_WINDOWS = 2  # empty rows at the end of the form
MOST_TAGS = 50

EXPIRIES = {  # the field's value: what is said, and for how long it lasts
    "": ("Until somebody changes it", None),
    "30m": ("30 minutes", timedelta(minutes=30)),
    "2h": ("2 hours", timedelta(hours=2)),
    "8h": ("8 hours", timedelta(hours=8)),
    "1d": ("1 day", timedelta(days=1)),
    "7d": ("7 days", timedelta(days=7)),
    "30d": ("30 days", timedelta(days=30)),
}
AS_IT_IS = "keep"


class Wrong(Exception):
    """What somebody typed cannot be used; the message is the sentence that says why."""


class Form(msgspec.Struct, frozen=True):
    """`fields` shows settings in a form, `settings` reads them from one; `usual` are a new one's.

    `hint` says in a line what the kind is for.
    """

    hint: str
    usual: Given
    fields: Callable[[Any], Given]
    settings: Callable[[Given], Mapping[str, Any]]


# --- all kinds ---------------------------------------------------------------------------------


def fields_of(
    kind: str, given: Given, networks: Iterable[Network], now: datetime
) -> dict[str, Any]:
    """The safeguard's fields in a form, as they are kept. Raises `Wrong`."""
    name = " ".join(given.get("name", "").split())
    if not name or len(name) > LONGEST:
        raise Wrong("Name it: the name is what a stopped run shows.")
    try:
        reason = reason_of(given)
    except Unsaid as unsaid:
        raise Wrong(str(unsaid)) from None
    told = {
        "name": name,
        "reason": reason,
        "settings": _settings(kind, given, networks),
        "tags": _tags(given.get("only", "")),
        "enabled": "enabled" in given,
    }
    if kind == "stop" and not told["tags"]:
        raise Wrong("Name the tags it is about; to stop everything there is the button.")
    if given.get("for") == AS_IT_IS:
        return told
    _, lasts = EXPIRIES.get(given.get("for", ""), EXPIRIES[""])
    return {**told, "expires_at": now + lasts if lasts else None}


def typed_of(safeguard: Safeguard) -> dict[str, str]:
    """What the form of a safeguard shows."""
    own = FORMS[safeguard.kind].fields(settings.of(safeguard.kind, safeguard.settings))
    return {
        "name": safeguard.name,
        "reason": safeguard.reason,
        "only": ", ".join(safeguard.tags),
        "for": AS_IT_IS,
        **({"enabled": "on"} if safeguard.enabled else {}),
        **own,
    }


def usual_of(kind: str) -> dict[str, str]:
    """What the form of a new safeguard shows."""
    common = {"name": "", "reason": "", "only": "", "for": "", "enabled": "on", "scope": "team"}
    return {**common, **FORMS[kind].usual}


def rows_of(typed: Given) -> range:
    """The rows of windows that a form shows: those with something in them, and spare ones."""
    used = [row for row in range(MOST_WINDOWS) if any(True for _ in _of_row(typed, row))]
    last = max(used, default=-1)
    return range(min(MOST_WINDOWS, last + 1 + SPARE_WINDOWS))


def _settings(kind: str, given: Given, networks: Iterable[Network]) -> str:
    told = msgspec.json.encode(FORMS[kind].settings(given))
    try:
        kept = settings.read(kind, told)
    except msgspec.ValidationError as error:
        said, _, path = str(error).partition(" - at ")
        key = path.rpartition(".")[2].strip("`")
        raise Wrong(f"{_CALLED.get(key, 'Its settings')}: {said[:1].lower()}{said[1:]}.") from None
    if not settings.may_be_asked(kind, kept, networks):
        raise Wrong(
            "The address must be a public one, or in a network that the console's operator allows."
        )
    return kept


_CALLED = {
    "time_zone": "The time zone",
    "windows": "The windows",
    "days": "The days of a window",
    "from": "The start of a window",
    "to": "The end of a window",
    "tags": "The tags",
    "most": "How many",
    "url": "The address",
    "every": "How often it is asked, in seconds",
    "forget_after": "When an alert is forgotten",
}


def _tags(typed: str) -> tuple[str, ...]:
    tags = tuple(dict.fromkeys(tag.strip() for tag in typed.split(",") if tag.strip()))
    if len(tags) > MOST_TAGS or any(len(tag) > 200 for tag in tags):
        raise Wrong(f"At most {MOST_TAGS} tags, separated by commas, each of up to 200 characters.")
    return tags


# --- each kind ---------------------------------------------------------------------------------


def _windows_shown(told: Any) -> Given:
    shown = {"mode": told.mode, "time_zone": told.time_zone}
    for row, window in enumerate(told.windows):
        shown |= {f"{day}{row}": "on" for day in window.days}
        shown |= {f"from{row}": window.start, f"to{row}": window.to.replace("24:00", "00:00")}
    return shown


def _of_row(given: Given, row: int) -> Iterator[str]:
    """The fields of a row that say something."""
    return (name for name in (f"{word}{row}" for word in (*DAYS, "from", "to")) if given.get(name))


def _windows(given: Given) -> Mapping[str, Any]:
    windows = []
    for row in range(MOST_WINDOWS):
        if not any(True for _ in _of_row(given, row)):
            continue
        days = [day for day in DAYS if given.get(f"{day}{row}")]
        start, end = given.get(f"from{row}", ""), given.get(f"to{row}", "")
        if not days or not start or not end:
            raise Wrong("Each window needs its days, and when it begins and ends.")
        windows.append({"days": days, "from": start[:5], "to": end[:5]})
    if not windows:
        raise Wrong("Give at least one window: its days, and when it begins and ends.")
    return {
        "mode": given.get("mode", ""),
        "time_zone": given.get("time_zone", "").strip(),
        "windows": windows,
    }


def _tags_settings(given: Given) -> Mapping[str, Any]:
    tags = _tags(given.get("tags", ""))
    if not tags:
        raise Wrong("Name at least one tag.")
    return {"mode": given.get("mode", ""), "tags": tags}


def _limit(given: Given) -> Mapping[str, Any]:
    return {"most": _number(given.get("most", ""), "How many runs may go on at once")}


def _webhook(given: Given) -> Mapping[str, Any]:
    return {
        "url": given.get("url", "").strip(),
        "when_unanswered": given.get("when_unanswered", ""),
        "every": _seconds(given.get("every", ""), "How often it is asked", "30 s"),
    }


def _alert(given: Given) -> Mapping[str, Any]:
    typed = given.get("forget_after", "")
    return {"forget_after": _seconds(typed, "When an alert is forgotten", "1 day")}


def _number(typed: str, what: str) -> int:
    if not (typed.strip().isascii() and typed.strip().isdigit() and len(typed.strip()) < 9):
        raise Wrong(f"{what} is a number: 1, say.")
    return int(typed)


def _seconds(typed: str, what: str, example: str) -> float:
    seconds = seconds_of(typed)
    if seconds is None:
        raise Wrong(f"{what} is a duration: {example}, say.")
    return seconds


def _said(seconds: float) -> str:
    """A duration as it may be typed again."""
    said = spoken(seconds)
    return said if seconds_of(said) == seconds else f"{seconds:g} s"


FORMS: Mapping[str, Form] = {
    "windows": Form(
        "Runs only at certain hours of the week, or never at some.",
        {
            "mode": "allow",
            "time_zone": "UTC",
            **dict.fromkeys((f"{day}0" for day in DAYS[:5]), "on"),
            "from0": "09:00",
            "to0": "17:00",
        },
        _windows_shown,
        _windows,
    ),
    "tags": Form(
        "Experiments that carry a tag do not run, or no others do.",
        {"mode": "forbid", "tags": ""},
        lambda told: {"mode": told.mode, "tags": ", ".join(told.tags)},
        _tags_settings,
    ),
    "limit": Form(
        "At most so many runs go on at the same time.",
        {"most": "1"},
        lambda told: {"most": str(told.most)},
        _limit,
    ),
    "webhook": Form(
        "A service of yours is asked, and lets runs pass or not.",
        {"url": "", "when_unanswered": "deny", "every": "30 s"},
        lambda told: {
            "url": told.url,
            "when_unanswered": told.when_unanswered,
            "every": _said(told.every),
        },
        _webhook,
    ),
    "alert": Form(
        "While an alert of yours fires, nothing runs.",
        {"forget_after": "1 day"},
        lambda told: {"forget_after": _said(told.forget_after)},
        _alert,
    ),
    "stop": Form(
        "Nothing that carries one of some tags runs, for as long as it is on.",
        {},
        lambda told: {},
        lambda given: {},
    ),
}
