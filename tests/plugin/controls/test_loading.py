"""The link between a local file and the console, through the host's loader."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chaoslib.settings
import pytest
import yaml
from chaoslib.control import load_global_controls
from chaoslib.exceptions import InvalidSource
from chaoslib.experiment import run_experiment
from chaoslib.loader import load_experiment

from chaoscloud import workspace
from chaoscloud.extension import get_extension
from tests.plugin.loopback import Handler, loopback
from tests.plugin.runs import block_of, orders, warnings_in, without
from tests.plugin.stub_console import StubConsole, serving

pytestmark = pytest.mark.loopback


@pytest.fixture
def console() -> Iterator[StubConsole]:
    """A console that is well."""
    with serving() as served:
        yield served


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An experiment file, in a folder of its own."""
    path = tmp_path / "shop" / "orders.json"
    path.parent.mkdir()
    path.write_text(json.dumps(orders()))
    return path


def load(source: str, settings: dict[str, Any]) -> Any:
    """Load as `chaos run` does."""
    token = chaoslib.settings.loaded_settings.set(settings)
    try:
        load_global_controls(settings)
        return load_experiment(source, settings)
    finally:
        chaoslib.settings.loaded_settings.reset(token)


def load_and_run(source: str, settings: dict[str, Any]) -> tuple[Any, Any]:
    """The experiment and its journal."""
    token = chaoslib.settings.loaded_settings.set(settings)
    try:
        load_global_controls(settings)
        experiment = load_experiment(source, settings)
        return experiment, run_experiment(experiment, settings=settings)
    finally:
        chaoslib.settings.loaded_settings.reset(token)


def link_to(file: Path, experiment_id: str, team: str = "checkout") -> dict[str, Any]:
    """What a workspace file says that links a file."""
    return {"experiments": {"acme": {team: {file.name: {"experiment_id": experiment_id}}}}}


def workspace_of(file: Path) -> Path:
    """The workspace file beside an experiment file."""
    return file.with_name(".chaosiq")


def test_a_new_file_is_linked_by_its_first_run(console: StubConsole, file: Path) -> None:
    """The workspace file appears beside it, and the path leaves the block."""
    experiment, journal = load_and_run(str(file), console.settings)

    assert yaml.safe_load(workspace_of(file).read_text()) == link_to(file, "orders")
    assert "experiment_path" not in block_of(experiment)
    assert str(file) not in json.dumps(journal)
    assert str(file) not in console.everything


def test_a_new_file_is_known_by_its_path_until_then(console: StubConsole, file: Path) -> None:
    """The block keeps it for this machine only."""
    experiment = load(str(file), console.settings)

    assert block_of(experiment)["experiment_path"] == str(file)
    assert "experiment_id" not in block_of(experiment)


def test_a_known_file_brings_its_id(console: StubConsole, file: Path) -> None:
    """The next run adds an execution to the same experiment."""
    workspace_of(file).write_text(yaml.safe_dump(link_to(file, "known")))

    experiment = load(str(file), console.settings)

    assert block_of(experiment) == {"name": "chaosiq", "experiment_id": "known"}


def test_the_link_of_another_team_is_not_ours(console: StubConsole, file: Path) -> None:
    """It stays in the file, beside the one of this team."""
    theirs = link_to(file, "known", team="payments")
    workspace_of(file).write_text(yaml.safe_dump(theirs))

    load_and_run(str(file), console.settings)

    written = yaml.safe_load(workspace_of(file).read_text())
    assert written["experiments"]["acme"]["payments"] == {file.name: {"experiment_id": "known"}}
    assert written["experiments"]["acme"]["checkout"] == {file.name: {"experiment_id": "orders"}}


def test_a_link_added_during_the_start_is_kept(console: StubConsole, file: Path) -> None:
    """Two runs in one folder write the same workspace file."""

    def answer(kind: str, request: Any) -> None:
        if kind == "execution":
            other = link_to(Path("stock.json"), "stock")
            workspace_of(file).write_text(yaml.safe_dump(other))

    console.answer = answer

    load_and_run(str(file), console.settings)

    team = yaml.safe_load(workspace_of(file).read_text())["experiments"]["acme"]["checkout"]
    assert set(team) == {"orders.json", "stock.json"}


def test_without_the_workspace_it_is_neither_read_nor_written(
    console: StubConsole, file: Path
) -> None:
    """The file keeps what it says, and the block does not know where the experiment lies."""
    before = yaml.safe_dump(link_to(file, "known"))
    workspace_of(file).write_text(before)

    experiment, _ = load_and_run(str(file), without("workspace", console.settings))

    assert workspace_of(file).read_text() == before
    assert block_of(experiment)["experiment_id"] == "orders"
    assert "experiment_path" not in block_of(experiment)


def test_without_publishing_loading_leaves_no_trace(console: StubConsole, file: Path) -> None:
    """The experiment is what the file says."""
    experiment = load(str(file), without("publish", console.settings))

    assert experiment == orders()


