"""Rehearsals remembered by the content they were made of."""

import json
from dataclasses import replace

from ConfigSpace import ConfigurationSpace, Float

from foretune.data.records import Trial
from foretune.experience import PACK, REHEARSALS
from foretune.history.history import open_history
from foretune.recommender.memory import content_key
from foretune.recommender.recommender import Recommender
from foretune.testing import related_tasks


def test_the_key_is_of_the_content() -> None:
    """Names do not change it; a loss, a config, a meta-feature or the space does."""
    past = related_tasks(4)
    key = content_key(past)
    on_a_linear_scale = ConfigurationSpace()
    on_a_linear_scale.add(Float("C", (1e-3, 1e3), default=1.0))
    assert content_key([replace(task, name="x") for task in past]) == key
    others = [
        replace(past[0], trials=(*past[0].trials, Trial({"C": 5.0}, 0.1))),
        replace(past[0], metafeatures={"size": 0.123}),
        replace(past[0], space=on_a_linear_scale),
    ]
    assert key not in {content_key([other, *past[1:]]) for other in others}


def test_the_shipped_experience_is_rehearsed() -> None:
    """For each family and metric of the pack there is a rehearsal of just these tasks."""
    with open_history(PACK) as pack:
        tasks = list(pack.tasks())
    known = json.loads(REHEARSALS.read_text(encoding="utf-8"))
    for family, metric in sorted({(task.family, task.metric) for task in tasks}):
        mine = [task for task in tasks if (task.family, task.metric) == (family, metric)]
        learned = Recommender("portfolio").fit(mine)._tasks
        assert content_key(learned) in known, f"{family}, {metric}: run benchmarks/make_rehearsals.py"
