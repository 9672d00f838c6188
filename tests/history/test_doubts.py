"""Past tasks that were made otherwise are doubted, said and weighted down; all others are left alone."""

from dataclasses import replace
from importlib.metadata import version

import numpy as np
import pytest
from ConfigSpace import ConfigurationSpace

from foretune.data.records import FAILED, Task, Trial
from foretune.history.checking import checked_tasks
from foretune.history.doubts import doubts_of, weighed
from foretune.history.reliability import reliability

SPACE = ConfigurationSpace({"C": (0.1, 9.0), "kernel": ["rbf", "linear"]})
HERE = version("scikit-learn")


def task(number: int, *, losses: tuple[float, ...] = (-0.5, -0.6, -0.7), **provenance: object) -> Task:
    """A sound task, but for what is given."""
    told = {"versions": {"scikit-learn": HERE}, "rows": 100, "protocol": {"validation": "cross-validation"}}
    trials = tuple(
        Trial({"C": 1.0 + k, "kernel": "rbf"}, loss - number / 1000) for k, loss in enumerate(losses)
    )
    about = {"a": float(number), "b": 1.0, "c": 2.0}
    name = f"data {number}"
    return Task(name, "svm", SPACE, trials=trials, metafeatures=about, provenance=told | provenance)


SOUND = [task(number) for number in range(4)]
OLD = task(9, versions={"scikit-learn": "0.24.1"})


def kinds(tasks: list[Task]) -> set[str]:
    """What is doubted."""
    return {doubt.kind for doubt in checked_tasks(tasks)}


def test_sound_tasks_stay_the_very_objects() -> None:
    """Where nothing is doubted, tasks are the same objects, and nothing is said."""
    found, said = weighed(SOUND)
    assert all(one is other for one, other in zip(found, SOUND, strict=True))
    assert said == ()
    assert kinds(SOUND) == set()


def test_another_version_counts_half() -> None:
    """A task made with another release than the one at hand counts half, others in full."""
    found, said = weighed([*SOUND, OLD])
    assert [trial.weight for trial in found[-1].trials] == [0.5] * 3
    assert found[0] is SOUND[0]
    assert said == (
        f"1 of 5 tasks were made with scikit-learn 0.24, not {'.'.join(HERE.split('.')[:2])}; they count 50%",
    )


def test_the_release_at_hand_is_the_measure() -> None:
    """Tasks of the release at hand are trusted, be they in the minority; else those of the commonest."""
    assert doubts_of([task(0), OLD, replace(OLD, name="b")])[0].places == (1, 2)
    older = replace(OLD, name="c", provenance={"versions": {"scikit-learn": "0.23"}})
    assert doubts_of([OLD, replace(OLD, name="b"), older])[0].places == (2,)


@pytest.mark.parametrize(
    ("provenance", "kind"),
    [
        ({"protocol": {"validation": "holdout"}}, "protocol"),
        ({"rows": 100, "protocol": {"validation": "cross-validation", "rows": 40}}, "rows"),
    ],
)
def test_other_protocols_and_fewer_rows_count_less(provenance: dict[str, object], kind: str) -> None:
    """A task otherwise judged, or on fewer rows than another of its dataset, counts less than in full."""
    odd = replace(task(0, **provenance), trials=task(1).trials)
    (doubt,) = doubts_of([*SOUND, odd])
    assert (doubt.kind, doubt.places) == (kind, (4,))
    assert 0 < weighed([*SOUND, odd])[0][4].trials[0].weight < 1


def test_few_folds_are_noisier() -> None:
    """At most half of the usual number of folds counts less."""
    tasks = [task(k, protocol={"folds": 10}) for k in range(3)]
    assert doubts_of([*tasks, task(3, protocol={"folds": 6})]) == []
    assert doubts_of([*tasks, task(3, protocol={"folds": 2})])[0].places == (3,)


def test_scores_that_are_all_impossible_are_told_and_not_weighed() -> None:
    """Where every task has impossible scores, none counts less than another."""
    odd = [task(number, losses=(0.1, 0.2, 0.3)) for number in range(3)]
    assert kinds(odd) == {"impossible"}
    assert weighed(odd) == (odd, ())


def test_weights_multiply() -> None:
    """A trial that was trusted less counts less still where its task is doubted twice."""
    odd = task(9, versions={"scikit-learn": "0.24"}, losses=(-93.0, -94.0, -95.0))
    odd = replace(odd, trials=tuple(replace(trial, weight=0.5) for trial in odd.trials))
    assert weighed([*SOUND, odd])[0][4].trials[0].weight == pytest.approx(0.5 * 0.5 * 0.5)


@pytest.mark.parametrize(
    "provenance",
    [
        {},
        {"versions": "1.8", "protocol": 3, "rows": "many"},
        {"versions": {"scikit-learn": 1.8}, "rows": True},
    ],
)
def test_what_tells_nothing_is_not_doubted(provenance: dict[str, object]) -> None:
    """Provenance that is missing, or of odd types, is no reason to doubt a task."""
    odd = replace(task(9), provenance=provenance)
    assert doubts_of([*SOUND, odd]) == []


