"""Time zones to choose from; any other that exists may be typed."""

from zoneinfo import available_timezones

AREAS = (
    "Africa/",
    "America/",
    "Asia/",
    "Atlantic/",
    "Australia/",
    "Europe/",
    "Indian/",
    "Pacific/",
)

ZONES = ("UTC", *sorted(zone for zone in available_timezones() if zone.startswith(AREAS)))
