"""What a hyperparameter means where columns, or the target, are not standardised as the past's were."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from foretune.data.records import Config

Powers = tuple[float, float]


def _svm_cost(config: Config) -> Powers:
    # A linear kernel grows with the square of the columns; others take that in with gamma.
    return (2.0 if config.get("kernel") == "linear" else 0.0, -1.0)


def _shrinkage(config: Config) -> Powers:
    return (-1.0, -1.0) if config.get("l1_ratio", 0.5) else (-2.0, 0.0)


# In the units of the past a value is itself times columns ** p times target ** q: with these, the model is
# the same function of columns that all have the one spread. Derived from each model's objective.
POWERS: Final[Mapping[str, Mapping[str, Callable[[Config], Powers]]]] = {
    "svm": {"gamma": lambda _: (2.0, 0.0), "C": _svm_cost, "epsilon": lambda _: (0.0, -1.0)},
    "logistic_regression": {"C": lambda _: (2.0, 0.0)},
    "elastic_net": {"alpha": _shrinkage},
}


@dataclass(frozen=True)
class Units:
    """The typical spread of the columns and of the target, 1 each where they are standardised.

    >>> Units(columns=10.0).as_past("svm", {"C": 1.0, "gamma": 0.001})
    {'C': 1.0, 'gamma': 0.1}
    >>> Units(columns=10.0).as_here("svm", {"C": 1.0, "gamma": 0.1})
    {'C': 1.0, 'gamma': 0.001}
    """

    columns: float = 1.0
    target: float = 1.0

    def as_past(self, family: str, config: Config) -> dict[str, Any]:
        """The config as it would read on standardised data, which the past had."""
        return self._turned(family, config, 1.0)

    def as_here(self, family: str, config: Config) -> dict[str, Any]:
        """The config of the past as it reads on the data at hand."""
        return self._turned(family, config, -1.0)

    def _turned(self, family: str, config: Config, sign: float) -> dict[str, Any]:
        turned = dict(config)
        for name, powers in POWERS.get(family, {}).items():
            p, q = powers(config)
            factor = (self.columns**p * self.target**q) ** sign
            if factor != 1.0 and isinstance(value := config.get(name), int | float):
                # Four digits are read more easily, and no model tells the difference.
                turned[name] = float(f"{value * factor:.4g}")
        return turned
