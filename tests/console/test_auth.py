"""Who asks: bearer tokens for programs, sessions for browsers, and teams in addresses."""

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from chaoscloud.console import auth
from chaoscloud.console.config import Config
from chaoscloud.console.db import Database
from chaoscloud.console.errors import Problem, for_request
from chaoscloud.console.rates import RateLimiter
from chaoscloud.console.records import sessions, tokens
from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.teams import Team
from tests.console.conftest import Clock, Member


@pytest.fixture
def door(config: Config, database: Database, now: Clock) -> TestClient:
    """A web app that is nothing but the door."""
    app = Starlette(
        routes=[
            Route("/me", _me),
            Route("/in/{org}/{team}", _team),
            Route("/signin", _signin, methods=["POST"]),
            Route("/signout", _signout, methods=["POST"]),
            Route("/browser", _browser),
            Route("/form", _form, methods=["POST"]),
        ],
        exception_handlers={Problem: _problem},
    )
    app.state.db, app.state.config, app.state.now = database, config, now
    app.state.limiter = RateLimiter()
    return TestClient(app)


async def _me(request: Request) -> Response:
    caller = await auth.caller_of(request)
    return JSONResponse({"name": caller.person_name})


async def _team(request: Request) -> Response:
    scope = await auth.team_for(request, await auth.caller_of(request))
    return JSONResponse({"team": scope.team_name, "role": scope.role})


async def _signin(request: Request) -> Response:
    response = Response()
    caller = await auth.start_session(request, response, (await request.body()).decode())
    response.status_code = 200 if caller else 401
    return response


async def _signout(request: Request) -> Response:
    response = Response()
    await auth.end_session(request, response)
    return response


async def _browser(request: Request) -> Response:
    caller = await auth.session_caller(request)
    return JSONResponse({"name": caller and caller.person_name, "form": auth.form_token(request)})


async def _form(request: Request) -> Response:
    accepted = auth.form_accepted(request, (await request.body()).decode())
    return Response(status_code=200 if accepted else 403)


async def _problem(request: Request, problem: Any) -> Response:
    return for_request(problem, request)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_token_says_who_asks_however_its_scheme_is_spelled(
    door: TestClient, bob: Member, scheme: str
) -> None:
    """Some hosts send the scheme in lower case."""
    answer = door.get("/me", headers={"Authorization": f"{scheme} {bob.token}"})

    assert answer.json() == {"name": "Bob"}


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic Ym9iOmJvYg==", "Bearer ciq_unknown", "Bearer ciq_\xff\x00"],
)
def test_without_a_known_token_nobody_is_let_in(door: TestClient, header: str) -> None:
    """Every way of not having one gets the same status, and is told which scheme to use."""
    answer = door.get("/me", headers={b"Authorization": header.encode("latin-1")})

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_ends_with_its_time(
    door: TestClient, database: Database, bob: Member, acme: Organization, now: Clock
) -> None:
    """At the moment it expires, it has expired."""
    end = now.at.replace(hour=12)
    _, secret = database.write(
        lambda c: tokens.add(c, bob.id, "ci", now(), end, organization_id=acme.id)
    ).result()
    headers = {"Authorization": f"Bearer {secret}"}
    before = door.get("/me", headers=headers).status_code

    now.at = end

    assert (before, door.get("/me", headers=headers).status_code) == (200, 401)


def test_the_last_use_of_a_token_is_noted_once_a_minute(
    door: TestClient, database: Database, bob: Member, now: Clock
) -> None:
    """Often enough to find tokens nobody uses, seldom enough to cost nothing."""
    first = now()
    calls = []
    for seconds in (0, 59, 1):
        now.pass_by(seconds=seconds)
        door.get("/me", headers=bob.headers)
        calls.append(_last_used(database, bob))

    assert calls == [first, first, now()]


@pytest.mark.parametrize("path", ["/in/acme/checkout", "/in/{acme}/{checkout}"])
def test_a_team_is_found_by_either_address(
    door: TestClient, checkout: Team, bob: Member, path: str
) -> None:
    """Ids for programs, names for people."""
    path = path.format(acme=checkout.organization_id, checkout=checkout.id)

    answer = door.get(path, headers=bob.headers)

    assert answer.json() == {"team": "Checkout", "role": "member"}


