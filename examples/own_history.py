"""Learn from your own history: trainings of a model that foretune has never heard of teach the next one.

python examples/own_history.py
"""

from tempfile import TemporaryDirectory

from ConfigSpace import ConfigurationSpace, Float
from sklearn.datasets import make_friedman1
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import cross_val_score

import foretune
from foretune.data.spaces import sobol_configs

space = ConfigurationSpace()
space.add(Float("alpha", (1e-4, 10.0), log=True, default=1.0), Float("gamma", (1e-3, 10.0), log=True))


def problem(seed: int) -> tuple[foretune.Task, object, object]:
    """One of your datasets, and its task; here they are made up, all of a kind."""
    X, y = make_friedman1(150, 5 + 2 * seed, noise=0.3 * seed, random_state=seed)
    y = (y - y.mean()) / y.std()
    metafeatures = foretune.describe(X, y, target="regression")
    return foretune.Task(f"plant {seed}", "kernel_ridge", space, metric="r2", metafeatures=metafeatures), X, y


def measured(config: foretune.Config, X: object, y: object) -> float:
    """The loss of a config: r2 with its sign turned."""
    return -float(cross_val_score(KernelRidge(kernel="rbf", **config), X, y, cv=3).mean())


with TemporaryDirectory() as folder, foretune.open_history(f"{folder}/mine.db") as history:
    # What lies in your notebooks: seven datasets, a dozen configs each.
    for seed in range(7):
        task, X, y = problem(seed)
        trials = (foretune.Trial(config, measured(config, X, y)) for config in sobol_configs(space, 12))
        history.add(task.plus(*trials))

    recommender = foretune.Recommender().fit(history.tasks("kernel_ridge", metric="r2"))
    task, X, y = problem(7)
    for _ in range(3):
        config = recommender.recommend(task)[0].config
        task = task.plus(foretune.Trial(config, measured(config, X, y)))
    default = measured({}, X, y)
    assert task.best is not None
    assert task.best.loss is not None
    print(f"plant 7, library default: r2 {-default:.3f}")
    print(f"plant 7, after 3 trials:  r2 {-task.best.loss:.3f} with {dict(task.best.config)}")
    history.add(task)  # the next dataset learns from this one too
    print(recommender.explain(task))
