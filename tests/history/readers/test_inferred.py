"""Spaces read off configs."""

import pytest

from foretune.data.errors import HistoryError
from foretune.data.spaces import unfold
from foretune.history.readers.inferred import in_words, inferred_space, is_logarithmic


def test_scales_are_told_by_the_spread() -> None:
    """Evenly spread numbers are linear however wide their range; powers of ten are logarithmic."""
    assert is_logarithmic([1e-4, 1e-3, 1e-2, 1e-1])
    assert not is_logarithmic(list(range(1, 1000)))
    assert not is_logarithmic([0.0, 1e-3, 1.0])
    assert not is_logarithmic([1.0, 10.0])


def test_what_is_tried_is_legal_to_the_last_digit() -> None:
    """ConfigSpace rounds its bounds; those of an inferred space hold every number that was tried."""
    numbers = [1.00000000000000123e-3, 0.12345678901234567, 9.87654321098765432]
    space = inferred_space([{"x": number} for number in numbers])
    assert all(space["x"].legal_value(number) for number in numbers)


def test_a_mixed_one_may_depend_on_a_choice() -> None:
    """A hyperparameter of numbers and special values may have a condition too."""
    configs = [{"k": "a", "g": "auto"}, {"k": "a", "g": 0.5}, {"k": "a", "g": 0.7}, {"k": "b"}]
    space = inferred_space(configs)
    assert in_words(space)["g"] == "'auto' or float 0.5 to 0.7; depends on k"
    assert unfold(space, {"g": 0.5}) == {"g:kind": "number", "g": 0.5}


def test_a_scale_may_be_given() -> None:
    """What `log` names is on the log scale, the others are inferred; who names none has none."""
    configs = [
        {"x": 1.0 + y / 1e3, "y": y, "kind": kind} for y, kind in zip((1.0, 10.0, 1000.0), "aba", strict=True)
    ]
    scales = [
        [inferred_space(configs, log=log)[name].log for name in "xy"] for log in (None, ["x"], ["y"], [])
    ]
    assert scales == [[False, True], [True, True], [False, True], [False, False]]
    with pytest.raises(HistoryError, match="kind is a choice"):
        inferred_space(configs, log=["kind"])
    with pytest.raises(HistoryError, match="no hyperparameter 'z'"):
        inferred_space(configs, log=["z"])
