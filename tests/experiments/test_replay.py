"""Replays: what is left out, and how regret is measured."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Self

import numpy as np
import pytest
from hypothesis import given, strategies as st

from foretune.data.errors import LearningError
from foretune.data.records import FAILED, Config, Forecast, Recommendation, Task, Trial, canonical, sides_of
from foretune.experiments.judging import RANDOM, Search, prediction
from foretune.experiments.replay import (
    Split,
    leave_groups_out,
    play,
    replay,
    replay_report,
    share_out,
)
from foretune.testing import RELATED_CELLS, related_tasks

groupings = st.lists(st.sampled_from(["a", "b", "c", "d", None]), min_size=2, max_size=15)


def grouped(groups: list[str | None]) -> list[Task]:
    """Tasks of these groups; where there is none, a dataset stands alone."""
    return [Task(f"task {k}", "svm", None, dataset=f"data {k // 2}", group=g) for k, g in enumerate(groups)]


def test_a_useless_task_is_passed_over() -> None:
    """One task with a single trial, or with failed ones only, does not stop the replay of the others."""
    tasks = related_tasks(4)
    useless = [
        replace(tasks[0], name="single", dataset=None, trials=tasks[0].trials[:1]),
        replace(tasks[0], name="repeats", dataset=None, trials=[Trial({"C": 1}, k, seed=k) for k in (1, 2)]),
        replace(tasks[0], name="failed", dataset=None, trials=(Trial({"C": 1.0}, status=FAILED),)),
    ]
    played = replay([*leave_groups_out([*tasks, *useless])], ["portfolio"], trials=3)
    assert {search.task.name for search in played} == {task.name for task in tasks}
    with pytest.raises(LearningError, match="two configs that were finished"):
        replay([Split(tasks, useless)], ["portfolio"])


def test_repeats_are_one_config() -> None:
    """A config that was tried with three seeds is proposed once, and stands for its mean loss."""
    one, *others = related_tasks(4)
    spread = [replace(t, loss=(t.loss or 0) + 0.2 * k, seed=k) for t in one.trials for k in (-1, 0, 1)]
    repeated = replace(one, trials=tuple(spread))
    for search in replay([Split(others, [repeated])], ["portfolio"], trials=100):
        assert search.regret[-1] == 0
        assert len(search.truth) == len(one.trials)
        assert sorted(search.truth) == pytest.approx(sorted(t.loss or 0 for t in one.trials))


@given(groupings, st.one_of(st.none(), st.integers(0, 20)), st.integers(0, 5))
def test_each_group_is_left_out_once_and_never_split(
    groups: list[str | None], folds: int | None, seed: int
) -> None:
    """Every task is new in just one split, past in all others, and its group goes with it."""
    tasks = grouped(groups)
    splits = list(leave_groups_out(tasks, folds=folds, seed=seed))
    for split in splits:
        for word in ("group", "dataset"):
            past = {getattr(task, word) for task in split.past} - {None}
            assert not past & {getattr(task, word) for task in split.new}
        assert Counter(t.name for t in [*split.past, *split.new]) == Counter(t.name for t in tasks)
    assert Counter(t.name for split in splits for t in split.new) == Counter(t.name for t in tasks)
    sides = len(set(sides_of(tasks)))
    assert len(splits) == (min(folds, sides) if folds else sides)


@pytest.mark.parametrize(
    ("share", "groups"), [(0.9, 18), (0.7, 14), (0.3, 6), (0.25, 5), (0.01, 1), (1.0, 19)]
)
def test_share_out_holds_out_that_share_of_the_groups(share: float, groups: int) -> None:
    """Of 20 groups of two tasks each, this share is held out, each whole, and never none or all of them."""
    tasks = [Task(f"task {k}", "svm", None, group=f"group {k // 2}") for k in range(40)]
    split = share_out(tasks, share)
    held_out = {task.group for task in split.new}
    assert len(held_out) == groups
    assert not held_out & {task.group for task in split.past}
    assert len(split.past) + len(split.new) == 40


@pytest.fixture(scope="module")
def searches() -> list[Search]:
    """A replay of ten related tasks, left out in two parts, as long as there are configs."""
    splits = list(leave_groups_out(related_tasks(10), folds=2))
    return replay(splits, ["portfolio", "forest"], trials=len(RELATED_CELLS) + 3)


def test_regret_falls_from_at_most_one_to_nothing(searches: list[Search]) -> None:
    """Normalised regret lies in [0, 1], never grows, and is 0 once every config was tried."""
    assert {search.learner for search in searches} == {"portfolio", "forest", RANDOM}
    for search in searches:
        assert len(search.regret) == len(RELATED_CELLS) + 3
        assert ((search.regret >= 0) & (search.regret <= 1)).all()
        assert (np.diff(search.regret) <= 1e-12).all()
        assert search.regret[len(RELATED_CELLS) - 1 :].tolist() == [0.0] * 4


def test_learners_beat_random_search(searches: list[Search]) -> None:
    """On related tasks both learners are far ahead of random search after three trials."""
    after_three = {
        name: np.mean([s.regret[2] for s in searches if s.learner == name])
        for name in ("portfolio", "forest", RANDOM)
    }
    assert after_three["forest"] < 0.5 * after_three[RANDOM]
    assert after_three["portfolio"] < 0.5 * after_three[RANDOM]


def test_forecasts_are_made_before_any_trial(searches: list[Search]) -> None:
    """What is judged is the forecast without the task's own trials, beside its recorded losses."""
    for search in searches:
        assert search.truth.tolist() == [trial.loss for trial in search.task.done]
        assert np.isnan(search.forecast).all() == (search.learner == RANDOM)
        assert not np.array_equal(search.forecast, search.truth)


