"""Charts are well-formed, safe and honest SVG."""

import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings, strategies as st

from foretune.faces.axes import Axis, compact, log_ticks, nice_ticks, spread
from foretune.faces.charts import Bar, Point, Series, bars, dots, lines, scatter

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert('&\"')</script>\x00\x1b"
NOT_FINITE = (math.nan, math.inf, -math.inf)

numbers = st.floats(-1e12, 1e12) | st.sampled_from(NOT_FINITE)
names = st.text(max_size=30)


def draw_all(name: str, points: list[Point]) -> list[str]:
    """The same points as each kind of chart."""
    series = [Series(name, points), Series("other", points[:1], dashed=True)]
    rows = [Bar(name, point.y, point.note) for point in points]
    return [
        scatter(series, title=name, x_label=name, y_label=name),
        lines(series, title=name, x_label=name, y_label=name),
        lines(series, title=name, log_y=True),
        dots([(point.x, point.y) for point in points], title=name, x_label=name, y_label=name),
        dots([(point.note, point.y) for point in points], title=name, log_x=True),
        bars(rows, title=name, x_label=name),
    ]


def marks(svg: str, tag: str) -> list[ElementTree.Element]:
    """The drawn elements that carry a tooltip of their own."""
    return [
        mark for mark in ElementTree.fromstring(svg).iter(SVG + tag) if mark.find(SVG + "title") is not None
    ]


@settings(max_examples=40, deadline=None)
@given(names, st.lists(st.builds(Point, numbers, numbers, names), max_size=6))
def test_svg_is_well_formed(name: str, points: list[Point]) -> None:
    """Whatever the names and the numbers, each chart is an SVG image whose pixels are finite."""
    for svg in draw_all(name, points):
        root = ElementTree.fromstring(svg)
        assert root.tag == SVG + "svg"
        assert root.get("role") == "img"
        assert root.find(SVG + "title") is not None
        pixels = " ".join(
            mark.get(key, "") for mark in root.iter() for key in ("x", "y", "cx", "cy", "points")
        )
        assert not re.search("nan|inf", pixels)


def test_hostile_names_stay_text() -> None:
    """A name that looks like a script is shown as it is spelled, and never becomes an element."""
    for svg in draw_all(HOSTILE, [Point(1.0, 2.0, HOSTILE), Point(2.0, 1.0, HOSTILE)]):
        root = ElementTree.fromstring(svg)
        assert not list(root.iter(SVG + "script"))
        assert root.get("aria-label") == "<script>alert('&\"')</script>"


def test_charts_need_nothing_else() -> None:
    """A chart names no address but the SVG namespace, and holds no script."""
    for svg in draw_all("a", [Point(1.0, 2.0)]):
        assert re.findall(r"https?://[^\"]*", svg) == ["http://www.w3.org/2000/svg"]
        assert "<script" not in svg
        assert "@import" not in svg


def test_nothing_to_show() -> None:
    """A chart without points says so."""
    for svg in draw_all("a", []):
        assert "nothing to show" in svg


@pytest.mark.parametrize("bad", NOT_FINITE)
def test_non_finite_points_are_left_out(bad: float) -> None:
    """Of three points, the two that are not finite are not drawn."""
    points = [Point(1.0, 0.5), Point(2.0, bad), Point(bad, 0.5)]
    assert len(marks(scatter([Series("a", points)], title="t"), "circle")) == 1
    assert len(marks(lines([Series("a", points)], title="t"), "circle")) == 1
    assert "nothing to show" in bars([Bar("a", bad)], title="t")


def test_a_logarithm_leaves_out_what_is_not_positive() -> None:
    """On a logarithmic axis, a regret of zero has no place."""
    points = [Point(1, 0.5), Point(2, 0.0), Point(3, 0.1)]
    assert len(marks(lines([Series("a", points)], title="t", log_y=True), "circle")) == 2


