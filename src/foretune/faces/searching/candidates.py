"""The settings that a search may try: as the estimator takes them, and as the past knows them."""

import copy
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import joblib
import numpy as np
from ConfigSpace import ConfigurationSpace, Float, Integer
from sklearn.model_selection import ParameterGrid, ParameterSampler

from foretune.data.errors import FamilyError, SpaceError
from foretune.data.records import Config, Task, canonical, plain
from foretune.data.spaces import (
    add_lists,
    add_mixed,
    complete,
    default_config,
    holds,
    is_allowed,
    names_of,
    sobol_configs,
    unfold,
    with_words,
)
from foretune.faces.searching.estimators import Model
from foretune.faces.searching.units import Units

FRESH: Final = 128  # Sobol points of a space, beside the configs that past tasks tried
DRAWN: Final = 256  # settings drawn from distributions, of which a search tries the most promising
MOST_CELLS: Final = 2_000  # of a larger grid so many are drawn: more would cost more time than trials save

Settings = dict[str, Any]


@dataclass(frozen=True)
class Candidates:
    """What may be tried: n `settings` for `set_params`, the very objects given, and what the past sees.

    `seen` (n,) are plain configs of `space` in the past's units: there a setting that no past task knows,
    such as an object, stands by its name. `told` (n,) are the same in the units of the data at hand. `first`
    is what the estimator is set to now, as the past sees it.
    """

    settings: Sequence[Settings]
    seen: Sequence[Config]
    told: Sequence[Config]
    space: ConfigurationSpace
    first: Config

    @classmethod
    def of(
        cls,
        param_space: Any,
        model: Model,
        units: Units,
        *,
        past: Iterable[Task] = (),
        fresh: int = FRESH,
    ) -> "Candidates":
        """The candidates of a list of settings, of a space, or (None) of the family's wide space.

        Of a space they are what past tasks tried in it, and so many `fresh` points. Raises `FamilyError`
        where nothing says what to search.
        """
        recorded = list({trial.key: trial.config for task in past for trial in task.done}.values())
        if param_space is None:
            return _wide(model, units, recorded, fresh)
        if isinstance(param_space, ConfigurationSpace):
            return _spaced(_renamed(param_space, model), model, units, recorded, fresh)
        return _listed(param_space, model, units)


def cells_of(param_space: Any, rng: np.random.RandomState, *, most: int = MOST_CELLS) -> list[Settings]:
    """The cells of a grid in its order, or settings drawn from distributions; `SpaceError` for others."""
    try:
        if has_distribution(param_space):
            return list(ParameterSampler(param_space, most, random_state=rng))
        grid = ParameterGrid(param_space)
    except (TypeError, ValueError) as error:
        said = str(error).removesuffix(".")
        raise SpaceError(
            f"{said}. Give a grid, lists or scipy distributions by name, or a ConfigurationSpace."
        ) from None
    if not len(grid):
        raise SpaceError("the grid has no cell: give lists of values by name.")
    if odd := [name for part in grid.param_grid for name in part if not isinstance(name, str)]:
        raise SpaceError(f"the grid names a hyperparameter {odd[0]!r}: give texts as names.")
    if len(grid) <= most:
        return list(grid)
    return [grid[int(k)] for k in np.sort(rng.choice(len(grid), most, replace=False))]


def has_distribution(param_space: Any) -> bool:
    """Whether any of the values is a distribution, so that the settings cannot be counted."""
    parts = [param_space] if isinstance(param_space, Mapping) else param_space
    return any(
        hasattr(values, "rvs") for part in parts if isinstance(part, Mapping) for values in part.values()
    )


