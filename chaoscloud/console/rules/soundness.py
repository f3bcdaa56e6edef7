"""Whether JSON is fit to be kept: decided once, when it comes in, so that reading it never fails.

The typed summaries that the console takes out of a document skip what they do not need, and what
is skipped is hardly looked at. A document that is kept must nevertheless be whole: pages and
people will decode all of it later.
"""

import codecs
import re
from collections.abc import Sequence

import msgspec

DEEPEST = 100  # levels of nesting; journals of real runs have under thirty
MOST = 5_000_000  # values; each takes many times its size once it is decoded
PIECE = 256 * 1024  # bytes decoded at a time: the interpreter can do other things in between
_LISTED = 5_000  # brackets of a list, such as a batch of events, that is looked at by element
_SPLITS = 8  # levels that are taken apart into pieces

_FIRST = re.compile(rb"[ \t\r\n]*(.)", re.DOTALL)  # the first character that is no blank
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_ALL_ALIKE = bytes.maketrans(b"{}", b"[]")


class Unsound(ValueError):
    """The bytes are not JSON that can be read back; the message says what is wrong."""


def ensure_sound(raw: bytes) -> None:
    """Raise `Unsound` unless these bytes are UTF-8 JSON, of sane depth, with numbers that exist."""
    try:
        if len(raw) <= PIECE and raw.count(b"[") + raw.count(b"{") <= DEEPEST:  # as most events
            raw.decode()
            msgspec.json.decode(raw)
            return
        _check_text(raw)  # the decoder does not look into the text that it skips
        if len(raw) > PIECE:  # shorter ones are decoded whole below
            msgspec.json.decode(raw, type=msgspec.Raw)
        # Each value takes at least a character, so few characters need no counting.
        if len(raw) > MOST and raw.count(b",") + raw.count(b"[") + raw.count(b"{") > MOST:
            raise Unsound(f"it has more than {MOST:,} values")
        _decode(memoryview(raw))
    except UnicodeDecodeError:
        raise Unsound("it is not UTF-8") from None
    except RecursionError:
        raise Unsound(f"it is nested deeper than {DEEPEST} levels") from None
    except msgspec.DecodeError as error:
        raise Unsound(str(error)) from None


def plain(text: str) -> str:
    """Text as every database takes it: PostgreSQL knows no NUL."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


# --- every value -------------------------------------------------------------------------------


def _check_text(raw: bytes) -> None:
    """Raise `UnicodeDecodeError` unless it is UTF-8; looked at in pieces, without a second copy."""
    if len(raw) <= PIECE:
        raw.decode()
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(raw)
    for start in range(0, len(view), PIECE):
        decoder.decode(view[start : start + PIECE])
    decoder.decode(b"", final=True)


def _decode(view: memoryview, above: int = 0) -> None:
    """Decode all of it, that many levels down; raises when a value cannot be.

    Views rather than bytes: a document of 60 MiB would otherwise be there once for each level.
    """
    if len(view) <= PIECE or above == _SPLITS:
        if not _is_shallow(bytes(view), DEEPEST - above):
            raise RecursionError
        msgspec.json.decode(view)
        return
    children = _read_children(view)
    together = max(1, len(children) * PIECE // (2 * len(view)))
    if together == 1:
        for child in children:
            _decode(memoryview(child), above + 1)
        return
    for start in range(0, len(children), together):  # small ones share a call
        joined = b"[" + b",".join(children[start : start + together]) + b"]"
        _decode(memoryview(joined), above)


def _read_children(view: memoryview) -> Sequence[msgspec.Raw]:
    first = _FIRST.match(view)
    start = first[1] if first else b""
    if start == b"{":
        return list(msgspec.json.decode(view, type=dict[str, msgspec.Raw]).values())
    if start == b"[":
        return msgspec.json.decode(view, type=list[msgspec.Raw])
    msgspec.json.decode(view)  # one long text
    return ()


# --- depth -------------------------------------------------------------------------------------


def _is_shallow(raw: bytes, levels: int) -> bool:
    """Whether there are no more levels than that.

    Nothing is nested deeper than it has opening brackets, nor a list deeper than one of its
    elements. Where there are many, innermost pairs are taken away, a level at a time, until
    nothing is left.
    """
    if _has_few_brackets(raw, levels):
        return True
    if raw.lstrip()[:1] == b"[" and _has_few_brackets(raw, _LISTED):
        children = map(bytes, msgspec.json.decode(raw, type=list[msgspec.Raw]))
        if all(_has_few_brackets(child, levels - 1) for child in children):
            return True
    brackets = _without_text(raw).translate(_ALL_ALIKE, _NO_BRACKETS)
    for _ in range(levels):
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return True
    return False


def _has_few_brackets(raw: bytes, levels: int) -> bool:
    return raw.count(b"[") + raw.count(b"{") <= levels


def _without_text(raw: bytes) -> bytes:
    """What stands outside of the quotes; brackets within text say nothing about depth."""
    return b"".join(raw.replace(rb"\\", b"").replace(rb"\"", b"").split(b'"')[::2])
