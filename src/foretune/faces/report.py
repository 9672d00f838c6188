"""The report of an experiment: one HTML page that needs nothing else, the numbers as JSON, console tables.

A report is a plain mapping, and every part of it is optional: what it holds is shown, section by section, and
a number that is missing is a dash. The page and the console show the same tables, which are built here once.
A gap is the grid's outer score minus the search's: positive where the search did worse than the grid.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Final, NamedTuple

from markupsafe import Markup
from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from foretune.data.records import plain
from foretune.faces.charts import (
    GREY,
    PALETTE,
    Bar,
    Point,
    Series,
    bars,
    is_number,
    legible,
    lines,
    render,
    scatter,
)

Report = Mapping[str, Any]
Row = Mapping[str, Any]

DASH: Final = "–"
SEARCHES: Final = ("recommended", "grid", "default", "fixed")
BASELINE: Final = "random"
MOST_BARS: Final = 30  # nobody reads more, and the worst come first

# What a summary may leave out and its cases know: key -> (search, measure).
FROM_CASES: Final = {
    "accuracy_fixed": ("fixed", "accuracy"),
    "f1_fixed": ("fixed", "f1_macro"),
    "fits_recommended": ("recommended", "fits"),
    "fits_grid": ("grid", "fits"),
    "cpu_recommended": ("recommended", "cpu_seconds"),
    "cpu_grid": ("grid", "cpu_seconds"),
    "overhead_recommended": ("recommended", "overhead_seconds"),
}


class Table(NamedTuple):
    """A table as text: the first `texts` columns hold words, the others numbers."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: int = 1


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
    clean = strict({key: report.get(key) for key in ("replay", "prediction")})
    _print_tables(_replay_table(clean) + _prediction_table(clean), console)


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


def headline(report: Report) -> str:
    """The result of the report in one sentence."""
    summary = report.get("summary")
    if not summary:
        return _without_result(report)
    datasets = {case.get("dataset") for case in report.get("cases") or ()}
    on = f" on {_count(len(datasets), 'dataset', 'datasets')}" if datasets else ""
    subject = _count(len(summary), "family", "families")
    return f"{subject}{on}: the recommended cell {_reached(report)}{_at_what_cost(summary)}."


def _without_result(report: Report) -> str:
    if history := report.get("history"):
        return f"Learned from {_parts(history)}."
    return "Past searches, replayed." if report.get("replay") else "This report holds no results yet."


def _reached(report: Report) -> str:
    gap = _mean_over_cases(report["summary"], "gap_recommended")
    metric = report.get("metric") or "accuracy"
    if gap is None:
        return "was compared with the full grid"
    if abs(gap) < 0.00005:
        return f"matched the full grid in {metric} on average"
    verb = (
        f"reached the full grid within {_digits(gap)}"
        if gap > 0
        else f"beat the full grid by {_digits(-gap)}"
    )
    return f"{verb} {metric} on average"


def _at_what_cost(summary: Iterable[Row]) -> str:
    saved = _mean_over_cases(summary, "seconds_saved")
    if saved is None:
        return ""
    return (
        f", with {_share(saved)} of the seconds saved" if saved >= 0 else f", in {_share(-saved)} more time"
    )


def _mean_over_cases(summary: Iterable[Row], key: str) -> float | None:
    """The mean of a measure over all cases, each row of the summary weighing as much as it has cases."""
    known = [(row[key], row.get("cases") or 1) for row in summary if is_number(row.get(key))]
    return sum(value * cases for value, cases in known) / sum(cases for _, cases in known) if known else None


def _prediction_table(report: Report) -> list[Table]:
    rows = [
        [_word(row, "family"), _word(row, "learner"), *_cells(row, ("rmse", "r2", "spearman"), _score)]
        for row in report.get("prediction") or ()
    ]
    heads = ["family", "learner", "RMSE", "R²", "Spearman"]
    return _table("Error of the predicted scores", heads, rows, texts=2)


def _performance_tables(report: Report) -> list[Table]:
    return _score_table(report) + _gap_table(report)


