"""Sign in with a token, and sign out.

Before there is a session, the form is tied to the browser by a cookie of its own, so that no
other site can sign somebody in as somebody else.
"""

import hmac
import secrets

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from chaoscloud.console import auth
from chaoscloud.console.errors import Forbidden
from chaoscloud.console.pages import _forms
from chaoscloud.console.pages._templates import render
from chaoscloud.console.pages._visit import Visit, page, signed_in
from chaoscloud.console.records.sessions import form_token

FORM_COOKIE = "chaosiq_form"
NOT_ACCEPTED = (
    "That token is not accepted: it is unknown, has expired or was revoked. "
    "Check that all of it was pasted; it begins with ciq_."
)


@page
async def ask(request: Request) -> Response:
    """Show the form; who is signed in already is sent on."""
    if await auth.session_caller(request):
        return RedirectResponse(_inside(request.query_params.get("next", "")), 303)
    return _form(request, _inside(request.query_params.get("next", "")))


@page
async def submit(request: Request) -> Response:
    """Take the token; start a session, or say why not."""
    given = await _forms.fields(request)
    expected = form_token(request.cookies.get(FORM_COOKIE, ""))
    ours = FORM_COOKIE in request.cookies and hmac.compare_digest(
        expected.encode(), given.get("csrf", "").encode("utf-8", "replace")
    )
    if not ours:
        raise Forbidden
    onward = _inside(given.get("next", ""))
    response: Response = RedirectResponse(onward, 303)
    if await auth.start_session(request, response, given.get("token", "")) is None:
        return _form(request, onward, NOT_ACCEPTED)
    response.delete_cookie(FORM_COOKIE, path="/signin")
    return response


@signed_in
async def leave(visit: Visit) -> Response:
    """Sign out."""
    await visit.form()
    response = visit.back("/signin")
    await auth.end_session(visit.request, response)
    return response


def _form(request: Request, onward: str, wrong: str = "") -> Response:
    value = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(32)
    values = {
        "caller": None,
        "team": None,
        "bar": None,
        "said": None,
        "csrf": form_token(value),
        "next": onward,
        "wrong": wrong,
    }
    response = HTMLResponse(render("signin.html", values), 401 if wrong else 200)
    secure = (request.app.state.config.public_url or str(request.url)).startswith("https:")
    response.set_cookie(
        FORM_COOKIE, value, path="/signin", secure=secure, httponly=True, samesite="strict"
    )
    return response


def _inside(address: str) -> str:
    """An address of this console to go on to; anything that could lead elsewhere is home."""
    plain = address.isprintable() and "\\" not in address
    return address if plain and address.startswith("/") and not address.startswith("//") else "/"
