"""What each kind of safeguard says: the clocks of a place, tags, numbers, answers and alerts."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaoscloud.console.rules.safeguards import Facts, Run, Safeguard, decide
from chaoscloud.console.rules.safeguards.kinds import KINDS
from chaoscloud.console.rules.safeguards.kinds.webhook import ensure_address
from chaoscloud.console.rules.safeguards.model import (
    FiringAlert,
    RunningExecution,
    WebhookAnswer,
)
from chaoscloud.console.rules.safeguards.settings import parse_settings

MADE = datetime(2026, 1, 5, 8, tzinfo=UTC)
OFFICE = [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "17:00"}]


def guard(
    kind: str, *, team_id: str | None = None, only: tuple[str, ...] = (), **more: Any
) -> Safeguard:
    written = parse_settings(kind, msgspec.json.encode(more))
    return Safeguard(
        f"the-{kind}", "acme", team_id, kind, kind, "Why", written, True, None, MADE, None, only
    )


def windows(mode: str, spans: list[dict[str, Any]], zone: str = "Europe/Paris") -> Safeguard:
    return guard("windows", mode=mode, time_zone=zone, windows=spans)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def daily(start: str, end: str) -> list[dict[str, Any]]:
    every = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    return [{"days": every, "from": start, "to": end}]


# --- time windows ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "allowed"),
    [
        ("2026-03-02T07:59:59", False),  # Monday, 08:59:59 in Paris
        ("2026-03-02T08:00:00", True),
        ("2026-03-02T15:59:59", True),
        ("2026-03-02T16:00:00", False),
        ("2026-07-06T06:59:59", False),  # in summer, Paris is two hours ahead
        ("2026-07-06T07:00:00", True),
        ("2026-03-07T10:00:00", False),  # Saturday
    ],
)
def test_only_in_office_hours(at: str, allowed: bool) -> None:
    """By the clocks of Paris, winter and summer."""
    assert decide([windows("allow", OFFICE)], utc(at)).allowed is allowed
    assert decide([windows("forbid", OFFICE)], utc(at)).allowed is not allowed


def test_it_says_until_when_and_since_when() -> None:
    """On a Friday evening: since five, until Monday at nine."""
    [policy] = decide([windows("allow", OFFICE)], utc("2026-03-06T20:00")).policies

    assert (policy.decided_at, policy.until) == (utc("2026-03-06T16:00"), utc("2026-03-09T08:00"))


def test_it_says_when_it_turns_while_it_says_yes() -> None:
    """Whoever waits is woken when the window closes."""
    decision = decide([windows("allow", OFFICE)], utc("2026-03-06T12:34:56"))

    assert (decision.allowed, decision.changes_at) == (True, utc("2026-03-06T16:00"))


def test_a_window_reaches_over_midnight() -> None:
    """From Friday night into Saturday morning, and not into Friday's."""
    night = windows("forbid", [{"days": ["fri"], "from": "22:00", "to": "06:00"}])

    decision = [
        decide([night], utc(at)).allowed
        for at in ("2026-03-06T04:00", "2026-03-06T21:00", "2026-03-07T04:59", "2026-03-07T05:00")
    ]

    assert decision == [True, False, False, True]


def test_windows_that_touch_are_one() -> None:
    """A weekend is not over at midnight between its days."""
    days = [{"days": ["sat", "sun"], "from": "00:00", "to": "24:00"}]

    [policy] = decide([windows("forbid", days)], utc("2026-03-07T12:00")).policies

    assert (policy.decided_at, policy.until) == (utc("2026-03-06T23:00"), utc("2026-03-08T23:00"))


def test_a_window_that_never_ends_has_no_end() -> None:
    """Always is until somebody changes it; since when is since it was set."""
    [policy] = decide(
        [windows("forbid", daily("00:00", "24:00"))], utc("2026-03-07T12:00")
    ).policies

    assert (policy.decided_at, policy.until) == (MADE, None)


def test_where_clocks_are_put_forward_the_skipped_hour_is_the_next() -> None:
    """On 29 March 2026, Paris goes from 02:00 to 03:00: the window is from 03:30 to 05:00."""
    [policy] = decide(
        [windows("forbid", daily("02:30", "05:00"))], utc("2026-03-29T02:00")
    ).policies

    assert (policy.decided_at, policy.until) == (utc("2026-03-29T01:30"), utc("2026-03-29T03:00"))


def test_where_clocks_are_put_back_a_window_has_both_hours() -> None:
    """On 25 October 2026, Paris has 02:00 to 03:00 twice: the window lasts two hours."""
    [policy] = decide(
        [windows("forbid", daily("02:00", "03:00"))], utc("2026-10-25T00:30")
    ).policies

    assert (policy.decided_at, policy.until) == (utc("2026-10-25T00:00"), utc("2026-10-25T02:00"))


