"""Makes the cv_results_ that lie beside it, with the scikit-learn installed: run it without arguments."""

from pathlib import Path

import pandas as pd
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

GRID = [
    {"svc__kernel": ["rbf"], "svc__C": [1, 10], "svc__class_weight": [None, "balanced"]},
    {"svc__kernel": ["linear"], "svc__C": [1]},
]

if __name__ == "__main__":
    X, y = load_iris(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), SVC(random_state=0))
    one = pd.DataFrame(GridSearchCV(pipeline, GRID, cv=3).fit(X, y).cv_results_)
    several = GridSearchCV(pipeline, GRID, cv=3, scoring=["accuracy", "neg_mean_squared_error"], refit=False)
    here = Path(__file__).parent
    one.to_csv(here / "grid_search.csv", index=False)
    pd.DataFrame(several.fit(X, y).cv_results_).to_json(here / "grid_search.json", double_precision=15)
