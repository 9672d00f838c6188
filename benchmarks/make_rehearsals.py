"""Rehearses on the shipped experience, every family and metric, so that a first answer need not wait.

    python benchmarks/make_rehearsals.py [--anew]

What was rehearsed on tasks that are still the same is kept, unless --anew: to be given when learners change.
To be run whenever the pack or the learners change; tests/recommender/test_memory.py fails otherwise.
"""

import json
import sys

from foretune.experience import PACK, REHEARSALS
from foretune.history.doubts import weighed
from foretune.history.history import open_history
from foretune.learners.learner import taught
from foretune.recommender.memory import content_key
from foretune.recommender.selection import rehearse


def main() -> None:
    """Writes the rehearsals, by the content they were made of."""
    with open_history(PACK) as pack:
        tasks = list(pack.tasks())
    known = {} if "--anew" in sys.argv else json.loads(REHEARSALS.read_text(encoding="utf-8"))
    found = {}
    for family, metric in sorted({(task.family, task.metric) for task in tasks}):
        mine, _ = weighed(taught([task for task in tasks if (task.family, task.metric) == (family, metric)]))
        key = content_key(mine)
        found[key] = known.get(key) or {"of": f"{family}, {metric}", **rehearse(mine).as_json()}
        print(f"{family}, {metric}: {len(mine)} tasks{', kept' * (key in known)}", flush=True)
    REHEARSALS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
