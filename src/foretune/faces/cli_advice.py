"""The commands that answer at once: what to try first on a table, and why."""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.markup import escape
from rich.table import Table

from foretune.data.errors import SpaceError
from foretune.data.metrics import HAS_UNITS
from foretune.faces.options import (
    Json,
    Kind,
    LearnerName,
    Metric,
    NoExperience,
    OneFamily,
    Page,
    PastUrl,
    PerSecond,
    Place,
    TargetColumn,
    console,
    load_asked,
    only,
    out,
    read_config,
    read_grid,
    show_progress,
)

if TYPE_CHECKING:
    from foretune.data.records import Recommendation

CONFIG_WIDTH: Final = 25  # columns: the longest name with its value


def recommend(
    data: Place,
    target: TargetColumn = None,
    kind: Kind = None,
    family: Annotated[
        list[str] | None, typer.Option(help="Without it all families are ranked, of several these.")
    ] = None,
    metric: Metric = None,
    grid: Annotated[bool, typer.Option("--grid", help="Only cells of the family's standard grid.")] = False,
    grid_file: Annotated[Path | None, typer.Option(help="JSON: only cells of this grid.")] = None,
    n: Annotated[int, typer.Option("-n", min=1, help="How many configs of one family.")] = 1,
    per_second: PerSecond = False,
    fits: Annotated[
        bool, typer.Option(help="Without --family: a few fits on a sample of the rows, to rank families.")
    ] = True,
    history: PastUrl = None,
    no_experience: NoExperience = False,
    learner: LearnerName = "auto",
    as_json: Json = False,
) -> None:
    """Say which hyperparameters to try first on a table, and which past datasets that rests on.

    Example: foretune recommend churn.csv --target churned --family svm -n 3
    """
    from foretune.collect.families import family as find_family
    from foretune.recommender.advice import advise

    started = time.perf_counter()
    if grid and grid_file is not None:
        raise SpaceError("--grid and --grid-file exclude each other: give one of them.")
    if grid_file is not None and (family is None or len(family) > 1):
        raise SpaceError("a grid belongs to one family: say which, with --family.")
    if n > 1 and (family is None or len(family) > 1):
        raise SpaceError("-n asks for configs of one family: say which, with --family.")
    cells = find_family(family[0]).cells(read_grid(grid_file)) if family and grid_file else None
    table = load_asked(data, target, kind, metric, family or ())
    with show_progress("learning from the past", "fits on this dataset") as on_fit:
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
            per_second=per_second,
            fits=fits,
            on_fit=on_fit,
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


def explain(
    data: Place,
    family: OneFamily = None,
    target: TargetColumn = None,
    kind: Kind = None,
    config: Annotated[str | None, typer.Option(help="JSON: explain this config, not the best.")] = None,
    metric: Metric = None,
    history: PastUrl = None,
    no_experience: NoExperience = False,
    learner: LearnerName = "auto",
    output: Page = None,
    as_json: Json = False,
) -> None:
    """Say why a config is recommended: past datasets, what mattered there, the gain over the default.

    Example: foretune explain churn.csv --target churned --family svm
    """
    from foretune.recommender.advice import explained

    table = load_asked(data, target, kind, metric, family or ())
    wanted = None if config is None else read_config(config)
    with console.status("learning from the past"):
        explanation = explained(
            table,
            only(family, "explain"),
            config=wanted,
            metric=metric,
            history=history,
            experience=not no_experience,
            learner=learner,
        )
    if as_json:
        sys.stdout.write(json.dumps(explanation.as_json()) + "\n")
    else:
        for head, text in explanation.lines():
            out.print(f"[bold]{escape(head)}[/]: {escape(text)}", highlight=False, soft_wrap=True)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(explanation.page(), encoding="utf-8")


def _as_json(one: "Recommendation") -> dict[str, Any]:
    return {
        "family": one.family,
        "config": dict(one.config),
        "metric": one.metric,
        "predicted": None if one.metric in HAS_UNITS else round(one.score, 4),
        "std": None if one.metric in HAS_UNITS else round(one.std, 4),
        "history_weight": round(one.history_weight, 4),
        "odds": None if one.odds is None else round(one.odds, 4),
        "fitted": None if one.fitted is None else round(one.fitted, 4),
        "probed": None if one.probed is None else round(one.probed, 4),
        "note": one.note,
        "because": [asdict(evidence) for evidence in one.because],
    }


def _fitted(one: Mapping[str, Any]) -> str:
    """What the config scored on the dataset, or, marked as such, what another one of the family did."""
    if one["fitted"] is not None:
        return f"{one['fitted']:.3f}"
    return "–" if one["probed"] is None else f"~{one['probed']:.3f}"


def _show_advice(answer: dict[str, Any]) -> None:
    """Prints each recommendation: of several families with their odds, of one with what it rests on."""
    from foretune.collect.first_look import PROTOCOL
    from foretune.faces.search_report import spelled

    ranked = any(one["odds"] is not None for one in answer["recommendations"])
    table = Table(box=None, header_style="bold")
    heads = ["odds", "fitted", "predicted", "config"] if ranked else ["config", "predicted", "rests on"]
    for head in ("", "family", *heads):  # what is to be copied must be whole
        table.add_column(head, overflow="fold", min_width=CONFIG_WIDTH if head == "config" else None)
    for k, one in enumerate(answer["recommendations"], start=1):
        config = spelled(one["config"])
        reasons = ", ".join(f"{past['dataset']} ({past['weight']:.0%})" for past in one["because"][:3])
        score = "–" if one["predicted"] is None else f"{one['predicted']:.3f}"
        odds = "" if one["odds"] is None else f"{one['odds']:.0%}"
        likely = score if one["std"] is None else f"{score} ± {one['std']:.3f}"
        config = escape(config)
        cells = [odds, _fitted(one), score, config] if ranked else [config, likely, escape(reasons)]
        table.add_row(str(k), one["family"], *cells)
    metric = answer["recommendations"][0]["metric"]
    out.print(f"[bold]{escape(answer['dataset'])}[/]: what to try, by {metric}")
    out.print(table)
    if ranked:
        told = "odds: that the family is the best here, or close to it"
        if any(_fitted(one) != "–" for one in answer["recommendations"]):
            rows = f"{PROTOCOL.folds} folds of at most {PROTOCOL.rows:,} rows"
            told += f"; fitted: the config, or where ~ another one of the family, in {rows}"
        out.print(told, style="dim")
    notes = (note for one in answer["recommendations"] for note in one["note"].split("; "))
    for note in dict.fromkeys(filter(None, notes)):
        out.print(f"[yellow]note:[/] {escape(note)}", highlight=False)
