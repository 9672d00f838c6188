"""Spaces whose hyperparameters may hold special values beside numbers (`max_depth=None`, `gamma="scale"`).

A ConfigSpace hyperparameter has one type. A mixed one is therefore held as two: `NAME:kind`, a choice among
the special values and "number", and `NAME`, the number, active only where the kind is "number". Outside the
space a config always speaks the estimator's own language: {"max_depth": None} or {"max_depth": 7}. Lists
(`hidden_layer_sizes=[64, 64]`) are special values without a number beside them.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from copy import copy
from difflib import get_close_matches
from itertools import product
from typing import Any, Final

import numpy as np
from ConfigSpace import (
    CategoricalHyperparameter,
    ConfigurationSpace,
    Constant,
    EqualsCondition,
    OrConjunction,
    OrdinalHyperparameter,
)
from ConfigSpace.hyperparameters import Hyperparameter, IntegerHyperparameter, NumericalHyperparameter
from numpy.typing import NDArray
from scipy.stats.qmc import Sobol

from foretune.data.errors import SpaceError
from foretune.data.records import Config, as_tuples, plain

KIND: Final = ":kind"
NUMBER: Final = "number"
ROUNDING: Final = 1e-6  # relative; ConfigSpace rounds bounds
DIGITS: Final = 4  # of a number that is proposed
NEAR: Final = 1e-3  # the share of its range by which rounding may move it


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


def add_lists(
    space: ConfigurationSpace, name: str, choices: Sequence[Sequence[Any]], *, default: Sequence[Any]
) -> None:
    """Adds a hyperparameter whose values are lists, such as the sizes of a network's layers.

    ConfigSpace has no lists: the space holds their JSON texts as `NAME:kind`.
    """
    texts = [_as_choice(choice) for choice in choices]
    space.add(CategoricalHyperparameter(name + KIND, texts, default_value=_as_choice(default)))


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
        elif kind.legal_value(special := _as_choice(value)) or name not in space:
            values[name + KIND] = special  # also one that a choice without a number beside it does not hold
        else:
            values[name + KIND], values[name] = NUMBER, value
    return values


def _as_choice(value: Any) -> str:
    value = plain(value)
    is_plain = value is None or isinstance(value, bool | int | float | str | list | tuple)
    return json.dumps(value, default=repr) if is_plain else repr(value)


def default_config(space: ConfigurationSpace) -> dict[str, Any]:
    """The space's default config, in the estimator's language."""
    return fold(dict(space.get_default_configuration()))


def names_of(space: ConfigurationSpace) -> list[str]:
    """The hyperparameters' names as the estimator knows them, in the space's order."""
    return list(dict.fromkeys(name.removesuffix(KIND) for name in space))


Grid = Mapping[str, Sequence[Any] | NDArray[Any]]


def grid_cells(grid: Grid | Sequence[Grid]) -> list[dict[str, Any]]:
    """All cells of a grid, or of a list of grids, in the order of `sklearn.model_selection.ParameterGrid`.

    Values are the very objects given, those of an array as plain Python. Raises `SpaceError` where a
    hyperparameter's values are not a list.
    """
    cells: list[dict[str, Any]] = []
    for given in [grid] if isinstance(grid, Mapping) else grid:
        part = {name: _listed(values) for name, values in given.items()}
        for name, values in part.items():
            if isinstance(values, str) or not isinstance(values, Sequence) or not len(values):
                raise SpaceError(
                    f"the grid's values for {name!r} are {values!r}: give a list such as [1, 10, 100]."
                )
        names = sorted(part)
        cells += [dict(zip(names, cell, strict=True)) for cell in product(*(part[name] for name in names))]
    return cells


def _listed(values: Any) -> Any:
    return values.tolist() if isinstance(values, np.ndarray) else values


def check_aliases(aliases: object) -> None:
    """Raises `SpaceError` where these are no aliases, or two names lead to one."""
    if not isinstance(aliases, Mapping):
        raise SpaceError(f"aliases={aliases!r} must be a mapping: {{today's name: former name}}.")
    if odd := [name for pair in aliases.items() for name in pair if not isinstance(name, str)]:
        raise SpaceError(
            f"aliases={dict(aliases)!r} hold {odd[0]!r}: give texts, {{today's name: former name}}."
        )
    former = list(aliases.values())
    if twice := [old for old in former if former.count(old) > 1]:
        names = " and ".join(repr(new) for new, old in aliases.items() if old == twice[0])
        raise SpaceError(f"aliases lead {names} to {twice[0]!r}: only one of them can have been called so.")


def check_names(config: Mapping[str, Any], known: Sequence[str], *, family: str) -> None:
    """Raises `SpaceError`, naming the nearest hyperparameter, where the config holds an unknown one."""
    for name in config:
        if name in known:
            continue
        near = get_close_matches(name, known, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}."
        raise SpaceError(f"{family} has no hyperparameter {name!r}: {hint}")


def complete(space: ConfigurationSpace, config: Config) -> dict[str, Any]:
    """The config with every active hyperparameter of the space spelled out; defaults fill what is not named.

    A grid cell names two hyperparameters, a default none: completed, equal settings are equal configs.
    Names that the space does not know are kept as they are, at the end.
    """
    known = names_of(space)
    extra = {name: value for name, value in config.items() if name not in known}
    return fold(_active(space, unfold(space, config))) | extra


def _active(space: ConfigurationSpace, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of all that is active in the space: those given, else the defaults."""
    values: dict[str, Any] = {}
    for name in space:
        if is_active(space, name, values):
            values[name] = given.get(name, space[name].default_value)
    return values


