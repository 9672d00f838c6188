"""Spaces for results that came without one: read off the configs, and said in words.

Numbers give a range, from the least to the greatest tried; all else is a choice among what was tried.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from ConfigSpace import CategoricalHyperparameter, ConfigurationSpace, Constant, Float, Integer
from ConfigSpace.hyperparameters import Hyperparameter, NumericalHyperparameter
from ConfigSpace.hyperparameters.hp_components import ROUND_PLACES

from foretune.data.errors import HistoryError
from foretune.data.records import Config, canonical
from foretune.data.spaces import KIND, NUMBER, add_mixed, fold, names_of
from foretune.history.readers.conditions import add_rules, rules_of

LOG_FROM: Final = 100  # a range of two orders of magnitude may be on the log scale
MOST_SHOWN: Final = 8  # choices that are listed in words
INT64: Final = 2**63
LARGEST: Final = 1e150  # beyond, ConfigSpace's rounding overflows


@dataclass
class Tried:
    """The distinct values of one hyperparameter: numbers apart from special values."""

    name: str
    numbers: dict[float, float] = field(default_factory=dict)
    specials: dict[str, Any] = field(default_factory=dict)

    def add(self, value: Any) -> None:
        """Notes a value."""
        if type(value) is int or type(value) is float:
            # A float stands for an equal integer: 1 and 1.0 make a range of floats.
            if value not in self.numbers or type(value) is float:
                self.numbers[value] = value
        else:
            key = f"text {value}" if type(value) is str else canonical({"": value})
            self.specials.setdefault(key, value)

    @property
    def is_integer(self) -> bool:
        """Whether it holds whole numbers and nothing else."""
        return not self.specials and all(type(value) is int for value in self.numbers.values())

    @property
    def is_choice(self) -> bool:
        """Whether it holds no number."""
        return not self.numbers


def tried_in(configs: Sequence[Config]) -> dict[str, Tried]:
    """What was tried of each hyperparameter, in order of first appearance."""
    found: dict[str, Tried] = {}
    for config in configs:
        for name, value in config.items():
            if name not in found:
                found[name] = Tried(name)
            found[name].add(value)
    return found


def inferred_space(
    configs: Sequence[Config], *, name: str = "", log: Collection[str] | None = None
) -> ConfigurationSpace:
    """The space that these configs span; `log` names what is on the log scale.

    Of the others it is inferred; an empty `log` says that none is. A hyperparameter that some configs lack
    depends on the choice that tells which, where there is one. Raises `HistoryError` where a hyperparameter
    fits no space.
    """
    return spanned(tried_in(configs), configs, name=name, log=log)


def spanned(
    tried: Mapping[str, Tried],
    configs: Sequence[Config],
    *,
    name: str = "",
    log: Collection[str] | None = None,
) -> ConfigurationSpace:
    """The space of what was tried; `configs`, all or some, tell which hyperparameters depend on which."""
    for named in log or ():
        if named not in tried:
            raise HistoryError(f"there is no hyperparameter {named!r} to put on the log scale.")
        if tried[named].is_choice:
            raise HistoryError(f"{named} is a choice, and no choice is on the log scale: leave it out.")
    space = ConfigurationSpace(name=name)
    for one in tried.values():
        inferred = None if log is None or log else False
        _add(space, one, True if one.name in (log or ()) else inferred)
    choices = {name for name, one in tried.items() if one.is_choice}
    integers = {name for name, one in tried.items() if one.is_integer}
    add_rules(space, rules_of(configs, choices=choices, integers=integers))
    return space


def choice_among(name: str, choices: Sequence[Any]) -> Hyperparameter[Any, Any]:
    """Choices of one type stand as they are; others as texts, which keep None, True, 1 and lists apart."""
    if len({type(choice) for choice in choices}) == 1 and isinstance(choices[0], bool | int | float | str):
        return CategoricalHyperparameter(name, choices)
    return CategoricalHyperparameter(name + KIND, [json.dumps(choice) for choice in choices])


def _add(space: ConfigurationSpace, one: Tried, log: bool | None) -> None:
    numbers, specials = list(one.numbers.values()), list(one.specials.values())
    if one.name.endswith(KIND):
        raise HistoryError(f"a hyperparameter cannot be called {one.name!r}: name it without {KIND!r}.")
    if specials and len(numbers) < 2:
        space.add(choice_among(one.name, specials + numbers))
    elif specials:
        add_mixed(space, _range(one.name, numbers, log), specials, default=specials[0])
    else:
        space.add(_range(one.name, numbers, log))


def _range(name: str, numbers: Sequence[float], log: bool | None) -> Hyperparameter[Any, Any]:
    low, high = min(numbers), max(numbers)
    whole = all(type(number) is int for number in numbers)
    if max(-low, high) >= (INT64 if whole else LARGEST):
        raise HistoryError(f"{name} goes from {low} to {high}: no range is so wide; leave it out.")
    if log and low <= 0:
        raise HistoryError(f"{name} goes down to {low}, so it cannot be on the log scale.")
    if low == high:
        return Constant(name, low if whole else float(low))
    log = is_logarithmic(numbers) if log is None else log
    if whole:
        return Integer(name, (int(low), int(high)), log=log)
    low, high = _kept_bound(float(low), -1.0), _kept_bound(float(high), 1.0)
    return Float(name, (low, high), log=log and low > 0)


def _kept_bound(bound: float, way: float) -> float:
    """The bound itself, or the next one outward that ConfigSpace, which rounds, keeps beyond it."""
    step = max(10.0**-ROUND_PLACES, 4.0 * float(np.spacing(abs(bound))))
    rounded = float(np.round(bound, ROUND_PLACES))
    return rounded if way * (rounded - bound) >= 0 else float(np.round(bound + way * step, ROUND_PLACES))


def is_logarithmic(numbers: Sequence[float]) -> bool:
    """Whether positive numbers span over two orders of magnitude, more evenly on the log scale.

    >>> is_logarithmic([0.001, 0.01, 0.1, 1.0]), is_logarithmic([1, 250, 500, 750, 1000])
    (True, False)
    """
    if min(numbers) <= 0 or max(numbers) / LOG_FROM <= min(numbers):
        return False
    values = np.sort(np.asarray(numbers, dtype=float))
    return _unevenness(np.log(values)) < _unevenness(values)


def _unevenness(values: Any) -> float:
    """How far sorted numbers (n,) are from evenly spread: their Kolmogorov-Smirnov distance, in [0, 1]."""
    spread = (values - values[0]) / (values[-1] - values[0])
    return float(np.abs(spread - np.linspace(0.0, 1.0, len(spread))).max())


def in_words(space: ConfigurationSpace) -> dict[str, str]:
    """Each hyperparameter's name and what it may be: "float 0.01 to 100, log scale", "'rbf' or 'linear'"."""
    return {name: _words(space, name) for name in names_of(space)}