@pytest.mark.parametrize(
    ("odd", "kind"),
    [
        (task(9, losses=(-93.0, -94.0, -95.0)), "impossible"),
        (
            replace(task(9), trials=tuple(Trial({"C": 1.0 + k, "kernel": "rbf"}, -1.0) for k in range(3))),
            "perfect",
        ),
        (
            replace(task(9), trials=tuple(Trial({"C": 1.0 + k, "kernel": "rbf"}, -0.5) for k in range(3))),
            "constant",
        ),
        (replace(task(9), trials=(Trial({"C": 1.0, "kernel": "rbf"}, status=FAILED),)), "failed"),
        (replace(task(9), trials=(Trial({"C": 99.0, "kernel": "rbf"}, -0.5),)), "outside"),
        (replace(task(9), trials=(Trial({"C": 1.0, "kernel": "poly"}, -0.5),)), "outside"),
        (replace(task(9), trials=(Trial({"depth": 1}, -0.5),)), "outside"),
        (replace(task(9), space=None), "space"),
        (replace(task(9), metafeatures={"a": float("nan")}), "metafeatures"),
        (replace(task(9), metafeatures={"a": 1.0, "b": float("inf")}), "infinite"),
        (replace(task(9), trials=SOUND[0].trials), "copy"),
        (replace(task(9), metafeatures=SOUND[0].metafeatures), "copy"),
    ],
)
def test_what_is_odd_is_told(odd: Task, kind: str) -> None:
    """Each kind of oddity is told as itself, and nothing else is."""
    assert kinds([*SOUND, odd]) == {kind}


def test_copies_of_one_group_are_no_copies() -> None:
    """The same dataset under two names is fine where both are in one group."""
    both = [replace(task(1), group="g"), replace(task(1), group="g", name="other")]
    assert kinds(both) == set()


def measured(spread: float, noise: float, *, configs: int = 40, folds: int = 5, seed: int = 0) -> Task:
    """A task whose configs differ by `spread`, and each fold's score by `noise` besides."""
    rng = np.random.default_rng(seed)
    hard = rng.normal(size=folds)  # a fold is hard for all configs alike: that is no noise
    trials = []
    for k in range(configs):
        scores = 0.5 + spread * rng.normal() + hard + noise * rng.normal(size=folds)
        trials.append(Trial({"C": 1.0 + k / 10}, -scores.mean(), scores={"accuracy": scores.tolist()}))
    return replace(task(seed), trials=tuple(trials))


@pytest.mark.parametrize(("spread", "noise"), [(0.1, 0.01), (0.1, 0.1), (0.05, 0.1), (0.02, 0.1), (0.0, 0.1)])
def test_reliability_is_the_share_of_variance_that_is_not_noise(spread: float, noise: float) -> None:
    """Over many tasks it is on average what the spread of configs and the noise of five folds make it."""
    found = [reliability(measured(spread, noise, seed=seed)) for seed in range(40)]
    true = spread**2 / (spread**2 + noise**2 / 5)
    assert np.mean(found) == pytest.approx(true, abs=0.1)  # it is cut off at 0
    assert min(found) >= 0


def test_one_disaster_is_no_noise() -> None:
    """A config that diverged on one fold leaves the reliability of the ranking nearly what it was."""
    sound = measured(0.1, 0.01)
    first, *others = sound.trials
    scores = [*first.scores["accuracy"][1:], -1e200]
    odd = replace(sound, trials=(replace(first, scores={"accuracy": scores}), *others))
    whole, some = reliability(sound), reliability(odd)
    assert whole is not None and some is not None
    assert whole > 0.98
    assert some > 0.9


def test_equal_scores_tell_nothing() -> None:
    """Where all configs score alike, to the last digit, nothing can be said of noise."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        scores = {"accuracy": rng.random(5).tolist()}
        trials = tuple(Trial({"C": 1.0 + k}, 0.0, scores=scores) for k in range(20))
        assert reliability(replace(task(0), trials=trials)) is None


def test_repeats_of_a_config_are_one_config() -> None:
    """Ten seeds of one config are no ten configs; of several configs each counts as its mean."""
    rng = np.random.default_rng(0)
    seeds = [Trial({"C": 1.0}, 0.0, seed=k, scores={"accuracy": rng.random(5).tolist()}) for k in range(12)]
    assert reliability(replace(task(0), trials=tuple(seeds))) is None
    one = measured(0.1, 0.1)
    again = tuple(replace(trial, seed=1) for trial in one.trials)
    assert reliability(replace(one, trials=one.trials + again)) == pytest.approx(reliability(one))


@pytest.mark.parametrize(
    "odd",
    [
        measured(0.1, 0.1, configs=9),
        measured(0.1, 0.1, folds=1),
        measured(0.0, 0.0),
        task(0),
        replace(task(0), trials=()),
        replace(measured(0.1, 0.1), metric="f1"),
        replace(
            measured(0.1, 0.1),
            trials=tuple(Trial({"C": 1.0}, 0.0, scores={"accuracy": [np.nan, 1.0]}) for _ in "x" * 20),
        ),
    ],
)
def test_where_nobody_can_tell_there_is_no_reliability(odd: Task) -> None:
    """Few configs, one fold, equal or undefined scores tell nothing of noise, and are no reason for doubt."""
    assert reliability(odd) is None
    assert not any(doubt.kind == "noise" for doubt in doubts_of([odd]))


def test_noisy_tasks_count_by_what_is_not_noise() -> None:
    """A sound task counts in full, a noisy one by the root of its reliability, mere noise at least 20 %."""
    tasks = [measured(0.1, 0.01), measured(0.08, 0.1, seed=1), measured(0.0, 0.1, seed=2)]
    found, (said,) = weighed(tasks)
    some = reliability(tasks[1])
    assert some is not None and found[0] is tasks[0]
    assert found[1].trials[0].weight == round(some**0.5, 2)
    assert 0.2 <= found[2].trials[0].weight < found[1].trials[0].weight
    assert said.startswith("2 of 3 tasks rank configs in part by noise (mostly so: 1); they count ")
    assert said.endswith("% in the mean")
