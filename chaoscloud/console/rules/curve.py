"""Samples as a drawing: dots over time, at the height of what they measured, against the tolerance.

All positions are shares of the drawing, from 0 to 1, with 0 at the left and at the bottom.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby

import msgspec

from chaoscloud.outcome.durations import format_duration
from chaoscloud.outcome.samples import Sample, Sampling

_MOST_DOTS = 200  # more are drawn together
_MARGIN = 0.1  # of the range of values, kept free above and below


class Dot(msgspec.Struct, frozen=True):
    """One sample."""

    x: float
    y: float
    look: str  # met, deviated or unknown
    words: str


class Curve(msgspec.Struct, frozen=True):
    """The drawing: the band is when the condition held, low and high what was tolerated."""

    dots: tuple[Dot, ...]
    measured: bool  # whether heights mean something: every sample gave a number
    band: tuple[float, float] | None
    low: float | None
    high: float | None
    bottom: str  # what the lowest and the highest line stand for
    top: str
    length: str  # of the time it covers


class _Frame(msgspec.Struct, frozen=True):
    start: datetime
    seconds: float
    bottom: float
    height: float

    def x(self, moment: datetime) -> float:
        share = (moment - self.start).total_seconds() / self.seconds
        return min(1.0, max(0.0, share))

    def y(self, value: float) -> float:
        return min(1.0, max(0.0, (value - self.bottom) / self.height))


def curve(sampling: Sampling) -> Curve | None:
    """Draw the samples; None when there are none."""
    if not sampling.samples:
        return None
    values = [sample.value for sample in sampling.samples if sample.value is not None]
    measured = len(values) == len(sampling.samples)
    frame = _frame(sampling, values)
    band = sampling.condition
    return Curve(
        tuple(_dots(sampling, frame, measured)),
        measured,
        (frame.x(band[0]), frame.x(band[1])) if band else None,
        frame.y(sampling.low) if measured and sampling.low is not None else None,
        frame.y(sampling.high) if measured and sampling.high is not None else None,
        f"{frame.bottom:.4g}" if measured else "",
        f"{frame.bottom + frame.height:.4g}" if measured else "",
        format_duration(frame.seconds),
    )


def _frame(sampling: Sampling, values: list[float]) -> _Frame:
    moments = [sample.at for sample in sampling.samples] + list(sampling.condition or ())
    heights = values + [bound for bound in (sampling.low, sampling.high) if bound is not None]
    lowest, highest = min(heights, default=0.0), max(heights, default=1.0)
    spread = (highest - lowest) or abs(highest) or 1.0
    start = min(moments)
    seconds = max(0.001, (max(moments) - start).total_seconds())
    bottom, top = lowest - _MARGIN * spread, highest + _MARGIN * spread
    if lowest >= 0:
        bottom = max(0.0, bottom)  # what cannot be negative is not drawn as if it could
    return _Frame(start, seconds, bottom, (top - bottom) or 1.0)


def _thin(samples: tuple[Sample, ...], frame: _Frame) -> Iterator[Sample]:
    """No more samples than can be told apart: of one place, the worst."""
    if len(samples) <= _MOST_DOTS:
        yield from samples
        return
    rank = {True: 0, None: 1, False: 2}
    for _, some in groupby(samples, lambda sample: int(frame.x(sample.at) * _MOST_DOTS)):
        yield max(some, key=lambda sample: rank[sample.met])


def _dots(sampling: Sampling, frame: _Frame, measured: bool) -> Iterator[Dot]:
    looks = {True: "met", False: "deviated", None: "unknown"}
    words = {True: "held", False: "did not hold", None: "was not run"}
    for sample in _thin(sampling.samples, frame):
        y = frame.y(sample.value) if measured and sample.value is not None else 0.5
        after = format_duration((sample.at - frame.start).total_seconds())
        yield Dot(
            frame.x(sample.at), y, looks[sample.met], _describe(sample, words[sample.met], after)
        )


def _describe(sample: Sample, words: str, after: str) -> str:
    value = "" if sample.value is None else f", {sample.value:.6g}"
    return f"After {after}: {words}{value}"
