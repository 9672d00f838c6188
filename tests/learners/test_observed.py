"""A task's own trials as columns of the configs at hand."""

import numpy as np

from foretune.data.records import FAILED, RUNNING, Trial
from foretune.features.encoding import Encoder
from foretune.learners.observed import Observed
from foretune.testing import related_space, related_task


def test_trials_become_columns() -> None:
    """Repeats are averaged, what is not among the configs comes after them, and what failed is left out."""
    task = related_task("a", 0.5, 0.5).plus(
        Trial({"C": 1.0}, 0.2, seed=0),
        Trial({"C": 1}, 0.4, seed=1),
        Trial({"C": 7.0}, 0.9),
        Trial({"C": 2.0}, status=RUNNING),
        Trial({"C": 1.0}, status=RUNNING, seed=2),
        Trial({"C": 3.0}, status=FAILED),
        Trial({"C": 4.0}, 0.1, fidelity=2),
    )
    key = Encoder(related_space()).key
    found = Observed.of(task, [{"C": 2.0}, {"C": 1.0}], key, lambda losses: np.minimum(losses, 0.8))
    assert found.configs == [{"C": 2.0}, {"C": 1.0}, {"C": 7.0}]
    assert found.tried.tolist() == [1, 2]
    assert found.measured.round(9).tolist() == [0.3, 0.9]
    assert found.losses.round(9).tolist() == [0.3, 0.8]
    assert found.pending.tolist() == [0]
