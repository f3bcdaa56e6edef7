"""A browser for all tests of a module, and people who use it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import chromium
from tests.browser.visitor import PATIENCE, Visitor
from tests.together.conftest import Console, User, clean_environment, experiment, serving

__all__ = ["experiment"]

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium.

    Not for the whole session: while Playwright is started, no test of another package could run
    an event loop.
    """
    path = chromium.found()
    if path is None and os.environ.get("CI"):
        pytest.fail(chromium.MISSING)
    if path is None:
        pytest.skip(chromium.MISSING)
    with chromium.started(path) as started:
        yield started


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """One console for all tests of a module."""
    with serving(tmp_path_factory.mktemp("served") / "console") as served:
        yield served


@pytest.fixture
def stranger(browser: Browser, console: Console) -> Iterator[Visitor]:
    """A browser that is not signed in."""
    with Visitor.of(browser, console.url) as visitor:
        yield visitor


@pytest.fixture
def owner(stranger: Visitor, console: Console) -> Visitor:
    """A browser in which the console's owner is signed in."""
    stranger.sign_in(console.token)
    return stranger


@pytest.fixture(scope="module")
def signed_in_home(tmp_path_factory: pytest.TempPathFactory, console: Console) -> Path:
    """A home that is signed in to the console, to be copied."""
    home = tmp_path_factory.mktemp("signed-in")
    User(home, clean_environment(home)).sign_in(console)
    return home


@pytest.fixture
def user(tmp_path: Path, signed_in_home: Path) -> User:
    """Somebody at a shell, signed in to the console."""
    home = tmp_path / "home"
    shutil.copytree(signed_in_home, home)
    return User(home, clean_environment(home))