@given(
    at=st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),
    zone=st.sampled_from(["Europe/Paris", "America/St_Johns", "Asia/Kolkata", "Pacific/Apia"]),
    start=st.integers(0, 1439),
    length=st.integers(1, 1440),
)
def test_it_stays_as_it_is_until_it_turns(at: datetime, zone: str, start: int, length: int) -> None:
    """Just before the moment it names, it says the same; at that moment, it does not."""
    end = (start + length) % 1440
    spans = [
        {
            "days": ["tue", "sat"],
            "from": f"{start // 60:02}:{start % 60:02}",
            "to": f"{end // 60:02}:{end % 60:02}",
        }
    ]
    safeguards = [windows("forbid", spans, zone)]

    decision = decide(safeguards, at)

    assert decision.changes_at is not None
    assert (
        decide(safeguards, decision.changes_at - timedelta(microseconds=1)).allowed
        is decision.allowed
    )
    assert decide(safeguards, decision.changes_at).allowed is not decision.allowed


@pytest.mark.parametrize(
    ("start", "end"),
    [("24:00", "06:00"), ("9:00", "17:00"), ("09:00", "24:01"), ("09:00", "25:00"), ("x", "09:00")],
)
def test_a_time_that_no_clock_shows_is_refused(start: str, end: str) -> None:
    """A window may end at 24:00, and not begin there."""
    with pytest.raises(msgspec.ValidationError, match="Expected a time of the day such as 09:00"):
        windows("allow", daily(start, end))


def test_the_first_and_the_last_minute_of_a_day_are_times() -> None:
    """00:00 to 24:00 is all of it, 23:59 to 24:00 its last minute."""
    last = windows("allow", daily("23:59", "24:00"), "UTC")

    answers = [decide([last], utc(f"2026-03-02T{at}")).allowed for at in ("23:58:59", "23:59:00")]

    assert answers == [False, True]
    assert decide([windows("allow", daily("00:00", "24:00"))], utc("2026-03-02T12:00")).allowed


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "", "../etc/passwd"])
def test_a_zone_that_does_not_exist_is_refused(zone: str) -> None:
    """It names one that does."""
    with pytest.raises(msgspec.ValidationError, match="Expected a name such as Europe/Paris, not"):
        windows("allow", OFFICE, zone)


# --- tags --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "carried", "allowed"),
    [
        ("forbid", ("production", "kafka"), False),
        ("forbid", ("staging",), True),
        ("forbid", (), True),
        ("allow", ("production",), True),
        ("allow", ("staging",), False),
        ("allow", (), False),
    ],
)
def test_tags_forbid_or_allow(mode: str, carried: tuple[str, ...], allowed: bool) -> None:
    """What carries one of them, or what carries none."""
    safeguards = [guard("tags", mode=mode, tags=["production", "billing"])]

    assert decide(safeguards, MADE, Run("a-run", carried)).allowed is allowed


def test_narrowed_safeguards_say_nothing_about_runs_in_general() -> None:
    """Whether anything may run at all is not for a safeguard of some tags to say."""
    narrowed = guard("stop", only=("kafka",))

    assert decide([narrowed], MADE).allowed
    assert decide([narrowed], MADE, Run(None, ("orders",))).allowed
    assert not decide([narrowed], MADE, Run(None, ("orders", "kafka"))).allowed


# --- at most so many at once -------------------------------------------------------------------


def going(*names: str, **more: Any) -> Facts:
    """Runs of Checkout that began one after the other, and were heard of just now."""
    fields: dict[str, Any] = {"team_id": "checkout", "tags": ("kafka",), "last_seen_at": MADE}
    runs = [
        RunningExecution(id=name, created_at=MADE + timedelta(seconds=place), **(fields | more))
        for place, name in enumerate(names)
    ]
    return Facts(tuple(runs))


def allowed(safeguard: Safeguard, run: str | None, facts: Facts, at: datetime = MADE) -> bool:
    return decide([safeguard], at, Run(run, ("kafka",)), facts).allowed


def test_the_first_ones_go_on_and_a_new_one_does_not() -> None:
    """Two of three, in the order they were created; who is not there yet comes last."""
    two, facts = guard("limit", most=2), going("first", "second", "third")

    answers = [allowed(two, run, facts) for run in ("first", "second", "third", None)]

    assert answers == [True, True, False, False]


