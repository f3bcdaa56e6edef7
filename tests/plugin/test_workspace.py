"""The `.chaosiq` file, which links a local file to the experiment the console knows."""

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from chaoscloud import workspace
from chaoscloud.exceptions import WorkspaceException
from chaoscloud.extension import del_extension_value, get_extension, set_extension_value
from chaoscloud.types import Experiment, Organizations, WorkspaceData

LINKED: WorkspaceData = {
    "experiments": {
        "org-acme": {"team-checkout": {"orders.json": {"experiment_id": "experiment-orders"}}}
    }
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The workspace file in use, not there yet."""
    path = tmp_path / workspace.WORKSPACE_FILENAME
    workspace.set_workspace_path(path)
    return path


# Where it lies


def test_the_workspace_lies_beside_the_experiment(tmp_path: Path) -> None:
    """Whatever folder the command is run from."""
    workspace.initialize_workspace_path(tmp_path / "shop" / "orders.json")

    assert workspace.get_workspace_path() == str(tmp_path / "shop" / ".chaosiq")


def test_a_relative_path_stays_one() -> None:
    """Programs read back what they gave."""
    workspace.initialize_workspace_path("orders.json")

    assert workspace.get_workspace_path() == ".chaosiq"


def test_no_file_is_in_use_at_first() -> None:
    """And none is after all was forgotten."""
    assert workspace.get_workspace_path() is None
    assert workspace.load_workspace() == {}


def test_forgetting_keeps_the_dictionary_itself(file: Path) -> None:
    """Whoever imported it sees it emptied."""
    metadata = workspace.workspace_metadata
    workspace.set_workspace_data(LINKED)

    workspace.reset_workspace()

    assert workspace.workspace_metadata is metadata
    assert metadata == {}
    assert workspace.get_loaded_workspace_data() == {}


# Reading


def test_a_missing_file_says_nothing_and_is_not_made(file: Path) -> None:
    """Reading never writes."""
    assert workspace.load_workspace() == {}

    assert not file.exists()


@pytest.mark.parametrize("content", ["", "# links of our team\n", "experiments:\n", "{}"])
def test_an_empty_file_has_no_links(
    file: Path, content: str, experiment: Experiment, organizations: Organizations
) -> None:
    """A file just made by hand, or with nothing left in it, is valid."""
    file.write_text(content)

    workspace.load_workspace()

    matches = workspace.get_experiment_metadata_from_workspace(experiment, organizations)
    assert matches is None


def test_what_a_file_says_is_kept(file: Path) -> None:
    """Loading returns it, and it can be asked for again."""
    file.write_text(yaml.safe_dump(LINKED))

    assert workspace.load_workspace() == LINKED
    assert workspace.get_loaded_workspace_data() == LINKED


def test_another_file_can_be_read_without_using_it(file: Path, tmp_path: Path) -> None:
    """The file in use stays the same."""
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump(LINKED))

    assert workspace.load_workspace(other) == LINKED
    assert workspace.get_workspace_path() == str(file)


@pytest.mark.parametrize(
    "content",
    [
        b"experiments: {",
        b"experiments:\n\t- a",
        b"\xff\xfe\xfd",
        b"since: 2026-13-45",
        b"a: !!python/name:os.system",
        b"- experiments",
        b"experiments",
        b"experiments: []",
        b"experiments: {org: team}",
        b"experiments: {org: {team: []}}",
        b"experiments: {org: {team: {orders.json: ID}}}",
    ],
)
def test_a_damaged_file_is_named_and_changes_nothing(file: Path, content: bytes) -> None:
    """It may hold links that others need: it is repaired by hand, not by us."""
    workspace.set_workspace_data(LINKED)
    file.write_bytes(content)

    with pytest.raises(WorkspaceException, match=r"\.chaosiq") as caught:
        workspace.load_workspace()

    assert "\n" not in str(caught.value)
    assert file.read_bytes() == content
    assert workspace.get_loaded_workspace_data() == LINKED


def test_a_file_that_cannot_be_opened_is_named(file: Path) -> None:
    """A folder of that name, say."""
    file.mkdir()

    with pytest.raises(WorkspaceException, match=r"\.chaosiq cannot be read: Is a directory"):
        workspace.load_workspace()


# What is handed out


def test_what_is_handed_out_is_a_copy(experiment: Experiment, organizations: Organizations) -> None:
    """No caller changes what is kept by changing what it was given."""
    workspace.set_workspace_data(LINKED)

    data: Any = workspace.get_loaded_workspace_data()
    entry: Any = workspace.get_experiment_metadata_from_workspace(experiment, organizations)
    data["experiments"]["org-acme"].clear()
    entry["experiment_id"] = "another"

    assert workspace.get_loaded_workspace_data() == LINKED


def test_what_is_handed_in_is_copied() -> None:
    """The caller's object stays the caller's."""
    data: Any = {"experiments": {"org-acme": {}}}
    workspace.set_workspace_data(data)

    data["experiments"].clear()

    assert workspace.get_loaded_workspace_data() == {"experiments": {"org-acme": {}}}


# Linking


def test_an_experiment_is_linked_and_found_again(
    file: Path, experiment: Experiment, organizations: Organizations
) -> None:
    """Registered by one process, found by the next."""
    workspace.load_workspace()
    changed = workspace.register_experiment_to_workspace(experiment, organizations)
    workspace.save_workspace()
    workspace.set_workspace_data(None)

    workspace.load_workspace()

    assert changed is True
    assert yaml.safe_load(file.read_text()) == LINKED
    assert workspace.get_experiment_metadata_from_workspace(experiment, organizations) == {
        "experiment_id": "experiment-orders"
    }


def test_the_links_of_others_stay(
    file: Path, experiment: Experiment, organizations: Organizations
) -> None:
    """Other teams, other files, other organizations, and keys we do not know."""
    file.write_text(
        "version: 2\n"
        "experiments:\n"
        "  org-globex: {team-logistics: {orders.json: {experiment_id: theirs}}}\n"
        "  org-acme: {team-checkout: {refunds.json: {experiment_id: refunds, note: ours}}}\n"
    )
    before = workspace.load_workspace()

    workspace.register_experiment_to_workspace(experiment, organizations)
    workspace.save_workspace()

    after: Any = yaml.safe_load(file.read_text())
    assert after["experiments"]["org-acme"]["team-checkout"].pop("orders.json")
    assert after == before
    assert list(after) == ["version", "experiments"]


def test_a_link_that_is_there_is_not_made_again(
    experiment: Experiment, organizations: Organizations
) -> None:
    """The caller need not write a file that people have under version control."""
    workspace.set_workspace_data(LINKED)

    assert workspace.register_experiment_to_workspace(experiment, organizations) is False


def test_a_link_is_moved_to_another_experiment(
    experiment: Experiment, organizations: Organizations
) -> None:
    """The console did not know the old one any more, and made a new one."""
    workspace.set_workspace_data(LINKED)
    set_extension_value(experiment, "experiment_id", "experiment-again")

    assert workspace.register_experiment_to_workspace(experiment, organizations) is True

    assert workspace.get_experiment_metadata_from_workspace(experiment, organizations) == {
        "experiment_id": "experiment-again"
    }


def test_a_link_is_for_one_team(experiment: Experiment, organizations: Organizations) -> None:
    """Another team knows the same file by another id."""
    workspace.set_workspace_data(LINKED)
    organizations[0]["teams"][0]["default"] = True

    matches = workspace.get_experiment_metadata_from_workspace(experiment, organizations)

    assert matches is None


def test_a_path_that_is_given_goes_before_the_block(
    experiment: Experiment, organizations: Organizations
) -> None:
    """Before loading, there is no block yet; its folder does not matter."""
    workspace.set_workspace_data(LINKED)

    by_path = workspace.get_experiment_metadata_from_workspace(
        {}, organizations, "shop/orders.json"
    )
    by_other = workspace.get_experiment_metadata_from_workspace(
        experiment, organizations, Path("refunds.json")
    )

    assert by_path == {"experiment_id": "experiment-orders"}
    assert by_other is None


@pytest.mark.parametrize("missing", ["experiment_id", "experiment_path"])
def test_an_experiment_without_id_or_path_is_not_linked(
    experiment: Experiment, organizations: Organizations, missing: str
) -> None:
    """It was not published, or came from an url."""
    del_extension_value(experiment, missing)

    assert workspace.register_experiment_to_workspace(experiment, organizations) is False

    assert workspace.get_loaded_workspace_data() == {}


@pytest.mark.parametrize("organizations", [None, []])
def test_without_a_team_nothing_is_linked(
    experiment: Experiment, organizations: Organizations | None
) -> None:
    """Links belong to teams."""
    workspace.set_workspace_data(LINKED)

    assert workspace.register_experiment_to_workspace(experiment, organizations) is False
    assert workspace.get_experiment_metadata_from_workspace(experiment, organizations) is None


def test_what_the_block_says_is_read(experiment: Experiment) -> None:
    """Path and id of a file, source of an url; None for what is not said, never 'None'."""
    assert workspace.get_experiment_path(experiment) == "/home/ada/shop/orders.json"
    assert workspace.get_experiment_id(experiment) == "experiment-orders"
    assert workspace.get_experiment_source(experiment) is None
    assert workspace.get_experiment_path({}) is None

    set_extension_value(experiment, "source", "https://shop.example.com/orders.json")

    assert workspace.get_experiment_source(experiment) == "https://shop.example.com/orders.json"


def test_asking_leaves_the_experiment_alone(organizations: Organizations) -> None:
    """No block is added to an experiment that has none."""
    experiment: Experiment = {"title": "Orders survive the loss of a broker"}

    workspace.register_experiment_to_workspace(experiment, organizations, "orders.json")

    assert get_extension(experiment) is None
    assert experiment == {"title": "Orders survive the loss of a broker"}


# Writing


def test_saving_needs_a_file() -> None:
    """Nobody said where."""
    with pytest.raises(WorkspaceException, match="No workspace file to save to"):
        workspace.save_workspace()


def test_saving_elsewhere_does_not_use_that_file(file: Path, tmp_path: Path) -> None:
    """The file in use is not touched."""
    workspace.set_workspace_data(LINKED)

    workspace.save_workspace(tmp_path / "copy.yaml")

    assert yaml.safe_load((tmp_path / "copy.yaml").read_text()) == LINKED
    assert not file.exists()


@pytest.mark.parametrize("mode", [0o600, 0o664])
def test_the_permissions_stay(file: Path, mode: int) -> None:
    """The team shares the file as it decided."""
    file.touch()
    file.chmod(mode)

    workspace.save_workspace()

    assert stat.S_IMODE(file.stat().st_mode) == mode


def test_a_disk_that_is_full_leaves_the_old_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the file and a way on."""
    file.write_text("# the old one\n")
    workspace.set_workspace_data(LINKED)
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(full))

    with pytest.raises(WorkspaceException, match=r"No space left.*chaos disable workspace"):
        workspace.save_workspace()

    assert file.read_text() == "# the old one\n"
    assert os.listdir(file.parent) == [file.name]


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    """An experiment may remove its own folder; that is no reason for a traceback."""
    workspace.set_workspace_path(tmp_path / "gone" / ".chaosiq")

    with pytest.raises(WorkspaceException, match=r"gone/\.chaosiq cannot be written: No such file"):
        workspace.save_workspace()
