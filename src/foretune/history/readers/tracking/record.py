"""What MLflow records of a run, wherever it keeps it."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from foretune.history.readers.runs import number_of

LARGEST: Final = 1.797e308  # MLflow's databases have no infinity: the greatest float stands for it
CONTEXT: Final = "mlflow.data.context"  # what a dataset was used for: training, eval, ...


@dataclass(frozen=True, slots=True)
class Experiment:
    """MLflow's folder of runs."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset that a run says it used; MLflow computes the digest from its first rows."""

    name: str
    digest: str
    context: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a metric."""

    value: float
    step: float = 0.0
    when: float = 0.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """A run as MLflow keeps it: texts, but for `latest`, the last value of each metric, and milliseconds."""

    key: str
    status: str
    start: float = math.nan
    end: float = math.nan
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    latest: Mapping[str, float] = field(default_factory=dict)
    datasets: tuple[Dataset, ...] = ()
    is_deleted: bool = False

    @property
    def parent(self) -> str | None:
        """The run that this one is nested in."""
        return self.tags.get("mlflow.parentRunId")

    @property
    def dataset(self) -> Dataset | None:
        """The dataset that it learned from; the first where none is called so."""
        training = (one for one in self.datasets if one.context.startswith("train"))
        return next(training, self.datasets[0] if self.datasets else None)


class Store(Protocol):
    """Where MLflow keeps its runs."""

    def experiments(self) -> Iterable[Experiment]:
        """The experiments that are not deleted."""

    def runs(self, experiment: Experiment) -> Iterator[Recorded]:
        """The runs of one."""

    def curves(self, experiment: Experiment, runs: Iterable[Recorded], metric: str) -> dict[str, list[Point]]:
        """All values of the metric, by the run's key, in no order."""


def point_of(value: Any, step: Any = 0, when: Any = 0, *, is_nan: Any = False) -> Point:
    """The point of what a store holds."""
    number = math.nan if is_nan in (True, 1, "1", "t", "true") else number_of(value)
    if abs(number) >= LARGEST:
        number = math.copysign(math.inf, number)
    return Point(number, *(0.0 if math.isnan(x) else x for x in (number_of(step), number_of(when))))


def in_order(points: Iterable[Point]) -> list[Point]:
    """The points by step, as MLflow tells which is the latest."""
    return sorted(points, key=lambda point: (point.step, point.when))
