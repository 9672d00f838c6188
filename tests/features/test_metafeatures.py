"""Meta-features agree with pymfe, make sense, and stand whatever a table may hold."""

import time
import warnings
from functools import cache, partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from numpy.testing import assert_allclose
from pymfe.mfe import MFE
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine, make_blobs, make_moons
from sklearn.tree import DecisionTreeRegressor

from foretune.data.errors import DatasetError
from foretune.features.landmarkers import _depths, _ends
from foretune.features.metafeatures import METAFEATURES, describe, draw
from foretune.features.table import Table, read

SHARED_WITH_PYMFE = {
    "general": [
        "nr_inst", "nr_attr", "nr_num", "nr_cat", "nr_bin", "nr_class", "num_to_cat", "attr_to_inst",
        "inst_to_attr", "freq_class.mean", "freq_class.sd", "freq_class.min", "freq_class.max",
    ],
    "statistical": [
        "cor.mean", "cor.sd", "nr_cor_attr", "skewness.mean", "skewness.sd", "kurtosis.mean", "kurtosis.sd",
        "sparsity.mean", "sparsity.sd",
    ],
    "info-theory": [
        "class_ent", "attr_ent.mean", "attr_ent.sd", "joint_ent.mean", "mut_inf.mean", "mut_inf.sd",
        "mut_inf.max", "eq_num_attr", "ns_ratio",
    ],
}  # fmt: skip
SHARED = [name for names in SHARED_WITH_PYMFE.values() for name in names]


@cache
def by_pymfe(load):
    """Pymfe's values for the dataset that `load` returns."""
    X, y = load()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oracle = MFE(groups=list(SHARED_WITH_PYMFE), summary=["mean", "sd", "min", "max"])
        oracle.fit(np.asarray(X), np.asarray(y), transform_cat=None)
        return dict(zip(*oracle.extract(), strict=True))


def mixed(n=400, seed=0):
    """Numbers, text and three classes that depend on both."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=n), rng.exponential(size=n)
    colour = rng.choice(["red", "green", "blue"], n, p=[0.6, 0.3, 0.1])
    frame = {"a": a, "b": b, "a+b": a + b, "whole": rng.integers(0, 5, n), "colour": colour}
    frame["flag"] = np.where(rng.random(n) < 0.3, "yes", "no")
    y = np.digitize(a + (colour == "red") + rng.normal(scale=0.5, size=n), [0.0, 1.0])
    return pd.DataFrame(frame), y


def same(left, right, tolerance=1e-9):
    """Asserts equal names and equal values."""
    assert list(left) == list(right)
    assert_allclose(list(left.values()), list(right.values()), rtol=tolerance, atol=tolerance)


iris, wine, breast_cancer = (
    partial(load, return_X_y=True) for load in (load_iris, load_wine, load_breast_cancer)
)


@cache
def described(load):
    """Our values for the dataset that `load` returns."""
    return describe(*load())


@pytest.mark.parametrize("load", [iris, wine, breast_cancer, mixed])
@pytest.mark.parametrize("name", SHARED)
def test_values_are_those_of_pymfe(load, name):
    """On numbers, and on numbers and text together, every shared meta-feature has pymfe's value."""
    # pymfe adds 1e-8 to every cell of a joint distribution.
    assert_allclose(described(load)[name], by_pymfe(load)[name], rtol=1e-4, atol=1e-5)


def test_outliers_as_tukey_draws_them():
    """The outlier ratio counts the numbers beyond Tukey's fences, for columns and target alike."""
    X = np.r_[np.arange(99.0), 1000.0][:, None]
    found = describe(X, X[:, 0], target="regression")
    assert found["outlier_ratio"] == found["target_outlier_ratio"] == 0.01


def test_spectrum_counts_independent_directions():
    """Copies of one column are one principal component; independent columns all count."""
    x = np.random.default_rng(0).normal(size=(2000, 4))
    y = np.arange(2000) % 2
    copies, apart = describe(np.repeat(x[:, :1], 4, axis=1), y), describe(x, y)
    assert copies["pca_95"] == 0.25
    assert copies["pca_top"] == pytest.approx(1.0)
    assert apart["pca_95"] == 1.0
    assert apart["pca_top"] == pytest.approx(0.25, abs=0.05)


