"""The readers of `foretune import`: which there are, what each takes, and which one a source is for.

A new reader is a file in `history/readers/` and an entry in READERS.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from foretune.data.errors import HistoryError
from foretune.faces.sources import Source
from foretune.history.history import without_password
from foretune.history.readers.hyperopt import is_hyperopt
from foretune.history.readers.wandb import is_wandb

if TYPE_CHECKING:
    from foretune.data.records import Task
    from foretune.history.readers.table import TableTask

Options = Mapping[str, Any]  # the words of the command line: study, metric, task_column, ...


@dataclass(frozen=True)
class Reader:
    """A reader called `name`: a `function`, `read_NAME` by default, in `history/readers/NAME.py`.

    `takes` says what it reads, `knows` whether a source is such a one. `words` maps its arguments to the
    command line's options; `needs` are those it cannot do without, and `named_by_file` one that is the
    source's name by default.
    """

    name: str
    takes: str
    knows: Callable[[Source], bool]
    words: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    named_by_file: str = ""
    function: str = ""

    def read(self, source: str, options: Options) -> "list[Task | TableTask]":
        """The tasks of the source; a warning names options that this reader has no use for.

        Raises `HistoryError` where an option that it needs is missing, or the source cannot be read.
        """
        given = {option: value for option, value in options.items() if value not in (None, [], ())}
        if missing := [_dashed(option) for option in self.needs if option not in given]:
            raise HistoryError(
                f"a {self.name} needs {' and '.join(missing)}: say so, or --reader if it is no {self.name}."
            )
        if unused := [_dashed(option) for option in given if option not in self.words.values()]:
            warnings.warn(f"the reader {self.name} has no use for {', '.join(unused)}.", stacklevel=2)
        if self.named_by_file and self.named_by_file not in given:
            given[self.named_by_file] = Source(source).path.stem
        words = {word: given[option] for word, option in self.words.items() if option in given}
        module = import_module(f"foretune.history.readers.{self.name}")
        read = getattr(module, self.function or f"read_{self.name}")
        tasks: list[Task | TableTask] = read(source, **words)
        return tasks


def _dashed(option: str) -> str:
    return "--" + option.replace("_", "-")


def _same(*words: str) -> dict[str, str]:
    """Arguments that are called as the options are."""
    return {word: word for word in words}


OF_RUNS: Final = ("study", "family", "metric", "direction", "log")

# In the order in which a source is compared with them: the last takes any table.
READERS: Final = (
    Reader(
        "optuna",
        "a storage of Optuna's",
        lambda source: source.kind.startswith("optuna"),
        _same("study", "family", "metric"),
    ),
    Reader(
        "openml",
        "a flow's runs at OpenML as openml:flow/ID",
        lambda source: source.place.startswith("openml:"),
        _same("metric", "direction", "family", "log") | {"hyperparameters": "hyperparameter"},
    ),
    Reader(
        "ray_tune",
        "an experiment's folder of Ray Tune's",
        lambda source: any(source.holds(f"{below}*/params.json") for below in ("", "*/", "*/*/")),
        _same("study", "metric", "direction", "task", "family", "log")
        | {"hyperparameters": "hyperparameter"},
    ),
    Reader(
        "smac",
        "a run's folder of SMAC3's",
        lambda source: any(source.holds(f"{below}runhistory.json") for below in ("", "*/", "*/*/")),
        _same("study", "metric", "family"),
    ),
    Reader(
        "syne_tune",
        "a tuner's folder of Syne Tune's",
        lambda source: any(source.holds(f"{below}results.csv*") for below in ("", "*/", "*/*/")),
        _same("study", "metric", "direction", "task", "family", "log") | {"fidelity": "fidelity_column"},
    ),
    Reader(
        "cv_results",
        "cv_results_ of scikit-learn as CSV, JSON or Parquet",
        lambda source: source.is_table and source.has_cv_results,
        _same("task", "family", "metric", "log", "step"),
        named_by_file="task",
    ),
    Reader(
        "mlflow",
        "a folder mlruns, a database or a server of MLflow's",
        lambda source: (
            source.kind in ("server", "mlflow_database") or source.holds_any("meta.yaml", "*/meta.yaml")
        ),
        _same(*OF_RUNS) | {"task": "task_column", "hyperparameters": "hyperparameter"},
    ),
    Reader(
        "hyperopt",
        "trials of Hyperopt's as JSON",
        lambda source: is_hyperopt(source.content),
        _same(*OF_RUNS, "task", "choices") | {"hyperparameters": "hyperparameter"},
        named_by_file="task",
    ),
    Reader(
        "wandb",
        "a CSV of Weights & Biases' runs",
        lambda source: source.is_table and is_wandb(source.columns),
        _same(*OF_RUNS) | {"task": "task_column", "hyperparameters": "hyperparameter"},
    ),
    Reader(
        "table",
        "a CSV, TSV, Parquet or JSON table",
        lambda source: source.is_table,
        {
            **_same("metric", "direction", "log", "family"),
            "task": "task_column",
            "score": "score_column",
            "seconds": "seconds_column",
            "fidelity": "fidelity_column",
            "status": "status_column",
            "seed": "seed_column",
            "dataset": "dataset_column",
            "metafeatures": "metafeature",
            "hyperparameters": "hyperparameter",
        },
        needs=("task_column", "score_column", "metric"),
        function="table_rows",  # columns, not objects: tables may have millions of rows
    ),
)


def reader_named(name: str) -> Reader:
    """The reader of this name; `HistoryError` where there is none."""
    for reader in READERS:
        if reader.name == name:
            return reader
    raise HistoryError(f"there is no reader {name[:60]!r}: use {', '.join(one.name for one in READERS)}.")


def reader_of(place: str) -> Reader:
    """The reader for what lies there; `HistoryError` where it is a history already, or of no kind we know."""
    source, called = Source(place), without_password(place)[:200]
    if source.kind == "history":
        raise HistoryError(f"{called} is a history already: give it as --history to the other commands.")
    for reader in READERS:
        if reader.knows(source):
            return reader
    what = "does not exist" if source.kind == "nothing" else "is of no kind that foretune imports"
    raise HistoryError(f"{called} {what}: give {', '.join(reader.takes for reader in READERS)}.")
