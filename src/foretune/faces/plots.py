"""Pictures of one search, under the names that Optuna's users know: its progress, what matters, slices."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from foretune.data.errors import ForetuneError
from foretune.data.metrics import LOWER_IS_BETTER, to_score
from foretune.data.records import Task, Trial
from foretune.faces.charts import GOOD, GREY, Bar, Point, Series, bars, dots, lines
from foretune.recommender.explanation import Explanation


@dataclass(frozen=True)
class Plot:
    """Charts as SVG texts, shown side by side in a notebook."""

    charts: tuple[str, ...]

    def _repr_html_(self) -> str:
        return "".join(f"<div style='display:inline-block;margin:4px'>{chart}</div>" for chart in self.charts)

    def save(self, path: Path | str, title: str = "foretune") -> Path:
        """The path of the picture: an .svg where there is one chart, or an .html page of all of them."""
        path = Path(path)
        if path.suffix not in (".svg", ".html") or (path.suffix == ".svg" and len(self.charts) != 1):
            raise ForetuneError(f"{path.name} cannot hold {len(self.charts)} charts: name it NAME.html.")
        if path.suffix == ".svg":
            text = self.charts[0]
        else:
            head = f"<!doctype html><meta charset='utf-8'><title>{escape(title)}</title>"
            text = f"{head}{self._repr_html_()}"
        path.write_text(text, encoding="utf-8")
        return path


def plot_optimization_history(task: Task) -> Plot:
    """The score of each finished trial, and the best so far."""
    scores = [_score(task, trial) for trial in task.done]
    pick = min if task.metric in LOWER_IS_BETTER else max
    best = [pick(scores[: n + 1]) for n in range(len(scores))]
    series = [
        Series("trials", _points(scores, "trial"), colour=GREY, dashed=True),
        Series("best so far", _points(best, "best after trial"), colour=GOOD),
    ]
    return Plot((lines(series, title=f"{task.name}: progress", x_label="trial", y_label=task.metric),))


def _points(values: Sequence[float], what: str) -> list[Point]:
    return [Point(n, value, f"{what} {n}: {value:.4f}") for n, value in enumerate(values, start=1)]


def plot_param_importances(explanation: Explanation) -> Plot:
    """The share of each hyperparameter in how much losses vary, by the forecast."""
    ranked = sorted(explanation.importances.items(), key=lambda item: -item[1])
    rows = [Bar(name, share, f"{name}: {share:.1%}") for name, share in ranked]
    title = f"{explanation.task}: what matters"
    return Plot((bars(rows, title=title, within=(0.0, 1.0), show=lambda share: f"{share:.0%}"),))


def plot_slice(task: Task, names: Sequence[str] | None = None) -> Plot:
    """For each hyperparameter (or those named) the scores of the finished trials by its values."""
    held = dict.fromkeys(name for trial in task.done for name in trial.config)
    return Plot(tuple(_slice(task, name) for name in (names or held)))


def _slice(task: Task, name: str) -> str:
    trials = [trial for trial in task.done if name in trial.config]
    values = [trial.config[name] for trial in trials]
    rows = [(value, _score(task, trial)) for value, trial in zip(values, trials, strict=True)]
    return dots(rows, title=name, x_label=name, y_label=task.metric, log_x=_is_log(task, name))


def _is_log(task: Task, name: str) -> bool:
    parameter: Any = task.space[name] if task.space is not None and name in task.space else None
    return bool(getattr(parameter, "log", False))


def _score(task: Task, trial: Trial) -> float:
    assert trial.loss is not None  # a finished trial has one
    return to_score(task.metric, trial.loss)
