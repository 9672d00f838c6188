"""MLflow's database, SQLite or a server's: it is read and never written."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from os import PathLike
from typing import Any, Final

from sqlalchemy import Engine, create_engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from foretune.data.errors import HistoryError
from foretune.history.history import without_password
from foretune.history.readers.places import path_at
from foretune.history.readers.runs import number_of
from foretune.history.readers.tracking.record import CONTEXT, Dataset, Experiment, Point, Recorded, point_of

EXPERIMENTS: Final = "SELECT experiment_id, name, lifecycle_stage FROM experiments ORDER BY experiment_id"
RUNS: Final = (
    "SELECT run_uuid, status, start_time, end_time, lifecycle_stage FROM runs "
    "WHERE experiment_id = :one ORDER BY start_time, run_uuid"
)
PARAMS: Final = (
    "SELECT params.run_uuid, params.key, params.value FROM params "
    "JOIN runs ON runs.run_uuid = params.run_uuid WHERE runs.experiment_id = :one"
)
TAGS: Final = (
    "SELECT tags.run_uuid, tags.key, tags.value FROM tags "
    "JOIN runs ON runs.run_uuid = tags.run_uuid WHERE runs.experiment_id = :one"
)
LATEST: Final = (
    "SELECT latest.run_uuid, latest.key, latest.value, latest.is_nan FROM latest_metrics AS latest "
    "JOIN runs ON runs.run_uuid = latest.run_uuid WHERE runs.experiment_id = :one"
)
CURVES: Final = (
    "SELECT metrics.run_uuid, metrics.value, metrics.step, metrics.timestamp, metrics.is_nan FROM metrics "
    "JOIN runs ON runs.run_uuid = metrics.run_uuid WHERE runs.experiment_id = :one AND metrics.key = :metric"
)
INPUTS: Final = (
    "SELECT inputs.destination_id, datasets.name, datasets.digest, input_tags.value FROM inputs "
    "JOIN datasets ON datasets.dataset_uuid = inputs.source_id "
    "JOIN runs ON runs.run_uuid = inputs.destination_id "
    "LEFT JOIN input_tags ON input_tags.input_uuid = inputs.input_uuid AND input_tags.name = :context "
    "WHERE runs.experiment_id = :one AND inputs.source_type = 'DATASET' ORDER BY datasets.name"
)


class Database:
    """The store in the database at a url or path."""

    def __init__(self, place: str | PathLike[str]) -> None:
        self._engine, self._place = engine_at(place), str(place)

    def experiments(self) -> Iterator[Experiment]:
        """The experiments, by their numbers."""
        for key, name, stage in self._rows(EXPERIMENTS):
            if stage != "deleted":
                yield Experiment(str(key), str(name))

    def runs(self, experiment: Experiment) -> Iterator[Recorded]:
        """The runs, by their start."""
        one = {"one": int(experiment.key)}
        params, tags = self._texts(PARAMS, one), self._texts(TAGS, one)
        latest: dict[str, dict[str, float]] = {}
        for run, name, value, is_nan in self._rows(LATEST, one):
            latest.setdefault(str(run), {})[str(name)] = point_of(value, is_nan=is_nan).value
        datasets: dict[str, list[Dataset]] = {}
        for run, name, digest, context in self._inputs(one):
            datasets.setdefault(str(run), []).append(Dataset(str(name), str(digest), str(context or "")))
        for key, status, start, end, stage in self._rows(RUNS, one):
            run = str(key)
            yield Recorded(
                run,
                str(status),
                number_of(start),
                number_of(end),
                params.get(run, {}),
                tags.get(run, {}),
                latest.get(run, {}),
                tuple(datasets.get(run, ())),
                stage == "deleted",
            )

    def curves(self, experiment: Experiment, runs: Iterable[Recorded], metric: str) -> dict[str, list[Point]]:
        """All values of the metric, by the run's key."""
        found: dict[str, list[Point]] = {}
        for run, value, step, when, is_nan in self._rows(
            CURVES, {"one": int(experiment.key), "metric": metric}
        ):
            found.setdefault(str(run), []).append(point_of(value, step, when, is_nan=is_nan))
        return found

    def _texts(self, query: str, one: dict[str, Any]) -> dict[str, dict[str, str]]:
        """The texts of every run, by name."""
        found: dict[str, dict[str, str]] = {}
        for run, name, value in self._rows(query, one):
            found.setdefault(str(run), {})[str(name)] = str(value)
        return found

    def _inputs(self, one: dict[str, Any]) -> list[tuple[Any, ...]]:
        """The datasets of the runs; none in databases that are older than these."""
        with self._told():
            known = {"inputs", "datasets", "input_tags"} <= set(inspect(self._engine).get_table_names())
        return self._rows(INPUTS, {**one, "context": CONTEXT}) if known else []

    def _rows(self, query: str, values: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        with self._told(), self._engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query), values or {})]

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns what a database has to say into an error of ours."""
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error, ValueError, OverflowError) as problem:
            first = str(problem).split("\n")[0][:200]
            raise HistoryError(
                f"{without_password(self._place)[:200]} cannot be read as MLflow's database ({first}): "
                "give its url, or take it from its source again."
            ) from None


def engine_at(place: str | PathLike[str]) -> Engine:
    """What connects to the database, a SQLite file for reading only; `HistoryError` where there is none."""
    url = str(place)
    if "://" in url and not url.startswith("sqlite"):
        try:
            return create_engine(url, poolclass=NullPool)
        except (SQLAlchemyError, ImportError, ValueError) as problem:
            raise HistoryError(f"MLflow's database cannot be opened: {str(problem)[:200]}.") from None
    path = path_at(place)
    if not path.is_file():
        raise HistoryError(f"there is no file {str(path)[:200]!r}: give the url of MLflow's database.")
    address = f"{path.absolute().as_uri()}?mode=ro"
    return create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True), poolclass=NullPool)
