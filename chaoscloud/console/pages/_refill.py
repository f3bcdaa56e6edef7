"""Fills a form in a finished page with what somebody typed before.

All pages are ours, so this knows what their forms consist of: inputs, selects and text areas. It
is done here, once, rather than in each template.
"""

from collections.abc import Mapping
from html import escape
from html.parser import HTMLParser
from itertools import accumulate

Attributes = dict[str, str | None]

FILLED = "You are signed in again, and nothing was sent yet: check what you typed, and send it."
NO_FORM = "You are signed in again. What you sent was not done, and there is no form for it here."
_MAIN = '<main id="main" tabindex="-1">'


def refill(html: str, action: str, fields: Mapping[str, str]) -> str:
    """The page with its form of this action filled in, and a line that says so."""
    editor = _Editor(html, action, fields)
    editor.feed(html)
    if not editor.edits:
        return html.replace(_MAIN, _MAIN + _note(NO_FORM), 1)
    for start, end, text in sorted(editor.edits, reverse=True):
        html = html[:start] + text + html[end:]
    return html


def _note(words: str) -> str:
    return f'<div class="say note" role="status"><p>{escape(words)}</p></div>'


class _Editor(HTMLParser):
    """Collects what to replace: from one offset to another, by which text."""

    def __init__(self, html: str, action: str, fields: Mapping[str, str]) -> None:
        super().__init__(convert_charrefs=False)
        self.edits: list[tuple[int, int, str]] = []
        self._action = action
        self._fields = fields
        # Lines as `getpos` counts them: what people typed may have other separators in it.
        self._line_starts = [0, *accumulate(len(line) + 1 for line in html.split("\n"))]
        self._inside = False  # the form
        self._closed: list[tuple[int, int]] = []  # `<details>` around, each open or not
        self._select = ""
        self._text_area = ""
        self._text_start = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note where the form begins, and what in it is to be filled."""
        attributes = dict(attrs)
        start, end = self._span()
        if tag == "details":
            self._closed.append((start, end) if "open" not in attributes else (0, 0))
        elif tag == "form" and attributes.get("action") == self._action and not self.edits:
            self._enter(end)
        elif self._inside:
            self._fill(tag, attributes, start, end)

    def handle_endtag(self, tag: str) -> None:
        """Note where the form ends."""
        start, _ = self._span()
        if tag == "details" and self._closed:
            self._closed.pop()
        elif tag == "textarea" and self._text_area:
            self.edits.append((self._text_start, start, escape(self._fields[self._text_area])))
            self._text_area = ""
        elif tag == "select":
            self._select = ""
        elif tag == "form":
            self._inside = False

    def _span(self) -> tuple[int, int]:
        line, column = self.getpos()
        start = self._line_starts[line - 1] + column
        return start, start + len(self.get_starttag_text() or "")

    def _enter(self, end: int) -> None:
        self._inside = True
        self.edits.append((end, end, _note(FILLED)))
        for start, stop in self._closed:
            if stop:
                self.edits.append((start + len("<details"), start + len("<details"), " open"))

    def _fill(self, tag: str, attributes: Attributes, start: int, end: int) -> None:
        name = attributes.get("name") or ""
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select in self._fields:
            chosen = attributes.get("value") == self._fields[self._select]
            self._replace(tag, _with_mark(attributes, "selected", chosen), start, end)
        elif tag == "textarea" and name in self._fields:
            self._text_area, self._text_start = name, end
        elif tag == "input":
            self._fill_input(name, attributes, start, end)

    def _fill_input(self, name: str, attributes: Attributes, start: int, end: int) -> None:
        if attributes.get("type") == "checkbox":
            checked = self._fields.get(name) == (attributes.get("value") or "on")
            self._replace("input", _with_mark(attributes, "checked", checked), start, end)
        elif attributes.get("type") != "hidden" and name in self._fields:
            filled = {**attributes, "value": self._fields[name]}
            self._replace("input", filled, start, end)

    def _replace(self, tag: str, attributes: Attributes, start: int, end: int) -> None:
        written = "".join(
            f" {name}" if value is None else f' {name}="{escape(value)}"'
            for name, value in attributes.items()
        )
        self.edits.append((start, end, f"<{tag}{written}>"))


def _with_mark(attributes: Attributes, mark: str, present: bool) -> Attributes:
    others: Attributes = {name: value for name, value in attributes.items() if name != mark}
    return {**others, mark: None} if present else others
