"""Axes of charts: values as pixels, between round ticks with short labels."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeGuard

LETTER: Final = 6.2  # the mean width in pixels of a letter of 11 px in the usual system fonts


@dataclass(frozen=True, slots=True)
class Axis:
    """Values between `low` and `high` as pixels between `start` and `end`; `ticks` maps values to labels."""

    low: float
    high: float
    start: float
    end: float
    ticks: Mapping[float, str]
    log: bool = False

    def at(self, value: float) -> float:
        """The pixel of a value.

        >>> Axis(0.0, 10.0, start=100.0, end=200.0, ticks={}).at(2.5)
        125.0
        """
        scale = math.log if self.log else float
        low, high = scale(self.low), scale(self.high)
        return self.start + (scale(value) - low) / (high - low) * (self.end - self.start)


def is_number(value: object) -> TypeGuard[float]:
    """Whether the value is a finite number, and not a truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def compact(value: float) -> str:
    """The number in few characters.

    >>> compact(12_000), compact(0.0125), compact(-3.0)
    ('12k', '0.0125', '−3')
    """
    for scale, suffix in (1e9, "G"), (1e6, "M"), (1e3, "k"):
        if abs(value) >= scale:
            return f"{value / scale:.4g}{suffix}".replace("-", "−")
    return f"{value:.4g}".replace("e-0", "e-").replace("-", "−")


def nice_ticks(low: float, high: float, *, most: int = 5) -> list[float]:
    """About `most` round numbers around low..high: 1, 2 or 5 times a power of ten apart.

    >>> nice_ticks(0.1, 3.7)
    [0.0, 1.0, 2.0, 3.0, 4.0]
    """
    if high - low < 1e-9 * max(abs(low), abs(high), 1e-3):
        margin = 0.1 * abs(low) or 1.0
        low, high = low - margin, high + margin
    # Half of both, because the difference of two huge numbers may overflow.
    rough = 2 * (high / 2 - low / 2) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    # A division by a power of ten is exact where a product with 0.1 is not.
    return [float(f"{n * step:.12g}") for n in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers around low..high on a logarithmic axis: decades, with 2 and 5 between a few of them.

    >>> log_ticks(0.003, 0.04)
    [0.002, 0.005, 0.01, 0.02, 0.05]
    """
    first_decade = math.floor(math.log10(low))
    # Just below a power of ten the logarithm is rounded up to it.
    first_decade -= float(f"1e{first_decade}") > low
    decades = range(first_decade, math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if len(decades) <= 3 else (1,)
    ticks = [float(f"{step}e{power}") for power in decades for step in steps]
    first = max((tick for tick in ticks if tick <= low), default=ticks[0])
    last = min((tick for tick in ticks if tick >= high), default=ticks[-1])
    return [tick for tick in ticks if first <= tick <= last]


def spread(wanted: Sequence[float], *, gap: float, low: float, high: float) -> list[float]:
    """The places nearest to the wanted ones that keep `gap` between them and stay within low..high.

    >>> spread([50.0, 52.0, 10.0], gap=10.0, low=0.0, high=55.0)
    [45.0, 55.0, 10.0]
    """
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    places, floor, ceiling = list(wanted), low, high
    for n in order:
        places[n] = floor = max(places[n], floor)
        floor += gap
    for n in reversed(order):
        places[n] = ceiling = min(places[n], ceiling)
        ceiling -= gap
    return places


def extent(values: Iterable[float]) -> tuple[float, float]:
    """The lowest and the highest value."""
    known = [float(value) for value in values]
    return min(known), max(known)


def labelled(ticks: Sequence[float]) -> dict[float, str]:
    """The ticks with their labels, all with the same decimals."""
    texts = [compact(tick) for tick in ticks]
    if not all(re.fullmatch(r"−?\d+(\.\d+)?", text) for text in texts):
        return dict(zip(ticks, texts, strict=True))
    decimals = max(len(text.partition(".")[2]) for text in texts)
    return {tick: f"{tick:.{decimals}f}".replace("-", "−") for tick in ticks}


def scale_of(values: Sequence[float], *, start: float, end: float, log: bool) -> Axis:
    """The axis between round ticks that holds the values, from pixel `start` to pixel `end`."""
    low, high = extent(values)
    if log:
        ticks = {tick: compact(tick) for tick in log_ticks(low, high if high > low else low * 1.1)}
    else:
        ticks = labelled(nice_ticks(low, high))
    return Axis(min(ticks), max(ticks), start, end, ticks, log)


def stops_of(values: Sequence[float], *, start: float, end: float) -> Axis:
    """The axis with a tick at each of the values, as far as their labels do not touch."""
    stops = sorted(set(values))
    low, high = stops[0], stops[-1]
    if low == high:
        margin = max(1.0, 0.1 * abs(low))
        low, high = low - margin, high + margin
    # Logarithms of values nearer than that might be the same float.
    axis = Axis(low, high, start, end, {}, log=low > 0 and high > 1.1 * low)
    ticks: dict[float, str] = {}
    free = -math.inf
    for stop in stops:
        if axis.at(stop) >= free:
            ticks[stop] = compact(stop)
            free = axis.at(stop) + 10 + LETTER * len(ticks[stop])
    return replace(axis, ticks=ticks)
