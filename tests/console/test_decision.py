"""The decision: one denial is enough, every one is named, and time is part of it."""

from datetime import UTC, datetime, timedelta

import pytest

from chaoscloud.console.db import Database
from chaoscloud.console.records import audit, safeguards, stops
from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.teams import Team
from chaoscloud.console.rules.safeguards import Decision, Policy, Safeguard, decide
from tests.console.conftest import Clock, Member

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def switch(
    reason: str = "Black Friday",
    *,
    kind: str = "stop",
    enabled: bool = True,
    expires_at: datetime | None = None,
) -> Safeguard:
    return Safeguard(
        "an-id", "acme", None, kind, reason, reason, "{}", enabled, None, NOON, expires_at
    )


def test_without_safeguards_everything_may_run() -> None:
    """No rule, no refusal."""
    assert decide([], NOON) == Decision(allowed=True)


def test_a_set_switch_says_no_and_why() -> None:
    """Whoever is stopped reads the reason, and until when."""
    until = NOON + timedelta(hours=2)

    decision = decide([switch(expires_at=until)], NOON)

    [policy] = decision.policies
    assert (decision.allowed, decision.changes_at) == (False, until)
    assert policy == Policy("an-id", "Black Friday", "Black Friday", "stop", until, NOON)


def test_every_safeguard_that_says_no_is_named() -> None:
    """Releasing one is not enough, and nobody has to find that out one by one."""
    decision = decide([switch("Black Friday"), switch("Migration")], NOON)

    assert [policy.name for policy in decision.policies] == ["Black Friday", "Migration"]


@pytest.mark.parametrize(
    "silent", [switch(enabled=False), switch(expires_at=NOON)], ids=["off", "over"]
)
def test_a_safeguard_that_is_off_or_over_has_no_say(silent: Safeguard) -> None:
    """At the moment it ends, it has ended."""
    assert decide([silent], NOON).allowed


def test_an_unknown_kind_is_no_decision() -> None:
    """An error of ours must never pass for a yes or a no."""
    with pytest.raises(KeyError):
        decide([switch(kind="moon phase")], NOON)


# --- the switches that are kept ----------------------------------------------------------------


def test_a_stopped_organization_stops_every_team(
    database: Database, acme: Organization, checkout: Team, payments: Team, now: Clock
) -> None:
    """Nobody is left out of the big red button."""
    database.write(lambda c: stops.stop(c, acme.id, None, "Black Friday", now())).result()

    assert not _allowed(database, checkout, now)
    assert not _allowed(database, payments, now)


def test_a_stopped_team_stops_nobody_else(
    database: Database, acme: Organization, checkout: Team, payments: Team, now: Clock
) -> None:
    """Checkout's migration is none of Payments' business."""
    database.write(lambda c: stops.stop(c, acme.id, checkout.id, "Move", now())).result()

    assert not _allowed(database, checkout, now)
    assert _allowed(database, payments, now)


def test_a_release_ends_one_stop_and_no_other(
    database: Database, acme: Organization, checkout: Team, now: Clock
) -> None:
    """What else is set in the same scope, and in a team's, stays."""
    first = database.write(lambda c: stops.stop(c, acme.id, None, "Friday", now())).result()
    database.write(lambda c: stops.stop(c, acme.id, None, "Audit", now())).result()
    database.write(lambda c: stops.stop(c, acme.id, checkout.id, "Move", now())).result()

    database.write(lambda c: stops.release(c, first, now())).result()

    with database.read() as connection:
        present = safeguards.list_safeguards(connection, acme.id, now())
        of_organization = stops.stops_of_scope(connection, acme.id, None, now())
    assert {stop.name for stop in present} == {"Audit", "Move"}
    assert [stop.name for stop in of_organization] == ["Audit"]
    assert not _allowed(database, checkout, now)


def test_a_stop_that_is_switched_off_is_none_to_release(
    database: Database, acme: Organization, now: Clock
) -> None:
    """It stops nothing; whoever switched it off may want it again."""
    stop = database.write(lambda c: stops.stop(c, acme.id, None, "Audit", now())).result()
    database.write(lambda c: safeguards.change(c, stop, now(), enabled=False)).result()

    with database.read() as connection:
        assert stops.stops_of_scope(connection, acme.id, None, now()) == []


def test_a_switch_ends_by_itself(
    database: Database, acme: Organization, checkout: Team, now: Clock
) -> None:
    """A stop for two hours is over after two hours, and is listed no more."""
    until = now() + timedelta(hours=2)
    database.write(
        lambda c: stops.stop(c, acme.id, None, "Deploy", now(), expires_at=until)
    ).result()
    before = _allowed(database, checkout, now)

    now.pass_by(hours=2)

    assert (before, _allowed(database, checkout, now)) == (False, True)
    with database.read() as connection:
        assert safeguards.list_safeguards(connection, acme.id, now()) == []


def test_the_audit_log_names_who_stopped_and_who_released(
    database: Database, acme: Organization, ada: Member, now: Clock
) -> None:
    """A person, or an operator on the machine, with the reason."""
    stop = database.write(
        lambda c: stops.stop(c, acme.id, None, "Black\nFriday", now(), person_id=ada.id)
    ).result()
    database.write(lambda c: stops.release(c, stop, now(), operator="grace")).result()

    with database.read() as connection:
        entries = audit.list_entries(connection, None)
    assert [(e.action, e.person_id, e.operator, e.subject) for e in entries] == [
        ("safeguard.resumed", None, "grace", "Black Friday"),
        ("safeguard.stopped", ada.id, None, "Black Friday"),
    ]


def _allowed(database: Database, team: Team, now: Clock) -> bool:
    with database.read() as connection:
        concerned = safeguards.in_force(connection, team.organization_id, team.id)
    return decide(concerned, now()).allowed
