"""Charts as SVG text: crisp, selectable, readable in light and dark, and free of scripts.

Three pure functions from numbers to text. They say what stands where; the templates beside them draw it.
Colours are Okabe & Ito 2008 (told apart with every kind of colour vision), without their yellow, which is
lost on white paper. Text stays in ink: half of the palette is too pale to be read.
"""

import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from functools import cache
from itertools import chain
from typing import Any, Final, NamedTuple, TypeGuard

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

PALETTE: Final = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9")
GREY: Final = "#8A8A8A"
GOOD, BAD = PALETTE[0], PALETTE[1]

# Pixels of the drawing, which the page may scale: narrow, so that its text stays readable on a phone.
WIDTH: Final = 360.0
LETTER: Final = 6.2  # the mean width of a letter of 11 px in the usual system fonts
ROW: Final = 20.0  # from one bar to the next
LINE: Final = 14.0  # from one line of text to the next
HEAD: Final = 44.0  # title and name of the y axis
FOOT: Final = 40.0  # tick labels and name of the x axis

_ILLEGAL: Final = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Point(NamedTuple):
    """One mark: its place in units of the data, and its tooltip."""

    x: float
    y: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """Named points of one colour; without a colour it takes the next of the palette."""

    name: str
    points: Sequence[Point]
    _: KW_ONLY
    colour: str = ""
    dashed: bool = False


class Bar(NamedTuple):
    """One horizontal bar from zero to `value`, and its tooltip."""

    label: str
    value: float
    note: str = ""


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


def scatter(series: Sequence[Series], *, title: str, x_label: str = "", y_label: str = "") -> str:
    """The SVG of points on two equal axes, with the line of identity.

    Points that are not finite are left out.
    """
    shown = _shown(series)
    if not shown:
        return _nothing(title)
    legend = _legend(shown)
    top = HEAD + LINE * (legend[-1][2] + 1) + 4
    side = WIDTH - 52
    ticks = _labelled(nice_ticks(*_extent(chain.from_iterable(p[:2] for one in shown for p in one.points))))
    low, high = min(ticks), max(ticks)
    return render(
        "scatter.svg.j2",
        title=title,
        x_label=x_label,
        y_label=y_label,
        series=shown,
        legend=legend,
        height=top + side + FOOT,
        x=Axis(low, high, 44, 44 + side, ticks),
        y=Axis(low, high, top + side, top, ticks),
    )


def lines(
    series: Sequence[Series], *, title: str, x_label: str = "", y_label: str = "", log_y: bool = False
) -> str:
    """The SVG of curves, each named at its end; x is spaced by its logarithm where it is positive.

    Points that are not finite are left out, and with `log_y` those that are not positive.
    """
    shown = _shown(series, keep=lambda point: point.y >= sys.float_info.min or not log_y)
    if not shown:
        return _nothing(title)
    room = min(120.0, 18 + LETTER * max(len(one.name) for one in shown))
    height = HEAD + max(150, LINE * len(shown)) + FOOT
    x = _stops([point.x for one in shown for point in one.points], start=44, end=WIDTH - room)
    y = _scale([point.y for one in shown for point in one.points], start=height - FOOT, end=HEAD, log=log_y)
    ends = [y.at(one.points[-1].y) for one in shown]
    return render(
        "lines.svg.j2",
        title=title,
        x_label=x_label,
        y_label=y_label,
        series=shown,
        height=height,
        x=x,
        y=y,
        labels=spread(ends, gap=LINE, low=HEAD, high=height - FOOT),
    )


def bars(
    rows: Sequence[Bar],
    *,
    title: str,
    x_label: str = "",
    more_is_better: bool = True,
    within: tuple[float, float] | None = None,
    show: Callable[[float], str] | None = None,
) -> str:
    """The SVG of horizontal bars that part at zero, the good ones blue and the bad ones vermilion.

    `within` widens the axis, so that several charts share one; `show` writes the values.
    Bars that are not finite are left out.
    """
    shown = [bar for bar in rows if is_number(bar.value)]
    if not shown:
        return _nothing(title)
    low, high = _extent([0.0, *(within or ()), *(bar.value for bar in shown)])
    high = high if high > low else 1.0
    ticks = {tick: (show or compact)(tick) for tick in nice_ticks(low, high, most=3) if low <= tick <= high}
    left = 12 + LETTER * min(18, max(len(bar.label) for bar in shown))
    room = 54  # for the value beside its bar
    return render(
        "bars.svg.j2",
        title=title,
        x_label=x_label,
        rows=shown,
        top=HEAD - LINE,
        row=ROW,
        left=left,
        height=HEAD - LINE + ROW * len(shown) + (FOOT if x_label else FOOT / 2),
        show=show or compact,
        positive=GOOD if more_is_better else BAD,
        negative=BAD if more_is_better else GOOD,
        x=Axis(low, high, left + (room if low < 0 else 0), WIDTH - room, ticks),
    )


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


def legible(text: str) -> str:
    """The text without what no XML file may hold and no terminal should be sent (control characters)."""
    return _ILLEGAL.sub("", text)


def render(template: str, **values: Any) -> str:
    """The text of one of the templates beside this file, every value in it escaped."""
    return _templates().get_template(template).render(values)


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("foretune.faces"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_written,
    )


def _written(value: Any) -> Any:
    """Numbers in a template are pixels, and a tenth of one is fine enough."""
    if isinstance(value, float):
        return f"{value:.1f}".removesuffix(".0")
    return value if isinstance(value, Markup) or not isinstance(value, str) else legible(value)


def _nothing(title: str) -> str:
    return render("chart.svg.j2", title=title, height=HEAD + LINE)


def _shown(series: Sequence[Series], *, keep: Callable[[Point], bool] = lambda _: True) -> list[Series]:
    """The series that have points to show, with those points only and each with its colour."""
    shown = []
    for n, one in enumerate(series):
        points = [point for point in one.points if is_number(point.x) and is_number(point.y) and keep(point)]
        if points:
            shown.append(replace(one, points=points, colour=one.colour or PALETTE[n % len(PALETTE)]))
    return shown


def _extent(values: Any) -> tuple[float, float]:
    known = [float(value) for value in values]
    return min(known), max(known)


def _labelled(ticks: Sequence[float]) -> dict[float, str]:
    """The ticks with their labels, all with the same decimals."""
    texts = [compact(tick) for tick in ticks]
    if not all(re.fullmatch(r"−?\d+(\.\d+)?", text) for text in texts):
        return dict(zip(ticks, texts, strict=True))
    decimals = max(len(text.partition(".")[2]) for text in texts)
    return {tick: f"{tick:.{decimals}f}".replace("-", "−") for tick in ticks}


def _scale(values: Sequence[float], *, start: float, end: float, log: bool) -> Axis:
    low, high = _extent(values)
    if log:
        ticks = {tick: compact(tick) for tick in log_ticks(low, high if high > low else low * 1.1)}
    else:
        ticks = _labelled(nice_ticks(low, high))
    return Axis(min(ticks), max(ticks), start, end, ticks, log)


def _stops(values: Sequence[float], *, start: float, end: float) -> Axis:
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


def _legend(series: Sequence[Series]) -> list[tuple[Series, float, int]]:
    """Each series with the x and the row of its entry; a full row is followed by the next."""
    entries: list[tuple[Series, float, int]] = []
    x, row = 0.0, 0
    for one in series:
        width = 24 + LETTER * len(one.name)
        if x and x + width > WIDTH:
            x, row = 0.0, row + 1
        entries.append((one, x, row))
        x += width
    return entries
