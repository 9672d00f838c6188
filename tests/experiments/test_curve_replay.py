"""Replays by the epoch, on curves whose course is known: the rivals are configured as they should be."""

from dataclasses import replace

import numpy as np
import pytest

from curved_tasks import FULL, curved_tasks
from foretune.data.errors import LearningError
from foretune.data.records import Task
from foretune.experiments.curve_replay import (
    COLD,
    Moment,
    Recorded,
    bracket_size,
    cold_halving,
    hyperband,
    regret_within,
    replay_curves,
    whole_trainings,
)
from foretune.experiments.replay import Split, leave_groups_out
from foretune.testing import related_task

STEPS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 52.0)
N = 200


def ordered() -> Recorded:
    """Two hundred configs that fall in parallel, the k-th of which ends k/200 behind the best."""
    losses = np.arange(N)[:, None] / N + np.linspace(1, 0, len(STEPS))
    return Recorded(Task("t", "svm", None), [{"C": k} for k in range(N)], losses, STEPS)


@pytest.mark.parametrize("search", COLD.values(), ids=list(COLD))
def test_a_cold_search_spends_no_more_than_it_says(search) -> None:  # type: ignore[no-untyped-def]
    """Its moments ascend, and what it hands over within a budget was begun by then."""
    moments = search(ordered(), 520, 0)
    spent = [one.spent for one in moments]
    assert spent == sorted(spent)
    assert moments[-1].spent >= 0.8 * 520
    assert moments == search(ordered(), 520, 0)


def test_halving_fills_its_budget_and_finishes_one() -> None:
    """With 130 epochs 31 configs are begun; where curves never cross, the best of them is finished."""
    assert bracket_size(STEPS, 130, eta=2) == 31
    for seed in range(5):
        begun = np.random.default_rng(seed).permutation(N)[:31]
        last = cold_halving(ordered(), 130, seed)[-1]
        assert (last.config, last.rest) == (begun.min(), 0)
        assert 104 <= last.spent <= 130


def test_hyperband_has_the_published_brackets() -> None:
    """For R = 52 and eta = 3 its brackets begin with 27, 12, 6 and 4 configs at 2, 8 (5.8), 16 (17.3), 52."""
    spent = np.array([one.spent for one in hyperband(ordered(), 520, 0)[:10]])
    assert np.diff([0, *spent]).tolist() == [
        27 * 2,
        9 * 6,
        3 * 8,
        36,
        12 * 8,
        4 * 8,
        36,
        6 * 16,
        2 * 36,
        4 * 52,
    ]


def test_hyperband_keeps_its_best_finished_config() -> None:
    """Where curves never cross, no later bracket makes it hand over a worse one for good."""
    moments = [one for one in hyperband(ordered(), 520, 1) if one.rest == 0]
    assert (np.diff([one.config for one in moments]) <= 0).all()


def test_whole_trainings_cost_whole_trainings() -> None:
    """After each full training the best so far would be handed over."""
    found = [*whole_trainings(ordered(), iter([9, 5, 7, 1]), 3 * 52)]
    assert found == [Moment(52, 9, 0), Moment(104, 5, 0), Moment(156, 5, 0)]


def test_regret_within_a_budget() -> None:
    """A config handed over counts by its true final loss; the second figure leaves time to finish it."""
    moments = [Moment(10, 50, 42), Moment(60, 20, 36)]
    assert regret_within(ordered(), moments, 60) == pytest.approx((20 / 199, 50 / 199))
    assert regret_within(ordered(), moments, 96) == pytest.approx((20 / 199, 20 / 199))
    assert regret_within(ordered(), moments, 9) == (1, 1)


def test_a_replay_on_related_tasks_favours_those_who_know_the_past() -> None:
    """Taught by tasks like it, a quarter of the epochs suffice for what cold searches miss."""
    tasks = curved_tasks()
    splits = [*leave_groups_out(tasks)][:3]
    found = replay_curves(splits, FULL, [20, 80], seeds=2, learner="portfolio")
    assert set(found) == {"early stopping", "warm halving", "whole trainings", *COLD}
    mean = {name: np.mean([*regrets.values()], axis=0) for name, regrets in found.items()}
    assert mean["early stopping"][0, 0] < 0.1
    assert mean["early stopping"][0, 0] < mean["cold halving"][0, 0]
    assert all(
        (regrets[0] <= regrets[1] + 1e-12).all() for name, regrets in mean.items() if name != "hyperband"
    )


def test_a_task_without_whole_curves_is_refused() -> None:
    """There is nothing to replay where no config was read at every step."""
    with pytest.raises(LearningError, match="cannot be replayed"):
        Recorded.of(related_task("bare", 0.5, 0.5), FULL)


def test_tasks_of_one_name_are_searched_apart() -> None:
    """One dataset under two protocols is two tasks: each has the regrets that it has alone."""
    past, (one, *_) = curved_tasks()[:-2], curved_tasks()[-2:]
    other = replace(
        one,
        provenance={"protocol": {"seed": 1}},
        trials=tuple(replace(t, loss=-(t.loss or 0.0), curve=tuple(-x for x in t.curve)) for t in one.trials),
    )

    def played(*new: Task) -> dict[str, dict[str, list[list[float]]]]:
        return replay_curves([Split(past, [*new])], FULL, [20, 80], seeds=1, learner="portfolio")

    together = played(one, other)
    for task in (one, other):
        alone = played(task)
        assert {name: regrets[task.key] for name, regrets in together.items()} == {
            name: regrets[task.key] for name, regrets in alone.items()
        }
