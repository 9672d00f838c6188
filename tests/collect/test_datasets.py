"""Datasets from files, what is refused, fingerprints and samples."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from foretune.collect.datasets import (
    BUNDLED,
    Dataset,
    dataset_sources,
    load_dataset,
    make_dataset,
    target_of,
)
from foretune.data.errors import DatasetError
from foretune.data.metrics import Target

ARFF = """@relation r
@attribute a numeric
@attribute colour {red,blue}
@attribute target {yes,no}
@data
1.5,red,yes
?,blue,no
3,?,yes
"""
BAD_FILES = {
    "empty.csv": (b"", "empty.csv is empty"),
    "header.csv": (b"a,target\n", "header is empty: it holds no rows"),
    "alone.csv": (b"target\n1\n0\n", "one column beside the target"),
    "one.csv": (b"a,target\n1,7\n2,7\n", "has one class only, 7: nothing to learn"),
    "typo.csv": (b"a,traget\n1,0\n2,1\n", "has no column 'target': did you mean 'traget'"),
    "other.csv": (
        b"a,age\n1,0\n2,1\n",
        "say which one is to be predicted (--target, or target_column=...); it has a",
    ),
    "ragged.csv": (b"a,target\n1,x\n2,y,3,4\n", "cannot be read as CSV"),
    "bytes.csv": (b"a,target\n\xff\xfe,1\n", "is not in UTF-8"),
    "table.xlsx": (b"PK", "foretune reads .csv, .tsv, .parquet, .arff, .npz files"),
    "broken.parquet": (b"PAR1 and no more", "cannot be read as PARQUET"),
    "broken.arff": (b"nonsense", "cannot be read as ARFF"),
    "text.arff": (
        b"@relation r\n@attribute a string\n@data\n'q'\n",
        "holds text or dates: turn them into nominal",
    ),
}


def dataset(X: pd.DataFrame, y: object, target: Target = "classification") -> Dataset:
    """A dataset with such a target."""
    return Dataset("d", X, pd.Series(y), target)


def mixed(n: int = 40) -> Dataset:
    """Every type of column that a table may hold, with gaps."""
    rng = np.random.default_rng(0)
    day = pd.Series(pd.to_datetime("2024-01-01") + pd.to_timedelta(rng.integers(0, 99, n), unit="D"))
    columns = {
        "number": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
        "whole": pd.Series(rng.integers(0, 9, n)).astype("Int64").where(rng.random(n) > 0.1),
        "flag": rng.random(n) < 0.5,
        "text": pd.Series(rng.choice(["x", "y"], n), dtype=object).where(rng.random(n) > 0.1, None),
        "category": pd.Categorical(rng.choice(["u", "v"], n)),
        "day": day,
    }
    return dataset(pd.DataFrame(columns), rng.integers(0, 2, n))


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet", "CSV"])
def test_a_table_comes_back_from_its_file(table: pd.DataFrame, tmp_path: Path, kind: str) -> None:
    """CSV, TSV and Parquet files give the table that was written, without its target column."""
    path = tmp_path / f"small.{kind}"
    if kind == "parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False, sep="\t" if kind == "tsv" else ",")
    data = load_dataset(path)
    pd.testing.assert_frame_equal(data.X, table.drop(columns="target"))
    assert (data.name, data.target, data.source) == ("small", "classification", str(path))
    assert list(data.y) == list(table["target"])


def test_an_arff_file_is_read_with_its_gaps(tmp_path: Path) -> None:
    """Nominal values of an ARFF file are text, and question marks are missing values."""
    (tmp_path / "small.arff").write_text(ARFF)
    data = load_dataset(tmp_path / "small.arff")
    wanted = pd.DataFrame({"a": [1.5, np.nan, 3.0], "colour": ["red", "blue", None]})
    pd.testing.assert_frame_equal(data.X, wanted, check_dtype=False)
    assert list(data.y) == ["yes", "no", "yes"]


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_name_is_scikit_learns_dataset(name: str) -> None:
    """Scikit-learn's datasets are there by their names, each with its kind of target."""
    data = load_dataset(name)
    assert data.source == f"sklearn:{name}"
    assert data.target == ("regression" if name == "diabetes" else "classification")


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused(tmp_path: Path, name: str) -> None:
    """A file that nothing can be learned from raises one line that names it and what is wrong."""
    content, message = BAD_FILES[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetError) as caught:
        load_dataset(tmp_path / name)
    assert message in str(caught.value)
    assert str(caught.value).startswith(Path(name).stem)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("a;b;target\n1,5;x;yes\n-2;y;no\n", [1.5, -2.0]),
        ("a;b;target\n1.5;x,y;yes\n-2;y;no\n", [1.5, -2.0]),
        ('a;b;target\n"1,5";x;yes\n"-2e0";y;no\n', [1.5, -2.0]),
        ("a,b;c,target\n1.5,x,yes\n-2,y,no\n", [1.5, -2.0]),
    ],
)
def test_cells_may_be_parted_by_semicolons(tmp_path: Path, lines: str, expected: list[float]) -> None:
    """A file that a European office wrote is read, its decimal commas too; one with commas as ever."""
    (tmp_path / "cells.csv").write_text(lines)
    assert load_dataset(tmp_path / "cells.csv").X["a"].tolist() == expected


