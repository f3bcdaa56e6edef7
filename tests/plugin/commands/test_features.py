"""`chaos enable` and `chaos disable`."""

import stat
from pathlib import Path

import pytest
from click import Command

from chaoscloud.cli import _FEATURES, disable, enable
from chaoscloud.settings import (
    FEATURES,
    get_chosen_guard_mode,
    get_guard_mode,
    is_required_by_organization,
    remember_requirement,
)
from chaoscloud.types import GuardMode, Settings
from tests.plugin.commanding import chaos, kept, signed_in


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize(("command", "state"), [(enable, "on"), (disable, "off")])
def test_a_feature_is_written_as_on_or_off(
    settings_path: Path, settings: Settings, command: Command, state: str, feature: str
) -> None:
    """And nothing else in the file changes."""
    signed_in(settings_path, settings)

    done = chaos(command, settings_path, feature)

    settings["controls"]["chaosiq-cloud"]["features"][feature] = state
    assert done.exit_code == 0
    assert f"'{feature}' is now {state}" in done.stdout
    assert kept(settings_path) == settings


@pytest.mark.parametrize(("command", "state"), [(enable, "on"), (disable, "off")])
def test_a_choice_made_before_any_sign_in_is_kept(
    settings_path: Path, command: Command, state: str
) -> None:
    """The file said `null` once."""
    done = chaos(command, settings_path, "safeguards")

    assert done.exit_code == 0
    assert kept(settings_path) == {
        "controls": {"chaosiq-cloud": {"features": {"safeguards": state}}}
    }
    assert stat.S_IMODE(settings_path.stat().st_mode) == 0o600


def test_the_controls_of_others_are_kept_before_any_sign_in(settings_path: Path) -> None:
    """The block beside theirs is ours."""
    slack = {"provider": {"type": "python", "module": "chaosslack.control"}}
    signed_in(settings_path, {"controls": {"slack": slack}})

    chaos(enable, settings_path, "publish")

    assert kept(settings_path)["controls"]["slack"] == slack


@pytest.mark.parametrize("command", [enable, disable], ids=["enable", "disable"])
def test_an_unknown_feature_leaves_the_settings_alone(
    settings_path: Path, settings: Settings, command: Command
) -> None:
    """The features there are stand in the error."""
    before = signed_in(settings_path, settings).read_bytes()

    done = chaos(command, settings_path, "telepathy")

    assert done.exit_code == 2
    assert all(feature in done.stderr for feature in FEATURES)
    assert settings_path.read_bytes() == before


def test_disabling_publish_says_what_it_takes_along(
    settings_path: Path, settings: Settings
) -> None:
    """Who only wants silence learns that nothing guards the runs either."""
    signed_in(settings_path, settings)

    done = chaos(disable, settings_path, "publish")

    assert "safeguards included" in done.stdout


def test_the_commands_know_the_features_of_the_settings() -> None:
    """They are spelled out there, so that no settings are loaded for `chaos --help`."""
    assert _FEATURES == FEATURES


def test_safeguards_can_be_required_and_no_longer(settings_path: Path, settings: Settings) -> None:
    """The feature stays `on`, as earlier versions read it; the mode stands beside it."""
    signed_in(settings_path, settings)

    required = chaos(enable, settings_path, "safeguards", "--required")
    mode = get_guard_mode(kept(settings_path))
    chaos(enable, settings_path, "safeguards")

    assert "required" in required.stdout
    assert mode == GuardMode.REQUIRED
    assert get_guard_mode(kept(settings_path)) == GuardMode.ON
    assert kept(settings_path)["controls"]["chaosiq-cloud"]["features"]["safeguards"] == "on"


def test_what_the_organization_requires_cannot_be_disabled(
    settings_path: Path, settings: Settings
) -> None:
    """The choice is written, and does not count until the organization gives it free."""
    remember_requirement(settings, "org-acme", required=True)
    signed_in(settings_path, settings)

    done = chaos(disable, settings_path, "safeguards")

    assert "your organization requires safeguards" in done.stdout
    assert get_chosen_guard_mode(kept(settings_path)) == GuardMode.OFF
    assert get_guard_mode(kept(settings_path)) == GuardMode.REQUIRED


def test_only_safeguards_can_be_required(settings_path: Path, settings: Settings) -> None:
    """The others are on or off."""
    before = signed_in(settings_path, settings).read_bytes()

    done = chaos(enable, settings_path, "publish", "--required")

    assert done.exit_code == 2
    assert settings_path.read_bytes() == before


def test_a_requirement_holds_for_its_organization_only(settings: Settings) -> None:
    """Another organization's runs are as their user chose; what is known is told once."""
    first = remember_requirement(settings, "org-globex", required=True)
    again = remember_requirement(settings, "org-globex", required=True)
    elsewhere = is_required_by_organization(settings)
    remember_requirement(settings, "org-acme", required=True)
    here = is_required_by_organization(settings)
    remember_requirement(settings, "org-acme", required=False)

    assert (first, again) == (True, False)
    assert (elsewhere, here) == (False, True)
    assert not is_required_by_organization(settings)
