"""Histories become one: the same comes in once, contradictions are told, sources stay as they are."""

from dataclasses import replace
from pathlib import Path

import pytest
from ConfigSpace import ConfigurationSpace

from foretune.data.records import FAILED, Task, Trial
from foretune.history.history import open_history
from foretune.history.merging import Merged, grown_families, merge
from foretune.history.sql import SqlHistory

IRIS = Task("iris", "svm", None, trials=(Trial({"C": 1.0}, 0.5), Trial({"C": 2.0}, 0.4)))
WINE = Task("wine", "svm", None, trials=(Trial({"C": 1.0}, 0.3),))


@pytest.fixture
def into(tmp_path: Path) -> SqlHistory:
    """A new history."""
    return open_history(tmp_path / "into.db")


def test_the_same_comes_in_once(into: SqlHistory) -> None:
    """What two sources share is added once, and a second merge adds nothing."""
    merged = merge([[IRIS], [replace(IRIS, trials=(*IRIS.trials, Trial({"C": 3.0}, 0.2))), WINE]], into)
    assert merged == Merged(tasks=2, trials=4, known=2)
    assert [len(task.trials) for task in into.tasks()] == [3, 1]
    assert merge([[IRIS, WINE]], into) == Merged(tasks=0, trials=0, known=3)


def test_contradictions_are_told(into: SqlHistory) -> None:
    """Of two losses of one trial the first is kept, and of two names of one dataset too; both are said."""
    other = replace(IRIS, trials=(Trial({"C": 1.0}, 0.9),))
    merged = merge([[IRIS], [other]], into)
    assert len(merged.conflicts) == 1
    assert "0.5 and 0.9 differ" in merged.conflicts[0]
    assert next(into.tasks()).trials[0].loss == 0.5
    named = [replace(WINE, dataset="d"), replace(WINE, dataset="d", name="vino")]
    assert "the same dataset" in merge([[named[0]], [named[1]]], into).conflicts[0]


def test_a_failure_gives_way_to_a_result(into: SqlHistory) -> None:
    """A trial that failed in one source and was finished in another is finished; that is no conflict."""
    failed = replace(IRIS, trials=(Trial({"C": 1.0}, status=FAILED),))
    assert merge([[failed], [IRIS]], into).conflicts == []
    assert next(into.tasks()).trials[0].loss == 0.5


def inferred(family: str, **ranges: tuple[float, float]) -> Task:
    """A task whose space was read off its trials."""
    space = ConfigurationSpace(ranges)
    return replace(IRIS, family=family, space=space, provenance={"space": "inferred"})


def test_an_inferred_space_that_widens_is_no_conflict(into: SqlHistory) -> None:
    """The wider of two inferred spaces is kept, with nothing to tell; where none is wider, that is told."""
    assert merge([[inferred("svm", C=(1.0, 2.0))], [inferred("svm", C=(1.0, 9.0))]], into).conflicts == []
    assert "the spaces differ" in merge([[inferred("svm", C=(0.5, 2.0))]], into).conflicts[0]
    space = next(into.tasks()).space
    assert space is not None
    assert (space["C"].lower, space["C"].upper) == (1.0, 9.0)


@pytest.mark.parametrize(
    ("task", "grown"),
    [
        (inferred("c_gamma", C=(1.0, 2.0), gamma=(1.0, 2.0)), {"c_gamma": "c"}),
        (inferred("c", C=(1.0, 2.0), gamma=(1.0, 2.0)), {}),  # named alike
        (inferred("depth", depth=(1.0, 2.0)), {}),  # another family on the same data
        (replace(inferred("none"), space=None), {}),
        (inferred("empty"), {}),
        (replace(inferred("c_gamma", C=(1.0, 2.0), gamma=(1.0, 2.0)), name="wine"), {}),
        (replace(inferred("c_gamma", C=(1.0, 2.0), gamma=(1.0, 2.0)), dataset="other"), {}),
        (replace(inferred("c_gamma", C=(1.0, 2.0), gamma=(1.0, 2.0)), metric="f1"), {}),
    ],
)
def test_a_family_with_more_hyperparameters_may_be_a_known_one(
    into: SqlHistory, task: Task, grown: dict[str, str]
) -> None:
    """So it may be on what may be the same dataset, by the same metric, where it has another name."""
    into.add(replace(inferred("c", C=(1.0, 2.0)), dataset="d"))
    assert grown_families([task], into) == grown
