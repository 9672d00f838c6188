"""What a source of results looks like, as far as is needed to tell which reader it is for."""

from functools import cached_property
from pathlib import Path
from typing import Any

from foretune.data.errors import HistoryError
from foretune.history.readers.cv_results import is_cv_results
from foretune.history.readers.places import Kind, kind_at, path_at
from foretune.history.readers.sheet import FILE_TYPES, PICKLED, columns_of
from foretune.history.readers.untrusted import json_at


class Source:
    """A url or path; each of its properties is found out when it is first asked for."""

    def __init__(self, place: str) -> None:
        self.place = place

    @cached_property
    def kind(self) -> Kind:
        """What lies there, by its first bytes, or a database's tables."""
        try:
            return kind_at(self.place)
        except (OSError, ValueError) as error:  # a name that the system takes for no path
            raise HistoryError(f"{self.place[:60]!r} cannot be read: {type(error).__name__}.") from None

    @cached_property
    def path(self) -> Path:
        """The path of the file or folder."""
        return path_at(self.place)

    def holds(self, *patterns: str) -> bool:
        """Whether it is a folder with, for each of the patterns ("*/params.json"), something of this name."""
        return self.kind == "unknown" and all(any(self.path.glob(pattern)) for pattern in patterns)

    def holds_any(self, *patterns: str) -> bool:
        """Whether it is a folder with something of a name that one of the patterns tells."""
        return any(self.holds(pattern) for pattern in patterns)

    @cached_property
    def is_table(self) -> bool:
        """Whether it is a file of a type that tables have, or pickled, which their readers refuse."""
        return self.kind == "unknown" and self.path.suffix.lower() in (*FILE_TYPES, *PICKLED)

    @cached_property
    def columns(self) -> list[str]:
        """The names of the columns of a table; none where it is no table."""
        return columns_of(self.path) if self.is_table else []

    @cached_property
    def content(self) -> Any:
        """The content of a JSON file; None where it is none."""
        is_json = self.kind == "unknown" and self.path.suffix.lower() == ".json"
        return json_at(self.path) if is_json and self.path.is_file() else None

    @cached_property
    def has_cv_results(self) -> bool:
        """Whether its columns are those of scikit-learn's searches."""
        return is_cv_results(self.columns)
