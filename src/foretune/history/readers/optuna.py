"""Optuna's studies as tasks."""

import json
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from math import isfinite
from os import PathLike
from typing import Any, Final

from ConfigSpace import ConfigurationSpace
from sqlalchemy.exc import SQLAlchemyError

from foretune.data.errors import ForetuneError, HistoryError, MissingExtraError
from foretune.data.metrics import to_score
from foretune.data.records import DONE, FAILED, Task, Trial, canonical
from foretune.history.history import without_password
from foretune.history.readers.conditions import Rule, rules_of
from foretune.history.readers.naming import called_by
from foretune.history.readers.places import kind_at, path_at

try:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.exceptions import OptunaError
    from optuna.storages import BaseStorage, JournalStorage
    from optuna.storages.journal import JournalFileBackend
    from optuna.trial import FrozenTrial, TrialState

    from foretune.history.readers.optuna_distributions import (
        Distributions,
        has_odd_choices,
        parents_among,
        space_of,
        told,
        united,
    )
except ImportError as error:  # pragma: no cover - the tests need Optuna
    raise MissingExtraError(
        "Optuna's studies need a package that is not installed: pip install 'foretune[optuna]'."
    ) from error

SOURCE: Final = "optuna"  # in a task's provenance
OWN_WORDS: Final = "foretune"  # the user attribute in which a study may tell what Optuna does not know
MOST_NAMED: Final = 8  # studies in one message
Place = str | PathLike[str] | BaseStorage


def read_optuna(
    storage: Place,
    *,
    study: str | Sequence[str] | None = None,
    family: str | None = None,
    metric: str | None = None,
) -> list[Task]:
    """One task per study of the storage, or per study named, in the storage's order.

    `storage`: a url ("sqlite:///past.db", PostgreSQL, MySQL), the path of a journal or SQLite file, or a
    storage object of Optuna's. COMPLETE trials are done. PRUNED ones have the loss that was reported last,
    and its step as their fidelity. FAIL and infeasible ones are failed; RUNNING and WAITING ones are left
    out. The loss is the value, or minus the value where the study maximises. `metric` says what the values
    are ("accuracy", "rmse", ...), where the studies do not by `set_metric_names`: without it they are called
    "score" or "loss", and advice on "accuracy" does not use them.

    Studies whose hyperparameters have the same names are of one family, which is called by them, unless
    `family` or the study says otherwise: its user attribute "foretune" may hold a mapping with family,
    dataset, group and metafeatures. A warning tells which studies were left out as they have several
    objectives or no trial that ended, or hold choices that are told by their text. Raises
    `HistoryError` where there is no such storage or study, or one that goes the other way than the metric.
    """
    with _undamaged(storage):
        studies = studies_in(storage_at(storage), [study] if isinstance(study, str) else study)
        if metric is not None:
            studies = [one.judged_by(metric) for one in studies]
        tasks = tasks_of(studies, family=family)
    _say_what_is_empty(studies, {task.name for task in tasks})
    if odd := [task.name for task in tasks if task.provenance["told_by_text"]]:
        warnings.warn(
            f"{len(odd)} studies, such as {odd[0]!r}, hold choices that are no plain values: "
            "they are told by their text.",
            stacklevel=2,
        )
    return tasks


def _say_what_is_empty(studies: Sequence["Studied"], read: Collection[str]) -> None:
    """Warns of the studies that made no task, or of a storage that has none."""
    if not studies:
        warnings.warn("the storage holds no study that can be read.", stacklevel=3)
    empty = [repr(one.name) for one in studies if one.name not in read]
    if empty:
        more = f" and {len(empty) - MOST_NAMED} more" if len(empty) > MOST_NAMED else ""
        warnings.warn(
            "studies of which no trial with parameters has ended are left out: "
            f"{', '.join(empty[:MOST_NAMED])}{more}.",
            stacklevel=3,
        )


def tasks_at(storage: Place) -> list[Task]:
    """The storage's studies as tasks whose stepped numbers are ranges; `HistoryError` where it is damaged."""
    with _undamaged(storage):
        return tasks_of(studies_in(storage_at(storage)), steps=False)


@contextmanager
def _undamaged(storage: Place) -> Iterator[None]:
    """Raises `HistoryError` where what is read within shows that the storage is damaged."""
    try:
        yield
    except ForetuneError:
        raise
    except Exception as problem:  # on damaged storages Optuna raises errors of a dozen kinds
        name = without_password(str(storage))
        raise HistoryError(
            f"{name} holds what Optuna cannot read ({type(problem).__name__}: {str(problem)[:200]}): "
            "it is damaged; take it from its source again."
        ) from problem


