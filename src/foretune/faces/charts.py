"""Charts as SVG text: crisp, selectable, readable in light and dark, and free of scripts.

Four pure functions from numbers to text. They say what stands where; the templates beside them draw it.
Colours are Okabe & Ito 2008 (told apart with every kind of colour vision), without their yellow, which is
lost on white paper. Text stays in ink: half of the palette is too pale to be read.
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from functools import cache
from itertools import chain
from typing import Any, Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from foretune.faces.axes import (
    LETTER,
    Axis,
    compact,
    extent,
    is_number,
    labelled,
    nice_ticks,
    scale_of,
    spread,
    stops_of,
)

PALETTE: Final = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9")
GREY: Final = "#8A8A8A"
GOOD, BAD = PALETTE[0], PALETTE[1]

# Pixels of the drawing, which the page may scale: narrow, so that its text stays readable on a phone.
WIDTH: Final = 360.0
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
    ticks = labelled(nice_ticks(*extent(chain.from_iterable(p[:2] for one in shown for p in one.points))))
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
    x = stops_of([point.x for one in shown for point in one.points], start=44, end=WIDTH - room)
    y = scale_of([point.y for one in shown for point in one.points], start=height - FOOT, end=HEAD, log=log_y)
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
    low, high = extent([0.0, *(within or ()), *(bar.value for bar in shown)])
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


def dots(
    rows: Sequence[tuple[Any, float]],
    *,
    title: str,
    x_label: str = "",
    y_label: str = "",
    log_x: bool = False,
) -> str:
    """The SVG of values against scores: numbers along an axis, anything else in places of its own.

    `log_x` spaces positive numbers by their logarithms. Numbers among other values (a depth beside None) keep
    their order. Rows without a finite score are left out.
    """
    shown = [(value, score) for value, score in rows if is_number(score)]
    if not shown:
        return _nothing(title)
    height = HEAD + 150 + FOOT
    numbers = all(is_number(value) for value, _ in shown)
    if numbers and len({value for value, _ in shown}) > 1:
        places = [float(value) for value, _ in shown]
        x = scale_of(places, start=52, end=WIDTH - 16, log=log_x and min(places) > 0)
    else:
        order = {text: k for k, text in enumerate(dict.fromkeys(map(_spelled, _in_order(shown))))}
        places = [float(order[_spelled(value)]) for value, _ in shown]
        x = Axis(
            -0.5, len(order) - 0.5, 52, WIDTH - 16, _thinned({float(k): text for text, k in order.items()})
        )
    points = [
        Point(place, score, f"{_spelled(value)}: {score:.4f}")
        for place, (value, score) in zip(places, shown, strict=True)
    ]
    return render(
        "dots.svg.j2",
        title=title,
        x_label=x_label,
        y_label=y_label,
        points=points,
        colour=GOOD,
        height=height,
        x=x,
        y=scale_of([score for _, score in shown], start=height - FOOT, end=HEAD, log=False),
    )


def _in_order(rows: Sequence[tuple[Any, float]]) -> list[Any]:
    """The values, numbers first and ascending."""
    values = [value for value, _ in rows]
    numbers = sorted((value for value in values if is_number(value)), key=float)
    return [*numbers, *(value for value in values if not is_number(value))]


def _spelled(value: Any) -> str:
    return compact(value) if is_number(value) else str(value)


def _thinned(labels: Mapping[float, str]) -> dict[float, str]:
    """The labels with those left out that would touch their neighbours, cut where one alone is too long."""
    most = max(4, int((WIDTH - 68) / LETTER / max(len(labels), 1)))
    step = max(1, -(-len(labels) // 12))
    return {
        at: text if len(text) <= most else text[: most - 1] + "…" for at, text in [*labels.items()][::step]
    }


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
