"""A tidy table of anyone's own results, one row an evaluation, as tasks.

A table may have millions of rows, so it is read column by column, down to what a store writes; trial objects
are built only for those who ask for them.
"""

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from foretune.data.errors import HistoryError
from foretune.data.records import FAILED, Floats, Ints, Task, canonical
from foretune.history.readers.cells import NOTHING, Cells, cells_of
from foretune.history.readers.conditions import MOST_CONFIGS
from foretune.history.readers.inferred import Tried, spanned
from foretune.history.readers.naming import called_by, checked
from foretune.history.readers.sheet import ABSENT, Sheet, sheet_of
from foretune.history.readers.told import at_fidelity, checked_seeds, metric_pointing, scored_by
from foretune.history.readers.trial_columns import Measured, TrialColumns
from foretune.history.rows import INFERRED, RowReader, TaskRows, task_row
from foretune.history.tables import WRITTEN

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
    told = table_rows(
        source,
        task=task,
        score=score,
        metric=metric,
        direction=direction,
        seconds=seconds,
        fidelity=fidelity,
        status=status,
        seed=seed,
        hyperparameters=hyperparameters,
        family=family,
        dataset=dataset,
        metafeatures=metafeatures,
        space=space,
        log=log,
    )
    return [one.whole() for one in told]


@dataclass(frozen=True)
class TableTask:
    """A task of a table: `task` has no trials, they are the columns `trials`, as a store writes them."""

    task: Task
    trials: tuple[Sequence[Any], ...]

    def __len__(self) -> int:
        return len(self.trials[0])

    @property
    def losses(self) -> Sequence[float | None]:
        """The loss of each trial; None of those that failed."""
        return self.trials[WRITTEN.index("loss") - 1]

    @property
    def failures(self) -> list[str]:
        """Why trials failed, a reason for each that did."""
        statuses, reasons = self.trials[WRITTEN.index("status") - 1], self.trials[-1]
        return [why for status, why in zip(statuses, reasons, strict=True) if status == FAILED]

    def rows(self, spaces: dict[int, str]) -> TaskRows:
        """The task as rows; `spaces` remembers the texts of spaces, see `task_row`."""
        return TaskRows(task_row(self.task, spaces), self.trials)

    def whole(self) -> Task:
        """The task with its trials."""
        reader = RowReader(str(self.task.provenance["table"]))
        rows = (dict(zip(WRITTEN[1:], row, strict=True)) for row in zip(*self.trials, strict=True))
        return replace(self.task, trials=tuple(reader.trial(reader.without_texts(row)) for row in rows))


def table_rows(
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
) -> list[TableTask]:
    """What `read_table` gives, with the trials as columns: for tables of millions of rows."""
    sheet = sheet_of(source)
    pointing = metric_pointing(checked(metric, "the metric"), direction)
    of_family = family if family in sheet.columns else None
    columns = Columns(task, score, seconds, fidelity, status, seed, dataset, of_family, tuple(metafeatures))
    reading = _Reading(sheet, columns, pointing, metric)
    cells = reading.hyperparameters(hyperparameters)
    return list(reading.tasks(cells, family if of_family is None else None, space, log))


