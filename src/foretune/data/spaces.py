"""Spaces whose hyperparameters may hold special values beside numbers (`max_depth=None`, `gamma="scale"`).

A ConfigSpace hyperparameter has one type. A mixed one is therefore held as two: `NAME:kind`, a choice among
the special values and "number", and `NAME`, the number, active only where the kind is "number". Outside the
space a config always speaks the estimator's own language: {"max_depth": None} or {"max_depth": 7}.
"""

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from itertools import product
from typing import Any, Final

from ConfigSpace import CategoricalHyperparameter, ConfigurationSpace, EqualsCondition
from ConfigSpace.hyperparameters import Hyperparameter

from foretune.data.errors import SpaceError
from foretune.data.records import Config, plain

KIND: Final = ":kind"
NUMBER: Final = "number"


def add_mixed(
    space: ConfigurationSpace,
    number: Hyperparameter[Any, Any],
    specials: Sequence[Any],
    *,
    default: Any,
) -> None:
    """Adds to the space a hyperparameter that is one of `specials` or a number.

    `default` is a special value, or the number's own default. The kind weighs the number as much as all
    specials together, so that a uniform sample meets both.
    """
    choices = [*map(json.dumps, specials), NUMBER]
    kind = CategoricalHyperparameter(
        number.name + KIND,
        choices,
        weights=[1.0] * len(specials) + [float(len(specials))],
        default_value=json.dumps(default) if default in specials else NUMBER,
    )
    space.add(kind, number, EqualsCondition(number, kind, NUMBER))


def fold(values: Mapping[str, Any]) -> dict[str, Any]:
    """A config in the estimator's language, from the values of a `Configuration` of the space.

    >>> fold({"C": 2.0, "gamma:kind": '"scale"'})
    {'C': 2.0, 'gamma': 'scale'}
    """
    config: dict[str, Any] = {}
    for name, value in values.items():
        if not name.endswith(KIND):
            config[name] = plain(value)
        elif str(value) != NUMBER:
            config[name.removesuffix(KIND)] = json.loads(str(value))
    return config


def unfold(space: ConfigurationSpace, config: Config) -> dict[str, Any]:
    """The values that the space holds for a config in the estimator's language: the inverse of `fold`."""
    values: dict[str, Any] = {}
    for name, value in config.items():
        kind = space.get(name + KIND)
        if kind is None:
            values[name] = value
        elif kind.is_legal(special := _as_choice(value)):
            values[name + KIND] = special
        else:
            values[name + KIND], values[name] = NUMBER, value
    return values


def _as_choice(value: Any) -> str:
    value = plain(value)
    return json.dumps(value) if value is None or isinstance(value, bool | int | float | str) else repr(value)


def default_config(space: ConfigurationSpace) -> dict[str, Any]:
    """The space's default config, in the estimator's language."""
    return fold(dict(space.get_default_configuration()))


def names_of(space: ConfigurationSpace) -> list[str]:
    """The hyperparameters' names as the estimator knows them, in the space's order."""
    return list(dict.fromkeys(name.removesuffix(KIND) for name in space))


Grid = Mapping[str, Sequence[Any]]


def grid_cells(grid: Grid | Sequence[Grid]) -> list[dict[str, Any]]:
    """All cells of a grid, or of a list of grids, in the order of `sklearn.model_selection.ParameterGrid`.

    Values are the very objects given. Raises `SpaceError` where a hyperparameter's values are not a list.
    """
    cells: list[dict[str, Any]] = []
    for part in [grid] if isinstance(grid, Mapping) else grid:
        for name, values in part.items():
            if isinstance(values, str) or not isinstance(values, Sequence) or not len(values):
                raise SpaceError(
                    f"the grid's values for {name!r} are {values!r}: give a list such as [1, 10, 100]."
                )
        names = sorted(part)
        cells += [dict(zip(names, cell, strict=True)) for cell in product(*(part[name] for name in names))]
    return cells


def check_names(config: Mapping[str, Any], known: Sequence[str], *, family: str) -> None:
    """Raises `SpaceError`, naming the nearest hyperparameter, where the config holds an unknown one."""
    for name in config:
        if name in known:
            continue
        near = get_close_matches(name, known, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}."
        raise SpaceError(f"{family} has no hyperparameter {name!r}: {hint}")
