"""The `chaosiq-cloud` control in the settings: the only place that reads and edits it.

Functions take the settings as the host hands them: a dictionary, None before any sign-in. Reading
never changes them; `set_…`, `enable_feature` and `disable_feature` change them in place; only
`save` writes the file. Everything else in it belongs to others and is kept as it is.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from chaoscloud import tenancy
from chaoscloud._address import console_address
from chaoscloud._settings_file import CONTROL_NAME, load, save
from chaoscloud.exceptions import SettingsException
from chaoscloud.tenancy import Tenancy, get_default_team, tenancy_of
from chaoscloud.types import GuardMode, Organization, Organizations, Settings, Team

__all__ = [
    "CONTROL_NAME",
    "DEFAULT_URL",
    "FEATURES",
    "Profile",
    "disable_feature",
    "enable_feature",
    "ensure_usable_environment",
    "ensure_usable_url",
    "get_auth_token",
    "get_auth_type",
    "get_chosen_guard_mode",
    "get_control",
    "get_default_org",
    "get_default_team",
    "get_endpoint_url",
    "get_guard_mode",
    "get_orgs",
    "get_teams",
    "get_verify_tls",
    "has_chaosiq_extension_configured",
    "is_feature_enabled",
    "is_required_by_organization",
    "load",
    "read_profile",
    "remember_requirement",
    "require_safeguards",
    "save",
    "set_auth",
    "set_default_org",
    "set_default_team",
    "set_settings",
    "token_remedy",
    "verify_tls_certs",
]

DEFAULT_URL = "https://console.chaosiq.io"
FEATURES = ("publish", "safeguards", "workspace")


@dataclass(frozen=True)
class Profile:
    """What the settings and the environment say about us, settled once.

    `url` is empty where no console is known. `token_source` says where the token came from.
    `features` has a value for each of `FEATURES`. `configured` means that somebody signed in, so
    that the host calls our control.
    """

    url: str
    token: str | None = field(repr=False)
    token_source: Literal["environment", "settings"] | None
    verify_tls: bool
    tenancy: Tenancy | None
    features: Mapping[str, bool]
    configured: bool
    token_type: str = "Bearer"  # noqa: S105 - the scheme, not a token


def read_profile(settings: Settings | None, environ: Mapping[str, str] | None = None) -> Profile:
    """Settle the settings and the environment (`os.environ` unless given) into a profile.

    `CHAOSIQ_URL` and `CHAOSIQ_TOKEN` win over the settings; the certificate check can only have
    been given up for the very host the settings name.
    """
    environ = os.environ if environ is None else environ
    known_url = get_endpoint_url(settings, default="").rstrip("/")
    url = _url_in(environ) or known_url
    environment_token = environ.get("CHAOSIQ_TOKEN", "").strip() or None
    stored_token = get_auth_token(settings, url)
    return Profile(
        url=url,
        token=environment_token or stored_token,
        token_source=("environment" if environment_token else "settings" if stored_token else None),
        verify_tls=get_verify_tls(settings) or _host(url) != _host(known_url),
        tenancy=tenancy_of(get_orgs(settings)),
        features=MappingProxyType({name: is_feature_enabled(settings, name) for name in FEATURES}),
        configured=has_chaosiq_extension_configured(settings),
        token_type="Bearer" if environment_token else get_auth_type(settings, url),
    )


def token_remedy(environ: Mapping[str, str] | None = None) -> str:
    """What to do about a token that the console refuses, as a phrase: it depends on its source."""
    if (os.environ if environ is None else environ).get("CHAOSIQ_TOKEN", "").strip():
        return "put a valid one into CHAOSIQ_TOKEN"
    return "sign in again with `chaos signin`"


def ensure_usable_url(url: str, origin: str) -> None:
    """Raise `SettingsException` where no console can be at `url`; `origin` is where it stands."""
    try:
        console_address(url)
    except ValueError as x:
        quoted = f" '{url}'" if "@" not in url else ""  # it may hold a password
        raise SettingsException(f"{origin}{quoted} cannot be used. {x}") from None


def ensure_usable_environment(environ: Mapping[str, str] | None = None) -> None:
    """Raise `SettingsException` where `CHAOSIQ_URL` is set and is no url."""
    url = (os.environ if environ is None else environ).get("CHAOSIQ_URL", "").strip()
    if url:
        ensure_usable_url(url, "CHAOSIQ_URL")


def set_settings(
    url: str,
    token: str | None,
    verify_tls: bool,
    default_org: Organization,
    default_team: Team,
    settings: Settings,
) -> None:
    """Sign in: keep url, token and choice of team; features and other organizations stay.

    A token of None (it comes from the environment) leaves the stored ones alone.
    """
    if token:
        set_auth(settings, url, token)
    control = _ensure_control(settings)
    control.setdefault("features", dict.fromkeys(FEATURES, "on"))
    provider = _ensure_mapping(control, "provider")
    provider.update(type="python", module="chaoscloud.controls")
    _ensure_mapping(provider, "arguments").update(url=url, verify_tls=verify_tls)
    set_default_org(settings, default_org)
    organization = tenancy.get_default_org(get_orgs(settings))
    if organization is not None:
        set_default_team(organization, default_team)


def has_chaosiq_extension_configured(settings: Settings | None) -> bool:
    """Whether somebody signed in with these settings, so that the host finds our control."""
    return bool(_arguments(settings).get("url"))


def get_control(settings: Settings | None) -> dict[str, Any] | None:
    """Our control's block, the one of the settings and not a copy, or None."""
    control = _part(settings, "controls").get(CONTROL_NAME)
    return control if isinstance(control, dict) else None


