"""Early stopping beside whole trainings and cold searches, by the epochs they spend on recorded curves.

    python benchmarks/curves.py HISTORY --seeds 3 --output benchmarks/results/curves.json

Each task, with its group, is left out in turn and searched with what all others teach. What is printed is the
mean regret of the config handed over within a budget of epochs, finished or not, and of one that was also
trained to its end within it; as a yardstick, that of the config with the lowest loss of all at each step.
With --plot a chart of the first is written.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from foretune.data.records import Floats, Task
from foretune.experiments.curve_replay import Recorded, replay_curves
from foretune.experiments.replay import leave_groups_out
from foretune.faces.charts import Point, Series, lines
from foretune.learners.readings import steps_to
from histories import full_budget, read_history

SHARES: Final = (0.1, 0.15, 0.2, 0.25, 0.5, 1.0)  # of ten whole trainings
DRAWS: Final = 10_000
Found = Mapping[str, Mapping[str, Any]]


def main() -> None:
    """Plays, prints the tables, and writes what was found."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("history", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--learner", default="gaussian_process")
    parser.add_argument("--tasks", type=int, help="at most so many left-out tasks")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    full = full_budget(options.history)
    budgets = [round(10 * full * share) for share in SHARES]
    splits = [*leave_groups_out(read_history(options.history, in_part=True))][: options.tasks]
    print("\nMean regret of the config with the lowest loss, all being trained so far\n")
    print(lowest_readings([task for split in splits for task in split.new], full))
    found = replay_curves(splits, full, budgets, seeds=options.seeds, learner=options.learner)
    for k, title in enumerate(("handed over", "handed over, and trained to its end")):
        print(f"\nMean regret of the config {title}, within so many epochs\n")
        print(table(found, budgets, k))
    print("\n" + verdicts(found, budgets))
    if options.output:
        told = {"budgets": budgets, "seeds": options.seeds, "learner": options.learner, "regret": found}
        options.output.write_text(json.dumps(told, indent=0) + "\n", encoding="utf-8")
    if options.plot:
        options.plot.write_text(chart(found, budgets), encoding="utf-8")


def table(found: Found, budgets: Sequence[float], which: int) -> str:
    """A Markdown table of mean regrets, a row for each search."""
    rows = [["search", *map(str, budgets)], ["---"] * (len(budgets) + 1)]
    for name, tasks in found.items():
        means = np.mean([regrets[which] for regrets in tasks.values()], axis=0)
        rows.append([name, *(f"{mean:.4f}" for mean in means)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def lowest_readings(tasks: Sequence[Task], full: float) -> str:
    """A Markdown table: at each step the mean regret of the config whose loss is the lowest there."""
    recorded = [Recorded.of(task, full) for task in tasks]
    regrets = np.mean([one.regret[one.losses.argmin(axis=0)] for one in recorded], axis=0)
    rows = [
        [f"{step:g}" for step in steps_to(full)],
        ["---"] * len(regrets),
        [f"{mean:.4f}" for mean in regrets],
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def verdicts(found: Found, budgets: Sequence[float]) -> str:
    """How early stopping compares: with ten whole trainings, at a quarter of the epochs with the others."""
    quarter, ten = SHARES.index(0.25), SHARES.index(1.0)
    said = []
    for name, at in [("whole trainings", ten), *((name, quarter) for name in found)]:
        for which, title in enumerate(("handed over", "trained to its end")):
            apart = _regrets(found, "early stopping", which, quarter) - _regrets(found, name, which, at)
            low, high = interval(apart)
            said.append(
                f"early stopping at {budgets[quarter]} epochs less {name} at {budgets[at]}, {title}: "
                f"{apart.mean():+.4f} [{low:+.4f}, {high:+.4f}]"
            )
    return "\n".join(one for one in said if " less early stopping" not in one)


def _regrets(found: Found, name: str, which: int, at: int) -> Floats:
    return np.array([regrets[which][at] for regrets in found[name].values()])


def interval(apart: Floats) -> tuple[float, float]:
    """The 95 % interval of a mean of differences (n,), by bootstrap over the tasks."""
    draws = np.random.default_rng(0).integers(len(apart), size=(DRAWS, len(apart)))
    low, high = np.quantile(apart[draws].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def chart(found: Found, budgets: Sequence[float]) -> str:
    """The SVG of mean regret over epochs, a curve for each search."""
    series = []
    for name, tasks in found.items():
        means = np.mean([regrets[0] for regrets in tasks.values()], axis=0)
        series.append(Series(name, [Point(x, float(y)) for x, y in zip(budgets, means, strict=True)]))
    return lines(series, title="Regret by epochs spent", x_label="epochs", y_label="regret", log_y=True)


if __name__ == "__main__":
    main()