def test_a_folder_is_told(tmp_path: Path) -> None:
    """A folder without a dataset's files is not called missing."""
    with pytest.raises(DatasetError, match="is a folder"):
        load_dataset(tmp_path)


def test_a_missing_file_is_told_with_what_may_be_given(tmp_path: Path) -> None:
    """A path without a file raises an error that lists file types and bundled names."""
    with pytest.raises(DatasetError, match=r"there is no file .*absent\.csv.*\.parquet.*breast_cancer"):
        load_dataset(tmp_path / "absent.csv")


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["x", "y"], "not text"),
        ([1.0, np.inf], "finite targets"),
        ([0.5, 0.5], r"target is 0\.5 everywhere: nothing to learn"),
    ],
)
def test_a_regression_needs_finite_numbers(y: list[object], message: str) -> None:
    """Text, infinite numbers, or one number everywhere as the target of a regression are refused."""
    with pytest.raises(DatasetError, match=message):
        dataset(pd.DataFrame({"a": [1, 2]}), y, "regression")


@pytest.mark.parametrize(
    ("y", "target"),
    [
        (["x", "y"], "classification"),
        ([True, False], "classification"),
        ([0.0, 1.0, np.nan], "classification"),
        (range(20), "classification"),
        (range(21), "regression"),
        ([0.5, 1.0], "regression"),
        ([1.0, np.inf], "regression"),
    ],
)
def test_the_kind_of_target_is_told_from_its_values(y: list[object], target: Target) -> None:
    """Text, booleans and up to twenty whole numbers are classes; the rest is a regression."""
    assert target_of(pd.Series(y)) == target


def test_the_kind_of_target_may_be_given(table: pd.DataFrame) -> None:
    """Few whole numbers are a regression's target where the caller says so."""
    counts = table.assign(target=range(150)).replace({"target": {i: i % 5 for i in range(150)}})
    assert make_dataset("d", counts, "target").target == "classification"
    assert make_dataset("d", counts, "target", target="regression").target == "regression"


def test_a_folder_stands_for_its_files(tmp_path: Path) -> None:
    """A folder gives its readable files by name; anything else is passed on; an empty one is refused."""
    for name in ("b.csv", "a.PARQUET", "notes.txt"):
        (tmp_path / name).touch()
    assert list(dataset_sources(["iris", str(tmp_path)])) == [
        "iris",
        str(tmp_path / "a.PARQUET"),
        str(tmp_path / "b.csv"),
    ]
    (tmp_path / "none").mkdir()
    with pytest.raises(DatasetError, match=r"none' holds no \.csv"):
        list(dataset_sources([str(tmp_path / "none")]))


@settings(max_examples=50)
@given(st.permutations(range(40)), st.permutations(range(6)))
def test_a_fingerprint_names_the_content(rows: list[int], columns: list[int]) -> None:
    """Shuffled rows, reordered and renamed columns leave the fingerprint, and equality, as they are."""
    data = mixed()
    X = data.X.iloc[rows, columns].set_axis([*"uvwxyz"], axis=1).reset_index(drop=True)
    copy = Dataset("copy", X, data.y.iloc[rows].reset_index(drop=True), data.target)
    assert copy.fingerprint == data.fingerprint
    assert copy == data
    assert hash(copy) == hash(data)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("number", 0.123),
        ("whole", 77),
        ("flag", None),
        ("text", "z"),
        ("category", "u"),
        ("day", 1577836800.0),
    ],
)
def test_one_changed_value_changes_the_fingerprint(column: str, value: object) -> None:
    """Another value in one cell of any type of column makes another dataset."""
    data = mixed()
    X = data.X.copy()
    row = int(np.flatnonzero(X[column].notna() & (X[column].astype(str) != str(value)))[0])
    X[column] = [
        (not old if value is None else value) if i == row else old for i, old in enumerate(X[column])
    ]
    X[column] = X[column].astype(data.X[column].dtype)
    assert Dataset("d", X, data.y, data.target) != data


def test_one_changed_target_changes_the_fingerprint() -> None:
    """Another target value in one row makes another dataset."""
    data = mixed()
    y = data.y.copy()
    y.iloc[0] = 1 - y.iloc[0]
    assert Dataset("d", data.X, y, data.target).fingerprint != data.fingerprint


