"""Collects the experience that ships with foretune: every family on every dataset, cheapest families first.

    python benchmarks/sweep.py DATASETS sqlite:///collected/sweep.db

One process, one thread, hours: stopped or killed and started again, it goes on where it was. It goes round
twice, so that a few configs on all datasets come before many configs on some. Families whose classification
trials ship already are collected for regression only. Every finished dataset prints one line.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from catalogue import load_catalogued
from foretune.collect.datasets import Dataset
from foretune.collect.evaluation import Protocol
from foretune.collect.families import family
from foretune.collect.sweep import Plan, Progress, collect
from foretune.data.metrics import Target
from foretune.data.records import FAILED
from foretune.history.history import History, open_history

BOTH: Final[tuple[Target, ...]] = ("classification", "regression")
STEPS: Final[dict[str, Sequence[Target]]] = {
    "knn": BOTH,
    "elastic_net": BOTH,
    "decision_tree": ("regression",),
    "logistic_regression": BOTH,
    "lightgbm": BOTH,
    "xgboost": BOTH,
    "extra_trees": BOTH,
    "hist_gradient_boosting": BOTH,
    "random_forest": ("regression",),
    "svm": ("regression",),
    "mlp": BOTH,
}
ROUNDS: Final = (16, 40)  # Sobol configs beside grid and default; the longer list begins with the shorter
PROTOCOL: Final = Protocol(folds=5, seed=0, rows=2000)
GROUPS: Final = Path(__file__).parent / "experience_groups.json"


@dataclass
class Log:
    """Prints one line for each dataset that is done: trials, failures and why, and seconds."""

    started: float = field(default_factory=time.perf_counter)
    place: tuple[str, str] = ("", "")
    trials: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def __call__(self, now: Progress) -> None:
        """Hears of one more trial."""
        if (now.family, now.dataset) != self.place:
            self.flush(now)
            self.place = (now.family, now.dataset)
        self.trials += 1
        if now.trial.status is FAILED:
            self.reasons[now.trial.reason] += 1

    def flush(self, now: Progress | None = None) -> None:
        """Prints the line of the dataset that was under way, and how far the step is."""
        if self.trials:
            seconds, failed = time.perf_counter() - self.started, sum(self.reasons.values())
            why = "".join(f" · {count} x {reason}" for reason, count in self.reasons.most_common(3))
            left = f" · step {now.done}/{now.planned}, {now.seconds_left / 60:.0f} min left" if now else ""
            name, dataset = self.place
            print(
                f"{name} {dataset}: {self.trials} trials, {failed} failed, {seconds:.1f} s{why}{left}",
                flush=True,
            )
        self.started, self.trials, self.reasons = time.perf_counter(), 0, Counter()


def main() -> None:
    """Runs the steps of every round, and says when each begins."""
    options = _options()
    datasets = [
        data for data in load_catalogued(options.datasets) if data.name in (options.only or [data.name])
    ]
    groups = json.loads(GROUPS.read_text(encoding="utf-8"))
    with open_history(options.history) as history:
        for wide in options.wide:
            for name in options.family or STEPS:
                chosen = list(suitable(datasets, name, options.largest))
                plan = Plan(
                    [family(name)], wide=wide, protocol=PROTOCOL, timeout=options.timeout, groups=groups
                )
                run_step(history, chosen, plan)


def suitable(datasets: Sequence[Dataset], name: str, largest: float) -> Iterator[Dataset]:
    """The datasets of a step: those that the family serves, and not too large for it to be fitted in time."""
    targets = set(STEPS[name]) & {*family(name).estimators}
    for data in datasets:
        classes = data.y.nunique() if data.target == "classification" else 1
        # Boosting and linear models fit every class; all pay for rows and columns.
        work = min(len(data.X), PROTOCOL.rows or 0) * data.X.shape[1] * (classes if classes > 2 else 1)
        if data.target in targets and work <= largest:
            yield data


def run_step(history: History, datasets: Sequence[Dataset], plan: Plan) -> None:
    """Collects what is missing of the plan, and prints what it took."""
    name, started, log = plan.families[0].name, time.perf_counter(), Log()
    print(
        f"== {time.strftime('%Y-%m-%d %H:%M')} {name}, {len(datasets)} datasets, wide {plan.wide}", flush=True
    )
    added = collect(history, datasets, plan, jobs=1, on_trial=log) if datasets else 0
    log.flush()
    print(f"== {name}: {added} trials in {time.perf_counter() - started:.0f} s", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("datasets", type=Path, help="the folder with catalogue.csv")
    parser.add_argument("history", help="sqlite:///FILE.db")
    parser.add_argument("--family", action="append", choices=STEPS, help="only this step; repeat for several")
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="only this dataset; repeat for several"
    )
    parser.add_argument("--wide", type=int, nargs="*", default=ROUNDS, help="Sobol configs of each round")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds for one config, all its folds")
    parser.add_argument("--largest", type=float, default=6e6, help="rows x columns x classes of a dataset")
    return parser.parse_args()


if __name__ == "__main__":
    main()