def test_target_correlation_as_numpy():
    """The correlations with a numeric target are numpy's."""
    X, y = load_diabetes(return_X_y=True)
    expected = np.abs([np.corrcoef(column, y)[0, 1] for column in X.T])
    found = describe(X, y)
    assert found["target_cor.mean"] == pytest.approx(expected.mean())
    assert found["target_cor.max"] == pytest.approx(expected.max())


@pytest.mark.parametrize(("kind", "y"), [("classification", [0, 1] * 9), ("regression", np.arange(18) / 7)])
def test_every_value_is_documented(kind, y):
    """`METAFEATURES` documents exactly what `describe` returns, in its order."""
    found = describe(np.random.default_rng(0).normal(size=(18, 3)), y)
    assert list(found) == list(METAFEATURES[kind])
    assert all(type(value) is float for value in found.values())


@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_nan_only_where_the_table_says_so(kind):
    """On one constant column exactly the meta-features whose meaning speaks of NaN may be NaN."""
    found = describe(np.zeros((30, 1)), np.arange(30) % 3, target=kind)
    undefined = {name for name, value in found.items() if np.isnan(value)}
    assert undefined <= {name for name, meaning in METAFEATURES[kind].items() if "NaN" in meaning}
    assert len(undefined) > 10


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        (["a", "b"] * 20, "classification"),
        ([True, False] * 20, "classification"),
        (pd.Categorical([1.5, 2.5] * 20), "classification"),
        ([0.0, 1.0] * 20, "classification"),
        (list(range(20)) * 2, "classification"),
        (list(range(40)), "regression"),
        ([0.5, 1.0] * 20, "regression"),
    ],
)
def test_target_is_inferred(y, kind):
    """Text, booleans, categories and few whole numbers are classes; other numbers are to be predicted."""
    assert list(describe(np.arange(40.0)[:, None], y)) == list(METAFEATURES[kind])


def test_same_seed_same_answer():
    """The same seed gives the same values; another one changes them, where a sample was drawn."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(3000, 5)), rng.integers(0, 2, 3000)
    assert describe(X, y, seed=1) == describe(X, y, seed=1)
    assert describe(X, y, seed=1)["cor.mean"] != describe(X, y, seed=2)["cor.mean"]


@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_order_of_columns_is_nothing(kind):
    """Permuting the columns changes no value, ties in trees included."""
    X, y = mixed()
    same(describe(X, y, target=kind), describe(X[X.columns[[5, 2, 0, 4, 1, 3]]], y, target=kind))


def test_order_of_rows_matters_little():
    """Permuting the rows leaves statistics as they are and landmarkers near by."""
    X, y = load_breast_cancer(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    one, other = describe(X, y), describe(X[order], y[order])
    same({name: one[name] for name in SHARED if name in one}, {name: other[name] for name in SHARED})
    assert abs(one["rbf"] - other["rbf"]) < 0.05


@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_units_are_nothing(kind):
    """Shifting and scaling a numeric column, or a numeric target, changes no value."""
    X, y = mixed()
    moved = X.assign(a=X["a"] * 1000 - 7, b=X["b"] / 128, whole=X["whole"] + 1)
    same(describe(X, y, target=kind), describe(moved, y * 3 + 2, target=kind), 1e-6)


def test_names_of_classes_are_nothing():
    """Renaming the classes and the columns changes no value where the classes differ in size."""
    X, y = mixed()
    names = np.array(["x", "a", "m"])[y]
    same(describe(X, y), describe(X.set_axis(list("uvwxyz"), axis=1), names))


def test_clusters_against_noise():
    """Each landmarker finds clusters and finds nothing in noise."""
    X, y = make_blobs(400, centers=3, random_state=0, cluster_std=0.3)
    clear, noise = describe(X, y), describe(X, np.random.default_rng(0).permutation(y))
    for name in ("one_nn", "naive_bayes", "linear", "rbf", "tree", "tree_smooth", "random_trees"):
        assert clear[name] > 0.9
        assert noise[name] < 0.45


def test_line_against_curve():
    """The curved machine gains on moons and gains nothing on a line."""
    X, y = make_moons(400, noise=0.1, random_state=0)
    line = np.random.default_rng(0).normal(size=(400, 2))
    assert describe(X, y)["rbf_gain"] > 0.03
    assert describe(line, line[:, 0] > line[:, 1])["linear"] > 0.97
    assert describe(line, line @ [1.0, 2.0])["linear"] > 0.99


def test_stripes_want_large_gamma_and_deep_trees():
    """Narrow stripes favour large gamma, the neighbourhood and depth."""
    X = np.random.default_rng(0).uniform(size=(500, 1))
    found = describe(X, (np.floor(X[:, 0] * 12) % 2).astype(int))
    assert found["narrow_gain"] > 0.1
    assert found["one_nn_gain"] > 0.3
    assert found["depth_gain"] > 0.1


def test_noise_wants_larger_leaves():
    """A noisy target favours larger leaves and the average of many trees."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 4))
    found = describe(X, X[:, 0] + rng.normal(scale=2, size=500))
    assert found["smooth_gain"] > 0.2
    assert found["forest_gain"] > 0.2
    assert found["leaves_per_inst"] > 0.9


