"""A form that somebody sends after their session has ended: nothing is done, and nothing is lost.

The page says what was not done and asks to sign in. From there the way leads back to the page of
the form, where it stands filled in as it was sent, to be looked at and sent again. What another
site sent is not kept: only forms of this console come back.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from chaoscloud.console import auth
from chaoscloud.console.pages import _forms
from chaoscloud.console.pages._drafts import Draft, keep_draft, pack_draft
from chaoscloud.console.pages._signin_form import show_signin

# What was not done, by the last word of a form's address.
UNDONE = {
    "stop": "Nothing was stopped",
    "release": "Nothing was released",
    "remove": "Nothing was removed",
    "revoke": "Nothing was revoked",
}
_NOT_TYPED = ("csrf",)


async def show_undone(request: Request) -> Response:
    """The page for a form whose session has ended. Raises a `Problem` when it is no form."""
    form = await _forms.read_fields(request)
    undone = UNDONE.get(request.url.path.rpartition("/")[2], "Nothing was changed")
    if not _is_ours(request, form):
        return show_signin(request, "/", 401, undone=undone, typed={}, kept=True)
    typed = {name: value for name, value in form.items() if name not in _NOT_TYPED}
    query = f"?{request.url.query}" if request.url.query else ""
    page = _page_of(request)
    draft = Draft(request.url.path + query, page, typed)
    cookie = pack_draft(draft)
    response = show_signin(
        request,
        page + query,
        401,
        undone=undone,
        typed={name: text for name, text in typed.items() if text},
        kept=cookie is not None,
    )
    if cookie is not None:
        keep_draft(request, response, cookie)
    return response


def _is_ours(request: Request, form: Mapping[str, str]) -> bool:
    """Whether a page of this console sent the form.

    The cookie of a session proves it although the session has ended; where the browser has thrown
    that cookie away, it still says which site a form comes from.
    """
    if auth.form_accepted(request, form.get("csrf", "")):
        return True
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = urlsplit(request.headers.get("origin", "")).netloc
    public: str | None = request.app.state.config.public_url
    return bool(origin) and origin in (request.headers.get("host"), urlsplit(public or "").netloc)


def _page_of(request: Request) -> str:
    """The path of the page that a form is on: that of its address, as far as one can be opened."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    pages = {route.path for route in routes if "GET" in (route.methods or ())}
    endpoint = request.scope["endpoint"]
    pattern = next(route.path for route in routes if route.endpoint is endpoint).split("/")
    while pattern and "/".join(pattern) not in pages:
        pattern.pop()
    return "/".join(request.url.path.split("/")[: len(pattern)]) or "/"
