"""The public API as a user's type checker sees it; mypy --strict reads this file, and nothing runs it."""

from collections.abc import Sequence
from typing import Any, Self, assert_type

import numpy as np
import numpy.typing as npt
import optuna
import pandas as pd
from ConfigSpace import ConfigurationSpace, Float

import foretune
from foretune.testing import check_history, check_learner


def from_a_table(X: pd.DataFrame, y: "pd.Series[int]") -> str:
    """One call: what to try first, and why."""
    advice = foretune.recommend(X, y, family="svm", metric="accuracy", n=3, experience=False)
    assert_type(advice, list[foretune.Recommendation])
    best = advice[0]
    assert_type(best.score, float)
    assert_type(best.loss, float)
    assert_type(best.std, float)
    print({**best.config}, [(evidence.dataset, evidence.weight) for evidence in best.because])
    foretune.recommend(X.to_numpy(), y.to_numpy(), candidates=[{"C": 1}], family="svm", history="past.db")
    return best.family


def a_loop_of_ones_own(history: foretune.History, space: ConfigurationSpace) -> foretune.Trial | None:
    """The task is the only state: recommend, evaluate, add."""
    recommender = foretune.Recommender("forest").fit(history.tasks(family="svm"))
    assert_type(recommender, foretune.Recommender)
    task = foretune.Task("churn", "svm", space, metafeatures={"n_rows": 100.0})
    for _ in range(3):
        config = recommender.recommend(task, n=1, candidates=[{"C": 1}, {"C": 10.0}])[0].config
        task = task.plus(foretune.Trial(config, 0.5, seconds=1.0))
    task = task.plus(foretune.Trial({"C": 3.0}, status=foretune.FAILED, reason="diverged"))
    history.add(task)
    assert_type(task, foretune.Task)
    return task.best


def by_the_epoch(past: list[foretune.Task], task: foretune.Task) -> foretune.Recommendation:
    """Configs are trained in steps, and the task is still the only state."""
    search = foretune.EarlyStopping(full=50, budget=200).fit(past)
    while step := search.ask(task, candidates=[{"C": 1}, {"C": 10.0}]):
        assert_type(step, foretune.Step)
        task = search.tell(task, step, 1.0 / (step.until - step.since), seconds=1.0)
    assert_type(task, foretune.Task)
    return search.best(task)


def histories(url: str) -> pd.DataFrame:
    """A history is opened, read and shared."""
    with foretune.open_history(url, read_only=True) as history:
        tasks = list(history.tasks("svm", metric="accuracy"))
        assert_type(tasks, list[foretune.Task])
        foretune.write_pack(tasks, "shared", card={"name": "mine"})
        count: int = foretune.export_pack(tasks, "given", sharing=foretune.Sharing(without_names=True))
        print(count)
        return history.table()


def imported(frame: pd.DataFrame, space: ConfigurationSpace) -> list[foretune.Task]:
    """Results made elsewhere become tasks."""
    tasks = foretune.read_table(frame, task="data", score="acc", metric="accuracy", log=["C"], space=space)
    assert_type(tasks, list[foretune.Task])
    foretune.read_table("runs.csv", task="data", score="cost", metric="cost", direction="minimize")
    foretune.read_cv_results({"params": [{"C": 1}]}, task="churn", metric="accuracy")
    foretune.read_mlflow("mlruns", study=["churn"], metric="val/loss", value="best", task="dataset")
    foretune.read_wandb(frame, metric="val_loss", direction="minimize", study="ab12")
    foretune.read_ray_tune("ray_results", study="one", metric="accuracy", space=space)
    foretune.read_smac("smac3_output", metric="error", family="svm")
    foretune.read_syne_tune("syne-tune", fidelity="epoch", direction="maximize")
    foretune.read_openml("openml:flow/7707/task/3", metric="roc_auc", limit=100)
    foretune.read_hyperopt([{"misc": {}}], task="churn", choices={"kernel": ["rbf", "linear"]})
    return foretune.read_cv_results("results.csv", task="churn", family="svm")


def past(url: str) -> list[foretune.Task]:
    """History and experience together."""
    return foretune.past_tasks(url, family="svm", metric="accuracy", experience=True)


