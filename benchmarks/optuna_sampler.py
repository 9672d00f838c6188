"""MetaSampler beside Optuna's TPESampler: with a past that helps, with one that does not, and what it costs.

Some minutes: `python benchmarks/optuna_sampler.py --output benchmarks/results/faces/optuna_sampler.json`
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.samplers import BaseSampler, TPESampler
from optuna.storages import InMemoryStorage
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from foretune import MetaSampler

Objective = Callable[[optuna.Trial], float]
NEW = 20  # objectives that are searched, each once with either sampler
PAST_TRIALS = 30
WATCHED = (1, 2, 3, 5, 10, 20, 30, 60)
TABLES = (load_iris, load_wine, load_breast_cancer, load_digits)


def svm(rng: np.random.Generator) -> Objective:
    """The cross-validated error of an SVM on 150 rows and half the columns of a table, some labels wrong."""
    X, y = TABLES[int(rng.integers(len(TABLES)))](return_X_y=True)
    rows = rng.permutation(len(X))[:150]
    columns = rng.permutation(X.shape[1])[: max(X.shape[1] // 2, 2)]
    X, y = X[rows][:, columns], y[rows].copy()
    wrong = rng.random(len(y)) < rng.uniform(0.0, 0.15)
    y[wrong] = rng.permutation(y)[wrong]

    def error(trial: optuna.Trial) -> float:
        C = trial.suggest_float("C", 1e-4, 1e4, log=True)
        gamma = trial.suggest_float("gamma", 1e-6, 1e2, log=True)
        model = make_pipeline(StandardScaler(), SVC(C=C, gamma=gamma))
        with np.errstate(all="ignore"):
            return 1.0 - float(cross_val_score(model, X, y, cv=3).mean())

    return error


def related(rng: np.random.Generator) -> Objective:
    """A quadratic of three parameters whose best is near that of the others."""
    return _quadratic(np.array([1.0, -1.0, -2.0]) + 0.5 * rng.normal(size=3), rng.uniform(0.5, 5.0))


def unrelated(rng: np.random.Generator) -> Objective:
    """A quadratic of the same parameters whose best is anywhere."""
    return _quadratic(rng.uniform([-5, -5, -5], [5, 5, 0]), rng.uniform(0.5, 5.0))


def _quadratic(centre: np.ndarray, scale: float) -> Objective:
    def value(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", -5, 5)
        y = trial.suggest_float("y", -5, 5)
        lr = np.log10(trial.suggest_float("lr", 1e-5, 1.0, log=True))
        off = np.array([x, y, lr]) - centre
        return float(scale * (off**2 @ np.array([1.0, 0.5, 0.3])))

    return value


def past_of(kind: Callable[[np.random.Generator], Objective], studies: int) -> InMemoryStorage:
    """A storage with so many studies by TPE of as many objectives of this kind."""
    storage = InMemoryStorage()
    for k in range(studies):
        study = optuna.create_study(storage=storage, sampler=TPESampler(seed=k))
        study.optimize(kind(np.random.default_rng(k)), n_trials=PAST_TRIALS)
    return storage


def curve(objective: Objective, sampler: BaseSampler, trials: int) -> np.ndarray:
    """The least value (trials,) after each trial."""
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=trials)
    return np.minimum.accumulate([float(trial.value or 0.0) for trial in study.trials])


def compare(kind: Callable[[np.random.Generator], Objective], studies: int, trials: int) -> dict[str, Any]:
    """The curves of both samplers on new objectives of the kind, and how often which was ahead."""
    storage = past_of(kind, studies)
    meta, tpe = [], []
    for k in range(NEW):
        objective = kind(np.random.default_rng(10_000 + k))
        meta.append(curve(objective, MetaSampler(storage, seed=k), trials))
        tpe.append(curve(objective, TPESampler(seed=k), trials))
    first, second = np.array(meta), np.array(tpe)
    watched = [count for count in WATCHED if count <= trials]
    return {
        "past_studies": studies,
        "new_objectives": NEW,
        "trials": watched,
        "median_meta": np.median(first[:, [count - 1 for count in watched]], axis=0).tolist(),
        "median_tpe": np.median(second[:, [count - 1 for count in watched]], axis=0).tolist(),
        "meta_at_5_no_worse_than_tpe_at_30": float((first[:, 4] <= second[:, 29]).mean()),
        "mean_of_meta_at_5": float(first[:, 4].mean()),
        "mean_of_tpe_at_30": float(second[:, 29].mean()),
        "meta_no_worse_at_30": float((first[:, 29] <= second[:, 29]).mean()),
        "difference_at_30": _interval(first[:, 29], second[:, 29]),
        "difference_at_5_versus_30": _interval(first[:, 4], second[:, 29]),
    }


def _interval(first: np.ndarray, second: np.ndarray) -> dict[str, float]:
    """The mean difference of paired values and its 95 % bootstrap interval; below 0 the first is better."""
    off = first - second
    rng = np.random.default_rng(0)
    means = off[rng.integers(len(off), size=(4000, len(off)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return {"mean": float(off.mean()), "low": float(low), "high": float(high)}


def overhead(trials: int = 100, repeats: int = 3) -> dict[str, float]:
    """Seconds of studies of so many trials, objective included, by either sampler in turn."""
    storage = past_of(related, 40)
    seconds: dict[str, list[list[float]]] = {"meta": [], "tpe": []}
    for k in range(repeats):
        objective = related(np.random.default_rng(10_000 + k))
        samplers: Sequence[tuple[str, BaseSampler]] = (
            ("meta", MetaSampler(storage, seed=k)),
            ("tpe", TPESampler(seed=k)),
        )
        for name, sampler in samplers:
            study = optuna.create_study(sampler=sampler)
            seconds[name].append([_seconds(study, objective) for _ in range(trials)])
    meta, tpe = (np.array(seconds[name]) for name in ("meta", "tpe"))
    return {
        "trials": trials,
        "meta_seconds": float(meta.sum(axis=1).mean()),
        "tpe_seconds": float(tpe.sum(axis=1).mean()),
        "ratio_of_all": float(meta.sum() / tpe.sum()),
        "meta_first_two_seconds": float(meta[:, :2].sum(axis=1).mean()),
        "meta_ms_a_trial_at_the_end": float(1000 * meta[:, -20:].mean()),
        "tpe_ms_a_trial_at_the_end": float(1000 * tpe[:, -20:].mean()),
        "ratio_at_the_end": float(meta[:, -20:].sum() / tpe[:, -20:].sum()),
    }


def _seconds(study: optuna.Study, objective: Objective) -> float:
    start = time.perf_counter()
    study.optimize(objective, n_trials=1)
    return time.perf_counter() - start


def main() -> None:
    """Runs all parts, prints them, and writes them where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, help="a JSON file for the figures")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    found: dict[str, Any] = {}
    found["svm, 40 past studies"] = compare(svm, 40, 30)
    found["related quadratics, 40 past studies"] = compare(related, 40, 60)
    found["unrelated quadratics, 200 past studies"] = compare(unrelated, 200, 60)
    found["overhead, 40 past studies"] = overhead()
    for name, part in found.items():
        print(name)
        for key, value in part.items():
            print(f"  {key}: {value}")
    if arguments.output:
        arguments.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
