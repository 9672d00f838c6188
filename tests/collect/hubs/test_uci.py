"""The UCI repository's loader, against a server on this machine that answers as its public API does."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from foretune.collect.datasets import load_dataset
from foretune.collect.hubs import uci
from foretune.data.errors import DatasetError

CSV = """id,length,colour,grade,weight,class
1,5.1,0,2,7,Iris-setosa
2,4.9,1,2,8,Iris-setosa
3,?,1,,9,Iris-virginica
4,6.3,0,3,7,Iris-virginica
"""
ROLES = {
    "id": ("ID", "Integer"),
    "length": ("Feature", "Continuous"),
    "colour": ("Feature", "Categorical"),
    "grade": ("Feature", "Categorical"),
    "weight": ("Feature", "Integer"),
    "class": ("Target", "Categorical"),
}

Serve = Callable[..., None]


@pytest.fixture
def serve(site: Any, monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Puts a dataset on the server."""
    monkeypatch.setattr(uci, "ADDRESS", site.address)

    def put(
        number: int = 53,
        name: str = "Iris",
        *,
        csv: str = CSV,
        roles: dict[str, tuple[str, str]] = ROLES,
        tasks: tuple[str, ...] = ("Classification",),
        has_table: bool = True,
    ) -> None:
        variables = [
            {
                "name": column,
                "role": role,
                "type": kind,
                "demographic": None,
                "description": None,
                "units": None,
                "missing_values": "no",
            }
            for column, (role, kind) in roles.items()
        ]
        url = site.says(f"/static/public/{number}/data.csv", csv.encode())
        about = {
            "uci_id": number,
            "name": name,
            "repository_url": f"{site.address}/dataset/{number}/{name.lower()}",
            "data_url": url if has_table else None,
            "abstract": "",
            "area": "Biology",
            "tasks": list(tasks),
            "characteristics": ["Tabular"],
            "num_instances": csv.count("\n") - 1,
            "num_features": 4,
            "target_col": [column for column, (role, _) in roles.items() if role == "Target"],
            "index_col": None,
            "dataset_doi": "10.24432/C56C76",
            "variables": variables,
        }
        body = json.dumps({"status": 200, "statusText": "OK", "data": about}).encode()
        site.says(f"/api/dataset?id={number}", body)

    return put


def names(site: Any, searched: str, *found: tuple[int, str]) -> None:
    """What the server finds for a name."""
    data = [{"id": number, "name": name} for number, name in found]
    body = json.dumps({"status": 200, "statusText": "OK", "data": data}).encode()
    site.says(f"/api/datasets/list?filter=python&search={searched}", body)


def test_a_dataset_comes_by_its_number(serve: Serve) -> None:
    """Features are features, IDs are left out, question marks are missing, numbers of categories are text."""
    serve()
    data = load_dataset("uci:53")
    wanted = {
        "length": [5.1, 4.9, None, 6.3],
        "colour": ["0", "1", "1", "0"],
        "grade": ["2", "2", None, "3"],
        "weight": [7, 8, 9, 7],
    }
    pd.testing.assert_frame_equal(data.X, pd.DataFrame(wanted), check_dtype=False)
    assert list(data.y) == ["Iris-setosa"] * 2 + ["Iris-virginica"] * 2
    assert (data.name, data.target, data.source) == ("Iris", "classification", "uci:53")
    assert data.provenance == {"hub": "uci", "id": "53", "target": "class", "doi": "10.24432/C56C76"}


