"""A browser's side of the console, and a reader of what it is shown."""

import re
from html.parser import HTMLParser
from typing import Any

from starlette.testclient import TestClient

# Of whichever HTTP client Starlette drives its test client with.
Response = Any

FORM_TOKEN = re.compile(r'name="csrf" value="([0-9a-f]+)"')


class Browser:
    """Opens pages and submits forms as a browser does: cookies kept, hidden fields sent along."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def sign_in(self, token: str, onward: str = "/") -> Response:
        """Through the form, as people do."""
        return self.submit("/signin", "/signin", token=token, next=onward)

    def open(self, path: str, **more: Any) -> Response:
        return self.client.get(path, **more)

    def submit(self, shown_at: str, path: str, **fields: str) -> Response:
        """Submit a form that is shown on one page, and perhaps goes to another."""
        token = FORM_TOKEN.search(self.open(shown_at).text)
        assert token, f"no form at {shown_at}"
        return self.client.post(path, data={"csrf": token[1], **fields})


class Seen(HTMLParser):
    """What a page is made of: its elements with their attributes, and its text."""

    def __init__(self, page: Response) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[str] = []
        self.feed(page.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)

    @property
    def text(self) -> str:
        """All text, with every run of blanks as one."""
        return " ".join(" ".join(self.pieces).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def links(self) -> list[str]:
        return [attributes.get("href") or "" for attributes in self.all("a")]
