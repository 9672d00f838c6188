"""Configs as numbers: every hyperparameter of a space becomes one or more columns in the unit cube."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from ConfigSpace import CategoricalHyperparameter, ConfigurationSpace, Constant, OrdinalHyperparameter

from foretune.data.records import Config, Floats, Ints, canonical
from foretune.data.spaces import complete, unfold

INACTIVE = 0.5  # a number that is not active stands in the middle; its parent's columns tell that it is not


_LATEST: "list[Encoder]" = []  # at most one: to learn from the same past again and again is the rule


class Encoder:
    """Turns configs of one space into points.

    A number becomes one column, 0 at the lower and 1 at the upper end of its range, on its own scale (log
    where the space says so); beyond the range it goes on, up to half the range. A choice becomes one column
    for each of its values, 1 for the one taken; an unknown value has none. What a config does not name is at
    its default; names that the space does not know are passed over. `columns`
    names all columns, `choices` holds those of each choice.

    >>> from ConfigSpace import Float
    >>> space = ConfigurationSpace()
    >>> space.add(Float("C", (0.01, 100.0), log=True, default=1.0))
    >>> Encoder(space)([{"C": 0.01}, {"C": 1.0}, {}]).round(2).tolist()
    [[0.0], [0.5], [0.5]]
    """

    def __init__(self, space: ConfigurationSpace) -> None:
        self.space = space
        self._known: dict[str, Floats] = {}
        self._keys: dict[Hashable, str] = {}
        labels = {name: _labels(space[name]) for name in space}
        self.columns = [label for found in labels.values() for label in found]
        self.choices = [*_blocks(space, labels)]

    @classmethod
    def of(cls, space: ConfigurationSpace) -> "Encoder":
        """The encoder of this very space, which remembers what it has encoded before."""
        if not _LATEST or _LATEST[0].space is not space:
            _LATEST[:] = [cls(space)]
        return _LATEST[0]

    def __call__(self, configs: Sequence[Config]) -> Floats:
        """The points (n, columns) of n configs."""
        points = [self._point(config) for config in configs]
        return np.array(points).reshape(len(points), len(self.columns))

    def key(self, config: Config) -> str:
        """One name for equal settings: defaults spelled out or not, 1 or 1.0; True is no number."""
        # What tells configs apart as fast as Python can.
        quick: tuple[object, ...] | None = (*config.items(), *map(type, config.values()))
        try:
            return self._keys[quick]
        except KeyError:
            pass
        except TypeError:  # a value is a list
            quick = None
        text = canonical(config)
        if text not in self._keys:
            completed = complete(self.space, config)
            alike = {name: float(v) if type(v) is int else v for name, v in completed.items()}
            self._keys[text] = canonical(alike)
        if quick is not None:
            self._keys[quick] = self._keys[text]
        return self._keys[text]

    def _point(self, config: Config) -> Floats:
        text = canonical(config)
        if text not in self._known:
            self._known[text] = self._encode(config)
        return self._known[text]

    def _encode(self, config: Config) -> Floats:
        values = unfold(self.space, complete(self.space, config))
        found = [_columns(self.space[name], name in values, values.get(name)) for name in self.space]
        return np.concatenate([np.empty(0), *found])


def _blocks(space: ConfigurationSpace, labels: Mapping[str, list[str]]) -> Iterator[Ints]:
    """The columns of each choice."""
    start = 0
    for name, found in labels.items():
        if isinstance(space[name], CategoricalHyperparameter):
            yield np.arange(start, start + len(found))
        start += len(found)


def _labels(hyperparameter: Any) -> list[str]:
    if isinstance(hyperparameter, CategoricalHyperparameter):
        return [f"{hyperparameter.name}={choice}" for choice in hyperparameter.choices]
    return [] if isinstance(hyperparameter, Constant) else [hyperparameter.name]


def _columns(hyperparameter: Any, active: bool, value: Any) -> Floats:
    if isinstance(hyperparameter, Constant):
        return np.empty(0)
    if isinstance(hyperparameter, CategoricalHyperparameter):
        return np.array([float(active and choice == value) for choice in hyperparameter.choices])
    if not active:
        return np.array([INACTIVE])
    if isinstance(hyperparameter, OrdinalHyperparameter):
        steps = list(hyperparameter.sequence)
        return np.array([steps.index(value) / max(len(steps) - 1, 1) if value in steps else INACTIVE])
    return np.array([_on_scale(hyperparameter, value)])


def _on_scale(hyperparameter: Any, value: Any) -> float:
    """Where the number stands between the ends of its range, on its own scale."""
    if not isinstance(value, Real):
        return INACTIVE
    low, high, x = float(hyperparameter.lower), float(hyperparameter.upper), float(value)
    if hyperparameter.log:
        low, high, x = np.log(low), np.log(high), np.log(max(x, 1e-300))
    return float(np.clip((x - low) / (high - low), -0.5, 1.5))
