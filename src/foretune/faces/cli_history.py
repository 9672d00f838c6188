"""The commands on histories: look into them, doubt them, share and merge them."""

import json
import sys
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from foretune.data.errors import HistoryError
from foretune.faces.options import Families, HistoryUrl, Json, console, counted, out

history_app = typer.Typer(help="Look into histories, check, share and merge them.", no_args_is_help=True)


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
    anonymous: Annotated[
        bool, typer.Option("--anonymous", help="No names, fingerprints, seeds, dates, reasons, fold scores.")
    ] = False,
    round_metafeatures: Annotated[
        int | None, typer.Option(help="How many significant digits meta-features keep; default: all.")
    ] = None,
    min_rows: Annotated[int, typer.Option(help="Leave out datasets of fewer rows.")] = 0,
    family: Families = None,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Let a pack with names replace an anonymous one.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a history as a pack: trials, meta-features and a card, never a row of any dataset.

    The card says what the pack reveals and what it does not; read it before you give the pack away.

    Example: foretune history export --history sqlite:///tuning.db --pack shared/ --anonymous
    """
    from foretune.history.history import open_history
    from foretune.history.parquet import read_card
    from foretune.history.sharing import Sharing, export_pack

    sharing = Sharing(
        without_names=anonymous,
        metafeature_digits=round_metafeatures,
        min_rows=min_rows,
        families=family,
    )
    with open_history(history, read_only=True) as store:
        tasks = list(store.tasks())
    count = export_pack(tasks, pack, name=name, sharing=sharing, reveal=reveal)
    told = read_card(pack)["sharing"]
    if as_json:
        answer = {"tasks": count, "left_out": len(tasks) - count, **told}
        sys.stdout.write(json.dumps(answer) + "\n")
        return
    out.print(f"{count} tasks written to {pack}, {len(tasks) - count} left out.", soft_wrap=True)
    for heading in ("revealed", "not revealed"):
        for sentence in told[heading]:
            out.print(f"[bold]{heading}:[/] {escape(sentence)}", highlight=False, soft_wrap=True)


@history_app.command()
def merge(
    sources: Annotated[list[str], typer.Argument(help="Databases and packs.")],
    into: Annotated[str, typer.Option(help="The history that takes them in: sqlite:///FILE.db")],
    as_json: Json = False,
) -> None:
    """Merge histories into one: what is the same comes in once, contradictions are told.

    Example: foretune history merge sqlite:///mine.db shared/ --into sqlite:///both.db
    """
    from foretune.history.history import open_history
    from foretune.history.merging import merge as merged_into

    opened = [open_history(source, read_only=True) for source in sources]
    with open_history(into) as store:
        merged = merged_into((one.tasks() for one in opened), store)
    for one in opened:
        one.close()
    if as_json:
        sys.stdout.write(json.dumps(asdict(merged)) + "\n")
        return
    for sentence in merged.conflicts:
        out.print(f"[yellow]conflict:[/] {escape(sentence)}", highlight=False, soft_wrap=True)
    words = f"{merged.tasks} tasks and {merged.trials} trials added, {merged.known} trials were known."
    out.print(words, highlight=False)


@history_app.command()
def check(
    history: Annotated[
        str | None, typer.Option("--history", help="A history; default: the shipped experience.")
    ] = None,
    family: Families = None,
    as_json: Json = False,
) -> None:
    """List what is doubtful in a history; the exit code is 1 where anything is.

    Mixed library versions and protocols, datasets under several names, perfect, constant and impossible
    scores, tasks that only failed, spaces that do not cover their configs, missing meta-features, and
    rankings of configs that are in part noise, which is no reason for the exit code.

    Example: foretune history check --history sqlite:///tuning.db
    """
    from foretune.experience import PACK
    from foretune.history.checking import checked_tasks
    from foretune.history.history import open_history

    with open_history(history or PACK, read_only=True) as store:
        everything = list(store.tasks())
    tasks = [task for task in everything if not family or task.family in family]
    for name in family or ():
        _check_family(name, {task.family for task in everything})
    with console.status(f"checking {counted(len(tasks), 'task')}"):
        doubts = checked_tasks(tasks)
    if as_json:
        found = [
            {
                "kind": one.kind,
                "sentence": one.sentence,
                "weight": round(one.weight, 4),
                "tasks": list(dict.fromkeys(tasks[place].name for place in one.places)),
            }
            for one in doubts
        ]
        sys.stdout.write(json.dumps({"tasks": len(tasks), "doubts": found}) + "\n")
    else:
        for one in doubts:
            names = ", ".join(list(dict.fromkeys(tasks[place].name[:60] for place in one.places))[:5])
            words = f"[yellow]{one.kind}:[/] {escape(one.sentence)}{one.counts} ({escape(names)})"
            out.print(words, highlight=False, soft_wrap=True)
        out.print(f"{counted(len(doubts), 'doubt')} about {counted(len(tasks), 'task')}.", highlight=False)
    # Noise is measured and heeded; nobody can mend it.
    raise typer.Exit(any(one.kind != "noise" for one in doubts))


def _check_family(family: str, known: Collection[str]) -> None:
    """Raises `HistoryError` where the history holds no such family: a word that was mistyped is no answer."""
    from foretune.history.readers.naming import nearest

    if family not in known:
        raise HistoryError(f"the history holds no family {family!r}: {nearest(family, sorted(known))}")


@history_app.command("list")
def list_tasks(
    history: HistoryUrl,
    family: Annotated[str | None, typer.Option(help="Only tasks of this family.")] = None,
    as_json: Json = False,
) -> None:
    """List the tasks of a history: dataset, family, metric and the number of trials; no trial is read.

    Example: foretune history list --history sqlite:///tuning.db
    """
    from foretune.history.history import open_history

    with open_history(history, read_only=True) as store:
        sizes = store.sizes()
        everything = list(store.tasks(trials=False))
    if family is not None:
        _check_family(family, {task.family for task in everything})
    tasks = [(task, sizes.get(task.key, 0)) for task in everything if family in (None, task.family)]
    if as_json:
        rows = [
            {"name": task.name, "family": task.family, "metric": task.metric, "trials": n}
            for task, n in tasks
        ]
        sys.stdout.write(json.dumps(rows) + "\n")
        return
    for task, n in tasks:
        out.print(f"{n:>9} {escape(task.family)} {escape(task.metric)} {escape(task.name)}", highlight=False)
    out.print(f"{len(tasks)} tasks, {sum(n for _, n in tasks)} trials.")