def test_an_owner_reaches_every_team(door: TestClient, checkout: Team, ada: Member) -> None:
    """Ada is on no team and sees them all."""
    answer = door.get("/in/acme/checkout", headers=ada.headers)

    assert answer.json() == {"team": "Checkout", "role": "owner"}


@pytest.mark.parametrize("path", ["/in/acme/checkout", "/in/acme/nowhere", "/in/nowhere/checkout"])
def test_what_is_not_yours_is_not_there(
    door: TestClient, checkout: Team, eve: Member, path: str
) -> None:
    """Eve cannot tell Bob's team from one that does not exist."""
    answer = door.get(path, headers=eve.headers)

    assert answer.status_code == 404
    assert answer.json()["detail"] == "There is no such team, or it is not yours to see."


@pytest.mark.parametrize("path", ["/in/acme/%00", "/in/%00/checkout"])
def test_a_name_nothing_can_have_is_not_there(door: TestClient, bob: Member, path: str) -> None:
    """No database is asked for a NUL, which some refuse."""
    assert door.get(path, headers=bob.headers).status_code == 404


# --- browsers ----------------------------------------------------------------------------------


def test_a_browser_signs_in_and_out(door: TestClient, bob: Member) -> None:
    """The cookie opens the pages until it is given back."""
    door.post("/signin", content=bob.token)
    inside = door.get("/browser").json()["name"]
    value = door.cookies[auth.COOKIE]
    door.post("/signout")
    door.cookies.set(auth.COOKIE, value)
    outside = door.get("/browser").json()["name"]

    assert (inside, outside) == ("Bob", None)


def test_a_wrong_token_signs_nobody_in(door: TestClient) -> None:
    """And leaves no cookie."""
    answer = door.post("/signin", content="ciq_unknown")

    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


def test_the_cookie_is_kept_from_scripts_and_other_sites(door: TestClient, bob: Member) -> None:
    """HttpOnly, SameSite=Lax; Secure is added where the console is reached by https."""
    cookie = door.post("/signin", content=bob.token).headers["set-cookie"].lower()
    secure = door.post("https://testserver/signin", content=bob.token).headers["set-cookie"].lower()

    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie
    assert "; secure" not in cookie
    assert "; secure" in secure


def test_revoking_the_token_signs_the_browser_out(
    door: TestClient, database: Database, bob: Member, now: Clock
) -> None:
    """A session has no life of its own."""
    door.post("/signin", content=bob.token)

    database.write(lambda c: tokens.revoke(c, bob.token_id, now())).result()

    assert door.get("/browser").json()["name"] is None


def test_a_session_ends_after_its_time(door: TestClient, bob: Member, now: Clock) -> None:
    """A browser that was forgotten is signed out."""
    door.post("/signin", content=bob.token)

    now.at += sessions.LIFETIME

    assert door.get("/browser").json()["name"] is None


def test_a_form_needs_what_its_own_session_was_given(
    door: TestClient, bob: Member, eve: Member
) -> None:
    """Another site, another session, nobody at all: none of them submits Bob's form."""
    door.post("/signin", content=eve.token)
    eves = door.get("/browser").json()["form"]
    door.post("/signin", content=bob.token)
    bobs = door.get("/browser").json()["form"]

    statuses = [door.post("/form", content=item).status_code for item in (bobs, eves, "", "é")]
    door.cookies.clear()
    signed_out = door.get("/browser").json()["form"]
    statuses.append(door.post("/form", content=signed_out).status_code)

    assert statuses == [200, 403, 403, 403, 403]


def _last_used(database: Database, member: Member) -> Any:
    # What was queued before is kept before: an empty write is the way to wait for it.
    database.write(lambda connection: None).result()
    with database.read() as connection:
        record = tokens.find(connection, member.token_id)
    assert record is not None
    return record.last_used_at
