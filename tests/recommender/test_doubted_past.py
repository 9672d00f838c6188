"""Doubted past tasks count less with every learner, and it is said; without doubts nothing changes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ConfigSpace import ConfigurationSpace

from foretune.data.records import Task, Trial
from foretune.learners.bayesian_network import BayesianNetwork
from foretune.learners.network import Network
from foretune.recommender.memory import content_key
from foretune.recommender.recommender import Recommender

SPACE = ConfigurationSpace({"C": (0.0, 10.0)})
CONFIGS = [{"C": c} for c in (0.0, 2.5, 5.0, 7.5, 10.0)]


def task(number: int, best: float, release: str = "0.2") -> Task:
    """A task whose losses rise with the distance from its best C."""
    trials = tuple(Trial(config, abs(config["C"] - best) / 10 + number / 1000) for config in CONFIGS)
    told = {"versions": {"lightgbm": f"{release}.1"}}
    return Task(f"data {number}", "gbm", SPACE, metric="loss", trials=trials, provenance=told)


NEW = Task("new", "gbm", SPACE, metric="loss")
SOUND = [task(k, 10.0 * (k % 2)) for k in range(12)]
DOUBTED = [task(k, 10.0 * (k % 2), "0.1" if k % 2 and k > 1 else "0.2") for k in range(12)]


def lean(learner: str, tasks: list[Task]) -> float:
    """How much lower the forecast at C = 10 is than at C = 0."""
    recommender = Recommender(learner).fit(tasks)
    mean = recommender._lesson(NEW).forecast(NEW, CONFIGS).mean
    return float(mean[0] - mean[-1])


@pytest.mark.parametrize("learner", ["portfolio", "neighbours", "forest", "gaussian_process", "network"])
def test_doubted_tasks_pull_less(learner: str) -> None:
    """Where the tasks that like one end of the space are doubted, forecasts lean to the other."""
    assert lean(learner, DOUBTED) < lean(learner, SOUND)


def test_the_bayesian_network_draws_doubted_tasks_less() -> None:
    """Its forecast leans away from doubted tasks too, where a batch does not hold all tasks."""
    pytest.importorskip("torch")
    from foretune.learners.bayesian_network_training import _drawn

    rng, trust = np.random.default_rng(0), np.array([1.0, 1.0, 0.1, 1.0])
    drawn = np.concatenate([_drawn(4, 2, rng, trust) for _ in range(500)])
    counts = np.bincount(drawn, minlength=4)
    assert counts[2] < 0.4 * counts[[0, 1, 3]].min()
    assert sorted(_drawn(4, 9, rng, trust)) == [0, 1, 2, 3]
    assert BayesianNetwork(steps=2, members=1).fit(DOUBTED).forecast(NEW, CONFIGS).mean.shape == (5,)


@pytest.mark.parametrize("learner", ["portfolio", "forest", "gaussian_process"])
def test_without_doubts_nothing_changes(learner: str) -> None:
    """Provenance that all tasks share gives the same forecast, to the bit, as none at all."""
    bare = [replace(one, provenance={}) for one in SOUND]
    forecasts = [
        Recommender(learner).fit(tasks)._lesson(NEW).forecast(NEW, CONFIGS) for tasks in (SOUND, bare)
    ]
    assert np.array_equal(forecasts[0].mean, forecasts[1].mean)
    assert np.array_equal(forecasts[0].std, forecasts[1].std)
    assert content_key(SOUND) == content_key(bare)


def test_rehearsals_of_doubted_tasks_are_their_own() -> None:
    """What was learned by rehearsing on trusted tasks is not taken for doubted ones."""
    less = [replace(one, trials=tuple(replace(t, weight=0.5) for t in one.trials)) for one in SOUND]
    assert content_key(less) != content_key(SOUND)


def test_doubts_are_explained_and_survive_saving(tmp_path: Path) -> None:
    """The explanation says what is doubted; a saved recommender, loaded, doubts as much and not twice."""
    recommender = Recommender("portfolio").fit(DOUBTED)
    explanation = recommender.explain(NEW)
    assert explanation.doubts == ("5 of 12 tasks were made with lightgbm 0.1, not 0.2; they count 50%",)
    assert ("doubted", explanation.doubts[0]) in explanation.lines()
    recommender.save(tmp_path / "saved")
    loaded = Recommender.load(tmp_path / "saved")
    assert loaded.explain(NEW) == explanation


def test_a_repeat_that_is_trusted_less_counts_less() -> None:
    """The loss of a repeated config is the mean of its trials by their weights."""
    repeats = (
        Trial({"C": 0.0}, 0.0, weight=0.25),
        Trial({"C": 0.0}, 1.0, repeat=1, weight=0.75),
        Trial({"C": 9.0}, 1.0),
    )
    past = [replace(SOUND[0], trials=repeats)]
    assert Recommender("portfolio").fit(past)._lesson(NEW).learner._mixture.surfaces.recorded[0, 0] == 0.75


def test_networks_learn_from_tasks_of_one_trust() -> None:
    """A network that trusts no task more than another learns what it learns from trusted ones."""
    less = [replace(one, trials=tuple(replace(t, weight=0.5) for t in one.trials)) for one in SOUND]
    means = [Network(epochs=3).fit(tasks).forecast(NEW, CONFIGS).mean for tasks in (SOUND, less)]
    assert np.allclose(means[0], means[1], atol=0.2)
