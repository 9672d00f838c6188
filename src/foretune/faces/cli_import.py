"""The command that brings results made elsewhere into a history: it shows first what comes in."""

import json
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer
from rich.markup import escape
from rich.table import Table

from foretune.data.errors import HistoryError
from foretune.data.metrics import LOWER_IS_BETTER
from foretune.faces.options import HistoryUrl, Json, console, out

if TYPE_CHECKING:
    from foretune.data.records import Task
    from foretune.history.readers.table import TableTask

READERS = ("optuna", "table", "cv_results")


def import_results(
    source: Annotated[
        str, typer.Argument(help="A CSV, TSV, Parquet or JSON file; an Optuna url or journal.")
    ],
    history: HistoryUrl,
    reader: Annotated[
        str | None, typer.Option(help="optuna, table or cv_results; without it, by what the source is.")
    ] = None,
    task_column: Annotated[str | None, typer.Option(help="Table: the column that names the task.")] = None,
    score_column: Annotated[str | None, typer.Option(help="Table: the column of scores.")] = None,
    metric: Annotated[str | None, typer.Option(help="What the scores are: accuracy, rmse, ...")] = None,
    direction: Annotated[
        str | None, typer.Option(help="minimize or maximize, for an unknown metric.")
    ] = None,
    seconds_column: Annotated[str | None, typer.Option(help="Table: the column of seconds.")] = None,
    fidelity_column: Annotated[
        str | None, typer.Option(help="Table: the column of epochs, rows, ...")
    ] = None,
    status_column: Annotated[str | None, typer.Option(help="Table: the column of done, failed, ...")] = None,
    seed_column: Annotated[str | None, typer.Option(help="Table: the column of seeds.")] = None,
    dataset_column: Annotated[str | None, typer.Option(help="Table: what identifies the dataset.")] = None,
    metafeature: Annotated[list[str] | None, typer.Option(help="Table: a column; repeat it.")] = None,
    hyperparameter: Annotated[
        list[str] | None, typer.Option(help="Table: a column; repeat it. Default: all others.")
    ] = None,
    log: Annotated[list[str] | None, typer.Option(help="On the log scale; repeat it. Default: told.")] = None,
    family: Annotated[str | None, typer.Option(help="The family's name, or the column that has it.")] = None,
    task: Annotated[
        str | None, typer.Option(help="cv_results: the task's name; default: the file's.")
    ] = None,
    study: Annotated[list[str] | None, typer.Option(help="Optuna: a study; repeat it. Default: all.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would come in; write nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Import results made elsewhere; importing them twice adds nothing.

    It shows what comes in, what was inferred, and what is left out and why, before anything is written.

    Example: foretune import runs.csv --history sqlite:///tuning.db --task-column dataset --score-column
    accuracy --metric accuracy --dry-run
    """
    reader = _reader_of(source, reader)
    tasks: Sequence[Task | TableTask]
    with warnings.catch_warnings(record=True) as told, console.status(f"reading {escape(source[:60])}"):
        warnings.simplefilter("always", UserWarning)
        if reader == "optuna":
            from foretune.history.readers.optuna import read_optuna

            tasks = read_optuna(source, study=study, family=family)
        elif reader == "cv_results":
            from foretune.history.readers.cv_results import read_cv_results

            name = task or Path(source).stem
            tasks = read_cv_results(source, task=name, family=family, metric=metric, log=log)
        else:
            from foretune.history.readers.table import table_rows

            tasks = table_rows(
                source,
                task=_needed(task_column, "--task-column"),
                score=_needed(score_column, "--score-column"),
                metric=_needed(metric, "--metric"),
                direction=direction,
                seconds=seconds_column,
                fidelity=fidelity_column,
                status=status_column,
                seed=seed_column,
                dataset=dataset_column,
                metafeatures=metafeature or (),
                hyperparameters=hyperparameter,
                log=log,
                family=family,
            )
    left_out = [str(one.message) for one in told]
    answer = _summary(tasks, left_out, reader)
    if not as_json:
        _show(answer)
    answer["added"] = 0 if dry_run else _added(tasks, history)
    if as_json:
        sys.stdout.write(json.dumps(answer) + "\n")
    elif dry_run:
        out.print("nothing was written: it is a dry run.")
    else:
        out.print(f"{answer['added']} trials added to {escape(history)}.", highlight=False, soft_wrap=True)


def _needed(value: str | None, option: str) -> str:
    if value is None:
        raise HistoryError(f"a table needs {option}: say it, or --reader, where it is no table.")
    return value


def _reader_of(source: str, given: str | None) -> str:
    """The reader given, or the one for what the source is."""
    from foretune.history.readers.cv_results import is_cv_results
    from foretune.history.readers.places import kind_at, path_at
    from foretune.history.readers.sheet import FILE_TYPES, PICKLED, sheet_of

    if given is not None:
        if given not in READERS:
            raise HistoryError(f"there is no reader {given[:60]!r}: use {', '.join(READERS)}.")
        return given
    with _any_length(source):
        kind = kind_at(source)
    if kind.startswith("optuna"):
        return "optuna"
    if kind == "history":
        raise HistoryError(f"{source} is a history already: give it as --history to the other commands.")
    if kind == "nothing" or path_at(source).suffix.lower() not in (*FILE_TYPES, *PICKLED):
        what = "does not exist" if kind == "nothing" else "is of no kind that foretune imports"
        raise HistoryError(
            f"{source[:200]} {what}: give a {', '.join(FILE_TYPES)} file, or a storage of Optuna's."
        )
    return "cv_results" if is_cv_results(sheet_of(source)) else "table"


@contextmanager
def _any_length(source: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # a name that the system takes for no path
        raise HistoryError(f"{source[:60]!r} cannot be read: {type(error).__name__}.") from None


@dataclass(frozen=True)
class Incoming:
    """A task that comes in: how many trials it has, and why some failed."""

    task: "Task"
    trials: int
    failures: Sequence[str]

    @classmethod
    def of(cls, one: "Task | TableTask") -> Self:
        """What comes in with a task, or with one whose trials are columns yet."""
        from foretune.data.records import FAILED, Task

        if isinstance(one, Task):
            return cls(one, len(one.trials), [t.reason for t in one.trials if t.status is FAILED])
        return cls(one.task, len(one), one.failures)


def _summary(tasks: Sequence["Task | TableTask"], left_out: Sequence[str], reader: str) -> dict[str, Any]:
    """What comes in, in plain values."""
    from foretune.history.readers.inferred import in_words

    parts: dict[tuple[str, str], list[Incoming]] = {}
    for one in map(Incoming.of, tasks):
        parts.setdefault((one.task.family, one.task.metric), []).append(one)
    families = [
        {
            "family": family,
            "metric": metric,
            "direction": "minimize" if metric in LOWER_IS_BETTER else "maximize",
            "tasks": len(members),
            "trials": sum(one.trials for one in members),
            "failed": sum(len(one.failures) for one in members),
            "space": {} if members[0].task.space is None else in_words(members[0].task.space),
        }
        for (family, metric), members in parts.items()
    ]
    told = [one for members in parts.values() for one in members]
    reasons = Counter(reason[:80] for one in told for reason in one.failures)
    return {
        "reader": reader,
        "tasks": len(tasks),
        "trials": sum(one.trials for one in told),
        "families": families,
        "left_out": list(left_out),
        "failed": dict(reasons.most_common(8)),
    }


def _show(answer: dict[str, Any]) -> None:
    """Prints what comes in, and what does not."""
    table = Table("family", "metric", "direction", "tasks", "trials", "failed", box=None, header_style="bold")
    for one in answer["families"]:
        table.add_row(
            *(escape(str(one[name])) for name in ("family", "metric", "direction")),
            *(str(one[name]) for name in ("tasks", "trials", "failed")),
        )
    out.print(f"read by [bold]{answer['reader']}[/]: {answer['tasks']} tasks, {answer['trials']} trials")
    out.print(table)
    shown = {json.dumps(one["space"]): one for one in answer["families"]}
    for one in shown.values():
        out.print(f"the space of [bold]{escape(one['family'])}[/]:", highlight=False)
        for name, words in one["space"].items():
            out.print(f"  {escape(name)}: {escape(words)}", highlight=False, soft_wrap=True)
    for sentence in answer["left_out"]:
        out.print(f"[yellow]note:[/] {escape(sentence)}", highlight=False, soft_wrap=True)
    for reason, count in answer["failed"].items():
        out.print(f"[yellow]failed:[/] {count} trials, {escape(reason)}", highlight=False, soft_wrap=True)


def _added(tasks: Sequence["Task | TableTask"], url: str) -> int:
    """How many trials the history did not have; all are added, or none."""
    from foretune.data.records import Task
    from foretune.history.history import open_history
    from foretune.history.rows import rows_of

    spaces: dict[int, str] = {}
    rows = [one.rows(spaces) for one in tasks if not isinstance(one, Task)]
    rows += rows_of(one for one in tasks if isinstance(one, Task))
    with open_history(url) as store, console.status("writing"):
        before = sum(store.sizes().values())
        store.add_rows(rows)
        return sum(store.sizes().values()) - before
