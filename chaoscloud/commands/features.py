"""Switching a feature on and off."""

from chaoscloud.settings import (
    CONTROL_NAME,
    disable_feature,
    enable_feature,
    is_feature_enabled,
    load,
    save,
)

__all__ = ["switch"]


def switch(settings_path: str, feature: str, on: bool) -> str:
    """Write the choice to the settings and return the words that tell it.

    It can be made before any sign-in, which then keeps it.
    """
    settings = load(settings_path)
    if not isinstance(settings.get("controls"), dict):
        settings["controls"] = {}
    settings["controls"].setdefault(CONTROL_NAME, {})
    (enable_feature if on else disable_feature)(settings, feature)
    save(settings, settings_path)
    return _told(feature, is_feature_enabled(settings, feature))


def _told(feature: str, on: bool) -> str:
    told = f"ChaosIQ feature '{feature}' is now {'on' if on else 'off'}"
    if feature == "publish" and not on:
        return f"{told}: the whole extension is disabled, safeguards included"
    return told
