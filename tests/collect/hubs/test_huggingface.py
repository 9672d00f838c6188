"""The Hugging Face hub's loader, against a server on this machine that answers as the hub does."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from foretune.collect.datasets import dataset_sources, load_dataset
from foretune.collect.hubs import huggingface, parquet_files
from foretune.collect.hubs.parquet_layout import chosen_files, is_parquet_folder
from foretune.data.errors import DatasetError

COMMIT = "77f3279092a1c1579b2250db8eafed0ad422088c"
DIGITS = {"image": {"_type": "Image"}, "label": {"names": ["zero", "one"], "_type": "ClassLabel"}}


def parquet(columns: Mapping[str, Any], features: Mapping[str, Any] | None = None) -> bytes:
    """Such a file as the `datasets` library writes, its features in the schema."""
    table = pa.table(dict(columns))
    if features is not None:
        told = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": told})
    file = BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


def png(value: int, side: int = 4) -> dict[str, Any]:
    """A grey picture of one value, as a cell."""
    file = BytesIO()
    Image.fromarray(np.full((side, side), value, dtype=np.uint8)).save(file, "PNG")
    return {"bytes": file.getvalue(), "path": f"{value}.png"}


def digits(*values: int, features: Mapping[str, Any] | None = DIGITS) -> bytes:
    """Pictures whose values are theirs, labels 0 and 1 by turns, and a column that is neither."""
    labels = [row % 2 for row in range(len(values))]
    note = [[value] for value in values]
    return parquet({"image": [*map(png, values)], "label": labels, "note": note}, features)


TABLE = parquet({"a": [1.0, 2.0, 3.0], "b": ["x", None, "z"], "target": ["u", "v", "u"]})

Serve = Callable[..., None]


@pytest.fixture
def serve(site: Any, monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Puts a repository on the server."""
    monkeypatch.setenv("HF_ENDPOINT", site.address + "/")

    def put(
        repo: str,
        files: Mapping[str, bytes],
        *,
        revision: str = "main",
        lfs: bool = True,
        sizes: Mapping[str, int] | None = None,
    ) -> None:
        siblings: list[dict[str, Any]] = [{"rfilename": "README.md", "size": 3, "blobId": "0" * 40}]
        for name, body in files.items():
            size = (sizes or {}).get(name, len(body))
            pointer = {"sha256": sha256(body).hexdigest(), "size": size, "pointerSize": 131}
            siblings.append(
                {"rfilename": name, "size": size, "blobId": "1" * 40, **({"lfs": pointer} if lfs else {})}
            )
            site.says(f"/datasets/{repo}/resolve/{COMMIT}/{name}", body)
        about = {
            "_id": "621ffdd236468d709f181d58",
            "id": repo,
            "author": repo.partition("/")[0],
            "sha": COMMIT,
            "lastModified": "2024-08-08T06:07:00.000Z",
            "private": False,
            "gated": False,
            "disabled": False,
            "tags": ["size_categories:n<1K"],
            "cardData": {"license": ["mit"]},
            "siblings": siblings,
            "createdAt": "2022-03-02T23:29:22.000Z",
        }
        where = f"/api/datasets/{repo}/revision/{revision.replace('/', '%2F')}?blobs=true"
        site.says(where, json.dumps(about).encode())

    return put


MNIST = {
    "mnist/test-00000-of-00001.parquet": digits(9, 8),
    "mnist/train-00000-of-00002.parquet": digits(1, 2),
    "mnist/train-00001-of-00002.parquet": digits(3, 4),
}


def test_pictures_are_a_dataset_of_images(serve: Serve) -> None:
    """The training split's pictures are rows of pixels with their shape; labels bear their names."""
    serve("ylecun/mnist", MNIST)
    data = load_dataset("hf:ylecun/mnist")
    assert data.image_shape == (4, 4, 1)
    assert data.X.to_numpy().tolist() == [[value] * 16 for value in (1, 2, 3, 4)]
    assert list(data.y) == ["zero", "one", "zero", "one"]
    assert (data.name, data.target, data.source) == ("mnist", "classification", "hf:ylecun/mnist@main")
    wanted = {"hub": "huggingface", "id": "ylecun/mnist", "version": COMMIT, "target": "label"}
    assert data.provenance == wanted