def described(X: pd.DataFrame, y: "pd.Series[int]") -> dict[str, float]:
    """A table's meta-features."""
    foretune.load_dataset("hf:ylecun/mnist#test", on_progress=print)
    data = foretune.load_dataset("iris", target_column="target")
    assert_type(data, foretune.Dataset)
    return foretune.describe(X, y, target=data.target)


def images(X: "npt.NDArray[np.uint8]", y: "npt.NDArray[np.int64]") -> None:
    """Images become a dataset, and a network learns from them."""
    data = foretune.make_image_dataset("dots", X, y)
    assert_type(data, foretune.Dataset)
    assert_type(data.image_shape, tuple[int, int, int] | None)
    assert_type(foretune.CNNClassifier(num_filters=8).fit(data.pixels, y), foretune.CNNClassifier)
    assert_type(foretune.DenseNetClassifier(l2=0.001).fit(X, y), foretune.DenseNetClassifier)


def a_family_of_ones_own(estimator: type[Any]) -> Any:
    """A family is registered, found and built."""

    def space(target: str) -> ConfigurationSpace:
        wide = ConfigurationSpace()
        wide.add(Float("alpha", (1e-3, 1e3), log=True, default=1.0))
        return wide

    mine = foretune.Family("mine", {"classification": estimator}, space, {"alpha": [0.1, 1.0]})
    foretune.register_family(mine)
    assert_type(foretune.families(), dict[str, foretune.Family])
    return foretune.family("mine").build({"alpha": 0.1}, "classification", seed=0)


def in_the_place_of_a_grid_search(estimator: Any, X: pd.DataFrame, y: "pd.Series[int]") -> list[str]:
    """A search as scikit-learn's users know it, and what it says of itself."""
    search = foretune.MetaSearchCV(estimator, {"C": [1, 10]}, n_trials=3, scoring="f1", n_jobs=2)
    assert_type(search.fit(X, y, groups=y), foretune.MetaSearchCV)
    foretune.MetaSearchCV(estimator, time_budget=60.0, tolerance=0.01, history="past.db", preprocess=True)
    warning: type[Warning] = foretune.SearchWarning
    print(warning, search.best_params_, search.outlook_)
    assert_type(search.recommendations_, list[foretune.Recommendation])
    assert_type(search.task_, foretune.Task)
    return search.notes_


def with_optuna(url: str, history: foretune.History) -> optuna.Study:
    """Studies become tasks, and tasks, histories and storages teach a sampler."""
    tasks = foretune.read_optuna(url, study=["one", "two"], family="svm")
    assert_type(tasks, list[foretune.Task])
    foretune.MetaSampler(tasks, aliases={"learning_rate": "lr"})
    foretune.MetaSampler(history, family="svm", metafeatures={"n_rows": 100.0}, seed=0)
    return optuna.create_study(sampler=foretune.MetaSampler(url))


class Optimist:
    """A learner of one's own: anything with these two methods."""

    def fit(self, tasks: Sequence[foretune.Task]) -> Self:
        """The learner itself."""
        return self

    def forecast(self, task: foretune.Task, configs: Sequence[Any]) -> foretune.Forecast:
        """All will be well."""
        return foretune.Forecast(np.zeros(len(configs)), np.ones(len(configs)))


def a_learner_of_ones_own(make_history: "type[foretune.History]") -> None:
    """It serves wherever a learner does, and both kinds of part can be checked."""
    learner: foretune.Learner = Optimist()
    foretune.Recommender(learner)
    check_learner(Optimist, order_matters="it does not")
    check_history(make_history)


def errors() -> str:
    """Each error is the root's child."""
    try:
        foretune.Recommender("oracle")
    except foretune.LearningError as error:
        return str(error)
    except (foretune.DatasetError, foretune.SpaceError, foretune.FamilyError, foretune.MetricError):
        return "the input"
    except (foretune.HistoryError, foretune.VersionError, foretune.MissingExtraError):
        return "the surroundings"
    except foretune.ForetuneError:
        return "anything of foretune's"
    return foretune.__version__
