"""Why a config is recommended."""

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from ConfigSpace import Categorical, ConfigurationSpace, EqualsCondition, Float

from foretune.collect.datasets import load_dataset
from foretune.collect.families import family
from foretune.data.errors import LearningError
from foretune.data.records import Config, Floats, Forecast, Recommendation, Task, Trial
from foretune.data.spaces import default_config
from foretune.features.encoding import Encoder
from foretune.learners.surfaces import Surfaces
from foretune.recommender.advice import new_task
from foretune.recommender.changes import renamed
from foretune.recommender.explanation import gain_over_default, importances
from foretune.recommender.loss_range import LossRange
from foretune.recommender.past import past_tasks
from foretune.recommender.recommender import LEARNERS, Recommender
from foretune.testing import RELATED_CELLS, related_loss, related_space, related_task, related_tasks

NEW = related_task("new", 0.9, 0.4)


class Formula:
    """A learner that knows the losses: by scenario, a formula of the config."""

    def __init__(self, *formulas: object, weights: Sequence[float] = (1.0,), spread: float = 0.0) -> None:
        self.formulas, self.weights, self.spread = formulas, np.array(weights), spread

    def fit(self, _: Sequence[Task]) -> "Formula":
        """Learns nothing."""
        return self

    def forecast(self, _: Task, configs: Sequence[Config]) -> Forecast:
        """Each formula as a scenario."""
        values: Floats = np.array([[f(c) for c in configs] for f in self.formulas])  # type: ignore[operator]
        mean, spread = self.weights @ values, np.full_like(values, self.spread)
        return Forecast(mean, np.full(len(configs), 0.1), values, self.weights, spread)


def plane() -> ConfigurationSpace:
    """Two numbers and a choice."""
    space = ConfigurationSpace()
    space.add(Float("x", (0.0, 1.0)), Float("y", (0.0, 1.0)), Categorical("kind", ["a", "b"]))
    return space


def test_shares_of_an_additive_function_are_those_of_its_variances() -> None:
    """Of 3x + y, on which the choice has no influence, x makes 90 % of the variance and y 10 %."""
    found = importances(Formula(lambda c: 3 * c["x"] + c["y"]), Task("t", "f", plane()), plane())
    assert found == pytest.approx({"x": 0.9, "y": 0.1, "kind": 0.0}, abs=0.03)
    assert sum(found.values()) == pytest.approx(1.0, abs=1e-3)


def test_scenarios_count_by_their_weights() -> None:
    """Where x alone matters in a scenario of weight 0.75, and y in one of 0.25, so they share."""
    learner = Formula(lambda c: c["x"], lambda c: 100 * c["y"], weights=(0.75, 0.25))
    found = importances(learner, Task("t", "f", plane()), plane())
    assert found == pytest.approx({"x": 0.75, "y": 0.25, "kind": 0.0}, abs=1e-3)


def test_a_special_value_counts_with_its_number() -> None:
    """gamma, "scale" or a number, is one hyperparameter; what conditions switch off is no obstacle."""
    space = family("svm").wide_space("classification")
    learner = Formula(lambda c: float(c.get("gamma") == "scale"))
    found = importances(learner, Task("t", "svm", space), space)
    assert set(found) == set(family("svm").default("classification")) | {"degree", "coef0"}
    assert found["gamma"] > 0.5
    assert found["C"] == 0.0


def test_a_flat_forecast_makes_nothing_important() -> None:
    """Where no config differs from another all shares are 0, not NaN."""
    assert set(importances(Formula(lambda _: 1.0), Task("t", "f", plane()), plane()).values()) == {0.0}


def test_before_any_trial_the_gain_is_that_of_the_past() -> None:
    """Taught copies of one task, the gain over the default is exactly what it was there, without doubt."""
    past = [related_task(f"copy {k}", 0.9, 0.4, cells=[*RELATED_CELLS, {}]) for k in range(20)]
    explanation = Recommender().fit(past).explain(NEW)
    default = default_config(related_space())
    expected = related_loss(default, 0.9, 0.4) - related_loss(explanation.recommendation.config, 0.9, 0.4)
    gain = explanation.gain
    assert gain.default == default
    assert (gain.mean, gain.low, gain.high) == pytest.approx((expected,) * 3)


def test_a_gain_after_trials_has_the_interval_of_its_scenarios() -> None:
    """Two scenarios, gains 1 and 3, spread 0.1 each: the mean is theirs, and both lie in the interval."""
    space = ConfigurationSpace()
    space.add(Float("x", (0.0, 1.0), default=0.0))
    task = Task("t", "f", space).plus(Trial({"x": 0.5}, 1.0))
    learner = Formula(lambda c: -c["x"], lambda c: -3 * c["x"], weights=(0.5, 0.5), spread=0.1)
    past = Task("p", "f", space).plus(Trial({"x": 0.0}, 1.0), Trial({"x": 1.0}, 0.5))
    surfaces = Surfaces([past], Encoder(space))
    gain = gain_over_default(learner, task, {"x": 1.0}, space, surfaces, within=LossRange("loss"))
    assert gain.mean == pytest.approx(2.0)
    assert 0.7 < gain.low < 1.0
    assert 3.0 < gain.high < 3.3


