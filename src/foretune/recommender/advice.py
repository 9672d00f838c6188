"""One call from a table to recommendations: describe it, learn from the past, say what to try."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd
from ConfigSpace import ConfigurationSpace
from numpy.typing import ArrayLike, NDArray

from foretune.collect.datasets import Dataset, make_image_dataset
from foretune.collect.families import Family, as_asked, families, family as find_family
from foretune.collect.scale import SENSITIVE, is_standard, spreads
from foretune.data.errors import DatasetError, LearningError, SpaceError
from foretune.data.metrics import HAS_UNITS, Target, check_metric, metrics_for, to_score
from foretune.data.records import Config, Recommendation, Task, Trial
from foretune.data.spaces import check_names, complete, unfold, with_words
from foretune.features.table import target_of
from foretune.history.readers.inferred import in_words
from foretune.recommender.beside import taught_beside
from foretune.recommender.candidates import check_count
from foretune.recommender.explanation import Explanation
from foretune.recommender.looks import NO_LOOKS, Looks, fitted_on
from foretune.recommender.past import HistoryLike, nothing_on, past_tasks, shipped_beside, unused_of
from foretune.recommender.ranking import FamilyRanking
from foretune.recommender.recommender import DEFAULT_LEARNER, Recommender

LOOKED_AT: Final = 2_000  # rows that show the scale of columns


def recommend(
    X: pd.DataFrame | ArrayLike,
    y: ArrayLike,
    *,
    family: str | Sequence[str] | None = None,
    metric: str | None = None,
    n: int = 1,
    candidates: Sequence[Config] | None = None,
    history: HistoryLike = None,
    experience: bool = True,
    learner: str = DEFAULT_LEARNER,
    per_second: bool = False,
    fits: bool = True,
    target: Target | None = None,
    image_shape: Sequence[int] | None = None,
) -> list[Recommendation]:
    """What to try first on the table X (n, d) with target y (n,): the best config first.

    X may be images, (n, height, width) or (n, height, width, channels), or rows of pixels with their
    `image_shape`, (height, width) or (height, width, channels): bytes, or floats in [0, 1]. `target`,
    "classification" or "regression", is told by y where it is not given: texts are classes, and so are at
    most 20 whole numbers, unless the metric, or the families, serve regressions only.

    With one `family`, its n best configs, chosen so that together they cover what the dataset may need.
    Without one, every family of the past with its best config (of several, each of these), first the one
    that is most likely the best or close to it: by past datasets like this one, and by one config of each
    family, and one more of the first three, that are fitted on a sample of the rows, which takes some
    seconds; `fits=False` does without. Of two configs of a family the better one is recommended. A
    note names the families that the past does not judge by the metric. `metric` is accuracy for classes and
    r2 for numbers where it is not given; `candidates` (a list of configs) are all that may be proposed.
    `history` (open, or a url) is used beside the shipped experience; `experience=False` leaves that out.
    `per_second` looks for the most expected gain for each second of training.

    Raises `DatasetError`, `FamilyError`, `MetricError`, `SpaceError` for what does not fit, and
    `LearningError` where the past holds nothing on the family and metric.

    >>> from sklearn.datasets import load_wine
    >>> X, y = load_wine(return_X_y=True, as_frame=True)
    >>> best = recommend(X, y, family="svm", candidates=[{"C": 1, "gamma": 1e-4}, {"C": 10, "gamma": 0.01}])
    >>> best[0].config
    {'C': 10, 'gamma': 0.01}
    """
    if target not in {None, "classification", "regression"}:
        raise DatasetError(f"target={target!r} is none: give 'classification' or 'regression', or nothing.")
    data = _dataset(X, _column(y).reset_index(drop=True), image_shape, target)
    named = [family] if isinstance(family, str) else list(family or ())
    return advise(
        data if target else as_asked(data, metric, named),
        family=family,
        metric=metric,
        n=n,
        candidates=candidates,
        history=history,
        experience=experience,
        learner=learner,
        per_second=per_second,
        fits=fits,
    )


def _dataset(
    X: Any, y: "pd.Series[Any]", image_shape: Sequence[int] | None, target: Target | None
) -> Dataset:
    """The dataset of a table (n, d), of images (n, h, w[, c]), or of rows of pixels with their shape."""
    given = X.toarray() if hasattr(X, "toarray") else X
    if image_shape is not None:
        return make_image_dataset("new", _images(given, tuple(image_shape)), y, target=target)
    values = given if isinstance(given, pd.DataFrame) else _array(given)
    if values.ndim in {3, 4}:
        return make_image_dataset("new", given, y, target=target)
    if values.ndim != 2:
        raise DatasetError(
            f"X has shape {values.shape}: give a table of n rows and d columns, or images (n, height, width) "
            "or (n, height, width, channels)."
        )
    return Dataset("new", pd.DataFrame(values).reset_index(drop=True), y, target or target_of(y))


def _array(given: Any) -> NDArray[Any]:
    """What was given as an array, in which numbers beside texts stay numbers."""
    try:
        return np.asarray(given, dtype=None if hasattr(given, "dtype") else object)
    except ValueError:
        raise DatasetError("the rows, or images, of X differ in size: give all the same size.") from None


def _images(rows: Any, image_shape: tuple[int, ...]) -> NDArray[Any]:
    """Rows of pixels (n, h * w[ * c]) as images; `DatasetError` where they are none of this shape."""
    values = np.asarray(rows)
    if len(image_shape) not in {2, 3} or math.prod(values.shape[1:]) != math.prod(image_shape):
        raise DatasetError(
            f"X has shape {values.shape}, and holds no images of image_shape={image_shape}: give rows of "
            "height x width x channels pixels, and these as image_shape."
        )
    return values.reshape(len(values), *image_shape)


def _column(y: Any) -> "pd.Series[Any]":
    """The target (n,) as a column, also of a table of one; `DatasetError` where it is of another shape."""
    if isinstance(y, pd.Series):
        return y
    values = np.asarray(y)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise DatasetError(f"y has shape {values.shape}: give one value for each row.")
    return pd.Series(values)


def advise(
    data: Dataset,
    *,
    family: str | Sequence[str] | None = None,
    metric: str | None = None,
    n: int = 1,
    candidates: Sequence[Config] | None = None,
    grid: bool = False,
    history: HistoryLike = None,
    experience: bool = True,
    learner: str = DEFAULT_LEARNER,
    per_second: bool = False,
    fits: bool = True,
    on_fit: Callable[[int, int], None] | None = None,
) -> list[Recommendation]:
    """`recommend` for a `Dataset`; `grid=True` proposes only cells of each family's standard grid.

    `on_fit` gets the number of configs fitted, and of all.

    By a metric in the target's units the scores are those of past targets, which a note says; another says
    so where a family minds the scale of columns, and the dataset's are not standardised as the past's were.
    """
    check_count(n)
    metric = check_metric(metric or metrics_for(data.target)[0], data.target)
    named = [family] if isinstance(family, str) else list(family or ())
    only = named[0] if len(named) == 1 else None
    if n != 1 and only is None:
        raise LearningError("several configs are of one family: say which; without, each has its best one.")
    if candidates is not None:
        _check_candidates(candidates, only)
    for name in named:
        find_family(name).check_serves(data)
    served = [one for one in families(data.target).values() if one.serves(data)]
    wanted = [one for one in served if one.name in (named or (one.name,))]
    past = past_tasks(history, family=only, metric=metric, experience=experience)
    shipped = shipped_beside(history, family=only, metric=metric, experience=experience)
    known = {task.family for task in past if task.provenance.get("target", data.target) == data.target}
    if not known & {one.name for one in wanted}:
        raise nothing_on(named, metric, history)
    metafeatures = data.describe()
    advice: list[Recommendation] = []
    asked: dict[str, tuple[Recommender, Task]] = {}
    for one in wanted:
        if one.name in known:
            task = new_task(data.name, one, data.target, metric, metafeatures)
            if candidates is not None and task.space is not None:
                task = replace(task, space=with_words(task.space, candidates, mixed_only=True))
            tasks, beside = ([t for t in some if t.family == one.name] for some in (past, shipped))
            cells = one.cells_on(data) if grid else candidates
            recommender = taught_beside(tasks, beside, learner)
            asked[one.name] = recommender, task
            advice += recommender.recommend(task, n, candidates=cells, per_second=per_second)
    unused = unused_of(history, named, metric)
    if only:
        return _telling(_for_dataset(advice, data), unused)
    missing = [one.name for one in wanted if one.name not in known]
    usual = metrics_for(data.target)[0]
    if missing and not named:  # of families that no past knows at all nothing is expected
        others = past_tasks(history, metric=usual, experience=experience) if metric != usual else ()
        missing = [name for name in missing if name in {task.family for task in others}]
    ranking = FamilyRanking().fit([task for task in past if task.family in {one.family for one in advice}])
    advised = {first.family: first.config for first in advice}
    looks, why_not = NO_LOOKS, ""
    if fits:
        looks, why_not = fitted_on(data, ranking, metafeatures, advised, metric=metric, on_fit=on_fit)
    if not grid:
        advice = [_better(first, looks, *asked[first.family]) for first in advice]
    advice = [replace(one, note=_for_family(one)) for one in advice]
    ranked = _ranked(_for_dataset(advice, data), ranking, metafeatures, looks)
    return _telling(ranked, why_not, _left_out(missing, metric), unused)


def explained(
    data: Dataset,
    family: str | None = None,
    *,
    config: Config | None = None,
    metric: str | None = None,
    history: HistoryLike = None,
    experience: bool = True,
    learner: str = DEFAULT_LEARNER,
) -> Explanation:
    """Why `advise` would name its first config for this family, or what is to be said of the config given.

    Without a family, for the one that promises most; a config belongs to one, which must be given.
    """
    metric = check_metric(metric or metrics_for(data.target)[0], data.target)
    advised = None
    if family is None:
        if config is not None:
            raise LearningError("a config belongs to one family: say which, with family=... .")
        first, *_ = advise(data, metric=metric, history=history, experience=experience, learner=learner)
        family, advised = first.family, first.config
    one = find_family(family)
    one.check_serves(data)
    if config is not None:
        check_names(config, one.hyperparameters(), family=family)
    past = past_tasks(history, family=family, metric=metric, experience=experience)
    if not past:
        raise nothing_on([family], metric, history)
    task = new_task(data.name, one, data.target, metric, data.describe())
    shipped = shipped_beside(history, family=family, metric=metric, experience=experience)
    recommender = taught_beside(past, shipped, learner)
    asked = None if advised is None else _said_of(advised, recommender, task)
    if config is not None:
        space = _space_with(config, one, data.target)
        task = replace(task, space=space)
        asked = recommender.recommend(task, candidates=[complete(space, config)])[0]
    explanation = recommender.explain(task, asked)
    told = _for_standardised([explanation.recommendation], data)
    told = _telling(told, unused_of(history, [family], metric))
    explanation = replace(explanation, recommendation=told[0])
    return explanation if metric not in HAS_UNITS else _without_units(explanation)


def _space_with(config: Config, family: Family, target: Target) -> ConfigurationSpace:
    """The family's wide space, in which the config must lie."""
    space = with_words(family.wide_space(target), [config], mixed_only=True)
    for name, value in unfold(space, config).items():
        if name in space and not space[name].legal_value(value):
            raise SpaceError(
                f"{family.name} cannot have {name}={value!r}: it may be {in_words(space)[name]}."
            )
    return space


