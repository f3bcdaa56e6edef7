"""What every page tells browsers: run nothing, load nothing and send nothing but what is ours."""

from starlette.responses import Response

POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",  # the live page's event stream
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

PRIVATE = {"Cache-Control": "no-store"}  # what a team sees stays out of shared browsers' caches


def secure(response: Response, *, private: bool = True) -> Response:
    """Put the headers on an answer; what somebody had to sign in for is not to be kept."""
    response.headers.update(HEADERS | (PRIVATE if private else {}))
    return response
