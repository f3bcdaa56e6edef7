"""What belongs to a team shows to nobody else, whatever the address and however they ask.

Every route is taken from the route tables, with the ids of what the team Checkout has planted.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from sqlalchemy import Connection, func, select
from starlette.routing import Route

from chaoscloud.console import api, pages
from chaoscloud.console.db import Database
from chaoscloud.console.db.schema import metadata
from chaoscloud.console.messages.events import FINISHED
from chaoscloud.console.records import organizations, people, teams, tokens
from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.teams import Team
from chaoscloud.console.rules.access import Role
from tests.console.browser import FORM_TOKEN, Browser
from tests.console.conftest import Client, Clock, Member
from tests.console.documents import chaosiq, ended, event, experiment, journal
from tests.console.team import TeamApi

PLANTED = "planted-by-checkout"  # stands in everything that the team has
BLOCK = {"id": f"{PLANTED}-verification", "frequency-of-measurement": 10}
BLOCK |= {"duration-of-conditions": 60}
STREAMS = ("/live",)  # a page's own events, which go on for as long as somebody reads
FREE = {"HEAD /", "GET /", "GET /signin", "POST /signin", "POST /signout", "GET /settings/teams"}

Ids = Mapping[str, str]


def _routes() -> Iterator[tuple[str, str]]:
    """Every method and path of the tables."""
    for route in (*api.routes, *pages.routes):
        if isinstance(route, Route):
            for method in sorted(set(route.methods or ()) - {"HEAD"}) or ["HEAD"]:
                yield method, route.path


ROUTES = list(_routes())


@pytest.fixture
def globex(database: Database, now: Clock) -> Organization:
    return database.write(lambda c: organizations.add(c, "Globex", now())).result()


@pytest.fixture
def ids(bobs: TeamApi, bob: Member, client: Client, ada: Member) -> Ids:
    """What Checkout has: one of each, all with the planted words in them."""
    address = {"url": f"https://93.184.216.34/{PLANTED}"}
    webhook: dict[str, Any] = {"name": PLANTED, "target": "webhook", "settings": address}
    webhook["events"] = [FINISHED]
    subscription = bobs.post("/subscriptions", webhook).json()["id"]
    document = experiment(PLANTED, tags=[PLANTED], **chaosiq(verification=BLOCK))
    experiment_id = bobs.published(document)
    run = bobs.started(experiment_id, experiment=document)
    bobs.post(run + "/events", event(data={"context": {"name": PLANTED}}))
    bobs.put(run, {"journal": ended(experiment=document)})
    bobs.put(run, {"journal": ended("failed", experiment=document)})
    objective = {
        "name": PLANTED,
        "target": 99.0,
        "window": 3600,
        "measurement": document["steady-state-hypothesis"],
    }
    started = bobs.post(
        f"/verifications/{BLOCK['id']}/runs", {"journal": journal(experiment=document)}
    ).json()
    hold = client(ada.token).post(
        "/api/v1/organizations/acme/retention/holds", json={"tag": "audit-2026", "reason": "x"}
    )
    messages = bobs.get(f"/subscriptions/{subscription}/messages").json()["items"]
    alert = {"kind": "alert", "name": PLANTED, "reason": PLANTED, "tags": ["never"]}
    execution = run.rpartition("/")[2]
    note = {"text": PLANTED, "finding": True}
    expected = {"experiment_id": experiment_id, "cron": "0 6 * * *"}
    badge = bobs.put(f"/experiments/{experiment_id}/badge")
    expected_id = bobs.post("/expected-runs", expected).json()["id"]
    return {
        "expected": expected_id,
        "expected-run": expected_id,
        "finding": bobs.post(f"/executions/{execution}/notes", note).json()["id"],
        "org": "acme",
        "team": "checkout",
        "experiment": experiment_id,
        "execution": execution,
        "number": "1",
        "objective": bobs.post("/objectives", objective).json()["id"],
        "verification": str(BLOCK["id"]),
        "run": started["id"],
        "safeguard": bobs.post("/safeguards", alert).json()["id"],
        "person": bob.id,
        "token": bob.token_id,
        "format": "csv",
        "hold": hold.json()["id"],
        "message": str(messages[0]["seq"]),
        "subscription": subscription,
        "secret": re.findall(r"/badges/(.+)\.svg", badge.json()["address"])[0],
        "kind": "deviated",
        "subject": execution,
        "rest": "checkout/nothing",
    }


def _address(path: str, ids: Ids) -> str:
    """The path with Checkout's ids in it; what `{id}` is shows the word before it."""

    def fill(match: re.Match[str]) -> str:
        name = match["name"]
        if name == "id":
            before = path[: match.start()].rstrip("/").rpartition("/")[2]
            name = {"people": "person"}.get(before, before.removesuffix("s"))
        return ids[name]

    return re.sub(r"{(?P<name>\w+)(:\w+)?}", fill, path)


