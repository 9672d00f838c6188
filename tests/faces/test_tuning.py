"""A search with real training."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from foretune.collect.datasets import Dataset
from foretune.collect.evaluation import Protocol
from foretune.collect.families import family
from foretune.data.errors import LearningError, MetricError
from foretune.data.records import DONE, Recommendation, Task, Trial
from foretune.faces.search_report import answer_of, outlook_sentence, write_search
from foretune.faces.tuning import ALL_MADE, INTERRUPTED, Bench, Limits, tune
from foretune.history.history import open_history
from foretune.recommender.past import past_tasks


@pytest.fixture(scope="module")
def data() -> Dataset:
    """A small table with two classes that overlap."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(90, 3)), columns=["a", "b", "c"])
    y = pd.Series(np.where(X["a"] + X["b"] ** 2 + rng.normal(scale=0.5, size=90) > 0.7, "yes", "no"))
    return Dataset("small", X, y, "classification")


@pytest.fixture(scope="module")
def past() -> list[Task]:
    """What the shipped experience holds on decision trees."""
    return past_tasks(family="decision_tree", metric="accuracy")


def bench(data: Dataset, **options: object) -> Bench:
    """Decision trees on the small table."""
    return Bench(family("decision_tree"), data, Protocol(3), **options)  # type: ignore[arg-type]


def test_a_search_trains_what_is_recommended(data: Dataset, past: list[Task], tmp_path: Path) -> None:
    """Four trials, all different; the answer holds the best of them; the report shows every one."""
    heard: list[Trial] = []
    tuned = tune(bench(data), past, Limits(4), on_trial=lambda trial, _: heard.append(trial))
    assert [trial.status for trial in heard] == [DONE] * 4
    assert len({trial.key for trial in heard}) == 4
    answer = answer_of(tuned)
    best = min(heard, key=lambda trial: trial.loss or 0.0)
    assert (answer["config"], answer["score"]) == (dict(best.config), round(-(best.loss or 0.0), 6))
    assert answer["ended"] == "all trials were made"
    page = write_search(tuned, tmp_path / "report").read_text(encoding="utf-8")
    assert page.count("<svg") >= 4
    assert (tmp_path / "report" / "search.json").exists()


@pytest.mark.parametrize("after", [0, 2])
def test_who_interrupts_a_search_is_told_what_was_found(
    data: Dataset, past: list[Task], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """The trials made so far have their answer, with a history it goes on; without a trial there is none."""
    run = Bench.tried

    def tried(self: Bench, task: Task, advice: list[Recommendation]) -> Iterator[Trial]:
        if len(task.trials) == after:
            raise KeyboardInterrupt
        yield from run(self, task, advice)

    with open_history(tmp_path / "mine.db") as history, monkeypatch.context() as patch:
        patch.setattr(Bench, "tried", tried)
        if not after:
            with pytest.raises(KeyboardInterrupt):
                tune(bench(data, history=history), past, Limits(4))
            return
        stopped = tune(bench(data, history=history), past, Limits(4))
        patch.undo()
        ended = tune(bench(data, history=history), past, Limits(4))
    assert (len(stopped.task.trials), stopped.ended) == (2, INTERRUPTED)
    assert {trial.key for trial in stopped.task.trials} < {trial.key for trial in ended.task.trials}
    assert (len(ended.task.trials), ended.ended) == (4, ALL_MADE)


def test_errors_in_units_are_compared_once_they_show_their_size() -> None:
    """By RMSE one trial tells nothing of what is left; what several tell grows with the unit."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(80, 3)), columns=["a", "b", "c"])
    y = pd.Series(np.sin(2 * X["a"]) + 0.3 * rng.normal(size=80))
    numbers = [Dataset("numbers", X, unit * y, "regression") for unit in (1.0, 1000.0)]
    past = past_tasks(family="decision_tree", metric="rmse")
    first = tune(bench(numbers[0]), past, Limits(1), metric="rmse")
    assert first.outlook is None
    assert "too few trials" in outlook_sentence(first)
    small, large = (tune(bench(data), past, Limits(4), metric="rmse") for data in numbers)
    assert small.outlook is not None
    assert large.outlook is not None
    # The trees break ties otherwise, so one loss of four differs by 0.4 %.
    assert large.outlook.gain == pytest.approx(1000 * small.outlook.gain, rel=0.05)
    default = family("decision_tree").default("regression")
    tried = default in [trial.config for trial in small.task.trials]
    assert (answer_of(small)["explanation"]["gain"]["mean"] is not None) == tried


@pytest.mark.parametrize("tolerance", [float("nan"), float("inf"), -0.1])
def test_a_tolerance_is_looked_at_before_the_search(tolerance: float) -> None:
    """What is no tolerance is refused before the first training."""
    with pytest.raises(LearningError, match=r"tolerance=.*finite number, 0 or greater"):
        Limits(tolerance=tolerance)


def test_two_at_a_time_differ(data: Dataset, past: list[Task]) -> None:
    """With two processes the configs of a batch are different, and no more are tried than asked for."""
    tuned = tune(bench(data, jobs=2), past, Limits(3))
    assert len({trial.key for trial in tuned.task.trials}) == 3


def test_a_stopped_search_goes_on(data: Dataset, past: list[Task], tmp_path: Path) -> None:
    """With a history two trials now and four in all later are the four of one search, stored once each."""
    whole = tune(bench(data), past, Limits(4)).task
    with open_history(tmp_path / "h.db") as store:
        tune(bench(data, history=store), past, Limits(2))
        again = tune(bench(data, history=store), [*past, *store.tasks(metric="accuracy")], Limits(4)).task
        stored = list(store.tasks(metric="accuracy"))
    assert [trial.key for trial in again.trials] == [trial.key for trial in whole.trials]
    assert len(stored) == 1
    assert len(stored[0].trials) == 4
    assert stored[0].metafeatures


def test_a_search_may_end_early(data: Dataset, past: list[Task]) -> None:
    """It ends after one trial when its time is up, and as soon as the tolerance is sure to be met."""
    assert len(tune(bench(data), past, Limits(50, seconds=0.0)).task.trials) == 1
    tuned = tune(bench(data), past, Limits(50, tolerance=1.0))
    assert len(tuned.task.trials) < 50
    assert tuned.ended == "it is 95 % sure to be within 1 of the best"
    assert tuned.outlook.stop


def test_what_cannot_be_searched_is_said(data: Dataset, past: list[Task]) -> None:
    """A metric that does not fit, and a time limit that no config meets, are errors that say what to do."""
    with pytest.raises(MetricError, match="r2"):
        tune(bench(data), past, Limits(2), metric="r2")
    with pytest.raises(LearningError, match=r"all 2 trials failed .*timed out"):
        tune(bench(data, timeout=1e-6), past, Limits(2))


def test_a_family_without_a_past_is_told(data: Dataset) -> None:
    """Where nothing is known of a family the error says so, and how to mend it."""
    with pytest.raises(LearningError, match=r"decision_tree judged by accuracy: collect or import"):
        tune(bench(data), [], Limits(2))
