"""One replay that several tests look at."""

import pytest

from foretune.experiments.judging import Search
from foretune.experiments.replay import leave_groups_out, replay
from foretune.testing import RELATED_CELLS, related_tasks


@pytest.fixture(scope="session")
def searches() -> list[Search]:
    """A replay of ten related tasks, left out in two parts, as long as there are configs."""
    splits = list(leave_groups_out(related_tasks(10), folds=2))
    return replay(splits, ["portfolio", "forest"], trials=len(RELATED_CELLS) + 3)
