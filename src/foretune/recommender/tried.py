"""Which configs a task has tried, is trying, or may yet try as a whole."""

from foretune.data.records import DONE, RUNNING, Config, Task, Trial
from foretune.recommender.lesson import Lesson


def with_tried(lesson: Lesson, task: Task, pool: dict[str, Config]) -> dict[str, Config]:
    """The candidates by key, then what the task tried besides them, or tries now."""
    extra = {lesson.key(trial.config): trial.config for trial in whole_or_running(task)}
    return pool | {key: config for key, config in extra.items() if key not in pool}


def in_part(trial: Trial) -> bool:
    """Whether the trial ended before its full fidelity, so that its config may yet be tried as a whole."""
    return trial.status is DONE and trial.fidelity is not None


def whole_or_running(task: Task) -> list[Trial]:
    """The trials that were finished at full fidelity, or run now."""
    return [trial for trial in task.trials if trial.status in (DONE, RUNNING) and not in_part(trial)]
