"""The file the settings are kept in."""

import errno
import logging
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chaoslib.settings import load_settings

from chaoscloud.exceptions import SettingsException
from chaoscloud.settings import (
    load,
    save,
)
from chaoscloud.types import Settings


@pytest.fixture
def umask() -> Iterator[Callable[[int], None]]:
    """Set the umask for one test."""
    before = os.umask(0o022)
    yield lambda mask: (os.umask(mask), None)[1]
    os.umask(before)


def noting(steps: list[str], name: str, does: Callable[..., Any]) -> Callable[..., Any]:
    """A function that writes down that it was called."""

    def noted(*arguments: Any) -> Any:
        steps.append(name)
        return does(*arguments)

    return noted


def mode_of(path: Path) -> int:
    """The permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_a_missing_file_says_nothing(settings_path: Path) -> None:
    """And asking for it makes neither the file nor its folder."""
    assert load(settings_path) == {}

    assert not settings_path.parent.exists()


@pytest.mark.parametrize("content", ["", "\n", "# to be filled in\n", "---\n", "null\n"])
def test_an_empty_file_says_nothing(settings_path: Path, content: str) -> None:
    """An editor may leave one behind."""
    settings_path.parent.mkdir(parents=True)
    settings_path.write_text(content)

    assert load(settings_path) == {}


def test_the_host_reads_what_we_write(settings: Settings, settings_path: Path) -> None:
    """`chaos run` is who uses it."""
    save(settings, settings_path)

    assert load_settings(str(settings_path)) == settings
    assert load(settings_path) == settings


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o777])
def test_the_file_is_for_its_owner_only(
    settings: Settings, settings_path: Path, umask: Callable[[int], None], mask: int
) -> None:
    """A token is inside, whatever the umask says; so is the folder that is made for it."""
    settings_path.parent.parent.mkdir()
    umask(mask)

    save(settings, settings_path)

    assert mode_of(settings_path) == 0o600
    assert mode_of(settings_path.parent) == 0o700


def test_a_file_everybody_could_read_is_closed(settings: Settings, settings_path: Path) -> None:
    """Its folder is the host's, and stays as it is."""
    settings_path.parent.mkdir(parents=True, mode=0o755)
    settings_path.write_text("{}")
    settings_path.chmod(0o644)

    save(settings, settings_path)

    assert mode_of(settings_path) == 0o600
    assert mode_of(settings_path.parent) == 0o755


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.chmod", "pathlib.Path.replace"])
def test_a_write_that_fails_midway_leaves_the_old_file(
    settings: Settings, settings_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """A full disk costs the change, not the settings, and leaves no rubbish."""
    save({"theme": "dark"}, settings_path)
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(step, lambda *_: (_ for _ in ()).throw(full))

    with pytest.raises(SettingsException, match=r"settings\.yaml.*No space left on device"):
        save(settings, settings_path)

    monkeypatch.undo()
    assert load(settings_path) == {"theme": "dark"}
    assert os.listdir(settings_path.parent) == ["settings.yaml"]


def test_the_disk_has_the_content_before_the_name_changes(
    settings: Settings, settings_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a power cut would leave an empty file under the name."""
    steps: list[str] = []
    for owner, name in ((os, "fsync"), (Path, "replace")):
        monkeypatch.setattr(owner, name, noting(steps, name, getattr(owner, name)))

    save(settings, settings_path)

    assert steps[:2] == ["fsync", "replace"]


def test_the_file_behind_a_link_is_written(settings: Settings, tmp_path: Path) -> None:
    """People link their settings from a folder they keep in version control."""
    target = tmp_path / "dotfiles" / "chaos.yaml"
    target.parent.mkdir()
    target.write_text("theme: dark\n")
    link = tmp_path / "settings.yaml"
    link.symlink_to(target)

    save(settings, link)

    assert link.is_symlink()
    assert load(target) == settings


def test_a_folder_that_cannot_be_made_is_named(settings: Settings, tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "home").write_text("not a folder")

    with pytest.raises(SettingsException, match=r"settings\.yaml cannot be written: .*directory"):
        save(settings, tmp_path / "home" / "settings.yaml")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"theme: dark\ncontrols: {\n", r"settings\.yaml, line 3 cannot be read: "),
        (b"theme: dark\n\tauths: x\n", r"settings\.yaml, line 2 cannot be read: "),
        (b"- theme\n- dark\n", r"settings\.yaml, line 1: the settings must be a mapping"),
        (b"theme\n", r"settings\.yaml, line 1: the settings must be a mapping"),
        (b"theme: \xff\xfe\n", r"settings\.yaml cannot be read: .*utf-8"),
        (b"since: 2026-13-45\n", r"settings\.yaml cannot be read: month must be"),
        (b"theme: !!python/name:os.system\n", r"settings\.yaml, line 1 cannot be read: "),
        (b"a: " + b"[" * 600, r"settings\.yaml.* cannot be read: "),
        (b"theme: \x00\n", r"settings\.yaml.* cannot be read: "),
    ],
    ids=["unfinished", "tab", "list", "word", "encoding", "date", "object", "depth", "nul"],
)
def test_a_damaged_file_is_named_and_left_as_it_is(
    settings_path: Path, content: bytes, complaint: str
) -> None:
    """The user repairs it; we would lose what others keep in it."""
    settings_path.parent.mkdir(parents=True)
    settings_path.write_bytes(content)

    with pytest.raises(SettingsException, match=complaint) as caught:
        load(settings_path)

    assert settings_path.read_bytes() == content
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("controls: [1]", "controls"),
        ("controls: {chaosiq-cloud: hello}", "chaosiq-cloud"),
        ("auths: none", "auths"),
    ],
)
def test_a_part_of_ours_that_is_no_mapping_is_named_and_left_as_it_is(
    content: str, part: str, settings_path: Path
) -> None:
    """What we would have to overwrite is somebody's to repair."""
    settings_path.parent.mkdir(parents=True)
    settings_path.write_text(content)

    with pytest.raises(SettingsException, match=f"`{part}` must be a mapping"):
        load(settings_path)

    assert settings_path.read_text() == content


def test_a_file_that_is_a_folder_is_named(tmp_path: Path) -> None:
    """`--settings` was given a folder."""
    with pytest.raises(SettingsException, match=r"cannot be read: Is a directory"):
        load(tmp_path)


def test_a_token_others_can_read_is_told_once(
    settings: Settings, settings_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One line for each file in a process, in the host's log, without the token."""
    save(settings, settings_path)
    settings_path.chmod(0o640)

    with caplog.at_level(logging.WARNING, logger="chaostoolkit"):
        load(settings_path)
        load(settings_path)

    assert [record.getMessage() for record in caplog.records] == [
        f"{settings_path} holds a token that others can read: run `chmod 600 {settings_path}`"
    ]


@pytest.mark.parametrize(("mode", "content"), [(0o600, None), (0o644, {"theme": "dark"})])
def test_no_warning_without_a_reason(
    settings: Settings,
    settings_path: Path,
    caplog: pytest.LogCaptureFixture,
    mode: int,
    content: Settings | None,
) -> None:
    """A closed file, or one without a token, is nobody's worry."""
    save(content or settings, settings_path)
    settings_path.chmod(mode)

    load(settings_path)

    assert caplog.records == []
