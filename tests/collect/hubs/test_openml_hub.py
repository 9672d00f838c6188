"""OpenML's datasets, against a server on this machine that answers as OpenML's does."""

from typing import Any

import pandas as pd
import pytest

from foretune.collect.datasets import load_dataset
from foretune.data.cache_folder import cache_folder
from foretune.data.errors import DatasetError
from openml_server import API, ARFF, SPARSE, datasets, description, error, put_on


def test_a_dataset_is_loaded_by_number(openml_site: Any) -> None:
    """Identifiers and ignored columns are left out, and the target is the hub's."""
    data = load_dataset("openml:61")
    assert (data.name, data.target, data.source) == ("flowers", "classification", "openml:61")
    assert list(data.X) == ["length", "petal colour"]
    assert data.X["length"].isna().sum() == 1
    assert data.X["petal colour"].tolist() == ["red", "blue", "red", "blue"]
    assert data.y.tolist() == ["setosa", "setosa", "virginica", "virginica"]


def test_its_provenance_is_told(openml_site: Any) -> None:
    """Number, version, licence, citation and target are kept, in parts of it too."""
    data = load_dataset("openml:61")
    assert data.sample(2).provenance == data.provenance
    assert data.provenance == {
        "hub": "openml", "id": "61", "version": "1", "licence": "CC BY 4.0", "format": "ARFF",
        "citation": "Nobody, Flowers & Co, 2020", "status": "active", "target": "class",
    }  # fmt: skip


def test_it_is_fetched_once(openml_site: Any) -> None:
    """The second time the network is not asked."""
    first = load_dataset("openml:61")
    asked = len(openml_site.requests)
    assert load_dataset("openml:61") == first
    assert len(openml_site.requests) == asked == 2


@pytest.mark.parametrize("name", ["openml:flowers", "openml:flowers@1"])
def test_a_dataset_is_loaded_by_name(openml_site: Any, name: str) -> None:
    """A name, with a version or without, means the one dataset that has it."""
    assert load_dataset(name).source == "openml:61"


def test_of_several_versions_none_is_guessed(openml_site: Any) -> None:
    """The candidates are listed, and so is that there is none."""
    put_on(openml_site, {
        f"{API}/data/list/data_name/flowers/status/active": datasets({61: 1, 70: 2}),
        f"{API}/data/list/data_name/flower/status/active": error(372, "No results"),
        f"{API}/data/99": error(111, "Unknown dataset"),
    })  # fmt: skip
    with pytest.raises(DatasetError, match=r"openml:61 \(version 1\), openml:70 \(version 2\)"):
        load_dataset("openml:flowers")
    for name in ("flower", "99"):
        with pytest.raises(DatasetError, match=f"no active dataset '{name}'"):
            load_dataset(f"openml:{name}")


def test_parquet_goes_before_arff(openml_site: Any) -> None:
    """Where OpenML has Parquet it is taken; where the file is missing, ARFF serves."""
    frame = pd.DataFrame({"length": [1.0, 2.0, 3.0], "class": pd.Categorical(["a", "b", "a"])})
    told = description(63, "http://127.0.0.1:1/none", "", parquet_url=f"{openml_site.address}/data/63.pq")
    openml_site.says("/data/63.pq", frame.to_parquet())
    missing = f"{openml_site.address}/data/none.pq"
    put_on(openml_site, {
        f"{API}/data/63": told,
        f"{API}/data/64": description(64, f"{openml_site.address}/data/61.arff", ARFF, parquet_url=missing),
    })  # fmt: skip
    assert load_dataset("openml:63").y.tolist() == ["a", "b", "a"]
    assert list(load_dataset("openml:64").X) == ["length", "petal colour"]


def test_the_file_that_served_once_serves_again(openml_site: Any) -> None:
    """Parquet that was missing is not asked for again, nor taken when it appears later."""
    parquet = f"{openml_site.address}/data/64.pq"
    arff = f"{openml_site.address}/data/61.arff"
    put_on(openml_site, {f"{API}/data/64": description(64, arff, ARFF, parquet_url=parquet)})
    first = load_dataset("openml:64")
    asked = len(openml_site.requests)
    openml_site.says("/data/64.pq", pd.DataFrame({"length": [1.0], "class": ["a"]}).to_parquet())
    assert load_dataset("openml:64") == first
    assert len(openml_site.requests) == asked


def test_parquet_that_changed_in_the_cache_is_refused(openml_site: Any) -> None:
    """A kept file that is not what it was is an error, and no reason to take another one."""
    frame = pd.DataFrame({"length": [1.0, 2.0], "class": ["a", "b"]})
    parquet = openml_site.says("/data/64.pq", frame.to_parquet())
    arff = f"{openml_site.address}/data/61.arff"
    put_on(openml_site, {f"{API}/data/64": description(64, arff, ARFF, parquet_url=parquet)})
    load_dataset("openml:64")
    (kept,) = cache_folder().rglob("data.pq")
    kept.write_bytes(kept.read_bytes()[:-1])
    with pytest.raises(DatasetError, match=r"data\.pq is not what it was: its SHA-256"):
        load_dataset("openml:64")


def test_a_number_is_for_a_regression(openml_site: Any) -> None:
    """A numeric target asks for a regression, whatever its values; another column may be chosen."""
    data = load_dataset("openml:62", target_column="b")
    assert (data.target, data.y.tolist()) == ("regression", [0.0, 2.0, 0.0, 1.0])
    assert list(data.X) == ["a"]
    with pytest.raises(DatasetError, match="no column 'z' to predict: it has a, b, class"):
        load_dataset("openml:62", target_column="z")


@pytest.mark.parametrize(("target", "words"), [("", "names no target"), ("a,b", "has 2 targets")])
def test_the_target_must_be_clear(openml_site: Any, target: str, words: str) -> None:
    """Without one target the error asks which."""
    told = description(62, f"{openml_site.address}/data/62.arff", SPARSE, target=target, row=None)
    put_on(openml_site, {f"{API}/data/62": told})
    with pytest.raises(DatasetError, match=words):
        load_dataset("openml:62")


def test_a_file_that_changed_is_refused(openml_site: Any) -> None:
    """A data file must have the MD5 that OpenML tells."""
    openml_site.says("/data/61.arff", ARFF.replace("5.1", "5.2").encode())
    with pytest.raises(DatasetError, match=r"not what OpenML says: its MD5"):
        load_dataset("openml:61")


def test_offline_says_what_to_put_where(openml_site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in the cache serves; for what is not the error says what to fetch."""
    load_dataset("openml:61")
    monkeypatch.setenv("FORETUNE_OFFLINE", "1")
    assert load_dataset("openml:61").name == "flowers"
    with pytest.raises(DatasetError, match=r"fetch http.*/data/62 and put it at"):
        load_dataset("openml:62")


def test_damaged_parquet_is_one_clear_error(openml_site: Any) -> None:
    """A file that is no Parquet is named."""
    file = openml_site.says("/data/63.pq", b"PAR1 and no more")
    put_on(openml_site, {f"{API}/data/63": description(63, "http://127.0.0.1:1/none", "", parquet_url=file)})
    with pytest.raises(DatasetError, match=r"data\.pq cannot be read as Parquet: delete it"):
        load_dataset("openml:63")
