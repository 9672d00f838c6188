"""Families: kinds of model, each with its builder, its wide space and a standard grid."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final

from ConfigSpace import (
    Categorical,
    ConfigurationSpace,
    EqualsCondition,
    Float,
    InCondition,
    Integer,
)

from foretune.data.errors import FamilyError, SpaceError
from foretune.data.metrics import Target
from foretune.data.records import Config
from foretune.data.spaces import Grid, add_mixed, check_names, complete, grid_cells, unfold

Space = ConfigurationSpace


@dataclass(frozen=True)
class Family:
    """A kind of model: what builds it, and what may be searched.

    `estimators` maps "classification" and/or "regression" to a callable that takes the hyperparameters as
    keywords (a scikit-learn class, say); `space` gives the wide `ConfigurationSpace` for such a target, and
    its default is the library's; `grid` is a small standard grid in it.

    >>> from sklearn.linear_model import RidgeClassifier
    >>> def space(target):
    ...     wide = ConfigurationSpace()
    ...     wide.add(Float("alpha", (1e-3, 1e3), log=True, default=1.0))
    ...     return wide
    >>> ridge = Family("ridge", {"classification": RidgeClassifier}, space, {"alpha": [0.1, 1.0, 10.0]})
    >>> register_family(ridge)
    >>> family("ridge").build({"alpha": 0.1}, "classification")
    RidgeClassifier(alpha=0.1)
    """

    name: str
    estimators: Mapping[Target, Callable[..., Any]]
    space: Callable[[Target], Space]
    grid: Grid

    def build(self, config: Config, target: Target, *, seed: int | None = None) -> Any:
        """A new, unfitted estimator with this config; `seed` becomes its random_state where it has one."""
        estimator = self.estimator(target)
        takes_seed = "random_state" in inspect.signature(estimator).parameters
        return estimator(**config, **({"random_state": seed} if takes_seed else {}))

    def estimator(self, target: Target) -> Callable[..., Any]:
        """What builds the model; `FamilyError` where the family does not serve such a target."""
        if target not in self.estimators:
            raise FamilyError(f"{self.name} serves {', '.join(self.estimators)}, not {target}.")
        return self.estimators[target]

    def wide_space(self, target: Target) -> Space:
        """The space that a practitioner would search; its default is the library's."""
        self.estimator(target)
        return _space(self.name, target, self.space)

    def cells(self, grid: Grid | list[Grid] | None = None) -> list[dict[str, Any]]:
        """The cells of the standard grid, or of the grid given; `SpaceError` on an unknown hyperparameter."""
        cells = grid_cells(self.grid if grid is None else grid)
        known = self.hyperparameters()
        for cell in cells:
            check_names(cell, known, family=self.name)
        return cells

    def default(self, target: Target) -> dict[str, Any]:
        """The library's default, every active hyperparameter of the space spelled out."""
        return complete(self.wide_space(target), {})

    def hyperparameters(self) -> list[str]:
        """All names that the family's estimators accept, without random_state and n_jobs."""
        names = [
            name
            for estimator in self.estimators.values()
            for name in inspect.signature(estimator).parameters
            if name not in {"random_state", "n_jobs", "self", "args", "kwargs"}
        ]
        return list(dict.fromkeys(names))


@lru_cache(maxsize=256)
def _space(name: str, target: Target, make: Callable[[Target], Space]) -> Space:
    space = make(target)
    space.name = name
    return space


def _weights(space: Space, target: Target) -> None:
    if target == "classification":
        space.add(Categorical("class_weight", [None, "balanced"], default=None, weights=[3, 1]))


def _criterion(space: Space, target: Target) -> None:
    if target == "classification":
        space.add(Categorical("criterion", ["gini", "entropy"], default="gini"))


def decision_tree_space(target: Target) -> Space:
    """What one would search on a single CART tree."""
    space = Space()
    _criterion(space, target)
    add_mixed(space, Integer("max_depth", (1, 40), log=True, default=10), [None], default=None)
    space.add(Integer("min_samples_split", (2, 64), log=True, default=2))
    space.add(Integer("min_samples_leaf", (1, 64), log=True, default=1))
    add_mixed(space, Float("max_features", (0.1, 1.0), default=0.5), [None, "sqrt"], default=None)
    add_mixed(space, Float("ccp_alpha", (1e-5, 0.05), log=True, default=1e-3), [0.0], default=0.0)
    _weights(space, target)
    return space


