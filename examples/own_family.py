"""A family of your own: tune a model that foretune does not know, and learn from each search.

python examples/own_family.py
"""

import tempfile
from pathlib import Path

from ConfigSpace import ConfigurationSpace, Float, Integer
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.ensemble import GradientBoostingClassifier

import foretune


def space(target: str) -> ConfigurationSpace:
    """What may be searched. Its default is the library's own."""
    wide = ConfigurationSpace()
    wide.add(Integer("n_estimators", (10, 100), log=True, default=100))
    wide.add(Float("learning_rate", (0.01, 1.0), log=True, default=0.1))
    wide.add(Integer("max_depth", (1, 6), default=3))
    return wide


# A family is a name, what builds the model, its space, and a small grid in it.
foretune.register_family(
    foretune.Family(
        "gradient_boosting",
        {"classification": GradientBoostingClassifier},
        space,
        {"learning_rate": [0.03, 0.1, 0.3], "max_depth": [1, 3, 5]},
    )
)

history = f"sqlite:///{Path(tempfile.mkdtemp()) / 'mine.db'}"

# From now on the family is found from the estimator, and needs no param_space. The first search says that it
# has no past to go by; each one writes its trials to the history, and the next one begins with what they
# taught. What is set on the estimator, such as its subsample, stays as it is.
for load in (load_iris, load_wine, load_breast_cancer):
    X, y = load(return_X_y=True)
    model = GradientBoostingClassifier(subsample=0.8, random_state=0)
    search = foretune.MetaSearchCV(model, n_trials=4, cv=3, history=history).fit(X, y)
    first = search.recommendations_[0]
    print(f"{load.__name__}: {search.best_score_:.3f} with {search.best_params_}")
    print(f"  the first trial rested on {[past.dataset for past in first.because] or 'no past at all'}")

with foretune.open_history(history) as mine:
    print(f"the history holds {[(task.name, len(task.trials)) for task in mine.tasks()]}")
