"""The opening of a search: what is tuned, on what data, with which past, and what the user should know."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from os import PathLike
from typing import Any

import numpy as np
from ConfigSpace import ConfigurationSpace
from sklearn.model_selection import ParameterGrid

from foretune.collect.scale import SENSITIVE, is_standard, spreads
from foretune.data.metrics import HAS_UNITS, LOWER_IS_BETTER
from foretune.data.records import Task
from foretune.data.spaces import check_aliases
from foretune.faces.searching.candidates import (
    DRAWN,
    FRESH,
    MOST_CELLS,
    Candidates,
    cells_of,
    has_distribution,
)
from foretune.faces.searching.cold import ColdRecommender
from foretune.faces.searching.dataset_at_hand import DatasetAtHand
from foretune.faces.searching.estimators import Model
from foretune.faces.searching.scoring import is_alike, metric_of
from foretune.faces.searching.search import Past, Search, shipped
from foretune.faces.searching.units import Units
from foretune.history.history import History, open_history
from foretune.learners.learner import Learner
from foretune.recommender.stretching import Stretching

HistoryAt = History | str | PathLike[str]


@dataclass(frozen=True)
class Request:
    """What a user asks for: which settings, judged how, advised by whom.

    `scorer` makes the scores that lead the search. `trials` is how many there may be, and `may_stop` says
    that there may be fewer.
    """

    model: Model
    param_space: Any
    trials: int
    may_stop: bool
    scorer: Any
    history: HistoryAt | None
    experience: bool
    learner: str | Learner
    aliases: Mapping[str, str]
    protocol: Mapping[str, Any]
    rng: np.random.RandomState

    @property
    def metric(self) -> str:
        """What leads the search, as foretune spells it."""
        return metric_of(self.scorer, self.model.target)


def leading_score(scoring: Any, refit: Any) -> tuple[str, Any]:
    """The score that leads a search, by its name in `cv_results_`, and what makes it.

    Of several it is the one that `refit` names, else the first.

    >>> leading_score(["roc_auc", "accuracy"], "accuracy"), leading_score("f1", True)
    (('accuracy', 'accuracy'), ('score', 'f1'))
    """
    if isinstance(scoring, Mapping):
        name = refit if isinstance(refit, str) and refit in scoring else next(iter(scoring), "score")
        return name, scoring.get(name)
    if isinstance(scoring, list | tuple):
        name = refit if isinstance(refit, str) else next(iter(scoring), "score")
        return name, name
    if callable(scoring) and isinstance(refit, str):
        return refit, refit
    return "score", scoring


@contextmanager
def opened(history: HistoryAt | None) -> Iterator[History | None]:
    """The history, open; one that was opened here is closed in the end.

    Raises `HistoryError` where nothing can be written to it.
    """
    if isinstance(history, str | PathLike):
        with open_history(history) as found:
            found.add()
            yield found
    else:
        yield history


def open_search(request: Request, X: Any, y: Any) -> tuple[Search, list[str]]:
    """The search before its first trial, and what its user should know, a sentence each."""
    check_aliases(request.aliases)
    model, data = request.model, DatasetAtHand(X, y, request.model.target)
    settings, all_of_them = _settings(request)
    past = Past((), request.metric) if all_of_them else _past(request)
    units, odd = _units(model, data)
    fresh = max(FRESH, request.trials)
    candidates = Candidates.of(settings, model, units, past=past.tasks, fresh=fresh)
    if all_of_them:
        with opened(request.history):  # to say at once, and not after hours, that it cannot be written to
            return Search(_task(request, data, candidates, {}), candidates, None), []
    metafeatures = data.metafeatures if past.tasks else {}
    notes = [
        *_said_of_the_grid(request, len(candidates.settings)),
        *_said_of_the_past(request, past, metafeatures),
        *([_unscaled(request, odd)] if odd and past.tasks else []),
    ]
    task = _task(request, data, candidates, metafeatures)
    if not past.tasks:
        cold = ColdRecommender(candidates.space, candidates.first)
        return Search(task, candidates, cold, Stretching.to(())), notes
    alike = is_alike(request.metric, past.served) and request.metric not in HAS_UNITS
    stretching = Stretching() if alike else Stretching.to(past.tasks)
    recommender = past.recommender(request.learner, request.aliases)
    assumed = recommender.assumptions(candidates.space)
    own_first = bool(odd) and request.param_space is None
    return Search(task, candidates, recommender, stretching, assumed, own_first), notes


def _settings(request: Request) -> tuple[Any, bool]:
    """What may be tried, a grid or distributions as a list; and whether all of it will be, come what may."""
    given = request.param_space
    if given is None or isinstance(given, ConfigurationSpace):
        return given, False
    if has_distribution(given):
        return cells_of(given, request.rng, most=max(DRAWN, request.trials)), False
    cells = cells_of(given, request.rng, most=max(MOST_CELLS, request.trials))
    return cells, len(cells) <= request.trials and not request.may_stop


def _past(request: Request) -> Past:
    model = request.model
    if request.history is None and request.experience:
        return shipped(model.name, request.metric, model.target)
    with opened(request.history) as history:
        return Past.of(model.name, request.metric, model.target, history, experience=request.experience)


def _said_of_the_grid(request: Request, considered: int) -> Iterator[str]:
    given = request.param_space
    if given is None or isinstance(given, ConfigurationSpace) or has_distribution(given):
        return
    if (cells := len(ParameterGrid(given))) > considered:
        yield f"of the grid's {cells} cells {considered}, drawn by random_state, are considered."


def _said_of_the_past(request: Request, past: Past, metafeatures: Mapping[str, float]) -> Iterator[str]:
    name, metric = request.model.name, request.metric
    if not past.tasks:
        yield (
            f"the past holds no {request.model.target or ''} task of {name} (the family of "
            f"{type(request.model.estimator).__name__}): "
            "the search learns from its own trials alone."
        )
        return
    if past.served != metric:
        yield f"the past of {name} is not judged by {metric}: it is read by {past.served}, the nearest one."
    if not metafeatures:
        yield (
            "the dataset cannot be compared with past ones, as it is no table with one target that can be "
            "described: all past tasks count alike."
        )


def _units(model: Model, data: DatasetAtHand) -> tuple[Units, list[str]]:
    """In which units the model sees columns and target, and which of these are far from the past's."""
    if model.name not in SENSITIVE:
        return Units(), []
    found = np.empty(0) if model.scaled else spreads(data.X)
    sees_target = model.target == "regression" and model.own_target and data.y is not None
    target = spreads(np.reshape(data.y, (len(data.y), -1))) if sees_target else np.empty(0)
    columns = float(np.sqrt(np.mean(found**2))) if found.size and model.alone else 1.0
    units = Units(columns, float(np.sqrt(np.mean(target**2))) if target.size else 1.0)
    return units, [name for name, told in (("columns", found), ("target", target)) if not is_standard(told)]


