"""The door to the hubs: which names are theirs, and that nothing else touches the network."""

import socket
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
import pytest

from foretune.collect.datasets import load_dataset
from foretune.collect.hubs.hub import HUBS, is_hub_name
from foretune.data.errors import DatasetError


@pytest.mark.parametrize("name", ["hf:mnist", "uci:53", "openml:61", "UCI:iris"])
def test_a_hubs_prefix_makes_a_hubs_name(name: str) -> None:
    """Each hub's prefix is known, however it is spelled."""
    assert is_hub_name(name)


@pytest.mark.parametrize("name", ["iris", "C:/data/iris.csv", "kaggle:titanic", "", ":", "hf", "a/hf:b"])
def test_other_names_are_no_hubs(name: str) -> None:
    """Paths, drives and other prefixes belong to no hub."""
    assert not is_hub_name(name)


@pytest.mark.parametrize("hub", HUBS)
def test_a_prefix_without_a_name_is_refused(hub: str) -> None:
    """After the colon must come a name."""
    with pytest.raises(DatasetError, match=f"'{hub}: ' names no dataset"):
        load_dataset(f"{hub}: ")


def test_a_file_with_such_a_name_is_a_file(
    table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies there goes before what a hub may have."""
    monkeypatch.chdir(tmp_path)
    table.to_csv("uci:x.csv", index=False)
    assert load_dataset("uci:x.csv").source == "uci:x.csv"


def test_the_network_is_touched_for_a_hubs_name_only(
    csv: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Files, folders, bundled names and typing errors open no connection; a hub's name would."""
    asked: list[object] = []

    def refuse(*words: object, **_: object) -> NoReturn:
        asked.append(words)
        raise OSError("no network in this test")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)
    monkeypatch.setenv("FORETUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FORETUNE_OFFLINE", raising=False)
    load_dataset(csv)
    load_dataset("iris")
    with pytest.raises(
        DatasetError, match=r"there is no file 'iris\.csc'.*hf:ylecun/mnist, openml:61, uci:iris"
    ):
        load_dataset("iris.csc")
    assert asked == []
    for name in ("uci:53", "hf:ylecun/mnist"):
        with pytest.raises(DatasetError, match=r"cannot be reached \(no network in this test\)"):
            load_dataset(name)
    assert len(asked) == 2


@pytest.mark.parametrize("hub", HUBS)
def test_each_hub_has_its_loader(hub: str) -> None:
    """The place that is noted for a hub holds a function that loads its datasets."""
    module, _, name = HUBS[hub].partition(":")
    loader: Any = getattr(import_module(module), name)
    assert {"target_column", "target", "on_progress"} <= {*loader.__kwdefaults__}
