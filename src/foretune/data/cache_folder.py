"""Where foretune keeps what it need not compute or fetch again."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """The folder: $FORETUNE_CACHE, else `foretune` in the user's cache; it need not exist yet."""
    if chosen := os.environ.get("FORETUNE_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "foretune")
