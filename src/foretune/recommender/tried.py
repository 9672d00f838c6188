"""Which configs a task has tried, is trying, or may yet try as a whole."""

from typing import NamedTuple

from foretune.data.records import DONE, FAILED, Config, Task, Trial
from foretune.recommender.lesson import Lesson


class Tried(NamedTuple):
    """By key: the configs `spent`, which no trial need repeat, and of them those finished or running now."""

    spent: set[str]
    known: dict[str, Config]

    @classmethod
    def of(cls, lesson: Lesson, task: Task) -> "Tried":
        """What the trials at full fidelity have tried; one that ended before may yet be tried as a whole."""
        spent: set[str] = set()
        known: dict[str, Config] = {}
        for trial in task.trials:
            if not in_part(trial):
                spent.add(key := lesson.key(trial.config))
                if trial.status is not FAILED:
                    known[key] = trial.config
        return cls(spent, known)

    def beside(self, pool: dict[str, Config]) -> dict[str, Config]:
        """The candidates by key, then what is known besides them."""
        return pool | {key: config for key, config in self.known.items() if key not in pool}


def in_part(trial: Trial) -> bool:
    """Whether the trial ended before its full fidelity, so that its config may yet be tried as a whole."""
    return trial.status is DONE and trial.fidelity is not None
