"""Identity, plain values and the rules of trials and tasks."""

from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from foretune.data.errors import SpaceError
from foretune.data.records import (
    DONE,
    FAILED,
    RUNNING,
    Status,
    Task,
    Trial,
    canonical,
    digest,
    groups_of,
    plain,
    sides_of,
)

PROVENANCE = {"protocol": {"folds": 5}, "versions": {"numpy": "2.0"}, "date": "2025-01-01"}
TASK = Task("iris", "svm", None, dataset="f" * 32, provenance=PROVENANCE)


@pytest.mark.parametrize(
    ("one", "other"), [(1, 1.0), (1, True), (1.0, True), (0, False), (None, "None"), (1, "1")]
)
def test_values_of_different_types_are_different_configs(one: Any, other: Any) -> None:
    """1, 1.0, True and "1" make different texts and different trials."""
    assert canonical({"C": one}) != canonical({"C": other})
    assert Trial({"C": one}, 0.0).key != Trial({"C": other}, 0.0).key


@given(
    st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text(), max_size=5),
    st.randoms(),
)
def test_the_order_of_names_does_not_count(values: dict[str, Any], random: Any) -> None:
    """A mapping has one canonical text and one digest in whatever order it was written."""
    names = list(values)
    random.shuffle(names)
    shuffled = {name: values[name] for name in names}
    assert digest(canonical(shuffled)) == digest(canonical(values))


def test_a_digest_is_the_same_in_every_process() -> None:
    """The digest of a text is a fixed one, so that stored keys stay valid."""
    assert digest("foretune") == "ee98f13f1317679cf4588d4cbdd36891"


@pytest.mark.parametrize("value", [{"C": float("nan")}, {"C": float("inf")}, {"C": {1, 2}}, {"C": object()}])
def test_what_json_cannot_hold_is_refused(value: dict[str, Any]) -> None:
    """A value that is not plain raises an error that says what may be given."""
    with pytest.raises(SpaceError, match="give None, bool, int, finite float or text"):
        canonical(value)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [(np.int64(3), 3), (np.float64(0.5), 0.5), (np.bool_(True), True), (np.str_("rbf"), "rbf"), (None, None)],
)
def test_numpy_scalars_become_plain(value: Any, wanted: Any) -> None:
    """A trial's config holds Python's own types, whatever scalars it was given."""
    (held,) = Trial({"C": value}, 0.0).config.values()
    assert held == wanted
    assert type(held) is type(wanted) is type(plain(value))


def test_numpy_and_python_scalars_make_the_same_trial() -> None:
    """A trial is the same one whether its config came from numpy or from Python."""
    assert Trial({"C": np.int64(1)}, 0.0).key == Trial({"C": 1}, 0.0).key


def test_empty_cells_are_none_and_lists_are_tuples() -> None:
    """What a table or JSON makes of a trial is the trial again; a score alone is that of one fold."""
    nan, inf = float("nan"), float("inf")
    read = Trial({"sizes": [64, [2]]}, 0.1, seconds=nan, noise=inf, fidelity=nan, scores={"accuracy": 0.9})
    assert read == Trial({"sizes": (64, (2,))}, 0.1, scores={"accuracy": (0.9,)})


def test_metafeatures_are_numbers() -> None:
    """Whole numbers become floats and None is unknown; a text is refused by name."""
    task = Task("a", "svm", None, metafeatures={"rows": 3, "skew": None})  # type: ignore[dict-item]
    assert repr(task.metafeatures) == "{'rows': 3.0, 'skew': nan}"
    with pytest.raises(SpaceError, match="'rows' is 'many'"):
        Task("a", "svm", None, metafeatures={"rows": "many"})  # type: ignore[dict-item]


@pytest.mark.parametrize("loss", [None, float("nan"), float("inf"), -float("inf")])
def test_a_finished_trial_needs_a_finite_loss(loss: float | None) -> None:
    """A DONE trial without a finite loss is refused, with the way out."""
    with pytest.raises(SpaceError, match="status=FAILED"):
        Trial({}, loss)


@pytest.mark.parametrize("status", [FAILED, RUNNING])
def test_only_a_finished_trial_has_a_loss(status: Status) -> None:
    """A FAILED or RUNNING trial takes no loss, and is fine without one."""
    assert Trial({}, status=status).loss is None
    with pytest.raises(SpaceError, match="has no loss"):
        Trial({}, 0.1, status=status)


def test_a_status_may_be_written_as_text() -> None:
    """A status given as text becomes the status; an unknown one is refused."""
    assert Trial({}, status="failed").status is FAILED  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="lost"):
        Trial({}, status="lost")  # type: ignore[arg-type]


@pytest.mark.parametrize("change", [{"fidelity": 3.0}, {"seed": 1}, {"repeat": 1}, {"config": {"C": 2.0}}])
def test_what_makes_another_trial(change: dict[str, Any]) -> None:
    """Another config, fidelity, seed or repeat is another trial."""
    trial = Trial({"C": 1.0}, 0.5)
    assert replace(trial, **change).key != trial.key


