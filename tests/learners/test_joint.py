"""The joint belief after readings."""

import numpy as np
import pytest

from foretune.data.records import Floats, Ints
from foretune.learners.joint import condition_jointly
from foretune.learners.posterior import NOISE, Scales

POINTS = np.linspace(0, 1, 6)
FULL_COVARIANCE = np.exp(-2 * (POINTS[:, None] - POINTS) ** 2)


def covariance(a: Ints, b: Ints) -> Floats:
    """That of a smooth function."""
    return np.asarray(FULL_COVARIANCE[np.ix_(a, b)])


def test_one_component_is_a_process_with_an_unknown_level() -> None:
    """Mean and covariance are those of generalised least squares, worked out the long way."""
    rows, columns, y = np.array([0, 3]), np.array([1, 5]), np.array([0.2, 0.7])
    scales = Scales(0.0, 1e-9)
    found = condition_jointly(
        np.zeros((1, 6)),
        np.ones(1),
        covariance,
        scales,
        rows=rows,
        losses=y,
        columns=columns,
        trust=1.0,
    )
    inverse, ones = np.linalg.inv(covariance(rows, rows) + NOISE * np.eye(2)), np.ones(2)
    level = ones @ inverse @ y / (ones @ inverse @ ones)
    across = covariance(columns, rows) @ inverse
    left = 1 - across @ ones
    expected = covariance(columns, columns) - across @ covariance(rows, columns)
    expected += np.outer(left, left) / (ones @ inverse @ ones)
    assert found.mean == pytest.approx(level + across @ (y - level))
    assert found.covariance == pytest.approx(expected)


def test_readings_choose_the_component_that_they_are_like() -> None:
    """Losses that rise like one of two opposite means make the forecast rise on."""
    means = np.stack([np.linspace(-2, 2, 6), np.linspace(2, -2, 6)])
    rows, columns = np.arange(4), np.array([4, 5])
    found = condition_jointly(
        means,
        np.full(2, 0.5),
        lambda a, b: 0.1 * covariance(a, b),
        Scales(0.0, 0.5),
        rows=rows,
        losses=means[0, rows] + 10,
        columns=columns,
        trust=1.0,
    )
    assert found.mean == pytest.approx(means[0, columns] + 10, abs=0.3)
    assert np.linalg.eigvalsh(found.covariance).min() > 0
