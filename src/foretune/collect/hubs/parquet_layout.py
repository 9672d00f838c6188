"""Which Parquet files of a Hugging Face dataset hold which split of which config, by their names."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from foretune.data.errors import DatasetError

NUMBERED: Final = re.compile(r"(?P<split>.+?)-\d{5}-of-\d{5}(-\w+)?")  # train-00000-of-00002.parquet
SHARD: Final = re.compile(r"\d{4,5}")  # train/0000.parquet, as the hub converts


def is_parquet_folder(folder: Path) -> bool:
    """Whether Parquet files lie in it with the names that Hugging Face datasets give them."""
    if not folder.is_dir():
        return False
    stems = ((place, PurePosixPath(place).stem) for place in parquet_places(folder))
    return any(NUMBERED.fullmatch(stem) or ("/" in place and SHARD.fullmatch(stem)) for place, stem in stems)


def parquet_places(folder: Path) -> list[str]:
    """The Parquet files in the folder and down to two folders deeper, relative to it, sorted."""
    patterns = ("*.parquet", "*/*.parquet", "*/*/*.parquet")
    return sorted(file.relative_to(folder).as_posix() for one in patterns for file in folder.glob(one))


def chosen_files(places: Sequence[str], part: str | None, name: str) -> list[str]:
    """Those of the files that hold the part: a split, a config, CONFIG/SPLIT, or `all` splits of a config.

    Without a part it is the training split, else the only one, of the default config, else of the only one.
    """
    held = {place: _config_and_split(place) for place in sorted(places)}
    matching = {each for each in held.values() if part is None or part in _names(*each)}
    configs = sorted({config for config, _ in matching})
    if "default" in configs:
        configs = ["default"]
    splits = sorted(split for config, split in matching if config in configs)
    if part != "all" and (part is None or part in configs) and "train" in splits:
        splits = ["train"]
    several = part is None or (part in configs and part not in splits)
    if len(configs) != 1 or (several and len(splits) > 1):
        told = sorted({f"{config}/{split}" for config, split in held.values()})
        raise DatasetError(
            f"{name} holds {', '.join(told[:12])}{', ...' if len(told) > 12 else ''}: say which, "
            f"as in {name}#{told[0] if told else 'train'}."
        )
    return [place for place, (config, split) in held.items() if config == configs[0] and split in splits]


def _config_and_split(place: str) -> tuple[str, str]:
    *folders, file = place.split("/")
    split = file.removesuffix(".parquet")
    if match := NUMBERED.fullmatch(split):
        split = match["split"]
    elif SHARD.fullmatch(split) and folders:
        split = folders.pop()
    return "/".join(folder for folder in folders if folder != "data") or "default", split


def _names(config: str, split: str) -> set[str]:
    return {"all", f"{config}/all", config, split, f"{config}/{split}"}
