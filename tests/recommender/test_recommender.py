"""What the recommender promises to those who follow it."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from ConfigSpace import Configuration, ConfigurationSpace, Float
from sklearn.svm import SVC, SVR

from foretune.collect.families import family
from foretune.data.errors import LearningError
from foretune.data.metrics import Target
from foretune.data.records import FAILED, RUNNING, Config, Recommendation, Task, Trial
from foretune.data.spaces import default_config, sobol_configs, unfold
from foretune.features.encoding import Encoder
from foretune.learners.bayesian_network import BayesianNetwork
from foretune.learners.gaussian_process import ColdGaussianProcess
from foretune.learners.learner import Learner
from foretune.learners.network import Network
from foretune.recommender.recommender import LEARNERS, Recommender
from foretune.testing import RELATED_CELLS, related_space, related_task, related_tasks

NEW = related_task("new", 0.3, 0.4)


def quick(name: str) -> str | Learner:
    """The learner of that name; a network in a form that is taught in a moment."""
    if name == "bayesian_network":
        pytest.importorskip("torch")
        return BayesianNetwork(hidden=(32, 16), learning_rate=0.01, steps=60, members=1)
    return Network(hidden=(16,), learning_rate=0.02, epochs=15) if name == "network" else name


@pytest.fixture(scope="module", params=LEARNERS)
def recommender(request: pytest.FixtureRequest) -> Recommender:
    """A recommender of each kind, taught by related tasks."""
    return Recommender(quick(request.param)).fit(related_tasks())


@pytest.fixture(scope="module")
def forest() -> Recommender:
    """The default recommender, taught by related tasks."""
    return Recommender().fit(related_tasks())


def related_key(config: Config) -> str:
    """One name for equal settings of the related space."""
    return Encoder(related_space()).key(config)


def configs(found: Sequence[Recommendation]) -> list[dict[str, Any]]:
    """The recommended configs, hyperparameters in the order of their names."""
    return [dict(sorted(one.config.items())) for one in found]


@pytest.mark.parametrize("name", sorted({*LEARNERS} - {"cold"}))  # it learns nothing from the past
def test_copies_of_one_task_teach_its_best_config(name: str) -> None:
    """Taught 20 copies of one task, it proposes that task's best config first."""
    for size in (0.0, 0.75):
        past = [related_task(f"copy {k}", size, 0.3, cells=RELATED_CELLS) for k in range(20)]
        found = (
            Recommender(quick(name))
            .fit(past)
            .recommend(related_task("new", size, 0.3), candidates=RELATED_CELLS)
        )
        assert past[0].best is not None
        assert found[0].config == past[0].best.config


@pytest.mark.parametrize("name", ["portfolio", "neighbours", "forest", "gaussian_process", "auto"])
@pytest.mark.parametrize(
    "change",
    [
        lambda loss: loss + 1000.0,
        lambda loss: loss - 5.0,
        lambda loss: 250.0 * loss,
        lambda loss: 0.001 * loss,
    ],
)
def test_the_unit_of_losses_does_not_matter(name: str, change: Any) -> None:
    """Other units of loss, of the past and of the new task, leave the first five proposals as they were."""

    def turned(task: Task) -> Task:
        return replace(task, trials=tuple(replace(trial, loss=change(trial.loss)) for trial in task.trials))

    for new in (NEW, related_task("new", 0.3, 0.4, cells=RELATED_CELLS[:3])):
        before = Recommender(name).fit(related_tasks()).recommend(new, 5, candidates=RELATED_CELLS)
        past = [turned(task) for task in related_tasks()]
        after = Recommender(name).fit(past).recommend(turned(new), 5, candidates=RELATED_CELLS)
        assert configs(after) == configs(before)