def test_a_dataset_equals_no_other_thing() -> None:
    """A dataset is not equal to its own fingerprint, nor to anything else that is no dataset."""
    data = mixed()
    assert data != data.fingerprint


@pytest.mark.parametrize("rows", [10, 50, 100])
def test_a_sample_keeps_the_classes_shares(rows: int) -> None:
    """A class of a tenth of the rows is a tenth of a sample, to the row."""
    y = np.repeat(["rare", "often"], [20, 180])
    part = dataset(pd.DataFrame({"a": range(200)}), y).sample(rows)
    assert len(part.X) == len(part.y) == rows
    assert abs(int((part.y == "rare").sum()) - rows / 10) <= 1


def test_a_sample_keeps_every_class_and_row_together() -> None:
    """The rarest class stays, and each row keeps its own target."""
    y = ["rare"] + ["often"] * 99
    part = dataset(pd.DataFrame({"a": range(100)}), y).sample(10)
    assert part.X["a"][part.y == "rare"].tolist() == [0]


@pytest.mark.parametrize("target", ["classification", "regression"])
def test_a_sample_is_the_same_every_time(target: Target) -> None:
    """The seed alone chooses the rows."""
    data = dataset(pd.DataFrame({"a": range(100)}), np.arange(100) % 3, target)
    assert data.sample(20) == data.sample(20)
    assert data.sample(20, seed=1) != data.sample(20)


def test_a_small_dataset_is_its_own_sample() -> None:
    """Fewer rows than asked for are all kept."""
    data = mixed()
    assert data.sample(None) is data.sample(40) is data


def test_a_sample_drops_columns_that_lost_all_values() -> None:
    """A column whose few values were not drawn is left out, rather than refused."""
    column = [1.0] + [np.nan] * 199
    part = dataset(pd.DataFrame({"a": range(200), "b": column}), np.arange(200) % 2).sample(10)
    assert list(part.X) == ["a"]


@pytest.mark.parametrize(("name", "sep"), [("twice.csv", ","), ("twice.tsv", "\t")])
def test_a_target_that_comes_twice_is_no_feature(tmp_path: Path, name: str, sep: str) -> None:
    """A file that names a column twice is refused, where pandas would rename the second one."""
    rows = [f"y{sep}a{sep}y", *(f"{k % 2}{sep}{k}{sep}{k % 2}" for k in range(9))]
    (tmp_path / name).write_text("\n".join(rows))
    with pytest.raises(DatasetError, match="several columns 'y': rename all but one"):
        load_dataset(str(tmp_path / name), target_column="y")


def test_the_case_of_a_target_is_no_riddle(tmp_path: Path) -> None:
    """A target asked for in another case is named as the file has it."""
    (tmp_path / "t.csv").write_text("a,y\n" + "\n".join(f"{k},{k % 2}" for k in range(9)))
    with pytest.raises(DatasetError, match="did you mean 'y'"):
        load_dataset(str(tmp_path / "t.csv"), target_column="Y")


def test_a_target_that_never_repeats_is_no_class() -> None:
    """Dates, say, as a target are refused, as no class is learned from one row; a few rows may differ."""
    days = pd.DataFrame({"a": range(30), "day": [f"2026-01-{day:02d}" for day in range(1, 31)]})
    with pytest.raises(DatasetError, match="no two rows have the same 'day'"):
        make_dataset("days", days, "day")
    assert make_dataset("few", days[:2], "day").target == "classification"


def test_other_targets_of_one_table_are_other_datasets() -> None:
    """One class against the rest, and a target in random order: the same bags of values, five datasets."""
    iris = load_dataset("iris")
    targets = [iris.y == k for k in range(3)]
    targets += [targets[0].sample(frac=1, random_state=k).reset_index(drop=True) for k in range(2)]
    assert len({Dataset("d", iris.X, y, "classification").fingerprint for y in targets}) == 5


def test_a_balanced_table_is_known_by_its_rule() -> None:
    """Where all columns hold the same values, which of them the target follows tells tables apart."""
    X = pd.DataFrame([[k >> bit & 1 for bit in range(4)] for k in range(16)])
    rules = [X[0], X[0] ^ X[1], X[0] ^ X[1] ^ X[2], X[0] ^ X[1] ^ X[2] ^ X[3], X[0].where(X[1] == 0, X[2])]
    assert len({Dataset("d", X, y, "classification").fingerprint for y in rules}) == 5
    renamed = Dataset("d", X[[2, 0, 3, 1]].set_axis(list("abcd"), axis=1), rules[4], "classification")
    assert renamed == Dataset("e", X, rules[4], "classification")


