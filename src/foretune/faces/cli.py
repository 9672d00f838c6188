"""The command line: a command reads its options, calls one function below, and shows the result."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from foretune.data.errors import DatasetError, ForetuneError, SpaceError
from foretune.data.metrics import check_metric, metrics_for

if TYPE_CHECKING:
    from foretune.collect.sweep import Progress as SweepProgress
    from foretune.data.records import Recommendation

app = typer.Typer(
    help="Past tuning results say which hyperparameters to try next.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console(stderr=True)
out = Console()

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, and nothing else.")]
NoExperience = Annotated[bool, typer.Option("--no-experience", help="Leave the shipped experience out.")]
Metric = Annotated[str | None, typer.Option(help="Default: accuracy for classes, r2 for numbers.")]
PastUrl = Annotated[
    str | None, typer.Option("--history", help="A history of your own, used beside the experience.")
]
LearnerName = Annotated[
    str,
    typer.Option(
        "--learner", help="auto, portfolio, neighbours, forest, gaussian_process, (bayesian_)network."
    ),
]

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
        console.print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(2)


@app.callback()
def _foretune() -> None:
    """Past tuning results say which hyperparameters to try next."""


@app.command()
def recommend(
    data: Annotated[str, typer.Argument(help="A CSV, TSV, Parquet or ARFF file, or iris, wine, ...")],
    target: TargetColumn,
    family: Annotated[str | None, typer.Option(help="Without it, all families are ranked.")] = None,
    metric: Metric = None,
    grid: Annotated[bool, typer.Option("--grid", help="Only cells of the family's standard grid.")] = False,
    grid_file: Annotated[Path | None, typer.Option(help="JSON: only cells of this grid.")] = None,
    n: Annotated[int, typer.Option("-n", min=1, help="How many configs.")] = 1,
    history: PastUrl = None,
    no_experience: NoExperience = False,
    learner: LearnerName = "auto",
    as_json: Json = False,
) -> None:
    """Say which hyperparameters to try first on a table, and which past datasets that rests on.

    Example: foretune recommend churn.csv --target churned --family svm -n 3
    """
    from foretune.collect.datasets import load_dataset
    from foretune.collect.families import family as find_family
    from foretune.recommender.advice import advise

    started = time.perf_counter()
    if grid_file is not None and family is None:
        raise SpaceError("a grid belongs to one family: say which, with --family.")
    cells = find_family(family).cells(_grid_file(grid_file)) if family and grid_file else None
    table = load_dataset(data, target_column=target)
    advice = advise(
        table,
        family=family,
        metric=metric,
        n=n,
        candidates=cells,
        grid=grid,
        history=history,
        experience=not no_experience,
        learner=learner,
    )
    answer = {
        "dataset": table.name,
        "recommendations": [_as_json(one) for one in advice],
        "seconds": round(time.perf_counter() - started, 3),
    }
    if as_json:
        sys.stdout.write(json.dumps(answer, allow_nan=False) + "\n")
    else:
        _show_advice(answer)


def _as_json(one: "Recommendation") -> dict[str, Any]:
    return {
        "family": one.family,
        "config": dict(one.config),
        "metric": one.metric,
        "predicted": round(one.score, 4),
        "std": round(one.std, 4),
        "history_weight": round(one.history_weight, 4),
        "note": one.note,
        "because": [asdict(evidence) for evidence in one.because],
    }


def _show_advice(answer: dict[str, Any]) -> None:
    table = Table("", "family", "config", "predicted", "rests on", box=None, header_style="bold")
    for k, one in enumerate(answer["recommendations"], start=1):
        config = ", ".join(f"{name}={value!r}" for name, value in one["config"].items())
        reasons = ", ".join(f"{past['dataset']} ({past['weight']:.0%})" for past in one["because"][:3])
        score = f"{one['predicted']:.3f} ± {one['std']:.3f}"
        table.add_row(str(k), one["family"], escape(config), score, escape(reasons))
    metric = answer["recommendations"][0]["metric"]
    out.print(f"[bold]{escape(answer['dataset'])}[/]: what to try, by {metric}")
    out.print(table)
    for note in dict.fromkeys(one["note"] for one in answer["recommendations"] if one["note"]):
        out.print(f"[yellow]note:[/] {escape(note)}", highlight=False)


@app.command()
def replay(
    history: PastUrl = None,
    family: Families = None,
    metric: Annotated[str, typer.Option(help="The metric whose tasks are replayed.")] = "accuracy",
    learners: Annotated[list[str] | None, typer.Option("--learner", help="Repeat it for several.")] = None,
    folds: Annotated[int, typer.Option(min=0, help="Leave groups out in so many parts; 0 = one by one.")] = 0,
    test_share: Annotated[
        float | None, typer.Option(min=0.01, max=0.9, help="One split by group instead.")
    ] = None,
    trials: Annotated[int, typer.Option(min=1, help="Trials of each search.")] = 30,
    no_experience: NoExperience = False,
    output: Annotated[Path | None, typer.Option(help="A folder for report.json and report.html.")] = None,
) -> None:
    """Leave one dataset out after the other and replay the search on its recorded trials.

    Example: foretune replay --family svm --folds 10
    """
    from foretune.experiments.replay import replay_report
    from foretune.faces.report import print_replay, write_report

    with _progress("replay") as on_split:
        report = replay_report(
            _past(history, family, metric, experience=not no_experience),
            learners or ["auto", "portfolio", "neighbours", "forest", "network"],
            folds=folds,
            test_share=test_share,
            trials=trials,
            on_split=on_split,
        )
    print_replay(report, out)
    if output is not None:
        out.print(f"report: {write_report(report, output)}")


@app.command()
def experiment(
    places: Annotated[
        list[str] | None, typer.Argument(help="Files, folders or names; default: the bundled unseen ones.")
    ] = None,
    family: Families = None,
    target: TargetColumn = "target",
    metric: Metric = None,
    cells: Annotated[int, typer.Option(min=1, help="Recommended cells that are tried.")] = 1,
    folds: Annotated[int, typer.Option(min=2, help="Inner folds.")] = 5,
    rows: Annotated[int | None, typer.Option(min=20, help="Use at most so many rows of a dataset.")] = None,
    seed: Annotated[int, typer.Option(help="Of the splits and the models.")] = 0,
    history: PastUrl = None,
    no_experience: NoExperience = False,
    learner: LearnerName = "auto",
    output: Annotated[Path, typer.Option(help="The folder of report.json and report.html.")] = Path("report"),
) -> None:
    """Recommend, train for real, and compare with the full grid search and the library's default.

    Each dataset is left out of the past that it is judged with. Every search selects on inner folds and is
    judged on an outer test part that it never saw.

    Example: foretune experiment iris wine --family svm
    """
    from foretune.collect.families import families as known_families
    from foretune.experiments.evaluation import evaluate
    from foretune.experiments.versus_grid import Setup
    from foretune.faces.report import print_report, write_report

    datasets = _load_all(places or ["breast_cancer", "wine", "digits", "iris"], target)
    setup = Setup(metric or metrics_for(datasets[0].target)[0], learner, cells, folds, rows=rows, seed=seed)
    for data in datasets:
        check_metric(setup.metric, data.target)
    past = _past(history, family, setup.metric, experience=not no_experience)
    held = {task.family for task in past}
    known = list(known_families(datasets[0].target))
    names = family or [name for name in known if name in held] or known
    past = [task for task in past if task.family in names]
    with _progress("experiment") as on_case:
        report = evaluate(datasets, names, past, setup, on_case=on_case)
    print_report(report, out)
    out.print(f"report: {write_report(report, output).resolve()}")


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
    from foretune.collect.evaluation import Protocol
    from foretune.collect.families import families as known_families, family as find_family
    from foretune.collect.sweep import Plan, collect as run
    from foretune.history.history import open_history

    plan = Plan(
        [find_family(name) for name in family or known_families()],
        wide=wide,
        protocol=Protocol(folds, seed, rows),
        timeout=timeout,
        groups=_groups_file(groups) if groups else {},
    )
    with open_history(history) as store, _trial_progress() as show:
        store.add()  # one that cannot be written to says so before anything is trained
        datasets = _load_all(places, target)
        added = run(store, datasets, plan, jobs=jobs, backend=_backend(backend), on_trial=show)
    console.print(f"{added} trials added to {history}.")


history_app = typer.Typer(help="Look into histories and share them.", no_args_is_help=True)
app.add_typer(history_app, name="history")


@history_app.command()
def card(
    pack: Annotated[Path | None, typer.Argument(help="A pack; default: the shipped experience.")] = None,
    as_json: Json = False,
) -> None:
    """Print the card of a pack: what it holds, from which datasets, how it was made, its known biases.

    Example: foretune history card
    """
    from foretune.experience import PACK
    from foretune.history.parquet import read_card

    content = read_card(pack or PACK)
    if as_json:
        sys.stdout.write(json.dumps(content) + "\n")
        return
    for name, value in content.items():
        text = value if isinstance(value, str | int) else json.dumps(value, indent=2, ensure_ascii=False)
        out.print(f"[bold]{escape(name)}[/]: {escape(str(text))}", highlight=False)


@history_app.command()
def export(
    history: HistoryUrl,
    pack: Annotated[Path, typer.Option(help="The folder to write.")],
    name: Annotated[str, typer.Option(help="What the card calls it.")] = "a history",
) -> None:
    """Write a history as a pack: trials, meta-features and a card, never a row of any dataset.

    Example: foretune history export --history sqlite:///tuning.db --pack shared/
    """
    from foretune.history.history import open_history
    from foretune.history.parquet import write_pack

    with open_history(history, read_only=True) as store:
        tasks = list(store.tasks())
    write_pack(tasks, pack, card={"name": name})
    out.print(f"{len(tasks)} tasks written to {pack}.")


def _past(history: str | None, families: list[str] | None, metric: str, *, experience: bool) -> list[Any]:
    """The past tasks of these families, or of all."""
    from foretune.collect.families import family as find_family
    from foretune.recommender.past import past_tasks

    for name in families or ():
        find_family(name)
    tasks = past_tasks(history, metric=metric, experience=experience)
    return [task for task in tasks if not families or task.family in families]


def _backend(name: str) -> Any:
    if name not in ("loky", "dask", "ray"):
        raise ForetuneError(f"there is no backend {name!r}: use loky, dask or ray.")
    return name


def _load_all(places: list[str], target: str) -> list[Any]:
    """Every dataset that can be learned from; those of a folder that cannot are named and left out."""
    from foretune.collect.datasets import dataset_sources, load_dataset

    datasets = []
    for source in dataset_sources(places):
        try:
            datasets.append(load_dataset(source, target_column=target))
        except DatasetError as error:
            if source in places:
                raise
            console.print(f"[yellow]left out:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
    if not datasets:
        raise DatasetError(f"nothing in {', '.join(places)} can be learned from: give other files.")
    return datasets


def _grid_file(path: Path) -> Any:
    """The grid, or list of grids, in a JSON file."""
    grid = _json_file(path)
    parts = grid if isinstance(grid, list) else [grid]
    if not parts or not all(isinstance(part, dict) and part for part in parts):
        raise SpaceError(
            f'{path} is no grid: give an object such as {{"C": [1, 10, 100]}}, or a list of such.'
        )
    return grid


def _groups_file(path: Path) -> dict[str, str]:
    """The group of each dataset, in a JSON file."""
    groups = _json_file(path)
    if not isinstance(groups, dict):
        raise SpaceError(f'{path} names no groups: give an object such as {{"iris": "flowers"}}.')
    return groups


def _json_file(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SpaceError(f"{path} cannot be read as JSON: {error}.") from None


@contextmanager
def _bar() -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield bar


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar with the time left, fed with the number of parts done and planned."""
    with _bar() as bar:
        line = bar.add_task(what, total=None)
        yield lambda done, planned: bar.update(line, completed=done, total=planned)


@contextmanager
def _trial_progress() -> Iterator["Callable[[SweepProgress], None]"]:
    """A bar with the time left, fed with each finished trial."""
    with _bar() as bar:
        line = bar.add_task("starting", total=None)

        def show(now: "SweepProgress") -> None:
            what = f"{now.family} on {now.dataset}"
            bar.update(line, description=what, completed=now.done, total=now.planned)

        yield show
