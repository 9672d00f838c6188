"""Runs of run-oriented tools become tasks, and what is left out is said."""

import math
from typing import Any

import pytest

from foretune.data.errors import HistoryError, MetricError
from foretune.data.records import FAILED
from foretune.history.readers.runs import Run, flattened, tasks_of_runs

RUNS = [
    Run("churn", {"lr": 0.1, "opt": {"name": "sgd"}, "seed": 3}, {"accuracy": 0.8}, seconds=2.0, ended=2),
    Run("churn", {"lr": 1, "opt": {"name": "adam"}, "seed": 3}, {"accuracy": 0.9, "auc": 0.7}, ended=1),
    Run("churn", {"lr": 0.5, "opt": {"name": "adam"}}, {}, status="failed", reason="out of memory"),
    Run("churn", {"lr": 0.7, "opt": {"name": "adam"}}, {"accuracy": math.nan}),
    Run("fraud", {"lr": 0.3, "opt": {"name": "sgd"}}, {"accuracy": 0.6}),
]


def read(runs: list[Run], **words: Any) -> Any:
    """The tasks of these runs."""
    return tasks_of_runs(runs, source="a tool", place="the folder", **words)


def seen(runs: list[Run], **words: Any) -> tuple[Any, list[str]]:
    """The tasks of these runs, and the warnings."""
    with pytest.warns(UserWarning) as told:
        tasks = read(runs, **words)
    return tasks, [str(one.message) for one in told]


def test_runs_become_tasks() -> None:
    """Nested names are joined, whole numbers beside fractions are floats, seeds are the trial's."""
    (churn, fraud), told = seen(RUNS, metric="accuracy")
    assert [trial.config["lr"] for trial in churn.trials] == [0.5, 0.7, 1.0, 0.1]
    assert [trial.seed for trial in churn.trials] == [None, None, 3, 3]
    assert churn.best.config == {"lr": 1.0, "opt.name": "adam"}
    assert (churn.best.loss, churn.trials[-1].seconds) == (-0.9, 2.0)
    assert churn.family == fraud.family == "lr_opt_name_" + churn.family[-8:]
    assert churn.space is fraud.space
    assert told == ["no hyperparameters, so left out: 'seed'."]


def test_failures_keep_their_reason() -> None:
    """A failed run and one whose score is no number are failed trials."""
    (churn, _), _ = seen(RUNS, metric="accuracy", family="net")
    assert [t.reason for t in churn.trials if t.status is FAILED] == ["out of memory", "its score is nan"]


def test_what_is_left_out_is_counted() -> None:
    """Runs that are under way, lack the metric, or have no parameters are counted apart."""
    more = [
        Run("churn", {"lr": 0.1}, {"accuracy": 0.1}, status="running"),
        Run("churn", {"lr": 0.1}, {"auc": 0.1}),
        Run("churn", {"lr": 0.1}, {"auc": 0.1}),
        Run("churn", {}, {"accuracy": 0.1}),
    ]
    _, told = seen(RUNS + more, metric="accuracy")
    assert told[1:] == [
        "runs left out: 1 not finished.",
        "runs left out: 2 without the metric 'accuracy'.",
        "runs left out: 1 without hyperparameters.",
    ]


def test_the_metric_is_asked_for() -> None:
    """Of several metrics one must be named; a wrong name is met with the nearest; an only one needs none."""
    with pytest.raises(MetricError, match="measured 'accuracy', 'auc': say which counts"):
        read(RUNS)
    with pytest.raises(MetricError, match="did you mean 'accuracy'"):
        read(RUNS, metric="acuracy")
    assert read([Run("a", {"x": 1}, {"accuracy": 0.5})])[0].metric == "accuracy"


@pytest.mark.parametrize(
    ("measured", "direction", "metric", "loss"),
    [
        ("val_accuracy", None, "accuracy", -0.25),
        ("eval/loss", None, "loss", 0.25),
        ("root_mean_squared_error", None, "rmse", 0.25),
        ("wer", "minimize", "loss", 0.25),
        ("bleu", "maximize", "bleu", -0.25),
        ("neg_mean_squared_error", "maximize", "neg_mean_squared_error", -0.25),
        ("test_loss", "maximize", "test_loss", -0.25),
    ],
)
@pytest.mark.filterwarnings("ignore:the metric")
def test_a_metric_points_its_way(measured: str, direction: str | None, metric: str, loss: float) -> None:
    """Known words tell the direction, behind what says that the data were held out too; others need it."""
    (task,) = read([Run("a", {"x": 1}, {measured: 0.25})], direction=direction)
    assert (task.metric, task.trials[0].loss) == (metric, loss)