def test_only_what_is_asked_for_is_fetched_and_that_once(
    serve: Serve, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One listing and the two files of the training split; the second time, also offline, nothing."""
    serve("ylecun/mnist", MNIST)
    first = load_dataset("hf:ylecun/mnist")
    asked = list(site.requests)
    assert [each.rpartition("/")[2] for each in asked[1:]] == [
        "train-00000-of-00002.parquet",
        "train-00001-of-00002.parquet",
    ]
    monkeypatch.setenv("FORETUNE_OFFLINE", "1")
    assert load_dataset("hf:ylecun/mnist") == first
    assert len(asked) == len(site.requests) == 3
    with pytest.raises(DatasetError, match=r"FORETUNE_OFFLINE is set: fetch the Parquet files at"):
        load_dataset("hf:ylecun/mnist#test")


@pytest.mark.parametrize(
    ("part", "values"),
    [("test", [9, 8]), ("mnist/test", [9, 8]), ("all", [9, 8, 1, 2, 3, 4]), ("mnist", [1, 2, 3, 4])],
)
def test_a_part_is_a_split_or_a_config(serve: Serve, part: str, values: list[int]) -> None:
    """After # stands a split, a config, both, or all splits."""
    serve("ylecun/mnist", MNIST)
    data = load_dataset(f"hf:ylecun/mnist#{part}")
    assert data.X.iloc[:, 0].tolist() == values
    assert data.source == f"hf:ylecun/mnist@main#{part}"


def test_a_table_is_a_dataset(serve: Serve) -> None:
    """Columns without pictures are features as they are, text and gaps too."""
    serve("me/table", {"data/train-00000-of-00001.parquet": TABLE}, lfs=False)
    data = load_dataset("hf:me/table")
    pd.testing.assert_frame_equal(data.X, pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": ["x", None, "z"]}))
    assert list(data.y) == ["u", "v", "u"]
    assert load_dataset("hf:me/table", target_column="a").target == "classification"


def test_decimals_are_numbers_and_row_names_are_none(serve: Serve) -> None:
    """Decimals become floats, and the index that pandas stored beside the columns is no feature."""
    columns = {
        "price": pa.array([Decimal("1.25"), None, Decimal("2.50")]),
        "__index_level_0__": [7, 8, 9],
        "target": ["u", "v", "u"],
    }
    serve("me/table", {"train.parquet": parquet(columns)})
    X = load_dataset("hf:me/table").X
    pd.testing.assert_frame_equal(X, pd.DataFrame({"price": [1.25, None, 2.5]}))


def test_a_short_name_leads_to_its_owner(serve: Serve, site: Any) -> None:
    """Names without an owner, as the hub's first datasets have, are followed to where they are now."""
    serve("ylecun/mnist", MNIST)
    there = "/api/datasets/ylecun/mnist/revision/main?blobs=true"
    site.says("/api/datasets/mnist/revision/main?blobs=true", status=307, headers={"Location": there})
    assert load_dataset("hf:mnist") == load_dataset("hf:ylecun/mnist")


def test_other_formats_come_as_the_hub_converted_them(serve: Serve) -> None:
    """Where no Parquet file is on the main branch, the hub's conversion is taken; a revision is obeyed."""
    serve("me/table", {"table.csv": b"a,target\n"})
    serve("me/table", {"default/train/0000.parquet": TABLE}, revision="refs/convert/parquet")
    assert load_dataset("hf:me/table").source == "hf:me/table@refs/convert/parquet"
    with pytest.raises(DatasetError, match="me/table has no Parquet files at main: give another revision"):
        load_dataset("hf:me/table@main")


def test_an_unknown_name_is_told(serve: Serve, site: Any) -> None:
    """The hub answers 401 for what is not there or private, and a name in no form is refused unasked."""
    site.says("/api/datasets/me/none/revision/main?blobs=true", status=401)
    with pytest.raises(
        DatasetError, match=r"no public dataset 'me/none' at main: look for it at .*/datasets"
    ):
        load_dataset("hf:me/none")
    asked = len(site.requests)
    for name in ("a/b/c", "../x/y", "a b", "a?b"):
        with pytest.raises(DatasetError, match="hf:ylecun/mnist"):
            load_dataset(f"hf:{name}")
    assert len(site.requests) == asked


def test_a_gated_file_says_what_to_do(serve: Serve, site: Any) -> None:
    """Files that need a login are named with the folder to put them into; put there they serve."""
    serve("me/gated", {"train.parquet": TABLE})
    site.says(f"/datasets/me/gated/resolve/{COMMIT}/train.parquet", status=403)
    with pytest.raises(
        DatasetError, match=r"answered 403.*tree/main and put them.*into .*me--gated.main"
    ) as caught:
        load_dataset("hf:me/gated")
    folder = Path(str(caught.value).rpartition("into ")[2].rstrip("."))
    (folder / "train.parquet").write_bytes(TABLE)
    assert len(load_dataset("hf:me/gated").X) == 3


def test_files_put_there_by_hand_serve(serve: Serve, site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Offline, the Parquet files alone in the folder that the error names are enough."""
    monkeypatch.setenv("FORETUNE_OFFLINE", "1")
    with pytest.raises(DatasetError, match="FORETUNE_OFFLINE is set") as caught:
        load_dataset("hf:ylecun/mnist")
    folder = Path(str(caught.value).rpartition("into ")[2].rstrip("."))
    for name, body in MNIST.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    data = load_dataset("hf:ylecun/mnist")
    assert (len(data.X), data.provenance["version"]) == (4, "main")
    assert site.requests == []


def test_a_damaged_file_is_refused(serve: Serve, site: Any) -> None:
    """A file whose digest is not the one in the hub's listing is not kept."""
    serve("me/table", {"train.parquet": TABLE})
    site.says(f"/datasets/me/table/resolve/{COMMIT}/train.parquet", TABLE[:-1] + b"x")
    with pytest.raises(DatasetError, match=r"is damaged: its SHA-256 is .*, the hub says"):
        load_dataset("hf:me/table")
    serve("me/plain", {"train.parquet": TABLE[:-9]}, lfs=False)
    with pytest.raises(DatasetError, match="plain cannot be read as Parquet"):
        load_dataset("hf:me/plain")


def test_a_large_part_is_refused_before_it_is_fetched(serve: Serve, site: Any) -> None:
    """Sizes in the listing are added up first."""
    serve("me/big", {"train.parquet": TABLE}, sizes={"train.parquet": 3 * 2**30})
    with pytest.raises(DatasetError, match=r"would be 3\.0 GiB, more than 2: choose a smaller part"):
        load_dataset("hf:me/big")
    assert len(site.requests) == 1


def test_what_unpacks_to_more_is_refused(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file of many equal values is stopped while it is unpacked."""
    monkeypatch.setattr(parquet_files, "LARGEST_BYTES", 2**16)
    serve("me/bomb", {"train.parquet": parquet({"a": np.zeros(10**5), "target": np.zeros(10**5)})})
    with pytest.raises(DatasetError, match="bomb unpacks to more than"):
        load_dataset("hf:me/bomb")


def test_a_listing_may_not_lead_out_of_the_cache(serve: Serve) -> None:
    """A file name with dots in it is refused."""
    serve("me/evil", {"../../../train.parquet": TABLE})
    with pytest.raises(DatasetError, match="no place in the cache"):
        load_dataset("hf:me/evil")


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"id": 1, "sha": 2, "siblings": [3]}'])
def test_an_answer_that_is_none_is_told(serve: Serve, site: Any, body: bytes) -> None:
    """An answer in another form is named, so that it can be deleted."""
    site.says("/api/datasets/me/odd/revision/main?blobs=true", body)
    with pytest.raises(DatasetError, match=r"listing\.json is no answer of the Hugging Face hub: delete it"):
        load_dataset("hf:me/odd")


def test_a_folder_in_the_same_layout_is_a_dataset(tmp_path: Path) -> None:
    """A folder with such names is one dataset, without any network, pictures found without metadata too."""
    for features in (DIGITS, None):
        for name, body in (
            ("train-00000-of-00001", digits(5, 6, features=features)),
            ("test-00000-of-00001", TABLE),
        ):
            (tmp_path / "digits" / "data").mkdir(parents=True, exist_ok=True)
            (tmp_path / "digits" / "data" / f"{name}.parquet").write_bytes(body)
        data = load_dataset(tmp_path / "digits")
        assert (data.name, data.image_shape, data.X[0].tolist()) == ("digits", (4, 4, 1), [5, 6])
        assert list(data.y) == (["zero", "one"] if features else [0, 1])
        assert load_dataset(f"{tmp_path / 'digits'}#test").X["a"].tolist() == [1.0, 2.0, 3.0]
    assert list(dataset_sources([str(tmp_path / "digits")])) == [str(tmp_path / "digits")]


def test_a_folder_of_other_parquet_files_stays_many_datasets(tmp_path: Path) -> None:
    """Files with names of their own are a dataset each, as ever."""
    for name in ("2023.parquet", "2024.parquet"):
        (tmp_path / name).write_bytes(TABLE)
    assert not is_parquet_folder(tmp_path)
    assert len(list(dataset_sources([str(tmp_path)]))) == 2


@pytest.mark.parametrize(
    ("places", "part", "expected"),
    [
        (["train.parquet", "test.parquet"], None, ["train.parquet"]),
        (["only.parquet"], None, ["only.parquet"]),
        (["data/train-00000-of-00001-abc123.parquet"], None, ["data/train-00000-of-00001-abc123.parquet"]),
        (["a/train/0000.parquet", "default/train/0000.parquet"], None, ["default/train/0000.parquet"]),
        (["a/train/0000.parquet", "b/train/0000.parquet"], "b", ["b/train/0000.parquet"]),
        (
            ["a/train.parquet", "a/test.parquet", "b/test.parquet"],
            "a/all",
            ["a/test.parquet", "a/train.parquet"],
        ),
    ],
)
def test_the_part_is_told_from_the_names(places: list[str], part: str | None, expected: list[str]) -> None:
    """Every layout that the hub knows gives configs and splits; the training split comes first."""
    assert chosen_files(places, part, "d") == expected


@pytest.mark.parametrize(
    ("places", "part"),
    [
        (["a/train.parquet", "b/train.parquet"], None),
        (["a/train.parquet", "b/train.parquet"], "train"),
        (["x.parquet", "y.parquet"], None),
        (["train.parquet"], "valid"),
        ([], None),
    ],
)
def test_a_part_that_is_unclear_is_asked_for(places: list[str], part: str | None) -> None:
    """Several configs or splits, or a part that is not there, are told with an example."""
    with pytest.raises(DatasetError, match=r"d holds .*: say which, as in d#"):
        chosen_files(places, part, "d")


LABEL = {"names": ["no", "yes"], "_type": "ClassLabel"}


def test_one_file_of_pictures_is_a_dataset_of_images(tmp_path: Path) -> None:
    """Named alone it is read as in its folder; before, each picture was a category of its own."""
    (tmp_path / "train-00000-of-00001.parquet").write_bytes(digits(10, 20, 30))
    data = load_dataset(tmp_path / "train-00000-of-00001.parquet")
    assert (data.image_shape, list(data.y)) == ((4, 4, 1), ["zero", "one", "zero"])
    assert data == load_dataset(tmp_path)


@pytest.mark.parametrize(
    ("columns", "features", "expected"),
    [
        ({"a": [1, 2], "fine": [0, 1], "label": [1, 0]}, {"fine": LABEL, "label": LABEL}, ["yes", "no"]),
        ({"a": [1, 2], "kind": [0, 1], "target": [7, 8]}, {"kind": LABEL}, ["no", "yes"]),
        ({"a": [1, 2], "target": [7, 8]}, None, [7, 8]),
        ({"label": [7, 8], "target": [1, 2]}, {"label": {"dtype": "int64", "_type": "Value"}}, [7, 8]),
    ],
)
def test_the_target_is_the_label(
    serve: Serve, columns: dict[str, list[int]], features: dict[str, Any] | None, expected: list[Any]
) -> None:
    """ClassLabels come first, among them `label`; without one `label`, then `target`."""
    serve("me/table", {"train.parquet": parquet(columns, features)})
    assert list(load_dataset("hf:me/table").y) == expected


@pytest.mark.parametrize(
    ("columns", "features", "words"),
    [
        ({"a": [1], "b": [2]}, None, "names no label: say which column .*--target.*a, b"),
        ({"a": [1], "b": [2]}, {"a": LABEL, "b": LABEL}, "has 2 labels: say which column .*a, b"),
        ({"a": [[1], [2]], "target": [1, 2]}, None, "column 'a' holds list.* neither number nor category"),
        ({"a": [b"1", b"2"], "target": [1, 2]}, None, "column 'a' holds binary"),
        ({"x": [png(1)], "y": [png(2)], "label": [1]}, None, "several columns of pictures, x, y"),
        ({"x": [png(1), png(2, 5)], "label": [0, 1]}, None, "row 1 is 5 x 5 pixels, the first 4 x 4"),
    ],
)
def test_what_is_no_dataset_is_told(
    serve: Serve, columns: dict[str, Any], features: dict[str, Any] | None, words: str
) -> None:
    """No label or several, columns that are neither numbers nor categories, and odd pictures are refused."""
    serve("me/odd", {"train.parquet": parquet(columns, features)})
    with pytest.raises(DatasetError, match=words):
        load_dataset("hf:me/odd")


def test_a_given_target_must_be_there(serve: Serve) -> None:
    """A column that is not there is told with those that are."""
    serve("me/table", {"train.parquet": TABLE})
    with pytest.raises(DatasetError, match="no column 'tagret' to predict: it has a, b, target"):
        load_dataset("hf:me/table", target_column="tagret")


@pytest.mark.parametrize(
    "columns", [{"image": [png(1), png(2)], "label": [-1, -1]}, {"a": [1, 2], "label": [-1, -1]}]
)
def test_a_part_whose_labels_are_all_hidden_is_refused(tmp_path: Path, columns: dict[str, Any]) -> None:
    """Nothing can be learned from it, and another part may have them."""
    (tmp_path / "test-00000-of-00001.parquet").write_bytes(parquet(columns, {"label": LABEL}))
    with pytest.raises(DatasetError, match="no row has a 'label': choose another part of it"):
        load_dataset(tmp_path)


def test_rows_without_a_label_are_left_out(serve: Serve) -> None:
    """-1 is how the hub hides a test's labels: such rows are left out with a warning, of pictures too."""
    hidden = parquet({"a": [1, 2, 3], "label": [0, -1, 1]}, {"label": LABEL})
    serve("me/hidden", {"train.parquet": hidden})
    with pytest.warns(UserWarning, match="1 rows without 'label' are left out"):
        data = load_dataset("hf:me/hidden")
    assert (data.X["a"].tolist(), list(data.y)) == ([1, 3], ["no", "yes"])
    pictures = parquet({"image": [png(1), None, png(3)], "label": [0, None, 1]}, DIGITS)
    serve("me/pictures", {"train.parquet": pictures})
    with pytest.warns(UserWarning, match="1 rows without 'label' are left out"):
        assert load_dataset("hf:me/pictures").X[0].tolist() == [1, 3]


def test_files_of_different_columns_are_told(serve: Serve) -> None:
    """Parts of one split that do not fit together are one clear error."""
    files = {
        "train-00000-of-00002.parquet": TABLE,
        "train-00001-of-00002.parquet": parquet({"a": ["x"], "target": ["u"]}),
    }
    serve("me/odd", files)
    with pytest.raises(DatasetError, match="odd cannot be read as Parquet"):
        load_dataset("hf:me/odd")


def test_the_hub_is_where_it_always_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without HF_ENDPOINT the hub's own address is used."""
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    assert huggingface._address() == "https://huggingface.co"