def _score_table(report: Report) -> list[Table]:
    rows = []
    for row in _summary(report):
        scores, f1 = ([f"{measure}_{search}" for search in SEARCHES] for measure in ("accuracy", "f1"))
        rows.append([_word(row, "family"), report.get("metric") or "accuracy", *_cells(row, scores, _score)])
        rows.append(["", "F1 macro", *_cells(row, f1, _score)])
    return _table("Score on the outer test part", ["family", "score", *SEARCHES], rows, texts=2)


def _gap_table(report: Report) -> list[Table]:
    gaps = ("gap_recommended", "gap_fixed", "gap_default")
    rows = [
        [
            _word(row, "family"),
            *_cells(row, ("cases",), _whole),
            *_cells(row, gaps, _gap),
            *_cells(row, ("within_001",), _share),
        ]
        for row in _summary(report)
    ]
    heads = ["family", "cases", "recommended", "fixed", "default", "within 0.01"]
    return _table("Gap to the grid (positive: worse than the grid)", heads, rows)


def _cost_table(report: Report) -> list[Table]:
    rows = []
    for row in _summary(report):
        rows += [
            [_word(row, "family"), "fits", *_costs(row, "fits", _whole)],
            ["", "time", *_costs(row, "seconds", _seconds)],
            ["", "CPU time", *_costs(row, "cpu", _seconds)],
            ["", "peak memory", *_costs(row, "peak", _bytes)],
        ]
        if is_number(row.get("overhead_recommended")):
            rows.append(["", "the advice itself", _seconds(row["overhead_recommended"]), "", ""])
    return _table("Mean cost of a search", ["family", "cost", "recommended", "grid", "saved"], rows, texts=2)


def _costs(row: Row, measure: str, show: Callable[[float], str]) -> list[str]:
    """What both searches cost, and the share saved: as the summary gives it, else from the two costs."""
    mine, grid = row.get(f"{measure}_recommended"), row.get(f"{measure}_grid")
    saved = row.get(f"{measure}_saved", _saved(mine, grid))
    return [_cell(mine, show), _cell(grid, show), _cell(saved, _share)]


def _saved(mine: Any, grid: Any) -> float | None:
    return 1 - mine / grid if is_number(mine) and is_number(grid) and grid > 0 else None


def _generalisation_tables(report: Report) -> list[Table]:
    return _replay_table(report) + _unseen_table(report)


def _replay_table(report: Report) -> list[Table]:
    replay = report.get("replay") or []
    trials = sorted({n for row in replay for n in row.get("trials") or ()})
    # A terminal of 80 letters has room for four; the curves show all.
    shown = trials if len(trials) <= 4 else [trials[round(n * (len(trials) - 1) / 3)] for n in range(4)]
    rows = []
    for row in replay:
        regret, rank = _by_trial(row, "regret"), _by_trial(row, "rank")
        rows.append(
            [
                _word(row, "family"),
                _word(row, "learner"),
                *(_cell(regret.get(n), _digits) for n in shown),
                _cell(rank.get(trials[-1]) if trials else None, "{:.2f}".format),
            ]
        )
    heads = ["family", "learner", *(f"at {n}" for n in shown), "last rank"]
    return _table("Mean regret after so many trials, in replay", heads, _grouped(rows), texts=2)


def _by_trial(row: Row, key: str) -> dict[Any, Any]:
    return dict(zip(row.get("trials") or (), row.get(key) or (), strict=False))


