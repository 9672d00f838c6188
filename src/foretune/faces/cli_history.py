"""The commands on histories: look into them, share them."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from foretune.faces.options import HistoryUrl, Json, out

history_app = typer.Typer(help="Look into histories and share them.", no_args_is_help=True)


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
        tasks = [(task, sizes.get(task.key, 0)) for task in store.tasks(family, trials=False)]
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
