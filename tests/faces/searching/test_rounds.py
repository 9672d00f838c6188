"""Rounds of a cross-validated search."""

from types import SimpleNamespace
from typing import Any

import pytest
from sklearn.exceptions import FitFailedWarning

from foretune.faces.searching.rounds import Rounds


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (1, "^1 setting, the last one tried, failed on every fold and is not in"),
        (2, "^2 settings, the last ones tried, failed on every fold and are not in"),
    ],
)
def test_the_last_settings_that_failed_are_counted(settings: int, says: str) -> None:
    """What failed in the last round is told, one setting as one."""

    def evaluate(*_: Any, **__: Any) -> None:
        raise ValueError("All the 5 fits failed.")

    rounds = Rounds(SimpleNamespace(_checked_cv_orig=None), evaluate, "score", None, 2)
    rounds.rows = [0]  # an earlier round went well
    rounds.run([{"C": k} for k in range(settings)])
    with pytest.warns(FitFailedWarning, match=says):
        rounds.end()