def random_forest_space(target: Target) -> Space:
    """What one would search on a random forest."""
    space = Space()
    _criterion(space, target)
    space.add(Integer("n_estimators", (10, 300), log=True, default=100))
    add_mixed(space, Integer("max_depth", (1, 40), log=True, default=10), [None], default=None)
    space.add(Integer("min_samples_split", (2, 64), log=True, default=2))
    space.add(Integer("min_samples_leaf", (1, 32), log=True, default=1))
    default, other = ("sqrt", 1.0) if target == "classification" else (1.0, "sqrt")
    add_mixed(space, Float("max_features", (0.1, 0.999), default=0.5), [default, other], default=default)
    space.add(Categorical("bootstrap", [True, False], default=True))
    _weights(space, target)
    return space


def svm_space(target: Target) -> Space:
    """What one would search on a kernel machine: every kernel brings its own hyperparameters."""
    space = Space()
    kernel = Categorical("kernel", ["rbf", "poly", "sigmoid", "linear"], default="rbf", weights=[5, 2, 1, 2])
    degree = Integer("degree", (2, 5), default=3)
    coef0 = Float("coef0", (-1.0, 1.0), default=0.0)
    space.add(kernel, Float("C", (1e-3, 1e3), log=True, default=1.0))
    add_mixed(space, Float("gamma", (1e-5, 10.0), log=True, default=0.1), ["scale", "auto"], default="scale")
    space.add(degree, coef0)
    space.add(InCondition(space["gamma:kind"], kernel, ["rbf", "poly", "sigmoid"]))
    space.add(EqualsCondition(degree, kernel, "poly"), InCondition(coef0, kernel, ["poly", "sigmoid"]))
    if target == "regression":
        space.add(Float("epsilon", (1e-3, 1.0), log=True, default=0.1))
    _weights(space, target)
    return space


@lru_cache(maxsize=1)
def _built_in() -> dict[str, Family]:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor  # noqa: PLC0415
    from sklearn.svm import SVC, SVR  # noqa: PLC0415
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor  # noqa: PLC0415

    families = [
        Family(
            "decision_tree",
            {"classification": DecisionTreeClassifier, "regression": DecisionTreeRegressor},
            decision_tree_space,
            {"max_depth": [None, 10, 20, 30], "min_samples_split": [2, 5, 10]},
        ),
        Family(
            "random_forest",
            {"classification": RandomForestClassifier, "regression": RandomForestRegressor},
            random_forest_space,
            {"n_estimators": [10, 50, 100], "max_depth": [None, 10, 20]},
        ),
        Family(
            "svm",
            {"classification": SVC, "regression": SVR},
            svm_space,
            {"C": [0.1, 1, 10], "gamma": [0.001, 0.01, 0.1]},
        ),
    ]
    return {family.name: family for family in families}


_REGISTERED: Final[dict[str, Family]] = {}


def register_family(new: Family) -> None:
    """Adds a family of your own, by its name, for this process.

    Raises `FamilyError` where the name is not a lower-case identifier, `SpaceError` where a cell of the grid
    is not legal in the wide space.
    """
    if not (new.name.isidentifier() and new.name == new.name.lower()):
        raise FamilyError(f"{new.name!r} is no family name: use a lower-case identifier such as 'my_model'.")
    for target in new.estimators:
        if not isinstance(new.space(target), Space):
            raise SpaceError(f"{new.name}'s space must be a ConfigSpace.ConfigurationSpace.")
        _check_grid(new, target)
    _REGISTERED[new.name] = new


def _check_grid(new: Family, target: Target) -> None:
    space = new.wide_space(target)
    for cell in new.cells():
        for name, value in unfold(space, cell).items():
            if name not in space or not space[name].legal_value(value):
                raise SpaceError(
                    f"{new.name}'s grid holds {name}={value!r}, but its space for {target} does not: "
                    "widen the space, or leave it out of the grid."
                )


def family(name: str) -> Family:
    """The family of that name; `FamilyError`, naming the nearest one, where there is none."""
    known = families()
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}."
    raise FamilyError(f"there is no family {name!r}: {hint}")


def families(target: Target | None = None) -> dict[str, Family]:
    """All families by name, or those that serve such a target: the built-in ones, then your own."""
    everything = _built_in() | _REGISTERED
    return {name: one for name, one in everything.items() if target is None or target in one.estimators}
