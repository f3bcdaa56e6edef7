"""What the settings say about us."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import yaml

from chaoscloud import settings as module
from chaoscloud.settings import (
    FEATURES,
    get_auth_token,
    get_auth_type,
    get_control,
    get_default_org,
    get_default_team,
    get_endpoint_url,
    get_orgs,
    get_teams,
    get_verify_tls,
    has_chaosiq_extension_configured,
    is_feature_enabled,
    read_profile,
    verify_tls_certs,
)
from chaoscloud.tenancy import Tenancy
from chaoscloud.types import Settings
from tests.plugin.conftest import CONSOLE, TOKEN

READERS: list[Callable[[Any], Any]] = [
    read_profile,
    has_chaosiq_extension_configured,
    get_control,
    get_endpoint_url,
    get_verify_tls,
    verify_tls_certs,
    get_orgs,
    get_default_org,
    lambda settings: get_auth_token(settings, CONSOLE),
    lambda settings: get_auth_type(settings, CONSOLE),
    lambda settings: [is_feature_enabled(settings, feature) for feature in FEATURES],
]

NOTHING_OF_OURS: list[Any] = [
    None,
    {},
    {"auths": None, "controls": None},
    {"auths": [], "controls": "none"},
    {"controls": {"chaosiq-cloud": None}},
    {"controls": {"chaosiq-cloud": {"features": None, "provider": None}}},
    {"controls": {"chaosiq-cloud": {"features": ["publish"], "provider": {"arguments": []}}}},
    {"auths": {"console.example.com:8443": None}},
]


def arguments_of(settings: Settings) -> dict[str, Any]:
    """What the host hands to every function of our control."""
    arguments: dict[str, Any] = settings["controls"]["chaosiq-cloud"]["provider"]["arguments"]
    return arguments


def test_a_profile_settles_what_the_settings_say(settings: Settings) -> None:
    """Everything a command or a run asks is answered once."""
    profile = read_profile(settings, environ={})

    assert profile.url == CONSOLE
    assert (profile.token, profile.token_source, profile.token_type) == (
        TOKEN,
        "settings",
        "Bearer",
    )
    assert profile.verify_tls is True
    assert profile.tenancy == Tenancy("org-acme", "Acme", "team-checkout", "Checkout")
    assert profile.features == {"publish": True, "safeguards": False, "workspace": True}
    assert profile.configured is True


def test_a_profile_before_any_sign_in_has_defaults() -> None:
    """The first sign-in starts from these."""
    profile = read_profile(None, environ={})

    assert profile.url == ""  # no console is guessed: it would be sent a token
    assert (profile.token, profile.token_source, profile.tenancy) == (None, None, None)
    assert profile.verify_tls is True
    assert set(profile.features.values()) == {True}
    assert profile.configured is False


def test_the_environment_wins(settings: Settings) -> None:
    """A pipeline brings its own console and token."""
    environ = {"CHAOSIQ_URL": "https://ci.example.com", "CHAOSIQ_TOKEN": " ci-token\n"}

    profile = read_profile(settings, environ)

    assert profile.url == "https://ci.example.com"
    assert (profile.token, profile.token_source) == ("ci-token", "environment")


def test_the_environment_of_the_process_is_used(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has to pass it."""
    monkeypatch.setenv("CHAOSIQ_TOKEN", "ci-token")

    assert read_profile(settings).token == "ci-token"


def test_an_empty_environment_variable_says_nothing(settings: Settings) -> None:
    """Pipelines set variables they have no value for."""
    profile = read_profile(settings, {"CHAOSIQ_URL": "", "CHAOSIQ_TOKEN": " "})

    assert (profile.url, profile.token, profile.token_source) == (CONSOLE, TOKEN, "settings")


def test_a_stored_token_is_not_for_another_console(settings: Settings) -> None:
    """A token goes to the host it was made for, and to no other."""
    profile = read_profile(settings, {"CHAOSIQ_URL": "https://elsewhere.example.com"})

    assert (profile.token, profile.token_source) == (None, None)


def test_an_unchecked_certificate_is_for_one_console_only(settings: Settings) -> None:
    """The check was given up for the host of the settings; another host is checked."""
    arguments_of(settings)["verify_tls"] = False

    known = read_profile(settings, {"CHAOSIQ_URL": f"{CONSOLE}/"})
    other = read_profile(settings, {"CHAOSIQ_URL": "https://elsewhere.example.com"})

    assert known.verify_tls is False
    assert other.verify_tls is True


def test_a_profile_does_not_print_its_token(settings: Settings) -> None:
    """Profiles end up in tracebacks and debug logs."""
    assert TOKEN not in repr(read_profile(settings, {}))
    assert "secret" not in repr(read_profile(settings, {"CHAOSIQ_TOKEN": "secret"}))


