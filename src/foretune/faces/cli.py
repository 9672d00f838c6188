"""The command line: each command reads its options, calls one function of a lower floor, and shows the result."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from foretune.data.errors import DatasetError, ForetuneError, HistoryError

if TYPE_CHECKING:
    from foretune.collect.sweep import Progress as SweepProgress

app = typer.Typer(
    help="Past tuning results say which hyperparameters to try next.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console(stderr=True)

Places = Annotated[
    list[str], typer.Argument(help="Files, folders, or scikit-learn's iris, wine, digits, ...")
]
HistoryUrl = Annotated[str, typer.Option("--history", help="Where past tasks are stored: sqlite:///FILE.db")]
Families = Annotated[
    list[str] | None, typer.Option("--family", help="A family of models; repeat it for several.")
]
TargetColumn = Annotated[str, typer.Option("--target", help="The column to predict.")]


def main() -> None:
    """Runs the command; what is wrong with the input is one line on stderr and exit code 2."""
    try:
        app()
    except ForetuneError as error:
        console.print(f"[bold red]error:[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(2)


@app.callback()
def _foretune() -> None:
    """Past tuning results say which hyperparameters to try next."""


@app.command()
def collect(
    places: Places,
    history: HistoryUrl,
    family: Families = None,
    target: TargetColumn = "target",
    wide: Annotated[int, typer.Option(min=0, help="Sobol configs of the wide space, beside the grid.")] = 30,
    folds: Annotated[int, typer.Option(min=2, help="Folds of the cross-validation.")] = 5,
    rows: Annotated[int | None, typer.Option(min=10, help="Use at most so many rows of a dataset.")] = None,
    timeout: Annotated[float | None, typer.Option(min=0.1, help="Seconds for one config.")] = None,
    jobs: Annotated[int, typer.Option(help="Processes; -1 = one a core.")] = -1,
    backend: Annotated[str, typer.Option(help="loky, dask or ray.")] = "loky",
    groups: Annotated[Path | None, typer.Option(help="JSON: dataset name -> group of near copies.")] = None,
    seed: Annotated[int, typer.Option(help="Of the folds and the models.")] = 0,
) -> None:
    """Try every family's grid, default and Sobol configs on datasets, and store every trial at once.

    Stopped or killed and started again with the same options, it goes on where it was.

    Example: foretune collect iris wine --history sqlite:///tuning.db --family svm --wide 10
    """
    from foretune.collect.families import families as known_families  # noqa: PLC0415
    from foretune.collect.families import family as find_family  # noqa: PLC0415
    from foretune.collect.evaluation import Protocol  # noqa: PLC0415
    from foretune.collect.sweep import Plan, collect as run  # noqa: PLC0415
    from foretune.history.history import open_history  # noqa: PLC0415

    plan = Plan(
        [find_family(name) for name in family or known_families()],
        wide=wide,
        protocol=Protocol(folds, seed, rows),
        timeout=timeout,
        groups=_json_file(groups) if groups else {},
    )
    with open_history(history) as store, _trial_progress() as show:
        datasets = _load_all(places, target)
        added = run(store, datasets, plan, jobs=jobs, backend=_backend(backend), on_trial=show)
    console.print(f"{added} trials added to {history}.")


def _backend(name: str) -> Any:
    if name not in ("loky", "dask", "ray"):
        raise ForetuneError(f"there is no backend {name!r}: use loky, dask or ray.")
    return name


def _load_all(places: list[str], target: str) -> list[Any]:
    """Every dataset that can be learned from; those of a folder that cannot are named and left out."""
    from foretune.collect.datasets import dataset_sources, load_dataset  # noqa: PLC0415

    datasets = []
    for source in dataset_sources(places):
        try:
            datasets.append(load_dataset(source, target_column=target))
        except DatasetError as error:
            if source in places:
                raise
            console.print(f"[yellow]left out:[/] {error}", highlight=False, soft_wrap=True)
    return datasets


def _json_file(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HistoryError(f"{path} cannot be read as JSON: {error}.") from None


@contextmanager
def _trial_progress() -> Iterator["Callable[[SweepProgress], None]"]:
    """A bar with the time left, fed with each finished trial."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        line = bar.add_task("starting", total=None)

        def show(now: "SweepProgress") -> None:
            bar.update(
                line, description=f"{now.family} on {now.dataset}", completed=now.done, total=now.planned
            )

        yield show