def _wide(model: Model, units: Units, recorded: Iterable[Config], fresh: int) -> Candidates:
    """All of the family's space, but what the user has settled stays."""
    if model.known is None or model.target is None:
        raise FamilyError(
            f"foretune knows no family of {type(model.estimator).__name__}: say what to search, with a grid, "
            "distributions or a ConfigurationSpace as param_space."
        )
    settled = plain_config(model.settled)
    space = with_words(model.known.wide_space(model.target), [settled])
    free = [name for name in names_of(space) if name not in settled and name in model.own_parameters]

    def freely(config: Config) -> dict[str, Any]:
        return {name: config[name] for name in free if name in config}

    def with_settled(config: Config) -> dict[str, Any]:  # which is in the units of the data at hand
        whole = complete(space, {**config, **settled})
        past = units.as_past(model.name, whole)
        return whole | {name: past[name] for name in settled if name in whole}

    legal = (one for one in map(freely, recorded) if is_legal(space, one))
    pool = [{}, *legal, *map(freely, sobol_configs(space, fresh))]
    now = units.as_past(model.name, complete(space, settled))
    seen = _unique([now, *map(with_settled, pool)])
    here = (model.outside(units.as_here(model.name, freely(one))) for one in seen)
    told = [units.as_here(model.name, one) for one in seen]
    return Candidates([model.wrapped(one) for one in here], seen, told, space, seen[0])


def _spaced(
    space: ConfigurationSpace, model: Model, units: Units, recorded: Iterable[Config], fresh: int
) -> Candidates:
    """A space of the user's, whose numbers are meant for the data at hand."""
    names, settled = names_of(space), plain_config(model.settled)
    known = [units.as_here(model.name, config) for config in recorded]
    named = [{name: config[name] for name in names if name in config} for config in known]
    legal = [complete(space, config) for config in named if config and is_legal(space, config)]
    pool = _unique([default_config(space), *legal, *sobol_configs(space, fresh)])
    here = [config for config in pool if is_allowed(space, config)]
    if not here:
        raise SpaceError("the space forbids all that was drawn from it: loosen its forbidden clauses.")
    own = {name: value for name, value in settled.items() if name not in names}
    told = [own | dict(one) for one in here]
    seen = [units.as_past(model.name, one) for one in told]
    settings = [model.wrapped(model.outside(one)) for one in here]
    return Candidates(settings, seen, told, _with_others(model, space, seen), seen[0])


def _listed(settings: Sequence[Settings], model: Model, units: Units) -> Candidates:
    """Settings that were listed; what a cell does not name is as the estimator has it."""
    names = dict.fromkeys(name for one in settings for name in one)
    now = {name: model.parameters[name] for name in names if name in model.parameters}
    base, words = {**model.settled, **model.inside(now)}, Words()
    now_told, *told = [words.config(base | model.inside(one)) for one in ({}, *settings)]
    first, *seen = (units.as_past(model.name, one) for one in (now_told, *told))
    wrapped = [model.wrapped(one) for one in settings] if model.wrap else settings
    return Candidates(wrapped, seen, told, _with_others(model, None, [first, *seen]), first)


