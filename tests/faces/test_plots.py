"""Pictures of one search."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from foretune.data.records import Task, Trial
from foretune.faces.plots import plot_optimization_history, plot_param_importances, plot_slice
from foretune.recommender.recommender import Recommender
from foretune.testing import RELATED_CELLS, related_space, related_task, related_tasks

SVG = "{http://www.w3.org/2000/svg}"
TASK = related_task("churn", 0.5, 0.4, cells=RELATED_CELLS[:6])


def heights(svg: str) -> list[float]:
    """The pixels of the circles, from the top."""
    return [float(mark.get("cy", "")) for mark in ElementTree.fromstring(svg).iter(SVG + "circle")]


@pytest.mark.parametrize(("metric", "higher"), [("accuracy", True), ("rmse", False)])
def test_the_best_so_far_never_gets_worse(metric: str, *, higher: bool) -> None:
    """After each trial the curve stands at the best score so far, by the metric's own direction."""
    sign = -1.0 if higher else 1.0
    trials = (Trial({"C": float(k + 1)}, sign * score) for k, score in enumerate((0.5, 0.3, 0.7, 0.6)))
    plot = plot_optimization_history(Task("t", "svm", related_space(), metric=metric).plus(*trials))
    found = heights(plot.charts[0])
    best = found[4:]
    assert len(found) == 8
    assert best == sorted(best, reverse=higher)
    assert len(set(best)) == 2


def test_each_hyperparameter_has_its_slice() -> None:
    """One chart for each hyperparameter that was tried, or for those asked for."""
    assert len(plot_slice(TASK).charts) == 2
    (chart,) = plot_slice(TASK, ["C"]).charts
    assert len(heights(chart)) == len(TASK.done)


def test_importances_are_bars_of_shares(tmp_path: Path) -> None:
    """One bar for each hyperparameter; saved, one chart is an SVG image and several are a page."""
    explanation = Recommender().fit(related_tasks()).explain(TASK)
    plot = plot_param_importances(explanation)
    path = plot.save(tmp_path / "what matters.svg")
    assert len(list(ElementTree.parse(path).iter(SVG + "rect"))) >= 2
    page = plot_slice(TASK).save(tmp_path / "slices.html", title="<b>").read_text(encoding="utf-8")
    assert page.count("<svg") == 2
    assert "<b>" not in page
    assert plot._repr_html_().count("<svg") == 1