def _words(space: ConfigurationSpace, name: str) -> str:
    parts = list(_parts(space, name))
    held = name + KIND if name + KIND in space else name
    conditions = [str(parent.name).removesuffix(KIND) for parent in space.parents_of[held]]
    return " or ".join(parts) + (f"; depends on {', '.join(conditions)}" if conditions else "")


def _parts(space: ConfigurationSpace, name: str) -> Iterator[str]:
    kind = space.get(name + KIND)
    if isinstance(kind, CategoricalHyperparameter):
        texts: Mapping[str, Any] = {str(c): fold({name + KIND: c}) for c in kind.choices if c != NUMBER}
        yield from _listed([config[name] for config in texts.values()])
    if name in space:
        yield from _described(space[name])


def _described(one: Hyperparameter[Any, Any]) -> Iterator[str]:
    if isinstance(one, NumericalHyperparameter):
        kind = "int" if isinstance(one.lower, int) else "float"
        yield f"{kind} {one.lower:g} to {one.upper:g}" + (", log scale" if one.log else "")
    elif isinstance(one, Constant):
        yield f"always {one.value!r}"
    else:
        yield from _listed(getattr(one, "choices", ()) or getattr(one, "sequence", ()))


def _listed(values: Sequence[Any]) -> Iterator[str]:
    yield from (_cut(repr(value)) for value in values[:MOST_SHOWN])
    if len(values) > MOST_SHOWN:
        yield f"{len(values) - MOST_SHOWN} more"


def _cut(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
