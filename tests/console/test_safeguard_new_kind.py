"""A new kind of safeguard is one file: the API, the pages and the commands have it with that."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from chaoscloud.console.cli import main
from chaoscloud.console.config import Config
from chaoscloud.console.records.teams import Team
from chaoscloud.console.rules.safeguards import KINDS, kinds
from tests.console.browser import Browser, Seen
from tests.console.conftest import Client, Member
from tests.console.team import TeamApi

MOON = '''
"""The moon: nothing runs in some of its phases."""

from typing import Literal

import msgspec

from chaoscloud.console.rules.safeguards.fields import ChoiceField, NumberField
from chaoscloud.console.rules.safeguards.kind import Kind
from chaoscloud.console.rules.safeguards.model import Finding, Question, Safeguard, denial


class MoonSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    phase: Literal["new", "full"]
    days: int = 1


class MoonKind(Kind[MoonSettings]):
    name = "moon"
    label = "Moon phase"
    purpose = "Nothing runs when the moon is odd."
    settings = MoonSettings
    fields = (
        ChoiceField("phase", "Phase", "The phase", choices=(("new", "new"), ("full", "full"))),
        NumberField("days", "Days around it", "How many days around it", initial="1"),
    )

    def decide(self, safeguard: Safeguard, settings: MoonSettings, question: Question) -> Finding:
        return Finding(denial(safeguard) if settings.phase == "full" else None)

    def describe(self, settings: MoonSettings) -> str:
        return f"Nothing runs {settings.days} days around the {settings.phase} moon"


KIND = MoonKind()
'''
PAGE = "/acme/checkout/safeguards"


@pytest.fixture(autouse=True)
def moon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The one file, in a folder of kinds."""
    folder = tmp_path / "kinds"
    folder.mkdir()
    (folder / "moon.py").write_text(MOON)
    monkeypatch.setattr(kinds, "__path__", [*kinds.__path__, str(folder)])
    monkeypatch.setitem(KINDS, "moon", kinds.load_kinds(kinds.__path__)["moon"])
    yield
    del sys.modules[f"{kinds.__name__}.moon"]


@pytest.fixture
def api(client: Client, bob: Member, checkout: Team) -> TeamApi:
    return TeamApi(client(bob.token), checkout)


@pytest.fixture
def bobs(client: Client, bob: Member, checkout: Team) -> Browser:
    browser = Browser(client())
    browser.sign_in(bob.token)
    return browser


def test_the_api_sets_it_and_runs_are_denied(api: TeamApi) -> None:
    """Its settings are checked by its own shape; simulations and decisions ask it."""
    body = {"kind": "moon", "name": "Full moon", "reason": "Wolves", "settings": {"phase": "full"}}
    execution = api.started()

    refused = api.post("/safeguards", {**body, "settings": {"phase": "half"}})
    view = api.post("/safeguards", body).json()

    assert refused.json()["errors"][0]["loc"] == ["body", "settings", "phase"]
    assert (view["refuses"], view["settings"]) == (True, {"phase": "full", "days": 1})
    assert api.post("/safeguards/simulate", {}).json()["policies"][0]["kind"] == "moon"
    assert api.get(execution + "/policies").json()["policies"][0]["name"] == "Full moon"


def test_the_pages_have_its_form(bobs: Browser, api: TeamApi) -> None:
    """It is offered, set, described and changed, and a mistake is said in its words."""
    form = {"name": "Moon", "reason": "Wolves", "phase": "new", "days": "2", "enabled": "on"}
    new = f"{PAGE}/new?kind=moon"

    offered = Seen(bobs.open(PAGE)).text
    wrong = bobs.submit(new, new, **{**form, "kind": "moon", "days": "two"})
    bobs.submit(new, new, **form, kind="moon")
    [view] = api.get("/safeguards").json()["items"]
    page = f"{PAGE}/{view['id']}"
    bobs.submit(page, page, **{**form, "phase": "full"})

    assert "Moon phase Nothing runs when the moon is odd." in offered
    assert "How many days around it is a number" in Seen(wrong).text
    text = Seen(bobs.open(PAGE)).text
    assert "Denies Moon Wolves Nothing runs 2 days around the full moon" in text
    assert "Nothing may run. Moon: Wolves" in text


def test_the_commands_know_it(config: Config, api: TeamApi) -> None:
    """It can be added, is listed, and counts in a simulation."""

    def run(*words: str) -> str:
        command = ["safeguard", *words, "--database", config.database_url]
        return CliRunner().invoke(main, command).output

    settings = '{"phase": "full"}'
    run("add", "moon", "Full moon", "--reason", "Wolves", "--settings", settings)

    assert "denies" in run("list")
    assert "Full moon: Wolves" in run("simulate", "--team", "Checkout")
