"""What every command does with a settings file that is damaged or cannot be written."""

from pathlib import Path

import pytest
from click import Command

from chaoscloud import cli
from chaoscloud.types import Settings
from tests.plugin.commanding import chaos, signed_in

EVERY_COMMAND = [
    (cli.signin, []),
    (cli.signin, ["--status"]),
    (cli.org, []),
    (cli.team, []),
    (cli.publish, ["journal.json"]),
    (cli.enable, ["publish"]),
    (cli.disable, ["publish"]),
    (cli.verify, ["verification.json"]),
]


@pytest.mark.parametrize(("command", "args"), EVERY_COMMAND)
@pytest.mark.parametrize("damaged", ["auths:\n  a: [1\n", "- just\n- a list\n"])
def test_a_damaged_file_is_one_clear_line_and_stays_as_it_is(
    settings_path: Path, command: Command, args: list[str], damaged: str
) -> None:
    """The user repairs it; nobody writes over it."""
    settings_path.parent.mkdir(parents=True)
    settings_path.write_text(damaged)

    done = chaos(command, settings_path, *args)

    assert done.exit_code == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert f"{settings_path}, line " in done.stderr
    assert settings_path.read_text() == damaged


def test_a_file_that_cannot_be_written_is_one_clear_line(
    settings_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk leaves the old file."""
    before = signed_in(settings_path, settings).read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)

    done = chaos(cli.disable, settings_path, "publish")

    assert done.exit_code == 1
    assert "No space left on device" in done.stderr
    assert settings_path.read_bytes() == before
