"""MetaSearchCV beside the full grid, fixed cells, random search and Optuna's TPE, with real training.

    python benchmarks/search_cv.py DATASETS --tasks 20 --rows 500
    python benchmarks/search_cv.py --show benchmarks/results/faces/search_cv.json --plot docs/search_cv.svg

Four datasets that scikit-learn bundles, and others whose groups are left out of the experience first. All
search with the same pipeline on the same inner folds; what each selected is fitted again and judged on an
outer test part. A run that was stopped goes on where it was. `--rivals` takes what does not depend on the
library's learners from a former run's file.
"""

import argparse
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import optuna
from ConfigSpace import ConfigurationSpace
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split
from sklearn.pipeline import Pipeline

from catalogue import load_catalogued
from foretune.collect.datasets import Dataset, load_dataset
from foretune.collect.evaluation import encode_target
from foretune.collect.families import Family, family
from foretune.collect.preprocessing import make_preprocessing
from foretune.data.records import Config, Task
from foretune.data.spaces import complete, config_at
from foretune.experiments.versus_grid import without
from foretune.faces.charts import Bar, bars
from foretune.faces.search_cv import MetaSearchCV
from foretune.history.history import open_history
from foretune.recommender.past import past_tasks
from foretune.recommender.recommender import Recommender
from peers.optuna_space import suggest

BUNDLED: Final = ("breast_cancer", "wine", "digits", "iris")
FAMILIES: Final = ("decision_tree", "svm", "random_forest")
WITHIN: Final = 0.003  # of the grid's best accuracy counts as reaching it
FOLDS: Final = 3
METHODS: Final = (
    "default",
    "grid",
    "meta 3 cells",
    "fixed 3 cells",
    "meta 1",
    "meta 3",
    "meta 10",
    "random 60",
    "tpe 30",
)
RESAMPLES: Final = 10_000
Found = tuple[float, float]  # accuracy on the inner folds, and on the outer test part


@dataclass
class Trained:
    """One family on one dataset: every config is trained once, whoever asks for it."""

    data: Dataset
    family: Family
    known: dict[str, float] = field(default_factory=dict)

    @cached_property
    def parts(self) -> Any:
        """X_train, X_test, y_train, y_test."""
        y = encode_target(self.data).astype(int)
        return train_test_split(self.data.X, y, test_size=0.25, random_state=0, stratify=y)

    @property
    def folds(self) -> StratifiedKFold:
        """The inner folds."""
        return StratifiedKFold(FOLDS, shuffle=True, random_state=0)

    @property
    def space(self) -> ConfigurationSpace:
        """The family's wide space."""
        return self.family.wide_space("classification")

    def pipeline(self, config: Config) -> Pipeline:
        """The preprocessing and the model."""
        model = self.family.build(config, "classification", seed=0)
        return Pipeline([("prepare", make_preprocessing(self.parts[0])), ("model", model)])

    def inner(self, config: Config) -> float:
        """The accuracy on the inner folds; 0 where the fit fails."""
        key = json.dumps(complete(self.space, config), sort_keys=True)
        if key not in self.known:
            X, _, y, _ = self.parts
            scores = cross_val_score(self.pipeline(config), X, y, cv=self.folds, error_score=0.0)
            self.known[key] = float(scores.mean())
        return self.known[key]

    def best_of(self, configs: Sequence[Config]) -> Found:
        """The best of these configs by the inner folds, fitted again."""
        best = max(configs, key=self.inner)
        return self.inner(best), self.outer(best)

    def outer(self, config: Config) -> float:
        """The accuracy on the outer test part, after a fit on the rest."""
        X_train, X_test, y_train, y_test = self.parts
        return float(self.pipeline(config).fit(X_train, y_train).score(X_test, y_test))


def rivals(trained: Trained) -> Iterator[tuple[str, Found]]:
    """Every method that learns nothing from the past, with what it found."""
    space = trained.space
    yield "default", trained.best_of([{}])
    yield "grid", trained.best_of(trained.family.cells())
    points = np.random.default_rng(0).random((60, len(space)))
    yield "random 60", trained.best_of([config_at(space, point) for point in points])
    yield "tpe 30", tpe(trained, 30)


def taught(trained: Trained, past: Sequence[Task]) -> Iterator[tuple[str, Found]]:
    """Every method that learns from the past, with what it found."""
    yield "meta 3 cells", meta(trained, past, trained.family.grid, 3)
    yield "fixed 3 cells", trained.best_of(fixed_cells(trained, past, 3))
    yield "meta 1", meta(trained, past, None, 1)
    yield "meta 3", meta(trained, past, None, 3)
    yield "meta 10", meta(trained, past, None, 10)


def meta(trained: Trained, past: Sequence[Task], grid: Any, n_trials: int) -> Found:
    """MetaSearchCV, taught by these tasks alone."""
    X_train, X_test, y_train, y_test = trained.parts
    prefixed = None if grid is None else {f"model__{name}": values for name, values in grid.items()}
    with TemporaryDirectory() as folder:
        place = f"{folder}/past.db"
        with open_history(place) as history:
            history.add(*past)
        search = MetaSearchCV(
            trained.pipeline({}),
            prefixed,
            n_trials=n_trials,
            history=place,
            experience=False,
            cv=trained.folds,
            error_score=0.0,
        ).fit(X_train, y_train)
    return float(search.best_score_), float(search.score(X_test, y_test))


