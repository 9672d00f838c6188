"""The research plan's evaluation: recommended cells, trained for real, beside the full grid search."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version

import numpy as np
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

from foretune.collect.datasets import Dataset
from foretune.collect.evaluation import Measurement, PreparedData, Protocol, measure
from foretune.collect.families import Family
from foretune.data.errors import ForetuneError, LearningError
from foretune.data.metrics import Target, gap_to, to_loss, to_score
from foretune.data.records import Config, Evidence, Ints, Task, Trial
from foretune.experiments.measured import Measured
from foretune.features.encoding import Encoder
from foretune.learners.surfaces import Surfaces
from foretune.recommender.advice import new_task
from foretune.recommender.recommender import DEFAULT_LEARNER, Recommender


@dataclass(frozen=True)
class Setup:
    """How searches are compared.

    Every search selects on `folds` inner folds of the training part; the winner is trained on all of that
    part and judged on an outer test part (`test_share` of the rows) that no search ever saw. One cell alone
    needs no selection and therefore no inner folds. `cells` recommended cells are tried.
    """

    metric: str = "accuracy"
    learner: str = DEFAULT_LEARNER
    cells: int = 1
    folds: int = 5
    test_share: float = 0.25
    rows: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Search:
    """One search and what came of it: the chosen config, its scores on the outer test part, and the costs.

    `inner` is the mean score on the inner folds (None: one config needed none). Seconds hold fitting,
    predicting and the final fit; `overhead_seconds` what the meta-learner itself took. `failed` counts the
    configs that could not be trained or scored; what they took until then is in no figure.
    """

    config: Config
    inner: float | None
    scores: Mapping[str, float]
    fits: int
    seconds: float
    cpu_seconds: float
    peak_bytes: float | None
    overhead_seconds: float = 0.0
    failed: int = 0


@dataclass(frozen=True)
class Case:
    """One dataset x family: its searches by name, and what was forecast and measured for each cell.

    `seed` is that of the splits and models where several are compared.
    """

    dataset: str
    family: str
    searches: Mapping[str, Search]
    predicted: Sequence[float]
    measured: Sequence[float]
    because: Sequence[Evidence] = ()
    cells: int = 0
    learning_seconds: float = 0.0
    seed: int | None = None

    def gap(self, search: str | Search, metric: str) -> float:
        """How far a search stays behind the full grid on the outer test part, by `gap_to`; below 0 ahead."""
        mine = self.searches[search] if isinstance(search, str) else search
        grid = self.searches["grid"]
        return gap_to(metric, mine.scores[metric], grid.scores[metric])


@dataclass
class Bench:
    """One dataset's outer split, on which each config is measured and finally fitted at most once."""

    data: Dataset
    family: Family
    setup: Setup
    measured: Measured = field(default_factory=Measured)
    _train: PreparedData = field(init=False)
    _outer: PreparedData = field(init=False)

    def __post_init__(self) -> None:
        sample, train, test = outer_split(self.data, self.setup)
        protocol = Protocol(self.setup.folds, self.setup.seed)
        self._train = PreparedData(sample.part(train), protocol)
        self._outer = PreparedData(sample, protocol, splits=((train, test),))
        self._encoder = Encoder(self.family.wide_space(self.data.target))
        self.failures: dict[str, str] = {}

    def search(self, configs: Sequence[Config], *, overhead: float = 0.0) -> Search:
        """Tries the configs and trains the best one: all on inner folds where there are several.

        Configs that fail are passed over. Where the best fails on the whole training part the next best is
        taken, and at last the library's default; `LearningError` where that fails as well.
        """
        several = len(configs) > 1
        inner = {k: one for k, config in enumerate(configs) if several and (one := self._tried(config))}
        losses = {k: to_loss(self.setup.metric, self._mean(one)) for k, one in inner.items()}
        order = sorted(losses, key=lambda k: losses[k]) if several else [0]
        chosen = [*(configs[k] for k in order), self.family.default(self.data.target)]
        finals = ((k, self._tried(config, final=True)) for k, config in enumerate(chosen))
        place, final = next(((k, one) for k, one in finals if one), (0, None))
        if final is None:
            raise LearningError(
                f"{self.family.name} cannot be trained on {self.data.name}, not even as it comes "
                f"({'; '.join(sorted(set(self.failures.values())))}): leave out the family or the dataset."
            )
        best = order[place] if place < len(order) else None
        every = [*inner.values(), final]
        peaks = [one.costs["peak_bytes"] for one in every if "peak_bytes" in one.costs]
        return Search(
            chosen[place],
            self._mean(inner[best]) if best in inner else None,
            {metric: values[0] for metric, values in final.scores.items()},
            fits=len(inner) * self.setup.folds + 1,
            seconds=sum(one.costs["fit_seconds"] + one.costs["predict_seconds"] for one in every),
            cpu_seconds=sum(one.costs["cpu_seconds"] for one in every),
            peak_bytes=max(peaks, default=None),
            overhead_seconds=overhead,
            failed=place + (len(configs) - len(inner) if several else 0),
        )

    def inner(self, config: Config) -> Measurement:
        """The config on the inner folds of the training part."""
        return self._once(config, self._train, folds=self.setup.folds)

    def final(self, config: Config) -> Measurement:
        """The config trained on the whole training part, judged on the outer test part."""
        return self._once(config, self._outer)

    def inner_score(self, config: Config) -> float:
        """The mean score of a config on the inner folds; NaN where it fails there."""
        found = self._tried(config)
        return self._mean(found) if found else math.nan

    def _tried(self, config: Config, *, final: bool = False) -> Measurement | None:
        """The config on the inner folds, or in the `final` training; None where it fails there."""
        key = f"{final} {self._encoder.key(config)}"
        if key in self.failures:
            return None
        try:
            found = self.final(config) if final else self.inner(config)
        except ForetuneError:
            raise
        except Exception as error:  # a model raises what it likes
            self.failures[key] = f"{type(error).__name__}: {str(error)[:120]}"
            return None
        if math.isfinite(self._mean(found)):
            return found
        self.failures[key] = f"its {self.setup.metric} is not a number"
        return None

    def _once(self, config: Config, data: PreparedData, *, folds: int = 1) -> Measurement:
        what = {
            "foretune": version("foretune"),
            "dataset": self.data.fingerprint,
            "family": self.family.name,
            "config": self._encoder.key(config),
            "folds": folds,
            **{name: getattr(self.setup, name) for name in ("rows", "test_share", "seed")},
        }
        return self.measured.once(what, lambda: measure(self.family, config, data))

    def _mean(self, one: Measurement) -> float:
        return float(np.mean(one.scores[self.setup.metric]))


