"""Optuna's distributions as spaces and back, their values as those of configs."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from math import isfinite
from numbers import Real
from typing import Any, Final

from ConfigSpace import ConfigurationSpace, Constant, Float, Integer, OrdinalHyperparameter
from ConfigSpace.hyperparameters import Hyperparameter
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from foretune.data.records import canonical
from foretune.history.readers.conditions import Rule, add_rules
from foretune.history.readers.inferred import choice_among
from foretune.history.readers.naming import plain_choice

MOST_STEPS: Final = 64  # values of a stepped number that are listed one by one
NOWHERE: Final = object()
Distributions = Mapping[str, BaseDistribution]


def united(parts: Iterable[Distributions]) -> dict[str, BaseDistribution]:
    """One distribution for each name that holds all values of those given, in order of first appearance."""
    found: dict[str, BaseDistribution] = {}
    for distributions in parts:
        for name, one in distributions.items():
            known = found.get(name)
            found[name] = one if known is None or known == one else _union(known, one)
    return found


def _union(known: BaseDistribution, new: BaseDistribution) -> BaseDistribution:
    """What holds the values of both; the new one where they are of two kinds."""
    if isinstance(known, IntDistribution) and isinstance(new, IntDistribution):
        on_grid = known.step == new.step and (known.low - new.low) % new.step == 0
        low, high = min(known.low, new.low), max(known.high, new.high)
        return IntDistribution(low, high, log=new.log and low > 0, step=new.step if on_grid else 1)
    if isinstance(known, FloatDistribution) and isinstance(new, FloatDistribution):
        step = new.step if known.step == new.step else None
        on_grid = step is not None and not (_exact(known.low) - _exact(new.low)) % _exact(step)
        bottom, top = min(known.low, new.low), max(known.high, new.high)
        return FloatDistribution(bottom, top, log=new.log and bottom > 0, step=step if on_grid else None)
    return new


def parents_among(distributions: Distributions) -> dict[str, frozenset[str]]:
    """The `choices` and the `integers`, on which other hyperparameters may depend."""
    choices = (name for name, one in distributions.items() if isinstance(one, CategoricalDistribution))
    integers = (name for name, one in distributions.items() if isinstance(one, IntDistribution))
    return {"choices": frozenset(choices), "integers": frozenset(integers)}


def space_of(
    distributions: Distributions, rules: Mapping[str, Rule], *, name: str = "", steps: bool = True
) -> ConfigurationSpace:
    """The distributions as a space; see `tasks_of` for `steps`."""
    space = ConfigurationSpace(name=name)
    space.add(*(_parameter(label, one, steps=steps) for label, one in distributions.items()))
    add_rules(space, rules)
    return space


def _parameter(name: str, one: BaseDistribution, *, steps: bool) -> Hyperparameter[Any, Any]:
    if isinstance(one, CategoricalDistribution):
        # Choices of the same text, two functions of one name, say, are told as one.
        distinct = {canonical({"": choice}): choice for choice in map(plain_choice, one.choices)}
        return choice_among(name, list(distinct.values()))
    assert isinstance(one, IntDistribution | FloatDistribution)
    if one.single():
        return Constant(name, one.low)
    if steps and (values := _stepped(one)):
        return OrdinalHyperparameter(name, values, default_value=values[len(values) // 2])
    if isinstance(one, IntDistribution):
        return Integer(name, (one.low, one.high), log=one.log)
    return Float(name, (one.low, one.high), log=one.log)


def _stepped(one: IntDistribution | FloatDistribution) -> list[float]:
    """The values of a stepped number, one by one; none where it has no steps, or too many."""
    if one.step in (None, 1) and not (isinstance(one, FloatDistribution) and one.step):
        return []
    count = int((_exact(one.high) - _exact(one.low)) // _exact(one.step)) + 1
    return [number_in(one, one.low + k * one.step) for k in range(count)] if count <= MOST_STEPS else []


def has_odd_choices(one: BaseDistribution) -> bool:
    """Whether some of the choices are told by their text."""
    if not isinstance(one, CategoricalDistribution):
        return False
    return any(isinstance(plain_choice(c), str) and not isinstance(c, str) for c in one.choices)


def told(one: BaseDistribution, value: Any) -> Any:
    """A parameter's value as it stands in a config."""
    if isinstance(one, CategoricalDistribution):
        return plain_choice(value)
    stepped = isinstance(one, FloatDistribution) and one.step is not None
    return number_in(one, value) if stepped else value


def asked(one: BaseDistribution, value: Any) -> Any:
    """A config's value as one of this distribution, the nearest for a number; NOWHERE where there is none."""
    if isinstance(one, CategoricalDistribution):
        return next((choice for choice in one.choices if _same(plain_choice(choice), value)), NOWHERE)
    if isinstance(value, bool) or not isinstance(value, Real) or not isfinite(value):
        return NOWHERE
    return number_in(one, float(value))


def _same(choice: Any, value: Any) -> bool:
    """Whether the values are one: 10 and 10.0 are, 1 and True are not."""
    return bool(choice == value) and isinstance(choice, bool) == isinstance(value, bool)


def number_in(one: BaseDistribution, value: float) -> float:
    """The number nearest to this one that the distribution holds."""
    assert isinstance(one, IntDistribution | FloatDistribution)
    drawn = min(max(value, one.low), one.high)
    if isinstance(one, IntDistribution):
        return int(one.low + round((drawn - one.low) / one.step) * one.step)
    if one.step is None:
        return float(drawn)
    # In decimals, as 0.1 has no exact binary: 3 steps of it are 0.3, and not 0.30000000000000004.
    return float(_exact(one.low) + round((drawn - one.low) / one.step) * _exact(one.step))


def _exact(number: float) -> Decimal:
    return Decimal(str(number))
