"""Tune an SVM with Optuna on a dataset that is new, taught by studies of other datasets.

It needs `pip install 'foretune[optuna]'`, and takes about ten seconds.
"""

from collections.abc import Callable

import numpy as np
import optuna
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from foretune import MetaSampler

TRIALS, SEEDS = 5, 8
PAST, NEW = (load_iris, load_wine, load_breast_cancer), load_digits


def objective(load: Callable[..., tuple[np.ndarray, np.ndarray]]) -> Callable[[optuna.Trial], float]:
    """The cross-validated accuracy of an SVM on at most 500 rows of a dataset."""
    X, y = load(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(X))[:500]

    def accuracy(trial: optuna.Trial) -> float:
        C = trial.suggest_float("C", 1e-3, 1e4, log=True)
        gamma = trial.suggest_float("gamma", 1e-6, 1e1, log=True)
        model = make_pipeline(StandardScaler(), SVC(C=C, gamma=gamma))
        return float(cross_val_score(model, X[rows], y[rows], cv=3).mean())

    return accuracy


def best_so_far(sampler: optuna.samplers.BaseSampler) -> np.ndarray:
    """The best accuracy (trials,) on the new dataset after each trial of a study with this sampler."""
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(objective(NEW), n_trials=TRIALS)
    return np.maximum.accumulate([trial.value for trial in study.trials])


def main() -> None:
    """Three studies of the past, then studies on a new dataset, with them and without."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.InMemoryStorage()  # "sqlite:///past.db" would keep it
    for load in PAST:
        sampler = optuna.samplers.TPESampler(seed=0)
        study = optuna.create_study(storage=storage, direction="maximize", sampler=sampler)
        study.optimize(objective(load), n_trials=25)

    warm = [best_so_far(MetaSampler(storage, seed=seed)) for seed in range(SEEDS)]
    cold = [best_so_far(optuna.samplers.TPESampler(seed=seed)) for seed in range(SEEDS)]
    print(f"best accuracy after 1 to {TRIALS} trials, mean of {SEEDS} studies")
    print("MetaSampler", np.mean(warm, axis=0).round(3))
    print("TPESampler ", np.mean(cold, axis=0).round(3))


if __name__ == "__main__":
    main()
