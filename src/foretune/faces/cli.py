"""The command line: a command reads its options, calls one function below, and shows the result."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer
from rich.markup import escape

from foretune.data.errors import ForetuneError
from foretune.data.metrics import check_metric, metrics_for
from foretune.faces.cli_advice import explain, recommend
from foretune.faces.cli_history import history_app
from foretune.faces.cli_import import import_results
from foretune.faces.options import (
    LARGEST_SEED,
    REPORT,
    Families,
    HistoryUrl,
    Json,
    Kind,
    LearnerName,
    Metric,
    NoExperience,
    OneFamily,
    PastUrl,
    PerSecond,
    Place,
    Places,
    Seed,
    TargetColumn,
    backend_of,
    console,
    counted,
    load_all,
    load_asked,
    only,
    open_to_write,
    out,
    past_of,
    read_groups,
    show_notes,
    show_progress,
    show_search,
    show_trials,
    show_version,
    swept,
)

if TYPE_CHECKING:
    from foretune.faces.tuning import Tuned

INTERRUPT: Final = 130  # the exit code of who is stopped by Ctrl-C

app = typer.Typer(
    help="Past tuning results say which hyperparameters to try next.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Runs the command; what is wrong with the input is one line on stderr and exit code 2."""
    try:
        app()
    except ForetuneError as error:
        _fail(str(error))
    except BrokenPipeError:
        raise
    except OSError as error:  # a disk may be full, whatever was checked before
        place = f"{error.filename}: " if error.filename else ""
        _fail(f"{place}{error.strerror or error}")


def _fail(problem: str) -> NoReturn:
    console.print(f"[bold red]error:[/] {escape(problem)}", highlight=False, soft_wrap=True)
    sys.exit(2)


