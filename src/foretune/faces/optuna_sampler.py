"""Optuna's face: a sampler that learns from past studies, from a history, or from tasks."""

import threading
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, Final, cast

import numpy as np

from foretune.data.errors import HistoryError, LearningError, MissingExtraError, SpaceError
from foretune.data.records import Task
from foretune.data.spaces import check_aliases
from foretune.faces.sampling.warm_search import METRIC, WarmSearch
from foretune.history.history import History, open_history
from foretune.history.readers.places import is_server, kind_at, path_at

try:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler, TPESampler
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial, TrialState

    from foretune.faces.sampling.live_study import LiveStudy, Moment
    from foretune.history.readers.optuna import SOURCE, started, tasks_at
    from foretune.history.readers.optuna_distributions import NOWHERE, asked
except ImportError as error:  # pragma: no cover - the tests need Optuna
    raise MissingExtraError(
        "MetaSampler needs a package that is not installed: pip install 'foretune[optuna]'."
    ) from error

STUDIES: Final = 8  # served by one sampler that are remembered
Past = str | PathLike[str] | BaseStorage | History | Sequence[Task]


class MetaSampler(BaseSampler):
    """A sampler for Optuna that starts from what past studies showed.

    `past` is a storage of Optuna's (its url, a journal's path, or the object), a history of foretune's (its
    url, a pack's folder, or opened), or a list of tasks. Of these the ones teach that are of the `family`
    given, or else that had mostly the same parameters as the live study, which never teaches itself.
    `metafeatures` (see `describe`) tell which of them are most alike, `aliases` maps today's names of
    parameters to the names they had. With the same `seed` and trials the proposals are the same.

    The first trial has no space yet: its config is chosen in the space of the past, and drawn into the ranges
    that are then asked for. Later ones are chosen in the space that the study has shown. Pruned trials count
    as the finished one that was most like them at that step. A parameter that the past does not know and that
    is new to the study, and every parameter where nothing in the past matches (which a warning tells), is
    sampled as Optuna's TPESampler does.

    Raises `LearningError` for a study with several objectives or with constraints, and for a family that the
    past does not hold; `HistoryError` where there is no such past.

    >>> import optuna
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> def objective(trial):
    ...     return (trial.suggest_float("x", -5, 5) - 2) ** 2
    >>> past = optuna.storages.InMemoryStorage()
    >>> for k in range(5):
    ...     one = optuna.create_study(storage=past, sampler=optuna.samplers.RandomSampler(k))
    ...     one.optimize(objective, n_trials=20)
    >>> study = optuna.create_study(sampler=MetaSampler(past, seed=0))
    >>> study.optimize(objective, n_trials=3)
    >>> study.best_value < 0.1
    True
    """

    def __init__(
        self,
        past: Past,
        *,
        family: str | None = None,
        metafeatures: Mapping[str, float] | None = None,
        aliases: Mapping[str, str] | None = None,
        seed: int | None = None,
    ) -> None:
        _check(past, metafeatures, aliases)
        self._past, self._family = past, family
        self._metafeatures, self._aliases = dict(metafeatures or {}), dict(aliases or {})
        self._seed = int(np.random.default_rng(seed).integers(2**31))
        self._tpe_seed = seed
        self._studies: dict[tuple[str, str | None], LiveStudy] = {}
        self._lock = threading.RLock()

    def __getstate__(self) -> dict[str, Any]:
        """What makes the sampler what it is; what it has learned is learned anew."""
        return {name: value for name, value in vars(self).items() if name != "_lock"} | {"_studies": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = threading.RLock()

    def reseed_rng(self) -> None:
        """Makes what is sampled as TPE does it differ from what other workers sample."""
        with self._lock:
            self._tpe_seed = None
            for live in self._studies.values():
                live.tpe.reseed_rng()

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Raises `LearningError` for a study that is not served."""
        _check_study(study)

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """All parameters that the study has shown so far; none in the first trial."""
        with self._lock:
            live = self._live(study)
            if live.proposal(study, trial) is None:
                return live.tpe.infer_relative_search_space(study, trial)
            known = Moment.of(study, trial).known
            return {name: one for name, one in known.items() if not one.single()}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The values that are proposed for these parameters."""
        with self._lock:
            live = self._live(study)
            config = live.proposal(study, trial)
            if config is None:
                return live.tpe.sample_relative(study, trial, search_space)
            values = {name: asked(one, config[name]) for name, one in search_space.items() if name in config}
            return {name: value for name, value in values.items() if value is not NOWHERE}

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """The value proposed for a parameter, drawn into its range; TPE's where there is none."""
        with self._lock:
            live = self._live(study)
            config = live.proposal(study, trial, {param_name: param_distribution})
            if config is not None and param_name in config:
                value = asked(param_distribution, config[param_name])
                if value is not NOWHERE:
                    return value
            return live.tpe.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Forgets what was proposed for the trial, as the trial itself tells it now."""
        with self._lock:
            live = self._live(study)
            live.forget(trial)
            live.tpe.after_trial(study, trial, state, values)

    def _live(self, study: optuna.Study) -> LiveStudy:
        """What is known of the study; the past is read when it is first met."""
        _check_study(study)
        key = self._key(study)
        if key not in self._studies:
            tasks = _of_one_metric(_without(study, self._tasks(study)), study)
            search = WarmSearch(tasks, aliases=self._aliases, seed=self._seed)
            while len(self._studies) >= STUDIES:
                del self._studies[next(iter(self._studies))]
            tpe = TPESampler(seed=self._tpe_seed)
            self._studies[key] = LiveStudy(search, self._metafeatures, tpe)
        return self._studies[key]

    def _key(self, study: optuna.Study) -> tuple[str, str | None]:
        """The study's name and beginning: another storage, or a later time, may hold another of that name."""
        start, name = _beginning(study), study.study_name
        if start is None:  # a pruner may show only some of the trials
            return next((key for key in reversed(self._studies) if key[0] == name), (name, None))
        return name, start

    def _tasks(self, study: optuna.Study) -> list[Task]:
        """The past tasks that may teach the study, of the family where one is given."""
        tasks = _read(self._past, self._family, study)
        if self._family is None:
            return tasks
        found = [task for task in tasks if task.family == self._family]
        if tasks and not found:
            held = ", ".join(sorted({task.family for task in tasks})[:10])
            raise LearningError(f"the past holds no task of family {self._family!r}: it has {held}.")
        return found

    def __str__(self) -> str:
        return "MetaSampler"


def _check(past: object, metafeatures: object, aliases: object) -> None:
    """Raises an error for what can never be right."""
    is_past = isinstance(past, str | PathLike | BaseStorage) or hasattr(past, "tasks")
    if isinstance(past, list | tuple):
        is_past = all(isinstance(one, Task) for one in past)
    if not is_past:
        raise HistoryError(
            f"past={past!r} is nothing to learn from: give the url or object of an Optuna storage, "
            "the url of a history, the folder of a pack, or a list of tasks."
        )
    if isinstance(past, str | PathLike) and not is_server(past):
        _check_place(past)
    if metafeatures is not None and not isinstance(metafeatures, Mapping):
        raise SpaceError(f"metafeatures={metafeatures!r} must be a mapping, such as {{'name': ...}}.")
    check_aliases(aliases or {})


def _check_place(past: str | PathLike[str]) -> None:
    """Raises `HistoryError` for a file of another kind; a study's own storage may be empty, or to come."""
    path = path_at(past)
    if path.name == ":memory:" or (path.is_file() and not path.stat().st_size):
        return
    kind = kind_at(past)
    if kind in {"unknown", "mlflow_database"}:
        raise HistoryError(
            f"{past} is neither a storage of Optuna's nor a history of foretune's: make a history of it "
            "first, with foretune import."
        )
    if kind == "nothing":
        warnings.warn(f"there is nothing at {past} yet: check the path.", stacklevel=4)


def _check_study(study: optuna.Study) -> None:
    if len(study.directions) > 1:
        raise LearningError(
            "MetaSampler serves studies with one objective: use optuna.samplers.TPESampler or NSGAIISampler "
            "for several, or return one value that weighs them."
        )


def _read(past: Past, family: str | None, study: optuna.Study) -> list[Task]:
    """The tasks of the past, wherever it lies; of a history only those of the metrics that are wanted."""
    if isinstance(past, BaseStorage):
        return tasks_at(past)
    if isinstance(past, str | PathLike):
        if kind_at(past) in ("optuna_database", "optuna_journal"):
            return tasks_at(past)
        with open_history(past, read_only=True) as opened:
            return _of_history(opened, family, study)
    return list(past) if isinstance(past, list | tuple) else _of_history(cast("History", past), family, study)


def _of_history(history: History, family: str | None, study: optuna.Study) -> list[Task]:
    listed = _of_one_metric([*history.tasks(family, trials=False)], study)
    wanted = dict.fromkeys((task.family, task.metric) for task in listed)
    return [task for family, metric in wanted for task in history.tasks(family, metric=metric)]


def _beginning(study: optuna.Study) -> str | None:
    """When the study's first trial started; None where it does not show it."""
    trials = study.get_trials(deepcopy=False)
    return started(trials) if trials and min(one.number for one in trials) == 0 else None


def _without(study: optuna.Study, tasks: Sequence[Task]) -> list[Task]:
    """The tasks but the study itself, which may lie among the past that it learns from."""
    start = _beginning(study)  # where it is not known the name alone has to tell
    return [
        task
        for task in tasks
        if not (
            task.provenance.get("source") == SOURCE
            and task.provenance.get("study") == study.study_name
            and start in (None, task.provenance.get("started"))
        )
    ]


def _of_one_metric(tasks: Sequence[Task], study: optuna.Study) -> list[Task]:
    """Of each family the tasks of the study's metric, else of its most frequent; Optuna's are all alike."""
    names = getattr(study, "metric_names", None)  # a study that a pruner shows in part has none
    named = names[0] if names else None
    metrics = [METRIC if task.provenance.get("source") == SOURCE else task.metric for task in tasks]
    counted: dict[str, Counter[str]] = {}
    for task, metric in zip(tasks, metrics, strict=True):
        counted.setdefault(task.family, Counter())[metric] += 1
    wanted = {
        family: named if named in found else found.most_common(1)[0][0] for family, found in counted.items()
    }
    return [task for task, metric in zip(tasks, metrics, strict=True) if metric == wanted[task.family]]
