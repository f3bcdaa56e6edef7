"""What is taken out of copies of documents: examples. The properties are in their own file."""

import base64
import html
import json
import re
import shlex
import traceback
from collections import namedtuple
from copy import deepcopy
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import UUID
from xml.sax import saxutils

import pytest

from chaoscloud.redaction import MARKER, Redactor, spellings, to_json
from chaoscloud.types import Experiment, Journal

PASSWORD = "correct-horse"
KEY = """-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj
kiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKjMzEfYyjiWA4R4/M2b
=+/x
-----END PRIVATE KEY-----
"""


def as_entities(text: str, form: str) -> str:
    """All but letters and digits as numeric entities of XML."""
    return "".join(c if c.isalnum() and c.isascii() else form.format(ord(c)) for c in text)


def redact(document: Any, *values: Any) -> Any:
    """The document without these values."""
    secrets = {"shop": {f"value-{number}": value for number, value in enumerate(values)}}
    return Redactor(secrets).redact(document).document


# Where a value may stand


def test_a_value_is_found_wherever_it_stands(journal: Journal) -> None:
    """Values, parts of texts, lists, keys: the journal comes out whole, but without it."""
    journal["run"][0]["output"] = {
        "stdout": f"login with {PASSWORD}, ok",
        PASSWORD: [PASSWORD, {"nested": (f"<{PASSWORD}>",)}],
    }

    redacted = Redactor({"shop": {"password": PASSWORD}}).redact(journal)

    assert redacted.document["run"][0]["output"] == {
        "stdout": f"login with {MARKER}, ok",
        MARKER: [MARKER, {"nested": [f"<{MARKER}>"]}],
    }
    assert redacted.count == 4
    assert redacted.document["run"][0]["activity"] == journal["run"][0]["activity"]


def test_the_callers_document_is_not_touched(journal: Journal) -> None:
    """The journal is the live object the host writes to the user's file."""
    journal["run"][0]["output"]["stdout"] = PASSWORD
    before = deepcopy(journal)

    copy = Redactor({"password": PASSWORD}).redact(journal).document
    copy["run"][0]["output"]["stdout"] = "changed"
    copy["experiment"]["tags"].append("changed")

    assert journal == before


def test_without_secrets_a_document_is_copied(experiment: Experiment) -> None:
    """Nothing to hide: equal, but for what belongs to this machine."""
    redacted = Redactor().redact(experiment)

    assert redacted.count == 0
    assert redacted.document is not experiment
    del experiment["extensions"][1]["experiment_path"]
    assert redacted.document == experiment


def test_our_own_token_is_a_secret() -> None:
    """A process that prints its environment prints it."""
    redacted = Redactor(None, token="ciq_0123456789").redact("CHAOSIQ_TOKEN=ciq_0123456789")

    assert redacted.document == f"CHAOSIQ_TOKEN={MARKER}"


def test_a_traceback_hides_the_value() -> None:
    """Exceptions quote what they were given, escaped by `repr`."""
    value = 'it\'s a "pass\\word" of\tmine'
    failure = ValueError({"password": value}, value.encode())
    text = "".join(traceback.format_exception(failure))

    assert redact(text, value).endswith(f"({{'password': '{MARKER}'}}, b'{MARKER}')\n")


def test_two_keys_that_become_one_are_both_kept() -> None:
    """Their values are not secret, and none of them may be lost."""
    assert redact({"token-a": 1, "token-b": 2, MARKER: 3}, "token-a", "token-b") == {
        MARKER: 1,
        f"{MARKER}-2": 2,
        f"{MARKER}-3": 3,
    }


@pytest.mark.parametrize("word", ["method", "provider", "steady-state-hypothesis"])
def test_the_words_of_the_format_stay_keys(experiment: Experiment, word: str) -> None:
    """Somebody's password is `method`; the document must still have one."""
    redacted = redact({**experiment, "description": f"my {word}", word: [1]}, word)

    assert redacted[word] == [1]
    assert redacted["description"] == f"my {MARKER}"


# What is secret


@pytest.mark.parametrize(
    "secrets",
    [
        {"password": PASSWORD},
        {"shop": {"password": PASSWORD}},
        {"shop": {"database": {"accounts": [{"password": PASSWORD}]}}},
        {"shop": {"password": f"{PASSWORD}\n"}},
        {"shop": {"password": f"  {PASSWORD}"}},
        {"shop": {"password": PASSWORD.encode()}},
        {"shop": {"type": "env", "password": PASSWORD}},
    ],
    ids=["flat", "grouped", "payload", "newline", "indented", "bytes", "looks-like-a-reference"],
)
def test_secrets_of_any_shape_are_known(secrets: dict[str, Any]) -> None:
    """The host resolves to groups, to bare values, and to whole payloads of Vault."""
    assert Redactor(secrets).redact(f"password={PASSWORD}").document == f"password={MARKER}"