def test_the_network_is_needed_once(serve: Serve, site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the hub said and the table are kept: the second time nothing is asked, also offline."""
    serve()
    names(site, "iris", (53, "Iris"))
    first = load_dataset("uci:iris")
    asked = list(site.requests)
    monkeypatch.setenv("FORETUNE_OFFLINE", "1")
    assert load_dataset("uci:iris") == first == load_dataset("uci:53")
    assert site.requests == asked
    assert len(asked) == 3


def test_a_name_stands_for_one_dataset(serve: Serve, site: Any) -> None:
    """The exact name is taken among several that hold it, and a part of a name where it is the only one."""
    serve(109, "Wine")
    names(site, "wine", (186, "Wine Quality"), (109, "Wine"))
    names(site, "wine%20q", (186, "Wine Quality"))
    assert load_dataset("uci:wine").source == "uci:109"
    serve(186, "Wine Quality")
    assert load_dataset("UCI: wine q").source == "uci:186"


def test_a_name_of_several_is_refused(serve: Serve, site: Any) -> None:
    """Several candidates are told by number and name, so that one can be given."""
    names(site, "breast", (17, "Breast Cancer Wisconsin (Diagnostic)"), (14, "Breast Cancer"))
    with pytest.raises(
        DatasetError, match=r"2 datasets for 'breast': give one of uci:14 \(Breast Cancer\), uci:17"
    ):
        load_dataset("uci:breast")


@pytest.mark.parametrize("as_status", [True, False])
def test_an_unknown_dataset_is_told(serve: Serve, site: Any, as_status: bool) -> None:
    """An unknown number or name says where to look, whether HTTP or the answer says that it is unknown."""
    body = json.dumps({"status": 404, "message": "Dataset not found in repository"}).encode()
    site.says("/api/dataset?id=99999", body, status=200 if as_status else 404)
    for _ in range(2):
        with pytest.raises(DatasetError, match=r"no dataset '99999'.*look for it at"):
            load_dataset("uci:99999")
    names(site, "nothing")
    with pytest.raises(DatasetError, match="no dataset 'nothing'"):
        load_dataset("uci:nothing")
    assert site.requests.count("/api/dataset?id=99999") == 2


def test_a_dataset_without_a_table_is_told(serve: Serve) -> None:
    """One that the repository holds in another form says where to get it."""
    serve(has_table=False)
    with pytest.raises(DatasetError, match=r"not as a table: download it from .*/dataset/53"):
        load_dataset("uci:53")


def test_no_target_asks_for_one(serve: Serve) -> None:
    """Without a target the columns are told, and any feature may be one."""
    roles = {**ROLES, "class": ("Feature", "Categorical")}
    serve(roles=roles, tasks=("Clustering",))
    with pytest.raises(DatasetError, match=r"names no target: .*--target.*length, colour"):
        load_dataset("uci:53")
    data = load_dataset("uci:53", target_column="weight", target="regression")
    assert (data.target, list(data.X)) == ("regression", ["length", "colour", "grade", "class"])


def test_several_targets_ask_for_one(serve: Serve) -> None:
    """Of several targets one is chosen, and the others never become features."""
    serve(roles={**ROLES, "weight": ("Target", "Integer")})
    with pytest.raises(DatasetError, match=r"has 2 targets: .*--target.*weight, class"):
        load_dataset("uci:53")
    assert list(load_dataset("uci:53", target_column="class").X) == ["length", "colour", "grade"]


def test_a_target_must_be_one_of_the_columns(serve: Serve) -> None:
    """A column that is not there, or an ID, cannot be predicted."""
    serve()
    for column in ("klass", "id"):
        with pytest.raises(DatasetError, match=f"no column '{column}' to predict: it has id, length"):
            load_dataset("uci:53", target_column=column)


@pytest.mark.parametrize(
    ("tasks", "kind", "expected"),
    [
        (("Regression",), "Integer", "regression"),
        (("Classification", "Regression"), "Continuous", "regression"),
        (("Classification", "Regression"), "Integer", "classification"),
        ((), "Binary", "classification"),
    ],
)
def test_the_kind_of_target_is_what_the_hub_says(
    serve: Serve, tasks: tuple[str, ...], kind: str, expected: str
) -> None:
    """The dataset's only task says what a numeric target is, else the column's type, else its values."""
    roles = {**ROLES, "class": ("Feature", "Categorical"), "weight": ("Target", kind)}
    serve(roles=roles, tasks=tasks)
    assert load_dataset("uci:53").target == expected


def test_rows_without_a_target_are_left_out(serve: Serve) -> None:
    """They cannot be learned from, and a hub's user cannot drop them: a warning says how many."""
    serve(csv=CSV.replace(",7,Iris-virginica", ",7,"))
    with pytest.warns(UserWarning, match="1 rows without 'class' are left out"):
        data = load_dataset("uci:53")
    assert (len(data.X), list(data.X.index)) == (3, [0, 1, 2])


def test_a_table_put_there_by_hand_serves(
    serve: Serve, site: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Offline, the error names both files and their places, and with them there the dataset is."""
    serve()
    load_dataset("uci:53")
    kept = {each.name: each.read_bytes() for each in (tmp_path / "cache" / "uci" / "53").iterdir()}
    monkeypatch.setenv("FORETUNE_CACHE", str(tmp_path / "other"))
    monkeypatch.setenv("FORETUNE_OFFLINE", "1")
    folder = tmp_path / "other" / "uci" / "53"
    with pytest.raises(DatasetError) as caught:
        load_dataset("uci:53")
    for words in (
        f"{folder / 'dataset.json'}, and ",
        f"/static/public/53/data.csv and put it at {folder / 'data.csv'}",
    ):
        assert words in str(caught.value)
    folder.mkdir(parents=True)
    for name in ("dataset.json", "data.csv"):
        (folder / name).write_bytes(kept[name])
    assert len(load_dataset("uci:53").X) == 4


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b"null",
        b'{"status": 200}',
        b'{"status": 200, "data": {"variables": [1]}}',
        b'{"status": 200, "data": {"variables": [{"name": ["a"]}]}}',
        b'{"status": 200, "data": {"variables": [], "tasks": 7}}',
        b"[" * 9**5,
    ],
)
def test_an_answer_that_is_none_is_told(serve: Serve, site: Any, body: bytes) -> None:
    """An answer in another form is named, so that it can be deleted."""
    site.says("/api/dataset?id=53", body)
    with pytest.raises(DatasetError, match=r"dataset\.json is no answer of the UCI repository: delete it"):
        load_dataset("uci:53")


def test_a_table_that_cannot_be_read_is_told(serve: Serve) -> None:
    """A file that is no CSV is named."""
    serve(csv="a,b\n1,2\n1,2,3,4\n")
    with pytest.raises(DatasetError, match=r"Iris: .*data\.csv cannot be read as CSV"):
        load_dataset("uci:53")


@pytest.mark.parametrize("data", [[1], {"id": 1}, [{"name": 7}]])
def test_a_search_that_is_none_is_told(serve: Serve, site: Any, data: object) -> None:
    """What the repository finds for a name must be datasets with names."""
    site.says(
        "/api/datasets/list?filter=python&search=iris", json.dumps({"status": 200, "data": data}).encode()
    )
    with pytest.raises(DatasetError, match=r"iris\.json is no answer of the UCI repository"):
        load_dataset("uci:iris")
