"""What a report says in words and numbers: its headline, its tables, and how each number is written.

A report is a plain mapping, and every part of it is optional: what it holds is shown, and a number that is
missing is a dash. The page and the console show the same tables, which are built here once.
A gap is the search's outer loss minus the grid's, positive where the search did worse, of an error in
the target's units as a share of the grid's.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any, Final, NamedTuple

from foretune.data.metrics import CLASSIFICATION_METRICS, HAS_UNITS, gap_to
from foretune.faces.axes import is_number
from foretune.faces.figures import (
    show_bytes,
    show_count,
    show_digits,
    show_gap,
    show_score,
    show_seconds,
    show_share,
    show_whole,
)

Report = Mapping[str, Any]
Row = Mapping[str, Any]

DASH: Final = "–"
SEARCHES: Final = ("recommended", "grid", "default", "fixed")

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
    """A table as text: the first `texts` columns hold words, the others numbers; `spare` need a wide page."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: int = 1
    spare: Collection[int] = ()

    def narrow(self) -> "Table":
        """The table without its spare columns."""
        kept = [n for n in range(len(self.heads)) if n not in self.spare]
        rows = [[row[n] for n in kept] for row in self.rows]
        return Table(self.title, [self.heads[n] for n in kept], rows, self.texts)


def headline(report: Report) -> str:
    """The result of the report in one sentence."""
    summary = report.get("summary")
    if not summary:
        return _without_result(report)
    rows = [report["overall"]] if report.get("overall") else summary
    datasets = {case.get("dataset") for case in report.get("cases") or ()}
    on = f" on {show_count(len(datasets), 'dataset', 'datasets')}" if datasets else ""
    subject = show_count(len(summary), "family", "families")
    return f"{subject}{on}: the recommended cell {_reached(rows, metric_of(report))}{_at_what_cost(rows)}."


def _without_result(report: Report) -> str:
    if history := report.get("history"):
        return f"Learned from {show_parts(history)}."
    return "Past searches, replayed." if report.get("replay") else "This report holds no results yet."


def _reached(rows: Sequence[Row], metric: str) -> str:
    gap = _mean_over_cases(rows, "gap_recommended")
    if gap is None:
        return "was compared with the full grid"
    if abs(gap) < 0.00005:
        return f"matched the full grid in {metric} on average"
    verb = "reached the full grid within" if gap > 0 else "beat the full grid by"
    much = f"{show_digits(100 * abs(gap))} % of its" if metric in HAS_UNITS else show_digits(abs(gap))
    return f"{verb} {much} {metric} on average"


def _at_what_cost(rows: Sequence[Row]) -> str:
    saved = _mean_over_cases(rows, "seconds_saved")
    if saved is None:
        return ""
    share = show_share(abs(saved))
    return f", with {share} of the seconds saved" if saved >= 0 else f", in {share} more time"


def _mean_over_cases(rows: Iterable[Row], key: str) -> float | None:
    """The mean of a measure over all cases, each row weighing as much as it has cases."""
    known = [(row[key], row.get("cases") or 1) for row in rows if is_number(row.get(key))]
    return sum(value * cases for value, cases in known) / sum(cases for _, cases in known) if known else None


def prediction_tables(report: Report) -> list[Table]:
    """How well scores were forecast; where both sides of a split are known, one below the other."""
    new, past = report.get("prediction") or (), report.get("prediction_on_past") or ()
    heads, numbers = ["family", "learner", "RMSE", "R²", "Spearman"], ("rmse", "r2", "spearman")
    title = "Error of the predicted scores"
    if not past:
        rows = [[word(row, "family"), word(row, "learner"), *_cells(row, numbers, show_score)] for row in new]
        return _filled(Table(title, heads, rows, texts=2))
    sides: dict[tuple[str, str], list[list[str]]] = {}
    for side, found in (("held out", new), ("learned from", past)):
        for row in found:
            key = word(row, "family"), word(row, "learner")
            sides.setdefault(key, []).append([side, *_cells(row, numbers, show_score)])
    pairs = [
        [*(key if n == 0 else ("", "")), *row] for key, rows in sides.items() for n, row in enumerate(rows)
    ]
    heads.insert(2, "groups")
    title += ", on groups held out and learned from"
    return _filled(Table(title, heads, pairs, texts=3))


def performance_tables(report: Report) -> list[Table]:
    """The scores of each search, and how far they are from the grid's."""
    return _score_table(report) + _gap_table(report)


def _score_table(report: Report) -> list[Table]:
    rows = []
    for row in _summary(report):
        for n, measure in enumerate(_measures(report)):
            keys = [f"{measure.removesuffix('_macro')}_{search}" for search in SEARCHES]
            rows.append(["" if n else word(row, "family"), _label(measure), *_cells(row, keys, show_score)])
    return _filled(Table("Score on the outer test part", ["family", "score", *SEARCHES], rows, texts=2))


