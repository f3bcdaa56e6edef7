"""What holds for every page, whichever it is: found by following links from the first one."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

import pytest
from playwright.sync_api import Browser, ViewportSize
from starlette.routing import Match, Route

from chaoscloud.console.pages import routes
from tests.browser.crawl import kind_of, walk
from tests.browser.stories import Story, everything
from tests.browser.visitor import DESKTOP, PHONE, Scheme, Visitor
from tests.together.conftest import Console

pytestmark = pytest.mark.timeout(600)  # the first of these tests walks through every page

# Routes that are no pages: a stream, downloads, an earlier address, and what catches the rest.
NO_PAGES = (
    "/live",
    ".{format:file}",
    "/journal.json",
    "/report.html",
    "/journals/{number}",
    "/timeline",
    "/{rest:path}",
)
NOT_LINKED = ("/signin",)  # asked for
RULES = "{resultTypes: ['violations'], preload: false}"
RULES_OF_LOOKS = (  # all else stays
    "{runOnly: ['color-contrast', 'target-size'], resultTypes: ['violations'], preload: false}"
)
LOOKS: tuple[tuple[Scheme, ViewportSize, str], ...] = (
    ("light", DESKTOP, RULES),
    ("dark", PHONE, RULES_OF_LOOKS),
)
AXE = (files("axe_playwright_python") / "axe.min.js").read_text()


# The words of a page, without what a script may change.
WORDS = """() => {
  const words = document.querySelector("main").cloneNode(true);
  for (const it of words.querySelectorAll("time, button[data-copy]")) it.remove();
  return words.textContent.replace(/(\\d:\\d\\d) UTC/g, "$1").replace(/\\s+/g, " ").trim();
}"""


@pytest.fixture(scope="module")
def story(console: Console) -> Story:
    """Something of everything."""
    return everything(console)


@dataclass(frozen=True)
class Tour:
    """What one walk through the console saw."""

    words: dict[str, str]  # of each page's main part, by its address
    troubles: list[str]

    @property
    def pages(self) -> list[str]:
        """The addresses."""
        return list(self.words)


@pytest.fixture(scope="module")
def tour(browser: Browser, console: Console, story: Story) -> Tour:
    """One page of each kind, and an execution that runs beside one that has ended."""
    with Visitor.of(browser, console.url) as visitor:
        visitor.sign_in(console.token)
        walked = walk(visitor, *story.starts)
        words = {address: visitor.page.evaluate(WORDS) for address in walked}
        return Tour(words, visitor.troubles)


@pytest.fixture
def plain_reader(browser: Browser, console: Console) -> Iterator[Visitor]:
    """A browser that runs no scripts, with the owner signed in."""
    with Visitor.of(browser, console.url, java_script_enabled=False) as visitor:
        visitor.sign_in(console.token)
        yield visitor


def test_every_page_is_reached_by_links(tour: Tour, console: Console) -> None:
    """So what is said here of all pages is said of all there are."""
    scopes = [
        {"type": "http", "method": "GET", "path": path.removeprefix(console.url), "headers": []}
        for path in (address.partition("?")[0] for address in tour.pages)
    ]

    unseen = [
        route.path
        for route in routes
        if isinstance(route, Route)
        and "GET" in (route.methods or ())
        and not route.path.endswith(NO_PAGES)
        and route.path not in NOT_LINKED
        and not any(route.matches(scope)[0] is Match.FULL for scope in scopes)
    ]

    assert unseen == []


def test_no_page_makes_the_browser_complain_or_go_elsewhere(tour: Tour) -> None:
    """No breach of the Content-Security-Policy, no failed script, nothing loaded from others."""
    assert len(tour.pages) > 10
    assert tour.troubles == []


def test_no_page_shuts_anybody_out(owner: Visitor, tour: Tour) -> None:
    """What axe-core can tell of WCAG and of good practice; and no page is wider than its screen."""
    problems = []

    for address in tour.pages:
        owner.open(address)
        owner.page.locator("details").evaluate_all("them => them.forEach(it => it.open = true)")
        for scheme, viewport, rules in LOOKS:
            owner.page.set_viewport_size(viewport)
            owner.page.emulate_media(color_scheme=scheme)
            look = f"{kind_of(address)}, {scheme}, {viewport['width']} pixels"
            wide = owner.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            problems += [f"{look}: {rule}" for rule in violations(owner, rules)]
            problems += [f"{look}: {wide} too many"] if wide > 0 else []

    assert problems == []


def test_the_pages_before_and_beside_the_others_shut_nobody_out(stranger: Visitor) -> None:
    """Signing in, being refused, and nothing there."""
    problems = []

    stranger.open("/signin")
    problems += violations(stranger)
    stranger.sign_in("ciq_not-one-of-ours")
    problems += violations(stranger)

    assert problems == []


def violations(visitor: Visitor, rules: str = RULES) -> list[str]:
    """What axe-core finds wrong on the page: the rule, and where."""
    if not visitor.page.evaluate("window.axe !== undefined"):
        visitor.page.evaluate(AXE)
    report = visitor.page.evaluate(f"axe.run({rules})")
    return [
        f"{rule['id']} at {', '.join(str(node['target'][0]) for node in rule['nodes'][:5])}"
        for rule in report["violations"]
    ]


def test_every_page_says_the_same_without_scripts(
    plain_reader: Visitor, tour: Tour, story: Story
) -> None:
    """A script only turns times into the reader's own, copies, and follows what still runs."""
    different = []

    for address, words in tour.words.items():
        plain_reader.open(address)
        # An execution that runs grows older, and the audit log longer, between the two looks.
        changing = story.running in address or address.endswith("/audit")
        if plain_reader.page.evaluate(WORDS) != words and not changing:
            different.append(kind_of(address))

    assert different == []


# What takes the focus and shows no outline, or shows it outside of the page.
UNMARKED = """() => {
  const fields = "button, input:not([type=hidden]), select, textarea";
  const stops = `a[href], ${fields}, summary, [tabindex='0']`;
  const marked = (it) => {
    it.focus();
    const style = getComputedStyle(it), place = it.getBoundingClientRect();
    const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
    return it === document.activeElement && outlined && place.width > 0 && place.right > 0;
  };
  return [...document.querySelectorAll(stops)]
    .filter((it) => it.checkVisibility() && !it.disabled && !marked(it))
    .map((it) => it.outerHTML.slice(0, 200));
}"""


def test_every_page_shows_where_the_keyboard_is(owner: Visitor, tour: Tour) -> None:
    """The first stop skips to the content; each one is seen to have the focus."""
    unmarked = []

    for address in tour.pages:
        owner.open(address)
        owner.page.keyboard.press("Tab")
        assert owner.page.evaluate("document.activeElement.textContent") == "Skip to the content"
        unmarked += [f"{kind_of(address)}: {it}" for it in owner.page.evaluate(UNMARKED)]

    assert unmarked == []


def test_the_skip_link_leads_past_the_tabs(owner: Visitor, story: Story) -> None:
    """The next stop after it is in the page's main part."""
    owner.open(f"{story.team}/executions")

    owner.page.keyboard.press("Tab")
    owner.page.keyboard.press("Enter")
    owner.page.keyboard.press("Tab")

    assert owner.page.evaluate("document.activeElement.closest('main') !== null")
