"""Switching a feature on and off."""

from chaoscloud.settings import (
    Guarding,
    disable_feature,
    enable_feature,
    guarding_of,
    is_feature_enabled,
    load,
    require_safeguards,
    save,
)

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
    return _told(feature, is_feature_enabled(settings, feature), guarding_of(settings))


def _told(feature: str, on: bool, guarding: Guarding) -> str:
    told = f"ChaosIQ feature '{feature}' is now {'on' if on else 'off'}"
    if feature == "publish" and not on:
        return f"{told}: the whole extension is disabled, safeguards included"
    if feature == "safeguards" and guarding.imposed:
        return f"{told}; your organization requires safeguards: runs need an answer of the console"
    if feature == "safeguards" and guarding.chosen == "required":
        return f"{told}, and required: no run starts, or goes on for long, without an answer"
    return told
