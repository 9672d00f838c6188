"""What a sweep stores, and what it leaves alone."""

import multiprocessing
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from odd_models import IndescribableDataset, SlowDataset, odd_family
from sklearn.datasets import load_digits

from foretune.collect.datasets import Dataset, load_dataset, make_image_dataset
from foretune.collect.evaluation import PreparedData, Protocol, measure
from foretune.collect.families import Family, family
from foretune.collect.sweep import Plan, Progress, collect, other_groups, remaining_jobs, trials_of
from foretune.data.errors import DatasetError, FamilyError
from foretune.data.metrics import CLASSIFICATION_METRICS, REGRESSION_METRICS
from foretune.data.records import DONE, FAILED, Task, Trial, canonical
from foretune.data.spaces import sobol_configs
from foretune.history.history import History, open_history

PROTOCOL = Protocol(folds=2)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    """A new history."""
    with open_history(tmp_path / "history.db") as history:
        yield history


@pytest.fixture
def small(csv: Path) -> Dataset:
    """The small table as a dataset."""
    return load_dataset(csv)


def plan(*families: Family, wide: int = 2, timeout: float | None = None, **groups: str) -> Plan:
    """A plan of two folds."""
    return Plan(families, wide=wide, protocol=PROTOCOL, timeout=timeout, groups=groups)


def stored(history: History) -> list[tuple[str, str, str]]:
    """Family, metric and config of each trial, in a fixed order."""
    return sorted(
        (task.family, task.metric, canonical(trial.config))
        for task in history.tasks()
        for trial in task.trials
    )


def of_metric(history: History, metric: str) -> Task:
    """The one task of that metric."""
    (task,) = history.tasks(metric=metric)
    return task


def test_a_sweep_stores_exactly_what_was_planned(history: History, small: Dataset) -> None:
    """Grid, default and Sobol configs are each tried once and stored for each metric."""
    tree = family("decision_tree")
    configs = [canonical(config) for config in plan(tree).configs(tree, small)]
    assert collect(history, [small], plan(tree), jobs=1) == len(configs) == 12 + 2
    assert stored(history) == sorted(
        ("decision_tree", metric, config) for metric in CLASSIFICATION_METRICS for config in configs
    )


def test_a_second_run_adds_nothing(history: History, small: Dataset) -> None:
    """What is stored is not tried again; a wider plan adds only what is new."""
    tree = family("decision_tree")
    collect(history, [small], plan(tree), jobs=1)
    before = stored(history)
    assert collect(history, [small], plan(tree), jobs=1) == 0
    assert stored(history) == before
    assert collect(history, [small], plan(tree, wide=4), jobs=1) == 2
    assert {*before} < {*stored(history)}


def test_another_protocol_is_another_task(history: History, small: Dataset) -> None:
    """Other folds do not join the trials that are there."""
    tree, other = (
        family("decision_tree"),
        replace(plan(family("decision_tree"), wide=0), protocol=Protocol(folds=3)),
    )
    collect(history, [small], plan(tree, wide=0), jobs=1)
    assert collect(history, [small], other, jobs=1) == 12
    assert len([*history.tasks(metric="accuracy")]) == 2


def test_two_processes_store_what_one_stores(history: History, small: Dataset, tmp_path: Path) -> None:
    """The trials, and their losses, do not depend on the number of workers."""

    def losses(history: History) -> dict[str, float | None]:
        return {trial.key: trial.loss for task in history.tasks(metric="accuracy") for trial in task.trials}

    collect(history, [small], plan(family("decision_tree")), jobs=1)
    with open_history(tmp_path / "other.db") as other:
        collect(other, [small], plan(family("decision_tree")), jobs=2)
        assert losses(other) == losses(history)


def test_the_callers_process_is_left_as_it_was(history: History, small: Dataset) -> None:
    """A sweep in the caller's own process does not change how it starts processes."""
    before = multiprocessing.get_start_method(allow_none=True)
    collect(history, [small], plan(odd_family("well"), wide=0), jobs=1)
    assert multiprocessing.get_start_method(allow_none=True) == before


def test_each_metric_gives_its_own_task(history: History, small: Dataset) -> None:
    """Tasks of one dataset and family differ in metric, direction and loss, and share all else."""
    collect(history, [small], plan(family("decision_tree"), wide=0), jobs=1)
    assert [task.metric for task in history.tasks()] == [*CLASSIFICATION_METRICS]
    accuracy, log_loss = of_metric(history, "accuracy"), of_metric(history, "log_loss")
    assert (accuracy.provenance["direction"], log_loss.provenance["direction"]) == ("maximize", "minimize")
    assert all(-1 <= (trial.loss or 0) < 0 for trial in accuracy.trials)
    assert all((trial.loss or 0) > 0 for trial in log_loss.trials)
    assert accuracy.dataset == log_loss.dataset == small.fingerprint
    assert accuracy.metafeatures == log_loss.metafeatures
    assert accuracy.metafeatures


