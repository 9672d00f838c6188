"""Whether columns, or a target, are standardised as the past's were, and which families mind."""

from typing import Any, Final

import numpy as np
import pandas as pd

from foretune.data.records import Floats

SENSITIVE: Final = frozenset({"svm", "logistic_regression", "elastic_net", "knn", "mlp"})
NEAR_ONE: Final = (0.3, 3.0)  # standard deviations this near to 1 need no word of warning


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
