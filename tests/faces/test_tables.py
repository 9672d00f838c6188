"""The tables and the headline say what the report holds, and nothing that it does not."""

from typing import Any

import pytest

from foretune.data.metrics import REGRESSION_METRICS
from foretune.faces.tables import (
    Table,
    case_gap,
    case_tables,
    cost_tables,
    headline,
    performance_tables,
    prediction_tables,
    replay_tables,
)


def family_row(**changes: Any) -> dict[str, Any]:
    """One family's means."""
    return {"family": "svm", "cases": 2, "gap_recommended": 0.002, "seconds_saved": 0.93} | changes


def case(dataset: str = "iris", **searches: Any) -> dict[str, Any]:
    """One dataset, searched."""
    return {"dataset": dataset, "family": "svm", "searches": searches}


def forecast_row(learner: str = "forest", rmse: float = 0.03) -> dict[str, Any]:
    """How well one learner forecast."""
    return {"family": "svm", "learner": learner, "rmse": rmse, "r2": 0.9, "spearman": 0.8}


def replay_row(*trials: int) -> dict[str, Any]:
    """The regret of one learner."""
    return {"family": "svm", "learner": "forest", "trials": trials, "regret": [1 / n for n in trials]}


def column(table: Table, head: str) -> list[str]:
    """The cells under a head."""
    return [row[list(table.heads).index(head)] for row in table.rows]


@pytest.mark.parametrize(
    ("gap", "saved", "words"),
    [
        (
            0.002,
            0.93,
            "reached the full grid within 0.0020 accuracy on average, with 93 % of the seconds saved.",
        ),
        (-0.01, 0.5, "beat the full grid by 0.010 accuracy on average, with 50 % of the seconds saved."),
        (0.0, None, "matched the full grid in accuracy on average."),
        (None, -0.2, "was compared with the full grid, in 20 % more time."),
    ],
)
def test_the_headline_says_the_result(gap: float | None, saved: float | None, words: str) -> None:
    """The headline is computed: which way the gap points, and what it cost."""
    row = family_row(gap_recommended=gap, seconds_saved=saved)
    report = {"summary": [row], "cases": [case(), case("wine")]}
    assert headline(report) == f"1 family on 2 datasets: the recommended cell {words}"


def test_the_headline_weighs_families_by_their_cases() -> None:
    """A family with three cases counts three times as much as one with a single case."""
    rows = [family_row(cases=3, gap_recommended=0.04), family_row(cases=1, gap_recommended=0.08)]
    assert "within 0.050 accuracy" in headline({"summary": rows})


def test_the_headline_is_about_all_cases() -> None:
    """Where the row over all cases is known, its figures are told, and it is no family of its own."""
    everything = family_row(family="all", gap_recommended=0.3, seconds_saved=0.5)
    text = headline({"summary": [family_row(), family_row(family="cnn")], "overall": everything})
    assert text.startswith("2 families: ")
    assert "within 0.30 accuracy" in text
    assert "50 % of the seconds" in text


def test_all_is_the_last_row_of_several() -> None:
    """The row over all cases ends the tables of several families, and is left out beside a single one."""
    one = {"summary": [family_row()], "overall": family_row(family="all")}
    two = one | {"summary": [family_row(), family_row(family="cnn")]}
    for tables in performance_tables, cost_tables:
        for table in tables(one):
            assert "all" not in column(table, "family")
        for table in tables(two):
            assert list(filter(None, column(table, "family"))) == ["svm", "cnn", "all"]


def test_a_summary_is_completed_by_its_cases() -> None:
    """What only the cases know (the fixed cell, fits) is their mean, where every case knows it."""
    cases = [case(fixed={"accuracy": 0.93}), case(fixed={"accuracy": 0.91})]
    scores = performance_tables({"summary": [family_row()], "cases": cases})[0]
    assert column(scores, "fixed") == ["0.920", "–"]
    scores = performance_tables({"summary": [family_row()], "cases": [*cases, case()]})[0]
    assert column(scores, "fixed") == ["–", "–"]