def fixed_cells(trained: Trained, past: Sequence[Task], n: int) -> list[Config]:
    """The cells that together were best on the past tasks, the same for every dataset."""
    task = Task("any", trained.family.name, trained.space)
    chosen = Recommender("portfolio").fit(past).recommend(task, n, candidates=trained.family.cells())
    return [one.config for one in chosen]


def tpe(trained: Trained, n_trials: int) -> Found:
    """Optuna's default sampler on the same wide space."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
    tried: list[Config] = []

    def objective(trial: optuna.Trial) -> float:
        tried.append(suggest(trial, trained.space))
        return trained.inner(tried[-1])

    study.optimize(objective, n_trials=n_trials)
    return trained.best_of(tried)


def main() -> None:
    """Plays what is missing, then prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--tasks", type=int, default=20)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--family", action="append", choices=FAMILIES)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/faces/search_cv.json"))
    parser.add_argument("--rivals", type=Path, help="a former run's file, on the same rows")
    parser.add_argument("--show", type=Path)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    if options.show is None:
        results = json.loads(options.output.read_text("utf-8")) if options.output.exists() else {}
        _play(options, results)
    found = json.loads((options.show or options.output).read_text(encoding="utf-8"))
    _print_tables(found)
    if options.plot:
        options.plot.write_text(_plot(list(found.values())), encoding="utf-8")


def _play(options: argparse.Namespace, results: dict[str, Any]) -> None:
    datasets = _datasets(options)
    former = json.loads(options.rivals.read_text("utf-8")) if options.rivals else {}
    for name in options.family or FAMILIES:
        past = past_tasks(family=name, metric="accuracy")
        for data in datasets:
            key = f"{name} {data.name}"
            if key in results:
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                others = without(past, data)
                trained = Trained(data.sample(options.rows), family(name))
                found = former.get(key) or dict(rivals(trained))
                found.update(taught(trained, others))
            results[key] = {method: found[method] for method in METHODS}
            options.output.write_text(json.dumps(results, indent=0) + "\n", encoding="utf-8")
            print(key, {method: round(found[0], 4) for method, found in results[key].items()}, flush=True)


def _datasets(options: argparse.Namespace) -> list[Dataset]:
    """The bundled ones, and so many others that the experience holds all families of, drawn once for all."""
    held = [{one.name for one in past_tasks(family=name, metric="accuracy")} for name in FAMILIES]
    names = sorted(set.intersection(*held))
    drawn = {names[k] for k in np.random.default_rng(0).permutation(len(names))[: options.tasks]}
    others = [data for data in load_catalogued(options.folder) if data.name in drawn] if drawn else []
    return [*(load_dataset(name) for name in BUNDLED), *others]


def _print_tables(results: Mapping[str, Mapping[str, Found]]) -> None:
    for name in FAMILIES:
        cases = [found for key, found in results.items() if key.split()[0] == name]
        if cases:
            _print_table(name, cases)
    if results:
        _print_table("all families", list(results.values()))


def _print_table(name: str, cases: Sequence[Mapping[str, Found]]) -> None:
    inner = {method: np.array([case[method][0] for case in cases]) for method in cases[0]}
    outer = {method: np.array([case[method][1] for case in cases]) for method in cases[0]}
    print(f"\n{name}, {len(cases)} datasets | inner | outer | outer, minus the grid's")
    for method, values in inner.items():
        ahead = _paired(outer[method] - outer["grid"])
        print(f"{method:14s} {values.mean():.4f} {outer[method].mean():.4f} {ahead}")
    for method in ("meta 3 cells", "fixed 3 cells"):
        behind = inner["grid"] - inner[method]
        reached = f"{np.mean(behind <= WITHIN):.0%} of cases within {WITHIN} of the grid"
        print(f"{method}: {reached}, {behind.mean():.4f} behind in the mean")
    closer = inner["meta 3 cells"] - inner["fixed 3 cells"]
    print(f"meta 3 cells minus fixed 3 cells, inner: {_paired(closer)}")
    for rival in ("random 60", "tpe 30"):
        print(f"meta 10 minus {rival}, outer: {_paired(outer['meta 10'] - outer[rival])}")


def _plot(cases: Sequence[Mapping[str, Found]]) -> str:
    """The accuracy on the outer test part beside the full grid's, method by method."""
    gains = {method: np.mean([case[method][1] - case["grid"][1] for case in cases]) for method in cases[0]}
    rows = [Bar(method, float(gain), f"{method}: {gain:+.4f}") for method, gain in gains.items()]
    title = f"test accuracy minus the full grid's, {len(cases)} cases"
    return bars(rows, title=title, show=lambda value: f"{value:+.4f}")


def _paired(differences: np.ndarray) -> str:
    """The mean, and a bootstrap interval over the cases that holds it in 95 of 100."""
    rng = np.random.default_rng(0)
    means = rng.choice(differences, (RESAMPLES, len(differences))).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{differences.mean():+.4f} [{low:+.4f}, {high:+.4f}]"


if __name__ == "__main__":
    main()
