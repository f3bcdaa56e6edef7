"""What can go wrong in the plugin.

    ChaosException (the host's)
    └── ChaosIQException
        ├── SettingsException
        ├── WorkspaceException
        └── MissingVerificationIdentifier

Each message is one line a user can act on: what is wrong, and what to do.
"""

from chaoslib.exceptions import ChaosException

__all__ = [
    "ChaosIQException",
    "MissingVerificationIdentifier",
    "SettingsException",
    "WorkspaceException",
]


class ChaosIQException(ChaosException):  # type: ignore[misc]  # the host publishes no types
    """Anything the plugin raises on purpose."""


class SettingsException(ChaosIQException):
    """The settings file cannot be read, makes no sense, or cannot be written."""


class WorkspaceException(ChaosIQException):
    """The `.chaosiq` file cannot be read, makes no sense, or cannot be written."""


class MissingVerificationIdentifier(ChaosIQException):
    """A verification was asked for, and the document names none."""