@pytest.mark.parametrize("reader", READERS)
def test_reading_changes_nothing(reader: Callable[[Any], Any], settings: Settings) -> None:
    """The settings are the host's; asking whether a feature is on must not edit them."""
    before = deepcopy(settings)

    reader(settings)

    assert settings == before


@pytest.mark.parametrize("damaged", NOTHING_OF_OURS, ids=repr)
@pytest.mark.parametrize("reader", READERS)
def test_reading_survives_settings_without_us(reader: Callable[[Any], Any], damaged: Any) -> None:
    """People edit this file by hand, and a run must not stumble over it."""
    before = deepcopy(damaged)

    reader(damaged)

    assert damaged == before


@pytest.mark.parametrize("damaged", NOTHING_OF_OURS, ids=repr)
def test_settings_without_us_mean_the_defaults(damaged: Any) -> None:
    """Nothing said is: not signed in, certificates checked, every feature on."""
    assert has_chaosiq_extension_configured(damaged) is False
    assert get_verify_tls(damaged) is True
    assert get_auth_token(damaged, CONSOLE) is None
    assert get_auth_type(damaged, CONSOLE) == "Bearer"
    assert get_orgs(damaged) == []
    assert all(is_feature_enabled(damaged, feature) for feature in FEATURES)


@pytest.mark.parametrize(
    ("text", "checked"),
    [(False, False), (True, True), (None, True), ("false", True), (0, True), ("", True)],
)
def test_only_a_plain_false_gives_up_the_certificate_check(
    settings: Settings, text: Any, checked: bool
) -> None:
    """Whatever is unclear is checked."""
    arguments_of(settings)["verify_tls"] = text

    assert get_verify_tls(settings) is checked
    assert verify_tls_certs(settings) is checked


def test_a_missing_verify_tls_is_checked(settings: Settings) -> None:
    """Settings of old versions do not say it."""
    del arguments_of(settings)["verify_tls"]

    assert get_verify_tls(settings) is True


@pytest.mark.parametrize(
    ("written", "enabled"),
    [("'on'", True), ("'off'", False), ("on", True), ("off", False), ("'OFF'", False), ("", True)],
)
def test_a_feature_is_read_with_and_without_quotes(
    settings: Settings, written: str, enabled: bool
) -> None:
    """YAML takes an unquoted `off` for false."""
    get_control(settings)["features"] = yaml.safe_load(f"publish: {written}")  # type: ignore[index]

    assert is_feature_enabled(settings, "publish") is enabled


def test_a_feature_nobody_knows_is_never_enabled(settings: Settings) -> None:
    """A typing error must not look like a yes."""
    assert is_feature_enabled(settings, "publishing") is False


def test_a_missing_features_block_means_on(settings: Settings) -> None:
    """Settings of old versions have none."""
    del settings["controls"]["chaosiq-cloud"]["features"]

    assert all(is_feature_enabled(settings, feature) for feature in FEATURES)


def test_a_token_is_found_by_the_host_of_any_address(settings: Settings) -> None:
    """Path, user info and capitals do not matter; the port does."""
    assert get_auth_token(settings, f"{CONSOLE}/api/v1/organizations") == TOKEN
    assert get_auth_token(settings, "https://ada@Console.Example.com:8443") == TOKEN
    assert get_auth_token(settings, "https://console.example.com") is None
    assert get_auth_token(settings, "https://[half-an-address") is None


def test_a_stored_host_with_capitals_is_found(settings: Settings) -> None:
    """Somebody typed it that way."""
    settings["auths"] = {"Console.Example.com:8443": {"value": TOKEN}}

    assert get_auth_token(settings, CONSOLE) == TOKEN


def test_the_type_of_a_token_is_capitalised(settings: Settings) -> None:
    """It goes before the token in the `Authorization` header."""
    assert get_auth_type(settings, "https://registry.example.com") == "Basic"


def test_the_url_is_given_as_it_stands(settings: Settings) -> None:
    """A trailing slash included; a profile, which paths are joined to, has none."""
    arguments_of(settings)["url"] = f"{CONSOLE}/"

    assert get_endpoint_url(settings) == f"{CONSOLE}/"
    assert read_profile(settings, {}).url == CONSOLE
    assert get_endpoint_url({}) == "https://console.chaosiq.io"
    assert get_endpoint_url({}, "https://console.acme.example") == "https://console.acme.example"


def test_organizations_and_teams_are_those_of_the_settings(settings: Settings) -> None:
    """Whoever changes them changes the settings."""
    acme = get_default_org(settings)

    assert acme is get_orgs(settings)[0]
    assert get_teams(acme) is get_orgs(settings)[0]["teams"]
    assert get_default_team(acme) is get_teams(acme)[1]
    assert get_teams(None) == []


def test_every_exported_name_exists() -> None:
    """A name in `__all__` that is not there breaks whoever imports everything."""
    assert set(module.__all__) <= set(vars(module))
