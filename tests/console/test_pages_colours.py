"""The stylesheet's colours: readable for everybody, in both themes (WCAG 2.2, 1.4.3 and 1.4.11)."""

import re
from importlib.resources import files
from itertools import product

import pytest

SHEET = (files("chaoscloud.console") / "static" / "console.css").read_text()
STATES = ["running", "completed", "deviated", "failed", "aborted", "interrupted", "refused", "lost"]


def tokens(theme: str) -> dict[str, str]:
    """The custom properties that are colours."""
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
        for block in re.findall(r":root \{(.*?)\}", SHEET, re.DOTALL)[:2]
    )
    return light if theme == "light" else light | dark


def channels(colour: str) -> list[float]:
    return [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]


def luminance(parts: list[float]) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: list[float], other: list[float]) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def mix_colours(colour: str, share: float, ground: str) -> list[float]:
    """What `color-mix(in srgb, …)` makes of two colours."""
    pairs = zip(channels(colour), channels(ground), strict=True)
    return [share * top + (1 - share) * below for top, below in pairs]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_from_every_ground(theme: str) -> None:
    """Ink, the quieter ink and links on the page, on cards and in wells: at least 4.5 to 1."""
    colours = tokens(theme)

    poor = [
        (text, ground)
        for text, ground in product(("ink", "muted", "accent"), ("page", "surface", "sunken"))
        if contrast(channels(colours[text]), channels(colours[ground])) < 4.5
    ]

    assert poor == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_word_of_a_state_stands_out_from_its_pill(theme: str) -> None:
    """Each state's colour on a tenth of itself: at least 4.5 to 1."""
    colours = tokens(theme)

    poor = [
        state
        for state in STATES
        if contrast(channels(colours[state]), mix_colours(colours[state], 0.12, colours["surface"]))
        < 4.5
    ]

    assert poor == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_buttons_fields_and_bars_stand_out(theme: str) -> None:
    """Borders of what can be used, and what is drawn, against their ground: at least 3 to 1."""
    colours = tokens(theme)
    needed = [("line-strong", "surface"), ("line-strong", "page")]
    needed += [(state, "sunken") for state in STATES]
    needed += [("accent", "accent-ink"), ("failed", "surface")]

    poor = [
        (one, other)
        for one, other in needed
        if contrast(channels(colours[one]), channels(colours[other])) < 3
    ]

    assert poor == []