def _unscaled(request: Request, odd: Sequence[str]) -> str:
    model = request.model
    own = ", so that what the estimator is set to comes first" if request.param_space is None else ""
    targets = " and standardised targets" if model.target == "regression" else ""
    way_out = ", or wrap the model in a TransformedTargetRegressor" if odd == ["target"] else ""
    return (
        f"the past of {model.name} was collected on imputed, standardised and one-hot encoded columns"
        f"{targets}, but nothing scales the {' and the '.join(odd)}: its values are translated into these "
        f"units where that can be done, are less sure, and may take longer to fit{own}. preprocess=True puts "
        f"the steps in front{way_out}."
    )


def _task(
    request: Request, data: DatasetAtHand, candidates: Candidates, metafeatures: Mapping[str, float]
) -> Task:
    """The task without trials; it is known by the data's content only where it will be stored."""
    stored = request.history is not None
    return Task(
        data.name if stored else "new",
        request.model.name,
        candidates.space,
        metric=request.metric,
        dataset=data.fingerprint if stored else None,
        metafeatures=metafeatures or (data.metafeatures if stored else {}),
        provenance={
            "protocol": dict(request.protocol),
            "direction": "minimize" if request.metric in LOWER_IS_BETTER else "maximize",
            "target": request.model.target,
            "rows": _rows(data.X),
            "source": "MetaSearchCV",
            "versions": {name: version(name) for name in ("foretune", "scikit-learn", "numpy")},
            "date": datetime.now(UTC).date().isoformat(),
        },
    )


def _rows(X: Any) -> int:
    return int(X.shape[0]) if hasattr(X, "shape") else len(X)


def said_by(search: Search) -> Sequence[str]:
    """What was assumed where past spaces differ, and what recommendations said besides, each thing once."""
    notes = (one.note for one in search.recommendations if one.note)
    return list(dict.fromkeys([*search.assumed, *notes]))
