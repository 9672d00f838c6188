"""How often the family that is ranked first is the best one, or within 0.01 of it, on datasets left out.

    python benchmarks/across_families.py DATASETS [--cache FITS.json]

On the shipped experience, whole groups left out in 10 parts. The yardstick of a family is the best of its
recorded configs, so noise is on nobody's side. Beside the ranking, whose first look fits one config of each
family on at most 2,000 rows, stand the ranking without a fit, the best fit alone, the one family that comes
close most often and the order of the forecast losses; how far each stays behind the best, and what odds the
rankings give the family they name. What was fitted is kept in the cache, where a stopped run goes on.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from catalogue import load_catalogued
from foretune.collect.datasets import Dataset
from foretune.collect.first_look import first_look
from foretune.data.records import Config, Task, canonical
from foretune.experience import PACK
from foretune.experiments.replay import leave_groups_out
from foretune.history.history import open_history
from foretune.learners.learner import taught
from foretune.recommender.closeness import CLOSE
from foretune.recommender.ranking import FamilyRanking
from foretune.recommender.recommender import Recommender

METRICS: Final = {"accuracy": "classification", "r2": "regression"}
METHODS: Final = ("ranking", "no_fits", "fits_alone", "usual", "forecasts")
FOLDS: Final = 10
WIDTH: Final = 0.2  # of a bin of odds
RESULT: Final = Path(__file__).parent / "results" / "across_families.json"


def main() -> None:
    """Prints one line for each kind of target, and keeps what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("datasets", type=Path, help="the folder of tables with its catalogue.csv")
    parser.add_argument("--cache", type=Path, help="JSON: what was fitted")
    options = parser.parse_args()
    looks = Looks({data.fingerprint: data for data in load_catalogued(options.datasets)}, options.cache)
    found = {kind: judged(metric, looks) for metric, kind in METRICS.items()}
    for kind, shares in found.items():
        print(kind, *(f"{name} {share:.3f}" for name, share in shares.items()))
    RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


class Looks:
    """First looks at datasets, by fingerprint; each config of a dataset is fitted once."""

    def __init__(self, tables: Mapping[str, Dataset], cache: Path | None) -> None:
        self._tables, self._cache = tables, cache
        self._known: dict[str, float | None] = {}
        if cache is not None and cache.exists():
            self._known = json.loads(cache.read_text(encoding="utf-8"))

    def __call__(self, dataset: str, probes: Mapping[str, Config], metric: str) -> dict[str, float]:
        """What each family's probe lost on the dataset; of those that failed nothing."""
        keys = {family: f"{dataset} {family} {canonical(config)}" for family, config in probes.items()}
        new = {family: config for family, config in probes.items() if keys[family] not in self._known}
        for family, trial in first_look(self._tables[dataset], new, metric).items():
            self._known[keys[family]] = trial.loss
        if new and self._cache is not None:
            self._cache.write_text(json.dumps(self._known), encoding="utf-8")
        losses = {family: self._known.get(key) for family, key in keys.items()}
        return {family: loss for family, loss in losses.items() if loss is not None}


def judged(metric: str, looks: Looks) -> dict[str, float]:
    """The share of left-out datasets on which each method names the best family, or one within 0.01."""
    with open_history(PACK) as pack:
        tasks = taught(list(pack.tasks(metric=metric)))
    hits: dict[str, list[bool]] = defaultdict(list)
    behind: dict[str, list[float]] = defaultdict(list)
    said: dict[str, list[float]] = defaultdict(list)
    pairs: list[tuple[float, bool]] = []
    for split in leave_groups_out(tasks, folds=FOLDS):
        ranking = FamilyRanking().fit(split.past)
        usual = _most_often(split.past)
        forecasts = {family: _learned(split.past, family) for family in ranking.families}
        for row in _by_dataset(split.new):
            task = next(iter(row.values()))
            probes = {family: config for family, config in ranking.probes.items() if family in row}
            fitted = looks(str(task.dataset), probes, metric)
            informed = ranking.odds(task.metafeatures, fitted)
            odds = ranking.odds(task.metafeatures)
            losses = {
                family: forecasts[family].recommend(_bare(task))[0].loss for family, task in row.items()
            }
            named = {
                "ranking": max(row, key=informed.__getitem__),
                "no_fits": max(row, key=odds.__getitem__),
                "fits_alone": min(fitted, key=fitted.__getitem__),
                "usual": max(row, key=usual.__getitem__),
                "forecasts": min(losses, key=losses.__getitem__),
            }
            said["ranking"].append(informed[named["ranking"]])
            said["no_fits"].append(odds[named["no_fits"]])
            best = {family: _best(task) for family, task in row.items()}
            came = {family: loss <= min(best.values()) + CLOSE for family, loss in best.items()}
            for method, family in named.items():
                hits[method].append(came[family])
                behind[method].append(best[family] - min(best.values()))
            pairs += [(informed[family], came[family]) for family in row]
    shares = {method: float(np.mean(hits[method])) for method in METHODS}
    says = {f"{method}_said": float(np.mean(values)) for method, values in said.items()}
    lags = {f"{method}_behind": float(np.mean(values)) for method, values in behind.items()}
    return {"datasets": float(len(hits["ranking"])), **shares, **says, **lags, **_calibration(pairs)}


def _calibration(pairs: Sequence[tuple[float, bool]]) -> dict[str, float]:
    """Of all families that were given such odds, the share that was the best or within 0.01."""
    said, came = np.array(pairs, dtype=np.float64).T
    bins = np.floor(said / WIDTH)
    return {f"came_of_{k * WIDTH:.1f}": float(came[bins == k].mean()) for k in np.unique(bins)}


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
