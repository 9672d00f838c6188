"""Replace a GridSearchCV: the same estimator, the same grid, a tenth of the fits.

python examples/replace_grid_search.py
"""

import time

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from foretune import MetaSearchCV

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0, stratify=y)

pipeline = make_pipeline(StandardScaler(), SVC())
grid = {"svc__C": [0.01, 0.1, 1, 10, 100], "svc__gamma": [1e-4, 1e-3, 0.01, 0.1, 1, "scale"]}

# As it was: every cell of the grid on every fold.
start = time.perf_counter()
full = GridSearchCV(pipeline, grid).fit(X_train, y_train)
print(f"GridSearchCV  30 cells  {time.perf_counter() - start:5.1f} s  test {full.score(X_test, y_test):.3f}")

# The only line that changes: the three cells that past searches on other datasets speak for.
start = time.perf_counter()
search = MetaSearchCV(pipeline, grid, n_trials=3).fit(X_train, y_train)
print(
    f"MetaSearchCV   3 cells  {time.perf_counter() - start:5.1f} s  test {search.score(X_test, y_test):.3f}"
)

# All that a GridSearchCV leaves behind is there, and what was expected of each cell beside it.
for params, score, told in zip(
    search.cv_results_["params"],
    search.cv_results_["mean_test_score"],
    search.recommendations_,
    strict=True,
):
    nearest = told.because[0]
    print(f"  {params}: {score:.3f}, expected {told.score:.3f} (first of all by {nearest.dataset})")

# What is left on the table: how sure it is that no other cell is better by more than 0.01.
left = search.outlook_
print(f"no cell is better by more than {left.tolerance}: {left.probability:.0%} sure")
