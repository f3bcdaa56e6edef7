r"""How a secret may be written, as regular expressions for all of a run's secrets.

Each character may stand as it is, escaped for JSON (once, or twice when a document holds another),
for a url, for XML, for a shell, or by Python's `repr` in a traceback; mixed, because every library
escapes other characters. The text in base64 (of UTF-8 and UTF-16) is cut to what the secret alone
decides, for each of the three positions it can have in the bytes around it, and may be broken into
lines.

Speed matters, as this runs over whole journals while an experiment waits. One expression looks for
the first characters of every spelling. Only where it finds something is the whole compared, form by
form in a tree: to compile all forms of fifty secrets in Cyrillic would take seconds. A long text is
first searched for a plain part that every spelling of a secret has (`str.find` is much faster than
`re`), and most secrets are out of question then.
"""

import base64
import html
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

__all__ = ["Spellings"]

# Characters that no escape touches.
_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.~")

# What the last two characters of base64's alphabet become in urls.
_BASE64_FORMS = {"+": ("+", "-", "%2B", "%2b"), "/": ("/", "_", "%2F", "%2f", "\\/")}

# Escapes that some programs use for one character only; a quote is doubled in SQL and CSV, and
# leaves a shell's single quotes for a moment.
_OWN_FORMS = {
    " ": ("+",),
    "/": ("\\/", "\\\\/"),
    "'": ("\\\\'", "&apos;", "&amp;apos;", "''", "'\\''", "'\\\\''", "'\"'\"'", "'\\\"'\\\"'"),
    '"': ('""', '\\"\\"'),
    "\n": ("\r\n", "\\r\\n"),
}

_CODE_POINT = re.compile(r"(?<=\\u)[0-9a-f]{4}")

# PEM files, mail and the command `base64` break lines, which JSON may have escaped.
_BLANKS = b" \t\n\r\f\v"
_LINE_BREAK = r"(?:[ \t\n\r\f\v]|\\[nr])*"
_LINE_BREAKS = re.compile(_LINE_BREAK)

_VARIES = "\uffff"  # in the place of a character with several forms; Unicode has none of this code

_HEAD = 4  # characters of a spelling to look for at first

_LONG = 16 * 1024  # characters from which on a text is worth several fast searches
_PIECE = 256 * 1024  # characters of it that are copied at once

Forms = tuple[str, ...]  # the ways to write one character, the longest first


class Spellings:
    """Every spelling of some secret texts, each of at least two characters."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._notations = [notation for text in texts for notation in _notations(text)]
        self._search = _Search(self._notations)

    def find_spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where `text` is secret. Overlapping secrets are one span: the rest of one would stay."""
        span = None
        for start, stop in self._search_for(text).find_matches(text):
            if span and start < span[1]:
                span = span[0], max(span[1], stop)
                continue
            if span:
                yield span
            span = start, stop
        if span:
            yield span

    def _search_for(self, text: str) -> "_Search":
        """The search for those spellings that the text can have."""
        if len(text) < _LONG or not self._notations:
            return self._search
        plain = [notation for notation in self._notations if not notation.is_base64]
        base64s = [notation for notation in self._notations if notation.is_base64]
        parts = _find_unbroken(text, {notation.part.encode() for notation in base64s})
        return _Search(
            [
                *(notation for notation in plain if notation.part in text),
                *(notation for notation in base64s if notation.part.encode() in parts),
            ]
        )


@dataclass(frozen=True)
class _Notation:
    """A secret text in one kind of writing; `part` stands as it is in each of its spellings."""

    characters: list[Forms]
    part: str
    is_base64: bool

    def heads(self) -> Iterator[tuple[str, str, str]]:
        """What each spelling begins with: a plain character, then two expressions."""
        between = _LINE_BREAK if self.is_base64 else ""
        first, *others = self.characters[: _HEAD + 1]
        second, *rest = [between + _expression(forms) for forms in others]
        for form in first:
            yield form[0], re.escape(form[1:]) + second, "".join(rest)


class _Node:
    """What may follow in a tree of spellings; those that begin alike share their beginning."""

    def __init__(self) -> None:
        self.is_end = False
        self.children: dict[tuple[Forms, bool], _Node] = {}

    def add(self, notation: _Notation) -> None:
        """Add all spellings of a text; line breaks in base64 stand before the second character."""
        node = self
        for n, forms in enumerate(notation.characters):
            node = node.children.setdefault((forms, notation.is_base64 and n > 0), _Node())
        node.is_end = True