def _grouped(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """The rows with their first word only where it changes."""
    before = ["", *(row[0] for row in rows)]
    return [["" if row[0] == last else row[0], *row[1:]] for row, last in zip(rows, before, strict=False)]


def _unseen_table(report: Report) -> list[Table]:
    rows = [
        [
            _word(row, "family"),
            ", ".join(map(str, row.get("from") or ())) or DASH,
            ", ".join(map(str, row.get("shared") or ())) or DASH,
            *_cells(row, ("cases",), _whole),
            *_cells(row, ("gap_recommended", "gap_default"), _gap),
        ]
        for row in report.get("unseen_family") or ()
    ]
    heads = ["family", "learned from", "shared", "cases", "gap", "default"]
    return _table("Gap to the grid for a family never seen before", heads, rows, texts=3)


def _prediction_charts(report: Report) -> list[str]:
    """Every cell of every case: what was predicted of it, and what was measured."""
    series = [
        Series(family, [point for case in cases for point in _cell_points(case)])
        for family, cases in _by_family(report.get("cases")).items()
    ]
    if not any(one.points for one in series):
        return []
    return [
        scatter(
            series,
            title="Predicted against measured, cell by cell",
            x_label="measured score",
            y_label="predicted score",
        )
    ]


def _cell_points(case: Row) -> list[Point]:
    pairs = zip(case.get("measured") or (), case.get("predicted") or (), strict=False)
    return [
        Point(true, guess, f"{_about(case)}: measured {true:.3f}, predicted {guess:.3f}")
        for true, guess in pairs
        if is_number(true) and is_number(guess)
    ]


def _performance_charts(report: Report) -> list[str]:
    return _bar_charts(report, "gap to the grid", _case_gap, show=_gap, more_is_better=False)


def _efficiency_charts(report: Report) -> list[str]:
    return _bar_charts(report, "seconds saved", _case_saved, show=_share, more_is_better=True, most=1.0)


def _case_gap(case: Row) -> float | None:
    mine, grid = (_search(case, name).get("accuracy") for name in ("recommended", "grid"))
    return grid - mine if is_number(mine) and is_number(grid) else None


def _case_saved(case: Row) -> float | None:
    return _saved(*(_search(case, name).get("seconds") for name in ("recommended", "grid")))


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
        for family, cases in _by_family(report.get("cases")).items()
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
    return [Bar(_word(case, "dataset"), value, f"{_about(case)}: {show(value)}") for case, value in measured]


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
        for family, rows in _by_family(replay).items()
    ]


def _colours(replay: Sequence[Row], *, first: str | None) -> dict[str, str]:
    """Each learner's colour: the report's own learner takes the first, random search is grey."""
    learners = dict.fromkeys(_word(row, "learner") for row in replay)
    ranked = sorted((name for name in learners if name != BASELINE), key=lambda name: name != first)
    return {name: PALETTE[n % len(PALETTE)] for n, name in enumerate(ranked)} | {BASELINE: GREY}


def _curve(row: Row, colours: Mapping[str, str]) -> Series:
    learner = _word(row, "learner")
    points = [
        Point(n, regret, f"{learner}: regret {_digits(regret)} after {n} trials")
        for n, regret in _by_trial(row, "regret").items()
        if is_number(regret)
    ]
    return Series(learner, points, colour=colours[learner], dashed=learner == BASELINE)