class _Reading:
    """One table while it is read."""

    def __init__(self, sheet: Sheet, columns: Columns, metric: str, called: str) -> None:
        self._sheet, self._columns, self._metric, self._called = sheet, columns, metric, called
        for column in columns.named:
            sheet.check(column)

    def hyperparameters(self, given: Sequence[str] | None) -> dict[str, Cells]:
        """The columns that are hyperparameters, by name."""
        cells = {name: cells_of(self._sheet, name) for name in self._names(given)}
        for name in list(cells):
            problem = _no_hyperparameter(cells[name])
            if problem and given is not None:
                raise HistoryError(f"column {name!r} is no hyperparameter: {problem}.")
            if problem:
                warnings.warn(f"column {name!r} is left out: {problem}.", stacklevel=4)
                del cells[name]
        if not cells:
            raise HistoryError(f"{self._sheet.name} has no column left that is a hyperparameter.")
        return cells

    def _names(self, given: Sequence[str] | None) -> list[str]:
        if given is not None:
            return [self._sheet.check(name) for name in dict.fromkeys(given)]
        others = [name for name in self._sheet.columns if name not in self._columns.named]
        # A column without a name is the row number, as pandas writes it.
        nameless = {name for name in others if not name or name.startswith("Unnamed: ")}
        if dropped := [name for name in others if name in NEVER | nameless]:
            told = ", ".join(repr(name) for name in dropped)
            warnings.warn(f"no hyperparameters, so left out: {told}.", stacklevel=5)
        return [name for name in others if name not in NEVER | nameless]

    def tasks(
        self,
        cells: dict[str, Cells],
        family: str | None,
        space: "ConfigurationSpace | None",
        log: Sequence[str] | None,
    ) -> Iterator[TableTask]:
        """The tasks, in order of first appearance."""
        members = self._members()
        families: dict[str, list[Ints]] = {}
        for (_, of_family, _), places in members.items():
            families.setdefault(of_family, []).append(places)
        spaces, names = {}, {}
        for one, parts in families.items():
            places = np.sort(np.concatenate(parts)) if len(parts) > 1 else parts[0]
            tried = _tried(cells, places)
            names[one] = one or family or called_by(tried)
            spaces[one] = space or _spanned(cells, tried, places, name=names[one], log=log)
        order = np.concatenate([*members.values()])
        together = {name: Cells(one.codes[order], one.values) for name, one in cells.items()}
        trials = TrialColumns(together, self._measured(order), self._metric)
        told = {
            "source": SOURCE,
            "table": self._sheet.name,
            **scored_by(self._called, self._metric),
            **({} if space is not None else {"space": INFERRED}),
        }
        metafeatures = {name: self._sheet.numbers(name) for name in self._columns.metafeatures}
        start = 0
        for (name, one, dataset), places in members.items():
            end = start + len(places)
            task = Task(
                name,
                checked(names[one], "the family"),
                spaces[one],
                metric=self._metric,
                dataset=dataset or None,
                metafeatures=_first_known(metafeatures, places),
                provenance=at_fidelity(told, trials.fidelities(start, end)),
            )
            yield TableTask(task, trials.of(start, end))
            start = end

    def _members(self) -> dict[tuple[str, str, str], Ints]:
        """The rows of each task, which is told by its name, family and dataset."""
        texts = [self._text(column) for column in (self._columns.task, self._columns.family)]
        (names, called), (families, kinds) = texts
        datasets, data = self._text(self._columns.dataset)
        is_open = np.array([status in OPEN_WORDS for status in self._statuses()])
        nameless = names == NOTHING
        if self._columns.family:
            nameless |= families == NOTHING
        left_out = {"name no task or no family": nameless.sum(), "are not finished": is_open.sum()}
        for why, count in left_out.items():
            if count:
                warnings.warn(f"{count} rows are left out, as they {why}.", stacklevel=6)
        used = np.flatnonzero(~nameless & ~is_open)
        if not len(used):
            raise HistoryError(f"{self._sheet.name} holds no finished row that names its task.")
        whole = (names * (len(kinds) + 1) + families + 1) * (len(data) + 1) + datasets + 1
        codes, distinct = pd.factorize(whole[used])
        parts = np.split(used[np.argsort(codes, kind="stable")], np.cumsum(np.bincount(codes))[:-1])
        assert len(parts) == len(distinct)
        return {_called(part[0], (names, families, datasets), (called, kinds, data)): part for part in parts}

    def _measured(self, order: Ints) -> Measured:
        """What the rows tell, in this order."""
        columns = self._columns
        seeds, fidelities = self._number(columns.seed), self._number(columns.fidelity)
        checked_seeds(seeds[np.isfinite(seeds) | np.isinf(seeds)].tolist(), columns.seed or "")
        seconds, scores = self._number(columns.seconds), self._sheet.numbers(columns.score)
        failed = [*map(_failure, self._statuses(), np.isnan(fidelities).tolist())]
        return Measured(
            scores[order],
            seconds[order],
            fidelities[order],
            seeds[order],
            [failed[place] for place in order.tolist()],
        )

    def _statuses(self) -> list[str]:
        codes, texts = self._text(self._columns.status)
        words = [text.lower().rpartition(".")[2] for text in texts]
        if odd := {*words} - DONE_WORDS - FAILED_WORDS - OPEN_WORDS:
            known = ", ".join(sorted(DONE_WORDS | FAILED_WORDS | OPEN_WORDS))
            raise HistoryError(
                f"column {self._columns.status!r} holds {sorted(odd)[0][:40]!r}, which is no status: "
                f"use {known}."
            )
        return list(np.array([*words, "done"], dtype=object)[codes].tolist())

    def _text(self, column: str | None) -> tuple[Ints, Sequence[str]]:
        """The codes (n,) of the column's texts, and these; all nothing where there is no such column."""
        if column is None:
            return np.full(len(self._sheet), NOTHING), []
        codes, texts = pd.factorize(np.array(self._sheet.texts(column), dtype=object))
        return np.asarray(codes), list(texts)

    def _number(self, column: str | None) -> Floats:
        return self._sheet.numbers(column) if column else np.full(len(self._sheet), math.nan)


