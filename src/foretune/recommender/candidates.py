"""What a caller asks for: how many configs, and among which; some mean nothing, some lie in no space."""

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, Final

from ConfigSpace import ConfigurationSpace
from ConfigSpace.hyperparameters import NumericalHyperparameter

from foretune.data.errors import LearningError, SpaceError
from foretune.data.records import Config, plain
from foretune.data.spaces import KIND, check_names, holds, names_of, unfold
from foretune.recommender.lesson import Lesson

LARGEST: Final = 1e300  # of a number; beyond, floats overflow


def check_count(n: object) -> None:
    """Raises `LearningError` where this is no number of configs."""
    if isinstance(n, bool) or not isinstance(n, Integral) or int(n) < 0:
        raise LearningError(f"n={n!r} is no count of configs: give a whole number, such as n=3.")


def pool_of(lesson: Lesson, candidates: Sequence[Config], *, family: str) -> dict[str, Config]:
    """The candidates by key, in their order; of equal settings the first.

    Raises `SpaceError` where one is no mapping, names a hyperparameter that neither today's space nor a past
    one has, or has something other than a number where a number is wanted. What lies beyond the range of a
    number, or is a new choice, may be a candidate: `outside` tells.
    """
    found: dict[str, Config] = {}
    for config in candidates:
        if not isinstance(config, Mapping):
            raise SpaceError(f"the candidate {config!r} is no config: give mappings such as {{'C': 10}}.")
        try:
            key = lesson.key(config)
        except (TypeError, ValueError, OverflowError):
            _check(lesson.space, config, family)
            raise
        if key not in lesson.sound:
            _check(lesson.space, config, family)
            lesson.sound.add(key)
        found.setdefault(key, config)
    return found


def _check(space: ConfigurationSpace, config: Config, family: str) -> None:
    if odd := [name for name in config if not isinstance(name, str)]:
        raise SpaceError(f"a candidate names a hyperparameter {odd[0]!r}: give texts as names.")
    check_names(config, names_of(space), family=family)
    for name, value in unfold(space, config).items():
        parameter = space[name]
        if isinstance(parameter, NumericalHyperparameter) and not _is_number(value):
            raise SpaceError(
                f"{family} cannot have {name}={value!r}: give a finite number, its space holds {parameter}."
            )


def _is_number(value: Any) -> bool:
    """Whether it is a number of a size that can be reckoned with."""
    value = plain(value)
    return isinstance(value, int | float) and -LARGEST < value < LARGEST


def outside(space: ConfigurationSpace, config: Config) -> str:
    """Which of the config's values the space does not hold, as a sentence; empty where it holds all."""
    values = unfold(space, config)
    beyond = [name.removesuffix(KIND) for name, value in values.items() if not holds(space[name], value)]
    if not beyond:
        return ""
    return f"{', '.join(beyond)}: no space that this rests on holds such a value, what is forecast is a guess"
