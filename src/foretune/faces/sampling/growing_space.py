"""The space of a study that is defined by running it: what it has shown, and branches that the past knows."""

from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any

from ConfigSpace import ConfigurationSpace, Constant
from ConfigSpace.hyperparameters import Hyperparameter, IntegerHyperparameter

from foretune.data.records import Config, Task
from foretune.data.spaces import KIND
from foretune.faces.sampling.matching import sorts_of
from foretune.history.readers.conditions import Rule, add_rules, rules_of
from foretune.history.readers.optuna_distributions import Distributions, parents_among, space_of


class GrowingSpace:
    """The same space object for as long as nothing new shows, so that nothing is learned anew for it."""

    def __init__(self) -> None:
        self._space: ConfigurationSpace | None = None
        self._known: Distributions = {}
        self._seen = 0

    def of(
        self, known: Distributions, configs: Sequence[Config], tasks: Sequence[Task]
    ) -> ConfigurationSpace | None:
        """The space of these parameters; None where there is nothing to choose.

        Which of them depend on others is read off `configs`, those of the study that were finished, and off
        those of the past `tasks`. It is looked at again whenever there are twice as many.
        """
        if self._space is None or known != self._known or len(configs) >= 2 * self._seen:
            space = _space(known, configs, tasks)
            self._space = self._space if space == self._space else space
            self._known, self._seen = dict(known), max(len(configs), 1)
        assert self._space is not None
        is_open = any(not isinstance(self._space[name], Constant) for name in self._space)
        return self._space if is_open else None


def _space(known: Distributions, configs: Sequence[Config], tasks: Sequence[Task]) -> ConfigurationSpace:
    spaces = [space for space in {id(task.space): task.space for task in tasks}.values() if space is not None]
    rules = _rules(known, configs, tasks, spaces)
    space = space_of(known, rules, steps=False)
    while branches := {name: rule for name, rule in rules.items() if _is_new(space, name, rule)}:
        added = [one for name in branches for one in _found(name, spaces)]
        space.add(*added)
        add_rules(space, branches)
    return space


def _rules(
    known: Distributions,
    configs: Sequence[Config],
    tasks: Sequence[Task],
    spaces: Sequence[ConfigurationSpace],
) -> dict[str, Rule]:
    """When which parameter is there: as the past and the study show it, of new ones the study alone."""
    past = [trial.config for task in tasks for trial in task.done]
    former = {name for config in past for name in config}
    parents = _parents(known, spaces)
    shared = [{name: config[name] for name in config if name in former} for config in configs]
    own = rules_of(configs, **parents)
    return rules_of([*shared, *past], **parents) | {
        name: rule for name, rule in own.items() if name not in former
    }


def _parents(known: Distributions, spaces: Iterable[ConfigurationSpace]) -> dict[str, frozenset[str]]:
    parents = parents_among(known)
    for space in spaces:
        sorts = {name: sort for name, sort in sorts_of(space).items() if name not in known}
        whole = {name for name in sorts if isinstance(space.get(name), IntegerHyperparameter)}
        choices = {name for name, sort in sorts.items() if sort == {"choice"}}
        parents = {
            "choices": parents["choices"] | choices,
            "integers": parents["integers"] | whole,
        }
    return parents


def _is_new(space: ConfigurationSpace, name: str, rule: Rule) -> bool:
    """Whether the space lacks the parameter, but has the one that brings it in."""
    return not _held(space, name) and bool(_held(space, rule.parent))


def _held(space: ConfigurationSpace, name: str) -> bool:
    return name in space or name + KIND in space


def _found(name: str, spaces: Sequence[ConfigurationSpace]) -> list[Hyperparameter[Any, Any]]:
    """The parameter as the latest past space has it that does."""
    space = next(space for space in reversed(spaces) if _held(space, name))
    return [copy(space[name if name in space else name + KIND])]
