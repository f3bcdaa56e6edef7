"""What changed between two documents, line by line."""

from collections.abc import Iterator
from difflib import unified_diff
from itertools import islice
from typing import Any

from chaoscloud.console.pages._templates import pretty

MOST_LINES = 2_000  # of a document, for its changes to be worked out and read

Line = tuple[str, str]  # a look (plus, minus, at or none), and the text


def changed_lines(older: Any, newer: Any) -> Iterator[Line]:
    """The changes with two lines around them; nothing when there are none."""
    before, after = pretty(older).splitlines(), pretty(newer).splitlines()
    if max(len(before), len(after)) > MOST_LINES and before != after:
        yield "at", "The document is too long to show here what changed in it."
        return
    lines = unified_diff(before, after, n=2, lineterm="")
    for line in islice(lines, 2, None):  # after the names of the files there are none of
        yield {"+": "plus", "-": "minus", "@": "at"}.get(line[:1], ""), line