def _without_units(explanation: Explanation) -> Explanation:
    """The explanation without losses, which are in the units of other targets."""
    told = _not_forecast(explanation.recommendation)
    return replace(
        explanation,
        recommendation=replace(told, loss=math.nan, std=math.nan),
        gain=replace(explanation.gain, mean=math.nan, low=math.nan, high=math.nan),
    )


def _not_forecast(one: Recommendation) -> Recommendation:
    """The recommendation with a note that its metric is in units which past targets did not have."""
    told = f"{one.metric} is in the units of the target, and past targets had others: it is not forecast"
    return _with_note(one, told)


def _for_dataset(advice: Sequence[Recommendation], data: Dataset) -> list[Recommendation]:
    """The advice with notes on what of it does not hold for this dataset as it stands."""
    in_units = [_not_forecast(one) if one.metric in HAS_UNITS else one for one in advice]
    return _for_standardised(in_units, data)


def _for_standardised(advice: Sequence[Recommendation], data: Dataset) -> list[Recommendation]:
    """Where columns, or the target, are on other scales than the past's, a note on what minds that."""
    minding = [name for name in dict.fromkeys(one.family for one in advice) if name in SENSITIVE]
    found = [data.X] if minding else []
    if minding and data.target == "regression":
        found.append(data.y.to_frame())
    odd = [not is_standard(spreads(part.iloc[:: -(-len(part) // LOOKED_AT)])) for part in found]
    if not any(odd):
        return list(advice)
    named = " and ".join(name for name, is_odd in zip(("columns", "targets"), odd, strict=False) if is_odd)
    told = f"{', '.join(minding)}: the values are for standardised {named}, which these are not: scale them"
    return [_with_note(one, told) if one.family in minding else one for one in advice]


def _with_note(one: Recommendation, told: str) -> Recommendation:
    """The recommendation with one more note."""
    return replace(one, note="; ".join(filter(None, (one.note, told))))


def new_task(name: str, family: Family, target: Target, metric: str, metafeatures: dict[str, float]) -> Task:
    """The task of tuning this family on a new dataset: no trials yet."""
    return Task(name, family.name, family.wide_space(target), metric=metric, metafeatures=metafeatures)


def _for_family(one: Recommendation) -> str:
    """The note, each part of which says what family it is of."""
    return "; ".join(f"{one.family}: {part}" for part in filter(None, one.note.split("; ")))


def _better(advised: Recommendation, looks: Looks, recommender: Recommender, task: Task) -> Recommendation:
    """The advice, or what is to be said of the family's probe where that did better on the dataset."""
    if not looks.prefers_probe(advised.family):
        return advised
    return _said_of(looks.probed[advised.family].config, recommender, task) or advised


def _said_of(config: Config, recommender: Recommender, task: Task) -> Recommendation | None:
    """What the past says of a config of its own; None where it lies in no space that it can be told in."""
    try:
        if task.space is not None:
            task = replace(task, space=with_words(task.space, [config], mixed_only=True))
        return recommender.recommend(task, candidates=[config])[0]
    except SpaceError:
        return None


def _ranked(
    advice: Sequence[Recommendation],
    ranking: FamilyRanking,
    metafeatures: Mapping[str, float],
    looks: Looks,
) -> list[Recommendation]:
    """The families in the order of their odds; where there are none, of what is expected of them."""
    odds = ranking.odds(metafeatures, looks.losses)
    ranked = [
        replace(
            one,
            odds=odds.get(one.family),
            fitted=_score(looks.of(one.family, one.config), one.metric),
            probed=_score(looks.probed.get(one.family), one.metric),
        )
        for one in advice
    ]
    return sorted(ranked, key=lambda one: (-(one.odds or 0.0), one.loss))


def _score(trial: Trial | None, metric: str) -> float | None:
    """What the trial scored, where it finished."""
    return None if trial is None or trial.loss is None else to_score(metric, trial.loss)


def _left_out(missing: Sequence[str], metric: str) -> str:
    """Which families are missing and why, as a sentence."""
    return f"left out, as no past task of them is judged by {metric}: {', '.join(missing)}" if missing else ""


def _telling(ranked: list[Recommendation], *told: str) -> list[Recommendation]:
    """The families with more notes beside the first."""
    first = ranked[0]
    for note in filter(None, told):
        first = _with_note(first, note)
    return [first, *ranked[1:]]


def _check_candidates(candidates: Sequence[Config], family: str | None) -> None:
    if family is None:
        raise LearningError("candidates belong to one family: say which, with family=... .")
    for config in candidates:
        check_names(config, find_family(family).hyperparameters(), family=family)
