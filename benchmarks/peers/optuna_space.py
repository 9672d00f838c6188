"""A ConfigSpace asked of an Optuna trial, hyperparameter by hyperparameter, as a user would write it."""

from typing import Any

import optuna
from ConfigSpace import CategoricalHyperparameter, ConfigurationSpace, Constant
from ConfigSpace.hyperparameters import IntegerHyperparameter

from foretune.data.spaces import fold, is_active


def suggest(trial: optuna.Trial, space: ConfigurationSpace) -> dict[str, Any]:
    """The config that the trial suggests; only what is active is asked for."""
    values: dict[str, Any] = {}
    for name in space:
        if is_active(space, name, values):
            values[name] = _suggested(trial, space[name])
    return fold(values)


def _suggested(trial: optuna.Trial, parameter: Any) -> Any:
    if isinstance(parameter, Constant):
        return parameter.value
    if isinstance(parameter, CategoricalHyperparameter):
        return trial.suggest_categorical(parameter.name, list(parameter.choices))
    if isinstance(parameter, IntegerHyperparameter):
        return trial.suggest_int(parameter.name, parameter.lower, parameter.upper, log=parameter.log)
    return trial.suggest_float(parameter.name, parameter.lower, parameter.upper, log=parameter.log)
