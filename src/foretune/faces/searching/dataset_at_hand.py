"""The data of a search: what it is like, where that can be told, and the task that it makes."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from foretune.collect.datasets import Dataset
from foretune.data.errors import ForetuneError
from foretune.data.metrics import Target
from foretune.data.records import digest
from foretune.faces.searching.candidates import plain_config
from foretune.features.metafeatures import describe

CROSS_VALIDATION: Final = (KFold, StratifiedKFold, GroupKFold, StratifiedGroupKFold)
NO_MATTER: Final = ("n_jobs", "verbose", "memory", "random_state")  # of parameters, to what is measured
MOST_DENSE: Final = 20_000_000  # cells of a sparse table that may be written out to be described


@dataclass(frozen=True)
class DatasetAtHand:
    """What was given to `fit`: a table, texts, a sparse matrix, with one target, several, or none."""

    X: Any
    y: Any
    target: Target | None

    @cached_property
    def table(self) -> tuple[pd.DataFrame, "pd.Series[Any]"] | None:
        """The columns and the target; None where the data are no table with one target."""
        if self.y is None or self.target is None:
            return None
        with suppress(ValueError, TypeError):
            return _frame(self.X), _column(self.y)
        return None

    @cached_property
    def metafeatures(self) -> Mapping[str, float]:
        """What the dataset is like; nothing where that cannot be told. What is wrong with it the fits say."""
        if self.table is None:
            return {}
        with suppress(ForetuneError, ValueError, TypeError), np.errstate(all="ignore"):
            return describe(*self.table, target=self.target)
        return {}

    @cached_property
    def fingerprint(self) -> str | None:
        """Names the data by content; None where they are no table with one target."""
        if self.table is None or self.target is None:
            return None
        with suppress(ForetuneError, ValueError, TypeError):
            return Dataset("given", *self.table, self.target).fingerprint
        return None

    @property
    def name(self) -> str:
        """A name by size and content, or, where there is none, by the time."""
        if self.fingerprint is None or self.table is None:
            return f"search of {datetime.now(UTC).isoformat(timespec='microseconds')}"
        rows, columns = self.table[0].shape
        return f"{rows}x{columns} {self.fingerprint[:8]}"


def _column(y: Any) -> "pd.Series[Any]":
    """The target (n,); raises `ValueError` where there are several."""
    if isinstance(y, pd.Series):
        return y.reset_index(drop=True)
    values = np.asarray(y)
    return pd.Series(values.ravel() if values.shape[1:] == (1,) else values)


def _frame(X: Any) -> pd.DataFrame:
    """The columns (n, d); raises `ValueError` where X is no table that can be written out."""
    if isinstance(X, pd.DataFrame):
        return X.reset_index(drop=True)
    if issparse(X):
        if np.prod(X.shape) > MOST_DENSE:
            raise ValueError("a sparse table of this size is not written out")
        return pd.DataFrame(X.toarray())
    values = np.asarray(X)
    if values.ndim != 2:
        raise ValueError(f"no table has the shape {values.shape}")
    return pd.DataFrame(values).infer_objects()


def protocol_of(cv: Any, estimator: Any, varied: Collection[str]) -> dict[str, Any]:
    """How the trials of a search are judged, as it is stored: part of the task's identity.

    `settings` names what stays the same for all trials, so that a search with another pipeline is another
    task; `varied` are the parameters of the estimator that do not.
    """
    pipeline = getattr(estimator, "regressor", estimator)
    steps = [type(step).__name__ for _, step in getattr(pipeline, "steps", ())[:-1]]
    parameters = estimator.get_params() if hasattr(estimator, "get_params") else {}
    settings = {
        name: value
        for name, value in parameters.items()
        if name not in varied
        and name.rpartition("__")[2] not in NO_MATTER
        and not hasattr(value, "get_params")
        and not isinstance(value, list)
    }
    told = {"preprocessing": "-".join(steps) or "none", "settings": digest(repr(plain_config(settings)))[:8]}
    if type(cv) in CROSS_VALIDATION:
        return {"validation": "cross-validation", "folds": cv.n_splits, "splitter": _shown(cv), **told}
    return {"validation": _shown(cv), **told}


def _shown(cv: Any) -> str:
    text = " ".join(str(cv).split())
    return type(cv).__name__ if " at 0x" in text or len(text) > 200 else text
