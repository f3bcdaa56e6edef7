"""Signed in by the environment alone, as in CI: nothing is written, no home is needed.

`CHAOSIQ_URL` and `CHAOSIQ_TOKEN` say where and as whom; `CHAOSIQ_ORGANIZATION` and `CHAOSIQ_TEAM`,
a name or an id each, are needed where the token's owner has several. The host calls only controls
that stand in its settings, so ours is added to those it has loaded, in memory.
"""

import copy
import logging
import os
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from chaoslib.settings import loaded_settings

from chaoscloud.commands import directory
from chaoscloud.commands.choosing import Choice, find_entry
from chaoscloud.commands.directory import Entry
from chaoscloud.commands.failures import MissingInput
from chaoscloud.exceptions import ChaosIQException
from chaoscloud.settings import (
    Profile,
    ensure_usable_url,
    get_default_org,
    load,
    read_profile,
    remember_requirement,
    set_settings,
)
from chaoscloud.types import Settings

__all__ = ["install", "load_signed_in", "sign_in_by_environment"]

ORGANIZATION, TEAM = "CHAOSIQ_ORGANIZATION", "CHAOSIQ_TEAM"

logger = logging.getLogger("chaostoolkit")


def load_signed_in(settings_path: str) -> Settings:
    """Return the settings of the file, with the sign-in of the environment.

    Raises `CommandFailed` where that names nothing of the token's owner, or nobody answers.
    """
    return sign_in_by_environment(load(settings_path))


def sign_in_by_environment(
    settings: Settings, environ: Mapping[str, str] | None = None
) -> Settings:
    """Return a copy of the settings that is signed in as the environment says; raises as above.

    The same settings where the environment says nothing of it, or they are signed in already and no
    organization or team is named.
    """
    environ = os.environ if environ is None else environ
    names = {name: environ.get(name, "").strip() for name in (ORGANIZATION, TEAM)}
    profile = read_profile(settings, environ)
    is_wanted = any(names.values()) or not profile.configured
    if not (is_wanted and profile.url and profile.token):
        return settings
    ensure_usable_url(profile.url, "CHAOSIQ_URL")
    where = (profile.url, profile.token, profile.verify_tls)
    organization = _find_organization(settings, profile, names, where)
    team = _choose(directory.teams(organization, *where), "team", TEAM, names[TEAM])
    settings = copy.deepcopy(settings)
    set_settings(
        profile.url,
        None,  # the token stays in the environment
        profile.verify_tls,
        {"id": organization["id"], "name": organization["name"]},
        {"id": team["id"], "name": team["name"]},
        settings,
    )
    is_required = directory.requires_safeguards(profile.url, organization, team, *where[1:])
    if is_required is not None:
        remember_requirement(settings, organization["id"], is_required)
    return settings


def install() -> None:
    """Have `chaos run` load settings that are signed in by the environment."""
    module: Any = sys.modules.get("chaostoolkit.commands.run")  # absent where no command is running
    load_settings = getattr(module, "load_settings", None)
    if load_settings is not None and not hasattr(load_settings, "signs_in"):
        module.load_settings = _signing_in(load_settings)


def _signing_in(load_settings: Callable[..., Settings | None]) -> Callable[..., Settings]:
    @wraps(load_settings)
    def load_and_sign_in(*args: Any, **kwargs: Any) -> Settings:
        settings = load_settings(*args, **kwargs) or {}
        try:
            settings = sign_in_by_environment(settings)
        except ChaosIQException as x:
            logger.warning(
                "The environment does not sign this run in, so that it is neither recorded nor "
                "guarded by safeguards: %s",
                x,
            )
        loaded_settings.set(settings)
        return settings

    load_and_sign_in.signs_in = True  # type: ignore[attr-defined]
    return load_and_sign_in


def _find_organization(
    settings: Settings, profile: Profile, names: Mapping[str, str], where: tuple[str, str, bool]
) -> Entry:
    current = get_default_org(settings) if profile.configured else None
    if current is not None and not names[ORGANIZATION]:
        return {"id": str(current["id"]), "name": str(current.get("name", current["id"]))}
    entries = directory.organizations(*where)
    return _choose(entries, "organization", ORGANIZATION, names[ORGANIZATION])


def _choose(entries: list[Entry], word: str, variable: str, name_or_id: str) -> Entry:
    """The entry that is named, else the only one: in CI there is nobody to ask."""
    if name_or_id:
        return find_entry(entries, name_or_id, Choice(word, "", "", option=variable))
    if len(entries) == 1:
        return entries[0]
    known = ", ".join(f"'{entry['name']}'" for entry in entries)
    raise MissingInput(f"You belong to several {word}s: set {variable} to one of {known}.")
