"""One config of each family, cross-validated on a sample of a dataset."""

import numpy as np
import pandas as pd
import pytest
from joblib import Parallel, delayed

from foretune.collect.datasets import Dataset, load_dataset
from foretune.collect.families import family
from foretune.collect.first_look import PROTOCOL, first_look
from foretune.data.errors import DatasetError
from foretune.data.records import DONE, FAILED


def test_each_family_is_fitted_once() -> None:
    """Each config has its trial with a score a fold, families are counted, and a failure has its reason."""
    configs = {
        "decision_tree": family("decision_tree").default("classification"),
        "knn": {"n_neighbors": 5},
        "svm": {"C": -1.0},
    }
    counts: list[tuple[int, int]] = []
    found = first_look(load_dataset("iris"), configs, "accuracy", on_fit=lambda *now: counts.append(now))
    assert counts == [(1, 3), (2, 3), (3, 3)]
    assert [found[name].status for name in configs] == [DONE, DONE, FAILED]
    assert len(found["knn"].scores["accuracy"]) == PROTOCOL.folds
    assert found["knn"].loss is not None and found["knn"].loss < -0.9
    assert "'C'" in found["svm"].reason


def test_a_family_that_the_metric_does_not_judge_has_no_trial() -> None:
    """An SVM without probabilities has no log loss, which is no failure; the others are looked at."""
    configs = {"svm": family("svm").default("classification"), "knn": {"n_neighbors": 30}}
    assert set(first_look(load_dataset("iris"), configs, "log_loss")) == {"knn"}


def test_a_worker_may_look() -> None:
    """In a worker of joblib, whose start method no child of it knows, each family is fitted as elsewhere."""
    call = delayed(first_look)(load_dataset("iris"), {"knn": {"n_neighbors": 5}}, "accuracy")
    (found,) = Parallel(n_jobs=2, backend="loky")([call])
    assert found["knn"].status is DONE


def test_of_many_rows_a_sample_is_looked_at() -> None:
    """Of more rows no more are used: a nearest neighbour, which would learn from them, stays as it is."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.random((30_000, 1)), columns=["x"])
    many = Dataset("many", X, pd.Series(np.sin(1_000 * X["x"])), "regression")
    one = {"knn": {"n_neighbors": 1}}
    (sampled,) = first_look(many, one, "r2").values()
    (few,) = first_look(many.part(np.arange(PROTOCOL.rows or 0)), one, "r2").values()
    assert sampled.loss is not None and few.loss is not None
    assert sampled.loss == pytest.approx(few.loss, abs=0.15)
    assert sampled.loss > -0.9


def test_too_few_rows_are_refused() -> None:
    """Two rows make no five folds."""
    data = Dataset("two", pd.DataFrame({"x": [1.0, 2.0]}), pd.Series(["a", "b"]), "classification")
    with pytest.raises(DatasetError, match="fewer than the 5 folds"):
        first_look(data, {"knn": {}}, "accuracy")
