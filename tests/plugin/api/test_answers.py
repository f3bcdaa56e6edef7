"""What answers and failures mean, in words for people."""

import ssl
from typing import Any

import pytest
import requests
from requests_mock import Mocker

from chaoscloud.api.answers import (
    address_of,
    failure_of,
    hide_addresses,
    plain,
    refusal_of,
    was_stored,
)
from tests.plugin.wire import CONSOLE, TEAM, shop_session


def _answer(requests_mock: Mocker, **answer: Any) -> requests.Response:
    requests_mock.get(TEAM, **answer)
    return shop_session().get(TEAM)


@pytest.mark.parametrize(
    ("location", "address"),
    [
        ("/api/acme/shop/executions/x1", f"{CONSOLE}/acme/shop/executions/x1"),
        (f"{CONSOLE}/api/executions/x1", f"{CONSOLE}/executions/x1"),
        (f"{CONSOLE}/api/api/x1", f"{CONSOLE}/api/x1"),
        (f"{CONSOLE}/executions/x1", f"{CONSOLE}/executions/x1"),
        ("https://api/api/executions/x1", "https://api/executions/x1"),
        ("", None),
    ],
)
def test_the_page_people_open_is_the_resource_without_api(
    requests_mock: Mocker, location: str, address: str | None
) -> None:
    """Once, in the path; a relative address is the console's."""
    answer = _answer(requests_mock, headers={"Content-Location": location})

    assert address_of(answer) == address


def test_an_answer_without_a_location_has_no_page(requests_mock: Mocker) -> None:
    """The console does not say."""
    assert address_of(_answer(requests_mock)) is None


@pytest.mark.parametrize(
    ("status", "stored"), [(200, True), (204, True), (302, False), (404, False)]
)
def test_only_success_means_stored(requests_mock: Mocker, status: int, stored: bool) -> None:
    """A redirect, which is not followed, stores nothing."""
    assert was_stored(_answer(requests_mock, status_code=status)) is stored


def test_a_redirect_is_explained(requests_mock: Mocker) -> None:
    """The console may have moved."""
    answer = _answer(requests_mock, status_code=301, headers={"Location": "https://new.example/"})

    assert "https://new.example/" in refusal_of(answer)
    assert "not followed" in refusal_of(answer)


def test_an_error_page_is_not_quoted(requests_mock: Mocker) -> None:
    """A proxy's greeting tells nobody anything."""
    answer = _answer(requests_mock, status_code=502, reason="Bad Gateway", text="<html>Oh</html>")

    assert refusal_of(answer) == "the console answers HTTP 502 (Bad Gateway)"


def test_what_a_console_says_is_one_piece_of_text(requests_mock: Mocker) -> None:
    """No terminal is steered from afar, no log line forged, no screen filled."""
    detail = "\x1b[2Jbusy\nWARNING all is lost" + "!" * 10_000

    text = refusal_of(_answer(requests_mock, status_code=500, json={"detail": detail}))

    assert text.isprintable()
    assert len(text) < 500


def test_a_long_list_of_mistakes_is_cut(requests_mock: Mocker) -> None:
    """The rest is counted."""
    mistakes = [{"loc": ["run", n], "msg": "not known"} for n in range(1_000)]

    lines = refusal_of(_answer(requests_mock, status_code=422, json=mistakes)).splitlines()

    assert lines[1] == "- run.0: not known"
    assert lines[-1] == "- and 980 more"


@pytest.mark.parametrize("body", [["odd"], [{"msg": "odd"}], {"errors": [{"detail": "odd"}]}])
def test_a_mistake_may_come_without_a_place(requests_mock: Mocker, body: Any) -> None:
    """Then it is said without one."""
    answer = _answer(requests_mock, status_code=422, json=body)

    assert refusal_of(answer).splitlines()[1:] == ["- odd"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (requests.ReadTimeout("…"), "did not answer in time"),
        (requests.ConnectTimeout("…"), "did not answer in time"),
        (requests.ConnectionError(TimeoutError("…")), "did not answer in time"),
        (requests.ConnectionError(ConnectionRefusedError("refused")), "cannot be reached"),
        (requests.exceptions.InvalidHeader("…"), "sign in again"),
        (requests.exceptions.InvalidURL("no host"), "no host"),
        (
            requests.exceptions.SSLError(ssl.SSLError("WRONG_VERSION_NUMBER")),
            "WRONG_VERSION_NUMBER",
        ),
    ],
)
def test_each_failure_has_its_words(error: requests.RequestException, words: str) -> None:
    """A console that is down, one that hangs and a mistake in the settings are told apart."""
    assert words in failure_of(error)


def test_a_failure_names_the_host_it_happened_with() -> None:
    """Without user info, path or query."""
    request = requests.Request("GET", "https://ada:secret@console.example.com:8443/api").prepare()

    text = failure_of(requests.ReadTimeout("…", request=request))

    assert text == "the console at console.example.com:8443 did not answer in time"


@pytest.mark.parametrize(
    ("reason", "recorded"),
    [
        (
            "the console at Console.example.com:8443 cannot be reached (refused)",
            "the console cannot be reached (refused)",
        ),
        (
            "it points to https://console.example.com/in, which is not followed",
            "it points to another address, which is not followed",
        ),
        ("it is valid for 'console.example.com' only", "it is valid for 'its address' only"),
        ("the console did not answer in time", "the console did not answer in time"),
    ],
)
def test_a_reason_that_is_recorded_names_no_address(reason: str, recorded: str) -> None:
    """Neither the console's, nor one that it points to."""
    assert hide_addresses(reason, "https://console.example.com:8443") == recorded


def test_a_console_with_a_common_name_leaves_the_words_alone() -> None:
    """In a cluster it may be called so."""
    reason = "the console at console cannot be reached (the console is away)"

    recorded = hide_addresses(reason, "http://console")

    assert recorded == "the console cannot be reached (the console is away)"


def test_text_is_made_plain() -> None:
    """Spaces are left, whatever they were."""
    assert plain("two\r\nlines\tand \x00 more") == "two lines and more"
