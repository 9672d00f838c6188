"""What the readers of run-oriented tools share: runs, one an evaluation, become tasks."""

import math
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from foretune.data.errors import HistoryError
from foretune.data.records import Config, Task
from foretune.history.readers.inferred import inferred_space
from foretune.history.readers.measured import metric_among, pointing
from foretune.history.readers.naming import LONGEST_TEXT, called_by, checked, plain_choice
from foretune.history.readers.sheet import ABSENT, EMPTY, alike, parsed_text
from foretune.history.readers.table import FAILED_WORDS, NEVER, OPEN_WORDS, no_hyperparameter
from foretune.history.readers.told import MOST_COUNT, Row, at_fidelity, fidelities_of, scored_by, trials_of
from foretune.history.rows import INFERRED

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace

SEEDS: Final = ("seed", "random_seed", "random_state")  # parameters that are a trial's seed
MOST_NESTED: Final = 8  # mappings in one another that are one parameter each: optimizer.lr


@dataclass(frozen=True, slots=True)
class Run:
    """One evaluation as its tool tells it; NaN where it tells nothing.

    `config` may be nested. `scores` holds the value that counts of every metric, `curves` those on the way
    there. `status` is one of `table`'s words, `reason` says more of a failure. `ended` orders repeats: later
    imports find the earlier ones first. `started` is when the study began that it is of: that tells studies
    of one name apart. `dataset` identifies the data where the tool knows it.
    """

    task: str
    config: Mapping[str, Any]
    scores: Mapping[str, float]
    status: str = "done"
    reason: str = ""
    seconds: float = math.nan
    seed: float = math.nan
    fidelity: float = math.nan
    ended: float = 0.0
    started: float = math.nan
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    dataset: str | None = None
    group: str | None = None
    metafeatures: Mapping[str, float] = field(default_factory=dict)


def tasks_of_runs(
    runs: Iterable[Run],
    *,
    source: str,
    place: str,
    metric: str | None = None,
    direction: str | None = None,
    family: str | None = None,
    hyperparameters: Sequence[str] | None = None,
    space: "ConfigurationSpace | None" = None,
    log: Sequence[str] | None = None,
) -> list[Task]:
    """The runs as tasks, in order of first appearance; `place` is what errors call their origin.

    `metric` is needed where the runs measured several, `direction` where its name does not tell it. All
    parameters are hyperparameters, or those in `hyperparameters`; seeds, n_jobs and verbose are none.
    Tasks whose hyperparameters have the same names are of one family, called by them, unless `family` is
    given; its space is `space`, or what they tried. A warning counts what is left out. Raises `HistoryError`
    where nothing is left, and `MetricError` where the metric is not clear.
    """
    left_out: Counter[str] = Counter()
    ended = _those_that_ended(sorted(runs, key=lambda run: run.ended), left_out)
    if not ended:
        _warn(left_out)
        raise HistoryError(f"{place} holds no run that ended: there is nothing to import.")
    measured = metric_among([run.scores for run in ended], metric)
    ended = [run for run in ended if _counts(run, measured, left_out)]
    configs = _configs(ended, hyperparameters, left_out)
    kept = [(run, config) for run, config in zip(ended, configs, strict=True) if config]
    left_out["without hyperparameters"] += len(ended) - len(kept)
    _warn(left_out)
    if not kept:
        raise HistoryError(f"{place} holds no run that measured {measured!r} and names its hyperparameters.")
    name = pointing(measured, direction)
    gathered = _Gathered(kept, family)
    provenance = {"source": source, **scored_by(measured, name)}
    if space is None:
        provenance["space"] = INFERRED
    return list(gathered.tasks(measured, name, space, log, provenance=provenance))


def parsed_config(texts: Mapping[str, str]) -> dict[str, Any]:
    """The values that texts look like, by name; empty ones are left out."""
    return {name: parsed_text(text) for name, text in texts.items() if text not in EMPTY}


def number_of(value: Any) -> float:
    """The value as a number; NaN where it is none.

    >>> number_of("0.5"), number_of(None), number_of("Infinity")
    (0.5, nan, inf)
    """
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def flattened(config: Mapping[str, Any], prefix: str = "", depth: int = MOST_NESTED) -> dict[str, Any]:
    """The config with the names of nested ones joined.

    >>> flattened({"optimizer": {"lr": 0.1, "name": "sgd"}})
    {'optimizer.lr': 0.1, 'optimizer.name': 'sgd'}
    """
    flat: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, Mapping) and depth > 0:
            flat.update(flattened(value, f"{prefix}{name}.", depth - 1))
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _those_that_ended(runs: Iterable[Run], left_out: Counter[str]) -> list[Run]:
    ended = []
    for run in runs:
        if run.status in OPEN_WORDS:
            left_out["not finished"] += 1
        else:
            ended.append(run)
    return ended


def _counts(run: Run, measured: str, left_out: Counter[str]) -> bool:
    """Whether the run is a trial: it failed, or has the metric."""
    if measured in run.scores or _failure(run):
        return True
    left_out[f"without the metric {measured[:60]!r}"] += 1
    return False


def _failure(run: Run) -> str:
    """Why the run failed; empty where it did not. One that was pruned has the score it had by then."""
    if run.status not in FAILED_WORDS or (run.status == "pruned" and not math.isnan(run.fidelity)):
        return ""
    return (run.reason or run.status)[:LONGEST_TEXT]


def _warn(left_out: Mapping[str, int]) -> None:
    for why, count in left_out.items():
        if count:
            warnings.warn(f"runs left out: {count} {why}.", stacklevel=4)