@pytest.mark.parametrize(
    "value",
    [None, True, False, "", "   ", " \n\t ", [], {}, {"type": "env", "key": "SHOP_PASSWORD"}],
)
def test_what_tells_nothing_hides_nothing(journal: Journal, value: Any) -> None:
    """Blanks are in every text and booleans everywhere; a reference is no value."""
    journal["run"][0]["output"]["stdout"] = "       and    SHOP_PASSWORD, true, false, None"

    redacted = Redactor({"shop": {"password": value}}).redact(journal)

    assert redacted.count == 0


@pytest.mark.parametrize(
    "reference",
    [
        {"type": "env", "key": "SHOP_PASSWORD"},
        {"type": "env", "key": "pin", "default": "none"},
        {"type": "vault", "path": "secrets/shop", "key": "password"},
    ],
)
def test_references_to_secrets_stay(reference: dict[str, str]) -> None:
    """With them the document can be run again; a short secret that reads alike spares them."""
    document = {"secrets": {"shop": {"password": reference}}, "configuration": {"pin": reference}}

    assert redact(document, PASSWORD, "env", "vault", "pin", "none") == document


def test_a_secret_inside_a_reference_goes() -> None:
    """A default may be the value itself."""
    reference = {"type": "env", "key": "SHOP_PASSWORD", "default": PASSWORD}

    assert redact(reference, PASSWORD) == {**reference, "default": MARKER}


# Short values


@pytest.mark.parametrize("value", ["true", "no", "shop", "1", "a", "admin"])
def test_a_short_value_is_hidden_as_a_whole_value_only(value: str) -> None:
    """Or every word with it inside would be wrecked."""
    redacted = redact({"said": value, "line": f"{value}\n", "word": f"un{value}ed"}, value)

    assert redacted == {"said": MARKER, "line": MARKER, "word": f"un{value}ed"}


def test_a_short_value_is_no_key() -> None:
    """Keys are names, and `id` would be one of the first to go."""
    assert redact({"id": "x", "on": True}, "id", "on", "true") == {"id": "x", "on": True}


def test_short_values_are_counted() -> None:
    """The user is told that these are hidden less well."""
    assert Redactor({"shop": {"pin": "4711", "id": "ab", "password": PASSWORD}}).short == 2


def test_a_short_number_hides_equal_numbers() -> None:
    """A port or a pin, whether the document has it as a number or as text."""
    document = [4711, "4711", 4711.0, 47110, "port 4711", True]

    assert redact(document, 4711) == [MARKER, MARKER, 4711.0, 47110, "port 4711", True]
    assert redact(document, "4711") == [MARKER, MARKER, 4711.0, 47110, "port 4711", True]


def test_a_digit_or_two_in_text_hide_no_numbers() -> None:
    """They would hide every count and every status."""
    assert redact([1, 200, "200", True], "1", "200") == [1, 200, MARKER, True]


@pytest.mark.parametrize("value", [123456789, "123456789", 1234567.125, Decimal("98765.4321")])
def test_a_long_number_is_hidden_in_numbers_and_texts(value: Any) -> None:
    """JSON shows it in both."""
    document = {
        "number": float(value) if isinstance(value, Decimal) else value,
        "text": f"<{value}>",
    }

    assert redact(document, value) == {"number": MARKER, "text": f"<{MARKER}>"}


# Secrets that contain each other


def test_the_longest_of_several_values_is_hidden() -> None:
    """Hiding the shorter first would leave the rest of the longer."""
    document = "secret-word secret-word-2026 my-secret-word-2026"

    assert redact(document, "secret-word", "secret-word-2026", "my-secret-word-2026") == (
        f"{MARKER} {MARKER} {MARKER}"
    )


def test_overlapping_values_leave_nothing() -> None:
    """One value's end is the other's start."""
    assert redact("<abcdefghijkl>", "abcdefgh", "fghijkl") == f"<{MARKER}>"


# Spellings


@pytest.mark.parametrize("around", [("", ""), ("a", "b"), ("ab", "cd"), ("ada:", ""), ("", "\n")])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_hides_the_value_at_every_alignment(around: tuple[str, str], encode: Any) -> None:
    """A header of basic authentication has the user before it."""
    value = "p>?ss~~word\xff"
    encoded = encode(f"{around[0]}{value}{around[1]}".encode()).decode()

    redacted = redact(f"Authorization: Basic {encoded}", value)

    assert redacted.startswith("Authorization: Basic ")
    assert len(redacted.replace(MARKER, "")) <= len("Authorization: Basic ") + 9