@app.callback()
def _foretune(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Past tuning results say which hyperparameters to try next."""


def _show_tuned(tuned: "Tuned") -> None:
    """Prints the best config, why, and what is left to gain."""
    from foretune.data.records import FAILED
    from foretune.faces.search_report import outlook_sentence

    for head, text in tuned.explanation.lines():
        out.print(f"[bold]{escape(head)}[/]: {escape(text)}", highlight=False, soft_wrap=True)
    out.print(f"[bold]what is left[/]: {outlook_sentence(tuned)}", highlight=False, soft_wrap=True)
    failed = sum(trial.status is FAILED for trial in tuned.task.trials)
    made = f"{counted(len(tuned.task.trials), 'trial')}{f', {failed} of them failed' if failed else ''}"
    out.print(f"It ended after {made}, because {tuned.ended}.", highlight=False, soft_wrap=True)


def _how_to_go_on(history: str | None) -> str:
    """What becomes of the trials of a search that was interrupted."""
    if history is None:
        return "Its trials are not kept: with --history they are, and the search can go on where it was."
    return "Its trials are in the history: started again in the same way the search goes on."


@app.command()
def tune(
    data: Place,
    target: TargetColumn = None,
    kind: Kind = None,
    family: OneFamily = None,
    trials: Annotated[int, typer.Option(min=1, help="Configs to try, those of the history included.")] = 10,
    seconds: Annotated[float | None, typer.Option(min=0.0, help="Begin no trial after so long.")] = None,
    tolerance: Annotated[
        float | None, typer.Option(min=0.0, help="Stop when 95 % sure to be within this of the best score.")
    ] = None,
    metric: Metric = None,
    folds: Annotated[int, typer.Option(min=2, help="Folds of the cross-validation.")] = 5,
    rows: Annotated[int | None, typer.Option(min=10, help="Use at most so many rows.")] = None,
    timeout: Annotated[float | None, typer.Option(min=0.1, help="Seconds for one config.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Configs at a time.")] = 1,
    seed: Seed = 0,
    history: Annotated[
        str | None, typer.Option("--history", help="Learn from it, and write every trial back to it.")
    ] = None,
    no_experience: NoExperience = False,
    learner: LearnerName = "auto",
    per_second: PerSecond = False,
    output: Annotated[Path | None, REPORT] = None,
    as_json: Json = False,
) -> None:
    """Search a family's wide space on a table, recommended configs first, and say what is left to gain.

    With a history a search that was stopped goes on where it was; Ctrl-C tells what was found. Example:
    foretune tune churn.csv --target churned --family svm --trials 10
    """
    from foretune.collect.evaluation import Protocol
    from foretune.collect.families import family as find_family
    from foretune.faces.search_report import answer_of, write_search
    from foretune.faces.tuning import INTERRUPTED, Bench, Limits, tune as run
    from foretune.recommender.advice import advise
    from foretune.recommender.past import past_tasks, shipped_beside, unused_of

    table = load_asked(data, target, kind, metric, family or ())
    metric = check_metric(metric or metrics_for(table.target)[0], table.target)
    with open_to_write(history) as store, show_search(trials) as show:
        past: dict[str, Any] = {"history": store, "experience": not no_experience}
        name = only(family, "tune") or advise(table, metric=metric, learner=learner, **past)[0].family
        find_family(name).check_serves(table)
        bench = Bench(find_family(name), table, Protocol(folds, seed, rows), timeout, jobs, store)
        limits = Limits(trials, seconds, tolerance, per_second)
        tasks = past_tasks(family=name, metric=metric, **past)
        show_notes(filter(None, [unused_of(store, [name], metric)]))
        shipped = shipped_beside(family=name, metric=metric, **past)
        tuned = run(bench, tasks, limits, metric=metric, learner=learner, shipped=shipped, on_trial=show)
    if as_json:
        sys.stdout.write(json.dumps(answer_of(tuned)) + "\n")
    else:
        _show_tuned(tuned)
    if output is not None:
        console.print(f"report: {write_search(tuned, output)}")
    if tuned.ended == INTERRUPTED:
        console.print(_how_to_go_on(history), soft_wrap=True)
        raise typer.Exit(INTERRUPT)


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
    output: Annotated[Path | None, REPORT] = None,
) -> None:
    """Leave one dataset out after the other and replay the search on its recorded trials.

    Example: foretune replay --family svm --folds 10
    """
    from foretune.experiments.replay import replay_report
    from foretune.faces.report import print_replay, write_report

    with show_progress("replay") as on_split:
        report = replay_report(
            past_of(history, family, metric, experience=not no_experience),
            learners or ["auto", "portfolio", "neighbours", "forest", "network"],
            folds=folds,
            test_share=test_share,
            trials=trials,
            on_split=on_split,
        )
    print_replay(report, out)
    show_notes(report["left_out"])
    if output is not None:
        out.print(f"report: {write_report(report, output)}")


@app.command()
def experiment(
    places: Annotated[
        list[str] | None,
        typer.Argument(help="Files (tables, NPZ images), folders, names; default: bundled ones."),
    ] = None,
    family: Families = None,
    target: TargetColumn = None,
    kind: Kind = None,
    metric: Metric = None,
    cells: Annotated[int, typer.Option(min=1, help="Recommended cells that are tried.")] = 1,
    folds: Annotated[int, typer.Option(min=2, help="Inner folds.")] = 5,
    rows: Annotated[int | None, typer.Option(min=20, help="Use at most so many rows of a dataset.")] = None,
    test_share: Annotated[
        float, typer.Option(min=0.05, max=0.95, help="Share of the rows that no search sees.")
    ] = 0.25,
    seeds: Annotated[
        list[int] | None,
        typer.Option(
            "--seed",
            min=0,
            max=LARGEST_SEED,
            help="Of splits and models; repeat it for several. Default: 0.",
        ),
    ] = None,
    history: PastUrl = None,
    no_experience: NoExperience = False,
    learner: LearnerName = "auto",
    output: Annotated[Path, REPORT] = Path("report"),
) -> None:
    """Recommend, train for real, and compare with the full grid search and the library's default.

    Each dataset is left out of the past that it is judged with. Every search selects on inner folds and is
    judged on an outer test part that it never saw. What was made of a dataset (its group
    bears the dataset's name) is left out with it. Stopped and started again with the same options, it goes
    on where it was.

    Example: foretune experiment iris wine --family svm
    """
    from foretune.collect.families import families as known_families
    from foretune.experiments.evaluation import evaluate
    from foretune.experiments.measured import Measured
    from foretune.experiments.versus_grid import Setup
    from foretune.faces.report import print_report, write_report

    datasets = load_all(places or ["breast_cancer", "wine", "digits", "iris"], target, kind)
    setup = Setup(metric or metrics_for(datasets[0].target)[0], learner, cells, folds, test_share, rows)
    for data in datasets:
        check_metric(setup.metric, data.target)
    past = past_of(history, family, setup.metric, experience=not no_experience)
    held = {task.family for task in past}
    served = known_families(datasets[0].target).items()
    known = [name for name, one in served if all(one.serves(data) for data in datasets)]
    names = family or [name for name in known if name in held] or known
    past = [task for task in past if task.family in names]
    measured = Measured(output / "unfinished.jsonl")
    if len(measured):
        console.print(f"{len(measured)} trainings of an experiment that was stopped are in {measured.path}.")
    with show_progress("experiment") as on_case:
        report = evaluate(
            datasets, names, past, setup, seeds=seeds or [0], measured=measured, on_case=on_case
        )
    print_report(report, out)
    show_notes(report["left_out"])
    out.print(f"report: {write_report(report, output).resolve()}")
    measured.forget()


@app.command()
def collect(
    places: Places,
    history: HistoryUrl,
    family: Families = None,
    target: TargetColumn = None,
    kind: Kind = None,
    wide: Annotated[int, typer.Option(min=0, help="Sobol configs of the wide space, beside the grid.")] = 30,
    folds: Annotated[int, typer.Option(min=2, help="Folds of the cross-validation.")] = 5,
    rows: Annotated[int | None, typer.Option(min=10, help="Use at most so many rows of a dataset.")] = None,
    timeout: Annotated[float | None, typer.Option(min=0.1, help="Seconds for one config.")] = None,
    jobs: Annotated[int, typer.Option(help="Processes; -1 = one a core.")] = -1,
    backend: Annotated[str, typer.Option(help="loky, dask or ray.")] = "loky",
    groups: Annotated[Path | None, typer.Option(help="JSON: dataset name -> group of near copies.")] = None,
    seed: Seed = 0,
) -> None:
    """Try every family's grid, default and Sobol configs on datasets, and store every trial at once.

    Stopped or killed and started again with the same options, it goes on where it was. Configs that lacked
    time are tried again with a larger --timeout. It ends with code 1 where every trial failed.

    Example: foretune collect iris wine --history sqlite:///tuning.db --family svm --wide 10
    """
    from foretune.collect.evaluation import Protocol
    from foretune.collect.families import families as known_families, family as find_family
    from foretune.collect.sweep import Plan, Progress, collect as run, other_groups
    from foretune.history.history import open_history, without_password

    plan = Plan(
        [find_family(name) for name in family or known_families()],
        wide=wide,
        protocol=Protocol(folds, seed, rows),
        timeout=timeout,
        groups=read_groups(groups) if groups else {},
    )
    datasets = load_all(places, target, kind, plan.protocol.check_splits)
    with open_history(history) as store:
        store.add()  # one that cannot be written to says so before anything is trained
        kept = other_groups(store, datasets, plan)
        show_notes(
            f"{name} is in group {group!r} in the history: it stays there, and not in {plan.groups[name]!r}."
            for name, group in kept.items()
        )
        plan = replace(plan, groups={**plan.groups, **kept})
        reasons: list[str] = []
        with show_trials() as show:

            def tell(now: Progress) -> None:
                reasons.append(now.trial.reason)
                show(now)

            run(store, datasets, plan, jobs=jobs, backend=backend_of(backend), on_trial=tell)
    console.print(escape(swept(reasons, without_password(history))), highlight=False, soft_wrap=True)
    if reasons and all(reasons):
        raise typer.Exit(1)


app.command()(recommend)
app.command()(explain)
app.command("import")(import_results)
app.add_typer(history_app, name="history")
