"""Optuna's Gaussian process sampler."""

from optuna.samplers import GPSampler

from peers.on_optuna import OnOptuna


class OptunaGP(OnOptuna):
    """GPSampler as Optuna ships it: hyperparameters that are not always active are sampled at random.

    Source: Optuna's manual, https://optuna.readthedocs.io/en/stable/reference/samplers/generated/
    optuna.samplers.GPSampler.html.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__(lambda _space, seed: GPSampler(seed=seed, warn_independent_sampling=False), seed)
