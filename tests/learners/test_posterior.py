"""The closed form of a mixture of Gaussian processes with unknown level and scale."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from foretune.data.records import Floats
from foretune.learners.observed import Observed
from foretune.learners.posterior import NOISE, Posterior, Prior, Scales, condition, log_sum
from foretune.learners.surfaces import matern

N, VAGUE = 7, 1e6
RNG = np.random.default_rng(3)
POINTS, MEANS = RNG.random((N, 2)), RNG.normal(size=(3, N))
SCATTER = 0.7 * RNG.normal(size=(4, N))
PRIOR = Prior(MEANS, np.array([0.5, 0.3, 0.2]), SCATTER, 0.4)
LOSSES = np.array([3.0, 5.5, 4.0])
COVARIANCE = SCATTER.T @ SCATTER + 0.4 * matern(POINTS, POINTS, 1.0)


def observed(*, tried: tuple[int, ...] = (0, 2, 5), pending: tuple[int, ...] = ()) -> Observed:
    """Trials of some of the seven configs."""
    return Observed([{}] * N, np.array(tried), LOSSES[: len(tried)], np.array(pending, dtype=int))


def posterior(seen: Observed, scales: Scales, losses: Floats | None = None) -> Posterior:
    """The posterior under the prior above."""
    rows = np.concatenate([seen.tried, seen.pending])
    if losses is not None:
        seen = Observed(seen.configs, seen.tried, losses, seen.pending)
    return condition(PRIOR, matern(POINTS[rows], POINTS, 1.0), seen, scales)


def test_the_closed_form_is_plain_conditioning() -> None:
    """With one scale, means, stds and shares are those of joint normals whose level is as good as unknown."""
    scale, rows = 2.0, [0, 2, 5]
    found = posterior(observed(), Scales(np.log(scale), 0.0))
    prior = scale**2 * COVARIANCE + VAGUE
    own = prior[np.ix_(rows, rows)] + scale**2 * NOISE * np.eye(3)
    gain = prior[:, rows] @ np.linalg.inv(own)
    logs = []
    for k, mean in enumerate(scale * MEANS):
        np.testing.assert_allclose(
            found.means[[*found.kept].index(k)], mean + gain @ (LOSSES - mean[rows]), rtol=1e-3
        )
        logs.append(np.log(PRIOR.weights[k]) + multivariate_normal(mean[rows], own).logpdf(LOSSES))
    variance = np.diag(prior - gain @ prior[rows])
    np.testing.assert_allclose(found.stds, np.broadcast_to(np.sqrt(variance), (3, N)), rtol=5e-3)
    np.testing.assert_allclose(found.weights, np.exp(logs - log_sum(np.array(logs))), rtol=1e-4)


def test_evidence_compares_priors_as_plain_conditioning_does() -> None:
    """The difference of log evidence between two priors is that of joint normals with a vague level."""
    scales, rows = Scales(0.0, 0.0), [0, 2, 5]
    cold = condition(
        Prior(np.zeros((1, N)), np.ones(1), np.zeros((0, N)), 1.0),
        matern(POINTS[rows], POINTS, 0.5),
        observed(),
        scales,
    )
    own = [COVARIANCE[np.ix_(rows, rows)], matern(POINTS[rows], POINTS[rows], 0.5)]
    own = [one + NOISE * np.eye(3) + VAGUE for one in own]
    mixture = log_sum(
        np.array(
            [
                np.log(w) + multivariate_normal(m[rows], own[0]).logpdf(LOSSES)
                for w, m in zip(PRIOR.weights, MEANS, strict=True)
            ]
        )
    )
    expected = mixture - multivariate_normal(np.zeros(3), own[1]).logpdf(LOSSES)
    assert posterior(observed(), scales).evidence - cold.evidence == pytest.approx(float(expected), abs=1e-3)


def test_shifted_and_scaled_losses_change_nothing_else() -> None:
    """Losses in another unit, with scales in that unit, give the same shares, and means in that unit."""
    before = posterior(observed(), Scales(0.0, 0.5))
    after = posterior(observed(), Scales(np.log(250.0), 0.5), 250.0 * LOSSES + 1e6)
    np.testing.assert_allclose(after.weights, before.weights, atol=1e-9)
    np.testing.assert_allclose(after.means, 250.0 * before.means + 1e6, atol=1e-5)
    np.testing.assert_allclose(after.stds, 250.0 * before.stds, rtol=1e-9)


def test_a_pending_config_narrows_its_surroundings_only() -> None:
    """What is under way makes no config better or worse, and its own loss nearly known."""
    before, after = (posterior(observed(pending=p), Scales(0.0, 0.5)) for p in ((), (3,)))
    np.testing.assert_allclose(after.means, before.means)
    np.testing.assert_allclose(after.weights, before.weights)
    assert (after.stds <= before.stds + 1e-12).all()
    assert (after.stds[:, 3] < 0.5 * before.stds[:, 3]).all()


def test_the_weightiest_components_are_kept() -> None:
    """Of 100 components the 64 of the largest shares have means, and the shares of all are told."""
    many = Prior(RNG.normal(size=(100, N)), np.full(100, 0.01), SCATTER, 0.4)
    seen = observed()
    found = condition(many, matern(POINTS[seen.tried], POINTS, 1.0), seen, Scales(0.0, 0.5))
    assert found.means.shape == found.stds.shape == (64, N)
    assert found.weights.shape == (100,)
    assert found.weights[found.kept].min() >= np.delete(found.weights, found.kept).max()


def test_log_sum_is_scipys() -> None:
    """It agrees with scipy.special.logsumexp, whole or along an axis."""
    from scipy.special import logsumexp

    logs = np.array([[-1000.0, 3.0, 2.0], [0.0, -5.0, 700.0]])
    assert log_sum(logs) == pytest.approx(logsumexp(logs))
    np.testing.assert_allclose(log_sum(logs, axis=0), logsumexp(logs, axis=0))
