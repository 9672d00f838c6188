"""Probes: for each family the config that, tried on a dataset, tells how well the family does there."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from foretune.data.records import Config, Floats, Task, Trial, canonical
from foretune.recommender.closeness import are_errors, dataset_of, near

SHARED: Final = 0.8  # of a family's datasets must have tried its probe
LEAST_TRUE: Final = 0.1  # of the noise's variance: so much of the spread of losses is never taken for luck
NORMAL: Final = 1.4826  # a normal standard deviation in median absolute ones
MOST_TRIALS: Final = 500  # of a task, the first ones: what datasets share is mostly tried first


@dataclass(frozen=True)
class Probes:
    """`configs` holds each family's probe, `trials` what became of it: dataset -> family -> trial.

    All are judged by one `metric`.
    """

    configs: Mapping[str, Config]
    trials: Mapping[str, Mapping[str, Trial]]
    metric: str = "accuracy"

    @classmethod
    def of(cls, tasks: Sequence[Task]) -> "Probes":
        """Of each family's configs that most of its datasets tried, the closest to the best one there.

        A family whose datasets share no config has no probe.
        """
        configs: dict[str, Config] = {}
        trials: dict[str, dict[str, Trial]] = defaultdict(dict)
        by_family: dict[str, list[Task]] = defaultdict(list)
        for task in tasks:
            by_family[task.family].append(task)
        errors = are_errors(tasks)
        for family, members in by_family.items():
            tried = [_tried(task) for task in members]
            close: dict[str, list[float]] = defaultdict(list)
            for row in tried:
                for key, degree in near(_losses(row), errors=errors).items():
                    close[key].append(degree)
            shared = {
                key: np.mean(found) for key, found in close.items() if len(found) >= SHARED * len(tried)
            }
            if shared:
                best = max(shared, key=shared.__getitem__)
                for task, row in zip(members, tried, strict=True):
                    if best in row:
                        trials[dataset_of(task)][family] = row[best]
                        configs[family] = row[best].config
        return cls(configs, trials, tasks[0].metric if tasks else "accuracy")

    def losses(self, dataset: str, rng: np.random.Generator | None = None) -> dict[str, float]:
        """What each family's probe lost on the dataset; with `rng`, as other folds might have had it."""
        trials = self.trials.get(dataset, {})
        found = _losses(trials)
        if rng is None or not found:
            return found
        drawn = _on_other_folds(np.array([*found.values()]), _noise([*trials.values()], self.metric), rng)
        return dict(zip(found, drawn.tolist(), strict=True))


def _on_other_folds(losses: Floats, noise: Floats, rng: np.random.Generator) -> Floats:
    """One draw of what models that had these losses (n,), with these standard errors, lose on other folds.

    They will not have the luck that made them differ by more than their true losses do, so each is drawn
    towards the median by the share of the spread that is noise; and they will have another luck.
    """
    middle = np.median(losses)
    spread = (NORMAL * np.median(np.abs(losses - middle))) ** 2
    true = np.maximum(spread - np.mean(noise**2), LEAST_TRUE * noise**2)
    share = np.divide(true, true + noise**2, out=np.ones_like(losses), where=noise > 0)
    # The true loss is uncertain by `share` of the noise's variance, a mean over other folds by all of it.
    std = noise * np.sqrt(share + 1.0)
    return np.asarray(middle + share * (losses - middle) + std * rng.normal(size=len(losses)))


def _noise(trials: Sequence[Trial], metric: str) -> Floats:
    """The standard error (n,) of each trial's loss beside the others', by what folds say of all of them.

    What makes a fold hard for all models alike is no noise in comparing them.
    """
    scores = [trial.scores.get(metric, ()) for trial in trials]
    sizes = {len(folds) for folds in scores}
    if len(trials) < 2 or len(sizes) > 1 or max(sizes) < 2 or not np.isfinite(scores).all():
        return np.array([trial.noise or 0.0 for trial in trials])
    apart = np.array(scores) - np.mean(scores, axis=0)
    return np.asarray(apart.std(axis=1, ddof=1) / np.sqrt(apart.shape[1]))


def _tried(task: Task) -> dict[str, Trial]:
    """The task's finished trials by their config's text; of repeats the first."""
    found: dict[str, Trial] = {}
    for trial in task.done[:MOST_TRIALS]:
        found.setdefault(canonical(trial.config), trial)
    return found


def _losses(trials: Mapping[str, Trial]) -> dict[str, float]:
    return {name: trial.loss for name, trial in trials.items() if trial.loss is not None}