@pytest.mark.parametrize("depth", [1, 3, 10])
def test_tree_cut_back_is_the_shallow_tree(depth):
    """The full tree read down to a depth answers its rows as the tree grown to that depth."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 5)), rng.normal(size=300)
    full = DecisionTreeRegressor(random_state=0).fit(X, y)
    shallow = DecisionTreeRegressor(random_state=0, max_depth=depth).fit(X, y)
    ends = _ends(full.tree_, _depths(full.tree_) <= depth)
    # On the training rows, because equally good splits are drawn by lot and part only the rows between.
    assert_allclose(full.tree_.value[ends[full.apply(X)], 0, 0], shallow.predict(X))


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.empty((0, 2)), [], "0 rows"),
        (np.empty((3, 0)), [0, 1, 0], "0 columns"),
        ([1.0, 2.0], [0, 1], "1 dimension"),
        (np.zeros((3, 1)), [0, 1], "3 rows but y has 2"),
        (np.zeros((3, 1)), [0.0, 1.0, np.nan], "misses 1 of its 3"),
        (np.zeros((3, 1)), ["a", None, "b"], "misses 1 of its 3"),
        (np.zeros((3, 1)), np.zeros((3, 2)), "one column"),
        (np.zeros((3, 1)), ["a", "a", "a"], "one class only"),
        (np.array([[1j], [2j]]), [0, 1], "complex"),
    ],
)
def test_broken_tables_are_refused(X, y, message):
    """What cannot be described raises a `DatasetError` that says what was wrong."""
    with pytest.raises(DatasetError, match=message):
        describe(X, y)


@pytest.mark.parametrize(
    ("y", "message"),
    [(["1", "2", "x"], "needs numbers"), ([2.5] * 3, "one value only"), ([1.0, np.inf, 2.0], "1 infinite")],
)
def test_broken_regression_targets_are_refused(y, message):
    """Regression is refused on text, on a constant and on infinite targets."""
    with pytest.raises(DatasetError, match=message):
        describe(np.arange(3.0)[:, None], y, target="regression")


def test_missing_infinite_constant_and_empty_columns():
    """Infinite numbers count as missing, constant and empty columns are counted and disturb nothing."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=60)
    X = pd.DataFrame(
        {"x": x, "hole": np.where(x > 1, np.inf, x**2), "same": 3.0, "empty": np.nan, "none": None}
    )
    found = describe(X, x > 0)
    assert found["constant_ratio"] == 0.6
    assert found["missing_ratio"] == pytest.approx((np.sum(x > 1) + 120) / 300)
    assert found["missing_attr_ratio"] == 0.6
    assert np.isfinite(found["cor.mean"])
    same(found, describe(X.replace(np.inf, np.nan), x > 0))


def test_dates_are_seconds_and_booleans_are_categories():
    """Dates and durations describe a dataset as their seconds do; booleans as their text does."""
    n = 50
    day = pd.Series(pd.date_range("2020-01-01", periods=n, tz="UTC")).where(np.arange(n) != 3)
    X = pd.DataFrame(
        {"day": day, "span": pd.to_timedelta(np.arange(n) ** 2, unit="min"), "flag": [True, False] * 25}
    )
    seconds = pd.DataFrame(
        {"day": np.where(np.arange(n) == 3, np.nan, np.arange(n) * 86400.0), "span": np.arange(n) ** 2 * 60.0}
    )
    y = np.arange(n) // 10
    found = describe(X, y)
    assert (found["nr_num"], found["nr_cat"]) == (2.0, 1.0)
    same(found, describe(seconds.assign(flag=["True", "False"] * 25), y))


