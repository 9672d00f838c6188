"""The command that brings results made elsewhere into a history: it shows first what comes in."""

import json
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer
from rich.markup import escape
from rich.table import Table

from foretune.data.errors import HistoryError
from foretune.data.metrics import LOWER_IS_BETTER
from foretune.faces.options import HistoryUrl, Json, console, counted, out

if TYPE_CHECKING:
    from foretune.data.records import Task
    from foretune.history.readers.table import TableTask

MANY_CHOICES = 20  # of one hyperparameter: it may be none
NO_WORDS = frozenset({"source", "history", "reader", "dry_run", "as_json"})  # of the command, not a reader's


def import_results(
    source: Annotated[str, typer.Argument(help="A file, a folder, or a url that one of the readers takes.")],
    history: HistoryUrl,
    reader: Annotated[
        str | None, typer.Option(help="optuna, mlflow, table, ...; without it, by what the source is.")
    ] = None,
    study: Annotated[
        list[str] | None, typer.Option(help="A study, experiment or sweep; repeat it. Default: all.")
    ] = None,
    family: Annotated[str | None, typer.Option(help="The family's name, or a table's column of it.")] = None,
    metric: Annotated[str | None, typer.Option(help="What the scores are: accuracy, val_loss, ...")] = None,
    direction: Annotated[
        str | None, typer.Option(help="minimize or maximize, for a metric whose name does not tell.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="The task's name, where the source has none; default: the file's.")
    ] = None,
    step: Annotated[
        str | None,
        typer.Option(help="cv_results: the pipeline's step that is the model, svc of svc__C."),
    ] = None,
    log: Annotated[list[str] | None, typer.Option(help="On the log scale; repeat it. Default: told.")] = None,
    hyperparameter: Annotated[
        list[str] | None, typer.Option(help="A column or parameter; repeat it. Default: all others.")
    ] = None,
    choices: Annotated[
        str | None, typer.Option(help='Hyperopt: the options of each hp.choice, {"opt": ["sgd", "adam"]}.')
    ] = None,
    task_column: Annotated[
        str | None, typer.Option(help="The column, or the tag or parameter of a run, that names the task.")
    ] = None,
    score_column: Annotated[str | None, typer.Option(help="Table: the column of scores.")] = None,
    seconds_column: Annotated[str | None, typer.Option(help="Table: the column of seconds.")] = None,
    fidelity_column: Annotated[
        str | None, typer.Option(help="Table: the column of epochs, rows, ...")
    ] = None,
    status_column: Annotated[str | None, typer.Option(help="Table: the column of done, failed, ...")] = None,
    seed_column: Annotated[str | None, typer.Option(help="Table: the column of seeds.")] = None,
    dataset_column: Annotated[str | None, typer.Option(help="Table: what identifies the dataset.")] = None,
    metafeature: Annotated[list[str] | None, typer.Option(help="Table: a column; repeat it.")] = None,
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
    options: dict[str, Any] = {name: value for name, value in locals().items() if name not in NO_WORDS}
    if choices is not None:
        options["choices"] = choices_of(choices)
    from foretune.faces.readers import reader_named, reader_of
    from foretune.history.history import without_password

    with (
        warnings.catch_warnings(record=True) as told,
        console.status(f"reading {escape(without_password(source)[:60])}"),
    ):
        warnings.simplefilter("always", UserWarning)
        chosen = reader_of(source) if reader is None else reader_named(reader)
        tasks = chosen.read(source, options)
    left_out = list(dict.fromkeys(str(one.message) for one in told if issubclass(one.category, UserWarning)))
    grown = "" if family is not None else _grown(tasks, history)
    if grown and dry_run:
        left_out.append(f"it will be refused: {grown}")
    answer = _summary(tasks, left_out, chosen.name)
    if not as_json:
        _show(answer)
    if grown and not dry_run:
        raise HistoryError(grown)
    answer["added"] = 0 if dry_run else _added(tasks, history)
    if as_json:
        sys.stdout.write(json.dumps(answer) + "\n")
    elif dry_run:
        out.print("nothing was written: it is a dry run.")
    else:
        out.print(
            f"{counted(answer['added'], 'trial')} added to {escape(without_password(history))}.",
            highlight=False,
            soft_wrap=True,
        )


def choices_of(text: str) -> dict[str, list[Any]]:
    """The lists by name in a JSON text; `HistoryError` where it holds others."""
    from foretune.history.readers.untrusted import json_of

    found = json_of(text, "--choices")
    if not isinstance(found, dict) or not all(isinstance(one, list) for one in found.values()):
        raise HistoryError('--choices needs lists by name: {"opt": ["sgd", "adam"]}.')
    return found


@dataclass(frozen=True)
class Incoming:
    """A task that comes in: how many trials it has, what they lost, and why some failed."""

    task: "Task"
    trials: int
    losses: Sequence[float | None]
    failures: Sequence[str]

    @classmethod
    def of(cls, one: "Task | TableTask") -> Self:
        """What comes in with a task, or with one whose trials are columns yet."""
        from foretune.data.records import FAILED, Task

        if isinstance(one, Task):
            failures = [trial.reason for trial in one.trials if trial.status is FAILED]
            return cls(one, len(one.trials), [trial.loss for trial in one.trials], failures)
        return cls(one.task, len(one), one.losses, one.failures)


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
    doubtful = [
        sentence
        for members in parts.values()
        for sentence in (*_hardly_searched(members), *_never_scored(members))
    ]
    reasons = Counter(reason[:80] for one in told for reason in one.failures)
    return {
        "reader": reader,
        "tasks": len(tasks),
        "trials": sum(one.trials for one in told),
        "families": families,
        "left_out": [*left_out, *doubtful],
        "failed": dict(reasons.most_common(8)),
    }


def _never_scored(members: Sequence[Incoming]) -> Iterator[str]:
    """A note where tasks have scores that their metric never has, such as an accuracy of 93."""
    from foretune.history.doubts import is_possible

    metric = members[0].task.metric
    if odd := sum(not is_possible(metric, one.losses) for one in members):
        why = "are signs turned" if metric in LOWER_IS_BETTER else "are they in percent"
        yield f"{odd} of {len(members)} tasks have scores that {metric[:60]} never has: {why}?"


def _hardly_searched(members: Sequence[Incoming]) -> Iterator[str]:
    """A sentence for each hyperparameter that is another text in most trials: notes, dates, names of runs."""
    from foretune.data.spaces import KIND

    space, trials = members[0].task.space, sum(one.trials for one in members)
    for held in () if space is None else space.values():
        choices = len(getattr(held, "choices", ()))
        if choices > MANY_CHOICES and choices > trials / 2:
            name = held.name.removesuffix(KIND)
            yield (
                f"{name} has {choices} values in {trials} trials: if it is no hyperparameter, name those "
                "that are, with --hyperparameter."
            )


def _show(answer: dict[str, Any]) -> None:
    """Prints what comes in, and what does not."""
    table = Table("family", "metric", "direction", "tasks", "trials", "failed", box=None, header_style="bold")
    for one in answer["families"]:
        table.add_row(
            *(escape(str(one[name])) for name in ("family", "metric", "direction")),
            *(str(one[name]) for name in ("tasks", "trials", "failed")),
        )
    come = f"{counted(answer['tasks'], 'task')}, {counted(answer['trials'], 'trial')}"
    out.print(f"read by [bold]{answer['reader']}[/]: {come}")
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


def _grown(tasks: Sequence["Task | TableTask"], url: str) -> str:
    """What to say where the history seems to know the family with other hyperparameters; else nothing.

    What was imported from a table that has got a column since would come in twice.
    """
    from foretune.history.history import open_history
    from foretune.history.merging import grown_families

    try:
        with open_history(url, read_only=True) as store:
            grown = grown_families((Incoming.of(one).task for one in tasks), store)
    except HistoryError:  # there is none yet, or what is wrong with it is said when it is written
        return ""
    return "".join(
        f"the history knows these tasks as family {family!r}, with other hyperparameters beside the same "
        f"ones: give --family {family} to add to them, or else another name for the family."
        for family in [*grown.values()][:1]
    )


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
