"""Whether the history holds anything like a dataset."""

import re

import numpy as np
from sklearn.datasets import load_wine

from foretune.data.records import Task
from foretune.experience import PACK
from foretune.features.metafeatures import describe
from foretune.features.metaspace import MetaSpace
from foretune.history.history import open_history
from foretune.recommender.coverage import Coverage
from foretune.recommender.recommender import Recommender
from foretune.testing import RELATED_CELLS, related_task, related_tasks

PAST = related_tasks()
UNLIKE = {"size": 0.95, "landmark": 1e9}
SHAPES = (((4, 2), 2), ((2_000, 8), 500), ((40, 3_000), 2))  # rows and columns, classes


def crowded() -> list[Task]:
    """Past tasks that all lie on a line: large ones have a low level."""
    return [related_task(f"past {k}", k / 20, 1 - k / 20, cells=RELATED_CELLS) for k in range(20)]


def test_a_dataset_off_the_beaten_track_is_said_to_be_unlike() -> None:
    """One far off all others is warned of, one among them is not, nor one of which nothing is known."""
    tasks = crowded()
    coverage = Coverage(tasks, MetaSpace([task.metafeatures for task in tasks]))
    assert "no past dataset is like this one" in coverage.warning(UNLIKE)
    assert coverage.warning({"size": 0.52, "landmark": 0.48}) == ""
    assert coverage.warning({}) == ""


def test_past_tasks_without_meta_features_change_nothing() -> None:
    """An imported study that nobody described makes no dataset alike, nor unlike; of only such it is said."""
    tasks = crowded()
    blank = [Task(f"blank {k}", "svm", None) for k in range(50)]
    plain, mixed = (
        Coverage(past, MetaSpace([task.metafeatures for task in past])) for past in (tasks, tasks + blank)
    )
    near = {"size": 0.52, "landmark": 0.48}
    assert mixed.usual == plain.usual
    assert [mixed.nearest(one) for one in (near, UNLIKE)] == [plain.nearest(one) for one in (near, UNLIKE)]
    assert [mixed.silence(near), mixed.nearest({})] == ["", None]
    nameless = Coverage(blank, MetaSpace([task.metafeatures for task in blank]))
    assert (nameless.nearest(near), nameless.warning(near), nameless.silence({})) == (None, "", "")
    assert "past datasets have no meta-features" in nameless.silence(near)


def test_close_numbers_are_told_apart() -> None:
    """No dataset is said to be less like than is usual by two numbers that read the same."""
    tasks = crowded()
    coverage = Coverage(tasks, MetaSpace([task.metafeatures for task in tasks]))
    for size in np.linspace(0.5, 1.0, 101):
        if warning := coverage.warning({"size": size, "landmark": 0.5}):
            found, usual = re.findall(r"\d\.\d+", warning)
            assert float(found) < float(usual)


def test_with_few_past_datasets_nothing_is_said() -> None:
    """Nobody knows how far apart datasets usually are when there are only a few."""
    few = crowded()[:5]
    assert Coverage(few, MetaSpace([task.metafeatures for task in few])).warning(UNLIKE) == ""


def test_the_librarys_default_comes_first_and_the_user_is_told() -> None:
    """Where nothing is like the dataset the default is proposed first, and says why; then others follow."""
    new = related_task("new", 0.95, 1e9)
    found = Recommender("auto").fit(crowded()).recommend(new, 3, candidates=[*RELATED_CELLS, {}])
    assert found[0].config == {} or found[0].config == {"C": 1, "gamma": "scale"}
    assert "no past dataset" in found[0].note
    assert found[0].history_weight == 0.0
    assert [one.note for one in found[1:]] == ["", ""]


def test_the_user_is_told_where_the_default_is_no_candidate() -> None:
    """Where the default may not be proposed, the first config bears the warning, and the others none."""
    new = related_task("new", 0.95, 1e9)
    found = Recommender("auto").fit(crowded()).recommend(new, 2, candidates=RELATED_CELLS[:5])
    assert "no past dataset is like this one" in found[0].note
    assert "default" not in found[0].note
    assert found[1].note == ""


def test_one_dataset_in_twenty_is_called_unlike() -> None:
    """Of datasets from where the past ones are from, one in twenty is said to be unlike them."""
    rng = np.random.default_rng(0)

    def dataset(name: str) -> Task:
        found = dict(zip("abcdef", rng.normal(size=6).tolist(), strict=True))
        return Task(name, "svm", None, metafeatures=found)

    past = [dataset(f"past {k}") for k in range(100)]
    coverage = Coverage(past, MetaSpace([task.metafeatures for task in past]))
    told = [bool(coverage.warning(dataset("new").metafeatures)) for _ in range(500)]
    assert 0.01 < np.mean(told) < 0.12


def test_the_experience_knows_what_it_does_not_cover() -> None:
    """Four rows, 500 classes or 3,000 columns are unlike the shipped datasets; wine is not."""
    with open_history(PACK) as pack:
        tasks = list(pack.tasks("svm", metric="accuracy"))
    coverage = Coverage(tasks, MetaSpace([task.metafeatures for task in tasks]))
    rng = np.random.default_rng(0)
    odd = [(rng.normal(size=shape), np.arange(shape[0]) % k) for shape, k in SHAPES]
    assert all(coverage.warning(describe(X, y)) for X, y in odd)
    assert not coverage.warning(describe(*load_wine(return_X_y=True)))