def test_a_trial_holds_what_was_measured(history: History, small: Dataset) -> None:
    """Loss is minus the mean of the folds' scores, noise their standard error, and costs are there."""
    collect(history, [small], plan(family("decision_tree"), wide=0), jobs=1)
    for trial in of_metric(history, "accuracy").trials:
        folds = trial.scores["accuracy"]
        assert len(folds) == 2
        assert trial.loss == pytest.approx(-np.mean(folds))
        assert trial.noise == pytest.approx(np.std(folds, ddof=1) / np.sqrt(2))
        assert trial.seconds == pytest.approx(
            trial.costs["fit_seconds"] + trial.costs["predict_seconds"], abs=2e-6
        )
        assert trial.seed == PROTOCOL.seed


def test_an_svm_has_no_log_loss_task(history: History, small: Dataset) -> None:
    """A model without probabilities is stored for every metric but log loss."""
    collect(history, [small], plan(family("svm"), wide=0), jobs=1)
    assert {*CLASSIFICATION_METRICS} - {task.metric for task in history.tasks()} == {"log_loss"}


def test_groups_are_stored(history: History, small: Dataset) -> None:
    """A dataset named in the plan's groups carries its group; another has none."""
    other = replace(small, name="other", X=small.X.assign(a=0.0))
    collect(history, [small, other], plan(odd_family("well"), wide=0, small="copies"), jobs=1)
    assert {task.name: task.group for task in history.tasks()} == {"small": "copies", "other": None}


def test_groups_are_added_to_a_finished_sweep(history: History, small: Dataset) -> None:
    """A sweep without anything left to train still fills in groups; one that is known stays."""
    odd = odd_family("well")
    collect(history, [small], plan(odd, wide=0), jobs=1)
    for group in ("copies", "others"):
        assert collect(history, [small], plan(odd, wide=0, small=group), jobs=1) == 0
    assert {task.group for task in history.tasks()} == {"copies"}
    assert len([*history.tasks()]) == len(CLASSIFICATION_METRICS) - 2


def test_a_dataset_that_has_another_group_is_named(history: History, small: Dataset) -> None:
    """Whatever the family, the group that the history knows is told where the plan has another."""
    history.add(plan(small="copies").task(odd_family("well"), small, "accuracy"))
    forest = family("random_forest")
    assert other_groups(history, [small], plan(forest, small="others")) == {"small": "copies"}
    assert not other_groups(history, [small], plan(forest, small="copies"))
    assert not other_groups(history, [small], plan(forest))


def test_groups_add_no_task(history: History, small: Dataset) -> None:
    """A group is no reason for a task without trials."""
    collect(history, [small], plan(family("svm"), wide=0, small="copies"), jobs=1)
    collect(history, [small], plan(family("svm"), wide=0, small="copies"), jobs=1)
    assert all(task.trials for task in history.tasks())


@pytest.mark.parametrize(
    ("rows", "classes", "folds", "words"),
    [
        (3, 2, 5, "^tiny has 3 rows, fewer than the 5 folds"),
        (8, 8, 2, "^the largest class of tiny has 1 row, fewer than the 2 folds"),
    ],
)
def test_a_dataset_too_small_for_the_folds_is_refused(
    history: History, rows: int, classes: int, folds: int, words: str
) -> None:
    """Before anything is trained the error names the dataset and the numbers."""
    X, y = pd.DataFrame({"a": np.arange(rows)}), pd.Series(np.arange(rows) % classes)
    tiny = Dataset("tiny", X, y, "classification")
    few = replace(plan(odd_family("well"), wide=0), protocol=Protocol(folds))
    with pytest.raises(DatasetError, match=words):
        collect(history, [tiny], few, jobs=1)
    assert [*history.tasks()] == []


def test_a_dataset_that_cannot_be_described_is_named(history: History, small: Dataset) -> None:
    """What describing stumbles on is an error of the dataset, by its name."""
    odd = IndescribableDataset("odd", small.X.assign(a=1.0), small.y, small.target)
    with pytest.raises(DatasetError, match=r"odd cannot be described \(ZeroDivisionError: no words\)"):
        collect(history, [odd], plan(odd_family("well"), wide=0), jobs=1)


def test_the_same_data_under_two_names_is_tried_once(history: History, small: Dataset) -> None:
    """A dataset given twice costs no trial twice, and is counted once."""
    assert (
        collect(history, [small, replace(small, name="copy")], plan(odd_family("well"), wide=0), jobs=1) == 1
    )
    assert {task.name for task in history.tasks()} == {"small"}


