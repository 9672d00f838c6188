"""What a hyperparameter means where columns, or the target, are not standardised as the past's were."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from foretune.data.records import Config, Floats

SENSITIVE: Final = frozenset({"svm", "logistic_regression", "elastic_net", "knn", "mlp"})
NEAR_ONE: Final = (0.3, 3.0)  # standard deviations this near to 1 need no word of warning

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


def spreads(X: Any) -> Floats:
    """The standard deviations (k,) of the numeric columns that vary; none where X is no dense table."""
    try:
        frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(np.asarray(X)).infer_objects()
        numbers = frame.select_dtypes("number").to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        return np.empty(0)
    numbers = np.where(np.isfinite(numbers), numbers, np.nan)
    known = numbers[:, (~np.isnan(numbers)).sum(axis=0) > 1]
    with np.errstate(over="ignore"):
        found = np.nanstd(known, axis=0) if known.size else np.empty(0)
    return np.asarray(found[np.isfinite(found) & (found > 0)])


def is_standard(found: Floats) -> bool:
    """Whether all these standard deviations are near 1, or there are none to be told of."""
    return not found.size or bool((found > NEAR_ONE[0]).all() and (found < NEAR_ONE[1]).all())
