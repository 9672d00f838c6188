"""Past spaces and today's: one space that holds them all, and what is assumed where they differ."""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

from ConfigSpace import (
    Categorical,
    CategoricalHyperparameter,
    ConfigurationSpace,
    Constant,
    Float,
    Integer,
    OrdinalHyperparameter,
)
from ConfigSpace.hyperparameters import (
    Hyperparameter,
    IntegerHyperparameter,
    NumericalHyperparameter,
)

from foretune.data.errors import LearningError
from foretune.data.records import Task
from foretune.data.spaces import KIND, NUMBER, complete, default_config, fold, holds, names_of

Aliases = Mapping[str, str]
Parameter = Hyperparameter[Any, Any]
Number = NumericalHyperparameter[Any, Any]


def renamed(tasks: Sequence[Task], aliases: Aliases) -> list[Task]:
    """The tasks with their hyperparameters called by today's names; `aliases` maps those to former names.

    Raises `LearningError` where no past task knows a former name, or one knows both.
    """
    if not aliases:
        return list(tasks)
    held = [set(names_of(task.space)) for task in tasks if task.space is not None]
    for new, old in aliases.items():
        if not any(old in names or new in names for names in held):
            raise LearningError(f"no past task has {old!r}: aliases map today's names to former ones.")
        if old not in aliases and any(old in names and new in names for names in held):
            raise LearningError(
                f"a past task has both {old!r} and {new!r}: neither can be the other's alias."
            )
    today = {old: new for new, old in aliases.items()}
    return [_renamed(task, today) for task in tasks]


def spelled_otherwise(space: ConfigurationSpace, whole: ConfigurationSpace) -> bool:
    """Whether what a config does not name is something else in the one space than in the other."""
    own, other = default_config(space), default_config(whole)
    return any(other.get(name) != value for name, value in own.items())


def spelled(task: Task, whole: ConfigurationSpace) -> Task:
    """The task with its configs spelled out where its own space has other defaults."""
    if task.space is None or task.space is whole or not spelled_otherwise(task.space, whole):
        return task
    space = task.space
    return replace(
        task, trials=tuple(replace(trial, config=complete(space, trial.config)) for trial in task.trials)
    )


def distinct(spaces: Sequence[ConfigurationSpace]) -> list[ConfigurationSpace]:
    """The spaces that differ, the most frequent first, so that others are told in its terms."""
    found: list[ConfigurationSpace] = []
    counts: list[int] = []
    known: dict[int, int] = {}
    for space in spaces:
        if id(space) not in known:
            known[id(space)] = next((k for k, one in enumerate(found) if one == space), len(found))
        if known[id(space)] == len(found):
            found.append(space)
            counts.append(0)
        counts[known[id(space)]] += 1
    return [found[k] for k in sorted(range(len(found)), key=lambda k: -counts[k])]


def _renamed(task: Task, today: Mapping[str, str]) -> Task:
    trials = [
        replace(trial, config={today.get(name, name): value for name, value in trial.config.items()})
        for trial in task.trials
    ]
    space = task.space
    if space is not None and any(name in today for name in names_of(space)):
        space = _space(
            {name: _called(space[name], today) for name in space}, _conditions(space, today), space.name
        )
    return replace(task, trials=tuple(trials), space=space)


def _called(parameter: Parameter, today: Mapping[str, str]) -> Parameter:
    name, kind = parameter.name.removesuffix(KIND), parameter.name.endswith(KIND) * KIND
    parameter = copy(parameter)
    parameter.name = today.get(name, name) + kind
    return parameter


def _conditions(space: ConfigurationSpace, today: Mapping[str, str]) -> list[Any]:
    """The conditions of the space, with parents and children called by today's names."""
    found = []
    for condition in map(copy, space.conditions):
        for part in (condition, *getattr(condition, "components", ())):
            for role in ("child", "parent"):
                if hasattr(part, role):
                    setattr(part, role, _called(getattr(part, role), today))
        found.append(condition)
    return found


def joined(known: ConfigurationSpace, new: ConfigurationSpace) -> ConfigurationSpace:
    """A space that holds every config of both, `known` itself where that does.

    Numbers are on the scale that `new` has them on. Hyperparameters of `known` alone are at their defaults
    where a config does not name them.
    """
    parts = {name: known[name] for name in known}
    for name in new:
        parts[name] = _merged(parts[name], new[name]) if name in parts else new[name]
    old = [one for one in known.conditions if one.child.name not in new and _is_possible(one, parts)]
    ruling = [one for one in known.conditions if one.child.name in new]
    same = len(parts) == len(known) and all(parts[name] is known[name] for name in known)
    if same and sorted(map(str, ruling)) == sorted(map(str, new.conditions)):
        return known
    return _space(parts, [*new.conditions, *old], known.name)