def test_a_regression_is_swept_too(history: History) -> None:
    """Numbers as target bring the metrics of a regression."""
    rng = np.random.default_rng(0)
    data = Dataset("d", pd.DataFrame(rng.normal(size=(60, 2))), pd.Series(rng.normal(size=60)), "regression")
    collect(history, [data], plan(family("decision_tree"), wide=0), jobs=1)
    assert [task.metric for task in history.tasks()] == [*REGRESSION_METRICS]
    assert {trial.status for task in history.tasks() for trial in task.trials} == {DONE}


@pytest.mark.parametrize(
    ("mood", "target", "reason"),
    [
        ("raises", "classification", "ArithmeticError: no fit today"),
        ("says NaN", "regression", "ValueError: the model predicts NaN or infinite values."),
        ("sleeps", "regression", "timed out after 0.5 s"),
    ],
)
def test_what_goes_wrong_is_stored_with_its_reason(
    history: History, small: Dataset, mood: str, target: str, reason: str
) -> None:
    """A fit that raises, predicts NaN or takes too long is a FAILED trial; the next config is none."""
    data = small if target == "classification" else replace(small, y=small.X["a"], target="regression")
    collect(history, [data], plan(odd_family(mood), wide=0, timeout=0.5), jobs=1)
    for task in history.tasks():
        found = {trial.config["mood"]: (trial.status, trial.reason) for trial in task.trials}
        assert found == {"well": (DONE, ""), mood: (FAILED, reason)}
    assert collect(history, [data], plan(odd_family(mood), wide=0, timeout=0.5), jobs=1) == 0


@pytest.mark.parametrize(
    ("reason", "timeout", "again"),
    [
        ("timed out after 4 s", 4.0, False),
        ("timed out after 4 s", 3.0, False),
        ("timed out after 4 s", 5.0, True),
        ("timed out after 4 s", None, True),
        ("timed out after 1.23457e+06 s", 1234567.0, False),
        ("timed out after a while", None, False),
        ("the fit's process died (killed by SIGKILL, often for want of memory)", 4.0, True),
        ("ValueError: timed out after 4 s", None, False),
        ("accuracy is not a number", None, False),
    ],
)
def test_what_may_end_otherwise_is_tried_again(
    history: History, small: Dataset, reason: str, timeout: float | None, again: bool
) -> None:
    """Resuming repeats what lacked the time that it has now, or whose process died, and no other failure."""
    odd = plan(odd_family("well"), wide=0, timeout=timeout)
    (job,) = remaining_jobs(history, [small], odd)
    failed = Trial(job.config, status=FAILED, seed=PROTOCOL.seed, reason=reason)
    history.add(replace(odd.task(job.family, small, "accuracy"), trials=(failed,)))
    assert len(remaining_jobs(history, [small], odd)) == again


def test_a_config_that_lacked_time_twice_is_known_by_the_longer_one(history: History, small: Dataset) -> None:
    """The latest reason stays, so that a sweep with the same timeout does not try it a third time."""
    odd = plan(odd_family("well"), wide=0, timeout=8.0)
    (job,) = remaining_jobs(history, [small], odd)
    for seconds in (4, 8):
        failed = Trial(job.config, status=FAILED, seed=PROTOCOL.seed, reason=f"timed out after {seconds} s")
        history.add(replace(odd.task(job.family, small, "accuracy"), trials=(failed,)))
    assert [trial.reason for trial in of_metric(history, "accuracy").trials] == ["timed out after 8 s"]
    assert remaining_jobs(history, [small], odd) == []


def test_more_time_mends_a_failure(history: History, small: Dataset) -> None:
    """A config that timed out is done once it has the time, and is then left alone."""
    slow = odd_family("is slow")
    collect(history, [small], plan(slow, wide=0, timeout=0.3), jobs=1)
    assert {trial.status for trial in of_metric(history, "accuracy").trials} == {DONE, FAILED}
    assert collect(history, [small], plan(slow, wide=0), jobs=1) == 1
    assert {trial.status for trial in of_metric(history, "accuracy").trials} == {DONE}
    assert collect(history, [small], plan(slow, wide=0), jobs=1) == 0


def test_the_timeout_is_that_of_the_models(history: History, small: Dataset) -> None:
    """A table that takes longer to prepare than a config may take costs no config its trial."""
    slow = SlowDataset(small.name, small.X, small.y, small.target)
    collect(history, [slow], plan(odd_family("well"), wide=0, timeout=0.5), jobs=1)
    assert [trial.status for trial in of_metric(history, "accuracy").trials] == [DONE]


def test_nothing_to_serve_is_an_error(history: History, small: Dataset) -> None:
    """A plan whose families fit none of the datasets is refused."""
    regression_only = replace(
        odd_family("well"), estimators={"regression": odd_family("well").estimators["regression"]}
    )
    with pytest.raises(FamilyError, match="no family of the plan serves"):
        collect(history, [small], plan(regression_only), jobs=1)


