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


@page
async def ask(request: Request) -> Response:
    """Show the form; who is signed in already is sent on."""
    onward = inside_console(request.query_params.get("next", ""))
    if await auth.session_caller(request):
        return RedirectResponse(onward, 303)
    return show_signin(request, onward)


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