@pytest.mark.parametrize("damage", ["{", "- a list", "experiments: 3"])
def test_a_damaged_workspace_is_said_and_left_as_it_is(
    console: StubConsole, file: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    """The run is recorded all the same."""
    workspace_of(file).write_text(damage)

    _, journal = load_and_run(str(file), console.settings)

    assert len(warnings_in(caplog)) == 1
    assert workspace_of(file).read_text() == damage
    assert block_of(journal)["execution_id"] == "monday"


def test_a_workspace_that_cannot_be_written_is_said(
    console: StubConsole, file: Path, caplog: pytest.LogCaptureFixture, monkeypatch: Any
) -> None:
    """One warning; the run is recorded all the same."""

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)

    _, journal = load_and_run(str(file), console.settings)

    [warning] = warnings_in(caplog)
    assert "No space left on device" in warning
    assert block_of(journal)["execution_id"] == "monday"


@pytest.mark.parametrize(("status", "stays"), [(422, True), (500, False)])
def test_a_start_that_failed_links_nothing(
    console: StubConsole, file: Path, status: int, stays: bool
) -> None:
    """There is no id to link to; the path is kept elsewhere when the record is sent later."""
    console.answer = lambda kind, request: (status, None)

    experiment, _ = load_and_run(str(file), console.settings)

    assert not workspace_of(file).exists()
    assert ("experiment_path" in block_of(experiment)) is stays


def test_an_experiment_from_a_url_brings_its_source(console: StubConsole, file: Path) -> None:
    """Without the user and the password in it."""

    def shelf(handler: Handler) -> None:
        handler.say(200, file.read_bytes(), Content_Type="application/json")

    with loopback(shelf) as other:
        source = f"{other.url}/orders.json"
        experiment, _ = load_and_run(source.replace("//", "//ada:correct-horse@"), console.settings)

    assert block_of(experiment)["source"] == source
    assert console.bodies("experiment")[0]["experiment"]["extensions"][0]["source"] == source
    assert "correct-horse" not in console.everything
    assert not workspace_of(file).exists()


def test_a_signed_url_is_the_same_experiment_each_time(console: StubConsole, file: Path) -> None:
    """Neither the console nor the journal has its signature."""

    def shelf(handler: Handler) -> None:
        handler.say(200, file.read_bytes(), Content_Type="application/json")

    with loopback(shelf) as other:
        source = f"{other.url}/orders.json?version=2"
        runs = [
            load_and_run(f"{source}&X-Amz-Date={day}&X-Amz-Signature=5ec2e7{day}", console.settings)
            for day in (1, 2)
        ]

    blocks = [body["experiment"]["extensions"][0] for body in console.bodies("experiment")]
    assert [block["source"] for block in blocks] == [source, source]
    assert "5ec2e7" not in console.everything
    assert "5ec2e7" not in json.dumps([journal for _, journal in runs])


@pytest.mark.parametrize("is_marked", [True, False])
def test_a_document_from_which_something_was_taken_out_is_said(
    console: StubConsole, file: Path, caplog: pytest.LogCaptureFixture, is_marked: bool
) -> None:
    """To the host `[redacted]` is an argument like any other."""
    document = orders()
    if is_marked:
        document["extensions"] = [{"name": "chaosiq", "redacted": 2}]
    else:
        document["method"][0]["provider"]["arguments"] = {"name": "delete [redacted]"}
    file.write_text(json.dumps(document))

    load(str(file), console.settings)

    [warning] = warnings_in(caplog)
    assert "secrets were taken out" in warning


def test_a_whole_document_is_loaded_without_a_word(
    console: StubConsole, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As most are."""
    load(str(file), console.settings)

    assert warnings_in(caplog) == []


def test_a_file_that_cannot_be_loaded_fails_as_ever(console: StubConsole, file: Path) -> None:
    """What the host says is what the user reads."""
    with pytest.raises(InvalidSource):
        load(str(file.with_name("absent.json")), console.settings)

    file.write_text("[]")
    assert load(str(file), console.settings) == []


def test_what_others_keep_in_the_extensions_stays(console: StubConsole, file: Path) -> None:
    """Our block is added beside theirs."""
    theirs = {"name": "grafana", "dashboard": "orders"}
    file.write_text(json.dumps(orders() | {"extensions": [theirs]}))

    experiment, journal = load_and_run(str(file), console.settings)

    assert experiment["extensions"][0] == theirs
    assert get_extension(experiment) is not None
    assert journal["experiment"]["extensions"][0] == theirs


def test_the_workspace_stays_where_the_file_is_whatever_the_run_does(
    console: StubConsole, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An experiment may change the folder before the workspace is written."""
    monkeypatch.chdir(file.parent)

    load(file.name, console.settings)
    monkeypatch.chdir("/")

    assert workspace.get_workspace_path() == str(workspace_of(file))