def _configs(
    runs: Sequence[Run], hyperparameters: Sequence[str] | None, left_out: Counter[str]
) -> list[dict[str, Any]]:
    """Each run's config, (n,): flat, of plain values, a column of one kind."""
    flat = [flattened(run.config) for run in runs]
    names = dict.fromkeys(name for config in flat for name in config)
    columns = {name: [_value(config.get(name, ABSENT)) for config in flat] for name in names}
    columns = {name: alike(cells) for name, cells in columns.items()}
    for name in _passed_over(columns, hyperparameters):
        del columns[name]
    rows = zip(*columns.values(), strict=True)
    made = [{name: v for name, v in zip(columns, row, strict=True) if v is not ABSENT} for row in rows]
    return made or [{} for _ in runs]


def _value(value: Any) -> Any:
    """The value as a config holds it; NaN is what tables hold where there is nothing."""
    if value is ABSENT or (isinstance(value, float) and math.isnan(value)):
        return ABSENT
    if type(value) is int and abs(value) >= MOST_COUNT:
        value = number_of(value)
    return plain_choice(value)


def _passed_over(columns: Mapping[str, list[Any]], given: Sequence[str] | None) -> list[str]:
    """The columns that are no hyperparameters, with a warning; those not given, without."""
    if given is not None:
        if unknown := [name for name in given if name not in columns]:
            known = ", ".join(list(columns)[:8])
            raise HistoryError(f"no run has a parameter {unknown[0][:60]!r}: they have {known}.")
        return [name for name in columns if name not in given]
    out = []
    if aside := [name for name in columns if _last(name) in NEVER or _last(name) in SEEDS]:
        warnings.warn(f"no hyperparameters, so left out: {', '.join(map(repr, aside))}.", stacklevel=5)
        out.extend(aside)
    for name, cells in columns.items():
        problem = "" if name in aside else _problem(name, cells)
        if problem:
            warnings.warn(f"parameter {name[:60]!r} is left out: {problem}.", stacklevel=5)
            out.append(name)
    return out


def _last(name: str) -> str:
    return name.rpartition(".")[2].rpartition("__")[2]


def _problem(name: str, cells: Sequence[Any]) -> str:
    """Why the parameter cannot be a hyperparameter; empty where it can."""
    longest = max((len(cell) for cell in cells if isinstance(cell, str)), default=0)
    if max(longest, len(name)) > LONGEST_TEXT:
        return f"it holds a text of {max(longest, len(name))} characters"
    return no_hyperparameter(cells)


class _Gathered:
    """The runs by task, and the tasks by family."""

    def __init__(self, kept: Sequence[tuple[Run, dict[str, Any]]], family: str | None) -> None:
        self._members: dict[str, list[tuple[Run, dict[str, Any]]]] = {}
        for run, config in kept:
            self._members.setdefault(run.dataset or f"name {run.task}", []).append((run, config))
        self._family = {key: family or called_by(_names(members)) for key, members in self._members.items()}

    def tasks(
        self,
        measured: str,
        metric: str,
        space: "ConfigurationSpace | None",
        log: Sequence[str] | None,
        provenance: Mapping[str, Any],
    ) -> Iterator[Task]:
        """The tasks; those of a family have one space."""
        tried: dict[str, list[Config]] = {}
        for key, members in self._members.items():
            tried.setdefault(self._family[key], []).extend(config for _, config in members)
        spaces = {one: space or _space(configs, one, log, tried) for one, configs in tried.items()}
        for key, members in self._members.items():
            first, family = members[0][0], self._family[key]
            rows = [_row(run, config, measured) for run, config in members]
            yield Task(
                checked(first.task, "a task"),
                checked(family, "the family"),
                spaces[family],
                metric=checked(metric, "the metric"),
                dataset=first.dataset,
                group=first.group,
                metafeatures=first.metafeatures,
                trials=tuple(trials_of(rows, metric)),
                provenance=_begun(at_fidelity(provenance, fidelities_of(rows)), members),
            )


def _space(
    configs: Sequence[Config], family: str, log: Sequence[str] | None, tried: Mapping[str, Sequence[Config]]
) -> "ConfigurationSpace":
    """The family's inferred space; what `log` names may be another family's."""
    if log is not None:
        everywhere = _all_names(one for many in tried.values() for one in many)
        ours = _all_names(configs)
        log = [name for name in log if name in ours or name not in everywhere]
    return inferred_space(configs, name=family, log=log)


def _all_names(configs: Iterable[Config]) -> set[str]:
    return {name for config in configs for name in config}


def _begun(provenance: dict[str, Any], members: Sequence[tuple[Run, Config]]) -> dict[str, Any]:
    """The provenance with when the study began, where that is told, as part of the task's identity."""
    told = [run.started for run, _ in members if run.started > 0]
    if not told:
        return provenance
    return {**provenance, "protocol": {**provenance.get("protocol", {}), "started": min(told)}}


def _names(members: Iterable[tuple[Run, Config]]) -> set[str]:
    return _all_names(config for _, config in members)


def _row(run: Run, config: Config, measured: str) -> Row:
    curve = tuple(run.curves.get(measured, ()))
    return Row(
        config,
        run.scores.get(measured, math.nan),
        run.seconds,
        run.fidelity,
        _seed(run),
        _failure(run),
        curve=curve if all(map(math.isfinite, curve)) else (),
    )


def _seed(run: Run) -> float:
    """The run's seed, or the parameter that is one; NaN where it is no whole number of 64 bits."""
    told = (number_of(run.config[name]) for name in SEEDS if name in run.config)
    seed = next(told, math.nan) if math.isnan(run.seed) else run.seed
    return seed if abs(seed) < MOST_COUNT and float(seed).is_integer() else math.nan
