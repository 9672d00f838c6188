"""Every reader as a target: a new one is a line in TARGETS."""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any, Final

import optuna
import pandas as pd

from foretune.collect.datasets import load_dataset
from foretune.data.records import Task
from foretune.data.spaces import default_config, sobol_configs
from foretune.faces.options import read_config, read_grid, read_groups
from foretune.features.encoding import Encoder
from foretune.features.metafeatures import describe
from foretune.history.history import open_history
from foretune.history.parquet import read_card
from foretune.history.readers.cv_results import read_cv_results
from foretune.history.readers.hyperopt import read_hyperopt
from foretune.history.readers.inferred import in_words
from foretune.history.readers.mlflow import read_mlflow
from foretune.history.readers.optuna import read_optuna
from foretune.history.readers.ray_tune import read_ray_tune
from foretune.history.readers.smac import read_smac
from foretune.history.readers.syne_tune import read_syne_tune
from foretune.history.readers.table import read_table
from foretune.history.readers.wandb import read_wandb
from foretune.history.rows import RowReader, task_row, trial_row, with_texts
from foretune.recommender.recommender import Recommender
from fuzzing.cells import (
    cell_seeds,
    database,
    rows_with,
    seeds_of,
    small_history,
    write_cells,
    write_database,
    write_files,
)
from fuzzing.target import OUTPUTS, Target, in_folder, outputs

TABLE: Final = b"""data,C,kernel,acc,secs,epochs,state,seed
iris,0.1,rbf,0.9,1.5,5,done,1
iris,10,"(64, 32)",nan,2,10,failed,1
wine,1e3,None,0.7,,10,pruned,2
wine,,linear,-inf,3,10,ok,
"""
ROWS: Final = b"a,b,target\n1,x,yes\n2.5,,no\n3,y,yes\n,x,no\n"
ARFF: Final = (
    b"@relation r\n@attribute a numeric\n@attribute b {x,y}\n@attribute target {n,p}\n@data\n1,x,p\n?,y,n\n"
)


def read_all(path: Path) -> None:
    """Reads a history by both of its paths, and stores what was read in another."""
    with open_history(path) as history:
        tasks = [*history.tasks()]
        history.table()
    store(tasks)


def store(tasks: Iterable[Task]) -> None:
    """Turns tasks into the rows that every store writes, and back; a database would take 50 times as long."""
    reader = RowReader("the rows")
    for task in tasks:
        trials = [with_texts(trial_row(trial)) for trial in task.trials]
        reader.task(task_row(task), [reader.without_texts(trial) for trial in trials])


def as_table(path: Path) -> None:
    """Reads a table with all kinds of columns."""
    named = {"seconds": "secs", "fidelity": "epochs", "status": "state", "seed": "seed"}
    store(read_table(path, task="data", score="acc", metric="accuracy", **named))  # type: ignore[arg-type]


def as_cv_results(path: Path) -> None:
    """Reads the results of a search."""
    store(read_cv_results(path, task="t"))


def as_hyperopt(path: Path) -> None:
    """Reads trials of Hyperopt's."""
    store(read_hyperopt(path, task="t"))


def as_wandb(path: Path) -> None:
    """Reads a table of Weights & Biases' runs."""
    store(read_wandb(path, metric="val_accuracy"))


def as_optuna(path: Path) -> None:
    """Reads a storage of Optuna's."""
    store(read_optuna(path))


def as_optuna_database(path: Path) -> None:
    """Reads a database of Optuna's with the cells that the file tells."""
    target = path.with_name("optuna.db")
    write_database(path.read_bytes(), target, optuna_database())
    as_optuna(target)


def as_dataset(path: Path) -> None:
    """Reads a dataset, names and describes it."""
    data = load_dataset(path)
    assert data.fingerprint
    describe(data.X, data.y)


def as_rows(path: Path) -> None:
    """Reads the rows of a task and a trial with the cells that the file tells."""
    task, trial = rows_with(path.read_bytes())
    reader = RowReader("the rows")
    store([reader.task(task, [reader.without_texts(trial)])])


def as_history(path: Path) -> None:
    """Reads a SQLite history with the cells that the file tells."""
    target = path.with_name("history.db")
    write_database(path.read_bytes(), target, database())
    read_all(target)


