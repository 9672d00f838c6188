"""Makes the old database of today's schema: `python tests/history/databases/make.py v1.db`.

Run it once per schema, before the next one comes; an old file is never made again.
"""

import math
import sys
from pathlib import Path

from ConfigSpace import ConfigurationSpace

from foretune.data.records import FAILED, RUNNING, Task, Trial
from foretune.history.history import open_history

SVM = Task(
    "iris ☃",
    "svm",
    ConfigurationSpace({"C": (0.1, 9.0), "kernel": ["rbf", "linear"]}),
    dataset="f" * 32,
    group="flowers",
    metafeatures={"n_rows": 150.0, "skew": math.nan},
    trials=(
        Trial(
            {"kernel": "rbf", "C": 1}, -0.9, seconds=0.5, scores={"accuracy": (0.8, 1.0)}, noise=0.1, seed=0
        ),
        Trial({"kernel": "linear", "C": 2.0}, status=FAILED, reason="singular"),
        Trial({"kernel": "linear", "C": None}, status=RUNNING),
    ),
    provenance={"protocol": {"folds": 2}},
)
BARE = Task(
    "bare", "decision_tree", None, metric="log_loss", trials=(Trial({}, 0.25, fidelity=9.0, curve=(1.0,)),)
)

if __name__ == "__main__":
    with open_history(Path(__file__).with_name(sys.argv[1])) as history:
        history.add(SVM, BARE)