def _called(place: int, codes: Sequence[Ints], texts: Sequence[Sequence[str]]) -> tuple[str, str, str]:
    """The name, family and dataset of the task that this row is of."""
    name, family, dataset = (
        some[code[place]] if code[place] != NOTHING else "" for code, some in zip(codes, texts, strict=True)
    )
    return name, family, dataset


def _tried(cells: dict[str, Cells], places: Ints) -> dict[str, Tried]:
    """What was tried of each hyperparameter in these rows, in order of first appearance."""
    first = {name: np.flatnonzero(one.codes[places] != NOTHING)[:1] for name, one in cells.items()}
    there = sorted((name for name in cells if len(first[name])), key=lambda name: first[name][0])
    return {name: cells[name].tried(name, places) for name in there}


def _spanned(
    cells: dict[str, Cells],
    tried: dict[str, Tried],
    places: Ints,
    *,
    name: str,
    log: Sequence[str] | None,
) -> "ConfigurationSpace":
    some = places[:: len(places) // MOST_CONFIGS + 1].tolist()
    rows = [{one: cell.at(place) for one, cell in cells.items()} for place in some]
    configs = [{one: v for one, v in row.items() if v is not ABSENT} for row in rows]
    return spanned(tried, configs, name=name, log=log)


def _failure(status: str, is_full: bool) -> str:
    """Why the row is a failed trial; a pruned one that names its fidelity is none."""
    if status not in FAILED_WORDS or (status == "pruned" and not is_full):
        return ""
    return status


def _no_hyperparameter(cells: Cells) -> str:
    """Why the cells cannot be those of a hyperparameter; empty where they can."""
    if (cells.codes == NOTHING).all():
        return "it holds nothing"
    return "" if cells.are_numbers else no_hyperparameter(cells.values)


def no_hyperparameter(values: Sequence[Any]) -> str:
    """Why these values, or those of them that differ, cannot be a hyperparameter's; empty where they can."""
    if all(value is ABSENT for value in values):
        return "it holds nothing"
    choices = {v if type(v) is str else canonical({"": v}) for v in values if _is_choice(v)}
    return f"it holds {len(choices)} different texts" if len(choices) > MOST_CHOICES else ""


def _is_choice(value: Any) -> bool:
    return value is not ABSENT and type(value) is not int and type(value) is not float


def _first_known(columns: dict[str, Floats], places: Ints) -> dict[str, float]:
    """The first number that each column holds in these rows; NaN where there is none."""
    told = {name: column[places] for name, column in columns.items()}
    known = {name: cells[~np.isnan(cells)] for name, cells in told.items()}
    return {name: float(cells[0]) if len(cells) else math.nan for name, cells in known.items()}