@pytest.mark.parametrize(
    "X",
    [
        pd.DataFrame(np.arange(20.0).reshape(10, 2), columns=["twice", "twice"]),
        pd.DataFrame({"mixed": [1, "a", None, (2,), [3]] * 2}),
        pd.DataFrame(
            {"n": pd.array([1, None] * 5, dtype="Int64"), "b": pd.array([True, None] * 5, dtype="boolean")}
        ),
        pd.DataFrame({"huge": [1.7e308, -1.7e308] * 5, "tiny": [1e-310, 0.0] * 5}),
        pd.DataFrame(
            {"category": pd.Categorical(["a", None] * 5), "period": pd.period_range("2020", periods=10)}
        ),
        np.array([[1, "a"], [2, "b"]] * 5, dtype=object),
    ],
)
@pytest.mark.parametrize("y", [[0, 1, 2, 3, 4] * 2, [0] * 9 + [1], np.linspace(0, 1e300, 10)])
def test_odd_tables_are_described(X, y):
    """Doubled names, mixed, nullable, huge and categorical columns, lone classes: all are described."""
    assert not np.isinf(list(describe(X, y).values())).any()


@pytest.mark.parametrize("n", [2, 3, 5])
def test_a_handful_of_rows(n):
    """Two rows are enough to be described."""
    for y in (np.arange(n), np.arange(n) / 3):
        assert describe(np.arange(2.0 * n).reshape(n, 2), y)["nr_inst"] == n


def test_sample_keeps_rare_classes():
    """A drawn sample holds every class, and the large ones in proportion."""
    y = np.r_[np.zeros(9000), np.ones(3000), np.full(5, 2.0)]
    table = Table(np.zeros((len(y), 1)), np.empty((len(y), 0), dtype=np.int64), y, "classification")
    counts = np.bincount(y[draw(table, 500, np.random.default_rng(0))].astype(int))
    assert counts.sum() == 500
    assert counts[2] >= 3
    assert counts[0] / counts[1] == pytest.approx(3, rel=0.05)


def test_rare_numbers_may_escape_the_sample():
    """A target that is constant within the sample is described all the same."""
    y = np.zeros(100_000)
    y[0] = 0.5
    found = describe(np.arange(100_000.0)[:, None], y)
    assert found["linear"] == found["target_cor.max"] == 0.0


def test_codes_go_by_frequency():
    """Levels are coded from the most frequent to the rarest, missing ones apart."""
    table = read(pd.DataFrame({"c": ["b", "a", "b", None, "c", "b", "c"]}), [0, 1] * 3 + [0], None)
    assert table.levels[:, 0].tolist() == [0, 2, 0, -1, 1, 0, 1]


@pytest.mark.parametrize(("n", "d", "seconds"), [(10_000, 50, 4.0), (100, 2_000, 6.0), (100_000, 10, 6.0)])
def test_it_is_fast(n, d, seconds):
    """Large, wide and long tables take seconds at worst (about 0.2 s on a quiet machine)."""
    # Of this thread, and twenty times what it takes: a busy machine should not fail the test.
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(n, d)), rng.integers(0, 2, n)
    describe(X[:50, :2], y[:50])  # first calls load code

    def once():
        start = time.thread_time()
        describe(X, y)
        return time.thread_time() - start

    assert min(once() for _ in range(2)) < seconds


COLUMNS = [
    st.floats(width=64),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-3, 3),
    st.booleans(),
    st.sampled_from(["a", "b", None]),
    st.one_of(st.none(), st.integers(), st.text(max_size=2)),
    st.just(1.0),
]


@st.composite
def tables(draw):
    """Small tables of odd columns, with a target and its kind."""
    n = draw(st.integers(2, 12))
    columns = [
        draw(st.lists(draw(st.sampled_from(COLUMNS)), min_size=n, max_size=n))
        for _ in range(draw(st.integers(1, 4)))
    ]
    kind = draw(st.sampled_from(["classification", "regression"]))
    cells = (
        st.integers(0, 2) if kind == "classification" else st.floats(allow_nan=False, allow_infinity=False)
    )
    y = draw(st.lists(cells, min_size=n, max_size=n).filter(lambda values: len(set(values)) > 1))
    return pd.concat([pd.Series(column, dtype=object) for column in columns], axis=1), y, kind


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables())
def test_any_table_gives_the_same_names_and_no_infinity(table):
    """Whatever a small table holds: the same names, nothing infinite, no warning."""
    X, y, kind = table
    found = describe(X, y, target=kind)
    assert list(found) == list(METAFEATURES[kind])
    assert not np.isinf(list(found.values())).any()
