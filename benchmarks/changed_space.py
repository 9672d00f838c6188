"""What a changed space costs: past tasks recorded in another space than today's, in every usual way.

    python benchmarks/changed_space.py HISTORIES --tasks 24 --output benchmarks/results/changed_space

For each change the same left-out tasks are searched with the same candidates: taught by the history as it is
(unchanged), by what the changed space leaves of it (changed), and by none (cold, in today's space). Mean
normalised regret.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from ConfigSpace import Categorical, ConfigurationSpace, Float, Integer
from ConfigSpace.hyperparameters import IntegerHyperparameter

from foretune.data.records import Config, Task
from foretune.experiments.replay import play
from foretune.recommender.changes import renamed
from foretune.recommender.recommender import Recommender
from histories import read_history
from replay import splits_of

AT: Final = (1, 3, 5, 10)
FEWEST: Final = 20  # configs that a task must have left to be searched
Edit = Callable[[Task], Task]


@dataclass(frozen=True)
class Subject:
    """A history, with a number and (where it has one) a choice in it that matter."""

    history: str
    number: str
    choice: str | None


SUBJECTS: Final = (
    Subject("pimp-svm", "gamma", "kernel"),
    Subject("pimp-random_forest", "max_features", "criterion"),
    Subject("yahpo-rpart", "minsplit", "num.impute.selected.cpo"),
    Subject("lcbench-mlp", "max_dropout", None),
)


@dataclass(frozen=True)
class Change:
    """How the past is recorded, how today's task is, and what has another name."""

    past: Edit
    today: Edit
    aliases: dict[str, str]


def changes_of(subject: Subject, tasks: Sequence[Task]) -> dict[str, Change]:
    """Every kind of change, applied to the subject's hyperparameters."""
    name, space = subject.number, tasks[0].space
    assert space is not None
    number: Any = space[name]
    values = sorted({t.config[name] for task in tasks for t in task.trials if name in t.config})
    third, median, two_thirds = (float(np.quantile(values, q)) for q in (1 / 3, 1 / 2, 2 / 3))
    within = lambda config: third <= config.get(name, median) <= two_thirds  # noqa: E731
    below = lambda config: config.get(name, number.lower) <= median  # noqa: E731
    lower_half = ranged(space, name, number.lower, median)
    found = {
        "added": Change(without(name, within), same, {}),
        "dropped": Change(same, without(name, within), {}),
        "renamed": Change(same, called(name, "new_name"), {"new_name": name}),
        "widened": Change(both(only(below), within_space(lower_half)), same, {}),
        "narrowed": Change(same, both(only(below), within_space(lower_half)), {}),
        "other scale": Change(within_space(scaled(space, name)), same, {}),
    }
    if subject.choice is not None:
        wins = Counter(task.best.config[subject.choice] for task in tasks if task.best)
        ranked = [value for value, _ in wins.most_common()]
        found["new choice"] = Change(ignorant(space, subject.choice, ranked[-1]), same, {})
        found["new best"] = Change(ignorant(space, subject.choice, ranked[0]), same, {})
    return found


def ignorant(space: ConfigurationSpace, choice: str, newest: Any) -> Edit:
    """The task without the trials that made this choice, in a space that does not know it."""
    parameter: Any = space[choice]
    fewer = [value for value in parameter.choices if value != newest]
    known = within_space(replaced(space, Categorical(choice, fewer)))
    return both(only(lambda config: config[choice] != newest), known)


def same(task: Task) -> Task:
    """The task as it is."""
    return task


def both(first: Edit, second: Edit) -> Edit:
    """One edit after the other."""
    return lambda task: second(first(task))


def only(keep: Callable[[Config], bool]) -> Edit:
    """The task with those of its trials whose configs are kept."""
    return lambda task: replace(task, trials=tuple(t for t in task.trials if keep(t.config)))


def within_space(space: ConfigurationSpace) -> Edit:
    """The task in another space."""
    return lambda task: replace(task, space=space)


def without(name: str, keep: Callable[[Config], bool]) -> Edit:
    """The task as it would be if the hyperparameter had stayed near its default and nobody had noted it."""

    def edit(task: Task) -> Task:
        task = only(keep)(task)
        trials = [
            replace(t, config={key: value for key, value in t.config.items() if key != name})
            for t in task.trials
        ]
        assert task.space is not None
        return replace(task, trials=tuple(trials), space=rebuilt(task.space, lambda p: p.name != name))

    return edit