def test_equal_scores_lie_on_the_identity() -> None:
    """The line of identity runs from corner to corner, and a perfect prediction lies on it."""
    svg = scatter([Series("a", [Point(0.2, 0.2), Point(0.9, 0.9)])], title="t")
    root = ElementTree.fromstring(svg)
    (line,) = [mark for mark in root.iter(SVG + "line") if mark.get("class") == "identity"]
    x1, y1, x2, y2 = (float(line.get(key, "")) for key in ("x1", "y1", "x2", "y2"))
    for mark in marks(svg, "circle"):
        x, y = float(mark.get("cx", "")), float(mark.get("cy", ""))
        assert (y - y1) / (y2 - y1) == pytest.approx((x - x1) / (x2 - x1), abs=0.002)


def test_dots_have_places_by_value() -> None:
    """Numbers stand by their size, by its logarithm where asked; other values in places of their own."""

    def places(rows: list[tuple[object, float]], *, log_x: bool = False) -> list[float]:
        return [float(mark.get("cx", "")) for mark in marks(dots(rows, title="t", log_x=log_x), "circle")]

    one, ten, hundred = places([(1, 0.1), (10, 0.2), (100, 0.3)], log_x=True)
    assert ten - one == pytest.approx(hundred - ten, abs=0.2)
    one, ten, hundred = places([(1, 0.1), (10, 0.2), (100, 0.3)])
    assert hundred - ten == pytest.approx(10 * (ten - one), abs=2)
    three, none, two, again = places([(3, 0.1), (None, 0.2), (2, 0.3), (None, 0.4)])
    assert two < three < none == again


def test_bars_part_at_zero() -> None:
    """Positive bars begin where negative ones end, and the good ones are blue."""
    svg = bars([Bar("up", 2.0), Bar("down", -1.0)], title="t")
    up, down = list(ElementTree.fromstring(svg).iter(SVG + "rect"))
    assert float(down.get("x", "")) + float(down.get("width", "")) == pytest.approx(
        float(up.get("x", "")), abs=0.15
    )
    assert float(up.get("width", "")) == pytest.approx(2 * float(down.get("width", "")), abs=0.2)
    assert (up.get("fill"), down.get("fill")) == ("#0072B2", "#D55E00")


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_nice_ticks_enclose(one: float, other: float) -> None:
    """The ticks enclose the range, rise evenly, and are few."""
    low, high = sorted((one, other))
    ticks = nice_ticks(low, high)
    slack = 1e-8 * max(abs(low), abs(high), 1e-3)
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack
    assert 2 <= len(ticks) <= 8
    assert ticks == sorted(set(ticks))


@given(st.floats(1e-9, 1e9), st.floats(1, 1e6))
@example(999999999.9999999, 1.0)
def test_log_ticks_enclose(low: float, ratio: float) -> None:
    """The ticks of a logarithmic axis enclose its range."""
    ticks = log_ticks(low, low * ratio)
    assert ticks[0] <= low
    assert ticks[-1] >= low * ratio * (1 - 1e-12)


def test_a_logarithmic_axis_spaces_ratios_evenly() -> None:
    """One to ten is as far as ten to a hundred."""
    assert Axis(1.0, 100.0, 0.0, 200.0, {}, log=True).at(10.0) == pytest.approx(100.0)


@given(st.lists(st.floats(-50, 150), min_size=1, max_size=8))
def test_labels_never_overlap(wanted: list[float]) -> None:
    """Spread labels keep their gap and their order, and stay inside, where there is room for them."""
    places = spread(wanted, gap=10.0, low=0.0, high=100.0)
    ordered = [place for _, place in sorted(zip(wanted, places, strict=True))]
    assert all(later - earlier >= 10.0 - 1e-9 for earlier, later in pairwise(ordered))
    assert -1e-9 <= min(places) <= max(places) <= 100.0


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (999.9, "999.9"), (1500, "1.5k"), (2e6, "2M"), (1e-5, "1e−5"), (-0.25, "−0.25")],
)
def test_numbers_are_written_in_few_letters(value: float, text: str) -> None:
    """Large numbers get a suffix, small ones an exponent, and minus is a minus sign."""
    assert compact(value) == text