def outer_split(data: Dataset, setup: Setup) -> tuple[Dataset, Ints, Ints]:
    """The rows that are used, and those of the training and of the outer test part among them.

    Classes keep their shares where each has two members, and the test part room for all of them.
    """
    sample = data.sample(setup.rows, seed=setup.seed)
    counts = sample.y.value_counts()
    room = len(sample.X) * min(setup.test_share, 1 - setup.test_share) >= len(counts)
    stratify = data.target == "classification" and counts.min() > 1 and room
    splitter = (StratifiedShuffleSplit if stratify else ShuffleSplit)(
        1, test_size=setup.test_share, random_state=setup.seed
    )
    train, test = next(splitter.split(sample.X, sample.y))
    return sample, train, test


def without(tasks: Sequence[Task], data: Dataset, groups: frozenset[str] = frozenset()) -> list[Task]:
    """The tasks that have nothing to do with this dataset: neither the data, nor its name, nor its groups.

    `groups` are those that other tasks tell, see `groups_of_dataset`.
    """
    out = groups | groups_of_dataset(tasks, data)
    return [task for task in tasks if not _is_of(task, data) and task.group not in out]


def groups_of_dataset(tasks: Iterable[Task], data: Dataset) -> frozenset[str]:
    """The groups that any task on the dataset is in, and the one that bears its name: what was made of it."""
    return frozenset({data.name} | {task.group for task in tasks if task.group and _is_of(task, data)})


def _is_of(task: Task, data: Dataset) -> bool:
    return task.dataset == data.fingerprint or task.name == data.name