def test_random_search_is_what_chance_expects() -> None:
    """Over many tiny tasks, random search's mean regret is the mean over all draws without replacement."""
    losses = [0.0, 1.0, 2.0, 5.0]
    trials = tuple(Trial({"C": float(k + 1)}, loss) for k, loss in enumerate(losses))
    tasks = [replace(task, trials=trials) for task in related_tasks(3)]
    curve = np.mean(
        [
            search.regret
            for seed in range(60)
            for search in replay([Split(tasks[:2], tasks[2:])], [], trials=4, seed=seed)
        ],
        axis=0,
    )
    expected = [np.mean([min(draw) for draw in combinations(losses, n)]) / 5 for n in range(1, 5)]
    np.testing.assert_allclose(curve, expected, atol=0.03)


def test_a_past_of_one_group_cannot_be_replayed() -> None:
    """With nothing left to learn from, the error says how many groups it takes."""
    alike = [replace(task, group="one") for task in related_tasks(3)]
    for splits in ([], list(leave_groups_out(alike))):
        with pytest.raises(LearningError, match="at least two groups"):
            replay(splits, ["portfolio"])


def test_failed_trials_are_not_searched() -> None:
    """Neither learner nor random search is given a config that failed."""
    past = related_tasks(4)
    failed = past[0].plus(*(Trial({"C": 5.0 + k}, status=FAILED) for k in range(30)))
    found = replay([Split(past[1:], [failed])], ["portfolio"], trials=len(RELATED_CELLS))
    assert [search.regret[-1] for search in found] == [0.0, 0.0]
    assert all(len(search.truth) == len(RELATED_CELLS) for search in found)


def test_a_report_of_two_families_counts_every_split() -> None:
    """Each family is replayed by itself, and the progress of all of them goes up to the end."""
    past = related_tasks(6)
    other = [replace(task, family="decision_tree") for task in past]
    heard: list[tuple[int, int]] = []
    report = replay_report(
        [*past, *other], ["portfolio"], folds=2, trials=3, on_split=lambda *now: heard.append(now)
    )
    assert [(row["family"], row["learner"]) for row in report["replay"]] == [
        ("svm", "portfolio"),
        ("svm", RANDOM),
        ("decision_tree", "portfolio"),
        ("decision_tree", RANDOM),
    ]
    assert heard == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_one_split_shows_the_past_too() -> None:
    """With a test share the report also tells how well the tasks that were learned from are forecast."""
    past = share_out(related_tasks(20), 0.25).past
    report = replay_report(related_tasks(20), ["forest"], test_share=0.25, trials=2)
    assert report["prediction_on_past"] == prediction(replay([Split(past, past)], ["forest"], trials=1))
    assert "prediction_on_past" not in replay_report(past, ["portfolio"], folds=2, trials=2)


