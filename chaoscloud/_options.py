"""Options that several commands have, and how every command ends. For `chaoscloud.cli` only.

Like that module, it is imported by every `chaos` command: it imports nothing but click.
"""

import os
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import click

__all__ = [
    "DRY_STRATEGIES",
    "BareDryCommand",
    "check_existing",
    "choice_options",
    "end_clearly",
    "fail_on_option",
    "junit_option",
    "output_option",
    "parse_variables",
]

# Spelled out, because importing it would load the host; a test compares it with the host's.
DRY_STRATEGIES = ("probes", "actions", "activities", "pause")

Command = TypeVar("Command", bound=Callable[..., Any])


def end_clearly(command: Command) -> Command:
    """A command that ends with one line and an exit code for all that is wrong around it."""

    @wraps(command)
    def run_command(*args: Any, **kwargs: Any) -> Any:
        from chaoscloud.exceptions import ChaosIQException

        try:
            if not kwargs.get("url"):  # what the command line says wins
                _check_environment()
            return command(*args, **kwargs)
        except BrokenPipeError:  # of `| head`: click ends the command without a word
            raise
        except (ChaosIQException, OSError) as x:
            from chaoscloud._prompts import complain
            from chaoscloud.commands.failures import describe_os_error, exit_code_of

            complain(describe_os_error(x) if isinstance(x, OSError) else str(x))
            raise click.exceptions.Exit(exit_code_of(x)) from x

    return cast(Command, run_command)


def _check_environment() -> None:
    """Refuse a `CHAOSIQ_URL` that is no url, whatever the command is."""
    if os.environ.get("CHAOSIQ_URL"):
        from chaoscloud.settings import ensure_usable_environment

        ensure_usable_environment()


def choice_options(*words: str) -> Callable[[Command], Command]:
    """Options that choose an organization, a team, without asking."""

    def decorate(command: Command) -> Command:
        for word in reversed(words):
            option = click.option(
                f"--{word}", metavar="NAME|ID", help=f"The {word} to use, instead of asking."
            )
            command = option(command)
        return command

    return decorate


output_option = click.option(
    "--output",
    type=click.Choice(("text", "json")),
    default="text",
    help="Write one JSON document to standard output instead of lines.",
)


junit_option = click.option(
    "--junit", metavar="FILE", help="Write its test cases to this file, as JUnit."
)


def fail_on_option(*words: str) -> Callable[[Command], Command]:
    """`--fail-on` with these words, of which `chaoscloud.results.gate` knows the meaning."""

    def parse(_ctx: click.Context, _param: click.Parameter, text: str | None) -> tuple[str, ...]:
        if text is None:
            return ()
        from chaoscloud.results.gate import parse_gate_words

        try:
            return parse_gate_words(text, words)
        except ValueError as x:
            raise click.BadParameter(str(x)) from None

    return click.option(
        "--fail-on",
        metavar="WORDS",
        callback=parse,
        help=f"Exit with 1 also for one of these, with commas between them: {', '.join(words)}.",
    )


class BareDryCommand(click.Command):
    """A command whose `--dry` was a flag once: alone it still means that no activity is played."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, with `--dry SOURCE` understood as `--dry activities SOURCE`."""
        return super().parse_args(ctx, _spell_out_dry(args))


def _spell_out_dry(args: list[str]) -> list[str]:
    """The arguments with `--dry` given its strategy where what follows is none."""
    options = args[: args.index("--")] if "--" in args else args
    following = [*args[1:], None]
    return [
        "--dry=activities"
        if position < len(options) and arg == "--dry" and following[position] not in DRY_STRATEGIES
        else arg
        for position, arg in enumerate(args)
    ]


def parse_variables(_ctx: click.Context, _param: click.Parameter, pairs: tuple[str, ...]) -> Any:
    """`key=value` and `key:type=value` as a dictionary of typed values, as `chaos run` does."""
    from chaoslib import convert_vars

    try:
        return convert_vars(pairs)
    except ValueError as x:
        raise click.BadParameter(str(x)) from None


def check_existing(_ctx: click.Context, _param: click.Parameter, paths: tuple[str, ...]) -> Any:
    """The paths as they are, all of them there."""
    # Not a `click.Path`: making one loads `locale`, half of what this module may cost.
    for path in paths:
        if not os.path.exists(path):
            raise click.BadParameter(f"Path '{path}' does not exist.")
    return paths
