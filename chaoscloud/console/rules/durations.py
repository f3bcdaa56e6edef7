"""Durations as people type them: `90`, `30s`, `2h`, `1 day`."""

_LONGEST = 36_525 * 86_400  # seconds, a hundred years: whatever is longer is a mistake


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
