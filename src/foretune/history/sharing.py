"""What of a history is given away: which tasks, how exactly, and what the card says of it."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foretune.data.errors import HistoryError
from foretune.data.records import Task
from foretune.history.anonymous import DIGITS, NAMELESS, anonymous, rounded

if TYPE_CHECKING:
    from ConfigSpace.hyperparameters import Hyperparameter


@dataclass(frozen=True, kw_only=True)
class Sharing:
    """What is to be given away.

    `without_names` makes tasks anonymous; `metafeature_digits` is how many significant digits meta-features
    keep (None: all); tasks of datasets with fewer than `min_rows` rows, or with nobody knows how many, stay
    at home; `families` are those that are shared (None: all).
    """

    without_names: bool = False
    metafeature_digits: int | None = None
    min_rows: int = 0
    families: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if self.metafeature_digits is not None and not 1 <= self.metafeature_digits <= 15:
            raise HistoryError(f"{self.metafeature_digits} digits cannot be kept: give 1 to 15.")

    def of(self, tasks: Iterable[Task]) -> list[Task]:
        """The tasks that are shared, as they are shared."""
        kept = [task for task in tasks if self._is_shared(task)]
        kept = anonymous(kept) if self.without_names else kept
        digits = self.metafeature_digits
        return kept if digits is None else [_rounded(task, digits) for task in kept]

    def card(self, tasks: Sequence[Task]) -> dict[str, Any]:
        """What the shared tasks reveal and what they do not, in sentences, for the pack's card."""
        return {
            "revealed": [*self._revealed(tasks)],
            "not revealed": [*self._hidden()],
            "hyperparameters": _choices(tasks),
        }

    def _is_shared(self, task: Task) -> bool:
        is_wanted = self.families is None or task.family in self.families
        return is_wanted and (self.min_rows <= 0 or rows_of(task) >= self.min_rows)

    def _revealed(self, tasks: Sequence[Task]) -> Iterable[str]:
        yield f"how many tasks there are ({len(tasks)}), their families and metrics"
        yield "every config that was tried, with the names and choices of its hyperparameters"
        if self.without_names:
            yield f"losses to {DIGITS} and seconds to 2 digits; an accuracy may tell how many rows there are"
            yield "which tasks are of one dataset or group, library versions, kind of validation and folds"
        else:
            yield "names, fingerprints and groups of datasets: who has the data can tell"
            yield "losses, scores of every fold, seconds and memory, seeds, why trials failed (with paths)"
            yield "provenance: sources, dates, versions, protocol, notes that came with imported studies"
        if any(task.metafeatures for task in tasks):
            digits = self.metafeature_digits
            exactly = "exactly" if digits is None else f"to {digits} digits"
            yield f"meta-features {exactly}, by name: sizes, class shares and statistics of the columns"

    def _hidden(self) -> Iterable[str]:
        yield "rows, cells and column names of any dataset"
        if self.without_names:
            yield NAMELESS
            yield "scores of folds, memory, seeds, why trials failed, order in which tasks were added"
        if self.min_rows > 0:
            yield f"datasets of fewer than {self.min_rows} rows, or of an unknown number"
        if self.families is not None:
            yield f"families other than {', '.join(sorted(self.families))}"


def export_pack(
    tasks: Iterable[Task],
    folder: str | PathLike[str],
    *,
    name: str = "a history",
    sharing: Sharing | None = None,
    reveal: bool = False,
) -> int:
    """How many tasks were written as a pack, whose card says what it reveals.

    A pack that lies in the folder is replaced, but not, without `reveal`, by one that names what it does not:
    who reads that folder was promised otherwise. Raises `HistoryError` in that case, where no task is left
    to share, or where the folder holds other files.
    """
    from foretune.history.parquet import write_pack  # noqa: PLC0415 - only packs need pyarrow

    sharing = sharing or Sharing()
    shared = sharing.of(tasks)
    if not shared:
        raise HistoryError("no task is left to share: ask for other families, or for fewer rows.")
    card = {"name": name, "sharing": sharing.card(shared)}
    write_pack(shared, Path(folder), card=card, reveal=reveal)
    return len(shared)


def rows_of(task: Task) -> float:
    """How many rows the task's dataset has, as far as anything tells; 0 where nothing does."""
    told = [task.provenance.get("rows"), task.metafeatures.get("nr_inst")]
    counts = [float(n) for n in told if isinstance(n, int | float) and math.isfinite(n)]
    return min(counts, default=0.0)


def _rounded(task: Task, digits: int) -> Task:
    told = {name: rounded(value, digits) for name, value in task.metafeatures.items()}
    return replace(task, metafeatures=told)


def _choices(tasks: Sequence[Task]) -> dict[str, list[str]]:
    """The texts of configs and spaces by hyperparameter: what an owner should read before sharing them."""
    found: dict[str, dict[str, None]] = {}
    spaces = {id(task.space): task.space for task in tasks if task.space is not None}
    told = [(name, value) for task in tasks for trial in task.trials for name, value in trial.config.items()]
    told += [(one.name, _offered(one)) for space in spaces.values() for one in space.values()]
    for name, value in told:
        found.setdefault(name, {}).update(dict.fromkeys(_texts(value)))
    return {name: [*texts] for name, texts in sorted(found.items())}


def _offered(hyperparameter: "Hyperparameter[Any, Any]") -> list[Any]:
    """Whatever values the space itself spells out."""
    parts = ("choices", "sequence", "value", "default_value")
    return [getattr(hyperparameter, part) for part in parts if hasattr(hyperparameter, part)]


def _texts(value: Any) -> Iterator[str]:
    """The texts in a value, also those within lists."""
    if isinstance(value, str):
        yield str(value)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
