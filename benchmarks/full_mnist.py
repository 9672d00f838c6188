"""Trains the recommended network on all 60,000 images of MNIST, and judges it on the 10,000 of the test part.

    python benchmarks/full_mnist.py MNIST.npz --history sqlite:///images.db

The cell of cnn's grid is recommended from the history, with all that was made of MNIST left out; without a
history it is the family's default. Dropout, a light augmentation and the number of epochs are the same for
every cell. Prints a line an epoch, and at the end one JSON object.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any, Final

from foretune.collect.cnn import CNNClassifier
from foretune.collect.datasets import Dataset, load_image_dataset
from foretune.collect.families import family
from foretune.experiments.versus_grid import without
from foretune.recommender.advice import new_task
from foretune.recommender.past import past_tasks
from foretune.recommender.recommender import Recommender

TRAINING: Final[dict[str, Any]] = {
    "dropout": 0.1,
    "augmentation": True,
    "augmentation_strength": 0.4,
    "batch_size": 128,
    "learning_rate": 2e-3,
    "validation_share": 0.05,
}


def recommended(history: str, data: Dataset, learner: str, *, per_second: bool) -> dict[str, Any]:
    """The cell of the grid that the past, without this dataset, recommends."""
    cnn = family("cnn")
    tasks = without(past_tasks(history, family="cnn", metric="accuracy", experience=False), data)
    task = new_task(data.name, cnn, data.target, "accuracy", data.describe())
    recommender = Recommender(learner).fit(tasks)
    found = recommender.recommend(task, candidates=cnn.cells(), per_second=per_second)[0]
    for one in found.because:
        print(f"because of {one.dataset}: weight {one.weight:.2f}", flush=True)
    return dict(found.config)


def main() -> None:
    """Recommends, trains, judges."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("mnist", type=Path)
    parser.add_argument("--history", help="the image tasks' history; none: the default cell")
    parser.add_argument("--learner", default="forest")
    parser.add_argument("--per-second", action="store_true", help="the most gain for a second of training")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--rows", type=int, help="only so many images of the training part")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    train, test = (load_image_dataset(options.mnist, part=part) for part in ("train", "test"))
    train = train.sample(options.rows, seed=options.seed)
    cell = {}
    if options.history:
        cell = recommended(options.history, train, options.learner, per_second=options.per_second)
    model = CNNClassifier(
        **(TRAINING | cell),
        max_epochs=options.epochs,
        random_state=options.seed,
        n_jobs=options.threads,
        verbose=1,
    )
    started = time.perf_counter()
    model.fit(train.pixels, train.y)
    seconds = time.perf_counter() - started
    answer = {
        "cell": cell,
        "training": TRAINING,
        "images": len(train.X),
        "epochs": len(model.curves_["accuracy"]),
        "fit_seconds": round(seconds, 1),
        "held_out": [round(value, 4) for value in model.curves_["accuracy"]],
        "test_accuracy": model.score(test.pixels, test.y),
    }
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