@pytest.mark.parametrize(
    ("metric", "shown"),
    [
        ("accuracy", ["accuracy", "F1 macro"]),
        ("f1_macro", ["F1 macro", "accuracy"]),
        ("roc_auc", ["roc_auc", "accuracy", "F1 macro"]),
        *((metric, [metric]) for metric in REGRESSION_METRICS),
    ],
)
def test_scores_are_those_of_the_metric(metric: str, shown: list[str]) -> None:
    """The metric at hand comes first; accuracy and F1 stand beside it for classification only."""
    keys = {"F1 macro": "f1"}
    known = {f"{keys.get(score, score)}_grid": 0.1 * n for n, score in enumerate(shown, start=1)}
    report = {"metric": metric, "summary": [family_row(**known)]}
    scores = performance_tables(report)[0]
    assert column(scores, "score") == shown
    assert column(scores, "grid") == ["0.100", "0.200", "0.300"][: len(shown)]
    found = case(grid={"inner": 0.5, metric: 0.25})
    assert column(case_tables(found, report)[0], "outer") == ["0.250"]
    assert case_tables(found, report)[0].heads[4 : 3 + len(shown)] == shown[1:]


@pytest.mark.parametrize(("metric", "gap"), [("accuracy", 0.25), ("r2", 0.25), ("rmse", -1 / 3)])
def test_a_gap_is_a_loss(metric: str, gap: float) -> None:
    """A search that scores lower is behind, unless the metric counts errors, whose gap is a share."""
    assert case_gap(case(recommended={metric: 0.5}, grid={metric: 0.75}), metric) == gap


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "−0.0024 ± 0.0019"),
        ({"cases": 1, "gap_difference_error": 0.0}, "−0.0024"),
        ({"gap_difference_error": None}, "−0.0024"),
        ({"gap_difference_to_fixed": None}, "–"),
    ],
)
def test_the_difference_to_the_fixed_cell_has_its_error(changes: dict[str, Any], text: str) -> None:
    """The paired difference is shown with its standard error, where more than one case tells it."""
    row = family_row(gap_difference_to_fixed=-0.0024, gap_difference_error=0.0019) | changes
    (gaps,) = performance_tables({"summary": [row]})[1:]
    assert column(gaps, "rec. − fixed") == [text]


def test_a_gap_of_errors_is_told_as_a_share() -> None:
    """By rmse headline and table say that a gap is a share of the grid's error; by r2 they do not."""
    report = {"metric": "rmse", "summary": [family_row(gap_recommended=0.031)]}
    assert "within 3.1 % of its rmse on average" in headline(report)
    assert performance_tables(report)[-1].title.startswith("Gap to the grid, as a share of its rmse")
    assert "within 0.031 r2 on average" in headline(report | {"metric": "r2"})


def test_memory_is_not_saved() -> None:
    """Both peaks are shown, without a share saved, which other costs have."""
    row = family_row(peak_recommended=4e3, peak_grid=2e6, cpu_recommended=1.0, cpu_grid=4.0)
    (costs,) = cost_tables({"summary": [row]})
    assert ["", "peak memory", "4 kB", "2.0 MB", ""] in costs.rows
    assert ["", "CPU time", "1.00 s", "4.00 s", "75 %"] in costs.rows


def test_both_sides_of_a_split_stand_together() -> None:
    """A learner's error on held-out groups is followed by that on the groups it learned from."""
    new = [forecast_row("forest", 0.2), forecast_row("network", 0.4)]
    past = [forecast_row("forest", 0.1), forecast_row("network", 0.3), forecast_row("portfolio", 0.5)]
    (table,) = prediction_tables({"prediction": new, "prediction_on_past": past})
    assert column(table, "learner") == ["forest", "", "network", "", "portfolio"]
    assert column(table, "groups") == ["held out", "learned from"] * 2 + ["learned from"]
    assert column(table, "RMSE") == ["0.200", "0.100", "0.400", "0.300", "0.500"]
    (table,) = prediction_tables({"prediction": new})
    assert "groups" not in table.heads


@pytest.mark.parametrize(
    ("trials", "narrow", "wide"),
    [
        ((1, 2, 3, 5, 10, 20, 30), [1, 3, 10, 30], [1, 3, 5, 10, 30]),
        ((1, 2, 3, 5, 10), [1, 2, 5, 10], [1, 2, 3, 5, 10]),
        ((1, 2, 3), [1, 2, 3], [1, 2, 3]),
        ((1,), [1], [1]),
    ],
)
def test_a_replay_shows_some_trial_counts(
    trials: tuple[int, ...], narrow: list[int], wide: list[int]
) -> None:
    """At most four counts of trials, and a fifth where there is room; first and last are always there."""
    (table,) = replay_tables({"replay": [replay_row(*trials)]})
    for shown, counts in ((table, wide), (table.narrow(), narrow)):
        assert list(shown.heads[2:-1]) == [f"at {n}" for n in counts]
        assert [float(text) for text in shown.rows[0][2:-1]] == pytest.approx(
            [1 / n for n in counts], rel=0.05
        )
