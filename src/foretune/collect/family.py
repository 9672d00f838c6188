"""A family: one kind of model with its builder, its wide space and a standard grid."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pkgutil import resolve_name
from typing import Any, Literal

from ConfigSpace import ConfigurationSpace

from foretune.collect.datasets import Dataset
from foretune.data.errors import FamilyError, ForetuneError, MissingExtraError
from foretune.data.metrics import Target
from foretune.data.records import Config
from foretune.data.spaces import Grid, check_names, complete, grid_cells, names_of

Estimator = Callable[..., Any]


@dataclass(frozen=True)
class Family:
    """A kind of model: what builds it, and what may be searched.

    `estimators` maps "classification" and/or "regression" to a callable that takes the hyperparameters as
    keywords (a scikit-learn class, say), or to its place as text ("package.module:Name"), imported when the
    first model is built; `space` gives the wide `ConfigurationSpace` for such a target, and its default is
    the library's; `grid` is a small standard grid in it. `fixed` holds keywords of every model that are no
    hyperparameters, such as the number of threads; `extra` names the optional package that the family needs,
    `needs` what it imports where that is more. `images` says how it sees an image: as a row of preprocessed
    columns ("flat"), or whole, as (height, width, channels) bytes; "only" those that are whole, or tables
    "too". `for_images` are hyperparameters that mean nothing on tables.

    >>> from ConfigSpace import Float
    >>> from sklearn.linear_model import RidgeClassifier
    >>> def space(target):
    ...     wide = ConfigurationSpace()
    ...     wide.add(Float("alpha", (1e-3, 1e3), log=True, default=1.0))
    ...     return wide
    >>> ridge = Family("ridge", {"classification": RidgeClassifier}, space, {"alpha": [0.1, 1.0, 10.0]})
    >>> ridge.build({"alpha": 0.1}, "classification")
    RidgeClassifier(alpha=0.1)
    """

    name: str
    estimators: Mapping[Target, Estimator | str]
    space: Callable[[Target], ConfigurationSpace]
    grid: Grid
    fixed: Mapping[str, Any] = field(default_factory=dict)
    extra: str = ""
    needs: Sequence[str] = ()
    images: Literal["flat", "too", "only"] = "flat"
    for_images: Sequence[str] = ()

    def build(self, config: Config, target: Target, *, seed: int | None = None) -> Any:
        """A new, unfitted estimator with this config; `seed` becomes its random_state where it has one."""
        estimator = self.estimator(target)
        takes_seed = "random_state" in keywords(estimator)
        return estimator(**{**self.fixed, **config}, **({"random_state": seed} if takes_seed else {}))

    def estimator(self, target: Target) -> Estimator:
        """What builds the model.

        Raises `FamilyError` where the family does not serve such a target, `MissingExtraError` where the
        package that it needs is not installed.
        """
        self._check_target(target)
        return self._loaded(self.estimators[target])

    def wide_space(self, target: Target) -> ConfigurationSpace:
        """The space that a practitioner would search; its default is the library's."""
        self._check_target(target)
        return _space(self.name, target, self.space)

    def cells(self, grid: Grid | list[Grid] | None = None) -> list[dict[str, Any]]:
        """The cells of the standard grid, or of the grid given; `SpaceError` on an unknown hyperparameter."""
        cells = grid_cells(self.grid if grid is None else grid)
        known = self.hyperparameters()
        for cell in cells:
            check_names(cell, known, family=self.name)
        return cells

    def cells_on(self, data: Dataset) -> list[dict[str, Any]]:
        """The cells of the standard grid that differ on such a dataset: tables are not augmented."""
        if data.image_shape is not None or not self.for_images:
            return self.cells()
        return self.cells({name: values for name, values in self.grid.items() if name not in self.for_images})

    def serves(self, data: Dataset) -> bool:
        """Whether the family has models for such a target, and for what the dataset consists of."""
        return data.target in self.estimators and (self.images != "only" or data.image_shape is not None)

    def check_serves(self, data: Dataset) -> None:
        """Raises `FamilyError` where it does not."""
        self._check_target(data.target)
        if not self.serves(data):
            raise FamilyError(
                f"{self.name} serves images only, and {data.name} is a table: give an NPZ file of images (in "
                "Python arrays, or image_shape=(height, width, channels)), or choose another family."
            )

    def sees_whole(self, data: Dataset) -> bool:
        """Whether the models get the dataset's images whole, not as columns."""
        return self.images != "flat" and data.image_shape is not None

    def default(self, target: Target) -> dict[str, Any]:
        """The library's default, every active hyperparameter of the space spelled out."""
        return complete(self.wide_space(target), {})

    def check_builds(self, target: Target) -> None:
        """Raises `FamilyError` where the default config of such a target builds no model."""
        config = self.default(target)
        try:
            self.build(config, target)
        except ForetuneError:
            raise
        except Exception as error:  # whatever a builder of one's own raises
            raise FamilyError(
                f"{self.name} builds no model for {target} from its default {config} ({line_of(error)}): "
                "mend its estimator, or its space."
            ) from error

    def hyperparameters(self) -> list[str]:
        """All names that the family's estimators accept, without random_state, n_jobs and what is fixed.

        Where an estimator accepts any (**kwargs), those of its space.
        """
        names: list[str] = []
        for target, one in self.estimators.items():
            names += keywords(estimator := self._loaded(one))
            if _takes_any(estimator):
                names += names_of(self.wide_space(target))
        return [name for name in dict.fromkeys(names) if name not in {"random_state", "n_jobs", *self.fixed}]

    @property
    def is_installed(self) -> bool:
        """Whether the optional package that the family needs, if any, is there."""
        packages = self.needs or ([self.extra] if self.extra else [])
        return all(find_spec(package) is not None for package in packages)

    def check_installed(self) -> None:
        """Raises `MissingExtraError`, saying what to install, where the family's package is missing."""
        if not self.is_installed:
            raise MissingExtraError(
                f"{self.name} needs a package that is not installed: pip install 'foretune[{self.extra}]'."
            )

    def _loaded(self, estimator: Estimator | str) -> Estimator:
        if not isinstance(estimator, str):
            return estimator
        self.check_installed()
        try:
            found: Estimator = resolve_name(estimator)
        except (ImportError, AttributeError, ValueError) as error:
            raise FamilyError(
                f"{self.name}'s estimator {estimator!r} cannot be imported ({line_of(error)}): give its "
                "place as 'package.module:Name'."
            ) from error
        return found

    def _check_target(self, target: Target) -> None:
        if target not in self.estimators:
            raise FamilyError(f"{self.name} serves {', '.join(self.estimators)}, not {target}.")