@pytest.mark.parametrize("around", ["", "a", "ab", "abc"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16"])
def test_base64_of_utf_16_hides_the_value(around: str, encoding: str) -> None:
    """PowerShell takes its commands so (`-EncodedCommand`)."""
    octets = around.encode() + f"login {PASSWORD} now".encode(encoding)
    encoded = base64.b64encode(octets).decode()

    redacted = redact(f"powershell -EncodedCommand {encoded}", PASSWORD)

    before, _, after = redacted.removeprefix("powershell -EncodedCommand ").partition(MARKER)
    assert MARKER in redacted
    assert PASSWORD.encode(encoding)[3:-3] not in base64.b64decode(
        before + "A" * (-len(before) % 4)
    )
    assert len(before) + len(after) < len(encoded) - 2 * len(PASSWORD) * 8 // 6 + 8


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("size", [1, 20_000])
def test_utf_16_that_was_taken_for_ascii_hides_the_value(encoding: str, size: int) -> None:
    """The output of programs on Windows, with a NUL between two letters."""
    output = f"login {PASSWORD} {'x' * size}".encode(encoding).decode("ascii")

    redacted = redact(output, PASSWORD).replace("\\x00", "")

    assert redacted == f"login {MARKER} {'x' * size}"


@pytest.mark.parametrize("breaks", ["\n", "\r\n", "\\n"])
def test_base64_in_lines_hides_the_value(breaks: str) -> None:
    """The command `base64` breaks its output; the break may be escaped."""
    encoded = base64.encodebytes(b"x" * 50 + PASSWORD.encode() + b"x" * 50).decode()

    redacted = redact(encoded.replace("\n", breaks), PASSWORD)

    assert redacted.count(MARKER) == 1


@pytest.mark.parametrize(
    "written",
    [
        lambda value: quote(value),
        lambda value: quote(value, safe=""),
        lambda value: quote(quote(value, safe=""), safe=""),
        lambda value: quote(value, safe="!$&'()*+,;=:@/?").lower(),
        lambda value: json.dumps(value)[1:-1],
        lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
        lambda value: json.dumps(json.dumps(value))[3:-3],
        lambda value: json.dumps(value)[1:-1].replace("/", "\\/"),
        lambda value: repr(value)[1:-1],
        lambda value: ascii(value)[1:-1],
        lambda value: html.escape(value),
        lambda value: html.escape(html.escape(value)),
        lambda value: saxutils.escape(value, {"'": "&apos;", '"': "&quot;"}),
        lambda value: as_entities(value, "&#{};"),
        lambda value: as_entities(value, "&#{:03};"),
        lambda value: as_entities(value, "&#x{:x};"),
        lambda value: as_entities(value, "&#x{:X};"),
        lambda value: as_entities(value, "&amp;#{};"),
        lambda value: shlex.quote(value)[1:-1],
        lambda value: value.replace("'", "'\\''"),
        lambda value: json.dumps(shlex.quote(value))[2:-2],
        lambda value: re.sub(r"(?=[^\w\n])", r"\\", value),
        lambda value: value.replace("'", "''"),
        lambda value: value.replace('"', '""'),
        lambda value: quote(quote(value, safe=""), safe="").lower(),
        lambda value: re.sub(r"(?<=\\u)\w{4}", lambda code: code[0].upper(), json.dumps(value))[
            1:-1
        ],
    ],
)
def test_escaped_values_are_hidden(written: Any) -> None:
    """Every library escapes other characters, and some do it twice."""
    value = "p@ss w/ö&rd\\=\n\U0001f511%+'q\"$"

    assert redact(f"<{written(value)}>", value) == f"<{MARKER}>"


def test_each_line_of_a_value_is_hidden() -> None:
    """Programs print keys line by line, and indent them."""
    lines = [line for line in KEY.splitlines() if len(line) >= 6]

    assert redact("\n".join(f"  | {line}" for line in lines), KEY) == "\n".join(
        [f"  | {MARKER}"] * 4
    )


def test_an_indented_line_of_a_value_is_hidden_without_its_indent() -> None:
    """A secret may be a document itself."""
    value = "shop:\n    password: correct-horse\n"

    assert redact("[password: correct-horse]", value) == f"[{MARKER}]"


def test_a_whole_value_of_many_lines_is_hidden() -> None:
    """Its short last line with it, and with the line breaks of a terminal."""
    assert redact(f"<{KEY}>", KEY) == f"<{MARKER}>"
    assert redact(KEY.replace("\n", "\r\n"), KEY) == MARKER
    assert redact({"echo": shlex.quote(json.dumps(KEY))}, KEY) == {"echo": f"'\"{MARKER}\"'"}


def test_many_secrets_are_all_hidden() -> None:
    """A whole store of them, in one go."""
    secrets = {"vault": {f"key-{number}": f"value-{number:06}" for number in range(500)}}

    redacted = Redactor(secrets).redact([f"it is value-{number:06}." for number in range(500)])

    assert redacted.document == [f"it is {MARKER}."] * 500
    assert redacted.count == 500


# Long texts, which are searched in another way


@pytest.mark.parametrize("size", [5, 20_000])
@pytest.mark.parametrize(
    "write",
    [
        str,
        quote,
        repr,
        html.escape,
        lambda value: base64.b64encode(value.encode()).decode(),
        lambda value: base64.b64encode(b"x" + value.encode("utf-16-le") + b"x").decode(),
        lambda value: base64.encodebytes(b"x" * 50 + value.encode() + b"x" * 50).decode(),
        lambda value: json.dumps(base64.encodebytes(b"x" * 50 + value.encode()).decode()),
    ],
)
@pytest.mark.parametrize("value", ["correct-horse-battery", "?/+>~'\"$%", "\u00e9t\u00e9 & co"])
def test_a_value_is_found_in_long_texts_as_in_short_ones(value: str, write: Any, size: int) -> None:
    """Beside others that are not in it."""
    text = "log line\n" * size + write(value) + " caf\u00e9" * size

    redacted = redact(text, value, "not-in-here", "nor this one!")

    assert redacted.count(MARKER) == 1
    assert len(redacted) - len(MARKER) <= len(text) - len(value)


@pytest.mark.parametrize("character", ["\0", "\udcff", "\n", "x", "%", "\\", "'", "&"])
def test_a_long_text_of_one_character_comes_out_whole(character: str) -> None:
    """Each is the beginning of a spelling, or no text at all."""
    redacted = redact(character * 30_000 + PASSWORD, PASSWORD, "xx%'\\&yy")

    assert redacted.endswith(MARKER)
    assert redacted.count(MARKER) == 1


# Urls


@pytest.mark.parametrize(
    ("url", "without"),
    [
        ("https://ada:pw@shop.example.com/a", "https://shop.example.com/a"),
        ("https://ada@shop.example.com", "https://shop.example.com"),
        ("amqp://guest:p@ss@mq/orders?x=a@b", "amqp://mq/orders?x=a@b"),
        ("https:\\/\\/ada:pw@shop\\/a", "https:\\/\\/shop\\/a"),
        ("next=https%3A%2F%2Fada%3Apw%40shop%2Fa", "next=https%3A%2F%2Fshop%2Fa"),
        ("see https://shop/ or ask bob@shop", "see https://shop/ or ask bob@shop"),
        ('{"url":"https://shop","mail":"bob@shop"}', '{"url":"https://shop","mail":"bob@shop"}'),
        ("https://shop/@ada", "https://shop/@ada"),
        ("git@shop:orders.git", "git@shop:orders.git"),
    ],
)
def test_the_user_part_of_urls_goes(url: str, without: str) -> None:
    """With or without a password, which may be nobody's declared secret; the rest stays."""
    redacted = Redactor().redact({"url": url})

    assert redacted.document == {"url": without}
    assert redacted.count == (url != without)


def test_an_url_stays_one() -> None:
    """The console reads it: a marker in the user part would make it an invalid address."""
    url = redact(f"https://ada:{PASSWORD}@shop.example.com/orders", PASSWORD)

    assert urlsplit(url).hostname == "shop.example.com"


# The chaosiq block


def test_the_local_path_stays_here(journal: Journal) -> None:
    """Wherever the experiment stands in what is sent; the rest of the block stays."""
    event = {"context": journal["experiment"], "state": journal}

    text = to_json(Redactor().redact(event).document)

    assert "experiment_path" not in text
    assert "/home/ada" not in text
    assert text.count('"experiment_id": "experiment-orders"') == 2


def test_another_block_keeps_its_keys() -> None:
    """`experiment_path` of somebody else's block is not ours to drop."""
    block = {"name": "archive", "experiment_path": "2026/orders"}

    assert redact({"extensions": [block]}) == {"extensions": [block]}


# What JSON holds, and what it does not


class Strategy(Enum):
    """As the host has it."""

    DEFAULT = "default"


class Level(IntEnum):
    """A number with a name."""

    HIGH = 3


class Label(str):
    """A text of somebody's own type."""

    def __str__(self) -> str:
        return "not what is sent"


Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (datetime(2026, 3, 2, 9, 30, tzinfo=UTC), "2026-03-02T09:30:00+00:00"),
        (date(2026, 3, 2), "2026-03-02"),
        (Decimal("1.50"), "1.50"),
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (Strategy.DEFAULT, "default"),
        (Level.HIGH, 3),
        (Label("label"), "label"),
        (Point(1, [2]), [1, [2]]),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
    ],
)
def test_a_copy_is_plain_json(value: Any, plain: Any) -> None:
    """As the host encodes it, but for numbers JSON has no form for, which become text."""
    redacted = Redactor().redact({"output": value})

    assert redacted.document == {"output": plain}
    assert json.loads(to_json(redacted.document)) == {"output": plain}


