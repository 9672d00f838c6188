"""The research plan's variants of its network, as meta-learners on the shipped experience.

    python benchmarks/network_variants.py --family svm --folds 3

Hidden layers 128-64 (first) or 256-128-64 (update), learning rate 0.0005 or 0.001, L2 0 or 0.001, dropout 0
or 0.5: each changes the plan's first setting in one place, the last has all of the update. Groups are left
out; regret is normalised, over the configs recorded for a task. `network` is trained by scikit-learn, which
has no dropout.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from foretune.experience import PACK
from foretune.experiments.replay import Split, leave_groups_out, replay
from foretune.history.history import open_history
from foretune.learners.bayesian_network import BayesianNetwork
from foretune.learners.learner import taught
from foretune.learners.network import Network
from foretune.recommender.recommender import Recommender

FIRST: Final[Mapping[str, Any]] = {"hidden": (128, 64), "learning_rate": 0.0005, "l2": 0.0}
CHANGES: Final[Mapping[str, Mapping[str, Any]]] = {
    "the plan's first": {},
    "learning rate 0.001": {"learning_rate": 0.001},
    "256-128-64": {"hidden": (256, 128, 64)},
    "L2 0.001": {"l2": 0.001},
    "dropout 0.5": {"dropout": 0.5},
    "all of the update": {"hidden": (256, 128, 64), "l2": 0.001, "dropout": 0.5},
}
AT: Final = (1, 3, 5)
RESULTS: Final = Path(__file__).parent / "results"


def main() -> None:
    """Prints the table, and keeps it beside the other results; rows that are there are not played again."""
    options = _options()
    with open_history(PACK) as pack:
        tasks = taught(list(pack.tasks(options.family, metric=options.metric)))
    splits = list(leave_groups_out(tasks, folds=options.folds))
    path = RESULTS / f"network_variants-{options.family}.json"
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    rows = kept["regret"] if kept.get("tasks") == len(tasks) else {}
    print(f"{options.family}, {len(tasks)} tasks\n| learner | variant | 1 | 3 | 5 |\n|---|---|---|---|---|")
    for learner in options.learner:
        for variant, change in CHANGES.items():
            if learner == "network" and "dropout" in change:
                continue
            name = f"{learner}: {variant}"
            if name not in rows:
                rows[name] = _regret(splits, _maker(learner, change))
                text = json.dumps({"family": options.family, "tasks": len(tasks), "regret": rows}, indent=1)
                path.write_text(text + "\n", encoding="utf-8")
            row = " | ".join(f"{one:.4f}" for one in rows[name].values())
            print(f"| `{learner}` | {variant} | {row} |", flush=True)


def _regret(splits: Sequence[Split], maker: Any) -> dict[str, float]:
    """The mean regret by the number of trials."""
    searches = replay(splits, {"variant": maker}, trials=max(AT))
    played = [one.regret for one in searches if one.learner == "variant"]
    return {str(k): float(np.mean([regret[k - 1] for regret in played])) for k in AT}


def _maker(learner: str, change: Mapping[str, Any]) -> Any:
    settings = {**FIRST, **change}
    kind: Any = Network if learner == "network" else BayesianNetwork
    return lambda seed: Recommender(kind(seed=seed, **settings))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--family", default="svm")
    parser.add_argument("--metric", default="accuracy")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--learner", nargs="*", default=["network", "bayesian_network"])
    return parser.parse_args()


if __name__ == "__main__":
    main()