SECTIONS: Final = (
    Section(
        "prediction",
        "1 Prediction accuracy",
        "How near the forecast of each cell came to the score that was then measured.",
        _prediction_table,
        _prediction_charts,
    ),
    Section(
        "performance",
        "2 Model performance",
        "Scores on data that no search saw. Fixed is the one cell that was best on past tasks.",
        _performance_tables,
        _performance_charts,
    ),
    Section(
        "efficiency",
        "3 Computational efficiency",
        "What the recommended search cost beside the full grid; the advice itself is timed apart.",
        _cost_table,
        _efficiency_charts,
    ),
    Section(
        "generalisation",
        "4 Generalisation",
        "Searches replayed on datasets that were left out of learning, and families that were never seen.",
        _generalisation_tables,
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
        cases=[(_case_title(case), _case_tables(case)) for case in report.get("cases") or ()],
    )


def _byline(report: Report) -> list[str]:
    """When and how the report came about, a few words each."""
    protocol = {key: value for key, value in (report.get("protocol") or {}).items() if key != "note"}
    named = [(name, report.get(name)) for name in ("date", "foretune", "learner", "metric")]
    history = report.get("history") or {}
    return [
        *(f"{name} {value}" for name, value in named if value),
        *([f"learned from {_parts(history)}"] if history else []),
        *(f"{key.replace('_', ' ')} {value}" for key, value in protocol.items()),
    ]


def _case_title(case: Row) -> str:
    gap, saved = _case_gap(case), _case_saved(case)
    results = [
        *([f"gap {_gap(gap)}"] if gap is not None else []),
        *([f"{_share(saved)} of the seconds saved"] if saved is not None else []),
    ]
    return ": ".join(filter(None, [_about(case), ", ".join(results)]))


def _case_tables(case: Row) -> list[Table]:
    searches = [
        [
            name,
            _config(found.get("config") or {}),
            *_cells(found, ("inner", "accuracy", "f1_macro"), _score),
            *_cells(found, ("fits",), _whole),
            *_cells(found, ("seconds", "cpu_seconds", "overhead_seconds"), _seconds),
            *_cells(found, ("peak_bytes",), _bytes),
        ]
        for name, found in (case.get("searches") or {}).items()
    ]
    because = [
        [_word(past, "dataset"), *_cells(past, ("similarity", "weight"), _score)]
        for past in case.get("because") or ()
    ]
    heads = [
        "search",
        "config",
        "inner",
        "outer",
        "F1 macro",
        "fits",
        "time",
        "CPU time",
        "advice",
        "peak memory",
    ]
    return _table("Searches", heads, searches, texts=2) + _table(
        "Because of these past tasks", ["dataset", "similarity", "weight"], because
    )


def _summary(report: Report) -> list[dict[str, Any]]:
    """The summary's rows, completed by the means of their cases where the summary leaves them out."""
    cases = _by_family(report.get("cases"))
    return [_means(cases.get(_word(row, "family"), [])) | row for row in report.get("summary") or ()]


def _means(cases: Sequence[Row]) -> dict[str, float]:
    means = {}
    for key, (search, measure) in FROM_CASES.items():
        known = [value for case in cases if is_number(value := _search(case, search).get(measure))]
        # A mean over some of the cases must not stand beside a mean over all of them.
        if known and len(known) == len(cases):
            means[key] = fmean(known)
    return means


def _search(case: Row, name: str) -> Row:
    return (case.get("searches") or {}).get(name) or {}


def _by_family(rows: Iterable[Row] | None) -> dict[str, list[Row]]:
    families: dict[str, list[Row]] = {}
    for row in rows or ():
        families.setdefault(_word(row, "family"), []).append(row)
    return families


def _about(case: Row) -> str:
    return f"{_word(case, 'family')} on {_word(case, 'dataset')}"


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int = 1) -> list[Table]:
    """The table, or none where it has no rows."""
    return [Table(title, heads, rows, texts)] if rows else []


def _print_tables(tables: Iterable[Table], console: Console) -> None:
    for table in tables:
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


def _word(row: Row, key: str) -> str:
    return str(row.get(key) or DASH)


def _cells(row: Row, keys: Iterable[str], show: Callable[[float], str]) -> list[str]:
    return [_cell(row.get(key), show) for key in keys]


def _cell(value: Any, show: Callable[[float], str]) -> str:
    return show(value) if is_number(value) else DASH


def _config(config: Row) -> str:
    return ", ".join(f"{name}={value}" for name, value in config.items()) or DASH


def _parts(counts: Row) -> str:
    return ", ".join(f"{_cell(number, _whole)} {name}" for name, number in counts.items())


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _score(value: float) -> str:
    return f"{value:.3f}".replace("-", "−")


def _gap(value: float) -> str:
    return f"{value:+z.4f}".replace("-", "−").replace("+0.0000", "0.0000")


def _digits(value: float) -> str:
    """Two digits that count, without an exponent: 0.0021, 0.15."""
    decimals = 1 - math.floor(math.log10(abs(value))) if value else 0
    return f"{value:.{min(max(decimals, 0), 6)}f}".replace("-", "−")


def _share(value: float) -> str:
    return f"{100 * value:z.0f} %".replace("-", "−")


def _whole(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


def _seconds(value: float) -> str:
    for size, unit in (3600, "h"), (60, "min"):
        if value >= 2 * size:
            return f"{value / size:.1f} {unit}"
    return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"


def _bytes(value: float) -> str:
    for size, unit in (1e9, "GB"), (1e6, "MB"):
        if value >= size:
            return f"{value / size:.1f} {unit}"
    return f"{value / 1e3:.0f} kB"
