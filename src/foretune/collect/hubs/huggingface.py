"""Datasets of the Hugging Face hub, as their Parquet files; no code from there is run, no script read."""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import quote

from foretune.collect.datasets import Dataset
from foretune.collect.hubs.parquet_files import read_dataset
from foretune.collect.hubs.parquet_layout import chosen_files, is_parquet_folder, parquet_places
from foretune.data.downloads import LARGEST_BYTES, Progress, Remote, fetch
from foretune.data.errors import DatasetError
from foretune.data.metrics import Target

ADDRESS: Final = "https://huggingface.co"  # unless $HF_ENDPOINT says otherwise, as in huggingface_hub
LARGEST_LISTING: Final = 2**25
NAME: Final = re.compile(r"(?P<repo>[\w.-]+(/[\w.-]+)?)(@(?P<revision>[\w./-]+))?(#(?P<part>.+))?", re.ASCII)
CONVERTED: Final = "refs/convert/parquet"  # where the hub keeps datasets of other formats, as Parquet


@dataclass(frozen=True)
class Repository:
    """A dataset at one revision: a branch, a tag or a commit."""

    repo: str
    revision: str

    @property
    def place(self) -> str:
        """Its folder in the cache."""
        return f"huggingface/{self.repo.replace('/', '--')}/{self.revision.replace('/', '--')}"

    @property
    def folder(self) -> Path:
        """Its folder in the cache, as a path."""
        return Remote(self.repo, self.place).path

    @property
    def by_hand(self) -> str:
        """What to do where it cannot be fetched."""
        return (
            f"fetch the Parquet files at {_address()}/datasets/{self.repo}/tree/"
            f"{quote(self.revision, safe='')} and put them, in the folders that they have there, "
            f"into {self.folder}"
        )


def load_huggingface(
    name: str,
    *,
    target_column: str | None = None,
    target: Target | None = None,
    on_progress: Progress | None = None,
) -> Dataset:
    """The dataset OWNER/NAME[@REVISION][#PART]: its training split, or the split or config that PART names.

    PART is a split, a config, CONFIG/SPLIT, or `all` for every split. A column of pictures and the label are
    a dataset of images, other columns are left out; else every column beside the target is a feature.
    """
    match = NAME.fullmatch(name)
    if match is None:
        raise DatasetError(
            f"{name!r} is no name of the Hugging Face hub: give OWNER/NAME, as in hf:ylecun/mnist."
        )
    repo, revision, part = match["repo"], match["revision"], match["part"]
    repository, files = _files(
        Repository(repo, revision or "main"), part, on_progress, else_converted=not revision
    )
    title = repo.rpartition("/")[2]
    source = f"hf:{repo}@{repository.revision}" + (f"#{part}" if part else "")
    data = read_dataset(title, files, target_column=target_column, target=target, source=source)
    told = {"hub": "huggingface", "id": repo, "version": _version(repository)}
    return replace(data, provenance={**told, **data.provenance})


def _version(repository: Repository) -> str:
    """The commit, where the hub was asked; of files put there by hand only the revision is known."""
    asked = (repository.folder / "listing.json").exists()
    return _about(repository).commit if asked else repository.revision


def _files(
    repository: Repository, part: str | None, on_progress: Progress | None, *, else_converted: bool
) -> tuple[Repository, list[Path]]:
    """The Parquet files of the part that is asked for, and the revision that has them."""
    folder = repository.folder
    if not (folder / "listing.json").exists() and is_parquet_folder(folder):  # put there by hand
        return repository, [
            folder / place for place in chosen_files(parquet_places(folder), part, f"hf:{repository.repo}")
        ]
    listed = _listed(repository)
    if not listed and else_converted:
        return _files(Repository(repository.repo, CONVERTED), part, on_progress, else_converted=False)
    if not listed:
        raise DatasetError(
            f"{repository.repo} has no Parquet files at {repository.revision}: give another revision."
        )
    wanted = chosen_files(sorted(listed), part, f"hf:{repository.repo}")
    size = sum(listed[place][1] for place in wanted)
    if size > LARGEST_BYTES:
        raise DatasetError(
            f"{repository.repo} would be {size / 2**30:.1f} GiB, more than {LARGEST_BYTES / 2**30:.0f}: "
            f"choose a smaller part, as in hf:{repository.repo}#{wanted[0].rpartition('/')[0] or 'test'}."
        )
    by_hand = repository.by_hand
    return repository, [fetch(listed[place][0], by_hand=by_hand, on_progress=on_progress) for place in wanted]


def _listed(repository: Repository) -> dict[str, tuple[Remote, int]]:
    """Every Parquet file of the repository by its name there, with its size in bytes."""
    about = _about(repository)
    where = f"{_address()}/datasets/{about.repo}/resolve/{about.commit}"
    return {
        name: (Remote(f"{where}/{quote(name)}", f"{repository.place}/{name}", sha256=sha256), size)
        for name, size, sha256 in about.files
        if name.endswith(".parquet")
    }


@dataclass(frozen=True)
class _Listing:
    repo: str  # under its present name
    commit: str
    files: Sequence[tuple[str, int, str | None]]  # name, bytes, SHA-256 where it is known


def _about(repository: Repository) -> _Listing:
    """What the hub says of the repository; kept, so that a name means the same commit from then on."""
    revision = quote(repository.revision, safe="")
    url = f"{_address()}/api/datasets/{repository.repo}/revision/{revision}?blobs=true"
    absent = (
        f"the Hugging Face hub has no public dataset {repository.repo!r} at {repository.revision}: "
        f"look for it at {_address()}/datasets."
    )
    remote = Remote(url, f"{repository.place}/listing.json", LARGEST_LISTING)
    file = fetch(remote, absent=absent, by_hand=repository.by_hand)
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
        files = [
            (str(each["rfilename"]), int(each.get("size") or 0), (each.get("lfs") or {}).get("sha256"))
            for each in about["siblings"]
        ]
        return _Listing(str(about["id"]), str(about["sha"]), files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise DatasetError(f"{file} is no answer of the Hugging Face hub: delete it and try again.") from None


def _address() -> str:
    return (os.environ.get("HF_ENDPOINT") or ADDRESS).rstrip("/")