def holds(hyperparameter: Hyperparameter[Any, Any], value: Any) -> bool:
    """Whether the value is legal, but for rounding and for a whole number that stands for its float."""
    value = plain(value)
    if hyperparameter.name.endswith(KIND) and value == NUMBER:
        return True
    if not isinstance(hyperparameter, NumericalHyperparameter):
        return any(value == choice for choice in _extremes(hyperparameter))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if isinstance(hyperparameter, IntegerHyperparameter) and isinstance(value, float) and value % 1:
        return False
    low, high = hyperparameter.lower, hyperparameter.upper
    reach = ROUNDING * max(abs(low), abs(high))
    return bool(low - reach <= value <= high + reach)


def with_words(
    space: ConfigurationSpace, configs: Sequence[Config], *, mixed_only: bool = False
) -> ConfigurationSpace:
    """The space in which numbers may also be the words that these configs give them; itself where none is.

    `mixed_only`: new words only for a number that may be some word already.

    >>> from ConfigSpace import Float
    >>> space = ConfigurationSpace()
    >>> space.add(Float("max_features", (0.1, 1.0), default=1.0))
    >>> with_words(space, [{"max_features": "log2"}, {"max_features": None}])["max_features:kind"].choices
    ('"log2"', 'null', 'number')
    """
    for name in names_of(space):
        if isinstance(space.get(name), NumericalHyperparameter):
            given = [plain(config[name]) for config in configs if name in config]
            words = dict.fromkeys(_as_choice(value) for value in given if not _is_number(value))
            kind: Any = space.get(name + KIND)
            if kind is None and mixed_only:
                continue
            new = [word for word in words if kind is None or not kind.legal_value(word)]
            space = _worded(space, name, new) if new else space
    return space


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _worded(space: ConfigurationSpace, name: str, words: Sequence[str]) -> ConfigurationSpace:
    """The space in which the number `name` may also be these words, each the JSON text of a value."""
    former: Any = space.get(name + KIND)
    said = [*(one for one in (() if former is None else former.choices) if one != NUMBER), *words]
    kind = CategoricalHyperparameter(
        name + KIND,
        [*said, NUMBER],
        weights=[1.0] * len(said) + [float(len(said))],
        default_value=NUMBER if former is None else former.default_value,
    )
    conditions = [*map(copy, space.conditions)]
    if former is None:  # what the number hung on its kind does now
        for condition in conditions:
            for part in (condition, *getattr(condition, "dlcs", ())):
                if part.child.name == name:
                    part.child = kind
        conditions.append(EqualsCondition(space[name], kind, NUMBER))
    new = ConfigurationSpace(name=space.name)
    new.add(*(copy(one) for one in space.values() if one.name != kind.name), kind)
    new.add(*new.substitute_hyperparameters_in_conditions(conditions, new))
    new.add(*new.substitute_hyperparameters_in_forbiddens(space.forbidden_clauses, new))
    return new


