"""Durations and shares as people write them: `30 s`, `2 min 5 s`, `1 day`, `99.9 %`."""

__all__ = ["format_duration", "format_percentage"]

_UNITS = (  # seconds in one, the word for one, the word for several
    (86_400, "day", "days"),
    (3_600, "h", "h"),
    (60, "min", "min"),
    (1, "s", "s"),
)
_LONGEST = 36_525 * 86_400  # a hundred years: whatever says more is mistaken


def format_duration(seconds: float | None) -> str:
    """Return a duration of `seconds` in its two largest units; a dash where it is not known."""
    if seconds is None:
        return "—"
    if seconds < 0:
        return f"minus {format_duration(-seconds)}"
    if seconds > _LONGEST:
        return "over 100 years"
    if seconds < 10:
        return _short(seconds)
    return _in_units(round(seconds))


def _short(seconds: float) -> str:
    """Below ten seconds, tenths and milliseconds still matter."""
    if seconds == 0:
        return "0 s"
    if seconds < 0.0995:
        return f"{max(1, round(seconds * 1000))} ms"
    return f"{seconds:.1f}".removesuffix(".0") + " s"


def _in_units(whole: int) -> str:
    parts: list[str] = []
    for size, one, many in _UNITS:
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count} {one if count == 1 else many}")
        elif parts:
            break  # "1 day" rather than "1 day 4 s"
    return " ".join(parts[:2])


def format_percentage(value: float) -> str:
    """A share of the time as people write it, with two decimals at most: `99.9 %`, `0.05 %`.

    What is less than 100 has as many as it takes to show that: 99.999, or 99.99999.
    """
    if 0 < value < 0.005:
        return "under 0.01 %"
    rounded = f"{value:.2f}".rstrip("0").rstrip(".")
    digits = 6  # significant ones: four after the point, below 100
    while value < 100 <= float(rounded):
        rounded = f"{value:.{digits}g}"
        digits += 1
    return f"{rounded} %"
