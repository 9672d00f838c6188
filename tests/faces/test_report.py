"""A report is one page that needs nothing else, strict JSON, and tables that fit a terminal."""

import json
import math
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from foretune.faces.report import print_replay, print_report, strict, write_report

HOSTILE = "<script>alert('&\"')</script>[/red]\x1b[31m"
TRIALS = [1, 2, 3, 5, 10, 20, 30]


def search(accuracy: float, seconds: float) -> dict[str, Any]:
    """What one search found and cost."""
    return {
        "config": {"C": 10, "class_weight": None},
        "inner": accuracy,
        "accuracy": accuracy,
        "f1_macro": accuracy,
        "fits": 5,
        "seconds": seconds,
        "cpu_seconds": seconds,
        "peak_bytes": 2e6,
        "overhead_seconds": 0.25,
    }


def case(family: str = "svm", dataset: str = "iris", **changes: Any) -> dict[str, Any]:
    """One dataset searched in four ways."""
    searches = {
        "recommended": search(0.95, 1.0),
        "grid": search(0.96, 10.0),
        "default": search(0.9, 1.0),
        "fixed": search(0.93, 1.0),
    }
    cells = {"predicted": [0.9, 0.8], "measured": [0.91, 0.7]}
    because = [{"dataset": "seeds", "similarity": 0.8, "weight": 0.1}]
    return {
        "dataset": dataset,
        "family": family,
        "cells": 2,
        "searches": searches,
        **cells,
        "because": because,
    } | changes


def replay_row(learner: str, family: str = "svm") -> dict[str, Any]:
    """The regret of one learner."""
    return {
        "family": family,
        "learner": learner,
        "trials": TRIALS,
        "regret": [0.1 / n for n in TRIALS],
        "rank": [1.5] * len(TRIALS),
    }


def summary_row(**changes: Any) -> dict[str, Any]:
    """One family's means."""
    gaps = {"gap_recommended": 0.002, "gap_difference_to_fixed": -0.0024, "gap_difference_error": 0.0019}
    return {"family": "svm", "cases": 2, **gaps, "gap_fixed": 0.0044, "seconds_saved": 0.93} | changes


def full_report(name: str = "svm") -> dict[str, Any]:
    """A report with every key."""
    return {
        "title": "an experiment",
        "date": "2026-11-23",
        "foretune": "0.1.0",
        "metric": "accuracy",
        "learner": "network",
        "history": {"tasks": 291, "datasets": 97, "trials": 12000},
        "protocol": {"outer_test_share": 0.25, "note": "judged on an outer test part"},
        "cases": [case(name), case(name, name)],
        "summary": [summary_row(family=name)],
        "overall": summary_row(family="all"),
        "prediction": [{"family": name, "learner": "network", "rmse": 0.03, "r2": 0.9, "spearman": None}],
        "replay": [replay_row(learner, name) for learner in ("random", "portfolio", "network", name)],
        "unseen_family": [
            {"family": name, "from": [name, "cnn"], "shared": ["max_depth"], "gap_recommended": 0.004}
        ],
    }


def both_sides(report: dict[str, Any]) -> dict[str, Any]:
    """The report with the error on the groups learned from, too."""
    return report | {"prediction_on_past": report["prediction"]}


def html_of(report: dict[str, Any], folder: Path) -> str:
    """The page of a report."""
    return write_report(report, folder).read_text(encoding="utf-8")


def printed(report: dict[str, Any], show: Any = print_report, *, width: int = 80) -> str:
    """What a terminal of so many letters gets."""
    text = StringIO()
    show(report, Console(file=text, width=width))
    return text.getvalue()


class Page(HTMLParser):
    """The elements of a page: their tags, ids, and what they load or lead to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes the element."""
        self.tags.append(tag)
        self.ids |= {value for name, value in attrs if name == "id" and value}
        self.links += [value for name, value in attrs if name in {"src", "href", "xlink:href"} and value]


def test_two_files_are_written(tmp_path: Path) -> None:
    """The folder is made, and holds the page and its numbers."""
    page = write_report(full_report(), tmp_path / "new" / "folder")
    assert page == tmp_path / "new" / "folder" / "report.html"
    assert json.loads(page.with_suffix(".json").read_text()) == strict(full_report())


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    """A family or dataset named like a script or like console markup is shown as it is spelled."""
    html = html_of(
        full_report(HOSTILE) | {"title": HOSTILE, "protocol": {HOSTILE: HOSTILE, "note": HOSTILE}}, tmp_path
    )
    assert "script" not in Page(html).tags
    assert "&lt;script&gt;" in html
    assert "\x1b" not in html + printed(full_report(HOSTILE))
    assert "<script>" in printed(full_report(HOSTILE))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, np.float64("nan"), None])
def test_what_is_not_finite_is_null_and_a_dash(bad: float, tmp_path: Path) -> None:
    """Numbers that are missing or not finite are null in JSON, and nowhere printed as nan or inf."""
    report = full_report() | {
        "summary": [summary_row(gap_recommended=bad, seconds_saved=bad, accuracy_grid=bad)],
        "replay": [replay_row("network") | {"regret": [bad] * 7, "rank": [bad] * 7}],
        "cases": [case(predicted=[bad, 0.5], searches={"recommended": search(bad, bad), "grid": {}})],
    }
    html = html_of(report, tmp_path)
    json.loads((tmp_path / "report.json").read_text(), parse_constant=pytest.fail)
    cells = html.split("<main>")[1].replace("inner", "")
    assert ">nan" not in cells
    assert ">inf" not in cells
    assert "–" in printed(report)


