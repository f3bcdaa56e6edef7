"""The docs say what the code does: commands, options, settings, variables and routes."""

import re
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import click
import pytest
from starlette.routing import Route

from chaoscloud.console.api import routes as api_routes
from chaoscloud.console.cli import main as console_command
from chaoscloud.console.pages import routes as page_routes
from chaoscloud.settings import FEATURES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
DOCS = {path.stem: path.read_text() for path in (ROOT / "docs").glob("*.md")}
EVERYTHING = "\n".join([README, *DOCS.values()])
VARIABLE = re.compile(r"\b(?:CHAOSIQ_[A-Z_]+|DATABASE_URL)\b")
CALL = re.compile(r"^\| `(GET|HEAD|POST|PUT|PATCH|DELETE) (\S+?)`", re.MULTILINE)


def commands_of(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Yield every command that help names, itself included, with the words that call it."""
    if command.hidden:
        return
    yield path, command
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            yield from commands_of(each, f"{path} {name}")


PLUGIN_COMMANDS = [
    each
    for entry in entry_points(group="chaostoolkit.cli_plugins")
    if entry.value.startswith("chaoscloud.")
    for each in commands_of(entry.load(), f"chaos {entry.name}")
]
CONSOLE_COMMANDS = list(commands_of(console_command, "chaosiq-console"))


def options_of(command: click.Command) -> list[str]:
    """Return the long options of a command."""
    return [
        word
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.hidden
        for word in parameter.opts
        if word.startswith("--") and word not in ("--help", "--version")
    ]


@pytest.mark.parametrize(("path", "command"), PLUGIN_COMMANDS, ids=[p for p, _ in PLUGIN_COMMANDS])
def test_each_command_of_the_plugin_is_in_the_docs(path: str, command: click.Command) -> None:
    """A command the README does not name, or an option no page names, is one nobody finds."""
    assert path in README
    assert [word for word in options_of(command) if f"{word}" not in EVERYTHING] == []


@pytest.mark.parametrize(
    ("path", "command"), CONSOLE_COMMANDS, ids=[p for p, _ in CONSOLE_COMMANDS]
)
def test_each_command_of_the_console_is_in_its_page(path: str, command: click.Command) -> None:
    """The operator's page names every command by its last word, and every option."""
    assert f"`{path.split()[-1]}" in DOCS["console"] or path in DOCS["console"]
    pages = DOCS["console"] + DOCS["safeguards"]
    assert [word for word in options_of(command) if word not in pages] == []


def test_each_command_says_what_it_is_for() -> None:
    """Every command and every option has help."""
    silent = [
        f"{path} {parameter.opts[0]}"
        for path, command in PLUGIN_COMMANDS + CONSOLE_COMMANDS
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.hidden and not parameter.help
    ]

    assert silent == []
    assert [path for path, command in PLUGIN_COMMANDS + CONSOLE_COMMANDS if not command.help] == []


def variables_in(*places: Path) -> set[str]:
    """Return the environment variables that Python files name."""
    files = [file for place in places for file in place.rglob("*.py")]
    return {name for file in files for name in VARIABLE.findall(file.read_text())}


def test_the_environment_variables_are_those_of_the_docs() -> None:
    """What the code reads is documented, and what is documented is read."""
    documented = set(VARIABLE.findall(DOCS["settings"] + DOCS["console"]))

    assert variables_in(ROOT / "chaoscloud") == documented


@pytest.mark.parametrize("feature", FEATURES)
def test_each_feature_is_in_the_settings_page(feature: str) -> None:
    """`chaos enable FEATURE` takes words people can look up."""
    assert f"| `{feature}` |" in DOCS["settings"]


def shape(address: str) -> str:
    """Return an address with its parameters made alike."""
    team = "<base>/organizations/{org}/teams/{team}"
    address = re.sub(r"^T(?=/|$)", team, address).replace("<base>", "/api/v1").replace("<url>", "")
    return re.sub(r"\{[^}]*\}", "{}", address) or "/"


def test_every_call_of_the_protocol_is_answered_by_the_console() -> None:
    """The table in the protocol's page and the console's routes agree."""
    routes = {
        (method, shape(route.path))
        for route in api_routes
        if isinstance(route, Route)
        for method in route.methods or ()
    }
    documented = {(method, shape(address)) for method, address in CALL.findall(DOCS["protocol"])}

    assert len(documented) >= 15
    assert documented - routes == set()


def test_every_page_for_people_is_in_the_console_s_page() -> None:
    """Addresses that people open are listed where they look."""
    pages = {
        shape(route.path)
        for route in page_routes
        if isinstance(route, Route)
        and route.path.startswith("/{")
        and "GET" in (route.methods or ())
    }
    documented = {shape(each) for each in re.findall(r"`(/\{[^`]*)`", DOCS["console"])}

    assert pages - documented == set()


def test_links_between_the_pages_lead_somewhere() -> None:
    """No page points at a file that is not there."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    broken = [
        f"{page.name}: {link}"
        for page in pages
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
        if not (page.parent / link).exists()
    ]

    assert broken == []


@pytest.mark.parametrize(("path", "command"), PLUGIN_COMMANDS, ids=[p for p, _ in PLUGIN_COMMANDS])
def test_the_help_of_a_command_can_be_read(path: str, command: click.Command) -> None:
    """It is made of whole lines of at most 80 characters, and explains each feature and option."""
    page = command.get_help(click.Context(command, info_name=path))

    assert max(map(len, page.splitlines())) <= 80
    assert [word for word in options_of(command) if word not in page] == []
    if path.endswith("able"):
        assert [feature for feature in FEATURES if f"{feature}:" not in page] == []