def test_a_family_that_builds_nothing_ends_the_sweep_first(history: History, small: Dataset) -> None:
    """Also one that was never registered is refused by its name before anything is trained."""
    broken = replace(odd_family("well"), estimators={"classification": lambda mood: 1 / 0})
    with pytest.raises(FamilyError, match=r"odd builds no model .* \(ZeroDivisionError"):
        remaining_jobs(history, [small], plan(broken, wide=0))


def test_an_extra_may_be_named_as_it_is_imported(small: Dataset) -> None:
    """The version that is recorded is that of the package as pip calls it."""
    odd = replace(odd_family("well"), extra="sklearn")
    versions = plan(odd).task(odd, small, "accuracy").provenance["versions"]
    assert versions == plan().task(odd_family("well"), small, "accuracy").provenance["versions"]


def test_progress_counts_every_trial(history: History, small: Dataset) -> None:
    """After each trial the caller hears how many are done, and where."""
    seen: list[Progress] = []
    collect(history, [small], plan(family("decision_tree"), wide=0), jobs=1, on_trial=seen.append)
    assert [(now.done, now.planned) for now in seen] == [(i, 12) for i in range(1, 13)]
    assert {(now.family, now.dataset) for now in seen} == {("decision_tree", "small")}
    assert seen[-1].seconds_left == 0
    assert seen[0].seconds_left == pytest.approx(11 * seen[0].seconds)


def test_each_trial_is_stored_before_the_next_is_told(history: History, small: Dataset) -> None:
    """A sweep that is broken off keeps every trial it told of, and goes on from there."""

    class Stop(Exception):  # noqa: N818
        pass

    def stop_at(n: int) -> Callable[[Progress], None]:
        def tell(now: Progress) -> None:
            assert len(of_metric(history, "accuracy").trials) == now.done
            if now.done == n:
                raise Stop

        return tell

    with pytest.raises(Stop):
        collect(history, [small], plan(family("decision_tree"), wide=0), jobs=1, on_trial=stop_at(5))
    assert collect(history, [small], plan(family("decision_tree"), wide=0), jobs=1) == 12 - 5


def test_a_plan_has_the_same_configs_for_every_dataset(small: Dataset) -> None:
    """Configs are complete, without repeats, and do not depend on the data."""
    svm = family("svm")
    configs = plan(svm, wide=20).configs(svm, small)
    assert configs[0] == svm.default("classification")
    assert len({Trial(config, 0.0).key for config in configs}) == len(configs) == 1 + 9 + 20
    assert configs == plan(svm, wide=20).configs(svm, load_dataset("iris"))
    assert configs[-20:] == sobol_configs(svm.wide_space("classification"), 20)


def test_a_network_is_swept_on_images_with_its_curve(history: History) -> None:
    """Epochs' held-out losses are kept as each trial's curve, in the units of its metric."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 6, 6), dtype=np.uint8)
    data = make_image_dataset("noise", images, np.arange(40) % 2)
    quick = replace(
        family("cnn"),
        name="quick",
        fixed=family("cnn").fixed | {"max_epochs": 2},
        grid={"num_filters": [8], "kernel_size": [3, 5]},
    )
    few = Plan([quick], wide=0, protocol=PROTOCOL)
    jobs = remaining_jobs(history, [data], few)
    trials = trials_of(jobs[1], measure(quick, jobs[1].config, PreparedData(data, PROTOCOL)))
    assert len(jobs) == 3
    assert len(trials["accuracy"].curve) == len(trials["log_loss"].curve) == 2
    assert all(-1 <= loss <= 0 for loss in trials["accuracy"].curve)
    assert all(loss > 0 for loss in trials["log_loss"].curve)
    assert trials["roc_auc"].curve == ()
    task = few.task(quick, data, "accuracy")
    assert task.provenance["protocol"]["preprocessing"] == "pixels/1"


def test_a_table_is_not_augmented_nor_seen_by_a_cnn(history: History) -> None:
    """The cells on a table leave augmentation out, and a family of images only refuses it."""
    iris = load_dataset("iris")
    dense = family("dense_net")
    assert len(dense.cells()) == 32
    assert len(dense.cells_on(iris)) == 16
    assert all("augmentation" not in cell for cell in dense.cells_on(iris))
    with pytest.raises(FamilyError, match=r"no family of the plan serves any .* takes images only"):
        remaining_jobs(history, [iris], Plan([family("cnn")]))


def test_tabular_families_see_images_as_columns() -> None:
    """A tree on images is a tree on their pixels, in the same sweep."""
    bunch = load_digits()
    data = make_image_dataset("digits", bunch.images[:150] / 16, bunch.target[:150])
    found = measure(family("decision_tree"), {}, PreparedData(data, PROTOCOL))
    assert np.mean(found.scores["accuracy"]) > 0.4
    assert found.curves == {}