@pytest.mark.parametrize("name", ["portfolio", "neighbours", "forest", "gaussian_process", "auto"])
def test_names_and_orders_do_not_matter(name: str) -> None:
    """Other names of tasks, another order of them, or of a config's hyperparameters: the same proposals."""
    past = related_tasks()
    turned = [
        replace(
            task,
            name=f"other {task.name}",
            trials=tuple(replace(t, config=dict(reversed([*t.config.items()]))) for t in task.trials),
        )
        for task in [*past[1::2], *past[::2]]
    ]
    before = Recommender(name).fit(past).recommend(NEW, 5)
    after = Recommender(name).fit(turned).recommend(replace(NEW, name="another"), 5)
    assert configs(after) == configs(before)


def test_candidates_come_back_as_they_are(recommender: Recommender) -> None:
    """With candidates, every proposal is one of the very objects given, unchanged."""
    candidates: list[Config] = [{"C": 1}, {"gamma": "scale", "C": 10}, {"C": 100.0, "gamma": 0.01}]
    before = [dict(one) for one in candidates]
    found = recommender.recommend(NEW, 3, candidates=candidates)
    assert {id(one.config) for one in found} == {id(one) for one in candidates}
    assert candidates == before
    assert type(candidates[0]["C"]) is int


def test_proposals_are_plain_python(recommender: Recommender) -> None:
    """Whatever is proposed survives JSON as it is, and holds no numpy value."""
    found = recommender.recommend(NEW, 8)
    assert json.loads(json.dumps([asdict(one) for one in found])) == [
        asdict(one) | {"because": [asdict(evidence) for evidence in one.because]} for one in found
    ]
    values = [value for one in found for value in (*one.config.values(), one.loss, one.std)]
    assert {type(value) for value in values} <= {str, int, float, bool, type(None)}


def test_n_proposals_are_all_different(recommender: Recommender) -> None:
    """Ten proposals are ten different settings."""
    found = recommender.recommend(NEW, 10)
    assert len({related_key(one.config) for one in found}) == 10


def test_what_was_tried_is_not_proposed_again(recommender: Recommender) -> None:
    """Neither a finished, a failed nor a running config comes again, also when it spells its defaults."""
    candidates: list[Config] = [{}, {"C": 2.0, "gamma": "scale"}, {"C": 3.0}, {"C": 4.0}, {"C": 5.0}]
    task = NEW.plus(
        Trial(default_config(related_space()), 0.5),
        Trial({"C": 2.0}, status=RUNNING),
        Trial({"gamma": "scale", "C": 3.0}, 0.4),
        Trial({"C": 5.0}, status=FAILED),
    )
    assert configs(recommender.recommend(task, 5, candidates=candidates)) == [{"C": 4.0}]


def test_equal_candidates_count_once(forest: Recommender) -> None:
    """Of candidates that are equal but for spelled-out defaults only the first is proposed."""
    candidates: list[Config] = [{"C": 2.0}, {"C": 2.0, "gamma": "scale"}, {"gamma": "scale", "C": 2.0}]
    found = forest.recommend(NEW, 3, candidates=candidates)
    assert [id(one.config) for one in found] == [id(candidates[0])]


def test_exhausted_candidates_end_the_list(recommender: Recommender) -> None:
    """Asked for more than there is, it gives all there is; where nothing is left, an empty list."""
    candidates: list[Config] = [{"C": 1.5}, {"C": 2.5}]
    assert len(recommender.recommend(NEW, 9, candidates=candidates)) == 2
    done = NEW.plus(*(Trial(config, 0.5) for config in candidates))
    assert recommender.recommend(done, 3, candidates=candidates) == []
    assert recommender.recommend(NEW, 3, candidates=[]) == []


def svm_past(target: Target) -> list[Task]:
    """Past tasks of the real svm family."""
    space = family("svm").wide_space(target)
    cells = [*family("svm").cells(), *sobol_configs(space, 24)]
    return [
        Task(f"past {k}", "svm", space, metafeatures={"rows": float(k)}).plus(
            *(Trial(cell, (i * 7 + k) % 11 / 11) for i, cell in enumerate(cells))
        )
        for k in range(12)
    ]


