"""The verdict: one "no" is enough, every one is named, and time is part of it."""

from datetime import UTC, datetime, timedelta

import pytest

from chaoscloud.console.db import Database
from chaoscloud.console.records import audit, safeguards
from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.teams import Team
from chaoscloud.console.rules.verdict import Policy, Safeguard, Verdict, verdict
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
    assert verdict([], NOON) == Verdict(allowed=True)


def test_a_set_switch_says_no_and_why() -> None:
    """Whoever is stopped reads the reason, and until when."""
    until = NOON + timedelta(hours=2)

    said = verdict([switch(expires_at=until)], NOON)

    [policy] = said.policies
    assert (said.allowed, said.turns_at) == (False, until)
    assert policy == Policy("an-id", "Black Friday", "Black Friday", "stop", until, NOON)


def test_every_safeguard_that_says_no_is_named() -> None:
    """Releasing one is not enough, and nobody has to find that out one by one."""
    said = verdict([switch("Black Friday"), switch("Migration")], NOON)

    assert [policy.name for policy in said.policies] == ["Black Friday", "Migration"]


@pytest.mark.parametrize(
    "silent", [switch(enabled=False), switch(expires_at=NOON)], ids=["off", "over"]
)
def test_a_safeguard_that_is_off_or_over_has_no_say(silent: Safeguard) -> None:
    """At the moment it ends, it has ended."""
    assert verdict([silent], NOON).allowed


def test_an_unknown_kind_is_no_decision() -> None:
    """An error of ours must never pass for a yes or a no."""
    with pytest.raises(KeyError):
        verdict([switch(kind="moon phase")], NOON)


# --- the switches that are kept ----------------------------------------------------------------


def test_a_stopped_organization_stops_every_team(
    database: Database, acme: Organization, checkout: Team, payments: Team, now: Clock
) -> None:
    """Nobody is left out of the big red button."""
    database.write(lambda c: safeguards.stop(c, acme.id, None, "Black Friday", now())).result()

    assert not _allowed(database, checkout, now)
    assert not _allowed(database, payments, now)


def test_a_stopped_team_stops_nobody_else(
    database: Database, acme: Organization, checkout: Team, payments: Team, now: Clock
) -> None:
    """Checkout's migration is none of Payments' business."""
    database.write(lambda c: safeguards.stop(c, acme.id, checkout.id, "Move", now())).result()

    assert not _allowed(database, checkout, now)
    assert _allowed(database, payments, now)


def test_resuming_the_organization_leaves_a_teams_switch(
    database: Database, acme: Organization, checkout: Team, now: Clock
) -> None:
    """Each switch is released where it was set."""
    database.write(lambda c: safeguards.stop(c, acme.id, None, "Black Friday", now())).result()
    database.write(lambda c: safeguards.stop(c, acme.id, checkout.id, "Move", now())).result()

    released = database.write(lambda c: safeguards.resume(c, acme.id, None, now())).result()

    assert [each.name for each in released] == ["Black Friday"]
    assert not _allowed(database, checkout, now)


def test_a_switch_ends_by_itself(
    database: Database, acme: Organization, checkout: Team, now: Clock
) -> None:
    """A stop for two hours is over after two hours, and is listed no more."""
    until = now() + timedelta(hours=2)
    database.write(
        lambda c: safeguards.stop(c, acme.id, None, "Deploy", now(), expires_at=until)
    ).result()
    before = _allowed(database, checkout, now)

    now.pass_by(hours=2)

    assert (before, _allowed(database, checkout, now)) == (False, True)
    with database.read() as connection:
        assert safeguards.listed(connection, acme.id, now()) == []


def test_who_stopped_and_who_resumed_is_written_down(
    database: Database, acme: Organization, ada: Member, now: Clock
) -> None:
    """The audit names the person, the scope and the reason."""
    database.write(
        lambda c: safeguards.stop(c, acme.id, None, "Black\nFriday", now(), person_id=ada.id)
    ).result()
    database.write(lambda c: safeguards.resume(c, acme.id, None, now())).result()

    with database.read() as connection:
        entries = audit.latest(connection, acme.id)
    assert [(entry.action, entry.person_id, entry.subject) for entry in entries] == [
        ("safeguard.resumed", None, "Black Friday"),
        ("safeguard.stopped", ada.id, "Black Friday"),
    ]


def _allowed(database: Database, team: Team, now: Clock) -> bool:
    with database.read() as connection:
        concerned = safeguards.in_force(connection, team.organization_id, team.id)
    return verdict(concerned, now()).allowed