class _Search:
    """The search for some notations at once."""

    def __init__(self, notations: Iterable[_Notation]) -> None:
        self._notations = list(notations)
        heads: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for notation in self._notations:
            for start, second, head in notation.heads():
                heads[start][second].add(head)
        # Those that begin alike share what they share, so that `re` tries it once.
        self._heads = re.compile(
            _either(
                re.escape(start)
                + _either(second + _either(rests) for second, rests in rest.items())
                for start, rest in heads.items()
            )
        )

    @cached_property
    def _tree(self) -> _Node:
        tree = _Node()
        for notation in self._notations:
            tree.add(notation)
        return tree

    def find_matches(self, text: str) -> Iterator[tuple[int, int]]:
        """The longest spelling at each place, in order."""
        head = self._heads.search(text) if self._notations else None
        while head:
            start = head.start()
            stop = _find_stop(self._tree, text, start)
            if stop is not None:
                yield start, stop
            head = self._heads.search(text, start + 1)


def _find_stop(tree: _Node, text: str, start: int) -> int | None:
    """Where the longest spelling that begins at `start` stops; None where there is none."""
    longest: int | None = None
    waiting = [(tree, {start})]
    while waiting:
        node, stops = waiting.pop()
        if node.is_end:
            longest = max(stops) if longest is None else max(longest, *stops)
        for (forms, is_broken), child in node.children.items():
            places = {_end_of_breaks(text, stop) for stop in stops} if is_broken else stops
            further = {
                place + len(form)
                for place in places
                for form in forms
                if text.startswith(form, place)
            }
            if further:
                waiting.append((child, further))
    return longest


def _notations(text: str) -> Iterator[_Notation]:
    yield _notation([_forms(character) for character in text], is_base64=False)
    # UTF-16 that was taken for ASCII, as the output of Windows' programs is.
    yield _notation([(character,) for character in "\0".join(text)], is_base64=False)
    for octets in (_bytes(text), *(_bytes(text, f"utf-16-{order}") for order in ("le", "be"))):
        for core in _base64_cores(octets):
            forms = [_BASE64_FORMS.get(character, (character,)) for character in core]
            yield _notation(forms, is_base64=True)


def _notation(characters: list[Forms], is_base64: bool) -> _Notation:
    plain = "".join(forms[0] if len(forms) == 1 else _VARIES for forms in characters)
    return _Notation(characters, max(plain.split(_VARIES), key=len), is_base64)


def _end_of_breaks(text: str, start: int) -> int:
    match = _LINE_BREAKS.match(text, start)
    return match.end() if match else start


def _find_unbroken(text: str, parts: set[bytes]) -> set[bytes]:
    """Which parts are in the text once its blanks and line breaks are taken out.

    Piece by piece: to make copies of a large text takes longer than to search them.
    """
    longest = max(map(len, parts), default=0)
    found: set[bytes] = set()
    start, rest = 0, b""
    while start < len(text):
        stop = start + _PIECE
        while text[stop - 1 : stop] == "\\":  # a line break may be escaped
            stop += 1
        unbroken = rest + _without_line_breaks(text[start:stop])
        found |= {part for part in parts - found if part in unbroken}
        start, rest = stop, unbroken[max(len(unbroken) - longest + 1, 0) :] if longest > 1 else b""
    return found


def _without_line_breaks(text: str) -> bytes:
    octets = text.encode("utf-8", "surrogatepass")
    if b"\\" in octets:
        octets = octets.replace(b"\\n", b"").replace(b"\\r", b"")
    return octets.translate(None, _BLANKS)


def _either(expressions: Iterable[str]) -> str:
    known = list(expressions)
    return f"(?:{'|'.join(known)})" if len(known) > 1 else "".join(known)


@lru_cache(maxsize=4096)
def _expression(forms: Forms) -> str:
    """The regular expression of one character."""
    return _either(map(re.escape, forms))


@lru_cache(maxsize=4096)
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
        *_entities(character),
        f"\\{character}",  # for a shell
        json.dumps(f"\\{character}")[1:-1],
        *_OWN_FORMS.get(character, ()),
    }
    return tuple(sorted(forms, key=lambda form: (-len(form), form)))


def _entities(character: str) -> Iterator[str]:
    """The character for HTML and XML, and for a document within another."""
    code = ord(character)
    numbers = (f"&#{code};", f"&#{code:03};", f"&#x{code:x};", f"&#x{code:X};")
    for entity in (html.escape(character), *numbers):
        yield entity
        yield entity.replace("&", "&amp;")


def _base64_cores(octets: bytes) -> Iterator[str]:
    """The base64 of the bytes after 0, 1 and 2 others, without what those others change."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + octets).decode().rstrip("=")
        tail = 1 if (before + len(octets)) % 3 else 0
        yield encoded[(0, 2, 3)[before] : len(encoded) - tail]


def _bytes(text: str, encoding: str = "utf-8") -> bytes:
    try:
        return text.encode(encoding, "surrogateescape")
    except UnicodeEncodeError:  # half a pair of surrogates, which no encoding has
        return text.encode(encoding, "surrogatepass")
