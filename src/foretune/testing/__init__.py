"""Contract checks for those who write their own history or learner for foretune.

Each check raises an `AssertionError` that says which promise is broken:

    def test_my_history(tmp_path):
        names = itertools.count()
        check_history(lambda: MyHistory(tmp_path / str(next(names))))

    def test_my_learner():
        check_learner(MyLearner)
"""

from foretune.testing.histories import check_history, check_reading, example_tasks, spelled
from foretune.testing.learners import check_learner
from foretune.testing.related import RELATED_CELLS, related_loss, related_space, related_task, related_tasks

__all__ = [
    "RELATED_CELLS",
    "check_history",
    "check_learner",
    "check_reading",
    "example_tasks",
    "related_loss",
    "related_space",
    "related_task",
    "related_tasks",
    "spelled",
]
