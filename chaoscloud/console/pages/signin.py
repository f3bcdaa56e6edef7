"""Sign in with a token, and sign out."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from chaoscloud.console import auth
from chaoscloud.console.errors import Forbidden
from chaoscloud.console.pages import _forms
from chaoscloud.console.pages._drafts import forget_draft
from chaoscloud.console.pages._signin_form import (
    FORM_COOKIE,
    inside_console,
    is_signin_form,
    show_signin,
)
from chaoscloud.console.pages._visit import page

NOT_ACCEPTED = (
    "That token is not accepted: it is unknown, has expired or was revoked. "
    "Check that all of it was pasted; it begins with ciq_."
)


LINK_NOT_ACCEPTED = (
    "That address signs in once, and within 10 minutes: it was used already, or is too old. "
    "Sign in with a token."
)
LINK_NOT_TYPED = (
    "Another site led here with an address that signs in. "
    "If it is yours, copy it into the browser's address bar yourself."
)


@page
async def ask(request: Request) -> Response:
    """Show the form; who is signed in already, or has an address that signs in, is sent on."""
    onward = inside_console(request.query_params.get("next", ""))
    secret = request.query_params.get("once", "")
    if secret and request.method == "GET":
        return await _use_link(request, secret, onward)
    if await auth.session_caller(request):
        return RedirectResponse(onward, 303)
    return show_signin(request, onward)


async def _use_link(request: Request, secret: str, onward: str) -> Response:
    headers = request.headers
    if "prefetch" in headers.get("sec-purpose", headers.get("purpose", "")):
        return Response(status_code=503)  # nobody looks yet: the link is for who does
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        # No other site may sign somebody in as somebody else.
        return show_signin(request, onward, 403, error=LINK_NOT_TYPED)
    response: Response = RedirectResponse(onward, 303)
    if await auth.start_session_by_link(request, response, secret):
        return response
    return show_signin(request, onward, 401, error=LINK_NOT_ACCEPTED)


@page
async def submit(request: Request) -> Response:
    """Take the token; start a session, or say why not."""
    form = await _forms.read_fields(request)
    if not is_signin_form(request, form):
        raise Forbidden
    onward = inside_console(form.get("next", ""))
    response: Response = RedirectResponse(onward, 303)
    if await auth.start_session(request, response, form.get("token", "")) is None:
        return show_signin(request, onward, 401, error=NOT_ACCEPTED)
    response.delete_cookie(FORM_COOKIE, path="/signin")
    return response


@page
async def leave(request: Request) -> Response:
    """Sign out; who is signed out already is shown the way in."""
    response: Response = RedirectResponse("/signin", 303)
    if await auth.session_caller(request):
        await _forms.read_own(request)
        await auth.end_session(request, response)
        forget_draft(response)
    return response
