"""What a suggestion costs (100 trials, 300 candidates), `auto` beside Optuna; and what a fit costs.

    python benchmarks/speed.py

Past tasks and losses are made up; each method gets the same trials. Optuna's time is that of `ask` alone.
"""

import resource
import time
from collections.abc import Callable

import numpy as np
import optuna
from ConfigSpace import ConfigurationSpace, Float

from foretune.data.records import Task, Trial
from foretune.data.spaces import sobol_configs
from foretune.recommender.recommender import Recommender

TASKS, CONFIGS, TRIALS, REPEATS = 200, 300, 100, 9
NAMES = ("a", "b", "c", "d")


def main() -> None:
    """Prints seconds and mebibytes of a fit, and the median milliseconds of a suggestion."""
    space = ConfigurationSpace()
    space.add(*(Float(name, (0.0, 1.0), default=0.5) for name in NAMES))
    configs = sobol_configs(space, CONFIGS)
    X = np.array([[config[name] for name in NAMES] for config in configs])
    rng = np.random.default_rng(0)
    past = [_task(space, k, rng, configs, X) for k in range(TASKS)]
    start = time.perf_counter()
    recommender = Recommender("auto").fit(past)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"fit of {TASKS} tasks x {CONFIGS} configs: {time.perf_counter() - start:.1f} s, {peak:.0f} MiB peak"
    )
    new = _task(space, TASKS, rng, configs, X)
    now = Task("now", "made_up", space, metafeatures=new.metafeatures, trials=new.trials[:TRIALS])
    print(f"auto: {_median(lambda: recommender.recommend(now, candidates=configs)):.1f} ms")
    for sampler in (optuna.samplers.TPESampler(seed=0), optuna.samplers.GPSampler(seed=0)):
        print(f"{type(sampler).__name__}: {_optuna(sampler, now):.1f} ms")


def _task(
    space: ConfigurationSpace,
    k: int,
    rng: np.random.Generator,
    configs: list[dict[str, float]],
    X: np.ndarray,
) -> Task:
    centre = rng.random(len(NAMES))
    losses = ((X - centre) ** 2).sum(axis=1) + rng.normal(scale=0.02, size=len(X))
    trials = tuple(Trial(config, loss) for config, loss in zip(configs, losses.tolist(), strict=True))
    found = {f"m{j}": float(value) for j, value in enumerate(centre + rng.normal(scale=0.2, size=len(NAMES)))}
    return Task(f"task {k}", "made_up", space, metafeatures=found, trials=trials)


def _optuna(sampler: optuna.samplers.BaseSampler, now: Task) -> float:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    kinds: dict[str, optuna.distributions.BaseDistribution] = {
        name: optuna.distributions.FloatDistribution(0.0, 1.0) for name in NAMES
    }
    study = optuna.create_study(sampler=sampler)
    for trial in now.trials:
        study.add_trial(
            optuna.trial.create_trial(params=dict(trial.config), distributions=kinds, value=trial.loss)
        )
    return _median(lambda: study.ask(kinds))


def _median(call: Callable[[], object]) -> float:
    """Milliseconds of a call, the first one left out."""
    seconds = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return 1000 * float(np.median(seconds[1:]))


if __name__ == "__main__":
    main()
