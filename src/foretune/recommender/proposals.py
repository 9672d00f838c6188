"""Which configs may be proposed: what past tasks tried, points all over the space, variants of the best."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import zip_longest
from numbers import Real
from typing import Any, Final

import numpy as np
from ConfigSpace import CategoricalHyperparameter, ConfigurationSpace, Constant, OrdinalHyperparameter
from ConfigSpace.hyperparameters import IntegerHyperparameter, NumericalHyperparameter

from foretune.data.records import Config, Task
from foretune.data.spaces import complete, fold, is_allowed, number_at, sobol_configs, unfold

FRESH: Final = 128  # Sobol points of the space
RECORDED: Final = (
    256  # configs of past tasks: more make suggestions slow, and the best of each are among them
)
VARIANTS: Final = 32  # of the best configs so far, from the time when there are
FEWEST_TRIALS: Final = 5  # trials; before, the past has better ideas
REACH: Final = (0.2, 0.05)  # how far variants differ, in widths of a range
ILLEGAL: Final = object()  # in the place of a value that a space cannot hold; None may be a choice
SWITCHED: Final = 0.2  # share of choices that a variant takes otherwise


class Proposals:
    """The configs of one space that are worth a look: by `key`, equal settings being one."""

    def __init__(
        self, tasks: Sequence[Task], space: ConfigurationSpace, key: Callable[[Config], str]
    ) -> None:
        self._tasks, self._space, self._key = tasks, space, key

    @cached_property
    def _fixed(self) -> dict[str, Config]:
        """What is proposed for any task."""
        found: dict[str, Config] = {}
        looked_at: set[tuple[str, ...]] = set()  # most tasks tried the same
        for config in best_first(self._tasks):
            if len(found) >= RECORDED:
                break
            # What is not named may be another default here than there.
            if (said := (self._key(config), *config)) not in looked_at:
                looked_at.add(said)
                self._add(found, fitted(self._space, config))
        for config in sobol_configs(self._space, FRESH):
            self._add(found, config)
        return found

    def of(self, task: Task) -> dict[str, Config]:
        """The candidates for the next trial of this task."""
        found = dict(self._fixed)
        best = sorted(task.done, key=lambda trial: trial.loss or 0.0)
        if len(best) >= FEWEST_TRIALS:
            rng = np.random.default_rng(len(task.trials))
            for k in range(VARIANTS):
                config = fitted(self._space, best[k % 2].config)
                self._add(found, variant(self._space, config, rng, reach=REACH[k // 2 % 2]))
        return found

    def _add(self, found: dict[str, Config], config: Config) -> None:
        if is_allowed(self._space, config):
            found.setdefault(self._key(config), config)


def best_first(tasks: Sequence[Task]) -> Iterator[Config]:
    """The best config of each task, then the second best of each, and so on."""
    ranked = [sorted(task.done, key=lambda trial: trial.loss or 0.0) for task in tasks]
    for row in zip_longest(*ranked):
        yield from (trial.config for trial in row if trial is not None)


def fitted(space: ConfigurationSpace, config: Config) -> dict[str, Any]:
    """The config as one of this space, all spelled out: numbers drawn into their ranges, the rest at default.

    Names that the space does not know are left out, and values that it cannot take.
    """
    given = {name: value for name, value in unfold(space, config).items() if name in space}
    legal = {name: _legal(space[name], value) for name, value in given.items()}
    return complete(space, fold({name: value for name, value in legal.items() if value is not ILLEGAL}))


def _legal(parameter: Any, value: Any) -> Any:
    """The value as the space spells it, or the nearest number that is legal; ILLEGAL where there is none."""
    if isinstance(parameter, NumericalHyperparameter) and isinstance(value, Real) and value == value:  # noqa: PLR0124
        drawn = min(max(value, parameter.lower), parameter.upper)
        value = round(drawn) if isinstance(parameter, IntegerHyperparameter) else float(drawn)
    try:
        if not parameter.legal_value(value):
            return ILLEGAL
    except (TypeError, ValueError):  # ConfigSpace cannot compare some values at all: lists, for one
        return ILLEGAL
    if isinstance(parameter, NumericalHyperparameter):
        return value
    return parameter.to_value(parameter.to_vector(value))  # 1.0 where the past had 1


def variant(
    space: ConfigurationSpace, config: Config, rng: np.random.Generator, *, reach: float
) -> dict[str, Any]:
    """A config near this one: numbers move by normal steps, a share of the choices is taken otherwise."""
    values = unfold(space, config)
    for name in [*values]:
        parameter = space[name]
        if isinstance(parameter, CategoricalHyperparameter | OrdinalHyperparameter):
            if rng.random() < SWITCHED:
                values[name] = parameter.to_value(float(rng.integers(parameter.size)))
        elif not isinstance(parameter, Constant):
            place = float(parameter.to_vector(values[name])) + reach * rng.normal()
            values[name] = number_at(parameter, min(max(place, 0.0), 1.0))
    return complete(space, fold(values))