def _gap_table(report: Report) -> list[Table]:
    rows = [
        [
            word(row, "family"),
            *_cells(row, ("cases",), show_whole),
            _with_error(row, "gap_recommended", "gap_error"),
            *_cells(row, ("gap_fixed",), show_gap),
            _with_error(row, "gap_difference_to_fixed", "gap_difference_error"),
            *_cells(row, ("gap_default",), show_gap),
            *_cells(row, ("within_001",), show_share),
        ]
        for row in _summary(report)
    ]
    heads = ["family", "cases", "recommended", "fixed", "rec. − fixed", "default", "≤ 0.01"]
    # Of the columns only the fixed cell's own gap follows from the others.
    return _filled(Table(f"{gap_name(report)} (positive: worse than the grid)", heads, rows, spare=[3]))


def gap_name(report: Report) -> str:
    """What gaps are called: errors in the target's units are no sum, so their gaps are shares."""
    metric = metric_of(report)
    return f"Gap to the grid, as a share of its {metric}" if metric in HAS_UNITS else "Gap to the grid"


def _with_error(row: Row, key: str, error_key: str) -> str:
    """A gap, or a difference of gaps, with its standard error, which one case cannot have."""
    shown, error = _cell(row.get(key), show_gap), row.get(error_key)
    return f"{shown} ± {error:.4f}" if is_number(error) and shown != DASH and row.get("cases") != 1 else shown


def cost_tables(report: Report) -> list[Table]:
    """What the recommended search and the grid cost, and the share saved."""
    rows = []
    for row in _summary(report):
        peaks = _cells(row, ("peak_recommended", "peak_grid"), show_bytes)
        rows += [
            [word(row, "family"), "fits", *_costs(row, "fits", show_whole)],
            ["", "time", *_costs(row, "seconds", show_seconds)],
            ["", "CPU time", *_costs(row, "cpu", show_seconds)],
            # What a process took beyond its peak so far may be a few kB: a share of that says nothing.
            ["", "peak memory", *peaks, ""],
        ]
        if is_number(row.get("overhead_recommended")):
            rows.append(["", "the advice itself", show_seconds(row["overhead_recommended"]), "", ""])
    heads = ["family", "cost", "recommended", "grid", "saved"]
    return _filled(Table("Mean cost of a search", heads, rows, texts=2))


def _costs(row: Row, measure: str, show: Callable[[float], str]) -> list[str]:
    """What both searches cost, and the share saved: as the summary gives it, else from the two costs."""
    mine, grid = row.get(f"{measure}_recommended"), row.get(f"{measure}_grid")
    saved = row.get(f"{measure}_saved", _saved(mine, grid))
    return [_cell(mine, show), _cell(grid, show), _cell(saved, show_share)]


def _saved(mine: Any, grid: Any) -> float | None:
    return 1 - mine / grid if is_number(mine) and is_number(grid) and grid > 0 else None


def generalisation_tables(report: Report) -> list[Table]:
    """The regret on datasets, and the gap for families, that were left out of learning."""
    return replay_tables(report) + _unseen_table(report)


