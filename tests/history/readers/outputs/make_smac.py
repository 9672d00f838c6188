"""Makes the SMAC3 runs beside it: run it without arguments.

Its environment: pip install smac.

`smac/whole`: a space with conditions, a target that crashes; `smac/budgets`: budgets; `smac/instances`: two
datasets with features.
"""

import json
import re
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path

from ConfigSpace import (
    Categorical,
    Configuration,
    ConfigurationSpace,
    EqualsCondition,
    Float,
    ForbiddenAndConjunction,
    ForbiddenEqualsClause,
    Integer,
)
from smac import HyperparameterOptimizationFacade, MultiFidelityFacade, Scenario

HERE = Path(__file__).parent
NAME = "smac"
KEPT = ("runhistory.json", "scenario.json", "configspace.json", "intensifier.json", "optimization.json")


def space() -> ConfigurationSpace:
    """A support vector machine's: gamma only for the kernel rbf, degree only for poly."""
    space = ConfigurationSpace(name="svm", seed=0)
    kernel = Categorical("kernel", ["rbf", "poly", "linear"], default="rbf")
    C = Float("C", (0.01, 100.0), log=True, default=1.0)
    gamma, degree = Float("gamma", (0.001, 10.0), log=True, default=0.1), Integer("degree", (2, 5), default=3)
    space.add(kernel, C, gamma, degree)
    space.add(EqualsCondition(gamma, kernel, "rbf"), EqualsCondition(degree, kernel, "poly"))
    space.add(
        ForbiddenAndConjunction(ForbiddenEqualsClause(kernel, "poly"), ForbiddenEqualsClause(degree, 5))
    )
    return space


def error_of(config: Configuration, seed: int = 0) -> float:
    """An error that C and the kernel decide; polynomials of degree 4 crash."""
    if dict(config).get("degree") == 4:
        raise ValueError("the kernel matrix is not positive definite")
    return (
        0.1
        + 0.02 * abs(config["C"] - 1.0) ** 0.5
        + {"rbf": 0.0, "poly": 0.05, "linear": 0.1}[config["kernel"]]
    )


def error_at(config: Configuration, budget: float, seed: int = 0) -> float:
    """The same, shrinking with the budget."""
    return error_of(config, seed) + 1.0 / budget


def error_on(config: Configuration, instance: str, seed: int = 0) -> float:
    """The same on one of two datasets."""
    return error_of(config, seed) * {"easy": 1.0, "hard": 1.5}[instance]


def main() -> None:
    """Runs the scenarios and keeps what is read."""
    with tempfile.TemporaryDirectory() as folder:
        told = {"output_directory": Path(folder), "seed": 3, "crash_cost": 2.0}
        whole = Scenario(space(), name="whole", n_trials=25, **told)
        HyperparameterOptimizationFacade(whole, error_of, overwrite=True).optimize()
        budgets = Scenario(space(), name="budgets", n_trials=30, min_budget=1, max_budget=9, **told)
        MultiFidelityFacade(budgets, error_at, overwrite=True).optimize()
        features = {"easy": [100.0, 2.0], "hard": [900.0, 7.0]}
        instances = Scenario(
            space(),
            name="instances",
            n_trials=30,
            instances=[*features],
            instance_features=features,
            deterministic=True,
            **told,
        )
        HyperparameterOptimizationFacade(instances, error_on, overwrite=True).optimize()
        shutil.rmtree(HERE / NAME, ignore_errors=True)
        for file in sorted(Path(folder).rglob("*.json")):
            if file.name in KEPT:
                place = HERE / NAME / file.relative_to(folder)
                place.parent.mkdir(parents=True, exist_ok=True)
                text = re.sub(r"/[\w./-]*/(site-packages|make_smac)", r".../\1", file.read_text())
                text = text.replace(folder, "smac3_output")
                place.write_text(json.dumps(json.loads(text), indent=1) + "\n")
    versions = {one: version(one) for one in ("smac", "ConfigSpace")}
    (HERE / NAME / "made_by.json").write_text(json.dumps(versions) + "\n")


if __name__ == "__main__":
    main()