@pytest.mark.parametrize("name", sorted({*LEARNERS} - {"network", "bayesian_network"}))
def test_every_learner_can_be_explained(name: str) -> None:
    """Text, JSON and picture say the config, the past datasets, what mattered, and what was assumed."""
    recommender = Recommender(name).fit(related_tasks())
    space = related_space()
    space.add(Float("shrink", (0.0, 1.0), default=0.25))
    done = NEW.plus(*related_task("new", 0.9, 0.4, cells=RELATED_CELLS[:4]).trials)
    for task in (replace(NEW, space=space), done):
        explanation = recommender.explain(task)
        text, picture = str(explanation), explanation._repr_html_()
        values = json.loads(json.dumps(explanation.as_json()))
        assert values["recommendation"]["config"] == explanation.recommendation.config
        assert set(explanation.importances) == {*("C", "gamma"), *(("shrink",) if task is not done else ())}
        assert explanation.gain.low <= explanation.gain.high
        assert ("shrink was not searched" in text) == (task is not done)
        assert "library's default" in text
        assert "<script" not in picture
    assert "on 4 trials of its own" in text
    assert "on 1 trial of its own" in str(replace(explanation, trials=1))


def test_what_matters_is_found() -> None:
    """On tasks whose loss depends on C thrice as much as on gamma, C is said to matter more."""
    shares = Recommender().fit(related_tasks()).explain(NEW).importances
    assert shares["C"] > 2 * shares["gamma"]


def test_a_name_from_elsewhere_is_escaped() -> None:
    """Names of past datasets are text in the picture, whatever they hold."""
    past = [replace(task, name=f"<b>{k}</b>") for k, task in enumerate(related_tasks())]
    picture = Recommender().fit(past).explain(NEW)._repr_html_()
    assert "<b>" not in picture
    assert "&lt;b&gt;" in picture


def test_a_given_recommendation_is_explained() -> None:
    """The recommendation at hand is the one explained, not another; where none is left, that is said."""
    recommender = Recommender().fit(related_tasks())
    second = recommender.recommend(NEW, 2)[1]
    assert recommender.explain(NEW, second).recommendation is second
    space = ConfigurationSpace()
    space.add(Categorical("C", [1.0]))
    spent = Task("new", "svm", space).plus(Trial({"C": 1.0}, 0.4))
    with pytest.raises(LearningError, match="every candidate was tried"):
        recommender.explain(spent)


def test_conditional_hyperparameters_are_explained() -> None:
    """A hyperparameter that is rarely active has a share of its own."""
    space = ConfigurationSpace()
    kind, depth = Categorical("kind", ["a", "b"]), Float("depth", (0.0, 1.0))
    space.add(kind, depth, EqualsCondition(depth, kind, "b"))
    found = importances(Formula(lambda c: 5 * c.get("depth", 0.0)), Task("t", "f", space), space)
    assert found["depth"] > 0.1
    assert found["kind"] > 0.1


def test_a_config_that_was_tried_is_called_measured() -> None:
    """What was measured is not called expected."""
    done = NEW.plus(*related_task("new", 0.9, 0.4, cells=RELATED_CELLS[:4]).trials)
    recommender = Recommender().fit(related_tasks())
    tried = Recommendation(RELATED_CELLS[0], 0.3, 0.01, family="svm")
    assert "measured accuracy" in str(recommender.explain(done, tried))
    assert "expected accuracy" in str(recommender.explain(done))


def test_an_alias_that_the_past_does_not_know_is_not_told() -> None:
    """Only what was really called otherwise is said to have been."""
    aliases = {"C": "nosuch", "gamma": "gamma_before"}
    past = [renamed_task(task) for task in related_tasks()]
    said = Recommender(aliases=aliases).fit(past).assumptions(related_space())
    assert any("gamma_before" in sentence for sentence in said)
    assert not any("nosuch" in sentence for sentence in said)


def renamed_task(task: Task) -> Task:
    """The task when gamma was still called otherwise."""
    return renamed([task], {"gamma_before": "gamma"})[0]


def test_no_gain_beyond_what_there_can_be_is_told() -> None:
    """After an outlier among good trials neither score nor gain goes beyond an accuracy of 1."""
    iris = load_dataset("iris")
    task = new_task("iris", family("svm"), "classification", "accuracy", iris.describe())
    recommender = Recommender().fit(past_tasks(family="svm", metric="accuracy"))
    configs = [{"C": 100.0, "gamma": 0.001}, {"C": 1.0, "gamma": 1.0}, {"C": 1.0, "gamma": 0.05}]
    losses = (-0.97, -0.4, -0.98)
    whole = [{"kernel": "rbf", "class_weight": None, **config} for config in configs]
    now = task.plus(*(Trial(config, loss) for config, loss in zip(whole, losses, strict=True)))
    told = recommender.explain(now)
    assert 0.0 <= told.recommendation.score <= 1.0
    assert told.recommendation.std <= 0.5
    assert told.gain.high <= 1.0
    assert "loss=-0.97" in recommender.recommend(task.plus(Trial(whole[0], 0.97)))[0].note
    assert not told.recommendation.note


def test_one_past_dataset_makes_nothing_certain() -> None:
    """The gain there is told as it was, without an interval, and the expected loss is not sure."""
    best, *others = RELATED_CELLS
    past = Task(
        "only", "svm", related_space(), trials=(Trial(best, 0.1), *(Trial(one, 0.3) for one in others))
    )
    found = Recommender("auto").fit([past]).explain(Task("new", "svm", related_space()))
    assert (found.recommendation.config, found.recommendation.loss) == (best, pytest.approx(0.1))
    assert found.recommendation.std > 0.05
    assert found.gain.mean > 0
    assert np.isnan([found.gain.low, found.gain.high]).all()
    assert "0.2000 higher (as on the one past dataset)" in str(found)
    json.dumps(found.as_json(), allow_nan=False)
