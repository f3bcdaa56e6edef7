"""What must hold for every secret and every document, whatever they look like."""

import base64
import json
import shlex
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any
from urllib.parse import quote, quote_plus
from xml.sax import saxutils

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from chaoscloud.redaction import MARKER, Redactor, to_json
from chaoscloud.redaction.vocabulary import KEYS

SECRET = st.text(min_size=6, max_size=20).filter(
    lambda text: len(text.strip()) >= 6 and text not in MARKER and text not in KEYS
)
AROUND = st.text(max_size=5)


def as_base64(encode: Callable[[bytes], bytes]) -> Callable[[str, str, str], str]:
    """Text in base64, the secret somewhere in it."""
    return lambda before, secret, after: encode(f"{before}{secret}{after}".encode()).decode()


def with_escape(escape: Callable[[str], str]) -> Callable[[str, str, str], str]:
    """Text with the secret escaped in it."""
    return lambda before, secret, after: before + escape(secret) + after


SPELLINGS: dict[str, Callable[[str, str, str], str]] = {
    "plain": with_escape(str),
    "json": with_escape(lambda secret: json.dumps(secret)[1:-1]),
    "json, not ascii": with_escape(lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1]),
    "json in json": with_escape(lambda secret: json.dumps(json.dumps(secret))),
    "json, slashes": with_escape(lambda secret: json.dumps(secret)[1:-1].replace("/", "\\/")),
    "url": with_escape(quote),
    "url, all": with_escape(lambda secret: quote(secret, safe="")),
    "url, lower": with_escape(lambda secret: lower_escapes(quote(secret, safe=""))),
    "form": with_escape(quote_plus),
    "url in url": with_escape(lambda secret: quote(quote(secret, safe=""), safe="")),
    "repr": with_escape(repr),
    "repr of bytes": with_escape(lambda secret: repr(secret.encode())),
    "xml": with_escape(lambda secret: saxutils.escape(secret, {"'": "&apos;", '"': "&quot;"})),
    "xml, numbers": with_escape(lambda secret: "".join(map(as_entity, secret))),
    "shell": with_escape(shlex.quote),
    "shell, traced": with_escape(lambda secret: secret.replace("'", "'\\''")),
    "base64": as_base64(base64.b64encode),
    "base64, utf-16": lambda before, secret, after: base64.b64encode(
        before.encode("utf-16-le") + secret.encode("utf-16-le") + after.encode("utf-16-le")
    ).decode(),
    "base64, urls": as_base64(base64.urlsafe_b64encode),
    "base64, lines": as_base64(base64.encodebytes),
}


def as_entity(character: str) -> str:
    """Anything but a letter or digit as a numeric entity of XML."""
    plain = character.isascii() and character.isalnum()
    return character if plain else f"&#{ord(character)};"


def lower_escapes(text: str) -> str:
    """Percent escapes in small letters, the rest as it is."""
    parts = text.split("%")
    return "%".join([parts[0], *(part[:2].lower() + part[2:] for part in parts[1:])])


