"""Switching a feature on and off."""

from chaoscloud.settings import (
    disable_feature,
    enable_feature,
    get_guard_mode,
    is_feature_enabled,
    is_required_by_organization,
    load,
    require_safeguards,
    save,
)
from chaoscloud.types import GuardMode, Settings

__all__ = ["switch"]


def switch(settings_path: str, feature: str, on: bool, required: bool = False) -> str:
    """Write the choice to the settings and return the words that tell it.

    It can be made before any sign-in, which then keeps it. `required` is for safeguards.
    """
    settings = load(settings_path)
    (enable_feature if on else disable_feature)(settings, feature)
    if feature == "safeguards":
        require_safeguards(settings, on and required)
    save(settings, settings_path)
    return _describe(feature, settings)


def _describe(feature: str, settings: Settings) -> str:
    on = is_feature_enabled(settings, feature)
    line = f"ChaosIQ feature '{feature}' is now {'on' if on else 'off'}"
    if feature == "publish" and not on:
        return f"{line}: the whole extension is disabled, safeguards included"
    if feature == "safeguards" and is_required_by_organization(settings):
        return f"{line}; your organization requires safeguards: runs need an answer of the console"
    if feature == "safeguards" and get_guard_mode(settings) == GuardMode.REQUIRED:
        return f"{line}, and required: no run starts, or goes on for long, without an answer"
    return line
