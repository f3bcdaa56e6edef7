"""What the operator's commands print: tables, times and texts on one line."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import click


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows in columns as wide as they need; nothing at all prints only the heads."""
    lines = [list(heads), *([one_line(cell) for cell in row] for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def one_line(text: str) -> str:
    """A text without anything that would move a terminal's cursor."""
    return "".join(character if character.isprintable() else " " for character in text)


def moment(at: datetime | None) -> str:
    """A time as an operator reads it; a dash for never."""
    return "-" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"