def test_an_empty_report_is_fine(tmp_path: Path) -> None:
    """A report that holds nothing says so, in one page without sections."""
    assert Page(html_of({}, tmp_path)).ids == set()
    assert "holds no results yet" in printed({})
    assert printed({}, print_replay) == ""


def test_the_page_needs_nothing_else(tmp_path: Path) -> None:
    """The page loads nothing: no link, no script, and no address but the SVG namespace."""
    html = html_of(full_report(), tmp_path)
    page = Page(html)
    assert page.links == []
    assert {"script", "link", "img", "iframe"}.isdisjoint(page.tags)
    without_namespace = html.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "http://" not in without_namespace
    assert "https://" not in without_namespace
    assert "@import" not in html


@pytest.mark.parametrize(
    ("key", "sections"),
    [
        ("prediction", {"prediction"}),
        ("summary", {"performance", "efficiency"}),
        ("replay", {"generalisation"}),
        ("unseen_family", {"generalisation"}),
        ("cases", {"prediction", "performance", "efficiency", "cases"}),
        ("prediction_on_past", {"prediction"}),
        ("history", set()),
        ("overall", set()),
    ],
)
def test_sections_appear_with_their_keys(key: str, sections: set[str], tmp_path: Path) -> None:
    """A report that holds one key shows the sections that need it, and no other."""
    assert Page(html_of({key: both_sides(full_report())[key]}, tmp_path)).ids == sections


def test_a_missing_key_takes_its_table_along(tmp_path: Path) -> None:
    """Without a key, its table is gone from the console and the others stay."""
    tables = {
        "prediction": "RMSE",
        "summary": "Gap to the grid (",
        "replay": "in replay",
        "unseen_family": "never seen",
    }
    for key, mark in tables.items():
        text = printed({name: part for name, part in full_report().items() if name != key})
        assert [other for other in tables.values() if other not in text] == [mark]


def test_the_console_tables_fit() -> None:
    """No line is longer than a terminal of 80 letters, even with long names."""
    for name in "random_forest", "a_family_whose_name_is_far_too_long_for_any_terminal":
        for show in print_report, print_replay:
            assert max(map(len, printed(full_report(name), show).splitlines())) <= 80


def test_the_numbers_of_common_tables_are_whole() -> None:
    """With the names of the shipped families and learners, nothing is cut off at 80 letters."""
    report = full_report("random_forest") | {"replay": [replay_row("gaussian_process", "random_forest")]}
    report["prediction"][0] |= {"learner": "gaussian_process", "r2": -17.798, "spearman": -0.077}
    for whole in report, both_sides(report):
        assert "…" not in printed(whole)


def test_a_wide_terminal_and_the_page_show_more(tmp_path: Path) -> None:
    """From 100 letters on, and on the page, the fixed cell's gap and a fifth count of trials are shown."""
    shown = ["at 5", "+0.0044"]
    for text in printed(full_report(), width=100), html_of(full_report(), tmp_path):
        assert all(mark in text for mark in shown)
    assert not any(mark in printed(full_report(), width=99) for mark in shown)


def test_the_byline_says_everything_once(tmp_path: Path) -> None:
    """What the report itself names is not named again as part of its protocol."""
    html = html_of(full_report() | {"protocol": {"metric": "accuracy", "folds": 5}}, tmp_path)
    assert html.count("<li>metric accuracy</li>") == 1
    assert "<li>folds 5</li>" in html


def test_the_bars_follow_the_metric(tmp_path: Path) -> None:
    """An error that is lower than the grid's is a gap below zero, a share of the grid's."""
    searches = {"recommended": {"rmse": 1.0}, "grid": {"rmse": 1.5}}
    html = html_of({"metric": "rmse", "cases": [case(searches=searches)]}, tmp_path)
    assert "svm on iris: gap −0.3333" in html
    assert "<title>svm on iris: −0.3333</title>" in html


def test_a_replay_is_printed_alone() -> None:
    """The replay's table shows learners, regret and prediction, and nothing of the searches."""
    text = printed(full_report(), print_replay)
    assert "portfolio" in text
    assert "RMSE" in text
    assert "Gap" not in text
    assert "learned from" in printed(both_sides(full_report()), print_replay)


def test_random_search_is_dashed(tmp_path: Path) -> None:
    """Only the curve of random search is dashed, in grey."""
    html = html_of({"replay": [replay_row("random"), replay_row("network")]}, tmp_path)
    assert html.count('class="curve dashed"') == 1
    assert html.count('class="curve"') == 1


def test_many_datasets_show_the_worst(tmp_path: Path) -> None:
    """Beyond thirty datasets the bars keep the worst, and say so."""
    cases = [
        case(dataset=f"d{n}", searches={"recommended": search(0.9, n), "grid": search(0.9, 100)})
        for n in range(40)
    ]
    html = html_of({"cases": cases}, tmp_path)
    assert "the 30 worst of 40" in html
    saved = html.split("seconds saved, the 30 worst", 1)[1].split("</svg>")[0]
    assert ">d39<" in saved
    assert ">d3<" not in saved


def test_plain_python_is_what_json_holds() -> None:
    """Numpy scalars, tuples and strange objects become what JSON can hold; truth values stay."""
    assert strict({1: np.int64(2), "a": (np.bool_(True), Path("x"))}) == {"1": 2, "a": [True, "x"]}
