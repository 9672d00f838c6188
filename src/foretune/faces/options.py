"""Options and output that the commands share: names of options, reading of files, progress."""

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from foretune.data.bounds import MOST_JSON_BYTES, content_of, parsed
from foretune.data.errors import DatasetError, ForetuneError, SpaceError
from foretune.data.metrics import Target, to_score

if TYPE_CHECKING:
    from foretune.collect.sweep import Progress as SweepProgress
    from foretune.data.records import Task, Trial
    from foretune.history.history import History


def folder_to_write(path: Path | None) -> Path | None:
    """The folder of an option, before any work; `ForetuneError` where it is a file, or closed to writing."""
    place = path
    while place is not None and not place.exists() and place != place.parent:
        place = place.parent
    if place is not None and not (place.is_dir() and os.access(place, os.W_OK)):
        problem = "is closed to you" if place.is_dir() else "is no folder"
        raise ForetuneError(f"nothing can be written to {path}, as {place} {problem}: name another folder.")
    return path


def file_to_write(path: Path | None) -> Path | None:
    """The file of an option, before any work; `ForetuneError` where it is a folder, or lies in none."""
    if path is not None and path.is_dir():
        raise ForetuneError(f"{path} is a folder: name a file.")
    if path is not None:
        folder_to_write(path.parent)
    return path


console = Console(stderr=True)
out = Console()

LARGEST_SEED: Final = 2**32 - 1  # that numpy and scikit-learn take

Page = Annotated[Path | None, typer.Option("--output", callback=file_to_write, help="An HTML file to write.")]
REPORT = typer.Option("--output", callback=folder_to_write, help="A folder for a JSON file and an HTML page.")
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, and nothing else.")]
NoExperience = Annotated[bool, typer.Option("--no-experience", help="Leave the shipped experience out.")]
Metric = Annotated[str | None, typer.Option(help="Default: accuracy for classes, r2 for numbers.")]
PastUrl = Annotated[
    str | None, typer.Option("--history", help="A history of your own, used beside the experience.")
]
LearnerName = Annotated[
    str,
    typer.Option(
        "--learner",
        help="auto, portfolio, neighbours, forest, gaussian_process, cold, (bayesian_)network.",
    ),
]

PerSecond = Annotated[
    bool, typer.Option("--per-second", help="The most expected gain for each second that a trial takes.")
]
Seed = Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Of the folds and the models.")]
Places = Annotated[
    list[str],
    typer.Argument(
        help="Files, folders, scikit-learn's iris, wine, digits, ..., or hf:NAME, openml:ID, uci:ID."
    ),
]
HistoryUrl = Annotated[str, typer.Option("--history", help="Where past tasks are stored: sqlite:///FILE.db")]
Families = Annotated[
    list[str] | None, typer.Option("--family", help="A family of models; repeat it for several.")
]
OneFamily = Annotated[
    list[str] | None,
    typer.Option("--family", help="A family of models. Without it, the one that promises most."),
]
TargetColumn = Annotated[
    str | None,
    typer.Option("--target", help="The column to predict; default: what a hub says, else `target`."),
]
Kind = Annotated[
    Target | None,
    typer.Option("--as", help="What is asked of the target; up to 20 whole numbers are classes by default."),
]
Place = Annotated[
    str,
    typer.Argument(
        help="A CSV, TSV, Parquet, ARFF or NPZ file, iris, wine, ..., or hf:NAME, openml:ID, uci:ID."
    ),
]


def past_of(history: str | None, families: list[str] | None, metric: str, *, experience: bool) -> list[Any]:
    """The past tasks of these families, or of all."""
    from foretune.collect.families import family as find_family
    from foretune.recommender.past import past_tasks

    for name in families or ():
        find_family(name)
    tasks = past_tasks(history, metric=metric, experience=experience)
    return [task for task in tasks if not families or task.family in families]


def only(families: list[str] | None, command: str) -> str | None:
    """The one family that is named, None where none is; an error where several are."""
    if families and len(families) > 1:
        raise SpaceError(f"{command} takes one family, not {', '.join(families)}: run it once for each.")
    return families[0] if families else None


def show_version(wanted: bool) -> None:
    """Prints the version and ends, where that is asked for."""
    from importlib.metadata import version

    if wanted:
        out.print(f"foretune {version('foretune')}", highlight=False)
        raise typer.Exit


def show_notes(notes: Iterable[str]) -> None:
    """Prints what the user should know besides, a line each."""
    for note in notes:
        console.print(f"[yellow]note:[/] {escape(note)}", highlight=False, soft_wrap=True)


def counted(n: int, thing: str) -> str:
    """So many of a thing, in words.

    >>> counted(1, "trial"), counted(0, "trial")
    ('1 trial', '0 trials')
    """
    return f"{n} {thing}" + ("" if n == 1 else "s")


def backend_of(name: str) -> Any:
    """The name itself where it is one of a backend."""
    if name not in ("loky", "dask", "ray"):
        raise ForetuneError(f"there is no backend {name!r}: use loky, dask or ray.")
    return name