@pytest.mark.parametrize(
    ("safeguard", "facts"),
    [
        (guard("limit", most=1, team_id="payments"), going("first")),
        (guard("limit", most=1, only=("kafka",)), going("first", tags=("orders",))),
        (
            guard("limit", most=1),
            going("first", last_seen_at=MADE - timedelta(minutes=10)),
        ),
    ],
    ids=["another team's", "other tags", "not heard of any more"],
)
def test_only_runs_it_concerns_are_counted(safeguard: Safeguard, facts: Facts) -> None:
    """And only those that somebody has heard of lately."""
    assert allowed(safeguard, None, facts)


def test_a_run_that_was_silent_for_long_has_its_place_while_it_asks() -> None:
    """The database may note it later than it asks."""
    facts = going("first", "second", last_seen_at=MADE - timedelta(minutes=11))
    run = Run("second", ("kafka",), created_at=MADE + timedelta(seconds=1))

    assert decide([guard("limit", most=1)], MADE, run, facts).allowed


def test_of_runs_that_were_created_at_one_moment_the_ids_decide() -> None:
    """Each console of several says the same."""
    facts = Facts(
        tuple(RunningExecution(name, "checkout", ("kafka",), MADE, MADE) for name in ("a", "b"))
    )

    answers = [
        decide([guard("limit", most=1)], MADE, Run(name, ("kafka",), created_at=MADE), facts)
        for name in ("a", "b")
    ]

    assert [answer.allowed for answer in answers] == [True, False]


def test_a_run_that_was_admitted_stays() -> None:
    """Others that begin later do not stop it."""
    run = Run(None, ("kafka",), admitted=True)

    assert decide([guard("limit", most=1)], MADE, run, going("first")).allowed


def test_a_silent_run_makes_place_at_its_moment() -> None:
    """Whoever waits is woken then."""
    decision = decide([guard("limit", most=1)], MADE, Run(), going("first"))

    assert (decision.allowed, decision.changes_at) == (False, MADE + timedelta(minutes=10))


# --- webhooks and alerts -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unanswered", "ok", "passes"),
    [
        ("deny", True, True),
        ("deny", False, False),
        ("deny", None, False),
        ("allow", True, True),
        ("allow", False, False),
        ("allow", None, True),
    ],
)
def test_a_webhook_passes_or_not(unanswered: str, ok: bool | None, passes: bool) -> None:
    """A no is a no; what no answer means, the safeguard says."""
    gate = guard("webhook", url="https://gate.example.com", when_unanswered=unanswered)
    facts = Facts(answers={gate.id: WebhookAnswer(ok, "nobody is on call", MADE)})

    assert decide([gate], MADE, None, facts).allowed is passes


def test_it_says_why_a_webhook_stopped_it() -> None:
    """What it answered, or why it could not be asked."""
    gate = guard("webhook", url="https://gate.example.com", when_unanswered="deny")
    answers = (
        WebhookAnswer(False, "nobody is on call", MADE),
        WebhookAnswer(None, "no route", MADE),
    )

    decision = [
        decide([gate], MADE, None, Facts(answers={gate.id: answer})).policies[0].reason
        for answer in answers
    ]

    assert decision == ["Why (nobody is on call)", "Why (could not be asked: no route)"]


def test_a_webhook_that_was_never_asked_has_given_no_answer() -> None:
    """It denies by default since it was set, and says so; the first run has it asked."""
    gate = guard("webhook", url="https://gate.example.com", when_unanswered="deny")

    [policy] = decide([gate], MADE).policies

    assert policy.reason == "Why (could not be asked: it was not asked yet)"
    assert policy.decided_at == MADE
    assert KINDS["webhook"].is_undecided(gate, Facts())
    assert not KINDS["webhook"].is_undecided(
        gate, Facts(answers={gate.id: WebhookAnswer(True, "", MADE)})
    )


def test_a_webhook_that_gives_no_reason_adds_none() -> None:
    """What stands is the safeguard's own reason, since the answer came."""
    gate = guard("webhook", url="https://gate.example.com", when_unanswered="deny")
    at = MADE + timedelta(hours=1)
    facts = Facts(answers={gate.id: WebhookAnswer(False, "", at)})

    [policy] = decide([gate], at, None, facts).policies

    assert (policy.reason, policy.decided_at) == ("Why", at)


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("https://gate.example.com/a b", "without spaces and accents"),
        ("https://gate.example.com/\t", "without spaces and accents"),
        ("https://gäte.example.com", "without spaces and accents"),
        ("ftp://gate.example.com", "such as https://gate.example.com/chaos"),
        ("gate.example.com", "such as https://gate.example.com/chaos"),
        ("https://", "such as https://gate.example.com/chaos"),
        ("https://gate.example.com:0", "such as https://gate.example.com/chaos"),
        ("https://gate.example.com:99999", "such as https://gate.example.com/chaos"),
        ("https://[::1", "such as https://gate.example.com/chaos"),
        ("https://me:secret@gate.example.com", "without a user's name or password"),
    ],
)
def test_what_cannot_be_asked_is_refused(url: str, refusal: str) -> None:
    """In a sentence that names an address that can."""
    with pytest.raises(ValueError, match=f"^url: Expected an address {refusal}$"):
        ensure_address(url)


