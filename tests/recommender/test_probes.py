"""Which config of each family tells how well it does on a dataset."""

from dataclasses import replace

import numpy as np
import pytest

from foretune.data.records import Task, Trial
from foretune.recommender.probes import Probes


def tried(dataset: str, family: str, losses: dict[float, float], metric: str = "accuracy") -> Task:
    """A task whose configs, by their C, had these losses."""
    trials = tuple(Trial({"C": C}, loss) for C, loss in losses.items())
    return Task(dataset, family, None, metric=metric, trials=trials)


def test_a_probe_is_the_config_that_comes_closest_to_the_best() -> None:
    """Not the one that wins once by far, but the one that is near everywhere; it has a loss by dataset."""
    tasks = [
        tried("a", "svm", {1.0: -0.90, 10.0: -0.91, 100.0: -0.50}),
        tried("b", "svm", {1.0: -0.80, 10.0: -0.79, 100.0: -0.60}),
        tried("c", "svm", {1.0: -0.60, 10.0: -0.69, 100.0: -0.70}),
        tried("a", "tree", {3.0: -0.7}),
    ]
    found = Probes.of(tasks)
    assert found.configs == {"svm": {"C": 10.0}, "tree": {"C": 3.0}}
    assert found.losses("a") == {"svm": -0.91, "tree": -0.7}
    assert [found.losses(name) for name in "bcd"] == [{"svm": -0.79}, {"svm": -0.69}, {}]


def test_what_few_datasets_tried_is_no_probe() -> None:
    """A config that won on half of the datasets is none; where nothing is shared there is none at all."""
    tasks = [
        tried(str(k), "svm", {1.0: -0.8, 10.0 if k < 2 else 20.0 + k: -0.9, 5.0: -0.85}) for k in range(4)
    ]
    assert Probes.of(tasks).configs == {"svm": {"C": 5.0}}
    assert Probes.of([tried(str(k), "svm", {float(k): -0.8}) for k in range(4)]).configs == {}


def test_errors_are_compared_by_ratios() -> None:
    """An error twice the best is as far behind in units of 1 as of 1000: the probe is near in both."""
    tasks = [
        tried("small", "svm", {1.0: 1.0, 10.0: 1.02}, "rmse"),
        tried("large", "svm", {1.0: 2000.0, 10.0: 1000.0}, "rmse"),
    ]
    assert Probes.of(tasks).configs == {"svm": {"C": 10.0}}


def test_a_trial_that_ended_early_is_none() -> None:
    """Losses at a lower fidelity do not count."""
    task = Task("a", "svm", None, trials=(Trial({"C": 1.0}, -0.9, fidelity=0.5), Trial({"C": 2.0}, -0.8)))
    assert Probes.of([task]).configs == {"svm": {"C": 2.0}}


def test_on_other_folds_probes_lose_something_else() -> None:
    """By what folds say of one beside the other: what is hard for both is no noise, and the mean stays."""
    hard = np.array([0.0, 0.3, -0.3, 0.2])
    apart = {"svm": np.array([0.02, -0.02, 0.02, -0.02]), "tree": np.array([-0.02, 0.02, -0.02, 0.02])}
    tasks = [
        Task("a", family, None, trials=(Trial({}, -0.7, scores={"accuracy": [*(0.7 + hard + own)]}),))
        for family, own in apart.items()
    ]
    found, rng = Probes.of(tasks), np.random.default_rng(0)
    drawn = np.array([found.losses("a", rng)["svm"] for _ in range(2_000)])
    assert drawn.mean() == pytest.approx(-0.7, abs=0.002)
    assert drawn.std() == pytest.approx(0.04 / np.sqrt(3) / 2, rel=0.1)
    alone, unknown = Probes.of(tasks[:1]), Probes.of([tried("a", "svm", {1.0: -0.7})])
    assert alone.losses("a", rng) == {"svm": -0.7}
    assert unknown.losses("a", rng) == {"svm": -0.7}


def test_the_luck_of_the_recorded_folds_is_not_kept() -> None:
    """Where probes differ by no more than noise, other folds have them alike; where by more, as recorded."""
    for noise, lowest in ((0.15, -0.7), (0.002, -0.75)):
        folds = np.array([noise, -noise, noise, -noise])
        tasks = [
            Task("a", family, None, trials=(Trial({}, loss, scores={"accuracy": [*(own - loss)]}),))
            for family, loss, own in (("svm", -0.75, folds), ("knn", -0.7, -folds), ("tree", -0.65, folds))
        ]
        found, rng = Probes.of(tasks), np.random.default_rng(0)
        drawn = np.array([found.losses("a", rng)["svm"] for _ in range(2_000)])
        assert drawn.mean() == pytest.approx(lowest, abs=0.01)


def test_noise_is_that_of_the_metric() -> None:
    """Other metrics that a trial was scored by do not count, nor does a fold without a score."""
    tasks = [
        Task("a", family, None, trials=(Trial({}, -0.7, scores={"rmse": [0.0, own], "accuracy": folds}),))
        for family, own, folds in (("svm", 1e6, [0.7, 0.7]), ("tree", 0.0, [0.6, 0.8]))
    ]
    drawn = Probes.of(tasks).losses("a", np.random.default_rng(0))
    assert max(abs(loss + 0.7) for loss in drawn.values()) < 0.5
    broken = [replace(t, trials=(replace(t.trials[0], scores={"accuracy": [0.7, np.nan]}),)) for t in tasks]
    assert Probes.of(broken).losses("a", np.random.default_rng(0)) == {"svm": -0.7, "tree": -0.7}
