"""Whether JSON is fit to be kept: decided once, when it comes in, so that reading it never fails.

The typed summaries that the console takes out of a document skip what they do not need, and what
is skipped is hardly looked at. A document that is kept must nevertheless be whole: pages and
people will decode all of it later.
"""

from collections.abc import Iterable

import msgspec

DEEPEST = 100  # levels of nesting; journals of real runs have under thirty
PIECE = 256 * 1024  # bytes decoded at a time: the interpreter can do other things in between


class Unsound(ValueError):
    """The bytes are not JSON that can be read back; the message says what is wrong."""


def ensure_sound(raw: bytes) -> None:
    """Raise `Unsound` unless these bytes are UTF-8 JSON, of sane depth, with numbers that exist."""
    try:
        raw.decode()  # the decoder does not look into the text that it skips
        _ensure(raw, 0)
    except UnicodeDecodeError:
        raise Unsound("it is not UTF-8") from None
    except RecursionError:
        raise Unsound(f"it is nested deeper than {DEEPEST} levels") from None
    except msgspec.DecodeError as error:
        raise Unsound(str(error)) from None


def _ensure(raw: bytes, level: int) -> None:
    """Decode in pieces; nothing can be nested deeper than it has opening brackets."""
    if level > DEEPEST:
        raise RecursionError
    shallow = level + raw.count(b"[") + raw.count(b"{") <= DEEPEST
    if shallow and len(raw) <= PIECE:
        msgspec.json.decode(raw)
        return
    for child in _children(raw):
        _ensure(bytes(child), level + 1)


def _children(raw: bytes) -> Iterable[msgspec.Raw]:
    start = raw.lstrip()[:1]
    if start == b"{":
        return msgspec.json.decode(raw, type=dict[str, msgspec.Raw]).values()
    if start == b"[":
        return msgspec.json.decode(raw, type=list[msgspec.Raw])
    msgspec.json.decode(raw)  # one long text
    return ()


def plain(text: str) -> str:
    """Text as every database takes it: PostgreSQL knows no NUL."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
