"""Ask and tell by hand: you train, foretune says what; the task is all there is to keep.

python examples/ask_and_tell.py
"""

from tempfile import TemporaryDirectory

from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from sklearn.svm import SVC

import foretune

X, y = load_digits(return_X_y=True)
X, y = X[:600], y[:600]

# What past searches say about SVMs, judged by accuracy; it ships with foretune.
past = foretune.past_tasks(family="svm", metric="accuracy")
recommender = foretune.Recommender().fit(past)

# The new problem: a space to search, and what the dataset is like.
space = foretune.family("svm").wide_space("classification")
task = foretune.Task("digits", "svm", space, metafeatures=foretune.describe(X, y))


def measured(config: foretune.Config) -> float:
    """The loss of a config: the score with its sign turned, as losses point downward."""
    return -float(cross_val_score(SVC(**config), (X - X.mean()) / X.std(), y, cv=3).mean())


with TemporaryDirectory() as folder:
    for _ in range(2):
        # Two at a time: what is under way is not proposed again, and the second complements the first.
        asked = recommender.recommend(task, 2)
        for one in asked:
            task = task.plus(foretune.Trial(one.config, measured(one.config)))
            score = -(task.trials[-1].loss or 0.0)
            print(f"{score:.3f} with {dict(one.config)} (expected {one.score:.3f} ± {one.std:.3f})")
        # Kept at once: another process, or you tomorrow, goes on from here.
        with foretune.open_history(f"{folder}/mine.db") as history:
            history.add(task)
    with foretune.open_history(f"{folder}/mine.db") as history:
        (task,) = history.tasks("svm")

print(f"resumed with {len(task.trials)} trials; next: {dict(recommender.recommend(task)[0].config)}")

# Why that one, and what is left to gain.
print(recommender.explain(task))
outlook = recommender.outlook(task, tolerance=0.01)
print(f"{outlook.probability:.0%} sure to be within 0.01 of the best; {outlook.gain:.4f} left to gain")
