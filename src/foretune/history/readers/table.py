"""A tidy table of anyone's own results, one row an evaluation, as tasks."""

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from os import PathLike
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from foretune.data.errors import HistoryError
from foretune.data.records import Floats, Task, canonical
from foretune.history.readers.inferred import inferred_space
from foretune.history.readers.naming import called_by, checked
from foretune.history.readers.sheet import ABSENT, Sheet, sheet_of
from foretune.history.readers.told import Row, checked_seeds, metric_pointing, trials_of

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace

SOURCE: Final = "table"  # in a task's provenance
NEVER: Final = frozenset({"random_state", "n_jobs", "verbose"})  # no config names them
MOST_CHOICES: Final = 200  # that are no numbers; a column of more is a name or a remark
DONE_WORDS: Final = frozenset(
    ["done", "complete", "completed", "success", "succeeded", "finished", "ok", "terminated"]
)
FAILED_WORDS: Final = frozenset(
    ["failed", "fail", "failure", "error", "crashed", "killed", "timeout", "memout", "pruned", "infeasible"]
)
OPEN_WORDS: Final = frozenset(["running", "waiting", "pending", "queued", "scheduled"])


@dataclass(frozen=True)
class Columns:
    """Which column of a table is what; None where there is none."""

    task: str
    score: str
    seconds: str | None = None
    fidelity: str | None = None
    status: str | None = None
    seed: str | None = None
    dataset: str | None = None
    family: str | None = None
    metafeatures: tuple[str, ...] = ()

    @property
    def named(self) -> list[str]:
        """All columns that are named."""
        alone = (self.task, self.score, self.seconds, self.fidelity, self.status, self.seed)
        return [one for one in (*alone, self.dataset, self.family, *self.metafeatures) if one is not None]


def read_table(
    source: str | PathLike[str] | pd.DataFrame,
    *,
    task: str,
    score: str,
    metric: str,
    direction: str | None = None,
    seconds: str | None = None,
    fidelity: str | None = None,
    status: str | None = None,
    seed: str | None = None,
    hyperparameters: Sequence[str] | None = None,
    family: str | None = None,
    dataset: str | None = None,
    metafeatures: Sequence[str] = (),
    space: "ConfigurationSpace | None" = None,
    log: Sequence[str] | None = None,
) -> list[Task]:
    """The tasks of a table with one row an evaluation: a frame, or a CSV, TSV or Parquet file.

    `task`, `score`, `seconds`, `fidelity`, `status`, `seed`, `dataset` (what identifies the data) and
    `metafeatures` name columns; `hyperparameters` too, and all other columns are these by default. `family`
    is a column, or else the name of the one family; without it a family is called by its hyperparameters.
    `metric` is the score's name; `direction` ("minimize", "maximize") is needed where it is not a known one.

    The space of a family is `space`, or inferred: from the least to the greatest number, on the log scale
    where `log` says so or where positive numbers span two orders of magnitude more evenly on it; all that is
    no number is a choice. An empty cell says that the hyperparameter was not active, the text None in a file
    that it was None. A score that is no finite number makes a failed trial. Where every row of a task names a
    fidelity, its highest counts as full. A warning says what is left out. Raises `HistoryError` where the
    table cannot be read so, and `MetricError` where nothing tells which way the metric points.
    """
    sheet = sheet_of(source)
    pointing = metric_pointing(checked(metric, "the metric"), direction)
    of_family = family if family in sheet.columns else None
    columns = Columns(task, score, seconds, fidelity, status, seed, dataset, of_family, tuple(metafeatures))
    reading = _Reading(sheet, columns, pointing, metric)
    configs = reading.configs(hyperparameters)
    return list(reading.tasks(configs, family if of_family is None else None, space, log))


