"""Durations as people say them: `30 s`, `2 min 5 s`, `1 day`; and as they type them."""

_UNITS = (  # seconds in one, how one is said, how many are said
    (86_400, "day", "days"),
    (3_600, "h", "h"),
    (60, "min", "min"),
    (1, "s", "s"),
)
_LONGEST = 36_525 * 86_400  # a hundred years: whatever says more is mistaken


def spoken(seconds: float | None) -> str:
    """Say a duration with its two largest units; nothing known is a dash."""
    if seconds is None:
        return "—"
    if seconds < 0:
        return f"minus {spoken(-seconds)}"
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
    said: list[str] = []
    for size, one, many in _UNITS:
        count, whole = divmod(whole, size)
        if count:
            said.append(f"{count} {one if count == 1 else many}")
        elif said:
            break  # "1 day" rather than "1 day 4 s"
    return " ".join(said[:2])


def seconds_of(text: str) -> float | None:
    """Read what people type: `90`, `30s`, `2h`, `1 day`. None when it is not a duration."""
    compact = text.strip().lower().replace(" ", "")
    number = compact.rstrip("abcdefghijklmnopqrstuvwxyz")
    try:
        count = float(number)
    except ValueError:
        return None
    size = _TYPED.get(compact[len(number) :])
    if size is None or not 0 < count * size <= _LONGEST:
        return None
    return count * size


_TYPED = {
    **dict.fromkeys(("", "s", "sec", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3_600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
}
