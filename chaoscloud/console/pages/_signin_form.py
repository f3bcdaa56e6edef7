"""The form to sign in with, wherever it is shown.

Before there is a session, the form is tied to the browser by a cookie of its own, so that no
other site can sign somebody in as somebody else.
"""

import hmac
import secrets
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from chaoscloud.console.pages._templates import render
from chaoscloud.console.records.sessions import form_token

FORM_COOKIE = "chaosiq_form"


def show_signin(
    request: Request, onward: str, status: int = 200, *, error: str = "", **values: Any
) -> Response:
    """The page with the form; `onward` is the address of this console that it leads to."""
    cookie = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(32)
    around = {
        "caller": None,
        "team": None,
        "bar": None,
        "said": None,
        "csrf": form_token(cookie),
        "next": inside_console(onward),
        "wrong": error,
        "undone": None,
    }
    response = HTMLResponse(render("signin.html", around | values), status)
    response.set_cookie(
        FORM_COOKIE,
        cookie,
        path="/signin",
        secure=is_secure(request),
        httponly=True,
        samesite="strict",
    )
    return response


def is_signin_form(request: Request, form: Mapping[str, str]) -> bool:
    """Whether a submitted form is one that this browser was shown."""
    cookie = request.cookies.get(FORM_COOKIE, "")
    sent = form.get("csrf", "").encode("utf-8", "replace")
    return bool(cookie) and hmac.compare_digest(form_token(cookie).encode(), sent)


def inside_console(address: str) -> str:
    """An address of this console to go on to; anything that could lead elsewhere is home."""
    plain = address.isprintable() and "\\" not in address
    return address if plain and address.startswith("/") and not address.startswith("//") else "/"


def is_secure(request: Request) -> bool:
    """Whether browsers reach the console by https."""
    public: str | None = request.app.state.config.public_url
    return (public or str(request.url)).startswith("https:")