def called(name: str, new: str) -> Edit:
    """The task with a hyperparameter under a new name."""
    return lambda task: renamed([task], {new: name})[0]


def ranged(space: ConfigurationSpace, name: str, low: float, high: float) -> ConfigurationSpace:
    """The space with another range of the number."""
    number: Any = space[name]
    if isinstance(number, IntegerHyperparameter):
        return replaced(space, Integer(name, (int(low), int(high)), log=number.log))
    return replaced(space, Float(name, (low, high), log=number.log))


def scaled(space: ConfigurationSpace, name: str) -> ConfigurationSpace:
    """The space with the number on the other scale: linear for log, and the reverse where it is positive."""
    number: Any = space[name]
    log = not number.log and number.lower > 0
    if isinstance(number, IntegerHyperparameter):
        return replaced(space, Integer(name, (number.lower, number.upper), log=log))
    return replaced(space, Float(name, (number.lower, number.upper), log=log))


def replaced(space: ConfigurationSpace, parameter: Any) -> ConfigurationSpace:
    """The space with this hyperparameter in the place of that of its name."""
    return rebuilt(space, lambda _: True, parameter)


def rebuilt(
    space: ConfigurationSpace, keep: Callable[[Any], bool], parameter: Any = None
) -> ConfigurationSpace:
    """A copy of the space with what is kept, conditions between these included while no choice changes."""
    new = ConfigurationSpace(name=space.name)
    kept = [one for one in space.values() if keep(one)]
    new.add(*(parameter if parameter is not None and one.name == parameter.name else one for one in kept))
    if parameter is None or not hasattr(parameter, "choices"):
        every: list[Any] = [*space.conditions]  # of these histories each has one parent
        conditions = [one for one in every if {one.child.name, one.parent.name} <= set(new)]
        new.add(*space.substitute_hyperparameters_in_conditions(conditions, new))
    return new


def main() -> None:
    """Plays, prints a table and writes the mean curves as JSON, a file for each history."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--history", action="append", choices=[one.history for one in SUBJECTS])
    parser.add_argument("--tasks", type=int, default=12)
    parser.add_argument("--folds", type=int, default=2)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    for subject in SUBJECTS:
        if options.history and subject.history not in options.history:
            continue
        found = _played(subject, [*map(_numbered, read_history(options.folder / subject.history))], options)
        if options.output:
            options.output.mkdir(parents=True, exist_ok=True)
            text = json.dumps(found, indent=1) + "\n"
            (options.output / f"{subject.history}.json").write_text(text, encoding="utf-8")


def _played(
    subject: Subject, tasks: Sequence[Task], options: argparse.Namespace
) -> dict[str, dict[str, list[float]]]:
    splits = splits_of(tasks, folds=options.folds, most=options.tasks)
    regrets: dict[str, dict[str, list[Any]]] = {}
    for split in splits:
        unchanged, cold = Recommender("auto").fit(split.past), Recommender("cold").fit(split.past)
        for kind, change in changes_of(subject, tasks).items():
            new = [(task, change.today(task)) for task in split.new]
            new = [(former, today) for former, today in new if len(today.done) >= FEWEST]
            past = [task for task in map(change.past, split.past) if len(task.done) > 1]
            ways = {
                "unchanged": (unchanged, [_restricted(*pair) for pair in new]),
                "changed": (Recommender("auto", aliases=change.aliases).fit(past), [now for _, now in new]),
                "cold": (cold, [now for _, now in new]),
            }
            for way, (recommender, searched) in ways.items():
                curves = [play(way, recommender, task, trials=max(AT)) for task in searched]
                regrets.setdefault(kind, {}).setdefault(way, []).extend(c.regret[: max(AT)] for c in curves)
    found = {}
    for kind, played in regrets.items():
        found[kind] = {way: np.mean(curves, axis=0).round(5).tolist() for way, curves in played.items()}
        for way, curve in found[kind].items():
            print(
                f"{subject.history:20s} {kind:12s} {way:10s}",
                *(f"{curve[n - 1]:.4f}" for n in AT),
                flush=True,
            )
    return found


def _numbered(task: Task) -> Task:
    """The task with its trials numbered, so that they are known again under other configs."""
    return replace(task, trials=tuple(replace(trial, repeat=k) for k, trial in enumerate(task.trials)))


def _restricted(former: Task, today: Task) -> Task:
    """The former task with the trials that today's has."""
    kept = {trial.repeat for trial in today.trials}
    return replace(former, trials=tuple(trial for trial in former.trials if trial.repeat in kept))


if __name__ == "__main__":
    main()
