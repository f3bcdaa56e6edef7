"""Asking people, and telling them: all that is shown on a terminal or read from it.

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
    """Tell something on standard output."""
    click.echo(text)


def complain(text: str) -> None:
    """Tell what went wrong, in red, on standard error."""
    click.secho(text, fg="red", err=True)


def ask_url(default: str, check: Callable[[str], str]) -> str | None:
    """The console's url, `default` if left empty. `check` raises `ValueError` on what is no url."""
    if not has_terminal():
        # Not asked again: the next line is the token, and would be taken for a url.
        return _next_answer("ChaosIQ url", check, default=default)
    return click.prompt("ChaosIQ url", default=default, value_proc=_refusing(check))


def ask_token() -> str | None:
    """The token, never shown."""
    if not has_terminal():
        return _next_answer("ChaosIQ token", str)
    return click.prompt("ChaosIQ token", hide_input=True, value_proc=str.strip)


def choose(heading: str, names: Sequence[str], question: str) -> int | None:
    """The index, from 0, of the name somebody chose by its number, from 1."""
    shown = [heading, *(f"{number}) {_plain(name)}" for number, name in enumerate(names, 1))]
    number = _ask_until(question, _numbers_up_to(len(names)), shown)
    return None if number is None else number - 1


def confirm(question: str) -> bool | None:
    """Whether the answer was yes; no is the default."""
    answer = _ask_until(f"{question} [y/N]", _yes_or_no, default="n")
    return None if answer is None else answer


def read_line() -> str | None:
    """The next line of standard input, stripped; None at its end."""
    line = sys.stdin.readline() if sys.stdin is not None else ""
    return line.strip() if line else None


def _ask_until(
    question: str, check: Callable[[str], T], shown: Sequence[str] = (), default: str | None = None
) -> T | None:
    """Ask until the answer passes `check`, under the lines `shown`."""
    if has_terminal():
        for line in shown:
            say(line)
        return click.prompt(question, default=default, value_proc=check, show_default=False)
    while True:
        try:
            return _next_answer(question, check, shown=shown, default=default)
        except click.UsageError as x:
            complain(f"Error: {x.message}")
            shown = ()


def _next_answer(
    question: str, check: Callable[[str], T], shown: Sequence[str] = (), default: str | None = None
) -> T | None:
    """Read one answer without a terminal, and show what was asked; never what was answered."""
    answer = read_line()
    if answer is None:
        return None
    for line in shown:
        say(line)
    say(f"{question}:")
    return check(answer or default or "")


def _refusing(check: Callable[[str], T]) -> Callable[[str], T]:
    """`check` as `click` wants it: a `ValueError` becomes a reason to ask again."""

    def checked(answer: str) -> T:
        try:
            return check(answer)
        except ValueError as x:
            raise click.UsageError(str(x)) from None

    return checked


def _numbers_up_to(last: int) -> Callable[[str], int]:
    allowed = click.IntRange(1, last)
    return lambda answer: int(allowed(answer))


def _yes_or_no(answer: str) -> bool:
    return bool(click.BOOL.convert(answer, None, None))


def _plain(name: str) -> str:
    """A name from the console without what would steer the terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)
