"""Who is who: the cast sees what it should, and tokens end when they must."""

from chaoscloud.console.db import Database
from chaoscloud.console.records import organizations, people, sessions, teams, tokens
from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.teams import Team
from chaoscloud.console.rules.access import Role
from tests.console.conftest import Clock, Member


def test_an_owner_sees_every_team(
    database: Database, acme: Organization, checkout: Team, payments: Team, ada: Member
) -> None:
    """Ada owns Acme, so she sees Checkout and Payments without being on them."""
    with database.read() as connection:
        visible = teams.seen_by(connection, acme.id, ada.id)

    assert visible == [checkout, payments]


def test_a_member_sees_only_the_teams_they_are_on(
    database: Database, acme: Organization, checkout: Team, bob: Member, eve: Member
) -> None:
    """Bob sees Checkout, Eve does not."""
    with database.read() as connection:
        assert teams.seen_by(connection, acme.id, bob.id) == [checkout]
        assert checkout not in teams.seen_by(connection, acme.id, eve.id)


def test_a_place_is_found_by_ids_and_by_address_names(
    database: Database, acme: Organization, checkout: Team, bob: Member
) -> None:
    """Addresses of either kind lead to the same team."""
    with database.read() as connection:
        by_id = teams.find_access(connection, acme.id, checkout.id, bob.id)
        by_name = teams.find_access(connection, "acme", "checkout", bob.id)

    assert by_id is not None
    assert by_id.on_it
    assert by_id == by_name


def test_a_stranger_finds_no_place(database: Database, checkout: Team, now: Clock) -> None:
    """Somebody of no organization gets nothing, not even that the team exists."""
    mallory = database.write(lambda c: people.add(c, "Mallory", now())).result()

    with database.read() as connection:
        assert teams.find_access(connection, "acme", "checkout", mallory.id) is None


def test_a_token_opens_until_it_is_revoked(database: Database, bob: Member, now: Clock) -> None:
    """Revoking a token ends it, and says so once."""
    with database.read() as connection:
        before = tokens.holder(connection, bob.token, now())

    revoked = database.write(lambda c: tokens.revoke(c, bob.token_id, now())).result()
    again = database.write(lambda c: tokens.revoke(c, bob.token_id, now())).result()

    assert before is not None
    assert before.person_name == "Bob"
    assert (revoked, again) == (True, False)
    with database.read() as connection:
        assert tokens.holder(connection, bob.token, now()) is None


def test_a_session_ends_with_its_token(database: Database, bob: Member, now: Clock) -> None:
    """A browser is signed out the moment the token it signed in with is revoked."""
    value = database.write(lambda c: sessions.add(c, bob.token_id, now())).result()
    with database.read() as connection:
        before = sessions.find(connection, value, now())

    database.write(lambda c: tokens.revoke(c, bob.token_id, now())).result()

    assert before is not None
    with database.read() as connection:
        assert sessions.find(connection, value, now()) is None


def test_a_session_ends_after_its_time(database: Database, bob: Member, now: Clock) -> None:
    """Nobody stays signed in for ever."""
    value = database.write(lambda c: sessions.add(c, bob.token_id, now())).result()

    now.at += sessions.LIFETIME

    with database.read() as connection:
        assert sessions.find(connection, value, now()) is None


def test_somebody_removed_loses_everything_but_their_name(
    database: Database, acme: Organization, bob: Member, now: Clock
) -> None:
    """What Bob ran still names him; whoever is added as Bob later is somebody else."""
    database.write(lambda c: people.remove(c, bob.id, now())).result()
    back = database.write(lambda c: people.add(c, "Bob", now())).result()

    assert back.id != bob.id
    with database.read() as connection:
        assert tokens.holder(connection, bob.token, now()) is None
        assert organizations.role_of(connection, acme.id, bob.id) is None
        assert teams.seen_by(connection, acme.id, bob.id) == []


def test_an_organization_with_a_reserved_name_gets_another_address(
    database: Database, now: Clock
) -> None:
    """An organization called "API" must not hide the API."""
    created = database.write(lambda c: organizations.add(c, "API", now())).result()

    assert (created.name, created.slug) == ("API", "api-2")


def test_making_a_member_an_owner_keeps_one_membership(
    database: Database, acme: Organization, bob: Member
) -> None:
    """Admitting somebody twice changes what they are instead of failing."""
    database.write(lambda c: organizations.admit(c, acme.id, bob.id, Role.OWNER)).result()

    with database.read() as connection:
        assert organizations.role_of(connection, acme.id, bob.id) is Role.OWNER
