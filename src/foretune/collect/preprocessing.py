"""The one fixed preprocessing of every collected trial; its name is recorded in the trials' provenance."""

from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.utils.validation import check_is_fitted

from foretune.data.errors import DatasetError
from foretune.features.columns import as_meant

PREPROCESSING: Final = "median-mode-standard-onehot/1"
LARGEST: Final = 1e150


def make_preprocessing(X: pd.DataFrame) -> ColumnTransformer:
    """Median and most-frequent imputation, standardised numbers, one-hot with rare categories grouped.

    A category is rare below 1 % of the rows or beyond the 30 most frequent. The result is a dense float
    array; numbers that are infinite, or too large to be squared, count as missing.
    """
    numbers = [i for i in range(X.shape[1]) if _is_number(X.iloc[:, i])]
    categories = [i for i in range(X.shape[1]) if i not in set(numbers)]
    number_steps = make_pipeline(
        FunctionTransformer(_finite, feature_names_out="one-to-one"),
        SimpleImputer(strategy="median", keep_empty_features=True),
        StandardScaler(),
    )
    category_steps = make_pipeline(
        FunctionTransformer(_text, feature_names_out="one-to-one"),
        SimpleImputer(strategy="most_frequent", missing_values=np.nan, keep_empty_features=True),
        OneHotEncoder(
            handle_unknown="infrequent_if_exist", min_frequency=0.01, max_categories=30, sparse_output=False
        ),
    )
    return ColumnTransformer([("numbers", number_steps, numbers), ("categories", category_steps, categories)])


def _is_number(column: "pd.Series[Any]") -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _finite(X: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
    values = X.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.abs(values) < LARGEST, values, np.nan)


def _text(X: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.object_]]:
    """Every category as text, so that mixed columns sort; what is missing stays NaN."""
    return np.where(X.isna(), np.nan, X.astype(str).to_numpy(dtype=object))


class Preprocessing(TransformerMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """The preprocessing as a transformer, which may stand in a pipeline: for tables and for arrays.

    What is a number and what a category is told by the columns that it is fitted on.

    >>> Preprocessing().fit_transform([[1.0, "a"], [3.0, "b"]])
    array([[-1.,  1.,  0.],
           [ 1.,  0.,  1.]])
    """

    def fit(self, X: pd.DataFrame | ArrayLike, y: object = None) -> Self:
        """The transformer itself, having learned from the columns of X (n, d)."""
        self.columns_ = make_preprocessing(frame := _frame(X)).fit(frame)
        self.n_features_in_ = frame.shape[1]
        if hasattr(self.columns_, "feature_names_in_"):
            self.feature_names_in_ = self.columns_.feature_names_in_
        return self

    def transform(self, X: pd.DataFrame | ArrayLike) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The columns of X (n, d) as a dense float array."""
        check_is_fitted(self)
        values: np.ndarray[Any, np.dtype[np.float64]] = self.columns_.transform(_frame(X))
        return values

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray[Any, np.dtype[np.object_]]:
        """The names of the columns that come out."""
        check_is_fitted(self)
        names: np.ndarray[Any, np.dtype[np.object_]] = self.columns_.get_feature_names_out()
        return names


def _frame(X: pd.DataFrame | ArrayLike) -> pd.DataFrame:
    if isinstance(X, pd.DataFrame):
        return _numbered(as_meant(X))
    if issparse(X):
        raise DatasetError("the preprocessing takes a dense table, but X is sparse: give X.toarray().")
    values = np.asarray(X, dtype=None if isinstance(X, np.ndarray) else object)
    if values.ndim != 2:
        raise DatasetError(
            f"the preprocessing takes a table (n, d), but X has shape {values.shape}. Reshape your data: one "
            "row is X.reshape(1, -1), one column X.reshape(-1, 1)."
        )
    return as_meant(pd.DataFrame(values))


def _numbered(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with numbers for names where scikit-learn takes none of these: not texts, or not unique."""
    is_text = all(isinstance(name, str) for name in frame.columns)
    return frame if is_text and frame.columns.is_unique else frame.set_axis(range(frame.shape[1]), axis=1)
