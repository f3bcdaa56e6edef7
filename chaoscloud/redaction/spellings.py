r"""How a secret may be written, as one regular expression for all of a run's secrets.

Each character may stand as it is, escaped for JSON (once, or twice when a document holds another),
for a url, for HTML, or by Python's `repr` in a traceback; mixed, because every library escapes
other characters. The text in base64 is cut to what the secret alone decides, for each of the three
positions it can have in the bytes around it, and may be broken into lines.

Speed matters, as this runs over whole journals while an experiment waits. One expression looks for
the first characters of every spelling, and starts with plain characters so that `re` skips over the
rest; only where it finds something is the whole spelling compiled and compared.
"""

import base64
import html
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property

__all__ = ["Spellings"]

# Characters that no escape touches.
_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.~")

# What the last two characters of base64's alphabet become in urls.
_BASE64_FORMS = {"+": ("+", "-", "%2B", "%2b"), "/": ("/", "_", "%2F", "%2f", "\\/")}

# Escapes that some programs use for one character only.
_OWN_FORMS = {
    " ": ("+",),
    "/": ("\\/", "\\\\/"),
    "'": ("\\'", "\\\\'", "&#39;"),
    '"': ("&#34;",),
    "\n": ("\r\n", "\\r\\n"),
}

_CODE_POINT = re.compile(r"(?<=\\u)[0-9a-f]{4}")

# PEM files, mail and the command `base64` break lines, which JSON may have escaped.
_LINE_BREAK = r"(?:\s|\\[nr])*"

_HEAD = 6  # characters of a spelling to look for at first

Forms = tuple[str, ...]  # the ways to write one character, the longest first


class Spellings:
    """Every spelling of some secret texts, each of at least two characters."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._by_start: dict[str, list[_Spelling]] = defaultdict(list)
        for text in texts:
            for spelling in _spellings(text):
                self._by_start[spelling.start].append(spelling)
        self._heads = _compile_heads(self._by_start)

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where `text` is secret. Overlapping secrets are one span: the rest of one would stay."""
        span = None
        for start, stop in self._found(text):
            if span and start < span[1]:
                span = span[0], max(span[1], stop)
                continue
            if span:
                yield span
            span = start, stop
        if span:
            yield span

    def _found(self, text: str) -> Iterator[tuple[int, int]]:
        """The longest spelling at each place, in order."""
        head = self._heads.search(text)
        while head:
            start = head.start()
            ways = (way.pattern.match(text, start) for way in self._by_start[text[start]])
            stops = [way.end() for way in ways if way]
            if stops:
                yield start, max(stops)
            head = self._heads.search(text, start + 1)


class _Spelling:
    """One way to write a text: a plain character, then an expression for each further one."""

    def __init__(self, start: str, others: list[str]) -> None:
        self.start = start
        self.second = others[0]
        self.head = "".join(others[1:_HEAD])
        self._others = others

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(re.escape(self.start) + "".join(self._others))


def _compile_heads(by_start: dict[str, list[_Spelling]]) -> re.Pattern[str]:
    """One expression for the beginnings of all spellings; those alike share what they share."""
    return re.compile(
        _either(re.escape(start) + _seconds(ways) for start, ways in by_start.items()) or "(?!)"
    )


def _seconds(spellings: list[_Spelling]) -> str:
    heads: dict[str, set[str]] = defaultdict(set)
    for spelling in spellings:
        heads[spelling.second].add(spelling.head)
    return _either(second + _either(rests) for second, rests in heads.items())


def _spellings(text: str) -> Iterator[_Spelling]:
    yield from _started([_forms(character) for character in text], between="")
    for core in _base64_cores(_bytes(text)):
        yield from _started([_BASE64_FORMS.get(c, (c,)) for c in core], between=_LINE_BREAK)


def _started(characters: list[Forms], between: str) -> Iterator[_Spelling]:
    """The spelling of a text, once for each way to write its first character."""
    others = [between + _either(map(re.escape, forms)) for forms in characters[1:]]
    for form in characters[0]:
        yield _Spelling(form[0], [re.escape(form[1:]) + others[0], *others[1:]])


def _either(ways: Iterable[str]) -> str:
    known = list(ways)
    return f"(?:{'|'.join(known)})" if len(known) > 1 else "".join(known)


def _forms(character: str) -> Forms:
    """The ways to write one character of a text."""
    if character in _SAFE:
        return (character,)
    once = json.dumps(character)[1:-1]
    octets = _bytes(character)
    percent = "".join(f"%{octet:02X}" for octet in octets)
    twice_percent = percent.replace("%", "%25")
    forms = {
        character,
        once,
        json.dumps(once)[1:-1],
        _CODE_POINT.sub(lambda code: code[0].upper(), once),
        ascii(character)[1:-1],
        "".join(f"\\x{octet:02x}" for octet in octets),
        percent,
        percent.lower(),
        twice_percent,
        twice_percent.lower(),
        html.escape(character),
        *_OWN_FORMS.get(character, ()),
    }
    return tuple(sorted(forms, key=lambda form: (-len(form), form)))


def _base64_cores(octets: bytes) -> Iterator[str]:
    """The base64 of the bytes after 0, 1 and 2 others, without what those others change."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + octets).decode().rstrip("=")
        tail = 1 if (before + len(octets)) % 3 else 0
        yield encoded[(0, 2, 3)[before] : len(encoded) - tail]


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a pair of surrogates, which no encoding has
        return text.encode("utf-8", "surrogatepass")
