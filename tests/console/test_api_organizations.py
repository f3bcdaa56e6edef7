"""Which organizations and teams a token opens."""

from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.teams import Team
from tests.console.conftest import Client, Member


def test_the_callers_organizations_are_listed(
    client: Client, bob: Member, acme: Organization
) -> None:
    """A member sees the organizations they belong to."""
    answer = client(bob.token).get("/api/v1/organizations")

    assert answer.status_code == 200
    assert answer.json() == [{"id": acme.id, "name": "Acme"}]


def test_a_member_sees_only_their_own_teams(
    client: Client, bob: Member, acme: Organization, checkout: Team, payments: Team
) -> None:
    """Bob is on Checkout, so Payments is not in his list."""
    answer = client(bob.token).get(f"/api/v1/organizations/{acme.id}/teams")

    assert answer.json() == [{"id": checkout.id, "name": "Checkout"}]


def test_an_owner_sees_every_team(
    client: Client, ada: Member, acme: Organization, checkout: Team, payments: Team
) -> None:
    """Ada owns Acme, so both teams are in her list, by name."""
    answer = client(ada.token).get("/api/v1/organizations/acme/teams")

    assert [team["name"] for team in answer.json()] == ["Checkout", "Payments"]


def test_a_team_says_which_organization_it_is_in(
    client: Client, bob: Member, acme: Organization, checkout: Team
) -> None:
    """The plugin checks with this call whether a verification's team may be used."""
    answer = client(bob.token).get(f"/api/v1/organizations/{acme.id}/teams/{checkout.id}")

    body = {"id": checkout.id, "name": "Checkout", "org_id": acme.id, "required": False}
    assert answer.json() == body


def test_another_teams_address_answers_404(
    client: Client, eve: Member, acme: Organization, checkout: Team
) -> None:
    """To Eve, Checkout does not exist."""
    answer = client(eve.token).get(f"/api/v1/organizations/{acme.id}/teams/{checkout.id}")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_unknown_organization_answers_404(client: Client, bob: Member) -> None:
    """So does one that does not exist at all."""
    answer = client(bob.token).get("/api/v1/organizations/nowhere/teams")

    assert answer.status_code == 404


def test_the_scheme_may_be_in_lower_case(client: Client, bob: Member) -> None:
    """The host's loader sends `bearer`."""
    answer = client().get("/api/v1/organizations", headers={"Authorization": f"bearer {bob.token}"})

    assert answer.status_code == 200


def test_no_token_is_refused_with_a_challenge(client: Client) -> None:
    """Without a token there is nothing to see, and the answer says what is missing."""
    answer = client().get("/api/v1/organizations")

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["status"] == 401


def test_a_refused_token_is_refused_at_the_door(client: Client) -> None:
    """Sign-in asks `HEAD` of the console's address, and 401 means a bad token."""
    assert client("ciq_wrong").head("/").status_code == 401


def test_a_good_token_passes_at_the_door(client: Client, bob: Member) -> None:
    """Anything but 401 means the token is good."""
    assert client(bob.token).head("/").status_code == 200


def test_the_door_asks_nobody_for_a_token(client: Client) -> None:
    """A browser that looks at the address first is not turned away."""
    assert client().head("/").status_code == 200


def test_a_token_s_owner_learns_who_they_are(client: Client, bob: Member) -> None:
    """The person, and the token by what its list shows of it, with its end."""
    answer = client(bob.token).get("/api/v1/me")

    assert answer.status_code == 200
    assert answer.json() == {
        "id": bob.id,
        "name": bob.name,
        "token": {"name": "laptop", "hint": bob.token[:8], "expires_at": None},
    }


def test_a_stranger_learns_nothing_about_tokens(client: Client) -> None:
    """Without a token, or with one that is not known, the answer is 401."""
    assert client().get("/api/v1/me").status_code == 401
    assert client("ciq_stale").get("/api/v1/me").status_code == 401