@pytest.mark.parametrize(
    "value", [UUID(int=7), date(2026, 3, 2), Label("a label"), Strategy.DEFAULT]
)
def test_a_secret_of_another_type_is_hidden(value: Any) -> None:
    """It turns up as the same type, or as text."""
    plain = json.loads(to_json(value))

    assert redact({"value": value, "text": f"<{plain}>"}, value) == {
        "value": MARKER,
        "text": f"<{MARKER}>",
    }


@pytest.mark.parametrize(
    "value", [object(), b"bytes", {1, 2}, 1j, lambda: None, Path("orders.json")]
)
def test_what_json_cannot_hold_is_refused(value: Any) -> None:
    """The copy keeps it, and the encoder says so, by its type alone."""
    redacted = Redactor().redact({"output": value})

    with pytest.raises(TypeError, match=f"type '{type(value).__name__}'"):
        to_json(redacted.document)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_json_has_no_form_for_is_refused(number: float) -> None:
    """The encoder does not write what no other reader takes."""
    with pytest.raises(ValueError, match="JSON compliant"):
        to_json({"output": number})


def test_a_document_that_contains_itself_is_refused() -> None:
    """By a `ValueError`, as the encoder of Python does."""
    endless: dict[str, Any] = {}
    endless["again"] = [endless]

    with pytest.raises(ValueError, match="nested too deeply"):
        Redactor().redact(endless)
    with pytest.raises(ValueError, match="Circular reference"):
        to_json(endless)


