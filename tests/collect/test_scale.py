"""Whether columns are standardised."""

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from foretune.collect.scale import is_standard, spreads


def test_spreads_of_any_table() -> None:
    """Numeric columns that vary have a spread, whatever the table is; other data have none."""
    frame = pd.DataFrame({"a": [0.0, 2.0, np.nan], "b": ["x", "y", "z"], "c": [1, 1, 1], "d": [np.inf, 0, 4]})
    assert spreads(frame).tolist() == [1.0, 2.0]
    assert spreads(frame.to_numpy()).tolist() == [1.0, 2.0]
    assert [len(spreads(one)) for one in (["a text", "another"], csr_matrix(np.eye(3)), [[None], ["x"]])] == [
        0,
        0,
        0,
    ]


def test_near_one_is_standard() -> None:
    """Spreads near 1 are called standard, and so is data without any."""
    assert is_standard(np.array([0.5, 2.0])) and is_standard(np.empty(0))
    assert not is_standard(np.array([1.0, 50.0]))
