"""Which family an estimator is, wherever it stands in a pipeline, and what its user has already settled."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count
from typing import Any, Final

from ConfigSpace import ConfigurationSpace
from sklearn.base import is_classifier, is_regressor
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from foretune.collect.families import Family, families
from foretune.collect.family import Estimator, keywords
from foretune.collect.preprocessing import Preprocessing
from foretune.data.metrics import Target
from foretune.data.spaces import names_of

SCALERS: Final = (
    Preprocessing,
    StandardScaler,
    MinMaxScaler,
    MaxAbsScaler,
    RobustScaler,
    PowerTransformer,
    QuantileTransformer,
    Normalizer,
)


@dataclass(frozen=True)
class Model:
    """What is tuned: the innermost estimator of the `whole`, the prefix of its parameters, and its family.

    `known` is None where foretune has no such family; `name` is then made of the class's name. `wrap` is
    the prefix that the preprocessing, put around the whole, gives to all its parameters. `alone` says that
    the estimator sees the columns as they are given, `own_target` that it sees the target so, and `scaled`
    that something scales the columns.
    """

    whole: Any
    estimator: Any
    prefix: str
    wrap: str
    target: Target | None
    name: str
    known: Family | None
    alone: bool
    own_target: bool
    scaled: bool

    @classmethod
    def of(cls, estimator: Any, *, preprocess: bool = False) -> "Model":
        """The model at the heart of an estimator: a pipeline's last step, a wrapped regressor, or itself."""
        path = list(_path(estimator))
        inner, prefix = path[-1]
        target = target_of(estimator)
        known = _family_of(inner, target)
        outer = [one for one, _ in path[:-1]]
        return cls(
            estimator,
            inner,
            prefix,
            _wrap(estimator) if preprocess else "",
            target,
            known.name if known else _snake(type(inner).__name__),
            known,
            alone=not any(isinstance(one, Pipeline) and len(one.steps) > 1 for one in outer),
            own_target=not (preprocess or any(isinstance(one, TransformedTargetRegressor) for one in outer)),
            scaled=preprocess or any(_scales(step) for one in outer for step in _before_last(one)),
        )

    @property
    def settled(self) -> dict[str, Any]:
        """What the user has set on the estimator other than the library does: it stays as it is."""
        if self.known is None or self.target is None:
            return {}
        defaults = keywords(type(self.estimator))
        now = self.own_parameters
        names = names_of(self.known.wide_space(self.target))
        return {name: now[name] for name in names if name in now and not _same(now[name], defaults[name])}

    @cached_property
    def own_parameters(self) -> Mapping[str, Any]:
        """What the model itself is set to, by name; a class that a user derived may have fewer."""
        return dict(self.estimator.get_params(deep=False))

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """What the whole is set to, by name."""
        return self.whole.get_params() if hasattr(self.whole, "get_params") else {}

    def varied(self, param_space: Any) -> set[str]:
        """The parameters that such a search may set, and those that the family's space holds, all by name."""
        if isinstance(param_space, ConfigurationSpace):
            given = names_of(param_space)
        else:
            parts = [param_space] if isinstance(param_space, Mapping) else param_space or ()
            given = [str(name) for part in parts for name in part]
        own = names_of(self.known.wide_space(self.target)) if self.known and self.target else []
        names = (*given, *(self.prefix + name for name in (*given, *own)))
        return {self.wrap + name for name in names}

    def inside(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Settings of the whole by the names that the model has: `svc__C` is C, another step's name stays."""
        return {name.removeprefix(self.prefix): value for name, value in settings.items()}

    def outside(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The model's config as settings of the whole; what is not the model's own is another step's."""
        own = {name for name in config if self.prefix + name in self.parameters}
        return {(self.prefix if name in own else "") + name: value for name, value in config.items()}

    def wrapped(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Settings of the whole as settings of what the preprocessing has made of it."""
        return {self.wrap + name: value for name, value in settings.items()}


def target_of(estimator: Any) -> Target | None:
    """What the estimator predicts; None for what is neither a classifier nor a regressor."""
    if is_classifier(estimator):
        return "classification"
    return "regression" if is_regressor(estimator) else None


def preprocessed(estimator: Any) -> Any:
    """The estimator behind the preprocessing of the experience; a regressor's target is standardised too."""
    steps = estimator.steps if isinstance(estimator, Pipeline) else make_pipeline(estimator).steps
    names = {name for name, _ in steps}
    labels = chain(["preprocessing"], (f"preprocessing_{k}" for k in count(2)))
    label = next(label for label in labels if label not in names)
    pipeline = Pipeline([(label, Preprocessing()), *steps])
    if not _turns_target(estimator):
        return pipeline
    return TransformedTargetRegressor(pipeline, transformer=StandardScaler())


def _wrap(estimator: Any) -> str:
    """The prefix that `preprocessed` gives to the estimator's parameters."""
    outer = "regressor__" if _turns_target(estimator) else ""
    return outer if isinstance(estimator, Pipeline) else f"{outer}{make_pipeline(estimator).steps[0][0]}__"


def _turns_target(estimator: Any) -> bool:
    return target_of(estimator) == "regression" and not isinstance(estimator, TransformedTargetRegressor)


def _path(estimator: Any, prefix: str = "") -> Iterator[tuple[Any, str]]:
    """The estimator, then what it wraps, each with the prefix of its parameters; the innermost is last."""
    yield estimator, prefix
    if isinstance(estimator, Pipeline) and estimator.steps and hasattr(estimator.steps[-1][1], "fit"):
        name, last = estimator.steps[-1]
        yield from _path(last, f"{prefix}{name}__")
    elif isinstance(estimator, TransformedTargetRegressor) and estimator.regressor is not None:
        yield from _path(estimator.regressor, f"{prefix}regressor__")


def _family_of(estimator: Any, target: Target | None) -> Family | None:
    if target is None:
        return None
    return next(
        (one for one in families(target).values() if _is_made_by(one.estimators[target], type(estimator))),
        None,
    )


def _is_made_by(maker: Estimator | str, kind: type) -> bool:
    """Whether the class is the family's, or one that a user derived from it.

    A library's own children are something else: xgboost's random forests are children of its boosting.
    """
    if not isinstance(maker, str):
        return isinstance(maker, type) and issubclass(kind, maker)
    package, _, name = maker.replace(":", ".").partition(".")
    name = name.rpartition(".")[2]
    first = next((one for one in kind.__mro__ if one.__module__.partition(".")[0] == package), None)
    return first is not None and first.__name__ == name


def _before_last(estimator: Any) -> list[Any]:
    """The steps that the columns pass before they reach the model."""
    return [step for _, step in estimator.steps[:-1]] if isinstance(estimator, Pipeline) else []


def _scales(step: Any) -> bool:
    """Whether a step before the model scales columns, itself or by what it holds."""
    parts = step.get_params().values() if hasattr(step, "get_params") else ()
    return isinstance(step, SCALERS) or any(isinstance(one, SCALERS) for one in parts)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _same(value: Any, default: Any) -> bool:
    """Whether a setting is the default; arrays and other odd values are only ever themselves."""
    try:
        return value is default or (type(value) is type(default) and bool(value == default))
    except (TypeError, ValueError):
        return False
