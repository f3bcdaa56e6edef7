"""Whatever a journal, a name or a reason says, the pages show it as text."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.crawl import kind_of, walk
from tests.browser.stories import Story, Teller, everything, whole_journal
from tests.browser.visitor import Visitor
from tests.console.documents import event, experiment, journal
from tests.together.conftest import Console

ELSEWHERE = "http://elsewhere.invalid"
MARKUP = (
    f"""'"></textarea></title></script><img src="{ELSEWHERE}/i.png" onerror="alert(1)">"""
    f"""<script>alert(2)</script><svg onload="alert(3)"></svg><base href="{ELSEWHERE}/">"""
    f"""<style>@import "{ELSEWHERE}/s.css"</style><iframe src="javascript:alert(4)"></iframe>"""
    """{{ 7 * 7 }}"""
)
STRUCTURE = ("type", "status", "start", "end")  # without these a page would show less of the rest
DEMANDED = ("status", "start", "end")  # of a journal, by the API

# All that would be there if markup were taken for it; the console's own script has an address.
ALIVE = """[...document.querySelectorAll(
    "script:not([src^='/static/']), img, iframe, object, embed, base, style, body link"
)].concat([...document.querySelectorAll("*")].filter(it => [...it.attributes].some(
    ({name, value}) => name.startsWith("on") || /^\\s*javascript:/i.test(value)
))).map(it => it.outerHTML)"""


def marked(document: Any, sparing: tuple[str, ...] = STRUCTURE) -> Any:
    """The document with markup after every text, but in some fields, and one field more in each."""
    if isinstance(document, str):
        return document + MARKUP
    if isinstance(document, list):
        return [marked(value, sparing) for value in document]
    if not isinstance(document, dict):
        return document
    fields = document | {MARKUP: "a field of this name"}
    return {key: it if key in sparing else marked(it, sparing) for key, it in fields.items()}


@pytest.fixture
def reader(browser: Browser, console: Console) -> Iterator[Visitor]:
    """A browser that would run anything: the Content-Security-Policy is not asked."""
    with Visitor.of(browser, console.url, bypass_csp=True) as visitor:
        visitor.sign_in(console.token)
        yield visitor


@pytest.fixture(scope="module")
def story(console: Console) -> Story:
    """Something of everything, with markup in every name and reason."""
    return everything(console, lambda text: f"{text} {MARKUP[:120]}")


def test_names_and_reasons_stay_text_on_every_page(reader: Visitor, story: Story) -> None:
    """Of people, objectives, verifications and stops; wherever they are shown."""
    alive = []

    for address in walk(reader, *story.starts):
        alive += [f"{kind_of(address)}: {script}" for script in reader.page.evaluate(ALIVE)]

    assert alive == []
    assert reader.troubles == []


@pytest.mark.parametrize("sparing", [STRUCTURE, ()], ids=["texts", "everything"])
def test_markup_in_every_field_of_a_journal_stays_text(
    reader: Visitor, console: Console, sparing: tuple[str, ...]
) -> None:
    """In what was run and in what it gave, on every page that leads from it."""
    teller, team = Teller(console), "/my-organization/my-team"
    written = whole_journal(deviated=True)
    written = marked(written, sparing) | {key: written[key] for key in DEMANDED}
    document = marked(experiment(), sparing)
    # A tag has at most 128 characters.
    tags = [tag[:128] for tag in document["tags"]]
    document["tags"] = written["experiment"]["tags"] = tags
    of = teller.published(document)
    run = teller.started(of, written)
    teller.send("PUT", run, {"journal": written})
    first = f"{team}/executions/{run.rsplit('/', 1)[-1]}"

    alive = []
    for page in (first, f"{first}/journal", f"{first}/compare", f"{team}{of}"):
        assert reader.open(page) == 200
        alive += [f"{page}: {element}" for element in reader.page.evaluate(ALIVE)]

    assert alive == []
    assert reader.troubles == []
    reader.open(first)
    assert "<script>alert(2)</script>" in reader.text


def test_markup_in_the_events_of_a_run_stays_text_as_they_come(
    reader: Visitor, console: Console
) -> None:
    """Where a script puts the new page in place of the old."""
    teller = Teller(console)
    run = teller.started(teller.published(experiment("Live")), journal())
    reader.open(f"/my-organization/my-team/executions/{run.rsplit('/', 1)[-1]}")
    context = marked({"name": "kill a broker"}) | {"type": "action"}

    teller.told(run, event("e-2", data={"context": context, "state": None}))

    expect(reader.page.get_by_text("kill a broker").first).to_be_visible()
    expect(reader.page.locator("main")).to_contain_text("<script>alert(2)</script>")
    assert reader.page.evaluate(ALIVE) == []
    assert reader.troubles == []


def test_a_filter_s_words_stay_text(reader: Visitor, story: Story) -> None:
    """What stands in an address comes back in a form's field, and nowhere else."""
    reader.page.goto(f"{reader.url}{story.team}/executions?tag={MARKUP.replace(' ', '%20')}")

    assert reader.page.get_by_role("textbox", name="Tag").input_value() == MARKUP
    assert reader.page.evaluate(ALIVE) == []
    assert reader.troubles == []