@pytest.mark.parametrize(("target", "estimator"), [("classification", SVC), ("regression", SVR)])
def test_real_svm_configs_are_legal_and_build(target: Target, estimator: Any) -> None:
    """Without candidates each config is legal in the wide space, and the estimator takes it as it is."""
    space = family("svm").wide_space(target)
    found = Recommender().fit(svm_past(target)).recommend(Task("new", "svm", space), 30)
    assert len(found) == 30
    for one in found:
        Configuration(space, values=unfold(space, one.config)).check_valid_configuration()
        estimator(**one.config).get_params()
        assert not {"random_state", "n_jobs"} & {*one.config}
    assert {type(one.config.get("gamma")) for one in found} <= {str, float, type(None)}
    assert len({one.config["kernel"] for one in found}) > 1


def test_what_the_past_tried_outside_the_space_is_not_proposed() -> None:
    """Configs of the past that the new task's space does not hold stay out, as do names it does not know."""
    narrow = ConfigurationSpace()
    narrow.add(Float("C", (0.5, 2.0), log=True, default=1.0))
    odd = [{"C": 1e-3, "gamma": "scale"}, {"C": 1.0, "gamma": "scale", "random_state": 7, "n_jobs": 2}]
    past = [task.plus(*(Trial(config, -9.0) for config in odd)) for task in related_tasks(12)]
    recommender = Recommender().fit(past)
    for one in recommender.recommend(replace(NEW, space=narrow), 20):
        assert {*one.config} == {"C"}
        assert 0.5 <= one.config["C"] <= 2.0
    for one in recommender.recommend(NEW, 20):
        assert {*one.config} == {"C", "gamma"}


def test_because_names_the_past_that_weighs_most(recommender: Recommender) -> None:
    """The evidence is sorted by weight; weights and similarities are shares; names are those of the past."""
    names = {task.name for task in related_tasks()}
    because = recommender.recommend(NEW, 1)[0].because
    weights = [one.weight for one in because]
    assert weights == sorted(weights, reverse=True)
    assert all(0 <= one.weight <= 1 and 0 <= one.similarity <= 1 for one in because)
    assert sum(weights) <= 1 + 1e-3
    assert {one.dataset for one in because} <= names
    assert len(because) == (0 if isinstance(recommender.learner, ColdGaussianProcess) else 5)


def test_because_knows_a_twin(forest: Recommender) -> None:
    """A past dataset with the very same meta-features is among the evidence, with similarity 1."""
    twin = related_tasks()[4]
    because = forest.recommend(replace(NEW, metafeatures=twin.metafeatures), 1)[0].because
    assert next(one for one in because if one.dataset == twin.name).similarity == 1.0


def test_evidence_names_the_right_tasks_though_some_taught_nothing() -> None:
    """Past tasks without trials are passed over, and the others keep their names."""
    past = related_tasks()
    mixed = [related_task("empty", 0.3, 0.4), *past[:3], related_task("bare", 0.3, 0.4), *past[3:]]
    one, other = (Recommender().fit(tasks).recommend(NEW, 1)[0].because for tasks in (past, mixed))
    assert one == other


def test_family_and_metric_are_carried_on() -> None:
    """A recommendation says of which family it is, and by which metric its loss is meant."""
    past = [replace(task, metric="log_loss") for task in related_tasks()]
    found = Recommender("forest").fit(past).recommend(replace(NEW, metric="log_loss"), 1)[0]
    assert (found.family, found.metric, found.score) == ("svm", "log_loss", found.loss)


def test_the_search_goes_on_from_the_trials(forest: Recommender) -> None:
    """Following its advice ten times finds a config as good as the best of all candidates."""
    candidates = [*RELATED_CELLS, *sobol_configs(related_space(), 40)]
    truth = {related_key(t.config): t.loss for t in related_task("new", 0.95, 0.4, cells=candidates).trials}
    task = replace(related_task("new", 0.95, 0.4), metafeatures={})
    for _ in range(10):
        config = forest.recommend(task, candidates=candidates)[0].config
        task = task.plus(Trial(config, truth[related_key(config)]))
    assert task.best is not None
    assert task.best.loss <= sorted(loss for loss in truth.values() if loss is not None)[1]