def as_pack(path: Path) -> None:
    """Reads a pack with the cells that the file tells."""
    folder = path.with_name("pack")
    if write_cells(path.read_bytes(), folder):
        read_card(folder)
        read_all(folder)


def as_recommender(path: Path) -> None:
    """Loads a recommender with the cells that the file tells, and asks it."""
    folder = path.with_name("pack")
    if write_cells(path.read_bytes(), folder, recommender={"learner": "portfolio", "aliases": {}}):
        recommender = Recommender.load(folder)
        found = recommender.recommend(Task("new", "svm", None, metafeatures={"rows": 50.0}))
        json.dumps(found[0].config)


def as_card(path: Path) -> None:
    """Reads a pack whose card is the file."""
    folder = path.with_name("pack")
    write_cells(b"", folder)
    path.rename(folder / "card.json")
    read_all(folder)


def as_pack_file(path: Path) -> None:
    """Reads a pack whose tasks are the file, with a card that has its digest."""
    folder = path.with_name("pack")
    write_files({"tasks.parquet": path.read_bytes(), "svm.parquet": _pack_file("svm.parquet")}, folder, {})
    read_all(folder)


def as_space(path: Path) -> None:
    """Reads a task with this space, and uses the space."""
    text = path.read_bytes().decode(errors="replace")
    task = RowReader("the file").task(task_row(small_history()[0]) | {"space": text}, ())
    space = task.space
    assert space is not None
    encoder = Encoder.of(space)
    encoder([default_config(space), *sobol_configs(space, 3)])
    in_words(space)
    store([task])


def as_options(path: Path) -> None:
    """Reads what the command line takes as JSON."""
    for read in (read_grid, read_groups):
        read(path)


def as_config(path: Path) -> None:
    """Reads a config as the command line does."""
    read_config(path.read_bytes().decode(errors="replace"))


def _made(write: Any, file: str) -> bytes:
    """What `write` put into a file of this name."""
    with TemporaryDirectory(prefix="foretune-fuzz-") as folder:
        path = Path(folder) / file
        write(path)
        return path.read_bytes()


def journals() -> list[bytes]:
    """A journal that Optuna wrote."""
    return [_made(_optuna_journal, "journal.log")]


def _optuna_journal(path: Path) -> None:
    backend = optuna.storages.journal.JournalFileBackend(str(path))
    _studied(optuna.storages.JournalStorage(backend))


@cache
def optuna_database() -> Path:
    """A database that Optuna wrote."""
    path = Path(mkdtemp(prefix="foretune-fuzz-seed-")) / "optuna.db"
    _studied(f"sqlite:///{path}")
    return path


def _studied(storage: Any) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(storage=storage, study_name="s", sampler=optuna.samplers.RandomSampler(0))
    study.optimize(_objective, n_trials=4)
    study.set_user_attr("foretune", {"dataset": "d", "metafeatures": {"rows": 5}})
    if not isinstance(storage, str):
        return
    study._storage.remove_session()


def _objective(trial: optuna.Trial) -> float:
    x = trial.suggest_float("x", 0.01, 10, log=True)
    kind = trial.suggest_categorical("kind", ["a", None, 3])
    depth = trial.suggest_int("depth", 1, 9, step=2) if kind == "a" else 0
    trial.report(x, 1)
    if trial.number == 2:
        raise optuna.TrialPruned
    return x + depth


def tables() -> list[bytes]:
    """The small table as a Parquet file."""
    columns = {"data": ["iris", "wine"], "C": [1.0, 2.0], "layers": [[1], [2, 3]], "acc": [0.5, 0.6]}
    others = {"secs": [1, None], "epochs": [1, 2], "state": ["done", "ok"], "seed": [1, 2], "target": [0, 1]}
    return [_made(pd.DataFrame({**columns, **others}).to_parquet, "table.parquet")]


def cards() -> list[bytes]:
    """The card of a pack."""
    return [_pack_file("card.json")]


def pack_files() -> list[bytes]:
    """The file of a pack's tasks."""
    return [_pack_file("tasks.parquet")]


@cache
def _pack_file(name: str) -> bytes:
    with TemporaryDirectory(prefix="foretune-fuzz-") as folder:
        write_cells(b"", Path(folder) / "pack")
        return (Path(folder) / "pack" / name).read_bytes()


