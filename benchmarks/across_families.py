"""How often the family that is ranked first is the best one, or within 0.01 of it, on datasets left out.

    python benchmarks/across_families.py

On the shipped experience, whole groups left out in 10 parts. The yardstick of a family is the best of its
recorded configs, so noise is on nobody's side; beside the ranking stand the one family that comes close
most often, the order of the forecast losses, and what odds the ranking gives the family that it names.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from foretune.data.records import Task
from foretune.experience import PACK
from foretune.experiments.replay import leave_groups_out
from foretune.history.history import open_history
from foretune.learners.learner import taught
from foretune.recommender.ranking import CLOSE, FamilyRanking
from foretune.recommender.recommender import Recommender

METRICS: Final = {"accuracy": "classification", "r2": "regression"}
METHODS: Final = ("ranking", "usual", "forecasts")
FOLDS: Final = 10
RESULT: Final = Path(__file__).parent / "results" / "across_families.json"


def main() -> None:
    """Prints one line for each kind of target, and keeps what was found."""
    found = {kind: judged(metric) for metric, kind in METRICS.items()}
    for kind, shares in found.items():
        print(kind, *(f"{name} {share:.3f}" for name, share in shares.items()))
    RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def judged(metric: str) -> dict[str, float]:
    """The share of left-out datasets on which each method names the best family, or one within 0.01."""
    with open_history(PACK) as pack:
        tasks = taught(list(pack.tasks(metric=metric)))
    hits: dict[str, list[bool]] = defaultdict(list)
    said: list[float] = []
    for split in leave_groups_out(tasks, folds=FOLDS):
        ranking = FamilyRanking().fit(split.past)
        usual = _most_often(split.past)
        forecasts = {family: _learned(split.past, family) for family in ranking.families}
        for row in _by_dataset(split.new):
            odds = ranking.odds(next(iter(row.values())).metafeatures)
            losses = {
                family: forecasts[family].recommend(_bare(task))[0].loss for family, task in row.items()
            }
            named = {
                "ranking": max(row, key=odds.__getitem__),
                "usual": max(row, key=usual.__getitem__),
                "forecasts": min(losses, key=losses.__getitem__),
            }
            said.append(odds[named["ranking"]])
            best = {family: _best(task) for family, task in row.items()}
            for method, family in named.items():
                hits[method].append(best[family] <= min(best.values()) + CLOSE)
    shares = {method: float(np.mean(hits[method])) for method in METHODS}
    return {"datasets": float(len(said)), **shares, "said": float(np.mean(said))}


def _most_often(past: Sequence[Task]) -> dict[str, float]:
    """How often each family came close on the past datasets that tried it, whatever these were."""
    close: dict[str, list[bool]] = defaultdict(list)
    for row in _by_dataset(past):
        best = {family: _best(task) for family, task in row.items()}
        for family, loss in best.items():
            close[family].append(loss <= min(best.values()) + CLOSE)
    return {family: float(np.mean(came)) for family, came in close.items()}


def _learned(past: Sequence[Task], family: str) -> Recommender:
    return Recommender("gaussian_process").fit([task for task in past if task.family == family])


def _by_dataset(tasks: Sequence[Task]) -> list[dict[str, Task]]:
    """The tasks of each dataset by family, of those that tried two families or more."""
    rows: dict[str, dict[str, Task]] = defaultdict(dict)
    for task in tasks:
        rows[task.dataset or task.name][task.family] = task
    return [row for row in rows.values() if len(row) > 1]


def _bare(task: Task) -> Task:
    return Task(task.name, task.family, task.space, metric=task.metric, metafeatures=task.metafeatures)


def _best(task: Task) -> float:
    assert task.best is not None and task.best.loss is not None
    return task.best.loss


if __name__ == "__main__":
    main()
