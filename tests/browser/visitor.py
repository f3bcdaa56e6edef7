"""Somebody with a browser, and a note of everything there that should not happen."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, Self

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request, ViewportSize

DESKTOP = ViewportSize(width=1280, height=900)
PHONE = ViewportSize(width=390, height=844)

PATIENCE = 30_000  # milliseconds until what does not come is missed

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


class Visitor:
    """One browser with its own cookies, at one console."""

    def __init__(self, page: Page, console_url: str) -> None:
        self.page = page
        self.url = console_url
        self.troubles: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self._note(f"script failed: {error}"))
        page.on("dialog", self._asked)
        page.context.on("request", self._went)

    @classmethod
    @contextmanager
    def of(cls, browser: Browser, console_url: str, **options: Any) -> Iterator[Self]:
        """Come with a fresh browser context; `options` are Playwright's for one."""
        context = browser.new_context(**{"viewport": DESKTOP, "timezone_id": "UTC", **options})
        context.set_default_timeout(PATIENCE)
        try:
            yield cls(context.new_page(), console_url)
        finally:
            context.close()

    def open(self, path: str) -> int:
        """Go to an address of the console; the answer's status."""
        answer = self.page.goto(self.url + path.removeprefix(self.url))
        assert answer is not None
        return answer.status

    def sign_in(self, token: str) -> None:
        """Through the form, as people do."""
        self.open("/signin")
        self.page.get_by_label("Token").fill(token)
        self.page.get_by_role("button", name="Sign in").click()

    @property
    def heading(self) -> str:
        """What the page is called."""
        return self.page.locator("h1").inner_text()

    @property
    def text(self) -> str:
        """The words of the page's main part."""
        return self.page.locator("main").inner_text()

    @property
    def links(self) -> list[str]:
        """The addresses of this console that the page leads to, downloads apart."""
        matches: list[str] = self.page.locator("a[href]:not([download])").evaluate_all(
            "them => them.map(it => it.href?.baseVal === undefined ? it.href"
            " : new URL(it.href.baseVal, it.baseURI).href)"
        )
        return [href.partition("#")[0] for href in matches if href.startswith(self.url + "/")]

    # --- what should not happen ----------------------------------------------------------------

    def _note(self, what: str) -> None:
        self.troubles.append(f"{self.page.url}: {what}")

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._note(f"the browser complains: {message.text}")

    def _asked(self, dialog: Dialog) -> None:
        self._note(f"a dialog opened: {dialog.message}")
        dialog.dismiss()

    def _went(self, request: Request) -> None:
        if not request.url.startswith((self.url + "/", "data:")):
            self._note(f"it went elsewhere: {request.url}")
