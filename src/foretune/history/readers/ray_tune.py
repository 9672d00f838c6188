"""Ray Tune's experiment folders as tasks; of what Ray pickles nothing is opened."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from foretune.data.errors import HistoryError
from foretune.data.records import Task
from foretune.history.readers.folders import folder_at, folders_in, named
from foretune.history.readers.runs import Run, number_of, tasks_of_runs
from foretune.history.readers.untrusted import json_at, json_lines_at, json_of, text_at

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace

SOURCE: Final = "ray_tune"  # in a task's provenance
# What Ray itself writes into each result, beside what the trainable reports.
OWN: Final = frozenset(
    [
        "checkpoint_dir_name", "config", "date", "done", "episodes_total", "experiment_id", "experiment_tag",
        "hostname", "iterations_since_restore", "node_ip", "pid", "should_checkpoint", "time_since_restore",
        "time_this_iter_s", "time_total_s", "timestamp", "timesteps_since_restore", "timesteps_total",
        "training_iteration", "trial_id", "warmup_time",
    ]
)  # fmt: skip
STATUSES: Final[Mapping[str, str]] = {"TERMINATED": "done", "ERROR": "error"}  # all others are not finished
MOST_ERROR: Final = 2**20  # bytes of error.txt
MOST_NESTED: Final = 8  # of a metric's name: eval/episode/return


def read_ray_tune(
    folder: str | PathLike[str],
    *,
    study: str | Sequence[str] | None = None,
    metric: str | None = None,
    direction: str | None = None,
    task: str | None = None,
    family: str | None = None,
    hyperparameters: Sequence[str] | None = None,
    space: "ConfigurationSpace | None" = None,
    log: Sequence[str] | None = None,
) -> list[Task]:
    """The task of an experiment's folder, or one for each experiment in a folder of such (`ray_results`).

    Read are params.json, result.json, error.txt and experiment_state-*.json; params.pkl and other pickles are
    never opened. A trial's score is the last that it reported, its curve all of them, its fidelity the last
    training_iteration: the highest of an experiment counts as full. Trials that are neither terminated nor
    failed are left out.

    `study` names the experiments to read, `task` the task, which is called as the experiment is otherwise.
    `metric` is needed where the trials reported several. For the rest see `read_table`. Raises `HistoryError`
    where there is no experiment, or a file is damaged.
    """
    place = folder_at(folder)
    experiments = named(folders_in(place, "*/params.json"), study)
    if not experiments:
        raise HistoryError(
            f"{place} holds no experiment of Ray Tune's: give the folder that has its trials' folders."
        )
    runs = [run for one in experiments for run in _runs(one, task or one.name)]
    return tasks_of_runs(
        runs,
        source=SOURCE,
        place=str(place),
        metric=metric,
        direction=direction,
        family=family,
        hyperparameters=hyperparameters,
        space=space,
        log=log,
    )


def _runs(experiment: Path, task: str) -> Iterator[Run]:
    """The experiment's trials, by their folders' names; one that failed at once was meant to be full."""
    statuses = _statuses(experiment)
    runs = [_run(params.parent, task, statuses) for params in sorted(experiment.glob("*/params.json"))]
    full = max((run.fidelity for run in runs if not math.isnan(run.fidelity)), default=math.nan)
    for run in runs:
        yield replace(run, fidelity=full) if run.status == "error" and math.isnan(run.fidelity) else run


def _statuses(experiment: Path) -> dict[str, str]:
    """Each trial's status by the name of its folder, as the experiment's states tell it; later ones count."""
    found: dict[str, str] = {}
    for file in sorted(experiment.glob("experiment_state-*.json")):
        for trial in _trials(json_at(file), file.name):
            folder = (
                str(trial.get("relative_logdir") or trial.get("logdir") or "").rstrip("/").rpartition("/")[2]
            )
            found[folder] = str(trial.get("status", ""))
    return found


def _trials(state: Any, name: str) -> Iterator[Mapping[str, Any]]:
    """What an experiment's state says of each trial, which is JSON as text within JSON."""
    told = (state.get("trial_data") or state.get("checkpoints")) if isinstance(state, dict) else None
    for one in told if isinstance(told, list) else ():
        text = one[0] if isinstance(one, list) and one else one
        trial = json_of(text, name) if isinstance(text, str) else text
        if isinstance(trial, dict):
            yield trial


def _run(folder: Path, task: str, statuses: Mapping[str, str]) -> Run:
    results = list(_results(folder / "result.json"))
    last = results[-1] if results else {}
    status, reason = _ending(folder, statuses.get(folder.name))
    config = json_at(folder / "params.json")
    if not isinstance(config, dict):
        raise HistoryError(f"{folder.name}/params.json holds no config: take it from its source again.")
    curves: dict[str, list[float]] = {}
    for result in results:
        for name, score in _scores(result).items():
            curves.setdefault(name, []).append(score)
    return Run(
        task,
        config,
        _scores(last),
        status=status,
        reason=reason,
        seconds=number_of(last.get("time_total_s")),
        fidelity=number_of(last.get("training_iteration")),
        ended=_known(number_of(last.get("timestamp"))),
        curves={name: curve if len(curve) == len(results) else () for name, curve in curves.items()},
    )


def _results(file: Path) -> Iterator[Mapping[str, Any]]:
    """What the trial reported, in order; a restored trial's repeated iterations once, as they were last."""
    if not file.is_file():
        return
    found: dict[Any, Mapping[str, Any]] = {}
    for place, line in enumerate(json_lines_at(file)):
        if not isinstance(line, dict):
            raise HistoryError(
                f"line {place + 1} of {file.parent.name}/{file.name} is no result of Ray Tune's."
            )
        iteration = number_of(line.get("training_iteration"))
        found[place if math.isnan(iteration) else iteration] = line
    yield from found.values()


def _ending(folder: Path, status: str | None) -> tuple[str, str]:
    """How the trial ended, in `read_table`'s words, and why; without a state its own files tell."""
    error = folder / "error.txt"
    if error.is_file() and status in (None, "ERROR"):
        lines = [line.strip() for line in text_at(error, most_bytes=MOST_ERROR).splitlines() if line.strip()]
        return "error", lines[-1] if lines else "error"
    return ("done", "") if status is None else (STATUSES.get(status, "running"), "")


def _scores(result: Mapping[str, Any], prefix: str = "", depth: int = MOST_NESTED) -> dict[str, float]:
    """The numbers that the trainable reported; nested ones are called as Ray calls them, eval/accuracy."""
    scores: dict[str, float] = {}
    for name, value in result.items():
        if not prefix and name in OWN:
            continue
        if isinstance(value, dict) and depth > 0:
            scores.update(_scores(value, f"{prefix}{name}/", depth - 1))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            scores[f"{prefix}{name}"] = number_of(value)
    return scores


def _known(number: float) -> float:
    return 0.0 if math.isnan(number) else number
