"""Test cases as a JUnit report, the form that CI systems read.

There is no standard, but two schemas that most tools go by: Jenkins'
(https://github.com/jenkinsci/xunit-plugin, junit-10.xsd) and Apache Ant's
(https://github.com/windyroad/JUnit-Schema). Written here is what both allow.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from chaoscloud.results.cases import Case, Suite

__all__ = ["write_junit"]

# What XML 1.0 has no form for (https://www.w3.org/TR/xml/#charsets), halves of surrogate pairs too.
_INVALID = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_TAGS = {"failure": "failure", "error": "error", "skipped": "skipped"}


def write_junit(suites: Sequence[Suite]) -> bytes:
    """Return the report of these runs: UTF-8, whatever their texts hold."""
    root = Element("testsuites")
    for number, suite in enumerate(suites):
        _add_suite(root, suite, number)
    indent(root)
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _add_suite(root: Element, suite: Suite, number: int) -> None:
    start = suite.start or datetime.now(UTC)  # a value is required
    element = SubElement(
        root,
        "testsuite",
        name=_clean(suite.title),
        package="chaostoolkit",
        id=str(number),
        timestamp=start.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),  # no zone is allowed
        hostname=_clean(suite.node) or "localhost",
        tests=str(len(suite.cases)),
        failures=str(suite.count("failure")),
        errors=str(suite.count("error")),
        skipped=str(suite.count("skipped")),
        time=_write_seconds(suite.duration),
    )
    properties = SubElement(element, "properties")
    for name, value in _list_properties(suite).items():
        SubElement(properties, "property", name=_clean(name), value=_clean(value))
    for case in suite.cases:
        _add_case(element, suite, case)
    SubElement(element, "system-out").text = _clean(suite.sentence)
    SubElement(element, "system-err")


def _list_properties(suite: Suite) -> dict[str, str]:
    properties = {"sentence": suite.sentence, "address": suite.address}
    if suite.outcome is not None:
        outcome = suite.outcome
        properties |= {
            "outcome": outcome.outcome,
            "conclusive": "true" if outcome.conclusive else "false",
            "reasons": ", ".join(outcome.reasons),
            "warnings": ", ".join(caveat.code for caveat in outcome.warnings),
        }
    return {name: value for name, value in {**properties, **suite.facts}.items() if value}


def _add_case(parent: Element, suite: Suite, case: Case) -> None:
    element = SubElement(
        parent,
        "testcase",
        classname=f"{_clean(suite.title)}.{case.section}".replace("/", "_"),
        name=_clean(case.name),
        time=_write_seconds(case.seconds),
    )
    tag = _TAGS.get(case.status)
    if tag is None:
        return
    child = SubElement(element, tag, message=_clean(case.message))
    if case.status != "skipped":
        child.set("type", case.status)
    child.text = _clean(case.details or case.message)


def _write_seconds(seconds: float | None) -> str:
    return f"{seconds or 0.0:.3f}"


def _clean(text: str) -> str:
    """The text with what XML cannot hold made readable."""
    return _INVALID.sub(lambda match: f"\\x{ord(match[0]):02x}", text)
