"""The console's url, as people type it."""

from urllib.parse import urlsplit

__all__ = ["console_address"]

_LOOPBACK_HOSTS = ("localhost", "127.", "[::1]")
_ENDS = ("/api/v1", "/api")


def console_address(text: str) -> str:
    """`scheme://host[:port][/prefix]` of what somebody typed. Raises `ValueError` for no url.

    User info, query, a trailing slash and the API's own path are dropped. Without a scheme, only an
    address on this machine is taken (`127.0.0.1:8080`, by http): for any other, a token would be
    sent to a guess.
    """
    text = text.strip()
    if "://" not in text and text.lower().startswith(_LOOPBACK_HOSTS):
        text = f"http://{text}"
    try:
        parts = urlsplit(text)
        is_usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, half an IPv6 address
        is_usable = False
    if not is_usable or not text.isprintable() or " " in text:
        raise ValueError("The url must look like https://console.example.com")
    host = parts.netloc.rpartition("@")[2].lower()
    return f"{parts.scheme}://{host}{_prefix_of(parts.path)}"


def _prefix_of(path: str) -> str:
    """The path below which a console lies, for instance behind a proxy; empty for none."""
    path = path.rstrip("/")
    for end in _ENDS:
        path = path.removesuffix(end)
    return path.rstrip("/")