def test_two_families_cannot_teach_one_recommender() -> None:
    """Tasks of two families, or of two metrics, are refused, and the error says what to do."""
    past = related_tasks(4)
    for odd in (replace(past[0], family="random_forest"), replace(past[0], metric="log_loss")):
        with pytest.raises(LearningError, match=r"one family and one metric.*history.tasks"):
            Recommender().fit([*past, odd])


def test_an_untaught_recommender_says_so() -> None:
    """Before fit there is nothing to recommend, and a past of nothing is refused."""
    with pytest.raises(LearningError, match=r"call fit\(tasks\) first"):
        Recommender().recommend(NEW)
    with pytest.raises(LearningError, match="nothing to learn from"):
        Recommender().fit([])


def test_an_unknown_learner_is_refused() -> None:
    """A learner's name that is not known is answered by those that are."""
    with pytest.raises(LearningError, match=r"'oracle'.*portfolio, neighbours, forest"):
        Recommender("oracle")


ASK = """
import json
from foretune.recommender.recommender import Recommender
from foretune.testing import related_task, related_tasks
found = Recommender().fit(related_tasks()).recommend(related_task("new", 0.3, 0.4), 5)
print(json.dumps([[one.config, one.loss, one.std] for one in found]))
"""


def test_another_process_gives_the_same_answer(forest: Recommender) -> None:
    """A fresh interpreter, with other hashes, recommends the same configs with the same forecasts."""
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    run = subprocess.run(
        [sys.executable, "-c", ASK], capture_output=True, text=True, check=True, env=environment
    )
    here = [[one.config, one.loss, one.std] for one in forest.recommend(NEW, 5)]
    assert json.loads(run.stdout) == here


def test_another_family_is_refused() -> None:
    """What was taught on one family says nothing of another."""
    recommender = Recommender("portfolio").fit(related_tasks())
    with pytest.raises(LearningError, match="taught on svm, and is asked about knn"):
        recommender.recommend(replace(related_task("new", 0.5, 0.5), trials=(), family="knn"))


@pytest.mark.parametrize("n", [-1, 2.5, "3", True, None])
def test_a_count_that_is_none_is_refused(forest: Recommender, n: Any) -> None:
    """What is no count of configs is answered by what is wanted; numpy's whole numbers are counts."""
    with pytest.raises(LearningError, match=r"n=.*whole number"):
        forest.recommend(NEW, n)
    assert [len(forest.recommend(NEW, one)) for one in (0, np.int64(2))] == [0, 2]


def test_the_default_comes_first_where_nothing_is_expected_to_be_better() -> None:
    """A config that is mostly best and ruins one past task does not come first, but by R2 it does."""
    space, default = related_space(), default_config(related_space())
    best = {"C": 1.0, "gamma": 0.5}

    def past(ruin: float, metric: str = "accuracy") -> list[Task]:
        losses = [(0.19, 0.2)] * 9 + [(ruin, 0.2)]
        tried = [(Trial(best, one), Trial(default, other), WORST) for one, other in losses]
        return [
            Task(f"past {k}", "svm", space, metric=metric, trials=trials) for k, trials in enumerate(tried)
        ]

    new, pool = Task("new", "svm", space), [best, default, dict(WORST.config)]
    ruined = Recommender().fit(past(0.9)).recommend(new, 2, candidates=pool)
    assert [one.config for one in ruined] == [default, best]
    assert Recommender().fit(past(0.2)).recommend(new, candidates=pool)[0].config == best
    by_r2 = Recommender().fit(past(0.9, "r2")).recommend(replace(new, metric="r2"), candidates=pool)
    assert by_r2[0].config == best


WORST = Trial({"C": 0.01, "gamma": 9.0}, 0.95)