def test_a_document_that_is_too_deep_is_refused() -> None:
    """No hook of the host ends in a `RecursionError`."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    with pytest.raises(ValueError, match="nested too deeply"):
        Redactor().redact(deep)
    with pytest.raises(ValueError, match="nested too deeply"):
        to_json(deep)


def test_text_no_server_takes_is_made_readable() -> None:
    """Output of a process may hold NUL, and bytes that are no UTF-8."""
    output = b"caf\xc3\xa9 \xff\x00".decode("utf-8", "surrogateescape")

    assert redact({"stdout": output}) == {"stdout": "café \\udcff\\x00"}


def test_a_secret_that_is_no_utf8_is_hidden() -> None:
    """The environment hands it over with surrogates in it."""
    value = b"p\xffssword".decode("utf-8", "surrogateescape")

    assert redact(f"<{value}>", value) == f"<{MARKER}>"
    assert redact(base64.b64encode(b"p\xffssword").decode(), value).startswith(MARKER)


def test_a_redactor_does_not_show_what_it_hides() -> None:
    """It may end up in a traceback itself."""
    assert PASSWORD not in repr(Redactor({"password": PASSWORD}, token="ciq_0123456789"))
    assert "ciq_" not in repr(Redactor({}, token="ciq_0123456789"))


def test_a_dump_of_nuls_is_told_by_its_length() -> None:
    """A few are shown one by one; millions would make the journal four times as large."""
    redactor = Redactor()

    few, many = (redactor.redact({"output": f"a{chr(0) * n}b"}).document for n in (3, 3_000_000))

    assert few == {"output": r"a\x00\x00\x00b"}
    assert many == {"output": r"a\x00 [3000000 times]b"}


@pytest.mark.parametrize("before", range(-70, 4, 9))
def test_a_secret_is_found_wherever_a_large_text_is_cut_to_be_searched(before: int) -> None:
    """Its base64 in short lines, of a document within another, across the end of a piece."""
    secret = "correct-horse-battery-staple-7"
    encoded = base64.b64encode(secret.encode()).decode()
    broken = "\\n".join(encoded[start : start + 6] for start in range(0, len(encoded), 6))
    text = "." * (spellings._PIECE + before) + broken + "." * spellings._LONG

    redacted = Redactor({"password": secret}).redact({"output": text})

    assert redacted.count == 1
    assert encoded[:6] not in redacted.document["output"]