def _row_counts(database: Database) -> dict[str, int]:
    with database.read() as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table)) or 0
            for table in metadata.sorted_tables
            if table.name not in ("audit", "sessions")  # whoever signs in writes there
        }


def _stranger(
    database: Database, now: Clock, organization: Organization, also: Organization | None = None
) -> str:
    """The token of an owner of one organization, who is a mere member of another."""

    def add(connection: Connection) -> str:
        person = people.add(connection, "Mallory", now())
        organizations.admit(connection, organization.id, person.id, Role.OWNER)
        team = teams.add(connection, organization.id, "Checkout", now())
        teams.join(connection, team.id, person.id)
        _, secret = tokens.add(
            connection, person.id, "laptop", now(), organization_id=organization.id
        )
        if also is not None:
            organizations.admit(connection, also.id, person.id, Role.OWNER)
        return secret

    return database.write(add).result()


Outsider = Callable[..., str | None]


def _revoke(database: Database, now: Clock, member: Member) -> str:
    database.write(lambda c: tokens.revoke(c, member.token_id, now())).result()
    return member.token


def _expire(database: Database, now: Clock, member: Member, acme: Organization) -> str:
    ends = now.at.replace(hour=10)
    _, secret = database.write(
        lambda c: tokens.add(c, member.id, "brief", now(), ends, organization_id=acme.id)
    ).result()
    now.pass_by(hours=1)
    return secret


@pytest.fixture(
    params=[
        "nobody",
        "member of another team",
        "owner of another organization",
        "owner with a token of another organization",
        "revoked token",
        "expired token",
    ]
)
def outsider(
    request: pytest.FixtureRequest,
    database: Database,
    now: Clock,
    acme: Organization,
    globex: Organization,
    bob: Member,
    eve: Member,
    ids: Ids,
) -> str | None:
    """The token of somebody who may see nothing of Checkout's; nobody has none."""
    tokens_of: dict[str, Callable[[], str | None]] = {
        "nobody": lambda: None,
        "member of another team": lambda: eve.token,
        "owner of another organization": lambda: _stranger(database, now, globex),
        "owner with a token of another organization": lambda: _stranger(
            database, now, globex, acme
        ),
        "revoked token": lambda: _revoke(database, now, bob),
        "expired token": lambda: _expire(database, now, bob, acme),
    }
    return tokens_of[request.param]()


def _ask(browser: Browser, method: str, address: str, csrf: str, is_page: bool) -> Any:
    if method in ("GET", "HEAD", "DELETE"):
        return browser.client.request(method, address)
    if is_page:
        form = {"csrf": csrf, "name": "x", "reason": "x", "team": "x"}
        return browser.client.request(method, address, data=form)
    return browser.client.request(method, address, json={})


def test_nobody_else_sees_or_changes_anything(
    outsider: str | None, client: Client, database: Database, ids: Ids
) -> None:
    """With a bearer token, and as a browser that signed in with it: no planted word, no new row."""
    browser = Browser(client(outsider))
    if outsider:
        browser.sign_in(outsider)
    csrf = FORM_TOKEN.search(browser.open("/settings/teams", follow_redirects=True).text)
    before = _row_counts(database)
    leaks, answered = [], []

    for method, path in ROUTES:
        if f"{method} {path}" in FREE or "{" not in path:
            continue
        address = _address(path, ids)
        is_page = not address.startswith(("/api/", "/assets/"))
        answer = _ask(browser, method, address, csrf[1] if csrf else "", is_page)
        if PLANTED in answer.text.replace(address, "") or "Bob" in answer.text:
            leaks.append((method, path))
        refused = answer.status_code in (401, 403, 404) or (
            is_page and answer.headers.get("location", "").startswith("/signin")
        )
        if "{team}" in path and not refused:
            answered.append((method, path, answer.status_code))

    assert leaks == []
    assert answered == []
    assert _row_counts(database) == before


