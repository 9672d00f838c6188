"""Is every rival set up rightly? Known answers that each must find before its curve is believed.

    python benchmarks/check_peers.py [--method NAME ...]

Transfer: taught five copies of a task, a method must propose the best recorded config of a sixth first; one
that draws by chance, one of the best five. Search: on smooth problems with 300 recorded configs and nothing
to transfer, a method must have less than half of random search's regret after 30 trials; with a
hyperparameter that is not always active, which Optuna's samplers in part draw at random, it must have less.
"""

import argparse
from collections.abc import Sequence
from typing import Final

import numpy as np
from ConfigSpace import Categorical, ConfigurationSpace, EqualsCondition, Float, Integer

from foretune.data.records import Config, Task, Trial
from foretune.data.spaces import sobol_configs
from foretune.experiments.replay import play
from peers.methods import METHODS

TRANSFER: Final = ("rgpe", "cts", "portfolio", "neighbours")
SEARCH: Final = ("cold_gp", "optuna_tpe", "optuna_gp")
SEEDS: Final = 10
DRAWN_FROM: Final = 5  # the best configs, of which Thompson sampling must draw one


def smooth_space(*, conditional: bool = False) -> ConfigurationSpace:
    """A log scale, a linear one and a whole number; `conditional` adds a choice with a number of its own."""
    space = ConfigurationSpace()
    space.add(
        Float("C", (1e-3, 1e3), log=True, default=1.0),
        Float("subsample", (0.1, 1.0), default=0.5),
        Integer("depth", (1, 20), default=10),
    )
    if conditional:
        kernel, degree = Categorical("kernel", ["rbf", "poly"], default="rbf"), Float("coef0", (-1.0, 1.0))
        space.add(kernel, degree, EqualsCondition(degree, kernel, "poly"))
    return space


def smooth_loss(config: Config, centre: Sequence[float]) -> float:
    """A bowl on the hyperparameters' own scales; its floor is at `centre`, in the unit cube."""
    at = [
        (np.log10(config["C"]) + 3) / 6,
        (config["subsample"] - 0.1) / 0.9,
        (config["depth"] - 1) / 19,
    ]
    bowl = sum((a - c) ** 2 for a, c in zip(at, centre, strict=True))
    other = (config["coef0"] - 0.3) ** 2 - 0.05 if config.get("kernel") == "poly" else 0.05
    return float(bowl + other * ("kernel" in config))


def smooth_task(name: str, centre: Sequence[float], *, configs: int = 300, conditional: bool = False) -> Task:
    """A task of that many Sobol configs, with the losses of the bowl at `centre`."""
    space = smooth_space(conditional=conditional)
    trials = [Trial(one, smooth_loss(one, centre)) for one in sobol_configs(space, configs, seed=1)]
    return Task(name, "svm", space, trials=tuple(trials))


def first_proposals(method: str, *, seeds: int = SEEDS, configs: int = 40) -> list[int]:
    """The true ranks (0 = best) of what is proposed first on the sixth copy of one task."""
    copies = [smooth_task(f"copy {k}", (0.3, 0.7, 0.2), configs=configs) for k in range(6)]
    losses = [trial.loss for trial in copies[0].done]
    entry, ranks = METHODS[method], []
    for seed in range(seeds if entry.random else 1):
        made = entry.make(seed, 30).fit(copies[:5])
        new = Task("new", "svm", copies[0].space)
        candidates = [trial.config for trial in copies[5].done]
        chosen = made.recommend(new, candidates=candidates)[0].config
        k = next(i for i, config in enumerate(candidates) if config is chosen)
        ranks.append(int(np.sum(np.array(losses) < losses[k])))
    return ranks


def search_regrets(method: str, *, seeds: int = SEEDS, conditional: bool = False) -> np.ndarray:
    """Mean normalised regret (30,) of searches for bowls at `seeds` different centres."""
    centres = np.random.default_rng(0).uniform(0.1, 0.9, (seeds, 3))
    curves = []
    for seed, centre in enumerate(centres):
        task = smooth_task(f"bowl {seed}", centre.tolist(), conditional=conditional)
        flat = [smooth_task(f"flat {k}", (0.5, 0.5, 0.5), conditional=conditional) for k in range(2)]
        curves.append(play(method, METHODS[method].make(seed, 30).fit(flat), task, trials=30))
    print(
        f"   {method}{' with a condition' if conditional else ''}: "
        f"{1000 * np.mean([np.mean(c.seconds) for c in curves]):.1f} ms a suggestion"
    )
    return np.asarray(np.mean([c.regret for c in curves], axis=0))


def main() -> None:
    """Prints what each method found and whether that is right."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--method", action="append", choices=[*TRANSFER, *SEARCH])
    chosen = parser.parse_args().method or [*TRANSFER, *SEARCH]
    for method in [name for name in chosen if name in TRANSFER]:
        ranks = first_proposals(method)
        right = max(ranks) <= (DRAWN_FROM - 1 if method == "cts" else 0)
        print(f"{'right' if right else 'WRONG'}  {method}: ranks of the first proposals {ranks}")
    for conditional in (False, True):
        random = search_regrets("random", conditional=conditional)
        print(f"       random regret at 10, 20, 30: {random[[9, 19, 29]].round(4).tolist()}")
        for method in [name for name in chosen if name in SEARCH]:
            found = search_regrets(method, conditional=conditional)
            ahead = found[29] < random[29] * (1.0 if conditional else 0.5)
            print(
                f"{'right' if ahead else 'WRONG'}  {method}: regret at 10, 20, 30: "
                f"{found[[9, 19, 29]].round(4).tolist()}"
            )


if __name__ == "__main__":
    main()
