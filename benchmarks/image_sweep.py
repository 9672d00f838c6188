"""Collects a history of the image families on small image tasks, going on where it was stopped.

    python benchmarks/image_sweep.py sqlite:///images.db MNIST.npz CIFAR10.npz FASHION_FOLDER

For cnn: the 12 cells of its grid, its default and 30 Sobol configs of its wide space on each of the tasks of
image_tasks.py, 2 folds. It goes round three times: grids on every task first, then 6 Sobol configs, then all.
"""

import argparse
import time
from typing import Final

from foretune.collect.evaluation import Protocol
from foretune.collect.families import family
from foretune.collect.sweep import Plan, Progress, collect
from foretune.data.metrics import to_score
from foretune.history.history import open_history
from image_tasks import image_tasks

ROUNDS: Final = (0, 6, 30)  # Sobol configs beside grid and default; the longer list begins with the shorter
PROTOCOL: Final = Protocol(folds=2, seed=0)


def show(now: Progress) -> None:
    """Prints one line a trial."""
    trial = now.trial
    score = trial.reason if trial.loss is None else f"{to_score('accuracy', trial.loss):.3f}"
    print(f"{now.done}/{now.planned} {now.family} {now.dataset}: {score}, {trial.seconds} s", flush=True)


def main() -> None:
    """Collects what is missing, round by round."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("history", help="sqlite:///FILE.db")
    parser.add_argument("places", nargs="+", help="NPZ files, or folders of IDX files")
    parser.add_argument("--family", action="append", help="default: cnn; repeat it for several")
    parser.add_argument("--wide", type=int, nargs="*", default=ROUNDS, help="Sobol configs of each round")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds for one config, all its folds")
    options = parser.parse_args()
    tasks = list(image_tasks(options.places))
    groups = {data.name: group for data, group in tasks}
    with open_history(options.history) as history:
        for wide in options.wide:
            for name in options.family or ["cnn"]:
                plan = Plan(
                    [family(name)], wide=wide, protocol=PROTOCOL, timeout=options.timeout, groups=groups
                )
                started = time.perf_counter()
                added = sum(collect(history, [data], plan, jobs=1, on_trial=show) for data, _ in tasks)
                print(f"== {name}, wide {wide}: {added} in {time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
