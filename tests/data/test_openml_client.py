"""What OpenML answers is asked for once, and whatever goes wrong is one clear error."""

import ast
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from foretune.data import openml_client
from foretune.data.errors import DatasetError
from foretune.data.openml_client import ask, entries, kept_at, pages, read_arff
from openml_server import API, SPARSE, error, listed, put_on, xml


def test_an_answer_is_asked_for_once(openml_site: Any) -> None:
    """The second time the cache folder serves, and the server is not asked."""
    first = ask("data/61")
    asked = len(openml_site.requests)
    assert ask("data/61") == first
    assert len(openml_site.requests) == asked == 1
    assert kept_at("data/61").is_file()


def test_nothing_is_no_error(openml_site: Any) -> None:
    """Where OpenML says that there are no results there are none; that is not kept."""
    put_on(openml_site, {f"{API}/data/99": error(111, "Unknown dataset")})
    assert ask("data/99") is None
    assert not kept_at("data/99").exists()


def test_full_pages_are_kept(openml_site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list goes on where it was cut short: full pages are not asked for again, the last one is."""
    monkeypatch.setattr(openml_client, "PAGE", 2)
    runs = [(number, 31, 1, "") for number in range(101, 106)]
    put_on(openml_site, listed("", runs, {}, page=2))
    where = "run/list/flow/7/show_errors/true"
    for _ in range(2):
        found = list(pages(where, "oml:runs", "oml:run", limit=10))
        assert [int(one["oml:run_id"]) for one in found] == [101, 102, 103, 104, 105]
    asked = [path for path in openml_site.requests if "run/list" in path]
    assert [path.rpartition("/")[2] for path in asked] == ["0", "2", "4", "4"]
    assert len(list(pages(where, "oml:runs", "oml:run", limit=3))) == 3


def test_a_refusal_tells_its_code(openml_site: Any) -> None:
    """What OpenML says is passed on."""
    put_on(openml_site, {f"{API}/data/99": error(112, "No access granted")})
    with pytest.raises(DatasetError, match=r"refuses data/99: No access granted.*112"):
        ask("data/99")


@pytest.mark.parametrize("body", [b"<html>", b"", b"{}", b"<a/>"])
def test_a_page_that_is_no_answer_is_one_clear_error(openml_site: Any, body: bytes) -> None:
    """A failed request whose body is no answer of OpenML's says what to do by hand."""
    openml_site.says(f"{API}/data/99", body, status=500)
    with pytest.raises(DatasetError, match=r"cannot be reached.*put it at"):
        ask("data/99")


def test_hostile_xml_is_refused(openml_site: Any) -> None:
    """Entities that stand for more entities are not expanded."""
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>'
    put_on(openml_site, {f"{API}/data/99": bomb.encode()})
    with pytest.raises(DatasetError, match="no XML"):
        ask("data/99")


def test_a_damaged_kept_answer_says_so(openml_site: Any) -> None:
    """A file in the cache that is no XML is named."""
    ask("data/61")
    kept_at("data/61").write_text("<oml:data")
    with pytest.raises(DatasetError, match=r"\.xml is damaged: delete it"):
        ask("data/61")


def test_offline_says_what_to_put_where(openml_site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the network the error names address and place, and a file put there serves."""
    monkeypatch.setenv("FORETUNE_OFFLINE", "1")
    with pytest.raises(
        DatasetError, match=r"FORETUNE_OFFLINE is set: fetch http.*/data/5 and put it at .*\.xml"
    ):
        ask("data/5")
    kept_at("data/5").parent.mkdir(parents=True)
    kept_at("data/5").write_bytes(
        xml("data", "<oml:dataset/><oml:dataset><oml:did>5</oml:did></oml:dataset>")
    )
    assert entries(ask("data/5") or {}, "oml:data", "oml:dataset") == [{"oml:did": "5"}]
    assert openml_site.requests == []


def test_a_server_that_is_not_there_is_one_clear_error(
    openml_site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused connection says what to do by hand."""
    monkeypatch.setattr(openml_client.package().config, "server", "http://127.0.0.1:1/api/v1/xml")
    with pytest.raises(DatasetError, match=r"data/61 cannot be reached.*put it at"):
        ask("data/61")


def test_nothing_is_written_outside_the_cache(tmp_path: Path) -> None:
    """In a home without settings, importing openml-python leaves no folder there."""
    home, cache = tmp_path / "home", tmp_path / "cache"
    home.mkdir()
    names = ("OPENML_CACHE_DIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    environment |= {"HOME": str(home), "FORETUNE_CACHE": str(cache)}
    code = "import os; from foretune.data.openml_client import package as it; it(); print(sorted(os.environ))"
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=300
    )
    assert not {*names} & {*ast.literal_eval(run.stdout)}
    assert [*home.iterdir()] == []


def test_sparse_rows_are_filled(tmp_path: Path) -> None:
    """What a sparse ARFF row leaves out is 0, or the first of a nominal attribute's values."""
    (tmp_path / "a.arff").write_text(SPARSE)
    table = read_arff(tmp_path / "a.arff")
    assert table["a"].tolist() == [1.5, 0.0, 0.0, 3.0]
    assert table["class"].tolist() == ["no", "yes", "no", "yes"]


def test_a_damaged_arff_is_one_clear_error(tmp_path: Path) -> None:
    """A file that is no ARFF is named."""
    (tmp_path / "a.arff").write_text("@DATA\n1,2,3")
    with pytest.raises(DatasetError, match=r"a\.arff cannot be read as ARFF"):
        read_arff(tmp_path / "a.arff")
