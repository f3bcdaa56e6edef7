"""Pages as small as the browser takes them."""

import gzip

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

LEVEL = 6  # more costs time and gains next to nothing
LEAST = 1_000  # bytes; less is not worth it

# The length of a packed page tells what it repeats of its address: an answer that another site asks
# for is not packed, so that its length tells that site nothing of what else stands there. Browsers
# that do not say who asks get it packed: what must stay secret is written differently each time.
ELSEWHERE = ("cross-site", "same-site")


def pack_page(request: Request, html: str, status: int) -> Response:
    """The answer with a page. Takes a few milliseconds: not for the event loop."""
    body = html.encode()
    vary = {"Vary": "Accept-Encoding, Sec-Fetch-Site"}
    if len(body) < LEAST or not _may_be_packed(request):
        return HTMLResponse(body, status, vary)
    smaller = gzip.compress(body, LEVEL, mtime=0)
    return HTMLResponse(smaller, status, vary | {"Content-Encoding": "gzip"})


def _may_be_packed(request: Request) -> bool:
    from_elsewhere = request.headers.get("sec-fetch-site") in ELSEWHERE
    return not from_elsewhere and "gzip" in request.headers.get("accept-encoding", "").lower()
