"""Signing in and switching features: what changes in the settings, and what stays."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from chaoscloud.settings import (
    FEATURES,
    disable_feature,
    enable_feature,
    get_auth_token,
    get_default_team,
    get_orgs,
    get_verify_tls,
    has_chaosiq_extension_configured,
    is_feature_enabled,
    load,
    read_profile,
    save,
    set_auth,
    set_default_org,
    set_default_team,
    set_settings,
)
from chaoscloud.types import Organization, Settings, Team
from tests.plugin.conftest import CONSOLE, TOKEN

INITECH: Organization = {"id": "org-initech", "name": "Initech"}
TPS: Team = {"id": "team-tps", "name": "TPS"}


def arguments_of(settings: Settings) -> dict[str, Any]:
    """What the host hands to every function of our control."""
    arguments: dict[str, Any] = settings["controls"]["chaosiq-cloud"]["provider"]["arguments"]
    return arguments


def test_the_first_sign_in_writes_what_the_host_needs() -> None:
    """The host loads our control from this, and hands it the arguments."""
    settings: Settings = {}

    set_settings(CONSOLE, TOKEN, True, INITECH, TPS, settings)

    assert settings == {
        "auths": {"console.example.com:8443": {"type": "bearer", "value": TOKEN}},
        "controls": {
            "chaosiq-cloud": {
                "features": {"publish": "on", "safeguards": "on", "workspace": "on"},
                "provider": {
                    "type": "python",
                    "module": "chaoscloud.controls",
                    "arguments": {
                        "url": CONSOLE,
                        "verify_tls": True,
                        "organizations": [
                            {
                                "id": "org-initech",
                                "name": "Initech",
                                "default": True,
                                "teams": [{"id": "team-tps", "name": "TPS", "default": True}],
                            }
                        ],
                    },
                },
            }
        },
    }


def test_signing_in_again_keeps_the_features(settings: Settings) -> None:
    """Who switched safeguards off did not ask for them to come back."""
    set_settings(CONSOLE, "a-new-token", False, INITECH, TPS, settings)

    assert settings["controls"]["chaosiq-cloud"]["features"] == {
        "publish": "on",
        "safeguards": "off",
        "workspace": "on",
    }
    assert get_auth_token(settings, CONSOLE) == "a-new-token"
    assert get_verify_tls(settings) is False


def test_signing_in_again_keeps_the_other_organizations(settings: Settings) -> None:
    """They stay in the list, with their teams, and are no longer the default."""
    set_settings(CONSOLE, TOKEN, True, INITECH, TPS, settings)

    assert [(org["name"], org["default"]) for org in get_orgs(settings)] == [
        ("Acme", False),
        ("Globex", False),
        ("Initech", True),
    ]
    assert get_default_team(get_orgs(settings)[0]) is not None


def test_choosing_a_known_organization_again_keeps_its_teams(settings: Settings) -> None:
    """The team chosen now is the only default; a new name of the organization is taken over."""
    acme: Organization = {"id": "org-acme", "name": "Acme Inc."}

    set_settings(CONSOLE, TOKEN, True, acme, TPS, settings)

    chosen = get_orgs(settings)[0]
    assert chosen["name"] == "Acme Inc."
    assert [(team["name"], team["default"]) for team in chosen["teams"]] == [
        ("Payments", False),
        ("Checkout", False),
        ("TPS", True),
    ]


def test_a_token_of_the_environment_is_not_stored(settings: Settings) -> None:
    """Without a token to keep, those that are kept stay."""
    auths = deepcopy(settings["auths"])

    set_settings(CONSOLE, None, True, INITECH, TPS, settings)

    assert settings["auths"] == auths


def test_a_chosen_organization_is_copied(settings: Settings) -> None:
    """What the console sent is somebody else's object."""
    set_default_org(settings, INITECH)
    set_default_team(get_orgs(settings)[2], TPS)

    assert INITECH == {"id": "org-initech", "name": "Initech"}
    assert TPS == {"id": "team-tps", "name": "TPS"}


