"""Optuna's default sampler: tree-structured Parzen estimators."""

from ConfigSpace import ConfigurationSpace
from optuna.samplers import TPESampler

from peers.on_optuna import OnOptuna


class OptunaTPE(OnOptuna):
    """TPESampler as Optuna ships it; grouped, as its manual advises, where the space has conditions.

    Source: Bergstra, Bardenet, Bengio, Kégl 2011, https://papers.nips.cc/paper/4443; Watanabe 2023,
    https://arxiv.org/abs/2304.11127.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__(_sampler, seed)


def _sampler(space: ConfigurationSpace, seed: int) -> TPESampler:
    if space.conditions:
        return TPESampler(seed=seed, multivariate=True, group=True)
    return TPESampler(seed=seed)
