"""The words the plugin's rooms share: shapes of documents, and what can go wrong."""

from typing import get_type_hints

import pytest
from chaoslib.exceptions import ChaosException

from chaoscloud import exceptions, types


@pytest.mark.parametrize(
    "name", ["SettingsException", "WorkspaceException", "MissingVerificationIdentifier"]
)
def test_every_failure_is_one_the_host_knows(name: str) -> None:
    """The host reports a `ChaosException` in one line instead of a traceback."""
    failure = getattr(exceptions, name)

    assert issubclass(failure, ChaosException)
    assert issubclass(failure, exceptions.ChaosIQException)


def test_a_failure_says_what_it_was_told() -> None:
    """The message is for the user, so it comes out as it went in."""
    failure = exceptions.WorkspaceException("The disk is full.")

    assert str(failure) == "The disk is full."


def test_an_organization_needs_an_id_and_a_name_only() -> None:
    """The console lists no teams and marks no default: the settings add both."""
    assert types.Organization.__required_keys__ == {"id", "name"}
    assert types.Organization.__optional_keys__ == {"default", "teams"}
    assert types.Team.__optional_keys__ == {"default"}


def test_every_exported_word_exists() -> None:
    """A name in `__all__` that is not there breaks whoever imports everything."""
    assert set(types.__all__) <= set(vars(types))
    assert set(exceptions.__all__) <= set(vars(exceptions))


def test_an_empty_workspace_is_one() -> None:
    """A file that says nothing yet is valid, so no key of it is required."""
    assert types.WorkspaceData.__required_keys__ == frozenset()
    assert set(get_type_hints(types.WorkspaceData)) == {"experiments"}
