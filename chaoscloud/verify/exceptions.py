"""What can be wrong with a verification.

    ChaosIQException
    └── VerificationException        it cannot be run: not signed in, refused, another organization
        └── InvalidVerification      the document makes no sense

Each message is one line a user can act on.
"""

from chaoscloud.exceptions import ChaosIQException

__all__ = ["InvalidVerification", "VerificationException"]


class VerificationException(ChaosIQException):
    """A verification cannot be run."""


class InvalidVerification(VerificationException):
    """A document is no verification, or one that makes no sense."""
