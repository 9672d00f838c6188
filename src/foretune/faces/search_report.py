"""The report of one search as an HTML page: its best config and why, progress, what matters, every trial."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from markupsafe import Markup

from foretune.data.metrics import to_score
from foretune.data.records import Config, Task, Trial
from foretune.faces.charts import legible, render
from foretune.faces.plots import Plot, plot_optimization_history, plot_param_importances, plot_slice
from foretune.faces.tables import Table
from foretune.faces.tuning import Tuned


def answer_of(tuned: Tuned) -> dict[str, Any]:
    """The search as numbers and texts, the best config first."""
    best, task = tuned.task.best, tuned.task
    assert best is not None and best.loss is not None  # a search without a finished trial is an error
    return {
        "dataset": task.name,
        "family": task.family,
        "metric": task.metric,
        "config": dict(best.config),
        "score": round(to_score(task.metric, best.loss), 6),
        "noise": best.noise,
        "trials": len(task.trials),
        "failed": len(task.trials) - len(task.done),
        "ended": tuned.ended,
        "outlook": None if tuned.outlook is None else asdict(tuned.outlook),
        "explanation": tuned.explanation.as_json(),
    }


def outlook_sentence(tuned: Tuned) -> str:
    """What is left on the table, in words."""
    outlook = tuned.outlook
    if outlook is None:
        return "too few trials to say how much a longer search would gain."
    return (
        f"{outlook.probability:.0%} sure to be within {outlook.tolerance:g} of the best; "
        f"an unlimited search would gain {outlook.gain:.4f}."
    )


def write_search(tuned: Tuned, folder: Path) -> Path:
    """The path of `search.html`, written into the folder beside `search.json`; both are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = json.dumps(answer_of(tuned), indent=1)
    (folder / "search.json").write_text(numbers + "\n", encoding="utf-8")
    page = folder / "search.html"
    page.write_text(_page(tuned), encoding="utf-8")
    return page


def _page(tuned: Tuned) -> str:
    task, answer = tuned.task, answer_of(tuned)
    lines = [(head, text) for head, text in tuned.explanation.lines() if head != "assumed"]
    sections = [
        _section(
            "why",
            "Why this config",
            outlook_sentence(tuned),
            [_pairs(lines)],
            plot_param_importances(tuned.explanation),
        ),
        _section(
            "progress", "Progress", f"It ended because {tuned.ended}.", [], plot_optimization_history(task)
        ),
        _section(
            "trials", "Trials", "Every config that was tried, best first.", [_trials(task)], plot_slice(task)
        ),
    ]
    return render(
        "report.html.j2",
        title=f"{task.family} on {task.name}",
        headline=f"{task.metric} {answer['score']:.4f} with {spelled(answer['config'])}",
        byline=[f"{answer['trials']} trials", f"{answer['failed']} failed", f"judged by {task.metric}"],
        note=" ".join(tuned.explanation.assumptions),
        sections=sections,
        cases=[],
    )


def _section(name: str, title: str, lead: str, tables: list[Table], plot: Plot) -> dict[str, Any]:
    charts = [Markup(chart) for chart in plot.charts]  # noqa: S704 - escaped by its own template
    return {"section": {"name": name, "title": title, "lead": lead}, "tables": tables, "charts": charts}


def _pairs(lines: list[tuple[str, str]]) -> Table:
    return Table("", ["", ""], [[head, text] for head, text in lines], texts=2)


def _trials(task: Task) -> Table:
    """The trials, best first, failed ones at the end."""
    finished = sorted(task.done, key=lambda trial: trial.loss or 0.0)
    others = [trial for trial in task.trials if trial not in finished]
    rows = [_row(task, trial) for trial in [*finished, *others]]
    return Table("", ["config", task.metric, "± noise", "seconds"], rows)


def _row(task: Task, trial: Trial) -> list[str]:
    if trial.loss is None:
        return [spelled(trial.config), trial.reason or str(trial.status), "", ""]
    noise = "" if trial.noise is None else f"{trial.noise:.4f}"
    seconds = "" if trial.seconds is None else f"{trial.seconds:.2f}"
    return [spelled(trial.config), f"{to_score(task.metric, trial.loss):.4f}", noise, seconds]


def spelled(config: Config) -> str:
    """The config in one line, as keywords of a call."""
    return legible(", ".join(f"{name}={value!r}" for name, value in config.items()))
