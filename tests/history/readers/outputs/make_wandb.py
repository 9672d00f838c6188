"""Makes wandb_page.csv and wandb_api.csv that lie beside it: run it without arguments.

Its environment: pip install pandas scikit-learn. Weights & Biases exports runs only from its server, which
needs an account, so nothing here was made by it: the runs are trained for real, and written as its
documentation lays the two exports out. The page's CSV ("Export to CSV" of a runs table) has the columns Name,
State, Notes, User, Tags, Created, Runtime, Sweep, then config and summary metrics, newest first, all cells
quoted. The API's example (docs.wandb.ai, "Import & Export Data") writes summary, config and name, the first
two as Python shows a dict.
"""

import csv
from pathlib import Path

import pandas as pd
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

HERE = Path(__file__).parent
CONFIGS = [
    {"n_estimators": 5, "max_depth": 1, "max_features": "sqrt"},
    {"n_estimators": 20, "max_depth": 3, "max_features": "sqrt"},
    {"n_estimators": 40, "max_depth": 3, "max_features": 0.5},
    {"n_estimators": 10, "max_depth": 8, "max_features": 1.0},
]
ODD = [("crashed", {}), ("running", {}), ("finished", {"val_accuracy": float("nan")})]


def trained(config):
    """What a run measures."""
    X, X_test, y, y_test = train_test_split(*load_wine(return_X_y=True), random_state=0)
    model = RandomForestClassifier(**config, random_state=0).fit(X, y)
    return {
        "train_accuracy": model.score(X, y),
        "val_accuracy": model.score(X_test, y_test),
        "val_loss": log_loss(y_test, model.predict_proba(X_test)),
    }


if __name__ == "__main__":
    runs = [("finished", config, trained(config)) for config in CONFIGS]
    runs += [(state, {**CONFIGS[0], "max_depth": 2 + k}, measured) for k, (state, measured) in enumerate(ODD)]
    page, api = [], []
    for place, (state, config, measured) in enumerate(runs):
        about = {
            "Name": f"clear-sweep-{place + 1}",
            "State": state,
            "Notes": "-",
            "User": "someone",
            "Tags": "",
        }
        about |= {"Created": f"2026-05-01T10:{place:02}:00.000Z", "Runtime": 12 + place}
        about["Sweep"] = "ab12cd34" if place < len(runs) - 2 else ""
        shown = {name: str(value).replace("nan", "NaN") for name, value in measured.items()}
        page.append({**about, **config, "seed": 0, **shown, "_step": 3})
        summary = {**measured, "_step": 3, "_runtime": 12.5 + place, "_timestamp": 1777629600.0 + 60 * place}
        nested = {"model": config, "seed": 0}
        api.append({"summary": summary, "config": nested, "name": f"clear-sweep-{place + 1}"})
    quoted = {"index": False, "quoting": csv.QUOTE_ALL}
    pd.DataFrame(page[::-1]).to_csv(HERE / "wandb_page.csv", **quoted)
    pd.DataFrame(api[::-1]).to_csv(HERE / "wandb_api.csv")