def get_endpoint_url(settings: Settings | None, default: str = DEFAULT_URL) -> str:
    """The console's url as it stands in the settings, else `default`."""
    url = _arguments(settings).get("url")
    return url if isinstance(url, str) and url else default


def get_verify_tls(settings: Settings | None) -> bool:
    """Whether the console's certificate is checked: yes, unless the settings say `false`."""
    return _arguments(settings).get("verify_tls") is not False


def verify_tls_certs(settings: Settings | None) -> bool:
    """The same as `get_verify_tls`, by its older name."""
    return get_verify_tls(settings)


def get_auth_token(settings: Settings | None, url: str) -> str | None:
    """The token stored for the host of `url`, or None."""
    token = _auth(settings, url).get("value")
    return token if isinstance(token, str) and token else None


def get_auth_type(settings: Settings | None, url: str) -> str:
    """The word that goes before the token in the `Authorization` header: `Bearer` if not said."""
    return str(_auth(settings, url).get("type") or "bearer").capitalize()


def set_auth(settings: Settings, url: str, token: str) -> None:
    """Store the token for the host of `url`."""
    _ensure_mapping(_ensure_mapping(settings, "auths"), _host(url)).update(
        type="bearer", value=token
    )


def is_feature_enabled(settings: Settings | None, feature: str) -> bool:
    """Whether a feature is on, as it is when nothing is said; an unknown one never is."""
    # YAML reads an unquoted `off` as false
    state = _part(get_control(settings), "features").get(feature)
    return feature in FEATURES and state is not False and str(state).lower() != "off"


def enable_feature(settings: Settings | None, feature: str) -> bool:
    """Switch a feature on, before a sign-in too; an unknown one changes nothing, returns False."""
    return _switch(settings, feature, "on")


def disable_feature(settings: Settings | None, feature: str) -> bool:
    """Switch a feature off, before a sign-in too; an unknown one changes nothing, returns False."""
    return _switch(settings, feature, "off")


def get_guard_mode(settings: Settings | None) -> GuardMode:
    """How runs are guarded: the stronger of what the user chose and the organization requires."""
    required = is_required_by_organization(settings)
    return GuardMode.REQUIRED if required else get_chosen_guard_mode(settings)


def get_chosen_guard_mode(settings: Settings | None) -> GuardMode:
    """How the user wants runs to be guarded."""
    if not is_feature_enabled(settings, "safeguards"):
        return GuardMode.OFF
    required = _part(get_control(settings), "safeguards").get("required") is True
    return GuardMode.REQUIRED if required else GuardMode.ON


def is_required_by_organization(settings: Settings | None) -> bool:
    """Whether the organization in use is known to require safeguards."""
    organization = get_default_org(settings)
    ids = _part(get_control(settings), "safeguards").get("required_by")
    return organization is not None and isinstance(ids, list) and organization["id"] in ids


