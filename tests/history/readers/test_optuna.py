"""Optuna's storages, as Optuna itself makes them, read as tasks."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("optuna")

import optuna
from ConfigSpace import CategoricalHyperparameter, Constant, InCondition, OrdinalHyperparameter
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import create_trial

import foretune
from foretune.data.errors import HistoryError
from foretune.data.records import DONE, FAILED, Task, Trial
from foretune.data.spaces import complete, sobol_configs, unfold
from foretune.history.readers.optuna import read_optuna
from foretune.history.readers.optuna_distributions import NOWHERE, asked, told

NOT_PLAIN = "ignore:Choices for a categorical distribution"
Objective = Callable[[optuna.Trial], Any]


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)


def study_of(objective: Objective, trials: int = 20, **options: Any) -> optuna.Study:
    """A random search of the objective."""
    study = optuna.create_study(**{"sampler": optuna.samplers.RandomSampler(seed=0), **options})
    study.optimize(objective, n_trials=trials, catch=ValueError)
    return study


def read(study: optuna.Study, **options: Any) -> Task:
    """The study, copied into a storage of its own, as a task."""
    storage = optuna.storages.InMemoryStorage()
    copied = optuna.create_study(storage=storage, study_name=study.study_name, directions=study.directions)
    copied.add_trials(study.trials)
    for name, value in study.user_attrs.items():
        copied.set_user_attr(name, value)
    if study.metric_names:
        copied.set_metric_names(study.metric_names)
    return read_optuna(storage, **options)[0]


def simple(trial: optuna.Trial) -> float:
    """An objective with one parameter of each kind."""
    value = trial.suggest_float("lr", 1e-5, 1.0, log=True) + trial.suggest_int("n", 1, 10)
    return value + len(trial.suggest_categorical("kind", ["a", "bb"]))


@pytest.mark.parametrize("place", ["url", "path", "journal", "object", "journal object"])
def test_every_storage_is_read(place: str, tmp_path: Path) -> None:
    """A database by url or path, a journal by path, and storages as objects give the same tasks."""
    path = tmp_path / "past.storage"
    storage: Any = f"sqlite:///{path}"
    if place == "object":
        storage = optuna.storages.InMemoryStorage()
    elif place.startswith("journal"):
        backend = optuna.storages.journal.JournalFileBackend(str(path))
        storage = optuna.storages.JournalStorage(backend)
    for name in ("one", "two"):
        study_of(simple, 5, storage=storage, study_name=name)
    tasks = read_optuna(path if place in ("path", "journal") else storage)
    assert [task.name for task in tasks] == ["one", "two"]
    assert [len(task.done) for task in tasks] == [5, 5]
    assert tasks[0].space == tasks[1].space
    assert {task.family for task in tasks} == {"kind_lr_n"}


def test_kinds_and_scales_of_parameters_are_kept() -> None:
    """Ranges, log scales, choices and constants become those of the space, in their types."""

    def objective(trial: optuna.Trial) -> float:
        return simple(trial) + trial.suggest_float("fixed", 2.0, 2.0)

    task = read(study_of(objective))
    assert task.space is not None
    lr, n = task.space["lr"], task.space["n"]
    assert (lr.lower, lr.upper, lr.log) == (1e-5, 1.0, True)
    assert (n.lower, n.upper, n.log) == (1, 10, False)
    assert list(task.space["kind"].choices) == ["a", "bb"]
    assert isinstance(task.space["fixed"], Constant)
    assert {type(trial.config["n"]) for trial in task.trials} == {int}


def test_few_steps_are_listed_and_many_are_a_range() -> None:
    """A stepped number has exactly its values, exact decimals; where these are very many it is a range."""

    def objective(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0.0, 1.0, step=0.1) + trial.suggest_int("n", 10, 50, step=20)
        return x + trial.suggest_int("many", 0, 10_000, step=10)

    task = read(study_of(objective))
    assert task.space is not None
    x, n = task.space["x"], task.space["n"]
    assert isinstance(x, OrdinalHyperparameter)
    assert isinstance(n, OrdinalHyperparameter)
    assert list(x.sequence) == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    assert list(n.sequence) == [10, 30, 50]
    assert task.space["many"].upper == 10_000
    assert all(trial.config["x"] in x.sequence for trial in task.trials)


@pytest.mark.filterwarnings(NOT_PLAIN)
def test_every_config_is_legal_in_its_space() -> None:
    """All recorded configs are legal in the space and complete in it, whatever the parameters are."""

    def objective(trial: optuna.Trial) -> float:
        if trial.suggest_categorical("mixed", [None, True, 2, 1.5, "2", (1, 2)]) is None:
            return trial.suggest_float("x", 0.0, 1.0, step=0.1)
        layers = trial.suggest_int("layers", 1, 4, log=True)
        return layers + (trial.suggest_float("dropout", 0.0, 0.5) if layers > 2 else 0.0)

    task = read(study_of(objective, 60))
    space = task.space
    assert space is not None
    for trial in task.trials:
        values = unfold(space, trial.config)
        assert all(space[name].legal_value(value) for name, value in values.items())
        assert Trial(complete(space, trial.config), 0.0).config == trial.config
    assert (1, 2) in [trial.config["mixed"] for trial in task.trials]
    kinds = {type(trial.config["mixed"]) for trial in task.trials}
    assert kinds == {type(None), bool, int, float, str, tuple}


def test_conditions_are_seen_from_the_trials() -> None:
    """A parameter that only some trials have depends on the choice, or the count, that tells which."""

    def objective(trial: optuna.Trial) -> float:
        if trial.suggest_categorical("model", ["svm", "forest", "linear"]) == "svm":
            if trial.suggest_categorical("kernel", ["rbf", "linear"]) == "rbf":
                trial.suggest_float("gamma", 0.1, 1.0)
            return trial.suggest_float("C", 0.1, 1.0)
        trees = trial.suggest_int("trees", 1, 4)
        return trees + (trial.suggest_float("third", 0, 1) if trees >= 3 else 0)

    task = read(study_of(objective, 80))
    assert task.space is not None
    parents = {one.child.name: one.parent.name for one in task.space.conditions}
    assert parents == {"kernel": "model", "C": "model", "gamma": "kernel", "trees": "model", "third": "trees"}
    assert all(
        "gamma" not in config for config in sobol_configs(task.space, 32) if config.get("kernel") != "rbf"
    )


def test_conditions_are_learned_across_the_studies_of_a_family() -> None:
    """What one study shows by chance is checked against the others of its family."""
    storage = optuna.storages.InMemoryStorage()

    def objective(trial: optuna.Trial) -> float:
        trial.suggest_categorical("other", ["p", "q"])
        return trial.suggest_float("x", 0, 1) if trial.suggest_categorical("on", [True, False]) else 0.5

    for seed in range(10):
        sampler = optuna.samplers.RandomSampler(seed=seed)
        study_of(objective, 3, storage=storage, sampler=sampler)
    whole = [task for task in read_optuna(storage) if task.space is not None and "x" in task.space]
    conditions = [task.space.conditions for task in whole if task.space is not None]
    assert all([one.parent.name for one in each] == ["on"] for each in conditions)
    assert all(isinstance(one, InCondition) for each in conditions for one in each)


def test_ranges_that_changed_are_united() -> None:
    """A study whose ranges changed on the way has the range that holds them all."""
    study = study_of(lambda trial: trial.suggest_float("x", 0, 1) + trial.suggest_int("n", 0, 4, step=2))
    study.optimize(lambda trial: trial.suggest_float("x", -2, 0.5) + trial.suggest_int("n", 2, 6, step=2), 3)
    task = read(study)
    assert task.space is not None
    assert (task.space["x"].lower, task.space["x"].upper) == (-2.0, 1.0)
    assert list(task.space["n"].sequence) == [0, 2, 4, 6]  # type: ignore[union-attr]


def test_a_log_scale_that_was_linear_and_reached_zero_is_linear() -> None:
    """Trials that were added with both scales span a range on the scale that can hold it."""
    study = optuna.create_study()
    linear = FloatDistribution(0.0, 1.0), IntDistribution(0, 9)
    scaled = FloatDistribution(1e-6, 1.0, log=True), IntDistribution(1, 9, log=True)
    for x, n, (one, other) in ((0.0, 0, linear), (0.1, 3, scaled)):
        kinds: dict[str, optuna.distributions.BaseDistribution] = {"x": one, "n": other}
        study.add_trial(create_trial(params={"x": x, "n": n}, distributions=kinds, value=x))
    space = read(study).space
    assert space is not None
    assert (space["x"].lower, space["x"].log, space["n"].lower, space["n"].log) == (0.0, False, 0, False)


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_the_loss_points_down(direction: str) -> None:
    """The best trial of the study is that of least loss, whichever way it went; the score is its value."""
    study = study_of(simple, direction=direction)
    task = read(study)
    assert task.best is not None
    assert task.best.config == study.best_params
    assert task.best.scores[task.metric] == (study.best_value,)
    assert task.best.loss == (study.best_value if direction == "minimize" else -study.best_value)


def test_a_metric_is_called_by_its_name_where_that_points_its_way() -> None:
    """The study's metric name is kept, unless it would turn the direction around."""
    study = study_of(simple, direction="maximize")
    with pytest.warns(optuna.exceptions.ExperimentalWarning):
        study.set_metric_names(["f1"])
    with pytest.warns(optuna.exceptions.ExperimentalWarning):
        assert read(study).metric == "f1"
    assert read(study_of(simple)).metric == "loss"


