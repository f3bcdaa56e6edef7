"""Forms: read within bounds, and accepted only from the pages that showed them."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

from chaoscloud.console.auth import form_accepted
from chaoscloud.console.errors import BadRequest, Forbidden, TooLarge

LARGEST = 64 * 1024  # bytes
MOST_FIELDS = 600  # fifty windows of a week, with a box for each day


async def read_fields(request: Request) -> Mapping[str, str]:
    """The fields of a form. Raises `BadRequest` or `TooLarge` when it is not one of ours."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise TooLarge("That is more text than any form here takes.")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise BadRequest("The form did not arrive as a browser sends it.") from None
    return {name: value.replace("\0", "") for name, value in pairs}


async def read_own(request: Request) -> Mapping[str, str]:
    """The fields of a form that this session was shown. Raises `Forbidden` for any other."""
    form = await read_fields(request)
    if not form_accepted(request, form.get("csrf", "")):
        raise Forbidden("This form is out of date, or was not shown by this console.")
    return form
