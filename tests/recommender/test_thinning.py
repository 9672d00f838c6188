"""Very large pasts are thinned, and no others."""

from dataclasses import replace

import pytest

from foretune.data.records import FAILED, Trial
from foretune.recommender import thinning
from foretune.recommender.recommender import Recommender
from foretune.recommender.thinning import BEST, FEWEST, thinned
from foretune.testing import related_loss, related_task

WIDE = [{"C": 10 ** (k / 20 - 3)} for k in range(120)]


def past(n):
    """Past tasks that tried 120 configs each, none of them twice."""
    return [
        related_task(f"past {t}", t / n, 0.3, cells=[{"C": cell["C"] * (1 + t / 1e6)} for cell in WIDE])
        for t in range(n)
    ]


def test_usual_pasts_stay():
    """Up to so many different configs the very tasks are learned from, however often each was tried."""
    tasks = past(5)
    assert all(one is task for one, task in zip(thinned(tasks), tasks, strict=True))


def test_shared_configs_count_once(monkeypatch):
    """Many tasks that tried the same few configs are no large past."""
    monkeypatch.setattr(thinning, "MOST_CONFIGS", 150)
    tasks = [related_task(f"past {t}", t / 5, 0.3, cells=WIDE) for t in range(5)]
    assert all(one is task for one, task in zip(thinned(tasks), tasks, strict=True))


def test_a_large_past_keeps_the_best(monkeypatch):
    """Each task keeps its best trials and its share of others, in their order, the same ones each time."""
    monkeypatch.setattr(thinning, "MOST_CONFIGS", 200)
    tasks = past(5)
    tasks[0] = tasks[0].plus(*(Trial({"C": 5.0 + k}, status=FAILED) for k in range(60)))
    found = thinned(tasks)
    for task, one in zip(tasks, found, strict=True):
        assert 200 // 5 - BEST <= len(one.trials) <= 200 // 5
        assert one.best == task.best
        assert {id(trial) for trial in sorted(task.done, key=lambda t: t.loss)[:BEST]} <= set(
            map(id, one.trials)
        )
        places = [task.trials.index(trial) for trial in one.trials]
        assert places == sorted(places)
    assert any(trial.status is FAILED for trial in found[0].trials)
    assert found == thinned(tasks)
    assert all(
        len(one.trials) <= FEWEST
        for one in thinned([replace(t, name=f"{t.name} {k}") for k in range(9) for t in tasks])
    )


@pytest.mark.parametrize("learner", ["portfolio", "auto"])
def test_a_thinned_past_teaches_as_well(monkeypatch, learner):
    """What is recommended from a third of the trials is about as good as from all."""
    tasks, new = past(8), related_task("new", 0.5, 0.3)
    whole = Recommender(learner).fit(tasks).recommend(new, candidates=WIDE)[0].config
    monkeypatch.setattr(thinning, "MOST_CONFIGS", 320)
    some = Recommender(learner).fit(tasks).recommend(new, candidates=WIDE)[0].config
    assert abs(related_loss(some, 0.5, 0.3) - related_loss(whole, 0.5, 0.3)) < 0.02