def test_an_unknown_metric_needs_a_direction() -> None:
    """Nothing is guessed: neither of a new word nor of the training data's score."""
    for measured in ("wer", "training_accuracy", "neg_mean_squared_error"):
        with pytest.raises(MetricError, match="say minimize or maximize"):
            read([Run("a", {"x": 1}, {measured: 0.25})])


def test_curves_are_losses() -> None:
    """What was measured on the way is the curve, downward; where it is not finite there is none."""
    runs = [
        Run("a", {"x": 1}, {"accuracy": 0.5}, curves={"accuracy": [0.25, 0.5], "auc": [0.1]}),
        Run("a", {"x": 2}, {"accuracy": 0.5}, curves={"accuracy": [math.nan, 0.5]}),
    ]
    assert [trial.curve for trial in read(runs)[0].trials] == [(-0.25, -0.5), ()]


def test_early_ends_are_fidelities() -> None:
    """Of runs that all name their fidelity the highest is full; pruned ones keep the score they had."""
    words = [("done", 9.0), ("pruned", 3.0)]
    runs = [Run("a", {"x": k}, {"accuracy": 0.5}, status=w, fidelity=f) for k, (w, f) in enumerate(words)]
    assert [trial.fidelity for trial in read(runs)[0].trials] == [None, 3.0]


def test_equal_datasets_are_one_task() -> None:
    """Runs of two experiments on the same data are one task; repeats are numbered through."""
    runs = [Run(name, {"x": 1}, {"accuracy": k / 4}, dataset="d") for k, name in enumerate("ab")]
    (task,) = read(runs)
    assert (task.name, [trial.repeat for trial in task.trials]) == ("a", [0, 1])


def test_odd_parameters_are_left_out() -> None:
    """Remarks, whose texts are long or always others, are no hyperparameters; NaN is nothing."""
    runs = [
        Run("a", {"x": k, "id": f"run {k}", "note": "x" * 2000, "gap": math.nan}, {"loss": 1.0})
        for k in range(300)
    ]
    (task,), told = seen(runs)
    assert list(task.space) == ["x"]
    assert [words.split(":")[0] for words in told] == [
        f"parameter '{name}' is left out" for name in ("id", "note", "gap")
    ]


def test_named_hyperparameters_are_the_only_ones() -> None:
    """Those named are taken, the rest without a word left out; a name that no run has is an error."""
    task, _ = read(RUNS, metric="accuracy", hyperparameters=["lr"], log=["lr"])
    assert list(task.space) == ["lr"]
    assert task.space["lr"].log
    with pytest.raises(HistoryError, match=r"parameter 'alpha': they have lr, opt\.name, seed"):
        read(RUNS, metric="accuracy", hyperparameters=["alpha"])


def test_nothing_is_an_error() -> None:
    """No runs, or none that ended, or none with a hyperparameter, is said."""
    with pytest.raises(HistoryError, match="holds no run that ended"):
        read([])
    with pytest.raises(HistoryError, match="names its hyperparameters"), pytest.warns(UserWarning):
        read([Run("a", {"n_jobs": 1}, {"accuracy": 0.5})])
    with pytest.raises(MetricError, match="measured anything"):
        read([Run("a", {"x": 1}, {})])


def test_huge_and_deep_values_are_told() -> None:
    """A whole number beyond 64 bits is a float, a config nested without end a text."""
    deep: dict[str, Any] = {}
    for _ in range(50):
        deep = {"a": deep}
    runs = [Run("a", {"x": x, "deep": deep}, {"loss": 1.0}) for x in (10**400, 10**20, 0.5)]
    assert set(flattened({"deep": deep})) == {"deep" + ".a" * 8}
    (task,) = read(runs)
    assert [trial.config["x"] for trial in task.trials] == ["inf", 1e20, 0.5]