@pytest.mark.parametrize("who", ["owner", "member"])
def test_the_addresses_are_those_of_what_is_there(
    who: str, client: Client, ada: Member, bob: Member, ids: Ids
) -> None:
    """Else the matrix would show nothing: its own people open all of them, and read the words."""
    token = ada.token if who == "owner" else bob.token
    browser = Browser(client(token))
    browser.sign_in(token)
    unopened, planted = [], 0
    for_owners = ("/people/{id}", "/{org}/safeguards", "/{org}/policy", "/retention")

    for method, path in ROUTES:
        if method != "GET" or "{team}" not in path or path.endswith(STREAMS):
            continue
        if who == "member" and any(part in path for part in for_owners):
            continue
        query = "?kind=alert&target=webhook" if path.endswith("/new") else ""
        answer = browser.open(_address(path, ids) + query)
        planted += PLANTED in answer.text
        if answer.status_code not in (200, 303, 308):
            unopened.append((path, answer.status_code))

    assert unopened == []
    assert planted >= 30


def test_a_member_s_session_ends_with_their_membership(
    client: Client, database: Database, acme: Organization, bob: Member, ids: Ids, now: Clock
) -> None:
    """Whoever left sees nothing any more, also when they come back until they get a new token."""
    browser = Browser(client(bob.token))
    browser.sign_in(bob.token)

    def leave(connection: Connection) -> None:
        organizations.dismiss(connection, acme.id, bob.id, now())
        organizations.admit(connection, acme.id, bob.id, Role.OWNER)

    database.write(leave).result()

    page = browser.open("/acme/checkout/executions")
    answer = browser.open("/api/v1/organizations/acme/teams/checkout")
    assert (page.status_code, answer.status_code) == (303, 401)


# --- within an organization -----------------------------------------------------------------------


SOURCE = "https://example.com/orders.json"


def test_a_source_joins_documents_of_one_team_only(bobs: TeamApi, eves: TeamApi) -> None:
    """Whoever names a source first decides nothing about what another team runs."""
    first = eves.published(experiment("Hers", **chaosiq(source=SOURCE)))

    own = bobs.published(experiment("His", **chaosiq(source=SOURCE)))
    again = bobs.published(experiment("His too", **chaosiq(source=SOURCE)))

    assert own != first
    assert again == own
    assert eves.client.get(f"/assets/experiments/{first}.json").json()["title"] == "Hers"


def test_an_owner_of_both_teams_joins_nothing_by_a_source(
    client: Client, ada: Member, checkout: Team, payments: Team
) -> None:
    """Seeing both teams is no wish to mix them."""
    of_checkout = TeamApi(client(ada.token), checkout)
    of_payments = TeamApi(client(ada.token), payments)
    document = experiment(**chaosiq(source=SOURCE))

    assert of_checkout.published(document) != of_payments.published(document)


def test_the_asset_of_a_team_has_the_team_in_its_address(
    client: Client, ada: Member, bobs: TeamApi, eves: TeamApi
) -> None:
    """Two teams with one id: each loads its own, and who sees both is told the addresses."""
    bobs_document = experiment("His", **chaosiq(verification=BLOCK))
    eves_document = experiment("Hers", **chaosiq(verification=BLOCK))
    for team, document in ((bobs, bobs_document), (eves, eves_document)):
        team.post("/verifications", {"experiment": document})
    name = f"verifications/{BLOCK['id']}.json"
    adas = client(ada.token)

    ambiguous = adas.get(f"/assets/{name}")

    assert ambiguous.status_code == 409
    assert f"/assets/acme/payments/{name}" in ambiguous.json()["detail"]
    assert adas.get(f"/assets/acme/payments/{name}").json()["title"] == "Hers"
    assert adas.get(f"/assets/acme/checkout/{name}").json()["title"] == "His"
    assert bobs.client.get(f"/assets/{name}").json()["title"] == "His"
    assert bobs.client.get(f"/assets/acme/payments/{name}").status_code == 404