@pytest.mark.parametrize(
    "change", [{"loss": 0.1}, {"seconds": 2.0}, {"status": FAILED, "loss": None}, {"weight": 0.5}]
)
def test_what_does_not_make_another_trial(change: dict[str, Any]) -> None:
    """What came out of a trial is not part of its identity."""
    trial = Trial({"C": 1.0}, 0.5)
    assert replace(trial, **change).key == trial.key


def test_records_are_frozen() -> None:
    """Neither a trial nor a task can be changed in place."""
    with pytest.raises(FrozenInstanceError):
        Trial({}, 0.0).loss = 1.0  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        TASK.name = "wine"  # type: ignore[misc]


def test_plus_leaves_the_task_as_it_was() -> None:
    """`plus` returns a new task with the trials at its end, in their order."""
    first, second, third = (Trial({"C": c}, 0.0) for c in (1, 2, 3))
    task = TASK.plus(first)
    assert task.plus(second, third).trials == (first, second, third)
    assert task.trials == (first,)
    assert TASK.trials == ()


def test_the_best_trial_is_finished_and_whole() -> None:
    """Failed, running and low-fidelity trials are never the best one; of equals the first is."""
    assert TASK.best is None
    good, equal = Trial({"C": 1}, -0.5), Trial({"C": 2}, -0.5)
    others = (
        Trial({"C": 3}, status=FAILED),
        Trial({"C": 4}, status=RUNNING),
        Trial({"C": 5}, -9.0, fidelity=1.0),
    )
    task = TASK.plus(*others, Trial({"C": 6}, 0.0), good, equal)
    assert task.best is good
    assert TASK.plus(*others).best is None


@pytest.mark.parametrize(
    ("group", "dataset", "side"), [("g", "d", "g"), (None, "d", "d"), (None, None, "iris"), ("", "", "iris")]
)
def test_the_side_of_one_task_is_its_group_else_its_dataset_else_its_name(
    group: str | None, dataset: str | None, side: str
) -> None:
    """Near copies share the widest name they have."""
    assert sides_of([Task("iris", "svm", None, group=group, dataset=dataset)]) == [side]


@pytest.mark.parametrize(
    ("told", "together"),
    [
        ([("a", "1", "g"), ("b", "1", None)], [0, 0]),  # grouped in one history and not in another
        ([("b", "1", None), ("a", "1", "g"), ("c", "2", "g")], [0, 0, 0]),
        ([("a", "1", "g"), ("a", "2", "h"), ("a", "1", "h")], [0, 0, 0]),
        ([("a", "1", None), ("a", None, None)], [0, 0]),  # nobody knows whether it is the same
        ([("a", "1", None), ("a", "2", None)], [0, 1]),
        ([("a", "1", "g"), ("a", "2", "h"), ("b", "3", None)], [0, 1, 2]),
        ([("iris", None, None), ("b", "2", "iris")], [0, 0]),  # what was made of it bears its name as group
    ],
)
def test_tasks_that_share_anything_are_on_one_side(
    told: list[tuple[str, str | None, str | None]], together: list[int]
) -> None:
    """What two tasks share (group, dataset, uncertain name) keeps them together, through others too."""
    tasks = [Task(name, "svm", None, dataset=dataset, group=group) for name, dataset, group in told]
    for some in (tasks, tasks[::-1]):
        sides = sides_of(some) if some is tasks else sides_of(some)[::-1]
        assert [sides.index(side) for side in sides] == [together.index(k) for k in together]


def test_groups_keep_the_order_of_appearance() -> None:
    """Tasks of one side come together, sides and tasks in the order in which they were given."""
    a, b, c = (Task(name, "svm", None, group=group) for name, group in [("a", "x"), ("b", "y"), ("c", "x")])
    assert list(groups_of([a, b, c]).items()) == [("x", [a, c]), ("y", [b])]


@pytest.mark.parametrize(
    "change",
    [
        {"family": "decision_tree"},
        {"metric": "f1_macro"},
        {"dataset": "0" * 32},
        {"provenance": PROVENANCE | {"protocol": {"folds": 10}}},
        {"provenance": {}},
    ],
)
def test_what_makes_another_task(change: dict[str, Any]) -> None:
    """Another family, metric, dataset or protocol is another task."""
    assert replace(TASK, **change).key != TASK.key


@pytest.mark.parametrize(
    "change",
    [
        {"name": "blumen"},
        {"group": "flowers"},
        {"metafeatures": {"n": 1.0}},
        {"trials": (Trial({}, 0.0),)},
        {"provenance": PROVENANCE | {"versions": {"numpy": "3.0"}, "date": "2030-01-01"}},
    ],
)
def test_what_does_not_make_another_task(change: dict[str, Any]) -> None:
    """Names, groups, meta-features, trials, library versions and dates are not part of the identity."""
    assert replace(TASK, **change).key == TASK.key


def test_without_a_fingerprint_the_name_counts() -> None:
    """Tasks whose dataset is not known are told apart by their names."""
    a, b = Task("a", "svm", None), Task("b", "svm", None)
    assert a.key != b.key
    assert a.key == Task("a", "svm", None).key


def test_a_done_trial_is_the_usual_one() -> None:
    """A trial is DONE, of full fidelity and full weight unless it says otherwise."""
    trial = Trial({"C": 1.0}, 0.5)
    assert (trial.status, trial.fidelity, trial.weight) == (DONE, None, 1.0)
