"""Downloads: what is fetched, kept, checked and refused. Their server is on this machine."""

import socket
from hashlib import sha256
from http.client import HTTPMessage
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request

import pytest

from foretune.data import downloads
from foretune.data.cache_folder import cache_folder
from foretune.data.downloads import Remote, fetch, offline
from foretune.data.errors import DatasetError

BODY = b"a,target\n1,0\n2,1\n"


def test_the_cache_folder_is_the_one_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """$FORETUNE_CACHE is the folder itself; else it is `foretune` in the user's cache."""
    monkeypatch.setenv("FORETUNE_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    monkeypatch.setenv("FORETUNE_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_folder() == tmp_path / "cache" / "foretune"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / ".cache" / "foretune"


def test_a_file_is_fetched_once(site: Any) -> None:
    """The first use fetches the file, the second takes it from the cache with its checksum beside it."""
    remote = Remote(site.says("/a.csv", BODY), "shelf/a.csv")
    path = fetch(remote)
    assert fetch(remote) == path == cache_folder() / "shelf" / "a.csv"
    assert path.read_bytes() == BODY
    assert site.requests == ["/a.csv"]
    assert path.with_name("a.csv.sha256").read_text() == f"{sha256(BODY).hexdigest()}  a.csv\n"
    assert sorted(each.name for each in path.parent.iterdir()) == ["a.csv", "a.csv.sha256"]


def test_a_file_that_changed_is_refused(site: Any) -> None:
    """A file that is no longer what was fetched is named with both checksums; deleted, it comes again."""
    remote = Remote(site.says("/a.csv", BODY), "a.csv")
    path = fetch(remote)
    path.write_bytes(BODY.replace(b"1", b"7"))
    with pytest.raises(
        DatasetError, match=rf"SHA-256 is .*not {sha256(BODY).hexdigest()}.*Delete it and a\.csv"
    ):
        fetch(remote)
    path.unlink()
    assert fetch(remote).read_bytes() == BODY


def test_a_file_put_there_by_hand_serves(site: Any) -> None:
    """It is taken as it is, without a request, and its checksum is recorded at its first use."""
    remote = Remote(site.address + "/a.csv", "a.csv")
    remote.path.parent.mkdir()
    remote.path.write_bytes(BODY)
    assert fetch(remote).read_bytes() == BODY
    assert site.requests == []
    remote.path.write_bytes(b"other")
    with pytest.raises(DatasetError, match="not what it was"):
        fetch(remote)


@pytest.mark.parametrize("by_hand", [False, True])
def test_what_the_hub_says_of_a_file_is_checked(site: Any, by_hand: bool) -> None:
    """A digest that the hub gives must be that of the bytes, whether fetched or put there."""
    wanted = sha256(b"something else").hexdigest()
    remote = Remote(site.says("/a.csv", BODY), "a.csv", sha256=wanted)
    if by_hand:
        remote.path.parent.mkdir()
        remote.path.write_bytes(BODY)
    with pytest.raises(DatasetError, match=wanted):
        fetch(remote)
    assert remote.path.exists() == by_hand


@pytest.mark.parametrize(
    ("told", "words"), [(100, "was cut short: 17 of 100 bytes came"), (3 * 2**20, "larger than 2 MiB")]
)
def test_a_file_cut_short_or_too_large_is_not_kept(site: Any, told: int, words: str) -> None:
    """Fewer bytes than told, or more than the limit, are errors that leave nothing behind."""
    remote = Remote(site.says("/a.csv", BODY, told=told), "a.csv", limit=2 * 2**20)
    with pytest.raises(DatasetError, match=words):
        fetch(remote)
    assert list(cache_folder().iterdir()) == []


def test_a_file_that_hides_its_size_is_bounded_too(site: Any) -> None:
    """The limit holds for the bytes that come, where the server does not say how many."""
    remote = Remote(site.says("/a.csv", b"x" * 2**20, told=-1), "a.csv", limit=2**19)
    with pytest.raises(DatasetError, match=r"larger than 0 MiB.*put it at .*a\.csv"):
        fetch(remote)
    assert list(cache_folder().iterdir()) == []


def test_offline_says_what_to_put_where(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With FORETUNE_OFFLINE nothing is asked; the error names address and place, and that place works."""
    monkeypatch.setenv("FORETUNE_OFFLINE", "1")
    remote = Remote(site.says("/a.csv", BODY), "shelf/a.csv")
    with pytest.raises(DatasetError) as caught:
        fetch(remote)
    assert f"FORETUNE_OFFLINE is set: fetch {remote.url} and put it at {remote.path}." in str(caught.value)
    assert site.requests == []
    remote.path.parent.mkdir(parents=True)
    remote.path.write_bytes(BODY)
    assert fetch(remote) == remote.path


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("yes", True), ("0", False), ("", False)])
def test_offline_is_a_switch(monkeypatch: pytest.MonkeyPatch, value: str, expected: bool) -> None:
    """FORETUNE_OFFLINE is on for anything but 0, false, no, off and nothing."""
    monkeypatch.setenv("FORETUNE_OFFLINE", value)
    assert offline() == expected


def test_a_host_that_is_not_there_says_what_to_put_where(site: Any) -> None:
    """Where nothing listens the error says so, with the address and the place."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        remote = Remote(f"http://127.0.0.1:{free.getsockname()[1]}/a.csv", "a.csv")
        with pytest.raises(
            DatasetError, match=r"cannot be reached \(.*\): fetch http.*and put it at .*a\.csv"
        ):
            fetch(remote)


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_a_refusal_is_told(site: Any, status: int) -> None:
    """The server's answer is in the error; `absent` is said where there is no such file."""
    remote = Remote(site.says("/a.csv", status=status), "a.csv")
    with pytest.raises(DatasetError, match=rf"answered {status} .*: fetch it elsewhere\."):
        fetch(remote, by_hand="fetch it elsewhere")
    with pytest.raises(DatasetError, match="not here" if status in (401, 404) else f"answered {status}"):
        fetch(remote, absent="not here")


def test_a_redirect_is_followed(site: Any) -> None:
    """A file that moved to another http address is fetched there."""
    site.says("/new.csv", BODY)
    remote = Remote(site.says("/a.csv", status=307, headers={"Location": "/new.csv"}), "a.csv")
    assert fetch(remote).read_bytes() == BODY
    assert site.requests == ["/a.csv", "/new.csv"]


@pytest.mark.parametrize("leads_to", ["file:///etc/hostname", "ftp://127.0.0.1/a", "data:,x"])
def test_a_redirect_elsewhere_is_not_followed(site: Any, leads_to: str) -> None:
    """A redirect to a file, or by any other protocol, is refused."""
    remote = Remote(site.says("/a.csv", status=302, headers={"Location": leads_to}), "a.csv")
    with pytest.raises(DatasetError, match=r"not (allowed|followed)"):
        fetch(remote)
    assert not remote.path.exists()


def test_a_redirect_from_https_to_http_is_not_followed() -> None:
    """What was asked for over https is never taken over http."""
    request = Request("https://127.0.0.1/a.csv")
    with pytest.raises(URLError, match="not followed"):
        downloads._Redirects().redirect_request(
            request, BytesIO(), 302, "Found", HTTPMessage(), "http://127.0.0.1/b.csv"
        )


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/a", "/etc/hostname"])
def test_only_web_addresses_are_fetched(site: Any, url: str) -> None:
    """An address that is neither http nor https is refused before anything is opened."""
    with pytest.raises(DatasetError, match="only http and https"):
        fetch(Remote(url, "a.csv"))


@pytest.mark.parametrize("path", ["/ä.csv", "/a b.csv", ":port/a.csv"])
def test_an_address_that_is_none_is_told(site: Any, path: str) -> None:
    """What no address may hold, as a damaged answer may name it, is one clear error."""
    with pytest.raises(DatasetError, match="cannot be reached"):
        fetch(Remote(site.address + path, "a.csv"))


@pytest.mark.parametrize("place", ["../a", "a/../../b", "/etc/a", "", "c:/a", "a\\b", "a\0", "a" * 300])
def test_nothing_is_kept_outside_the_cache(site: Any, place: str) -> None:
    """A place that leads out of the cache folder, as a hub may name one, is refused."""
    with pytest.raises(DatasetError, match="no place in the cache"):
        fetch(Remote(site.says("/a.csv", BODY), place))
    assert site.requests == []


def test_progress_is_told_of_long_downloads_only(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quick download is silent; one that takes long tells its bytes, up to all of them."""
    told: list[tuple[int, int | None]] = []
    body = bytes(3 * downloads.CHUNK_BYTES)
    monkeypatch.setattr(downloads, "QUIET_SECONDS", 3600.0)
    fetch(Remote(site.says("/a", body), "a"), on_progress=lambda done, total: told.append((done, total)))
    assert told == []
    monkeypatch.setattr(downloads, "QUIET_SECONDS", 0.0)
    fetch(Remote(site.says("/b", body), "b"), on_progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (len(body), len(body))
    assert len(told) >= 3


def test_a_cache_that_cannot_be_written_is_told(
    site: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where the cache folder cannot be made, the error says how to choose another."""
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("FORETUNE_CACHE", str(tmp_path / "file"))
    with pytest.raises(DatasetError, match=r"cannot be written .*FORETUNE_CACHE"):
        fetch(Remote(site.says("/a.csv", BODY), "a.csv"))