class Reversed:
    """Recommends the candidates from the last to the first; taught nothing."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def fit(self, tasks: Iterable[Task]) -> Self:
        """Itself."""
        return self

    def recommend(
        self, task: Task, n: int = 1, *, candidates: Sequence[Config] | None = None
    ) -> list[Recommendation]:
        """The last candidate that was not tried."""
        assert candidates is not None
        tried = len(task.trials)
        return [Recommendation(candidates[-1 - tried], 0.0, 0.0)] if tried < len(candidates) else []


class Oracle(Reversed):
    """Forecasts every loss of `related_tasks` exactly but for a bias, in standard deviations of 0.01."""

    def __init__(self, truth: Task, bias: float) -> None:
        self.truth = {canonical(trial.config): trial.loss for trial in truth.done}
        self.bias = bias

    def forecast(self, task: Task, configs: Sequence[Config]) -> Forecast:
        """The true losses, and the bias."""
        mean = np.array([self.truth[canonical(config)] for config in configs]) + 0.01 * self.bias
        return Forecast(mean, np.full(len(configs), 0.01))


def test_any_method_can_be_replayed() -> None:
    """A method is made with the seed of the replay, and what it recommends is what is tried."""
    seeds: list[int] = []

    def make(seed: int) -> Reversed:
        seeds.append(seed)
        return Reversed(seed)

    tasks = related_tasks(4)
    found = replay([Split(tasks[1:], tasks[:1])], {"reversed": make}, trials=5, seed=7)
    losses = np.array([trial.loss for trial in tasks[0].done])
    best = np.minimum.accumulate(losses[::-1][:5])
    assert [search.learner for search in found] == ["reversed", RANDOM]
    np.testing.assert_allclose(found[0].regret, (best - losses.min()) / np.ptp(losses))
    assert seeds == [7]


def test_a_method_that_does_not_forecast_is_judged_by_its_regret_alone() -> None:
    """Without a forecast there is nothing to calibrate, and the accuracy table leaves the method out."""
    tasks = related_tasks(4)
    found = replay([Split(tasks[1:], tasks[:1])], {"reversed": Reversed}, trials=5)
    assert np.isnan(found[0].forecast).all()
    assert found[0].calibration == ()
    assert prediction(found) == []


def test_only_recommending_is_timed() -> None:
    """There is one positive time a suggestion, as many as trials were made."""
    search = play("reversed", Reversed(0), related_tasks(1)[0], trials=100)
    assert len(search.seconds) == len(RELATED_CELLS)
    assert min(search.seconds) > 0


@pytest.mark.parametrize(("bias", "inside"), [(0.0, 1.0), (1.27, 1.0), (-1.29, 0.0)])
def test_forecasts_are_judged_again_after_5_and_20_trials(bias: float, inside: float) -> None:
    """An 80 % interval reaches 1.28 standard deviations to either side; the tried are no longer judged."""
    task = related_tasks(1)[0]
    spread = np.ptp([trial.loss for trial in task.done])
    search = play("oracle", Oracle(task, bias), task, trials=len(RELATED_CELLS))
    expected = [n for n in (0, 5, 20) if n < len(RELATED_CELLS)]
    assert [one.trials for one in search.calibration] == expected
    for one in search.calibration:
        assert one.inside == inside
        assert one.width == pytest.approx(2 * 1.2816 * 0.01 / spread, rel=1e-4)


def test_a_family_of_one_dataset_does_not_end_the_others_replay() -> None:
    """What cannot be replayed is left out, with the reason; an error comes where nothing can be."""
    past, lonely = related_tasks(6), replace(related_tasks(1)[0], family="mlp")
    report = replay_report([*past, lonely], ["portfolio"], folds=2, trials=2)
    assert {row["family"] for row in report["replay"]} == {"svm"}
    (reason,) = report["left_out"]
    assert reason.startswith("mlp is left out of the replay: a replay needs tasks of at least two groups")
    with pytest.raises(LearningError, match="at least two groups"):
        replay_report([lonely], ["portfolio"])
    with pytest.raises(LearningError, match="2 folds or more"):
        replay_report(past, ["portfolio"], folds=1)
