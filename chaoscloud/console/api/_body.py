"""Read a body: within the limit, inflated, valid JSON, of the type it must have."""

import asyncio
import re
from collections.abc import Callable
from typing import Annotated, Concatenate, ParamSpec, TypeVar

import msgspec
from starlette.requests import Request

from chaoscloud.console.bodies import Lease, read_body
from chaoscloud.console.db.journal_column import Journal
from chaoscloud.console.errors import BadRequest, Problem, Unprocessable
from chaoscloud.console.middleware import LEASE
from chaoscloud.console.rules.soundness import Unsound, ensure_sound

T = TypeVar("T")
P = ParamSpec("P")

# A document as the bytes that came; JSON Schema cannot see that it is an object.
Document = Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"type": "object"})]

LARGE = 256 * 1024  # bytes from which on reading would hold up everybody else
LARGE_JOURNAL = 32 * 1024  # the same of a body whose journal is compressed
_PLACE = re.compile(r"(?P<message>.*) - at `(?P<path>\$.*)`$", re.DOTALL)
_STEP = re.compile(r"\.(?P<key>[^.\[]+)|\[(?P<index>[^\]]*)\]")


class Invalid(Unprocessable):
    """The body is JSON, but not of the shape it must have.

    `errors` is one object a fault: `{"loc": ["body", "journal", "status"], "msg", "type"}`.
    """

    def __init__(self, message: str, loc: list[str | int], kind: str = "type_error") -> None:
        self.errors = [{"loc": loc, "msg": message, "type": kind}]
        where = ".".join(str(step) for step in loc)
        super().__init__(f"{where}: {message}", extra={"errors": self.errors})


async def body_of(request: Request, limit: int | None = None) -> bytes:
    """Return the whole body, inflated, of at most `limit` bytes (None: the console's limit).

    Raises `TooLarge`, `BadRequest` or `Busy`; see `chaoscloud.console.bodies`.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise Problem(
            415, "Unsupported Media Type", f"The console inflates gzip, not {encoding!r}."
        )
    lease: Lease = request.scope[LEASE]
    most = min(limit or lease.room.limit, lease.room.limit)
    gzipped = encoding in ("gzip", "x-gzip")
    return await read_body(request.stream(), lease, gzipped=gzipped, limit=most)


async def offload(
    job: Callable[Concatenate[bytes, P], T], raw: bytes, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run a job on bytes: on the event loop when they are few, in a thread when they are many."""
    if len(raw) < LARGE:
        return job(raw, *args, **kwargs)
    return await asyncio.to_thread(job, raw, *args, **kwargs)


async def offload_journal(job: Callable[[bytes], T], raw: bytes) -> T:
    """The same for a job that compresses a journal, which takes longer."""
    if len(raw) < LARGE_JOURNAL:
        return job(raw)
    return await asyncio.to_thread(job, raw)


def read_journal(raw: msgspec.Raw | bytes) -> Journal:
    """The journal of a body, compressed here so that the writer need not."""
    journal = Journal(raw)
    _ = journal.stored
    return journal


def check_json(raw: bytes, what: str = "body") -> bytes:
    """Return the bytes if they are JSON that can be stored. Raises `BadRequest`."""
    try:
        ensure_sound(raw)
    except Unsound as error:
        raise BadRequest(f"The {what} cannot be read as JSON: {error}.") from None
    return raw


def decode_as(raw: bytes | msgspec.Raw, kind: type[T], *at: str) -> T:
    """Decode JSON as this type; `at` is the place of the bytes in the body.

    What the type does not name, and what it names as `msgspec.Raw`, is hardly looked at: it is for
    `check_json`. Raises `Invalid`, and `BadRequest` for what is no JSON.
    """
    return validate(lambda: msgspec.json.decode(raw, type=kind), *at)


def validate(read: Callable[[], T], *at: str) -> T:
    """Return what a reading function returns. Raises `Invalid` for what it finds wrong."""
    try:
        return read()
    except msgspec.ValidationError as error:
        message, path = str(error), "$"
        if match := _PLACE.match(message):
            message, path = match["message"], match["path"]
        raise Invalid(message, ["body", *at, *_steps(path)]) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"The body cannot be read as JSON: {error}.") from None
    except RecursionError:
        raise BadRequest("The body cannot be read as JSON: it is nested too deeply.") from None


def _steps(path: str) -> list[str | int]:
    """`$.run[0].name` as `["run", 0, "name"]`."""
    return [
        step["key"] or (int(step["index"]) if step["index"].isdigit() else step["index"])
        for step in _STEP.finditer(path)
    ]
