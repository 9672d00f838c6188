"""Makes the hyperopt.json that lies beside it: run it without arguments.

Its environment: pip install hyperopt scikit-learn. Made last with Hyperopt 0.3.0, scikit-learn 1.9.1.

Support vector machines on the iris table, with one trial that the function calls failed and one that raises.
"""

import json
from pathlib import Path

import numpy as np
from hyperopt import STATUS_FAIL, STATUS_OK, Trials, fmin, hp, tpe
from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_score
from sklearn.svm import SVC

SPACE = {
    "C": hp.loguniform("C", -4, 4),
    "kernel": hp.choice(
        "kernel",
        [{"name": "linear"}, {"name": "rbf", "gamma": hp.loguniform("gamma", -5, 1)}, {"name": "sigmoid"}],
    ),
    "class_weight": hp.choice("class_weight", [None, "balanced"]),
    "degree": hp.quniform("degree", 1, 5, 1),
}
X, y = load_iris(return_X_y=True)


def objective(config):
    """Its loss, or that it failed."""
    if config["kernel"]["name"] == "sigmoid":
        return {"status": STATUS_FAIL, "failure": "the kernel is not positive definite"}
    if config["C"] > 20:
        raise ValueError("C is too large")
    gamma = config["kernel"].get("gamma", "scale")
    model = SVC(
        C=config["C"], kernel=config["kernel"]["name"], gamma=gamma, class_weight=config["class_weight"]
    )
    accuracy = cross_val_score(model, X, y, cv=3).mean()
    return {"status": STATUS_OK, "loss": 1 - accuracy, "accuracy": accuracy, "loss_variance": 0.01}


if __name__ == "__main__":
    trials = Trials()
    fmin(
        objective,
        SPACE,
        algo=tpe.suggest,
        max_evals=16,
        trials=trials,
        rstate=np.random.default_rng(3),
        catch_eval_exceptions=True,
        show_progressbar=False,
    )
    path = Path(__file__).parent / "hyperopt.json"
    with path.open("w") as file:
        json.dump(trials._dynamic_trials, file, default=str, indent=1)
        file.write("\n")
