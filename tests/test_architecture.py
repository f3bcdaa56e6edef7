"""The page about the architecture names what is there, and all of it."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "chaoscloud"
PAGE = (ROOT / "docs" / "architecture.md").read_text()
PATH = re.compile(r"(?:`|participant \w+ as )([\w./]+(?:/|\.py))(?:`|$)", re.MULTILINE)
NAMED = frozenset(path.rstrip("/") for path in PATH.findall(PAGE))


def list_folders() -> Iterator[str]:
    """Yield every folder of the package below the first, as the page writes it."""
    for folder in SOURCE.rglob("*"):
        if folder.is_dir() and folder.name != "__pycache__" and any(folder.iterdir()):
            yield folder.relative_to(SOURCE).as_posix()


def list_modules() -> Iterator[str]:
    """Yield the modules that stand beside the folders of a wing."""
    for folder in (SOURCE, SOURCE / "console"):
        for module in folder.glob("*.py"):
            if module.name != "__init__.py":
                yield module.relative_to(SOURCE).as_posix()


def test_what_the_page_names_is_there() -> None:
    """A file that was moved is named by its new place."""
    assert [path for path in sorted(NAMED) if not (SOURCE / path).exists()] == []


def test_the_page_names_every_folder() -> None:
    """A newcomer learns of each folder what it is for."""
    assert sorted(set(list_folders()) - NAMED) == []


def test_the_page_names_every_module_beside_the_folders() -> None:
    """And of each module that is in no folder of its own."""
    assert sorted(set(list_modules()) - NAMED) == []


def test_the_page_draws_the_three_ways() -> None:
    """Of an event, of a stop, and of a page; each starts from files named above."""
    assert len(re.findall(r"^sequenceDiagram$", PAGE, re.MULTILINE)) == 3
    assert len(re.findall(r"^    participant", PAGE, re.MULTILINE)) >= 20