class Words:
    """Plain words for objects: one word for an object, or for equal estimators, and another for another.

    >>> from sklearn.svm import SVC
    >>> Words().config({"model": SVC(C=10), "score": len, "sizes": (2, 3), "weight": {0: 1}})
    {'model': 'SVC(C=10)', 'score': 'len', 'sizes': [2, 3], 'weight': '{0: 1}'}
    """

    def __init__(self) -> None:
        self._taken: dict[str, list[Any]] = {}

    def config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The config with a word in the place of every value that cannot be stored."""
        return {name: self._word(value) for name, value in config.items()}

    def _word(self, value: Any) -> Any:
        value = plain(value)
        if isinstance(value, np.ndarray | tuple | list):
            return self._list(value)
        if value is None or isinstance(value, bool | int | str) or _is_finite(value):
            return value
        text = _text(value)
        same = self._taken.setdefault(text, [])
        place = next((k for k, one in enumerate(same) if _is_one(one, value)), len(same))
        if place == len(same):
            same.append(value)
        return f"{text} #{place + 1}" if place else text

    def _list(self, value: Any) -> Any:
        if isinstance(value, np.ndarray) and value.size > 20:
            return self._word(_Named(f"array of shape {value.shape}", value))
        return [self._word(one) for one in (value.tolist() if isinstance(value, np.ndarray) else value)]


@dataclass(frozen=True, eq=False)
class _Named:
    name: str
    value: Any

    def __repr__(self) -> str:
        return self.name


def _is_one(one: Any, other: Any) -> bool:
    """Whether two objects are the same, or estimators of equal settings."""
    if isinstance(one, _Named) and isinstance(other, _Named):
        return one.value is other.value
    if one is other or type(one) is not type(other) or not hasattr(one, "get_params"):
        return one is other
    return bool(joblib.hash(one) == joblib.hash(other))


def _is_finite(value: Any) -> bool:
    return isinstance(value, float) and bool(np.isfinite(value))


def _text(value: Any) -> str:
    """What an object is called: never its address, which is another in each process."""
    if name := getattr(value, "__qualname__", ""):
        return str(name)
    text = " ".join(repr(value).split())
    return type(value).__name__ if " at 0x" in text else text


def plain_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config with a word in the place of every object."""
    return Words().config(config)


def _with_others(
    model: Model, space: ConfigurationSpace | None, seen: Sequence[Config]
) -> ConfigurationSpace:
    """The family's space, or that given, and beside it what else the configs hold."""
    if space is None and model.known is not None and model.target is not None:
        space = model.known.wide_space(model.target)
    wide = copy.deepcopy(space) if space is not None else ConfigurationSpace(name=model.name)
    wide = with_words(wide, seen)
    known = names_of(wide)
    for name in dict.fromkeys(name for config in seen for name in config if name not in known):
        _add(wide, name, [config[name] for config in seen if name in config])
    return wide


def _add(space: ConfigurationSpace, name: str, values: Sequence[Any]) -> None:
    """Adds a hyperparameter that holds these values: their range where they are numbers, else a choice."""
    distinct = list({canonical({"": value}): value for value in values}.values())
    numbers = [value for value in distinct if isinstance(value, int | float) and not isinstance(value, bool)]
    others = [value for value in distinct if not any(value is one for one in numbers)]
    low, high = (min(numbers), max(numbers)) if numbers else (0, 0)
    if low == high:
        add_lists(space, name, distinct, default=distinct[0])
        return
    kind: Any = Integer if all(isinstance(value, int) for value in numbers) else Float
    number = kind(name, (low, high), log=low > 0 and high / low >= 10, default=numbers[0])
    if others:
        add_mixed(space, number, others, default=distinct[0])
    else:
        space.add(number)


def _renamed(space: ConfigurationSpace, model: Model) -> ConfigurationSpace:
    """The space with the names that the model knows, where it has those of the whole estimator."""
    if not model.prefix or not any(name.startswith(model.prefix) for name in space):
        return space
    return ConfigurationSpace.from_serialized_dict(_without(space.to_serialized_dict(), model.prefix))


def _without(value: Any, prefix: str) -> Any:
    """A serialised space whose names have lost the prefix."""
    if isinstance(value, Mapping):
        named = {"name", "parent", "child"}
        return {
            key: one.removeprefix(prefix) if key in named and isinstance(one, str) else _without(one, prefix)
            for key, one in value.items()
        }
    return [_without(one, prefix) for one in value] if isinstance(value, list | tuple) else value


def is_legal(space: ConfigurationSpace, config: Config) -> bool:
    """Whether the space holds each of the config's values."""
    return all(holds(space[name], value) for name, value in unfold(space, config).items())


def _unique(configs: Iterable[Config]) -> list[dict[str, Any]]:
    return list(
        {json.dumps(config, sort_keys=True, default=repr): dict(config) for config in configs}.values()
    )