def _is_possible(condition: Any, parts: Mapping[str, Parameter]) -> bool:
    """Whether the values that a condition asks of a parent are such as the parent may still have."""
    return all(
        holds(parts[part.parent.name], value)
        for part in getattr(condition, "dlcs", (condition,))
        for value in (part.values if hasattr(part, "values") else (part.value,))
    )


def _space(parts: Mapping[str, Parameter], conditions: Sequence[Any], name: str | None) -> ConfigurationSpace:
    space = ConfigurationSpace(name=name)
    space.add(*map(copy, parts.values()))
    space.add(*ConfigurationSpace.substitute_hyperparameters_in_conditions(list(conditions), space))
    return space


def _merged(old: Parameter, new: Parameter) -> Parameter:
    """What holds the values of both, `old` itself where that does; `new` if they are of two sorts."""
    if isinstance(old, NumericalHyperparameter) and isinstance(new, NumericalHyperparameter):
        return _hull(old, new)
    former, current = _values(old), _values(new)
    if former is None or current is None:
        return new
    if all(value in former for value in current):
        return old
    choices = [*former, *(value for value in current if value not in former)]
    return Categorical(old.name, choices, default=old.default_value)


def _hull(old: Number, new: Number) -> Parameter:
    whole = isinstance(old, IntegerHyperparameter) and isinstance(new, IntegerHyperparameter)
    low, high = min(old.lower, new.lower), max(old.upper, new.upper)
    if new.log and low <= 0:
        low = new.lower
    if (low, high, new.log) == (old.lower, old.upper, old.log):
        return old
    default = min(max(old.default_value, low), high)
    if whole:
        return Integer(old.name, (int(low), int(high)), log=new.log, default=int(default))
    return Float(old.name, (float(low), float(high)), log=new.log, default=float(default))


def _values(parameter: Parameter) -> list[Any] | None:
    """The values of a choice; None for a number."""
    if isinstance(parameter, CategoricalHyperparameter):
        return list(parameter.choices)
    if isinstance(parameter, OrdinalHyperparameter):
        return list(parameter.sequence)
    return [parameter.value] if isinstance(parameter, Constant) else None


def assumptions(
    past: Sequence[ConfigurationSpace], today: ConfigurationSpace, aliases: Aliases
) -> tuple[str, ...]:
    """One sentence for each way in which a past space differs from today's, and what is assumed for it."""
    former, now = {name for space in past for name in names_of(space)}, names_of(today)
    said = [f"{new} was called {old}." for new, old in aliases.items() if new in former and new in now]
    for space in past:
        said += _differences(space, today)
    return tuple(dict.fromkeys(said))


def _differences(past: ConfigurationSpace, today: ConfigurationSpace) -> Iterator[str]:
    before, now = names_of(past), names_of(today)
    for name in now:
        if name not in before:
            yield f"{name} was not searched: it is taken to have been {_default(today, name)!r}."
    for name in before:
        if name not in now:
            yield f"{name} is not searched any more: it is taken to be {_default(past, name)!r}."
    for name in today:
        if name in past:
            yield from _changed(past[name], today[name])


def _default(space: ConfigurationSpace, name: str) -> Any:
    """What the hyperparameter is where a config does not name it, also if the default config lacks it."""
    kind = space.get(name + KIND)
    held = name if kind is None or kind.default_value == NUMBER else kind.name
    return fold({held: space[held].default_value})[name]


def _changed(old: Parameter, new: Parameter) -> Iterator[str]:
    name = new.name.removesuffix(KIND)
    if isinstance(old, NumericalHyperparameter) and isinstance(new, NumericalHyperparameter):
        if old.log != new.log:
            yield f"{name} is on {_scale(new)} scale and was on {_scale(old)} one: it is compared on today's."
        if new.lower < old.lower or new.upper > old.upper:
            ranges = f"from {old.lower} to {old.upper} and now from {new.lower} to {new.upper}"
            yield f"{name} reached {ranges}: beyond the former range nothing is known."
        elif (new.lower, new.upper) != (old.lower, old.upper):
            yield f"{name} reached from {old.lower} to {old.upper}: trials beyond today's range still teach."
        return
    former, current = _values(old), _values(new)
    if former is None or current is None:
        if former is not None and all(holds(new, value) for value in former):  # steps of what is a range now
            return
        if type(old) is not type(new):
            yield f"{name} was {_sort(old)} and is {_sort(new)}: only values that fit both still teach."
        return
    if fresh := [value for value in current if value not in former]:
        yield f"{name} can now be {', '.join(map(str, fresh))}: nothing is known of that."


def _scale(number: Number) -> str:
    return "a log" if number.log else "a linear"


def _sort(parameter: Parameter) -> str:
    if isinstance(parameter, Constant):
        return f"always {parameter.value!r}"
    return "a choice" if _values(parameter) is not None else "a number"
