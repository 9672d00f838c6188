"""The hubs, by the prefix of their names: `hf:ylecun/mnist`, `openml:61`, `uci:iris`."""

from collections.abc import Mapping
from importlib import import_module
from typing import Final, Protocol

from foretune.collect.datasets import Dataset
from foretune.data.downloads import Progress
from foretune.data.errors import DatasetError
from foretune.data.metrics import Target


class Hub(Protocol):
    """What loads a hub's datasets."""

    def __call__(
        self,
        name: str,
        *,
        target_column: str | None = None,
        target: Target | None = None,
        on_progress: Progress | None = None,
    ) -> Dataset:
        """The dataset of that name, without the prefix; its target is what the hub says if none is given."""


HUBS: Final[Mapping[str, str]] = {
    "hf": "foretune.collect.hubs.huggingface:load_huggingface",
    "openml": "foretune.collect.hubs.openml:load_openml",
    "uci": "foretune.collect.hubs.uci:load_uci",
}
"""The place of each hub's loader as text, so that none is imported before it is needed."""


def is_hub_name(source: str) -> bool:
    """Whether the text begins with the prefix of a hub."""
    prefix, colon, _ = source.partition(":")
    return bool(colon) and prefix.lower() in HUBS


def load_from_hub(
    source: str,
    *,
    target_column: str | None = None,
    target: Target | None = None,
    on_progress: Progress | None = None,
) -> Dataset:
    """The dataset of such a name, from the cache or from the network."""
    prefix, _, name = source.partition(":")
    if not name.strip():
        raise DatasetError(f"{source!r} names no dataset: give its name after the colon, as in uci:iris.")
    module, _, loader = HUBS[prefix.lower()].partition(":")
    hub: Hub = getattr(import_module(module), loader)
    return hub(name.strip(), target_column=target_column, target=target, on_progress=on_progress)