def require_safeguards(settings: Settings, required: bool) -> None:
    """Choose whether runs need an answer. Kept beside the feature, whose `on` others understand."""
    if required or _part(get_control(settings), "safeguards"):
        _ensure_mapping(_ensure_control(settings), "safeguards")["required"] = required


def remember_requirement(settings: Settings, organization_id: str, required: bool) -> bool:
    """Remember whether an organization requires safeguards; returns whether that is news."""
    known = _part(get_control(settings), "safeguards").get("required_by")
    known = known if isinstance(known, list) else []
    if (organization_id in known) is required:
        return False
    others = [known_id for known_id in known if known_id != organization_id]
    _ensure_mapping(_ensure_control(settings), "safeguards")["required_by"] = (
        [*others, organization_id] if required else others
    )
    return True


def get_orgs(settings: Settings | None) -> Organizations:
    """The organizations chosen so far: the list of the settings itself, or a new empty one."""
    organizations = _arguments(settings).get("organizations")
    return organizations if isinstance(organizations, list) else []


def get_default_org(settings: Settings | None) -> Organization | None:
    """The organization in use, or None."""
    return tenancy.get_default_org(get_orgs(settings))


def get_teams(organization: Organization | None) -> list[Team]:
    """The teams of an organization chosen so far: its own list, or a new empty one."""
    teams = organization.get("teams") if isinstance(organization, dict) else None
    return teams if isinstance(teams, list) else []


def set_default_org(settings: Settings, organization: Organization) -> None:
    """Make this the organization in use, added to the settings if new."""
    arguments = _ensure_mapping(_ensure_mapping(_ensure_control(settings), "provider"), "arguments")
    arguments["organizations"] = _choose(get_orgs(settings), organization)


def set_default_team(organization: Organization, team: Team) -> None:
    """Make this the team in use of an organization, added to it if new."""
    organization["teams"] = cast("list[Team]", _choose(get_teams(organization), team))


def _choose(entries: list[Any], chosen: Mapping[str, Any]) -> list[Any]:
    """The entries with the chosen one the only default; one known before keeps what it had."""
    known = [{**entry, "default": False} for entry in entries if isinstance(entry, dict)]
    mark = {"id": chosen["id"], "name": chosen["name"], "default": True}
    for entry in known:
        if entry.get("id") == chosen["id"]:
            entry.update(mark)
            return known
    return [*known, mark]


def _switch(settings: Settings | None, feature: str, state: str) -> bool:
    if settings is None or feature not in FEATURES:
        return False
    _ensure_mapping(_ensure_control(settings), "features")[feature] = state
    return True


def _ensure_control(settings: Settings) -> dict[str, Any]:
    return _ensure_mapping(_ensure_mapping(settings, "controls"), CONTROL_NAME)


def _part(parent: Mapping[str, Any] | None, key: str) -> dict[str, Any]:
    """The mapping under `key`, or an empty one to read from."""
    value = (parent or {}).get(key)
    return value if isinstance(value, dict) else {}


def _ensure_mapping(parent: dict[str, Any], key: str) -> dict[str, Any]:
    """The mapping under `key`, made when there is none, to write to."""
    if not isinstance(parent.get(key), dict):
        parent[key] = {}
    return cast("dict[str, Any]", parent[key])


def _arguments(settings: Settings | None) -> dict[str, Any]:
    return _part(_part(get_control(settings), "provider"), "arguments")


def _url_in(environ: Mapping[str, str]) -> str:
    """The console that `CHAOSIQ_URL` names, as it stands there when it is no url; empty if none."""
    url = environ.get("CHAOSIQ_URL", "").strip()
    try:
        return console_address(url) if url else ""
    except ValueError:
        return url


def _auth(settings: Settings | None, url: str) -> dict[str, Any]:
    auths = {str(host).lower(): auth for host, auth in _part(settings, "auths").items()}
    return _part(auths, _host(url))


def _host(url: str) -> str:
    """The key of a console's token: host[:port], as the host's loader looks it up."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:  # half an IPv6 address, say: nobody's host
        return ""