@pytest.mark.parametrize("url", ["http://gate:8000", "https://gate.example.com:1/a?b=c"])
def test_http_and_https_may_be_asked(url: str) -> None:
    """At any port but none."""
    ensure_address(url)


@pytest.mark.parametrize(
    ("kind", "settings", "words"),
    [
        ("stop", {}, "Nothing runs"),
        ("tags", {"mode": "forbid", "tags": ["a", "b"]}, "Nothing tagged a, b"),
        ("tags", {"mode": "allow", "tags": ["a"]}, "Only what is tagged a"),
        ("limit", {"most": 1}, "At most 1 run at once"),
        ("limit", {"most": 2}, "At most 2 runs at once"),
        (
            "webhook",
            {"url": "https://gate.example.com", "when_unanswered": "deny"},
            "Asks https://gate.example.com every 30 s; without an answer it denies",
        ),
        (
            "webhook",
            {"url": "https://gate.example.com", "when_unanswered": "allow", "every": 300},
            "Asks https://gate.example.com every 5 min; without an answer it allows runs",
        ),
        (
            "windows",
            {"mode": "allow", "time_zone": "Europe/Paris", "windows": OFFICE},
            "Runs only Mon to Fri 09:00 to 17:00 (Europe/Paris)",
        ),
        (
            "windows",
            {
                "mode": "forbid",
                "time_zone": "UTC",
                "windows": [
                    {"days": ["sun", "mon", "tue", "thu"], "from": "08:00", "to": "09:00"},
                    *daily("22:00", "23:00"),
                ],
            },
            "No runs Mon to Tue, Thu, Sun 08:00 to 09:00; every day 22:00 to 23:00 (UTC)",
        ),
    ],
)
def test_a_safeguard_says_what_it_does(kind: str, settings: dict[str, Any], words: str) -> None:
    """In one line, for lists."""
    decoded = msgspec.json.decode(guard(kind, **settings).settings, type=KINDS[kind].settings)

    assert KINDS[kind].describe(decoded) == words


def test_an_alert_stops_while_it_fires_and_is_repeated() -> None:
    """Two fire; the one that was told last holds longest."""
    burning = guard("alert", forget_after=3600)
    content = [MADE, MADE + timedelta(minutes=30)]
    firing = tuple(
        FiringAlert(name, MADE, at) for name, at in zip(("Slow", "Down"), content, strict=True)
    )
    facts = Facts(alerts={burning.id: firing})
    moments = [MADE + timedelta(minutes=minutes) for minutes in (0, 60, 90)]

    decision = [decide([burning], at, None, facts) for at in moments]

    assert [item.allowed for item in decision] == [False, False, True]
    assert [entry.policies[0].reason for entry in decision[:2]] == [
        "Why (Down, Slow)",
        "Why (Down)",
    ]
    assert [value.changes_at for value in decision] == [*moments[1:], None]


def test_settings_are_kept_as_they_were_meant() -> None:
    """Read back, they are the same; every kind has a way to be written."""
    written: dict[str, dict[str, Any]] = {
        "stop": {},
        "windows": {"mode": "allow", "time_zone": "UTC", "windows": OFFICE},
        "tags": {"mode": "forbid", "tags": ["a", "b"]},
        "limit": {"most": 3},
        "webhook": {"url": "https://g.example.com", "when_unanswered": "deny", "every": 10.0},
        "alert": {"forget_after": 60.0},
    }

    for kind, text in written.items():
        stored = parse_settings(kind, msgspec.json.encode(text))
        assert msgspec.json.decode(stored) == text
        assert parse_settings(kind, stored.encode()) == stored


def test_edges_of_windows_follow_each_other() -> None:
    """From edge to edge through a year with two changes of the clocks, none is missed."""
    safeguards, at, edges = [windows("allow", OFFICE)], utc("2026-01-01T00:00"), []
    while at < utc("2027-01-01T00:00"):
        turns = decide(safeguards, at).changes_at
        assert turns is not None
        edges.append(turns)
        at = turns

    answers = [decide(safeguards, item).allowed for item in edges]
    assert all(one is not other for one, other in pairwise(answers))
    assert len(edges) == 2 * 261 + 1  # every working day of 2026, and the first of 2027
