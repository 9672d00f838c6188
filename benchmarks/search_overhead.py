"""What MetaSearchCV takes beside its fits, in searches of some 20 seconds, beside GridSearchCV's.

    python benchmarks/search_overhead.py

The first search of a process loads the experience and learns from it; a second one finds that done.
"""

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from sklearn.base import BaseEstimator
from sklearn.datasets import make_classification
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from foretune import MetaSearchCV

TRIALS: Final = 5
ROWS: Final = {"svm": 4_500, "random_forest": 1_200, "extra_trees": 3_500}


@dataclass(frozen=True)
class Cost:
    """Seconds of one search, and of the fits and scores in it, the last fit on all rows included."""

    whole: float
    fits: float

    def __str__(self) -> str:
        beside = self.whole - self.fits
        return f"{self.whole:.1f} s, of which {beside:.2f} s ({beside / self.whole:.1%}) beside the fits"


def main() -> None:
    """Prints one line a family."""
    for name in ROWS:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
            first, second, grid = process.submit(measured, name).result()
        print(f"{name}: {first}; second search {second}; GridSearchCV on its cells {grid}", flush=True)


def measured(name: str) -> tuple[Cost, Cost, Cost]:
    """Two searches by MetaSearchCV over a family's wide space, then GridSearchCV over the second's cells."""
    X, y = make_classification(ROWS[name], 30, n_informative=10, random_state=0)
    first = cost(MetaSearchCV(estimator(name), n_trials=TRIALS, random_state=0), X, y)
    again = MetaSearchCV(estimator(name), n_trials=TRIALS, random_state=1)
    second = cost(again, X, y)
    cells = [{key: [value] for key, value in params.items()} for params in again.cv_results_["params"]]
    return first, second, cost(GridSearchCV(estimator(name), cells), X, y)


def estimator(name: str) -> BaseEstimator:
    """A fresh estimator of the family, with the steps that the experience was collected with."""
    if name == "svm":
        return make_pipeline(StandardScaler(), SVC())
    kind = {"random_forest": RandomForestClassifier, "extra_trees": ExtraTreesClassifier}[name]
    return kind(random_state=0)


def cost(search: Any, X: Any, y: Any) -> Cost:
    """Fits the search, and tells what it took."""
    start = time.perf_counter()
    search.fit(X, y)
    whole = time.perf_counter() - start
    results = search.cv_results_
    fits = search.n_splits_ * float((results["mean_fit_time"] + results["mean_score_time"]).sum())
    return Cost(whole, fits + search.refit_time_)


if __name__ == "__main__":
    main()
