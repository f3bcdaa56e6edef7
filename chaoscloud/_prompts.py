"""Asking people and showing them something: all that is read from a terminal or written to it.

Without a terminal, answers are lines of standard input, one a question. A question then shows
only once its answer is there, so that a script which has no more to say reads one clear line
instead of a prompt: every question answers None when standard input has ended.
"""

import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

import click

__all__ = [
    "ask_token",
    "ask_url",
    "choose",
    "complain",
    "confirm",
    "has_terminal",
    "read_line",
    "say",
]

T = TypeVar("T")


def has_terminal() -> bool:
    """Whether somebody sits at standard input."""
    return sys.stdin is not None and sys.stdin.isatty()


def say(text: str) -> None:
    """Write a line to standard output."""
    click.echo(text)


def complain(text: str) -> None:
    """Write what went wrong to standard error, in red."""
    click.secho(text, fg="red", err=True)


def ask_url(default: str, check: Callable[[str], str]) -> str | None:
    """The console's url; `default`, unless that is empty, where nothing is answered.

    `check` raises `ValueError` on what is no url.
    """
    if not has_terminal():
        # Not asked again: the next line is the token, and would be taken for a url.
        return _next_answer("ChaosIQ url", check, default=default)
    return click.prompt("ChaosIQ url", default=default or None, value_proc=_ask_again(check))


def ask_token(hint: str = "") -> str | None:
    """The token, never shown. `hint` says where people find one."""
    if not has_terminal():
        return _next_answer("ChaosIQ token", str)
    if hint:
        say(hint)
    return click.prompt("ChaosIQ token", hide_input=True, value_proc=str.strip)


def choose(
    heading: str, names: Sequence[str], question: str, current: int | None = None
) -> int | None:
    """The index, from 0, of the name that somebody chose, by its number (from 1) or by itself.

    `current` is the index of the name in use: it is marked, and at a terminal the default.
    """
    lines = [heading]
    for index, name in enumerate(names):
        mark = " (current)" if index == current else ""
        lines.append(f"{index + 1}) {_printable(name)}{mark}")
    default = str(current + 1) if current is not None and has_terminal() else None
    return _ask_until(question, _index_among(names), lines, default)


def confirm(question: str) -> bool | None:
    """Whether the answer was yes; no is the default."""
    return _ask_until(f"{question} [y/N]", _yes_or_no, default="n")


def read_line() -> str | None:
    """The next line of standard input, stripped; None at its end."""
    line = sys.stdin.readline() if sys.stdin is not None else ""
    return line.strip() if line else None


def _ask_until(
    question: str, check: Callable[[str], T], lines: Sequence[str] = (), default: str | None = None
) -> T | None:
    """Ask, below the lines, until the answer passes `check`."""
    if has_terminal():
        for line in lines:
            say(line)
        return click.prompt(question, default=default, value_proc=check, show_default=False)
    while True:
        try:
            return _next_answer(question, check, lines, default)
        except click.UsageError as x:
            complain(f"Error: {x.message}")
            lines = ()


def _next_answer(
    question: str, check: Callable[[str], T], lines: Sequence[str] = (), default: str | None = None
) -> T | None:
    """Read one answer without a terminal, and show what was asked; never what was answered."""
    answer = read_line()
    if answer is None:
        return None
    for line in lines:
        say(line)
    say(f"{question}:")
    return check(answer or default or "")


def _ask_again(check: Callable[[str], T]) -> Callable[[str], T]:
    """`check` as `click` wants it: a `ValueError` becomes a reason to ask again."""

    def check_answer(answer: str) -> T:
        try:
            return check(answer)
        except ValueError as x:
            raise click.UsageError(str(x)) from None

    return check_answer


def _index_among(names: Sequence[str]) -> Callable[[str], int]:
    """What turns a number from the list, or a name of it in any case, into an index."""
    numbers = click.IntRange(1, len(names))
    known = [name.casefold() for name in names]

    def read_choice(answer: str) -> int:
        name = answer.strip().casefold()
        if known.count(name) == 1 and not name.isdecimal():
            return known.index(name)
        return int(numbers(answer)) - 1

    return read_choice


def _yes_or_no(answer: str) -> bool:
    return bool(click.BOOL.convert(answer, None, None))


def _printable(name: str) -> str:
    """A name from the console without what would steer the terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)