def test_what_numbers_the_rows_is_no_feature(tmp_path: Path) -> None:
    """The index that pandas writes into a CSV is left out, and told of; a first column with a name is not."""
    frame = pd.DataFrame({"a": [3, 1, 2, 5], "target": list("xyxy")})
    frame.to_csv(tmp_path / "indexed.csv")
    with pytest.warns(UserWarning, match="numbers the rows"):
        assert [*load_dataset(tmp_path / "indexed.csv").X] == ["a"]
    frame.rename_axis("id").to_csv(tmp_path / "named.csv")
    assert [*load_dataset(tmp_path / "named.csv").X] == ["id", "a"]


def test_a_separator_at_the_end_of_each_row_moves_no_column(tmp_path: Path) -> None:
    """Rows that end with a comma are read as if they did not."""
    (tmp_path / "trailing.csv").write_text("a,target,\n1,x,\n2,y,\n")
    with pytest.warns(UserWarning, match="no row has a value"):
        data = load_dataset(tmp_path / "trailing.csv")
    assert data.X["a"].tolist() == [1, 2]
    assert data.y.tolist() == ["x", "y"]


def test_rows_without_target_and_columns_without_values_are_left_out(tmp_path: Path) -> None:
    """A file with gaps is read, and what is left out is told; one without any target is refused."""
    (tmp_path / "gaps.csv").write_text("a,empty,target\n1,,x\n2,,\n3,,y\n")
    with pytest.warns(UserWarning, match="left out") as told:
        data = load_dataset(tmp_path / "gaps.csv")
    assert (data.X["a"].tolist(), data.y.tolist(), [*data.X]) == ([1, 3], ["x", "y"], ["a"])
    assert [str(one.message) for one in told] == [
        "gaps: 1 rows without 'target' are left out.",
        "gaps: empty left out, as no row has a value.",
    ]


def test_blanks_behind_commas_are_no_part_of_names(tmp_path: Path) -> None:
    """Columns, classes and quoted cells are the same with a blank before them as without."""
    (tmp_path / "blanks.csv").write_text('a, "b, c", target\n1, 2, "x"\n3, 4, y\n5, , x\n6,7,y\n')
    data = load_dataset(tmp_path / "blanks.csv")
    assert ([*data.X], data.y.tolist()) == (["a", "b, c"], ["x", "y", "x", "y"])
    assert data.X["b, c"].isna().sum() == 1


def test_none_is_a_class_of_a_target_of_words(tmp_path: Path) -> None:
    """Of None, mild and severe none is lost; an empty cell stays a gap, and so does None among numbers."""
    (tmp_path / "words.csv").write_text("a,target\n1,None\n2,mild\n3,severe\n4,\n5,None\n")
    with pytest.warns(UserWarning, match="words: 1 rows without 'target' are left out") as told:
        data = load_dataset(tmp_path / "words.csv")
    assert (data.y.tolist(), len(told)) == (["None", "mild", "severe", "None"], 1)
    (tmp_path / "numbers.tsv").write_text("a\ttarget\n1\t1.5\n2\tNone\n3\t2.5\n")
    with pytest.warns(UserWarning, match="numbers: 1 rows without 'target' are left out"):
        assert load_dataset(tmp_path / "numbers.tsv").y.tolist() == [1.5, 2.5]


def test_words_that_stand_for_a_gap_are_told(tmp_path: Path) -> None:
    """Rows whose class is called NA or null are left out as R and SQL mean it, and these words are named."""
    (tmp_path / "regions.csv").write_text("a;target\n1;NA\n2;EU\n3;AS\n4;null\n5;NA\n")
    with pytest.warns(UserWarning) as told:
        data = load_dataset(tmp_path / "regions.csv")
    assert data.y.tolist() == ["EU", "AS"]
    assert [str(one.message) for one in told] == [
        "regions: a 'target' of NA, null stands for a missing one: name the class otherwise where it is one.",
        "regions: 3 rows without 'target' are left out.",
    ]


def test_a_table_with_such_gaps_is_refused() -> None:
    """What is given as a table is taken as it is: its owner is asked to leave out what teaches nothing."""
    with pytest.raises(DatasetError, match="column 'b' has no value at all: drop it"):
        dataset(pd.DataFrame({"a": [1, 2], "b": [None, None]}), [0, 1])
    with pytest.raises(DatasetError, match="1 target values are missing"):
        dataset(pd.DataFrame({"a": [1, 2]}), ["x", None])


def test_a_bundled_dataset_has_its_own_target() -> None:
    """Another target than its own is refused, not ignored."""
    with pytest.raises(DatasetError, match="target of its own"):
        load_dataset("iris", target_column="species")
