"""The closed form of a mixture of Gaussian processes with unknown level and scale."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from foretune.data.records import Floats
from foretune.learners.observed import Observed
from foretune.learners.posterior import NOISE, Posterior, Prior, Scales, condition, log_sum
from foretune.learners.surfaces import matern

N, VAGUE, ALL = 7, 1e6, np.arange(3)
RNG = np.random.default_rng(3)
POINTS, MEANS = RNG.random((N, 2)), RNG.normal(size=(3, N))
SCATTER = 0.7 * RNG.normal(size=(4, N))
SHARES = np.array([0.5, 0.3, 0.2])
LOSSES = np.array([3.0, 5.5, 4.0])
COVARIANCE = SCATTER.T @ SCATTER + 0.4 * matern(POINTS, POINTS, 1.0)


def observed(*, tried: tuple[int, ...] = (0, 2, 5), pending: tuple[int, ...] = ()) -> Observed:
    """Trials of some of the seven configs."""
    return Observed(
        [{}] * N,
        tuple(map(str, range(N))),
        np.array(tried),
        LOSSES[: len(tried)],
        LOSSES[: len(tried)],
        np.array(pending, dtype=int),
    )


def prior(means: Floats, shares: Floats, covariance: Floats, seen: Observed) -> Prior:
    """The prior with this covariance of all configs."""
    return Prior(means, shares, np.diag(covariance), lambda columns: covariance[seen.rows][:, columns])


def posterior(seen: Observed, scales: Scales, losses: Floats | None = None) -> Posterior:
    """The posterior under the means and the covariance above."""
    if losses is not None:
        seen = replace(seen, losses=losses)
    return condition(prior(MEANS, SHARES, COVARIANCE, seen), seen, scales)


def test_a_diverged_loss_is_no_worse_than_a_hopeless_one() -> None:
    """Losses far beyond the others of their task are drawn in; all else stays, also what is unknown."""
    scales = Scales(0.0, 0.0)
    nothing = np.array([np.nan, np.nan])
    np.testing.assert_array_equal(scales.drawn_in(nothing), nothing)
    np.testing.assert_allclose(scales.drawn_in(np.array([2.0, np.nan, 1e6, 2.4])), [2.0, np.nan, 7.0, 2.4])
    np.testing.assert_allclose(scales.drawn_in(np.array([0.0, 9.0, 40.0, 99.0])), [0.0, 9.0, 40.0, 45.0])


def test_the_closed_form_is_plain_conditioning() -> None:
    """With one scale, means, stds and shares are those of joint normals whose level is as good as unknown."""
    scale, rows = 2.0, [0, 2, 5]
    found = posterior(observed(), Scales(np.log(scale), 0.0))
    whole = scale**2 * COVARIANCE + VAGUE
    own = whole[np.ix_(rows, rows)] + scale**2 * NOISE * np.eye(3)
    gain = whole[:, rows] @ np.linalg.inv(own)
    logs, (means, stds) = [], found.functions(ALL)
    for k, mean in enumerate(scale * MEANS):
        np.testing.assert_allclose(means[k], mean + gain @ (LOSSES - mean[rows]), rtol=1e-3)
        logs.append(np.log(SHARES[k]) + multivariate_normal(mean[rows], own).logpdf(LOSSES))
    variance = np.diag(whole - gain @ whole[rows])
    np.testing.assert_allclose(stds, np.broadcast_to(np.sqrt(variance), (3, N)), rtol=5e-3)
    np.testing.assert_allclose(found.weights, np.exp(logs - log_sum(np.array(logs))), rtol=1e-4)


def test_evidence_compares_priors_as_plain_conditioning_does() -> None:
    """The difference of log evidence between two priors is that of joint normals with a vague level."""
    scales, rows = Scales(0.0, 0.0), [0, 2, 5]
    short = matern(POINTS, POINTS, 0.5)
    cold = condition(prior(np.zeros((1, N)), np.ones(1), short, observed()), observed(), scales)
    own = [one[np.ix_(rows, rows)] + NOISE * np.eye(3) + VAGUE for one in (COVARIANCE, short)]
    mixture = log_sum(
        np.array(
            [
                np.log(w) + multivariate_normal(m[rows], own[0]).logpdf(LOSSES)
                for w, m in zip(SHARES, MEANS, strict=True)
            ]
        )
    )
    expected = mixture - multivariate_normal(np.zeros(3), own[1]).logpdf(LOSSES)
    assert posterior(observed(), scales).evidence - cold.evidence == pytest.approx(float(expected), abs=1e-3)


def test_shares_of_means_upside_down_are_those_of_their_negatives() -> None:
    """Twice as many weights say what spelling out the negative means says."""
    seen, scales, both = (
        observed(pending=(3,)),
        Scales(0.0, 0.5),
        np.concatenate([0.7 * SHARES, 0.3 * SHARES]),
    )
    short = condition(prior(MEANS, both, COVARIANCE, seen), seen, scales)
    spelled = condition(prior(np.concatenate([MEANS, -MEANS]), both, COVARIANCE, seen), seen, scales)
    assert short.evidence == pytest.approx(spelled.evidence)
    np.testing.assert_allclose(short.weights, spelled.weights)
    for one, other in zip(short.functions(np.arange(6)), spelled.functions(np.arange(6)), strict=True):
        np.testing.assert_allclose(one, other)


def test_shifted_and_scaled_losses_change_nothing_else() -> None:
    """Losses in another unit, with scales in that unit, give the same shares, and means in that unit."""
    before = posterior(observed(), Scales(0.0, 0.5))
    after = posterior(observed(), Scales(np.log(250.0), 0.5), 250.0 * LOSSES + 1e6)
    np.testing.assert_allclose(after.weights, before.weights, atol=1e-9)
    (mean, std), (mean_after, std_after) = before.functions(ALL), after.functions(ALL)
    np.testing.assert_allclose(mean_after, 250.0 * mean + 1e6, atol=1e-5)
    np.testing.assert_allclose(std_after, 250.0 * std, rtol=1e-9)


def test_a_pending_config_narrows_its_surroundings_only() -> None:
    """What is under way makes no config better or worse, and its own loss nearly known."""
    before, after = (posterior(observed(pending=p), Scales(0.0, 0.5)) for p in ((), (3,)))
    (mean, std), (mean_after, std_after) = before.functions(ALL), after.functions(ALL)
    np.testing.assert_allclose(mean_after, mean)
    np.testing.assert_allclose(after.weights, before.weights)
    assert (std_after <= std + 1e-12).all()
    assert (std_after[:, 3] < 0.5 * std[:, 3]).all()


def test_components_are_told_in_the_order_asked_for() -> None:
    """Asked for some components, the posterior gives the rows that it gives when asked for all."""
    found = posterior(observed(), Scales(0.0, 0.5))
    some = found.functions(np.array([2, 0]))
    for part, whole in zip(some, found.functions(ALL), strict=True):
        np.testing.assert_array_equal(part, whole[[2, 0]])


def test_log_sum_is_scipys() -> None:
    """It agrees with scipy.special.logsumexp, whole or along an axis."""
    from scipy.special import logsumexp

    logs = np.array([[-1000.0, 3.0, 2.0], [0.0, -5.0, 700.0]])
    assert log_sum(logs) == pytest.approx(logsumexp(logs))
    np.testing.assert_allclose(log_sum(logs, axis=0), logsumexp(logs, axis=0))