class _Reading:
    """One table while it is read."""

    def __init__(self, sheet: Sheet, columns: Columns, metric: str, called: str) -> None:
        self._sheet, self._columns, self._metric, self._called = sheet, columns, metric, called
        for column in columns.named:
            sheet.check(column)

    def configs(self, hyperparameters: Sequence[str] | None) -> list[dict[str, Any]]:
        """Each row's config, (n,)."""
        names = self._hyperparameters(hyperparameters)
        cells = {name: self._sheet.values(name) for name in names}
        for name in names:
            problem = no_hyperparameter(cells[name])
            if problem and hyperparameters is not None:
                raise HistoryError(f"column {name!r} is no hyperparameter: {problem}.")
            if problem:
                warnings.warn(f"column {name!r} is left out: {problem}.", stacklevel=3)
                del cells[name]
        if not cells:
            raise HistoryError(f"{self._sheet.name} has no column left that is a hyperparameter.")
        rows = zip(*cells.values(), strict=True)
        return [{name: v for name, v in zip(cells, row, strict=True) if v is not ABSENT} for row in rows]

    def _hyperparameters(self, given: Sequence[str] | None) -> list[str]:
        if given is not None:
            return [self._sheet.check(name) for name in dict.fromkeys(given)]
        others = [name for name in self._sheet.columns if name not in self._columns.named]
        # A column without a name is the row number, as pandas writes it.
        nameless = {name for name in others if not name or name.startswith("Unnamed: ")}
        if dropped := [name for name in others if name in NEVER | nameless]:
            told = ", ".join(repr(name) for name in dropped)
            warnings.warn(f"no hyperparameters, so left out: {told}.", stacklevel=4)
        return [name for name in others if name not in NEVER | nameless]

    def tasks(
        self,
        configs: Sequence[dict[str, Any]],
        family: str | None,
        space: "ConfigurationSpace | None",
        log: Sequence[str] | None,
    ) -> Iterator[Task]:
        """The tasks, in order of first appearance."""
        members = self._members()
        rows = self._rows(configs)
        families: dict[str, list[int]] = {}
        for (_, of_family, _), places in members.items():
            families.setdefault(of_family, []).extend(places)
        spaces, names = {}, {}
        for one, places in families.items():
            tried = [configs[place] for place in places]
            names[one] = one or family or called_by({name for config in tried for name in config})
            spaces[one] = space or inferred_space(tried, name=names[one], log=log)
        metafeatures = {name: self._sheet.numbers(name) for name in self._columns.metafeatures}
        for (name, one, dataset), places in members.items():
            yield Task(
                name,
                checked(names[one], "the family"),
                spaces[one],
                metric=self._metric,
                dataset=dataset or None,
                metafeatures=_first_known(metafeatures, places),
                trials=tuple(trials_of([rows[place] for place in places], self._metric)),
                provenance={"source": SOURCE, "table": self._sheet.name, "score": self._called},
            )

    def _members(self) -> dict[tuple[str, str, str], list[int]]:
        """The rows of each task, which is told by its name, family and dataset."""
        names = self._sheet.texts(self._columns.task)
        families, datasets = self._text(self._columns.family), self._text(self._columns.dataset)
        is_open = [status in OPEN_WORDS for status in self._statuses()]
        members: dict[tuple[str, str, str], list[int]] = {}
        nameless = 0
        for place, (name, family, dataset) in enumerate(zip(names, families, datasets, strict=True)):
            if name is None or (self._columns.family and not family):
                nameless += 1
            elif not is_open[place]:
                members.setdefault((name, family or "", dataset or ""), []).append(place)
        for count, why in ((nameless, "name no task or no family"), (sum(is_open), "are not finished")):
            if count:
                warnings.warn(f"{count} rows are left out, as they {why}.", stacklevel=5)
        if not members:
            raise HistoryError(f"{self._sheet.name} holds no finished row that names its task.")
        return members

    def _rows(self, configs: Sequence[dict[str, Any]]) -> list[Row]:
        columns = self._columns
        seeds = self._number(columns.seed)
        checked_seeds(seeds, columns.seed or "")
        scores, fidelities = self._sheet.numbers(columns.score).tolist(), self._number(columns.fidelity)
        statuses = self._statuses()
        failed = [_failure(status, math.isnan(f)) for status, f in zip(statuses, fidelities, strict=True)]
        lists = (configs, scores, self._number(columns.seconds), fidelities, seeds, failed)
        return [Row(*cells) for cells in zip(*lists, strict=True)]

    def _statuses(self) -> list[str]:
        words = [(text or "done").lower().rpartition(".")[2] for text in self._text(self._columns.status)]
        if odd := {*words} - DONE_WORDS - FAILED_WORDS - OPEN_WORDS:
            known = ", ".join(sorted(DONE_WORDS | FAILED_WORDS | OPEN_WORDS))
            raise HistoryError(
                f"column {self._columns.status!r} holds {sorted(odd)[0][:40]!r}, which is no status: "
                f"use {known}."
            )
        return words

    def _text(self, column: str | None) -> Sequence[str | None]:
        return self._sheet.texts(column) if column else [None] * len(self._sheet)

    def _number(self, column: str | None) -> list[float]:
        return self._sheet.numbers(column).tolist() if column else [*repeat(math.nan, len(self._sheet))]


def _failure(status: str, is_full: bool) -> str:
    """Why the row is a failed trial; a pruned one that names its fidelity is none."""
    if status not in FAILED_WORDS or (status == "pruned" and not is_full):
        return ""
    return status


def no_hyperparameter(cells: Sequence[Any]) -> str:
    """Why the cells cannot be those of a hyperparameter; empty where they can."""
    if all(cell is ABSENT for cell in cells):
        return "it holds nothing"
    choices = {c if type(c) is str else canonical({"": c}) for c in cells if _is_choice(c)}
    return f"it holds {len(choices)} different texts" if len(choices) > MOST_CHOICES else ""


def _is_choice(cell: Any) -> bool:
    return cell is not ABSENT and type(cell) is not int and type(cell) is not float


def _first_known(columns: dict[str, Floats], places: Sequence[int]) -> dict[str, float]:
    """The first number that each column holds in these rows; NaN where there is none."""
    told = {name: [float(column[place]) for place in places] for name, column in columns.items()}
    return {name: next((x for x in cells if x == x), math.nan) for name, cells in told.items()}  # noqa: PLR0124
