"""What a learned default brings in the place of the library's, and the portfolios as plain dictionaries.

    python benchmarks/learned_defaults.py > docs/defaults.md

On the shipped experience, whole groups left out: how far the library's default, the learned one, and the
config that meta-features choose stay behind the best recorded config (0) on the way to the worst (1).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pprint import pformat
from typing import Final

import numpy as np

from foretune.data.records import Floats, Task
from foretune.data.spaces import complete
from foretune.experience import PACK
from foretune.experiments.replay import leave_groups_out, play
from foretune.features.encoding import Encoder
from foretune.history.history import open_history
from foretune.learners.learner import taught
from foretune.recommender.recommender import Recommender

METRICS: Final = {"accuracy": "classification", "r2": "regression"}
SIZES: Final = (1, 3, 5, 10)
FOLDS: Final = 10
FEWEST: Final = 20  # tasks


@dataclass(frozen=True)
class Learned:
    """One family on one kind of target: regrets of the default, the portfolio, what meta-features chose."""

    family: str
    kind: str
    tasks: list[Task]
    default: Floats
    portfolio: Floats  # (tasks, trials)
    described: Floats  # (tasks, trials)

    @property
    def name(self) -> str:
        """The family and the kind of target."""
        return f"{self.family}, {self.kind}"

    def recovered(self, regrets: Floats) -> float:
        """The share of the way from the library's default to the best config, in the mean over tasks."""
        return 1.0 - float(regrets.mean()) / float(self.default.mean())


def main() -> None:
    """Prints the page."""
    found = list(_learned())
    print(_HEAD.format(folds=FOLDS))
    heads = ("family", "datasets", "library default", "learned default", "3", "5", "10", "by meta-features")
    print(f"| {' | '.join(heads)} | recovered by one | and by meta-features |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for one in found:
        sizes = " | ".join(f"{one.portfolio[:, k - 1].mean():.3f}" for k in SIZES)
        first = one.described[:, 0]
        print(
            f"| {one.name} | {len(one.tasks)} | {one.default.mean():.3f} | {sizes} | {first.mean():.3f} "
            f"| {one.recovered(one.portfolio[:, 0]):.0%} | {one.recovered(first):.0%} |"
        )
    means = np.mean(
        [[one.default.mean(), one.portfolio[:, 0].mean(), one.described[:, 0].mean()] for one in found],
        axis=0,
    )
    print(_MEANS.format(*means, means[1] / means[0], means[2] / means[0]))
    for one in found:
        _print_portfolio(one)


def _learned() -> "Sequence[Learned]":
    with open_history(PACK) as pack:
        everything = list(pack.tasks())
    found = []
    for metric, kind in METRICS.items():
        for family in sorted({task.family for task in everything if task.metric == metric}):
            tasks = taught([one for one in everything if (one.family, one.metric) == (family, metric)])
            if len(tasks) >= FEWEST:
                found.append(_judged(family, kind, tasks))
    return found


def _judged(family: str, kind: str, tasks: Sequence[Task]) -> Learned:
    default, portfolio, described, judged = [], [], [], []
    for split in leave_groups_out(tasks, folds=FOLDS):
        fixed, informed = (Recommender(name).fit(split.past) for name in ("portfolio", "gaussian_process"))
        for task in map(_without_disasters, split.new):
            if (regret := _regret_of_default(task)) is None:
                continue
            judged.append(task)
            default.append(regret)
            portfolio.append(_padded(play("", fixed, task, trials=max(SIZES)).regret))
            described.append(_padded(play("", informed, task, trials=1).regret))
    return Learned(family, kind, judged, np.array(default), np.array(portfolio), np.array(described))


def _without_disasters(task: Task) -> Task:
    """The task as it is judged: an R2 below 0, worse than the mean of the target, counts as 0."""
    if task.metric != "r2":
        return task
    return replace(
        task, trials=tuple(replace(trial, loss=min(trial.loss or 0.0, 0.0)) for trial in task.done)
    )


def _regret_of_default(task: Task) -> float | None:
    """How far the library's default stays behind the best, 1 being the worst; None where it was not tried."""
    assert task.space is not None
    key = Encoder.of(task.space).key
    losses = {key(trial.config): trial.loss for trial in task.done if trial.loss is not None}
    loss, low, high = losses.get(key(complete(task.space, {}))), min(losses.values()), max(losses.values())
    return None if loss is None or high <= low else (loss - low) / (high - low)


def _padded(regret: Floats) -> Floats:
    """The curve, at its last value where the configs ended before the trials."""
    return np.concatenate([regret, np.full(max(max(SIZES) - len(regret), 0), regret[-1])])[: max(SIZES)]


def _print_portfolio(one: Learned) -> None:
    recommender = Recommender("portfolio").fit(one.tasks)
    space = one.tasks[0].space
    tried = (
        {Encoder.of(space).key(t.config): t.config for task in one.tasks for t in task.done} if space else {}
    )
    task = Task("any", one.family, space, metric=one.tasks[0].metric)
    chosen = recommender.recommend(task, max(SIZES), candidates=[*tried.values()])
    print(f"\n## {one.name}\n\nIn this order: the first one, three, five or all ten.\n\n```python")
    print(pformat([dict(sorted(found.config.items())) for found in chosen], width=118, sort_dicts=False))
    print("```")


_HEAD: Final = """# Learned defaults

Configs that together do well on most datasets, for those who want a better default and nothing else: plain
dictionaries to be copied, and what they bring. Made by `python benchmarks/learned_defaults.py` from the
shipped experience.

They were judged on imputed, standardised, one-hot encoded columns, those of regressions with a standardised
target too: on data in other units `C`, `gamma`, `epsilon` and `alpha` mean something else, so
[do likewise](families.md).

Mean normalised regret over datasets, whole groups left out in {folds} parts: 0 is the best recorded config of
a dataset, 1 its worst. "3", "5" and "10" are the best of so many learned defaults; "by meta-features" is the
one config that is recommended for the dataset; "recovered" is the share of the way from the library's default
to the best config. An R2 below 0 counts as 0, else one diverged config would make all others alike.
"""
_MEANS: Final = """
In the mean over families the library's default stays behind by {0:.3f}, one learned default by {1:.3f}
({3:.0%} of that), the config chosen by meta-features by {2:.3f} ({4:.0%}). Where the last two columns hardly
differ, meta-features add nothing to the choice of the first config; where "recovered" is not above 0, the
library's default is as good as any one config."""


if __name__ == "__main__":
    main()