def compare(
    datasets: Sequence[Dataset],
    families: Sequence[Family],
    past: Mapping[str, Sequence[Task]],
    setup: Setup,
    *,
    measured: Measured | None = None,
    on_case: Callable[[int, int], None] = lambda _done, _planned: None,
) -> Iterator[Case]:
    """One case for each dataset and family; the past (family name -> tasks) is cleared of the dataset first.

    A case holds the searches "recommended", "grid" (every cell), "default" (the library's) and "fixed" (the
    cell that was best on average over the past). What is `measured` already is not trained again. Raises
    `LearningError` where the past holds nothing.
    """
    measured = Measured() if measured is None else measured
    memory: dict[tuple[str, frozenset[str]], Recommender] = {}
    everything = [task for tasks in past.values() for task in tasks]
    for k, data in enumerate(datasets):
        sample, rows, _ = outer_split(data, setup)
        train = sample.part(rows)
        started = time.perf_counter()
        metafeatures = train.describe()
        described = time.perf_counter() - started
        groups = groups_of_dataset(everything, data)
        for j, family in enumerate(families):
            tasks = without(past[family.name], data, groups)
            key = family.name, frozenset(task.key for task in tasks)
            learning = 0.0
            if key not in memory:
                started = time.perf_counter()
                memory[key] = Recommender(setup.learner).fit(tasks)
                learning = time.perf_counter() - started
            task = new_task(data.name, family, data.target, setup.metric, metafeatures)
            # The dataset is described once, whatever the number of families.
            overhead = described if j == 0 else 0.0
            bench = Bench(data, family, setup, measured)
            fixed = best_fixed_cells(tasks, family.cells_on(data), setup.cells)
            case = _case(memory[key], task, fixed, bench, overhead=overhead)
            yield replace(case, learning_seconds=learning)
            on_case(k * len(families) + j + 1, len(datasets) * len(families))


def _case(
    recommender: Recommender,
    task: Task,
    fixed: Sequence[Config],
    bench: Bench,
    *,
    overhead: float,
) -> Case:
    cells, setup = bench.family.cells_on(bench.data), bench.setup
    started = time.perf_counter()
    found = recommender.recommend(task, setup.cells, candidates=cells)
    overhead += time.perf_counter() - started
    forecast = recommender.learner.forecast(task, cells)
    # The default goes first: what a first fit makes the process allocate is no search's own memory.
    default = bench.search([bench.family.default(bench.data.target)])
    searches = {
        "recommended": bench.search([one.config for one in found], overhead=overhead),
        "grid": bench.search(cells),
        "default": default,
        "fixed": bench.search(fixed),
    }
    if len(cells) > 1 and searches["grid"].inner is None:
        reasons = "; ".join(sorted(set(bench.failures.values())))
        raise LearningError(
            f"no cell of {task.family}'s grid could be trained on {setup.folds} inner folds of {task.name} "
            f"({reasons}): give fewer folds, or leave out the dataset."
        )
    return Case(
        task.name,
        task.family,
        searches,
        [to_score(setup.metric, float(loss)) for loss in forecast.mean],
        [bench.inner_score(cell) for cell in cells],
        found[0].because,
        len(cells),
    )


def transferred(
    datasets: Sequence[Dataset],
    family: Family,
    lent: Sequence[Task],
    setup: Setup,
    measured: Measured,
) -> Iterator[Search]:
    """For each dataset the search that other families' tasks, lent to this one, recommend."""
    for data in datasets:
        sample, rows, _ = outer_split(data, setup)
        train = sample.part(rows)
        task = new_task(
            data.name,
            family,
            data.target,
            setup.metric,
            train.describe(),
        )
        recommender = Recommender(setup.learner).fit(without(lent, data))
        found = recommender.recommend(task, setup.cells, candidates=family.cells_on(data))
        yield Bench(data, family, setup, measured).search([one.config for one in found])


def best_fixed_cells(past: Sequence[Task], cells: Sequence[Config], n: int) -> list[Config]:
    """The n cells whose mean gap to the best cell was smallest over the past tasks."""
    space = past[0].space
    if space is None:
        raise LearningError("the past tasks have no space, so their configs cannot be compared with cells.")
    losses = Surfaces(past, Encoder(space)).losses(cells)
    gaps = (losses - losses.min(axis=1, keepdims=True)).mean(axis=0)
    return [cells[k] for k in np.argsort(gaps, kind="stable")[:n]]


def lend(tasks: Sequence[Task], family: Family, target: Target) -> tuple[list[Task], list[str]]:
    """Tasks of other families as if they were this one's, and the names of what they share.

    All other hyperparameters are left out of the trials.
    """
    space = family.wide_space(target)
    spoken = {name for task in tasks for trial in task.done for name in trial.config}
    shared = [name for name in family.hyperparameters() if name in spoken]
    lent = [
        replace(
            task,
            family=family.name,
            space=space,
            trials=tuple(_restricted(trial, shared) for trial in task.done),
        )
        for task in tasks
    ]
    return lent, shared


def _restricted(trial: Trial, names: Sequence[str]) -> Trial:
    return replace(trial, config={name: trial.config[name] for name in names if name in trial.config})
