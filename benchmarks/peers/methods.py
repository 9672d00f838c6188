"""Every method of the benchmark by name: how it is made, and whether chance plays a part in it."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from foretune.experiments.replay import Method
from foretune.recommender.recommender import LEARNERS, Recommender


@dataclass(frozen=True)
class Entry:
    """How to make a method from a seed and the number of trials it will have.

    `random`: it is played with several seeds.
    """

    make: Callable[[int, int], Method]
    random: bool = True


def _peer(file: str, name: str) -> Callable[[int, int], Method]:
    """A peer from its own file, imported when it is made: not each needs Optuna."""

    def make(seed: int, trials: int) -> Method:
        kind: Any = getattr(import_module(f"peers.{file}"), name)
        made: Method = kind(seed, horizon=trials) if name == "RGPE" else kind(seed)
        return made

    return make


def _product(learner: str) -> Entry:
    return Entry(lambda _seed, _trials: Recommender(learner), random=False)


METHODS: dict[str, Entry] = {
    "random": Entry(_peer("random", "RandomSearch")),
    "cold_gp": Entry(_peer("cold_gp", "ColdGP")),
    "optuna_tpe": Entry(_peer("optuna_tpe", "OptunaTPE")),
    "optuna_gp": Entry(_peer("optuna_gp", "OptunaGP")),
    "rgpe": Entry(_peer("rgpe", "RGPE")),
    "cts": Entry(_peer("cts", "CTS")),
    **{name: _product(name) for name in LEARNERS},
}
PEERS = ("random", "cold_gp", "optuna_tpe", "optuna_gp", "rgpe", "cts")
