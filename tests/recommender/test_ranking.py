"""Which family to try first."""

import numpy as np
import pytest

from foretune.data.records import Task, Trial
from foretune.recommender.ranking import FamilyRanking


def told(dataset: str, family: str, loss: float, size: float, metric: str = "accuracy") -> Task:
    """A task with one trial, on a dataset with one meta-feature."""
    return Task(dataset, family, None, metric=metric, metafeatures={"size": size}, trials=(Trial({}, loss),))


def small_and_large(n: int = 20) -> list[Task]:
    """Past datasets on which the tree wins where they are small, and the net where they are large."""
    return [
        told(f"data {k}", family, -0.9 + 0.1 * ((family == "tree") == (k >= n / 2)), float(k))
        for k in range(n)
        for family in ("tree", "net")
    ]


def test_the_family_that_won_on_similar_datasets_has_the_better_odds() -> None:
    """Small datasets get the tree, large ones the net."""
    ranking = FamilyRanking().fit(small_and_large())
    small, large = ranking.odds({"size": 1.0}), ranking.odds({"size": 18.0})
    assert small["tree"] > 0.9 and small["net"] < 0.1
    assert large["net"] > 0.9 and large["tree"] < 0.1


def test_both_may_be_close() -> None:
    """Where losses differ by less than 0.01, both families are close to the best."""
    tasks = [
        told(f"data {k}", name, -0.9 + lag, k) for k in range(12) for name, lag in (("a", 0), ("b", 0.009))
    ]
    assert FamilyRanking().fit(tasks).odds({"size": 3.0}) == {"a": 1.0, "b": 1.0}


def test_units_do_not_matter_to_an_error_in_units() -> None:
    """For an error in units, close is one hundredth of the lowest: the same odds in any unit."""
    lags = np.random.default_rng(0).uniform(0, 0.03, 15)
    odds = [
        FamilyRanking()
        .fit(
            [
                told(f"data {k}", name, unit * (2.0 + 2.0 * lags[k] * (name == "b")), k, "rmse")
                for k in range(15)
                for name in ("a", "b")
            ]
        )
        .odds({"size": 7.0})
        for unit in (1.0, 1000.0)
    ]
    assert odds[0] == pytest.approx(odds[1])
    assert 0.0 < odds[0]["b"] < 1.0


def test_a_family_without_any_error_leaves_the_others_hopeless() -> None:
    """Where the best error is nothing, gaps have no end: odds are numbers all the same."""
    tasks = [
        told(f"data {k}", name, error * (k % 2), k, "rmse")
        for k in range(12)
        for name, error in (("a", 0.0), ("b", 3.0))
    ]
    odds = FamilyRanking().fit(tasks).odds({"size": 3.0})
    assert odds["a"] > odds["b"] >= 0.0


def test_a_family_votes_where_it_was_tried() -> None:
    """A family that was tried on few datasets is judged by these, not by how often others came close."""
    tasks = small_and_large()
    rare = [told(f"data {k}", "rare", -1.0, float(k)) for k in (1, 18)]
    odds = FamilyRanking().fit([*tasks, *rare]).odds({"size": 1.0})
    assert odds["rare"] > 0.9


def test_without_comparisons_there_are_no_odds() -> None:
    """Datasets of one family each compare nothing, and nine datasets are too few."""
    alone = [told(f"data {k}", "tree" if k % 2 else "net", -0.9, k) for k in range(40)]
    assert FamilyRanking().fit(alone).odds({"size": 1.0}) == {}
    assert FamilyRanking().fit(small_and_large(8)).odds({"size": 1.0}) == {}


def test_without_metafeatures_all_datasets_vote_alike() -> None:
    """Where nothing describes datasets, the odds are the shares over all of them."""
    tasks = [Task(t.name, t.family, None, trials=t.trials) for t in small_and_large()]
    assert FamilyRanking().fit(tasks).odds({}) == pytest.approx({"net": 0.5, "tree": 0.5}, abs=1e-3)


def test_odds_come_true_as_often_as_they_say() -> None:
    """On unseen datasets the mean of the odds is the share of families that came close; of high odds, too."""
    rng = np.random.default_rng(0)

    def lags(size: float) -> dict[str, float]:
        found = {"tree": size, "net": 1.0 - size, "other": 0.5}
        return {family: 0.05 * lag + 0.03 * rng.random() for family, lag in found.items()}

    past = {float(size): lags(size) for size in rng.random(80)}
    tasks = [told(str(s), family, lag, s) for s, row in past.items() for family, lag in row.items()]
    ranking, said, came = FamilyRanking().fit(tasks), [], []
    for size in rng.random(300):
        odds, row = ranking.odds({"size": size}), lags(size)
        said += [odds[family] for family in row]
        came += [lag <= min(row.values()) + 0.01 for lag in row.values()]
    assert np.mean(said) == pytest.approx(np.mean(came), abs=0.05)
    sure = np.array(said) > 0.7
    assert 0.7 < np.array(came)[sure].mean() < 0.95


def test_of_very_many_datasets_some_are_asked() -> None:
    """A long history answers in seconds, from datasets of its whole length."""
    ranking = FamilyRanking().fit(small_and_large(4_000))
    assert ranking.odds({"size": 100.0})["tree"] > 0.9
    assert ranking.odds({"size": 3900.0})["tree"] < 0.1


def probed_past(n: int = 40) -> list[Task]:
    """Past datasets alike in all meta-features; whose family's probe was ahead there, that family won."""
    rng, tasks = np.random.default_rng(0), []
    for k in range(n):
        for family, ahead in zip(("tree", "net"), rng.permutation([0.1, 0.0]), strict=True):
            trials = Trial({"x": 0}, -0.7 - ahead), Trial({"x": 1 + k}, -0.75 - ahead)
            tasks.append(Task(f"data {k}", family, None, metafeatures={"size": 1.0}, trials=trials))
    return tasks


def test_what_probes_lost_here_decides() -> None:
    """Where meta-features say nothing, one fit of each family does: in any level, as only gaps count."""
    ranking = FamilyRanking().fit(probed_past())
    assert ranking.probes == {"tree": {"x": 0}, "net": {"x": 0}}
    assert 0.3 < ranking.odds({"size": 1.0})["tree"] < 0.7
    for level in (-0.9, -0.5):
        odds = ranking.odds({"size": 1.0}, {"tree": level, "net": level - 0.1})
        assert odds["tree"] < 0.1 and odds["net"] > 0.9


def test_one_probe_alone_says_nothing() -> None:
    """A loss without another to compare it with leaves the odds what they were."""
    ranking = FamilyRanking().fit(probed_past())
    assert ranking.odds({"size": 1.0}, {"tree": -0.9}) == ranking.odds({"size": 1.0})


def test_a_past_without_shared_configs_has_no_probes() -> None:
    """Where every dataset tried configs of its own, or too few did, a fit here could not be interpreted."""
    own = [Task(t.name, t.family, None, trials=t.trials[1:]) for t in probed_past()]
    ranking = FamilyRanking().fit(own)
    assert ranking.probes == {}
    assert ranking.odds({}, {"tree": -0.9, "net": -0.1}) == ranking.odds({})
    assert FamilyRanking().fit(probed_past(8)).probes == {}
