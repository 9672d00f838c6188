"""The families by name: the built-in ones, and those that you register."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Final, get_args

from ConfigSpace import ConfigurationSpace
from pandas.api.types import is_any_real_numeric_dtype

from foretune.collect.built_in import boosting, networks, scaled, trees
from foretune.collect.datasets import Dataset
from foretune.collect.family import Family, keywords, line_of
from foretune.data.errors import FamilyError, SpaceError
from foretune.data.metrics import REGRESSION_METRICS, Target
from foretune.data.spaces import unfold

__all__ = ["BUILT_IN", "Family", "families", "family", "register_family"]

_EVERY: Final = (*trees.FAMILIES, *boosting.FAMILIES, *scaled.FAMILIES, *networks.FAMILIES)
BUILT_IN: Final = {one.name: one for one in _EVERY}
_REGISTERED: Final[dict[str, Family]] = {}


def register_family(new: Family) -> None:
    """Adds a family of your own, by its name, for this process.

    Raises `FamilyError` where the name is not a lower-case identifier, or a target, an estimator, the space
    or the grid is none, or the default builds no model; `SpaceError` where a cell of the grid is not legal in
    the wide space.
    """
    if not (new.name.isidentifier() and new.name == new.name.lower()):
        raise FamilyError(f"{new.name!r} is no family name: use a lower-case identifier such as 'my_model'.")
    _check_estimators(new)
    for target in new.estimators:
        _check_space(new, target)
        _check_grid(new, target)
        new.check_builds(target)
    _REGISTERED[new.name] = new


def _check_estimators(new: Family) -> None:
    if not new.estimators:
        raise FamilyError(f"{new.name} has no estimator: give {{'classification': ...}}, say.")
    for target, estimator in new.estimators.items():
        if target not in get_args(Target):
            raise FamilyError(
                f"{new.name} has an estimator for {target!r}: there are {' and '.join(get_args(Target))}."
            )
        model = new.estimator(target)
        try:
            keywords(model)
        except (TypeError, ValueError) as error:
            raise FamilyError(
                f"{new.name}'s estimator for {target} is {estimator!r}, whose keywords cannot be told: give "
                "a class or a function."
            ) from error


def _check_space(new: Family, target: Target) -> None:
    if not callable(new.space):
        raise FamilyError(
            f"{new.name}'s space is a {type(new.space).__name__}: give a function that takes the target and "
            "makes one."
        )
    try:
        space = new.space(target)
    except Exception as error:  # whatever a function of one's own raises
        raise FamilyError(
            f"{new.name}'s space for {target} cannot be made ({line_of(error)}): mend it."
        ) from error
    if not isinstance(space, ConfigurationSpace):
        raise SpaceError(f"{new.name}'s space must be a ConfigSpace.ConfigurationSpace.")


def _check_grid(new: Family, target: Target) -> None:
    parts = [new.grid] if isinstance(new.grid, Mapping) else new.grid
    if not (isinstance(parts, list | tuple) and all(isinstance(part, Mapping) for part in parts)):
        raise FamilyError(
            f"{new.name}'s grid is {new.grid!r}: give values by name, such as {{'C': [1, 10]}}, or {{}}."
        )
    space = new.wide_space(target)
    for cell in new.cells():
        for name, value in unfold(space, cell).items():
            if name not in space or not space[name].legal_value(value):
                raise SpaceError(
                    f"{new.name}'s grid holds {name}={value!r}, but its space for {target} does not: "
                    "widen the space, or leave it out of the grid."
                )


def family(name: str) -> Family:
    """The family of that name.

    Raises `FamilyError`, naming the nearest one, where there is none, and `MissingExtraError` where the
    package that it needs is not installed.
    """
    known = BUILT_IN | _REGISTERED
    if name in known:
        known[name].check_installed()
        return known[name]
    near = get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}."
    raise FamilyError(f"there is no family {name!r}: {hint}")


def as_asked(data: Dataset, metric: str | None, names: Sequence[str] = ()) -> Dataset:
    """The dataset, whose few whole numbers are no classes where metric or families serve regressions only."""
    if data.target == "regression" or not is_any_real_numeric_dtype(data.y):
        return data
    served = [set(family(name).estimators) for name in names]
    only = bool(served) and set.intersection(*served) == {"regression"}
    is_meant = metric in REGRESSION_METRICS or (metric is None and only)
    return replace(data, target="regression") if is_meant else data


def families(target: Target | None = None) -> dict[str, Family]:
    """All families by name, or those that serve such a target: the built-in ones, then your own.

    A family whose package is not installed is left out.
    """
    everything = BUILT_IN | _REGISTERED
    return {
        name: one
        for name, one in everything.items()
        if one.is_installed and (target is None or target in one.estimators)
    }