def texts_in(document: Any) -> Iterator[str]:
    """Every text of a document, keys included."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield from texts_in(key)
            yield from texts_in(value)
    elif isinstance(document, list):
        for value in document:
            yield from texts_in(value)
    else:
        yield str(document)


POSITIONS: dict[str, Callable[[str], Any]] = {
    "document": lambda text: text,
    "value": lambda text: {"stdout": text},
    "key": lambda text: {text: 1},
    "keys": lambda text: {text: 1, f"{text}.": 2, "other": {text: {text: text}}},
    "list": lambda text: {"run": [{"output": [1, None, text, (text,)]}]},
    "exception": lambda text: {"exception": ["Traceback\n", f"ValueError: {text}\n"]},
}


@settings(deadline=None)
@given(
    secret=SECRET,
    before=AROUND,
    after=AROUND,
    spelling=st.sampled_from(sorted(SPELLINGS)),
    position=st.sampled_from(sorted(POSITIONS)),
    filler=st.sampled_from(["", "\n" * 20_000]),
)
@example("%25%25", "", "", "plain", "value", "")
@example("\\\\u00e9\\n", "\\", "n", "json in json", "key", "")
@example("a b+c%20d", "+", "%", "form", "value", "")
@example("\x85\u2028\r\n\x00secret", "", "", "repr", "list", "")
def test_no_secret_survives_in_any_spelling_at_any_place(
    secret: str, before: str, after: str, spelling: str, position: str, filler: str
) -> None:
    """Whatever surrounds it, it is found and replaced."""
    written = SPELLINGS[spelling]("", secret, "")
    text = filler + SPELLINGS[spelling](before, secret, after)

    redacted = Redactor({"shop": {"password": secret}}).redact(POSITIONS[position](text))

    assert redacted.count >= 1
    left = MARKER.join(texts_in(redacted.document)).split(MARKER)
    assert not any(secret in part or written in part for part in left)


@settings(deadline=None)
@given(secret=SECRET, before=st.binary(max_size=7), after=st.binary(max_size=7))
def test_what_is_left_of_base64_does_not_hold_the_secret(
    secret: str, before: bytes, after: bytes
) -> None:
    """Decoded at any alignment, what stands around the marker has no byte of it but at its ends."""
    encoded = base64.b64encode(before + secret.encode() + after).decode()

    left = Redactor({"password": secret}).redact(encoded).document.split(MARKER)

    assert len(left) == 2
    assert len(left[0]) <= -(-len(before) * 8 // 6)
    assert len(left[1].rstrip("=")) <= -(-len(after) * 8 // 6) + 1


@settings(deadline=None, max_examples=50)
@given(secrets=st.lists(SECRET, min_size=1, max_size=6), data=st.data())
def test_no_secret_of_many_survives(secrets: list[str], data: st.DataObject) -> None:
    """Also where they overlap, contain each other or follow each other without a gap."""
    longer = data.draw(
        st.lists(st.builds(lambda a, b: a[2:] + b[:4], *[st.sampled_from(secrets)] * 2))
    )
    known = secrets + [value for value in longer if len(value.strip()) >= 6]
    text = "".join(data.draw(st.lists(st.sampled_from([*known, " ", "x", "\n"]), max_size=8)))
    assume(not any(value in MARKER for value in known))

    redacted = Redactor({"shop": dict(enumerate(known))}).redact({"stdout": text}).document

    for value in known:
        for part in redacted["stdout"].split(MARKER):
            assert value not in part


def refuse_constant(constant: str) -> None:
    """What a strict reader does with NaN and infinities."""
    raise AssertionError(f"{constant} is no JSON")


# With halves of surrogate pairs and NUL, as the output of processes has them.
HARSH_TEXT = st.text(st.characters(categories=["Cs", "Cc", "L"]))

DOCUMENT = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | HARSH_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@settings(deadline=None)
@given(document=DOCUMENT, secrets=st.dictionaries(st.text(), DOCUMENT, max_size=3))
def test_the_callers_document_is_never_changed(document: Any, secrets: dict[str, Any]) -> None:
    """Whatever it holds and whatever is secret; nor are the secrets themselves."""
    before = deepcopy(document), deepcopy(secrets)

    Redactor(secrets, token="ciq_0123456789").redact([document, secrets])

    assert repr((document, secrets)) == repr(before)


@settings(deadline=None)
@given(document=DOCUMENT, secrets=st.dictionaries(st.text(), DOCUMENT, max_size=3))
def test_a_copy_can_be_sent(document: Any, secrets: dict[str, Any]) -> None:
    """It is JSON any reader takes: no NaN, no half characters, no NUL."""
    text = to_json(Redactor(secrets).redact(document).document)

    read = json.loads(text, parse_constant=refuse_constant)
    for part in texts_in(read):
        assert "\0" not in part
        assert part.encode("utf-8", "replace").decode() == part


@settings(deadline=None)
@given(
    key=st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ_", min_size=1),
    secrets=st.dictionaries(st.text(max_size=5), st.text(), max_size=5),
)
def test_references_survive(key: str, secrets: dict[str, str]) -> None:
    """A reference that does not spell a secret out is what makes the document run again."""
    assume(not any(len(value.strip()) >= 6 and value.strip() in key for value in secrets.values()))
    references = {"shop": {"a": {"type": "env", "key": key}, "b": {"type": "vault", "path": key}}}

    redacted = Redactor(secrets).redact({"secrets": references}).document

    assert redacted == {"secrets": references}


@settings(deadline=None)
@given(value=st.text(min_size=1, max_size=5).filter(str.strip), around=st.text("xyz", min_size=1))
def test_a_short_secret_goes_as_a_whole_value_and_stays_inside_others(
    value: str, around: str
) -> None:
    """Found by itself, not as part of a word or a key."""
    redacted = Redactor({"pin": value}).redact(
        {"whole": [value], "part": f"{around}{value}{around}"}
    )

    assert redacted.document["whole"] == [MARKER]
    assert MARKER not in redacted.document["part"]