def test_a_metric_can_be_said() -> None:
    """What the values are is said where the study does not, but not against its direction."""
    up, down = study_of(simple, direction="maximize"), study_of(simple)
    assert read(up, metric="accuracy").metric == "accuracy"
    assert read(up, metric="accuracy").trials[0].loss == read(up).trials[0].loss
    assert read(down, metric="rmse").metric == "rmse"
    with pytest.raises(HistoryError, match="maximises its value, where rmse minimises it"):
        read(up, metric="rmse")
    with pytest.warns(optuna.exceptions.ExperimentalWarning):
        up.set_metric_names(["f1"])
        with pytest.raises(HistoryError, match="says that its values are of f1, not of accuracy"):
            read(up, metric="accuracy")


def test_every_state_becomes_what_it_is() -> None:
    """Failed trials are failed, pruned ones never pass for whole ones, and those under way are left out."""

    def objective(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        if trial.number == 1:
            raise ValueError
        if trial.number == 2:
            trial.report(0.7, 0)
            trial.report(0.6, 3)
        if trial.number in (2, 3):
            raise optuna.TrialPruned
        return x if trial.number else float("inf")

    study = study_of(objective, 5)
    study.ask({"x": FloatDistribution(0, 1)})
    study.enqueue_trial({"x": 0.5})
    infinite, failed, pruned, silent, done = read(study).trials
    assert (infinite.status, infinite.reason) == (FAILED, "its value is inf")
    assert (failed.status, failed.reason) == (FAILED, "failed")
    assert (pruned.loss, pruned.fidelity, pruned.curve) == (0.6, 4.0, (0.7, 0.6))  # its steps begin at 0
    assert (silent.status, silent.loss) == (FAILED, None)
    assert (done.status, done.fidelity) == (DONE, None)
    assert read(study).done == (done,)


def test_infeasible_trials_are_failed() -> None:
    """A trial that violates a constraint has no loss that could be the best."""

    def objective(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        trial.set_constraint("enough", 0.5 - x)
        return x

    task = read(study_of(objective))
    assert {trial.status for trial in task.trials if trial.config["x"] < 0.5} == {FAILED}
    assert task.best is not None
    assert task.best.config["x"] >= 0.5


def test_a_study_that_is_read_while_it_runs_is_read_whole_later(tmp_path: Path) -> None:
    """Of equal configs the one that ends later is the repeat, so that a second import adds it alone."""
    study = optuna.create_study()
    first, second = (study.ask({"k": CategoricalDistribution(["a"])}) for _ in range(2))
    with foretune.open_history(tmp_path / "history.db") as history:
        study.tell(second, 0.1)
        history.add(read(study))
        study.tell(first, 0.9)
        history.add(read(study))
        (task,) = history.tasks()
    assert sorted(trial.loss for trial in task.done) == [0.1, 0.9]


def test_seconds_and_repeats_are_told() -> None:
    """A trial lasts from its start to its end; one that tries a config again is a repeat of it."""
    study = optuna.create_study()
    start = datetime(2024, 5, 1, 12)
    for _ in range(2):
        trial = create_trial(params={"n": 1}, distributions={"n": IntDistribution(0, 3)}, value=1.0)
        trial.datetime_start, trial.datetime_complete = start, start + timedelta(seconds=90)
        study.add_trial(trial)
    task = read(study)
    assert [trial.seconds for trial in task.trials] == [90.0, 90.0]
    assert [trial.repeat for trial in task.trials] == [0, 1]
    assert task.provenance["started"] == str(start)


def test_what_a_study_says_of_itself_is_kept(tmp_path: Path) -> None:
    """User attributes are in the provenance; one of them gives family, dataset, group, features."""
    study = study_of(simple, 4)
    study.set_user_attr("team", {"name": "blue"})
    study.set_user_attr(
        "foretune", {"family": "svm", "dataset": "iris", "group": "flowers", "metafeatures": {"n": 150.0}}
    )
    task = read(study)
    assert (task.family, task.dataset, task.group) == ("svm", "iris", "flowers")
    assert task.metafeatures == {"n": 150.0}
    assert task.provenance["user_attrs"] == {"team": {"name": "blue"}}
    assert read(study, family="other").family == "other"


def test_tasks_can_be_stored(tmp_path: Path) -> None:
    """What was read goes into a history and a pack, and comes back the same; twice adds nothing."""
    task = read(study_of(simple, 6, direction="maximize"))
    with foretune.open_history(tmp_path / "history.db") as history:
        history.add(task)
        history.add(task)
        (back,) = history.tasks()
    foretune.write_pack([task], tmp_path / "pack", card={})
    assert back.trials == task.trials
    assert back.space == task.space
    with foretune.open_history(tmp_path / "pack") as pack:
        assert next(pack.tasks()).trials == task.trials


def activation() -> None:
    """A choice that is no plain value."""


@pytest.mark.filterwarnings(NOT_PLAIN)
def test_choices_that_are_not_plain_are_told_by_their_text() -> None:
    """A function among the choices becomes its text, the same in every run, and a warning says so."""
    study = study_of(lambda trial: float(trial.suggest_categorical("f", [activation, None]) is None), 8)
    with pytest.warns(UserWarning, match="told by their text"):
        task = read(study)
    assert {trial.config["f"] for trial in task.trials} == {"<function activation>", None}
    assert task.provenance["told_by_text"] == ["f"]


@pytest.mark.parametrize(
    ("one", "value", "expected"),
    [
        (FloatDistribution(0, 1), 3, 1.0),
        (FloatDistribution(0.1, 1, log=True), 0, 0.1),
        (FloatDistribution(0, 1, step=0.1), 0.31, 0.3),
        (IntDistribution(1, 9, step=4), 6.8, 5),
        (IntDistribution(1, 9), True, NOWHERE),
        (FloatDistribution(0, 1), "scale", NOWHERE),
        (FloatDistribution(0, 1), float("nan"), NOWHERE),
        (CategoricalDistribution([1, 10]), 10.0, 10),
        (CategoricalDistribution([1, True, None]), True, True),
        (CategoricalDistribution(["a"]), "b", NOWHERE),
    ],
)
def test_a_value_becomes_the_nearest_that_is_asked_for(one: Any, value: Any, expected: Any) -> None:
    """Numbers are drawn into the range and onto the step; a choice is the very object, or there is none."""
    found = asked(one, value)
    assert found is expected or (found == expected and type(found) is type(expected))
    if found is not NOWHERE:
        assert asked(one, told(one, found)) == found


def test_studies_with_several_objectives_are_left_out() -> None:
    """They have no single loss: a warning names them where all are read, an error where they are named."""
    storage = optuna.storages.InMemoryStorage()
    study_of(simple, 3, storage=storage, study_name="one")
    study_of(
        lambda trial: (simple(trial), 0.0), 3, storage=storage, study_name="two", directions=["minimize"] * 2
    )
    with pytest.warns(UserWarning, match="left out: two"):
        assert [task.name for task in read_optuna(storage)] == ["one"]
    with pytest.raises(HistoryError, match="several objectives"):
        read_optuna(storage, study="two")


def test_studies_without_ended_trials_are_left_out() -> None:
    """A study that has tried nothing, or has no parameters, is no task, which a warning says."""
    storage = optuna.storages.InMemoryStorage()
    with pytest.warns(UserWarning, match="holds no study"):
        assert read_optuna(storage) == []
    optuna.create_study(storage=storage, study_name="begun").ask({"k": CategoricalDistribution(["a"])})
    study_of(lambda _: 1.0, 2, storage=storage, study_name="bare")
    with pytest.warns(UserWarning, match="left out: 'begun', 'bare'"):
        assert read_optuna(storage) == []
    study_of(simple, 1, storage=storage, study_name="good")
    with pytest.warns(UserWarning, match="left out: 'begun', 'bare'"):
        assert [task.name for task in read_optuna(storage)] == ["good"]


def test_a_study_that_is_not_there_is_named() -> None:
    """An unknown study is an error that names the nearest."""
    storage = optuna.storages.InMemoryStorage()
    study_of(simple, 1, storage=storage, study_name="forest")
    with pytest.raises(HistoryError, match="did you mean 'forest'"):
        read_optuna(storage, study=["forrest"])


def test_what_is_no_optuna_storage_is_told(tmp_path: Path) -> None:
    """A foretune history, a file of another kind, and nothing at all each have an error of their own."""
    with foretune.open_history(history := tmp_path / "history.db") as opened:
        opened.add(read(study_of(simple, 2)))
    (text := tmp_path / "notes.txt").write_text("a, b")
    for place, match in [
        (history, "open_history"),
        (text, "path of its journal"),
        (tmp_path / "no", "exist"),
    ]:
        with pytest.raises(HistoryError, match=match):
            read_optuna(place)
    assert not (tmp_path / "no").exists()


def test_a_server_that_does_not_answer_is_a_clear_error() -> None:
    """Where a database cannot be opened, the error says which and why."""
    with pytest.raises(HistoryError, match="Optuna cannot open nosuch://host/db"):
        read_optuna("nosuch://host/db")


def test_choices_of_one_type_stay_readable() -> None:
    """Texts alone, or numbers alone, are choices as they are, without a wrapping."""
    task = read(study_of(lambda trial: float(trial.suggest_categorical("n", [1, 10, 100])), 6))
    assert task.space is not None
    assert isinstance(task.space["n"], CategoricalHyperparameter)
    assert {type(trial.config["n"]) for trial in task.trials} == {int}


def test_studies_of_one_name_in_two_storages_are_two_tasks() -> None:
    """They began at different times; the same study read twice is one."""
    studies = []
    for _ in range(2):
        study = optuna.create_study(study_name="mine")
        study.optimize(lambda trial: trial.suggest_float("x", 0.0, 0.0), n_trials=1)
        studies.append(study)
    (first,), (other,), (again,) = (read_optuna(one._storage) for one in (studies[0], studies[1], studies[0]))
    assert first.name == other.name
    assert first.key == again.key != other.key
