"""The JUnit report, read by the library that people read it with."""

from typing import Any
from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml, Skipped

from chaoscloud.results.cases import build_suite, build_unstarted_suite
from chaoscloud.results.junit import write_junit
from tests.plugin.results.journals import (
    JOURNALS,
    KILL,
    Journal,
    experiment_of,
    journal_of,
    run_of,
)

# What both schemas allow: each element's attributes and children, in their order.
ATTRIBUTES = {
    "testsuites": set[str](),
    "testsuite": {
        *("name", "package", "id", "timestamp", "hostname", "tests", "failures", "errors"),
        *("skipped", "time"),
    },
    "properties": set[str](),
    "property": {"name", "value"},
    "testcase": {"classname", "name", "time"},
    "failure": {"message", "type"},
    "error": {"message", "type"},
    "skipped": {"message"},
    "system-out": set[str](),
    "system-err": set[str](),
}
CHILDREN = {
    "testsuites": ["testsuite"],
    "testsuite": ["properties", "testcase", "system-out", "system-err"],
    "properties": ["property"],
    "testcase": ["failure", "error", "skipped"],
}


def check(element: Element) -> None:
    """Fail where an element is not as both schemas have it."""
    assert set(element.attrib) == ATTRIBUTES[element.tag]
    order = CHILDREN.get(element.tag, [])
    positions = [order.index(child.tag) for child in element]
    assert positions == sorted(positions)
    for child in element:
        check(child)


def parse(*journals: Journal) -> Any:
    """The report of these journals, parsed."""
    return JUnitXml.fromstring(write_junit([build_suite(journal) for journal in journals]))


@pytest.mark.parametrize("journal", JOURNALS.values(), ids=JOURNALS)
def test_the_report_is_what_both_schemas_allow(journal: Journal) -> None:
    """Nothing that one reader knows and another refuses."""
    check(fromstring(write_junit([build_suite(journal)])))  # noqa: S314 - our own


@pytest.mark.parametrize("journal", JOURNALS.values(), ids=JOURNALS)
def test_its_numbers_are_those_of_its_cases(journal: Journal) -> None:
    """As a reader counts them itself."""
    [suite] = parse(journal)
    results = [result for case in suite for result in case.result]

    assert suite.tests == len(list(suite))
    assert suite.failures == sum(isinstance(result, Failure) for result in results)
    assert suite.errors == sum(isinstance(result, Error) for result in results)
    assert suite.skipped == sum(isinstance(result, Skipped) for result in results)


def test_a_suite_is_an_experiment_with_what_came_of_it() -> None:
    """Its outcome, its sentence and its address are properties."""
    suite = build_suite(JOURNALS["deviated"], address="https://console.example.com/acme/1")

    [parsed] = JUnitXml.fromstring(write_junit([suite]))

    properties = {item.name: item.value for item in parsed.properties()}
    assert parsed.name == "Orders survive the loss of a broker"
    assert parsed.timestamp == "2026-03-02T09:30:00"
    assert properties == {
        "sentence": "orders-are-accepted after the method: expected 201, got 503",
        "address": "https://console.example.com/acme/1",
        "outcome": "deviated",
        "conclusive": "true",
    }


def test_a_case_names_its_section_and_says_what_happened() -> None:
    """The message is the sentence people read, the text the traceback."""
    [suite] = parse(JOURNALS["failed activity"])

    case = next(case for case in suite if case.name == "kill-broker")
    assert case.classname == "Orders survive the loss of a broker.method"
    assert case.time == 0.25
    [result] = case.result
    assert "no broker at port 9092" in result.message
    assert result.text.startswith("Traceback")


def test_several_journals_are_several_suites() -> None:
    """One file for all that a command was given."""
    suites = parse(JOURNALS["passed"], JOURNALS["deviated"])

    assert [suite.failures for suite in suites] == [0, 1]


def test_a_run_that_did_not_start_is_one_error() -> None:
    """CI shows the reason instead of yesterday's report."""
    [suite] = JUnitXml.fromstring(write_junit([build_unstarted_suite("Orders", "no such file")]))

    [case] = suite
    [error] = case.result
    assert isinstance(error, Error)
    assert error.message == "no such file"


@given(st.text(st.characters(), min_size=1))
def test_any_text_makes_valid_xml(text: str) -> None:
    """Outputs of processes hold control characters and halves of characters."""
    failed = run_of({**KILL, "name": text}, "failed", exception=[text])
    journal = journal_of(experiment=experiment_of(title=text), run=[failed], node=text)

    report = write_junit([build_suite(journal, address=text, facts={text: text})])

    [suite] = JUnitXml.fromstring(report)
    assert suite.errors == 1


def test_what_xml_cannot_hold_is_written_as_python_would() -> None:
    """So that it can still be read."""
    failed = run_of(KILL, "failed", exception=["ActivityFailed: \x1b[31mno\x00 broker\ud83d\n"])

    [suite] = parse(journal_of(run=[failed]))

    case = next(case for case in suite if case.name == "kill-broker")
    assert case.result[0].text == "ActivityFailed: \\x1b[31mno\\x00 broker\\xd83d\n"
