"""Whether the history holds anything like a dataset."""

from foretune.data.records import Task
from foretune.features.metaspace import MetaSpace
from foretune.recommender.coverage import Coverage
from foretune.recommender.recommender import Recommender
from foretune.testing import RELATED_CELLS, related_task, related_tasks

PAST = related_tasks()
UNLIKE = {"size": 0.95, "landmark": 1e9}


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
