"""The report of an experiment: one HTML page that needs nothing else, the numbers as JSON, console tables.

The tables come from `tables`, the drawing of the charts from `charts`; here a report becomes its sections.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup
from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from foretune.data.records import plain
from foretune.faces.axes import is_number
from foretune.faces.charts import GREY, PALETTE, Bar, Point, Series, bars, legible, lines, render, scatter
from foretune.faces.figures import show_digits, show_gap, show_share
from foretune.faces.tables import (
    Report,
    Row,
    Table,
    about,
    by_family,
    by_trial,
    case_gap,
    case_saved,
    case_tables,
    case_title,
    cost_tables,
    gap_name,
    generalisation_tables,
    headline,
    metric_of,
    performance_tables,
    prediction_tables,
    replay_tables,
    show_parts,
    word,
)

BASELINE: Final = "random"
MOST_BARS: Final = 30  # nobody reads more, and the worst come first
WIDE: Final = 100  # letters of a terminal that has room for the spare columns


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report, shown where the report holds any of its tables or charts."""

    name: str
    title: str
    lead: str
    tables: Callable[[Report], list[Table]]
    charts: Callable[[Report], list[str]]


def write_report(report: Report, folder: Path) -> Path:
    """The path of `report.html`, written into the folder beside `report.json`; both are replaced."""
    clean = strict(report)
    folder.mkdir(parents=True, exist_ok=True)
    numbers = json.dumps(clean, indent=1, allow_nan=False)
    (folder / "report.json").write_text(numbers + "\n", encoding="utf-8")
    page = folder / "report.html"
    page.write_text(_page(clean), encoding="utf-8")
    return page


def print_report(report: Report, console: Console) -> None:
    """Prints the headline and every table that the report holds."""
    clean = strict(report)
    console.print(Text(legible(headline(clean)), style="bold"))
    for section in SECTIONS:
        _print_tables(section.tables(clean), console)


def print_replay(report: Report, console: Console) -> None:
    """Prints how a replay went: the regret of every learner, and how well it predicted."""
    clean = strict({key: report.get(key) for key in ("replay", "prediction", "prediction_on_past")})
    _print_tables(replay_tables(clean) + prediction_tables(clean), console)


