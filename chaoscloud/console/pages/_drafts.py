"""What somebody typed into a form whose session had ended, kept until they are signed in again.

It is kept in a cookie of the browser that sent the form, for a quarter of an hour: the console
stores nothing of people who are not signed in, and any console process can read it.
"""

import base64
import binascii
import zlib
from collections.abc import Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from chaoscloud.console.pages._signin_form import is_secure

COOKIE = "chaosiq_draft"
LIFETIME = 15 * 60  # seconds
LONGEST = 3_500  # characters; browsers keep 4,096 bytes of a cookie with its name and attributes
LARGEST = 64 * 1024  # bytes of a draft, as of any form


class Draft(msgspec.Struct, frozen=True):
    """A form that was not accepted: its address, the path of the page it is on, what was typed."""

    action: str
    page: str
    fields: Mapping[str, str]


def pack_draft(draft: Draft) -> str | None:
    """A draft as a cookie's value; None when it is too long for one."""
    value = base64.urlsafe_b64encode(zlib.compress(msgspec.json.encode(draft))).decode()
    return value if len(value) <= LONGEST else None


def keep_draft(request: Request, response: Response, value: str) -> None:
    """Keep a packed draft in the browser."""
    response.set_cookie(
        COOKIE,
        value,
        max_age=LIFETIME,
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="strict",
    )


def read_draft(request: Request) -> Draft | None:
    """The draft for the page that is asked for, if there is one."""
    value = request.cookies.get(COOKIE)
    if not value or request.method != "GET":
        return None
    try:
        packed = zlib.decompressobj()
        raw = packed.decompress(base64.urlsafe_b64decode(value), LARGEST)
        draft = msgspec.json.decode(raw, type=Draft)
    except (ValueError, binascii.Error, zlib.error, msgspec.DecodeError):
        return None
    return draft if draft.page == request.url.path else None


def forget_draft(response: Response) -> None:
    """Let the browser forget it."""
    response.delete_cookie(COOKIE, path="/")