def test_damaged_entries_are_dropped_on_the_way(settings: Settings) -> None:
    """What is no organization cannot be chosen, and the host would hand it to us for ever."""
    arguments_of(settings)["organizations"].insert(0, "Acme")

    set_default_org(settings, INITECH)

    assert [org["id"] for org in get_orgs(settings)] == ["org-acme", "org-globex", "org-initech"]


def test_signing_in_repairs_damaged_blocks() -> None:
    """What cannot hold our values gives way to what can."""
    settings: Settings = {"auths": None, "controls": {"chaosiq-cloud": "on"}}

    set_settings(CONSOLE, TOKEN, True, INITECH, TPS, settings)

    assert read_profile(settings, {}).configured


def test_a_new_token_keeps_what_others_stored() -> None:
    """Other hosts' tokens, and what else stands beside ours."""
    settings: Settings = {
        "auths": {"registry.example.com": {"value": "x"}, "console.example.com:8443": {"note": "n"}}
    }

    set_auth(settings, CONSOLE, TOKEN)

    assert settings["auths"] == {
        "registry.example.com": {"value": "x"},
        "console.example.com:8443": {"note": "n", "type": "bearer", "value": TOKEN},
    }


@pytest.mark.parametrize("feature", FEATURES)
def test_a_feature_is_switched_both_ways(settings: Settings, feature: str) -> None:
    """The file says 'on' and 'off'."""
    assert disable_feature(settings, feature) is True
    disabled = settings["controls"]["chaosiq-cloud"]["features"][feature]
    assert enable_feature(settings, feature) is True

    assert disabled == "off"
    assert settings["controls"]["chaosiq-cloud"]["features"][feature] == "on"


@pytest.mark.parametrize("switch", [enable_feature, disable_feature])
def test_an_unknown_feature_changes_nothing(
    settings: Settings, switch: Callable[[Settings, str], bool]
) -> None:
    """And the caller is told."""
    before = deepcopy(settings)

    assert switch(settings, "publishing") is False

    assert settings == before


@pytest.mark.parametrize("written", [{}, {"controls": None}, {"controls": {"chaosiq-cloud": None}}])
def test_a_feature_switched_before_a_sign_in_is_kept_by_it(written: Any) -> None:
    """No `null` is written, nobody counts as signed in by it, and the choice survives."""
    settings: Settings = deepcopy(written)

    disable_feature(settings, "workspace")
    signed_in = has_chaosiq_extension_configured(settings)
    set_settings(CONSOLE, TOKEN, True, INITECH, TPS, settings)

    assert signed_in is False
    assert is_feature_enabled(settings, "workspace") is False
    assert is_feature_enabled(settings, "publish") is True


def test_no_settings_cannot_be_switched() -> None:
    """The host hands None when it found no file."""
    assert enable_feature(None, "publish") is False


KEPT = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@effort(deadline=None, max_examples=50)
@given(others=st.dictionaries(st.text(), KEPT), controls=st.dictionaries(st.text(), KEPT))
def test_whatever_others_keep_survives_a_sign_in(
    tmp_path_factory: pytest.TempPathFactory, others: Settings, controls: dict[str, Any]
) -> None:
    """Their keys, their values and the order of both come back from the file."""
    path = tmp_path_factory.mktemp("settings") / "settings.yaml"
    theirs = {**others, "controls": controls}
    for document, ours in ((theirs, "auths"), (controls, "chaosiq-cloud")):
        document.pop(ours, None)
    settings = deepcopy(theirs)

    set_settings(CONSOLE, TOKEN, True, INITECH, TPS, settings)
    save(settings, path)

    read = load(path)
    read.pop("auths")
    read["controls"].pop("chaosiq-cloud")
    assert read == theirs
    assert list(read) == list(theirs)
    assert list(read["controls"]) == list(controls)
