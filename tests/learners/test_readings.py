"""Curves as readings."""

import numpy as np
import pytest

from foretune.data.errors import SpaceError
from foretune.data.records import FAILED, Task, Trial
from foretune.learners.readings import at_steps, curves_of, readings, steps_to


def test_steps_double_and_end_at_the_full_one() -> None:
    """Steps are powers of two, and none is so near the full fidelity that it would tell nothing new."""
    assert steps_to(52) == (1, 2, 4, 8, 16, 32, 52)
    assert steps_to(33) == (1, 2, 4, 8, 16, 33)
    assert steps_to(2) == (1, 2)


@pytest.mark.parametrize("full", [1, 0, -3, float("nan")])
def test_a_full_fidelity_below_two_is_refused(full: float) -> None:
    """Where there is nothing to stop early, that is said."""
    with pytest.raises(SpaceError, match="leaves nothing to stop early"):
        steps_to(full)


def test_the_points_of_a_curve_are_equally_far_apart() -> None:
    """Four losses up to epoch 8 are those after 2, 4, 6 and 8; the last one is the trial's own."""
    at, losses = readings(Trial({}, 0.1, fidelity=8, curve=(0.4, 0.3, 0.2, 0.15)), 52)
    assert at.tolist() == [2, 4, 6, 8]
    assert losses.tolist() == [0.4, 0.3, 0.2, 0.1]
    at, losses = readings(Trial({}, 0.1), 52)
    assert (at.tolist(), losses.tolist()) == ([52], [0.1])


def test_trials_of_one_config_make_one_curve() -> None:
    """Partial and whole trials of equal settings join, repeats are averaged, what failed says nothing."""
    trials = (
        Trial({"C": 1}, 0.5, fidelity=1),
        Trial({"C": 1}, 0.3, fidelity=1, seed=1),
        Trial({"C": 1}, 0.2),
        Trial({"C": 2}, status=FAILED),
    )
    curves = curves_of(Task("t", "svm", None, trials=trials), 4, lambda config: str(config["C"]))
    assert curves == {"1": ({"C": 1}, {1.0: 0.4, 4.0: 0.2})}


def test_a_curve_is_read_between_its_points_and_not_beyond() -> None:
    """Between epochs 1 and 4 a reading at 2 lies halfway on the logarithmic axis; beyond there is none."""
    found = at_steps({1.0: 0.5, 4.0: 0.1}, (0.5, 1, 2, 4, 8))
    assert np.isnan(found[[0, 4]]).all()
    assert found[1:4] == pytest.approx([0.5, 0.3, 0.1])


def test_what_was_read_before_the_first_epoch_is_no_reading() -> None:
    """A fidelity of 0 or less, as odd sources have it, is passed over."""
    task = Task("new", "svm", None).plus(
        Trial({"C": 1.0}, 0.5, fidelity=0.0), Trial({"C": 1.0}, 0.4, fidelity=2.0)
    )
    ((_, curve),) = curves_of(task, 8.0, str).values()
    assert curve == {2.0: 0.4}
