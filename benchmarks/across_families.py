"""How often the family that is ranked first is the best one, or within 0.01 of it, on datasets left out.

    python benchmarks/across_families.py DATASETS [--cache FITS.json]

On the shipped experience, whole groups left out in 10 parts. The yardstick of a family is the best of its
recorded configs, so noise is on nobody's side. Beside the ranking, which fits a probe of each family and one
config more of the first three on at most 2,000 rows, stand the ranking by the probes, and without a fit, the
best fit alone, the one family that comes close most often and the order of the forecast losses; how far each
stays behind the best, on few and on many rows, and what odds the rankings give the family they name. What was
fitted is kept in the cache, where a stopped run goes on.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from catalogue import load_catalogued
from foretune.collect.datasets import Dataset
from foretune.collect.evaluation import Protocol
from foretune.collect.first_look import CLOSELY, FEW_ROWS, PROTOCOL, first_look
from foretune.data.records import FAILED, Config, Task, Trial, canonical
from foretune.experience import PACK
from foretune.experiments.replay import leave_groups_out
from foretune.history.history import open_history
from foretune.learners.learner import taught
from foretune.recommender.closeness import CLOSE
from foretune.recommender.looks import Looks, looked_at
from foretune.recommender.ranking import FamilyRanking
from foretune.recommender.recommender import Recommender

METRICS: Final = {"accuracy": "classification", "r2": "regression"}
METHODS: Final = ("ranking", "probes", "no_fits", "fits_alone", "usual", "forecasts")
FOLDS: Final = 10
WIDTH: Final = 0.2  # of a bin of odds
RESULT: Final = Path(__file__).parent / "results" / "across_families.json"


def main() -> None:
    """Prints one line for each kind of target, and keeps what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("datasets", type=Path, help="the folder of tables with its catalogue.csv")
    parser.add_argument("--cache", type=Path, help="JSON: what was fitted")
    options = parser.parse_args()
    fits = Fits({data.fingerprint: data for data in load_catalogued(options.datasets)}, options.cache)
    found = {kind: judged(metric, fits) for metric, kind in METRICS.items()}
    for kind, shares in found.items():
        print(kind, *(f"{name} {share:.3f}" for name, share in shares.items()))
    RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


class Fits:
    """First looks at datasets, by fingerprint; each config of a dataset is fitted once with each protocol."""

    def __init__(self, tables: Mapping[str, Dataset], cache: Path | None) -> None:
        self.tables, self._cache = tables, cache
        self._known: dict[str, float | None] = {}
        if cache is not None and cache.exists():
            self._known = json.loads(cache.read_text(encoding="utf-8"))

    def __call__(
        self, configs: Mapping[str, Config], *, dataset: str, metric: str, protocol: Protocol = PROTOCOL
    ) -> dict[str, Trial]:
        """What became of one config of each family on the dataset."""
        times = f" x{protocol.repeats}" if protocol.repeats > 1 else ""
        keys = {name: f"{dataset} {name} {canonical(config)}{times}" for name, config in configs.items()}
        new = {name: config for name, config in configs.items() if keys[name] not in self._known}
        for name, trial in first_look(self.tables[dataset], new, metric, protocol).items():
            self._known[keys[name]] = trial.loss
        if new and self._cache is not None:
            self._cache.write_text(json.dumps(self._known), encoding="utf-8")
        losses = {name: self._known.get(key) for name, key in keys.items()}
        return {
            name: Trial(configs[name], loss) if loss is not None else Trial(configs[name], status=FAILED)
            for name, loss in losses.items()
        }


def judged(metric: str, fits: Fits) -> dict[str, float]:
    """The share of left-out datasets on which each method names the best family, or one within 0.01."""
    with open_history(PACK) as pack:
        tasks = taught(list(pack.tasks(metric=metric)))
    hits: dict[str, list[bool]] = defaultdict(list)
    behind: dict[str, list[float]] = defaultdict(list)
    said: dict[str, list[float]] = defaultdict(list)
    by_rows: dict[str, list[bool]] = defaultdict(list)
    pairs: list[tuple[float, bool]] = []
    for split in leave_groups_out(tasks, folds=FOLDS):
        ranking = FamilyRanking().fit(split.past)
        probes = ranking.probes
        usual = _most_often(split.past)
        recommenders = {family: _learned(split.past, family) for family in ranking.families}
        for row in _by_dataset(split.new):
            task = next(iter(row.values()))
            advice = {family: recommenders[family].recommend(_bare(task))[0] for family, task in row.items()}
            fit = partial(fits, dataset=str(task.dataset), metric=metric)
            few = len(fits.tables[str(task.dataset)].X) < FEW_ROWS
            again = partial(fit, protocol=CLOSELY) if few else None
            ranking.probes = {family: config for family, config in probes.items() if family in row}
            advised = {family: one.config for family, one in advice.items()}
            looks = looked_at(ranking, task.metafeatures, advised, fit, again)
            informed = ranking.odds(task.metafeatures, looks.losses)
            by_probes = ranking.odds(task.metafeatures, Looks(fit(ranking.probes), {}).losses)
            odds = ranking.odds(task.metafeatures)
            named = {
                "ranking": max(row, key=informed.__getitem__),
                "probes": max(row, key=by_probes.__getitem__),
                "no_fits": max(row, key=odds.__getitem__),
                "fits_alone": min(looks.losses, key=looks.losses.__getitem__),
                "usual": max(row, key=usual.__getitem__),
                "forecasts": min(row, key=lambda family: advice[family].loss),
            }
            said["ranking"].append(informed[named["ranking"]])
            said["no_fits"].append(odds[named["no_fits"]])
            best = {family: _best(task) for family, task in row.items()}
            came = {family: loss <= min(best.values()) + CLOSE for family, loss in best.items()}
            for method, family in named.items():
                hits[method].append(came[family])
                behind[method].append(best[family] - min(best.values()))
            by_rows["few" if few else "many"].append(came[named["ranking"]])
            pairs += [(informed[family], came[family]) for family in row]
    shares = {method: float(np.mean(hits[method])) for method in METHODS}
    says = {f"{method}_said": float(np.mean(values)) for method, values in said.items()}
    lags = {f"{method}_behind": float(np.mean(values)) for method, values in behind.items()}
    rows = {f"ranking_of_{which}_rows": float(np.mean(found)) for which, found in by_rows.items()}
    return {"datasets": float(len(hits["ranking"])), **shares, **rows, **says, **lags, **_calibration(pairs)}


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
    return Recommender().fit([task for task in past if task.family == family])


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