def spaces() -> list[bytes]:
    """Spaces of past tasks, as they are stored."""
    kinds: list[dict[str, object]] = [
        {"type": "uniform_float", "name": "a", "lower": 0.1, "upper": 9.0, "default_value": 1.0, "log": True},
        {"type": "uniform_int", "name": "b", "lower": 1, "upper": 9, "default_value": 2, "log": False},
        {"type": "categorical", "name": "c", "choices": ["x", "y"], "default_value": "x", "weights": None},
        {"type": "ordinal", "name": "d", "sequence": [1, 2], "default_value": 1},
        {"type": "constant", "name": "e", "value": 3},
        {
            "type": "normal_int",
            "name": "f",
            "mu": 5,
            "sigma": 2,
            "lower": 1,
            "upper": 9,
            "default_value": 5,
            "log": False,
        },
        {
            "type": "beta_float",
            "name": "g",
            "alpha": 2,
            "beta": 2,
            "lower": 0,
            "upper": 1,
            "default_value": 0.5,
            "log": False,
        },
    ]
    plain: dict[str, object] = {"name": "s", "conditions": [], "forbiddens": [], "format_version": 0.4}
    condition = {"type": "EQ", "child": "b", "parent": "c", "value": "x"}
    forbidden = {"type": "EQUALS", "name": "c", "value": "y"}
    whole = {**plain, "hyperparameters": [{**one, "meta": None} for one in kinds]}
    stored = str(task_row(small_history()[0])["space"])
    return [
        stored.encode(),
        json.dumps(whole).encode(),
        json.dumps(whole | {"conditions": [condition], "forbiddens": [forbidden]}).encode(),
    ]


def options() -> list[bytes]:
    """A grid, a list of grids and groups, which a grid may be too."""
    return [
        b'[{"C": [1]}, {"gamma": ["scale", true]}]',
        b'{"C": [1, 10.5], "kernel": ["rbf", null]}',
        b'{"iris": "flowers", "wine": "drinks"}',
    ]


TARGETS: Final = {
    target.name: target
    for target in (
        Target("table_csv", "table.csv", as_table, lambda: [TABLE]),
        Target("table_parquet", "table.parquet", as_table, tables),
        Target("cv_results_csv", "results.csv", as_cv_results, outputs("grid_search.csv")),
        Target("cv_results_json", "results.json", as_cv_results, outputs("grid_search.json")),
        Target("optuna_journal", "journal.log", as_optuna, journals),
        Target("optuna_database", "cells", as_optuna_database, lambda: seeds_of(optuna_database())),
        Target("hyperopt", "trials.json", as_hyperopt, outputs("hyperopt.json")),
        Target("wandb", "runs.csv", as_wandb, outputs("wandb_*.csv")),
        in_folder(
            "mlflow", OUTPUTS / "mlruns", lambda folder: store(read_mlflow(folder, metric="val/accuracy"))
        ),
        in_folder(
            "ray_tune", OUTPUTS / "ray_tune", lambda folder: store(read_ray_tune(folder, metric="accuracy"))
        ),
        in_folder("smac", OUTPUTS / "smac", lambda folder: store(read_smac(folder))),
        in_folder("syne_tune", OUTPUTS / "syne_tune", lambda folder: store(read_syne_tune(folder))),
        Target("dataset_csv", "data.csv", as_dataset, lambda: [ROWS]),
        Target("dataset_arff", "data.arff", as_dataset, lambda: [ARFF]),
        Target("dataset_parquet", "data.parquet", as_dataset, tables),
        Target("rows", "cells", as_rows, cell_seeds),
        Target("history", "cells", as_history, cell_seeds),
        Target("history_file", "history.db", read_all, lambda: [database().read_bytes()]),
        Target("pack", "cells", as_pack, cell_seeds),
        Target("pack_card", "card", as_card, cards),
        Target("pack_file", "tasks", as_pack_file, pack_files),
        Target("recommender", "cells", as_recommender, cell_seeds),
        Target("space", "space", as_space, spaces),
        Target("options", "options.json", as_options, options),
        Target("config", "config", as_config, options),
    )
}