def space_of(told: Mapping[str, Any]) -> ConfigurationSpace:
    """The space that ConfigSpace's serialised form, come from JSON, tells of: its lists are tuples again."""
    return ConfigurationSpace.from_serialized_dict(_as_it_was(told))


def _as_it_was(told: Any, role: str = "") -> Any:
    if isinstance(told, Mapping):
        return {name: _as_it_was(value, name) for name, value in told.items()}
    if role in ("value", "default_value"):
        return as_tuples(told)
    if isinstance(told, list):
        one = as_tuples if role in ("choices", "sequence", "values") else _as_it_was
        return [*map(one, told)]
    return told


def covers(space: ConfigurationSpace, other: ConfigurationSpace) -> bool:
    """Whether the space holds all that the other one does: every hyperparameter, range and choice."""
    return all(
        name in space and all(holds(space[name], value) for value in _extremes(one))
        for name, one in other.items()
    )


def _extremes(hyperparameter: Hyperparameter[Any, Any]) -> Sequence[Any]:
    """The ends of a range, or all that there is to choose."""
    if isinstance(hyperparameter, NumericalHyperparameter):
        return hyperparameter.lower, hyperparameter.upper
    if isinstance(hyperparameter, Constant):
        return (hyperparameter.value,)
    return list(getattr(hyperparameter, "choices", ()) or getattr(hyperparameter, "sequence", ()))


def is_allowed(space: ConfigurationSpace, config: Config) -> bool:
    """Whether none of the space's forbidden clauses speaks against the config."""
    values = unfold(space, config) if space.forbidden_clauses else {}
    return not any(clause.is_forbidden_value(values) for clause in space.forbidden_clauses)


def is_active(space: ConfigurationSpace, name: str, values: Mapping[str, Any]) -> bool:
    """Whether the conditions on `name` hold; ConfigSpace lists parents before their children."""
    return all(_holds(condition, values) for condition in space.parent_conditions_of[name])


def _holds(condition: Any, values: Mapping[str, Any]) -> bool:
    if parts := getattr(condition, "components", None):
        verdicts = [_holds(part, values) for part in parts]
        return any(verdicts) if isinstance(condition, OrConjunction) else all(verdicts)
    return condition.parent.name in values and bool(condition.satisfied_by_value(values))


def sobol_configs(space: ConfigurationSpace, n: int, *, seed: int = 0) -> list[dict[str, Any]]:
    """The first n points of one scrambled Sobol sequence, as configs: the same list for the same space.

    A longer list begins with the shorter one, so that a sweep can be extended.
    """
    if n == 0:
        return []
    sequence = Sobol(d=len(space), rng=np.random.default_rng(seed))
    points = sequence.random_base2(max(n - 1, 1).bit_length())[:n]
    return [config_at(space, point) for point in points]


def config_at(space: ConfigurationSpace, point: NDArray[np.float64]) -> dict[str, Any]:
    """The config at a point (d,) of the unit cube, which has a side for each hyperparameter of the space."""
    values = {name: _value_at(space[name], float(u)) for name, u in zip(space, point, strict=True)}
    return fold(_active(space, values))


def _value_at(hyperparameter: Hyperparameter[Any, Any], u: float) -> Any:
    """The value at the share u of the hyperparameter's range, on its own scale and by its own weights."""
    if isinstance(hyperparameter, CategoricalHyperparameter):
        edges = np.cumsum(hyperparameter.probabilities)
        return hyperparameter.choices[int(np.searchsorted(edges[:-1], u, side="right"))]
    if isinstance(hyperparameter, OrdinalHyperparameter):
        return hyperparameter.sequence[int(u * len(hyperparameter.sequence))]
    if isinstance(hyperparameter, Constant):
        return hyperparameter.value
    return number_at(hyperparameter, u)


def number_at(hyperparameter: Hyperparameter[Any, Any], u: float) -> Any:
    """The number at the share u of the hyperparameter's range, on its own scale."""
    value = plain(hyperparameter.to_value(u))
    if isinstance(value, int):
        return value
    # Few digits are read and stored more easily, and no model tells the difference; narrow ranges need more.
    for digits in range(DIGITS, sys.float_info.dig + 1):
        rounded = float(f"{value:.{digits}g}")
        if hyperparameter.legal_value(rounded) and abs(hyperparameter.to_vector(rounded) - u) < NEAR:
            return rounded
    return float(value)
