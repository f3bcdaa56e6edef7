"""What a release needs agrees: version, changelog, metadata, workflows, the site of the docs."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from chaoscloud import __version__

ROOT = Path(__file__).parent.parent
METADATA = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text())


def test_the_version_and_the_changelog_agree() -> None:
    """Between releases the unreleased changes name the next one; a release has a dated heading."""
    headings = re.findall(r"^## \[(.+?)\](?: - (\d{4}-\d\d-\d\d))?$", CHANGELOG, re.MULTILINE)
    unreleased = CHANGELOG.partition("## [Unreleased]")[2].partition("\n## ")[0]
    number, is_between, _ = __version__.partition(".dev0")

    assert headings[0] == ("Unreleased", "")
    if is_between:
        assert number in unreleased
        assert number not in [name for name, _ in headings]
    else:
        assert [date for name, date in headings if name == number] != [""]
    assert all(date for name, date in headings[1:])


def test_the_workflow_tries_every_python_that_is_named_as_supported() -> None:
    """A classifier is a promise that something checks."""
    classifiers = [each.rpartition(" :: ")[2] for each in METADATA["classifiers"]]
    supported = {each for each in classifiers if re.fullmatch(r"3\.\d+", each)}
    matrix = WORKFLOW["jobs"]["tests"]["strategy"]["matrix"]

    assert supported <= set(matrix["python"])
    assert METADATA["requires-python"] == f">={min(supported, key=lambda v: int(v[2:]))}"


def test_the_workflow_runs_sessions_that_nox_has() -> None:
    """The names of the matrix are parameters of the file of sessions."""
    sessions = (ROOT / "noxfile.py").read_text()
    matrix = WORKFLOW["jobs"]["tests"]["strategy"]["matrix"]

    for word in (*matrix["python"], *matrix["toolkit"], *matrix["database"]):
        assert f'"{word}"' in sessions


@pytest.mark.parametrize(
    "path",
    sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / ".github").rglob("*.yml")),
)
def test_each_file_for_github_can_be_read(path: str) -> None:
    """A file with a fault is ignored there without a word."""
    assert isinstance(yaml.safe_load((ROOT / path).read_text()), dict)


def test_every_page_of_the_docs_is_in_the_site_and_in_the_reading_order() -> None:
    """No page is left out of the menu, nor of the page that says where to begin."""
    menu = json.dumps(_nav())
    index = (ROOT / "docs/index.md").read_text()
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}

    assert [page for page in sorted(pages) if page not in menu] == []
    assert [page for page in sorted(pages - {"index.md"}) if f"({page}" not in index] == []


def _nav() -> object:
    """Return the site's menu; its file has a tag that only the site's tool understands."""
    text = (ROOT / "mkdocs.yml").read_text()
    return yaml.safe_load(text.replace("!!python/name:", ""))["nav"]