def replay_tables(report: Report) -> list[Table]:
    """The regret of each learner after some of the trial counts; the curves show all."""
    replay = report.get("replay") or []
    trials = sorted({n for row in replay for n in row.get("trials") or ()})
    # A terminal of 80 letters has room for four, one of 100 letters for the one in the middle, too.
    few = trials if len(trials) <= 4 else [trials[round(n * (len(trials) - 1) / 3)] for n in range(4)]
    shown = sorted({*few, *trials[len(trials) // 2 :][:1]})
    rows = []
    for row in replay:
        regret, rank = by_trial(row, "regret"), by_trial(row, "rank")
        regrets = [_cell(regret.get(n), show_digits) for n in shown]
        last = _cell(rank.get(trials[-1]) if trials else None, "{:.2f}".format)
        rows.append([word(row, "family"), word(row, "learner"), *regrets, last])
    heads = ["family", "learner", *(f"at {n}" for n in shown), "last rank"]
    spare = [2 + n for n, count in enumerate(shown) if count not in few]
    title = "Mean regret after so many trials, in replay"
    return _filled(Table(title, heads, _grouped(rows), texts=2, spare=spare))


def by_trial(row: Row, key: str) -> dict[Any, Any]:
    """The number of trials -> the measure after them."""
    return dict(zip(row.get("trials") or (), row.get(key) or (), strict=False))


def _grouped(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """The rows with their first word only where it changes."""
    before = ["", *(row[0] for row in rows)]
    return [["" if row[0] == last else row[0], *row[1:]] for row, last in zip(rows, before, strict=False)]


def _unseen_table(report: Report) -> list[Table]:
    rows = [
        [
            word(row, "family"),
            ", ".join(map(str, row.get("from") or ())) or DASH,
            ", ".join(map(str, row.get("shared") or ())) or DASH,
            *_cells(row, ("cases",), show_whole),
            *_cells(row, ("gap_recommended", "gap_default"), show_gap),
        ]
        for row in report.get("unseen_family") or ()
    ]
    heads = ["family", "learned from", "shared", "cases", "gap", "default"]
    return _filled(Table(f"{gap_name(report)}, for a family never seen before", heads, rows, texts=3))


def case_title(case: Row, report: Report) -> str:
    """The case and its result in a few words."""
    gap, saved = case_gap(case, metric_of(report)), case_saved(case)
    results = [
        *([f"gap {show_gap(gap)}"] if gap is not None else []),
        *([f"{show_share(saved)} of the seconds saved"] if saved is not None else []),
    ]
    return ": ".join(filter(None, [about(case), ", ".join(results)]))


def case_tables(case: Row, report: Report) -> list[Table]:
    """What each search of the case chose and cost, and the past tasks behind the advice."""
    metric, *others = _measures(report)
    searches = [
        [
            name,
            _show_config(found.get("config") or {}),
            *_cells(found, ("inner", metric, *others), show_score),
            *_cells(found, ("fits", "failed"), lambda n: show_whole(n) if n else ""),
            *_cells(found, ("seconds", "cpu_seconds", "overhead_seconds"), show_seconds),
            *_cells(found, ("peak_bytes",), show_bytes),
        ]
        for name, found in (case.get("searches") or {}).items()
    ]
    because = [
        [word(past, "dataset"), *_cells(past, ("similarity", "weight"), show_score)]
        for past in case.get("because") or ()
    ]
    scores = ["inner", "outer", *map(_label, others), "fits", "failed"]
    heads = ["search", "config", *scores, "time", "CPU time", "advice", "peak memory"]
    past_tasks = Table("Because of these past tasks", ["dataset", "similarity", "weight"], because)
    return _filled(Table("Searches", heads, searches, texts=2)) + _filled(past_tasks)


def case_gap(case: Row, metric: str) -> float | None:
    """The gap of the recommended search to the grid."""
    mine, grid = (_search(case, name).get(metric) for name in ("recommended", "grid"))
    return gap_to(metric, mine, grid) if is_number(mine) and is_number(grid) else None


def case_saved(case: Row) -> float | None:
    """The share of the grid's seconds that the recommended search saved, the advice itself counted in."""
    mine, grid = _search(case, "recommended"), _search(case, "grid")
    seconds, advice = mine.get("seconds"), mine.get("overhead_seconds") or 0.0
    return _saved(seconds + advice if is_number(seconds) else None, grid.get("seconds"))


def metric_of(report: Report) -> str:
    """The metric that the searches were judged by."""
    return str(report.get("metric") or "accuracy")


def _measures(report: Report) -> list[str]:
    """The metric at hand, and for classification accuracy and F1 beside it."""
    metric = metric_of(report)
    beside = ("accuracy", "f1_macro") if metric in CLASSIFICATION_METRICS else ()
    return list(dict.fromkeys((metric, *beside)))


def _label(measure: str) -> str:
    return "F1 macro" if measure == "f1_macro" else measure


def _summary(report: Report) -> list[Row]:
    """A row for each family and, where there are several, one over all.

    Where the summary leaves something out that its cases know, their mean completes it.
    """
    cases = by_family(report.get("cases"))
    rows = [_means(cases.get(word(row, "family"), [])) | row for row in report.get("summary") or ()]
    if report.get("overall") and len(rows) > 1:
        rows.append(_means(report.get("cases") or ()) | report["overall"])
    return rows


def _means(cases: Sequence[Row]) -> dict[str, Any]:
    means = {}
    for key, (search, measure) in FROM_CASES.items():
        known = [value for case in cases if is_number(value := _search(case, search).get(measure))]
        # A mean over some of the cases must not stand beside a mean over all of them.
        if known and len(known) == len(cases):
            means[key] = fmean(known)
    return means


def _search(case: Row, name: str) -> Row:
    return (case.get("searches") or {}).get(name) or {}


def by_family(rows: Iterable[Row] | None) -> dict[str, list[Row]]:
    """The rows of each family, in their order."""
    families: dict[str, list[Row]] = {}
    for row in rows or ():
        families.setdefault(word(row, "family"), []).append(row)
    return families


def about(case: Row) -> str:
    """The case's family and dataset, and its seed where there are several."""
    seed = "" if case.get("seed") is None else f", seed {case['seed']}"
    return f"{word(case, 'family')} on {word(case, 'dataset')}{seed}"


def _filled(table: Table) -> list[Table]:
    """The table, or none where it has no rows."""
    return [table] if table.rows else []


def word(row: Row, key: str) -> str:
    """What the row holds, as text."""
    return str(row.get(key) or DASH)


def _cells(row: Row, keys: Iterable[str], show: Callable[[float], str]) -> list[str]:
    return [_cell(row.get(key), show) for key in keys]


def _cell(value: Any, show: Callable[[float], str]) -> str:
    return show(value) if is_number(value) else DASH


def _show_config(config: Row) -> str:
    return ", ".join(f"{name}={value}" for name, value in config.items()) or DASH


def show_parts(counts: Row) -> str:
    """Each number with its name."""
    return ", ".join(f"{_cell(number, show_whole)} {name}" for name, number in counts.items())