@dataclass(frozen=True)
class Studied:
    """A study as it was read: `sign` makes losses of its values."""

    name: str
    trials: Sequence[FrozenTrial]
    sign: float = 1.0
    metric: str = "loss"
    user_attrs: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, study: optuna.Study) -> "Studied":
        """The study as it is now; it must have one objective."""
        sign = sign_of(study)
        named = study.metric_names[0] if study.metric_names else None
        # Which way a metric points is told by its name here, so a name that points the other way is not kept.
        plain = "loss" if sign > 0 else "score"
        metric = named if named and to_score(named, 1.0) == sign else plain
        return cls(study.study_name, study.get_trials(deepcopy=False), sign, metric, study.user_attrs)

    def judged_by(self, metric: str) -> "Studied":
        """The study whose values are of this metric; `HistoryError` where it says or goes otherwise."""
        if self.metric not in {"score", "loss", metric}:
            raise HistoryError(
                f"study {self.name!r} says that its values are of {self.metric}, not of {metric}: leave the "
                "metric out, or this study by naming the others."
            )
        if to_score(metric, 1.0) != self.sign:
            does, would = ("minimises", "maximises") if self.sign > 0 else ("maximises", "minimises")
            raise HistoryError(
                f"study {self.name!r} {does} its value, where {metric} {would} it: name a metric that points "
                "the same way, or leave this study out by naming the others."
            )
        return replace(self, metric=metric)

    @property
    def own_words(self) -> Mapping[str, Any]:
        """What the study says of its task."""
        words = self.user_attrs.get(OWN_WORDS)
        return words if isinstance(words, Mapping) else {}


def sign_of(study: optuna.Study) -> float:
    """What makes a loss of the study's values: 1, or -1 where it maximises."""
    return -1.0 if study.direction is optuna.study.StudyDirection.MAXIMIZE else 1.0


def started(trials: Iterable[FrozenTrial]) -> str:
    """When the first of the trials started: with its name this tells a study from all others."""
    return str(min((trial.datetime_start for trial in trials if trial.datetime_start), default=""))


def studies_in(storage: BaseStorage, names: Sequence[str] | None = None) -> list[Studied]:
    """The studies of the storage, or those named.

    Those with several objectives are left out with a warning; to name one is a `HistoryError`, and so is a
    name that the storage does not hold.
    """
    known = optuna.get_all_study_names(storage)
    found, many = [], []
    for name in known if names is None else names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it holds {len(known)} others."
            raise HistoryError(f"the storage holds no study {name!r}: {hint}")
        study = optuna.load_study(study_name=name, storage=storage)
        if len(study.directions) == 1:
            found.append(Studied.of(study))
        elif names is None:
            many.append(name)
        else:
            raise HistoryError(f"study {name!r} has several objectives: read studies that have one.")
    if many:
        warnings.warn(f"studies with several objectives are left out: {', '.join(many)}.", stacklevel=3)
    return found


def storage_at(place: Place) -> BaseStorage:
    """Optuna's storage at a url or path; nothing is created. `HistoryError` where there is none."""
    if isinstance(place, BaseStorage):
        return place
    kind, path = kind_at(place), path_at(place)
    if kind == "optuna_journal":
        return JournalStorage(JournalFileBackend(str(path)))
    if kind == "optuna_database":
        url = str(place) if "://" in str(place) else f"sqlite:///{path}"
        try:
            return optuna.storages.RDBStorage(url, skip_table_creation=True)
        except (RuntimeError, ImportError, SQLAlchemyError, OptunaError) as problem:
            raise HistoryError(f"Optuna cannot open {without_password(url)}: {problem}") from problem
    what = {
        "history": "is a history of foretune's, not a storage of Optuna's: use foretune.open_history",
        "nothing": "does not exist: check the path",
        "mlflow_database": "is a database of MLflow's: use foretune.read_mlflow",
    }.get(kind, "is no storage of Optuna's: give the url of its database, or the path of its journal")
    raise HistoryError(f"{without_password(str(place))} {what}.")


def tasks_of(studies: Sequence[Studied], *, family: str | None = None, steps: bool = True) -> list[Task]:
    """The studies as tasks; those without a finished trial that has parameters are left out.

    `steps`: whether the space says which values a stepped number may take; else it is a range.
    """
    told = [Told(one) for one in studies]
    told = [one for one in told if one.trials]
    alike: dict[object, list[Told]] = {}
    for one in told:
        alike.setdefault(one.kinds, []).append(one)
    rules = {kinds: rules_among(members) for kinds, members in alike.items()}
    spaces: dict[str, ConfigurationSpace] = {}
    tasks = []
    for one in told:
        name = family or str(one.study.own_words.get("family") or called_by(one.distributions))
        content = f"{name}{sorted(one.distributions.items())!r}"
        if content not in spaces:
            spaces[content] = space_of(one.distributions, rules[one.kinds], name=name, steps=steps)
        tasks.append(one.task(name, spaces[content]))
    return tasks


