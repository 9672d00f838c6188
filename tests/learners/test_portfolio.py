"""The greedy portfolio, against a brute-force one."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from foretune.data.records import Task, Trial
from foretune.learners.learner import SATURATION
from foretune.learners.portfolio import Portfolio
from foretune.recommender.recommender import Recommender
from foretune.testing import RELATED_CELLS, related_task, related_tasks


def greedy(tasks: Sequence[Task], n: int) -> list[int]:
    """The n cells that the greedy algorithm takes from saturated regrets, computed the slow way."""
    losses = [[float(trial.loss or 0.0) for trial in task.done] for task in tasks]
    typical = np.median([np.median(row) - min(row) for row in losses])
    badness = [[1 - np.exp(-(x - min(row)) / (SATURATION * typical)) for x in row] for row in losses]
    chosen: list[int] = []
    for _ in range(n):
        left = [k for k in range(len(losses[0])) if k not in chosen]
        cost = {k: float(np.mean([min(row[j] for j in [*chosen, k]) for row in badness])) for k in left}
        chosen.append(min(left, key=lambda k: cost[k]))
    return chosen


def test_proposals_are_the_greedy_portfolio() -> None:
    """The first five proposals equal those of an independent greedy search."""
    rng = np.random.default_rng(3)
    past = [
        related_task(f"past {k}", 0.5, 0.5).plus(*(Trial(cell, rng.exponential()) for cell in RELATED_CELLS))
        for k in range(30)
    ]
    found = (
        Recommender("portfolio")
        .fit(past)
        .recommend(related_task("new", 0.5, 0.5), 5, candidates=RELATED_CELLS)
    )
    assert [RELATED_CELLS.index(dict(one.config)) for one in found] == greedy(past, 5)


def test_the_second_proposal_complements_the_first() -> None:
    """Where past tasks fall into two kinds, the first two proposals are good on one kind each."""
    past = [related_task(f"past {k}", float(k % 5 < 2), 0.5, cells=RELATED_CELLS) for k in range(10)]
    found = (
        Recommender("portfolio")
        .fit(past)
        .recommend(related_task("new", 0.5, 0.5), 2, candidates=RELATED_CELLS)
    )
    bests = {float(task.best.config["C"]) for task in past if task.best}
    assert len(bests) == 2
    assert found[0].config["C"] < 1 < found[1].config["C"]


def test_metafeatures_do_not_matter_to_the_shape() -> None:
    """Whatever is known of the new dataset, the differences between configs are forecast alike."""
    learner, new = Portfolio().fit(related_tasks()), related_task("new", 0.9, 0.1)
    shapes = [
        forecast.mean - forecast.mean.min()
        for forecast in (
            learner.forecast(replace(new, metafeatures=features), RELATED_CELLS)
            for features in ({}, new.metafeatures, {"size": 0.0})
        )
    ]
    np.testing.assert_allclose(shapes[0], shapes[1], atol=1e-12)
    np.testing.assert_allclose(shapes[0], shapes[2], atol=1e-12)


def test_trials_only_move_the_level() -> None:
    """The weights stay equal and the shape of the forecast stays the same, however the trials came out."""
    learner, new = Portfolio().fit(related_tasks()), related_task("new", 0.9, 2.0)
    before = learner.forecast(new, RELATED_CELLS)
    after = learner.forecast(related_task("new", 0.9, 2.0, cells=RELATED_CELLS[:6]), RELATED_CELLS)
    assert after.weights is not None
    assert after.weights.tolist() == [1 / 24] * 24
    assert np.ptp(after.mean - before.mean) < 1e-12
    assert after.mean[0] > before.mean[0] + 0.1