@lru_cache(maxsize=256)
def _space(name: str, target: Target, make: Callable[[Target], ConfigurationSpace]) -> ConfigurationSpace:
    space = make(target)
    space.name = name
    return space


def keywords(estimator: Estimator) -> dict[str, Any]:
    """The keywords that the estimator takes, with their defaults.

    A class that hands **kwargs on to its bases (xgboost's do) takes theirs too.
    """
    found: dict[str, Any] = {}
    for one in _parameters(estimator):
        if one.name != "self" and one.kind in {one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY}:
            found.setdefault(one.name, one.default)
    return found


def _parameters(estimator: Estimator) -> Iterator[inspect.Parameter]:
    """Those of the callable, or of a class and its bases as long as each hands **kwargs on."""
    owners = [one for one in getattr(estimator, "__mro__", ()) if "__init__" in vars(one)]
    for call in [one.__init__ for one in owners] or [estimator]:
        parameters = inspect.signature(call).parameters.values()
        yield from parameters
        if not any(one.kind is one.VAR_KEYWORD for one in parameters):
            break


def _takes_any(estimator: Estimator) -> bool:
    """Whether the callable takes keywords that it does not name."""
    return any(one.kind is one.VAR_KEYWORD for one in inspect.signature(estimator).parameters.values())


def line_of(error: Exception) -> str:
    """What was raised, in one line."""
    return f"{type(error).__name__}: {error}".split("\n")[0]
