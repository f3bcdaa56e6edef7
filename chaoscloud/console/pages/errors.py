"""Pages for when it does not work: what happened, and what to do about it (in `error.html`)."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from chaoscloud.console import auth
from chaoscloud.console.db import StorageError
from chaoscloud.console.pages._templates import render

HEADINGS = {
    400: "That could not be understood",
    403: "That form was not accepted",
    404: "There is nothing here for you",
    405: "That cannot be done here",
    413: "That is too much text",
    422: "Something is missing",
    500: "The console failed",
    503: "The console is busy",
    507: "The console's disk is full",
}


async def show_error(request: Request, status: int, detail: str) -> Response:
    """The page for a status; `detail` is a sentence for people about this very case."""
    values = {
        "caller": await _whoever(request),
        "csrf": auth.form_token(request),
        "team": None,
        "bar": None,
        "said": None,
        "status": status,
        "heading": HEADINGS.get(status, "That did not work"),
        "detail": detail,
    }
    headers = {"Retry-After": "1"} if status == 503 else {}
    return HTMLResponse(render("error.html", values), status, headers)


async def _whoever(request: Request) -> auth.Caller | None:
    """Who looks, if that can be found out while something is broken."""
    try:
        return await auth.session_caller(request)
    except (StorageError, OSError):
        return None
