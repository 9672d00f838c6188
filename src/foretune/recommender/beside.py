"""A few tasks of one's own beside the experience: how far to believe the past is rehearsed on the latter."""

from collections.abc import Mapping, Sequence
from typing import Final

from foretune.data.records import Task
from foretune.learners.learner import Learner
from foretune.recommender.recommender import Recommender
from foretune.recommender.selection import Auto

MOST_BESIDE: Final = 1.25  # times as many tasks as the experience has: with more, they are rehearsed on


def taught_beside(
    tasks: Sequence[Task],
    shipped: Sequence[Task],
    learner: str | Learner,
    aliases: Mapping[str, str] | None = None,
) -> Recommender:
    """A recommender that has learned from all these tasks, those `shipped` among them.

    Where there are few others, what `auto` rehearsed on the shipped ones, which is remembered, serves all of
    them: a rehearsal takes some twenty seconds, and each new trial would ask for another one.
    """
    if learner == "auto" and shipped and len(tasks) <= MOST_BESIDE * len(shipped):
        rehearsed = Recommender("auto").fit(shipped).learner
        assert isinstance(rehearsed, Auto)
        learner = Auto(rehearsed.rehearsal)
    return Recommender(learner, aliases=aliases).fit(tasks)
