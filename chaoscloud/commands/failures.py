"""What ends a command early, and with which exit code.

    ChaosIQException                1, as everything below but two
    └── CommandFailed
        ├── ConsoleUnreachable
        ├── MissingInput            2
        ├── NotSignedIn
        └── TokenRefused            4

Each message is the one line the user reads.
"""

from chaoscloud.exceptions import ChaosIQException

__all__ = [
    "CommandFailed",
    "ConsoleUnreachable",
    "MissingInput",
    "NotSignedIn",
    "TokenRefused",
    "describe_os_error",
    "exit_code_of",
]


class CommandFailed(ChaosIQException):
    """The command could not do what it was asked."""


class ConsoleUnreachable(CommandFailed):
    """Nobody answers at the console's address."""


class MissingInput(CommandFailed):
    """Something is needed that was neither given nor can be asked for, or makes no sense."""


class NotSignedIn(CommandFailed):
    """The command needs a console, a token and a team, and one of them is not known."""

    def __init__(self) -> None:
        super().__init__("You are not signed in: run `chaos signin` first.")


class TokenRefused(CommandFailed):
    """The console does not accept the token."""

    def __init__(self, message: str = "") -> None:
        super().__init__(
            message
            or "Provided credentials are not allowed by ChaosIQ. Please verify your access token."
        )


_EXIT_CODES: dict[type[Exception], int] = {MissingInput: 2, TokenRefused: 4}


def exit_code_of(error: Exception) -> int:
    """The exit code of a command that ended with this error."""
    return _EXIT_CODES.get(type(error), 1)


def describe_os_error(error: OSError) -> str:
    """In one line: which file cannot be used, and why."""
    name = f"{error.filename} cannot be used: " if error.filename else ""
    return f"{name}{error.strerror or error}."
