"""A console that is well, and a timing of hundredths of a second."""

from collections.abc import Iterator

import pytest

from tests.plugin import activities
from tests.plugin.guarding import use_timing
from tests.plugin.safeguards.matrix import QUICK
from tests.plugin.stub_console import StubConsole, serving


@pytest.fixture
def console() -> Iterator[StubConsole]:
    """A console that is well."""
    with serving() as served:
        yield served


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds become hundredths; nothing of another test is left."""
    activities.done.clear()
    activities.moments.clear()
    use_timing(monkeypatch, QUICK)
