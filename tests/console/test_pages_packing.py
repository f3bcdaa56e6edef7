"""Pages go over the wire packed, for browsers that come by themselves."""

import random
from collections.abc import Mapping

import pytest

from chaoscloud.console.records.teams import Team
from tests.console.browser import FORM_TOKEN, Browser, Seen
from tests.console.conftest import Client, Member
from tests.console.documents import ended
from tests.console.team import TeamApi

PAGE = "/acme/checkout/executions"
CAME = {"Accept-Encoding": "gzip, deflate, br", "Sec-Fetch-Site": "none"}


@pytest.fixture
def browser(client: Client, bob: Member, checkout: Team) -> Browser:
    visitor = Browser(client())
    visitor.sign_in(bob.token)
    return visitor


def test_a_page_is_packed_and_reads_the_same(browser: Browser) -> None:
    """It is less than half as long on the wire."""
    whole = browser.open(PAGE, headers={"Accept-Encoding": "identity"})
    packed = browser.open(PAGE, headers=CAME)

    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < int(whole.headers["content-length"]) / 2
    assert Seen(packed).text == Seen(whole).text


@pytest.mark.parametrize(
    "headers",
    [
        CAME | {"Accept-Encoding": "br"},
        CAME | {"Sec-Fetch-Site": "cross-site"},
        CAME | {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_what_another_site_asks_for_is_not_packed(
    browser: Browser, headers: Mapping[str, str]
) -> None:
    """Its length would tell that site what the page repeats of the address it chose."""
    answer = browser.open(PAGE, headers=headers)

    assert "content-encoding" not in answer.headers
    assert "Sec-Fetch-Site" in answer.headers["vary"]


def test_a_browser_that_does_not_say_who_asks_gets_it_packed(browser: Browser) -> None:
    """As over plain http from another machine."""
    answer = browser.open(PAGE, headers={"Accept-Encoding": "gzip"})

    assert answer.headers["content-encoding"] == "gzip"


def test_what_forms_carry_is_never_written_twice_alike(browser: Browser) -> None:
    """So the length of a packed page tells nothing about it; each of them is accepted."""
    tokens = {FORM_TOKEN.findall(browser.open(PAGE).text)[0] for _ in range(5)}

    answers = [browser.client.post("/settings/tokens", data={"csrf": item}) for item in tokens]

    assert len(tokens) == 5
    assert {answer.status_code for answer in answers} == {422}  # accepted; the name is missing


@pytest.mark.parametrize("token", ["", "zz", "00", "é" * 64, "0" * 128, "0" * 64])
def test_what_no_form_carried_is_refused(browser: Browser, token: str) -> None:
    """Whatever it looks like."""
    answer = browser.client.post("/settings/tokens", data={"csrf": token})

    assert answer.status_code == 403


def test_the_stylesheet_is_packed_for_everybody(browser: Browser) -> None:
    """It is the same for all, and repeats nothing."""
    sheet = Seen(browser.open(PAGE)).all("link")[-1]["href"] or ""

    assert browser.open(sheet, headers=CAME).headers["content-encoding"] == "gzip"


def test_a_long_run_is_light_at_first_sight(browser: Browser, bobs: TeamApi) -> None:
    """Three hundred activities, each with its own text: 60 KB with all that a browser loads."""
    words = random.Random(7)  # noqa: S311 - nothing secret, only different
    runs = [
        {
            "activity": {"type": "action", "name": f"step {number}"},
            "start": f"2026-03-02T09:{number // 60:02d}:{number % 60:02d}+00:00",
            "end": f"2026-03-02T09:{number // 60:02d}:{number % 60:02d}.500000+00:00",
            "status": "succeeded",
            "output": "".join(words.choices("abcdefghijklmnopqrst ", k=4_000)),
        }
        for number in range(300)
    ]
    path = bobs.started()
    assert bobs.put(path, {"journal": ended(run=runs)}).is_success
    page = f"/acme/checkout/executions/{path.rsplit('/', 1)[-1]}"

    page_shown = browser.open(page, headers=CAME)

    parts = [element["href"] for element in Seen(page_shown).all("link")]
    parts += [script["src"] for script in Seen(page_shown).all("script")]
    answers = [page_shown, *(browser.open(address or "", headers=CAME) for address in parts)]
    assert len(answers) == 5
    assert sum(int(answer.headers["content-length"]) for answer in answers) < 60 * 1024
