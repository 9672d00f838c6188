"""Early stopping: epochs are spent on configs that promise something, as past curves teach.

python examples/early_stopping.py
"""

import warnings

from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import foretune

FULL = 8  # epochs of a whole training
GRID = [
    {"learning_rate_init": rate, "alpha": alpha}
    for rate in (0.0003, 0.001, 0.003, 0.01)
    for alpha in (1e-4, 1e-1)
]
warnings.simplefilter("ignore", ConvergenceWarning)  # one epoch at a time, by design
X, y = load_digits(return_X_y=True)


class Training:
    """Networks on the images of some digits, each of which is trained on from where it was left."""

    def __init__(self, digits: list[int]) -> None:
        chosen = [label in digits for label in y]
        self.data = train_test_split(X[chosen] / 16, y[chosen], random_state=0)
        self.networks: dict[str, MLPClassifier] = {}

    def loss(self, config: foretune.Config, epochs: float) -> float:
        """The loss after so many more epochs: the accuracy with its sign turned."""
        fresh = MLPClassifier((32,), batch_size=32, max_iter=1, random_state=0, **config)
        network = self.networks.setdefault(str(config), fresh)
        X_train, X_test, y_train, y_test = self.data
        for _ in range(round(epochs)):
            network.partial_fit(X_train, y_train, classes=sorted({*y_train}))
        return -float(network.score(X_test, y_test))


# Past tasks: whole trainings, each with its curve. A history stores them as it does all trials.
space = foretune.family("mlp").wide_space("classification")
past = []
for digits in ([0, 1, 2, 3], [2, 3, 4, 5, 6], [4, 5, 6, 7], [0, 6, 8, 9]):
    training, trials = Training(digits), []
    for config in GRID:
        curve = [training.loss(config, 1) for _ in range(FULL)]
        trials.append(foretune.Trial(config, curve[-1], curve=tuple(curve)))
    past.append(foretune.Task(f"digits {digits}", "mlp", space, trials=tuple(trials)))

# A new task, and epochs for three whole trainings.
search = foretune.EarlyStopping(full=FULL, budget=3 * FULL).fit(past)
training, task = Training([1, 3, 5, 7, 9]), foretune.Task("odd digits", "mlp", space)
while step := search.ask(task, candidates=GRID):
    task = search.tell(task, step, training.loss(step.config, step.until - step.since))
    print(
        f"epochs {step.since:.0f} to {step.until:.0f} of {dict(step.config)}: "
        f"{-(task.trials[-1].loss or 0):.3f} (expected in the end {-step.loss:.3f} ± {step.std:.3f})"
    )
print(f"{len(training.networks)} of {len(GRID)} configs begun, {len(task.done)} finished")
if task.best:
    print(f"{-(task.best.loss or 0):.3f} with {dict(task.best.config)}")