def strict(value: Any) -> Any:
    """The value as JSON can hold it: NaN and infinities become None, tuples lists, numpy scalars plain.

    >>> strict({"loss": float("nan"), "sizes": (1, 2)})
    {'loss': None, 'sizes': [1, 2]}
    """
    value = plain(value)
    if isinstance(value, Mapping):
        return {str(name): strict(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [strict(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _print_tables(tables: Iterable[Table], console: Console) -> None:
    for whole in tables:
        table = whole if console.width >= WIDE else whole.narrow()
        shown = RichTable(
            title=Text(legible(table.title)), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False
        )
        for n, head in enumerate(table.heads):
            text = n < table.texts
            shown.add_column(
                Text(head), justify="left" if text else "right", overflow="ellipsis", no_wrap=not text
            )
        for row in table.rows:
            # Text, because a name like "[red]" would be taken for markup.
            shown.add_row(*(Text(legible(cell)) for cell in row))
        console.print(shown)


def _prediction_charts(report: Report) -> list[str]:
    """Every cell of every case: what was predicted of it, and what was measured."""
    series = [
        Series(family, [point for case in cases for point in _cell_points(case)])
        for family, cases in by_family(report.get("cases")).items()
    ]
    title = "Predicted against measured, cell by cell"
    drawn = scatter(series, title=title, x_label="measured score", y_label="predicted score")
    return [drawn] if any(one.points for one in series) else []


def _cell_points(case: Row) -> list[Point]:
    pairs = zip(case.get("measured") or (), case.get("predicted") or (), strict=False)
    return [
        Point(true, guess, f"{about(case)}: measured {true:.3f}, predicted {guess:.3f}")
        for true, guess in pairs
        if is_number(true) and is_number(guess)
    ]


def _performance_charts(report: Report) -> list[str]:
    return _bar_charts(
        report,
        gap_name(report).lower(),
        partial(case_gap, metric=metric_of(report)),
        show=show_gap,
        more_is_better=False,
    )


def _efficiency_charts(report: Report) -> list[str]:
    return _bar_charts(report, "seconds saved", case_saved, show=show_share, more_is_better=True, most=1.0)


def _bar_charts(
    report: Report,
    name: str,
    measure: Callable[[Row], float | None],
    *,
    show: Callable[[float], str],
    more_is_better: bool,
    most: float = 0.0,
) -> list[str]:
    """One chart a family, a bar a dataset, the worst first; all on one scale, which reaches `most`."""
    families = {
        family: sorted(_bars(cases, measure, show), key=lambda bar: bar.value, reverse=not more_is_better)
        for family, cases in by_family(report.get("cases")).items()
    }
    values = [bar.value for found in families.values() for bar in found]
    return [
        bars(
            found[:MOST_BARS],
            title=f"{family}: {name}" + f", the {MOST_BARS} worst of {len(found)}" * (len(found) > MOST_BARS),
            more_is_better=more_is_better,
            within=(min(values), max(most, *values)),
            show=show,
        )
        for family, found in families.items()
        if found
    ]


def _bars(
    cases: Iterable[Row], measure: Callable[[Row], float | None], show: Callable[[float], str]
) -> list[Bar]:
    measured = [(case, value) for case in cases if (value := measure(case)) is not None]
    return [Bar(word(case, "dataset"), value, f"{about(case)}: {show(value)}") for case, value in measured]


def _generalisation_charts(report: Report) -> list[str]:
    """One chart a family, a curve a learner, in the same colours everywhere."""
    replay = report.get("replay") or []
    colours = _colours(replay, first=report.get("learner"))
    # A logarithm has no place for a regret of zero, which small grids do reach.
    log = all(value > 0 for row in replay for value in row.get("regret") or () if is_number(value))
    return [
        lines(
            [_curve(row, colours) for row in rows],
            title=f"{family}: regret in replay",
            x_label="trials",
            y_label="mean regret" + ", log scale" * log,
            log_y=log,
        )
        for family, rows in by_family(replay).items()
    ]


def _colours(replay: Sequence[Row], *, first: str | None) -> dict[str, str]:
    """Each learner's colour: the report's own learner takes the first, random search is grey."""
    learners = dict.fromkeys(word(row, "learner") for row in replay)
    ranked = sorted((name for name in learners if name != BASELINE), key=lambda name: name != first)
    return {name: PALETTE[n % len(PALETTE)] for n, name in enumerate(ranked)} | {BASELINE: GREY}


def _curve(row: Row, colours: Mapping[str, str]) -> Series:
    learner = word(row, "learner")
    points = [
        Point(n, regret, f"{learner}: regret {show_digits(regret)} after {n} trials")
        for n, regret in by_trial(row, "regret").items()
        if is_number(regret)
    ]
    return Series(learner, points, colour=colours[learner], dashed=learner == BASELINE)


SECTIONS: Final = (
    Section(
        "prediction",
        "1 Prediction accuracy",
        "How near the forecast of each cell came to the score that was then measured.",
        prediction_tables,
        _prediction_charts,
    ),
    Section(
        "performance",
        "2 Model performance",
        "Scores on data that no search saw. Fixed is the one cell that was best on past tasks; "
        "the recommended cell's difference to it is paired by case, ± its standard error.",
        performance_tables,
        _performance_charts,
    ),
    Section(
        "efficiency",
        "3 Computational efficiency",
        "What the recommended search cost beside the full grid. The advice itself has a line of its own and "
        "is counted in what was saved; learning from the history, once a family, in the table alone.",
        cost_tables,
        _efficiency_charts,
    ),
    Section(
        "generalisation",
        "4 Generalisation",
        "Searches replayed on datasets that were left out of learning, and families that were never seen.",
        generalisation_tables,
        _generalisation_charts,
    ),
)


def _page(report: Report) -> str:
    shown = []
    for section in SECTIONS:
        tables = section.tables(report)
        charts = [Markup(chart) for chart in section.charts(report)]  # noqa: S704 - escaped by its own template
        if tables or charts:
            shown.append({"section": section, "tables": tables, "charts": charts})
    return render(
        "report.html.j2",
        title=report.get("title") or "foretune report",
        headline=headline(report),
        byline=_byline(report),
        note=(report.get("protocol") or {}).get("note", ""),
        sections=shown,
        cases=[(case_title(case, report), case_tables(case, report)) for case in report.get("cases") or ()],
    )


def _byline(report: Report) -> list[str]:
    """When and how the report came about, a few words each."""
    protocol = (report.get("protocol") or {}).items()
    named = [(name, report.get(name)) for name in ("date", "foretune", "learner", "metric")]
    history = report.get("history") or {}
    return [
        *(f"{name} {value}" for name, value in named if value),
        *([f"learned from {show_parts(history)}"] if history else []),
        *(f"{key.replace('_', ' ')} {value}" for key, value in protocol if key not in {"note", *report}),
    ]