def load_all(
    places: list[str],
    target: str | None,
    kind: Target | None = None,
    check: Callable[[Any], None] = lambda _: None,
) -> list[Any]:
    """Every dataset that can be learned from; those of a folder that cannot are named and left out.

    `check` raises `DatasetError` for one that the command has no use for.
    """
    from foretune.collect.datasets import dataset_sources

    datasets = []
    for source in dataset_sources(places):
        try:
            data = load_one(source, target, kind)
            check(data)
            datasets.append(data)
        except DatasetError as error:
            if source in places:
                raise
            console.print(f"[yellow]left out:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
    if not datasets:
        raise DatasetError(f"nothing in {', '.join(places)} can be learned from: give other files.")
    return datasets


def load_asked(
    place: str, target: str | None, kind: Target | None, metric: str | None, families: Sequence[str] = ()
) -> Any:
    """The dataset of that file or name, for who asks for this metric of such families."""
    from foretune.collect.families import as_asked

    data = load_one(place, target, kind)
    return data if kind else as_asked(data, metric, families)


def load_one(place: str, target: str | None, kind: Target | None = None) -> Any:
    """The dataset of that file or name; a long download shows how far it is, and what is left out is told."""
    from foretune.collect.datasets import load_dataset

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        with _show_download(place) as show:
            data = load_dataset(place, target_column=target, target=kind, on_progress=show)
    show_notes(str(one.message) for one in told)
    return data


@contextmanager
def _show_download(place: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar of bytes on a terminal, from the first call on."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with ExitStack() as shown:
        bars: list[Progress] = []

        def show(done: int, expected: int | None) -> None:
            if not bars:
                disabled = not console.is_terminal
                bar = Progress(*columns, console=console, transient=True, disable=disabled)
                bar.add_task(escape(place), total=None)
                bars.append(shown.enter_context(bar))
            bars[0].update(bars[0].task_ids[0], completed=done, total=expected)

        yield show


def read_grid(path: Path) -> Any:
    """The grid, or list of grids, in a JSON file."""
    grid = read_json(path)
    parts = grid if isinstance(grid, list) else [grid]
    if not parts or not all(isinstance(part, dict) and part for part in parts):
        raise SpaceError(
            f'{path} is no grid: give an object such as {{"C": [1, 10, 100]}}, or a list of such.'
        )
    return grid


def read_groups(path: Path) -> dict[str, str]:
    """The group of each dataset, in a JSON file."""
    groups = read_json(path)
    if not isinstance(groups, dict):
        raise SpaceError(f'{path} names no groups: give an object such as {{"iris": "flowers"}}.')
    for name, group in groups.items():
        if not isinstance(group, str):
            raise SpaceError(
                f"{path}: the group of {name!r} is {group!r}, which is no text: put it in quotes."
            )
    return groups


def read_config(text: str) -> dict[str, Any]:
    """The config in a JSON text."""
    try:
        config = parsed(text, repr(text[:60]), error=SpaceError)
    except SpaceError as error:
        raise SpaceError(f'{error} A config is an object such as {{"C": 10}}.') from None
    if not isinstance(config, dict):
        raise SpaceError(f'{text[:60]!r} is no config: give a JSON object such as {{"C": 10}}.')
    return config


def read_json(path: Path) -> Any:
    """What a JSON file holds."""
    try:
        content = content_of(path, most=MOST_JSON_BYTES, error=SpaceError)
    except (OSError, ValueError) as error:
        raise SpaceError(f"{path} cannot be read as JSON: {error}.") from None
    return parsed(content, str(path), error=SpaceError)


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A bar that is shown on a terminal, and nowhere else."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield bar


@contextmanager
def show_progress(what: str, then: str = "") -> Iterator[Callable[[int, int], None]]:
    """A bar with the time left, fed with the number of parts done and planned; `then` names the parts."""
    with progress_bar() as bar:
        line = bar.add_task(what, total=None)
        yield lambda done, planned: bar.update(line, description=then or what, completed=done, total=planned)


@contextmanager
def show_trials() -> Iterator["Callable[[SweepProgress], None]"]:
    """A bar with the time left, fed with each finished trial."""
    with progress_bar() as bar:
        line = bar.add_task("starting", total=None)

        def show(now: "SweepProgress") -> None:
            what = f"{now.family} on {now.dataset}"
            bar.update(line, description=what, completed=now.done, total=now.planned)

        yield show


def swept(reasons: Sequence[str], history: str) -> str:
    """What a sweep did, in a sentence, from the reason why each of its trials failed; "" where it did not.

    >>> swept(["", "timed out after 4 s"], "mine.db")
    '2 trials added to mine.db, 1 of them failed, most often: timed out after 4 s.'
    """
    failed = Counter(reason for reason in reasons if reason)
    added = f"{counted(len(reasons), 'trial')} added to {history}"
    if not failed:
        return f"{added}."
    ((reason, _),) = failed.most_common(1)
    return f"{added}, {failed.total()} of them failed, most often: {reason.removesuffix('.')}."


@contextmanager
def show_search(trials: int) -> Iterator["Callable[[Trial, Task], None]"]:
    """A bar fed with each finished trial of one search; where there is no terminal, nothing."""
    with progress_bar() as bar:
        line = bar.add_task("learning from the past", total=trials)

        def show(_: "Trial", task: "Task") -> None:
            best = "no trial finished"
            if task.best is not None and task.best.loss is not None:
                best = f"best {task.metric} {to_score(task.metric, task.best.loss):.4f}"
            bar.update(line, description=best, completed=len(task.trials))

        yield show


@contextmanager
def open_to_write(url: str | None) -> Iterator["History | None"]:
    """The history at the url, which can be written to; None where no url is given."""
    from foretune.history.history import open_history

    if url is None:
        yield None
        return
    with open_history(url) as store:
        store.add()  # one that cannot be written to says so before anything is trained
        yield store