class Told:
    """A study in foretune's words: its distributions, each the union of those it had, and its trials."""

    def __init__(self, study: Studied) -> None:
        self.study = study
        self.distributions = united(trial.distributions for trial in study.trials)
        self.trials = tuple(self._told())

    @property
    def kinds(self) -> frozenset[tuple[str, type[BaseDistribution]]]:
        """The names of the hyperparameters, and what each is."""
        return frozenset((name, type(one)) for name, one in self.distributions.items())

    def _told(self) -> Iterator[Trial]:
        """The ended trials; one that tried a config again is a repeat."""
        seen: dict[str, int] = {}
        ended = [trial for trial in self.study.trials if trial.params and trial.state.is_finished()]
        # In the order in which they ended: an earlier one that ends later must not take another's number.
        for trial in sorted(ended, key=lambda trial: (str(trial.datetime_complete), trial.number)):
            told = trial_of(trial, self.study.sign, self.distributions, metric=self.study.metric)
            key = f"{canonical(told.config)}{told.fidelity}"
            seen[key] = seen.get(key, -1) + 1
            yield replace(told, repeat=seen[key]) if seen[key] else told

    def task(self, family: str, space: ConfigurationSpace) -> Task:
        """The study as a task of this family."""
        words = self.study.own_words
        return Task(
            self.study.name,
            family,
            space,
            metric=self.study.metric,
            dataset=words.get("dataset"),
            group=words.get("group"),
            metafeatures=self._metafeatures(),
            trials=self.trials,
            provenance=self._provenance(),
        )

    def _metafeatures(self) -> dict[str, float]:
        """The meta-features that the study tells; `HistoryError` where they are no numbers by name."""
        told = self.study.own_words.get("metafeatures") or {}
        try:
            return {str(name): float(value) for name, value in told.items()}
        except (AttributeError, TypeError, ValueError):
            what = f"study {self.study.name!r} tells meta-features that are no numbers by name: {told!r}."
            raise HistoryError(what) from None

    def _provenance(self) -> dict[str, Any]:
        attrs = {name: value for name, value in self.study.user_attrs.items() if name != OWN_WORDS}
        begun = started(self.study.trials)  # tells studies of one name apart
        return {
            "source": SOURCE,
            "study": self.study.name,
            "started": begun,
            "protocol": {"started": begun},
            "direction": "minimize" if self.study.sign > 0 else "maximize",
            "user_attrs": json.loads(json.dumps(attrs, default=repr), parse_constant=str),
            "told_by_text": [name for name, one in self.distributions.items() if has_odd_choices(one)],
        }


def trial_of(trial: FrozenTrial, sign: float, distributions: Distributions, *, metric: str = "loss") -> Trial:
    """An ended trial in foretune's words; its loss is `sign` times its value."""
    config = {name: told(distributions[name], value) for name, value in trial.params.items()}
    steps = sorted(trial.intermediate_values)
    values = [trial.intermediate_values[step] for step in steps]
    seconds = trial.duration.total_seconds() if trial.duration is not None else None
    curve = tuple(sign * value for value in values) if all(map(isfinite, values)) else ()
    value, fidelity, reason = trial.value, None, ""
    if trial.state is TrialState.PRUNED:
        # Steps that begin at 0 count what was done before them.
        value, fidelity = (values[-1], float(steps[-1] + (steps[0] == 0))) if steps else (None, None)
        reason = "pruned before it reported" if value is None else "pruned"
    elif trial.state is TrialState.FAIL:
        value, reason = None, "failed"
    if value is not None and not isfinite(value):
        value, reason = None, f"its value is {value}"
    elif any(violation > 0 for violation in trial.constraints.values()):
        value, reason = None, "infeasible: it violates a constraint"
    if value is None:
        return Trial(config, status=FAILED, seconds=seconds, fidelity=fidelity, curve=curve, reason=reason)
    scores = {metric: (value,)}
    return Trial(
        config, sign * value, seconds=seconds, fidelity=fidelity, curve=curve, scores=scores, reason=reason
    )


def rules_among(members: Sequence[Told]) -> dict[str, Rule]:
    """When a hyperparameter is there, as the configs of all these studies show it."""
    trials = [trial for one in members for trial in one.trials if trial.status is DONE]
    # One that was pruned may lack its last hyperparameters.
    whole = [trial.config for trial in trials if trial.fidelity is None]
    return rules_of(whole or [t.config for t in trials], **parents_among(members[0].distributions))
