"""Makes mlruns, mlflow.db.gz and mlflow_server.json that lie beside it: run it without arguments.

Its environment: pip install mlflow scikit-learn. Made last with MLflow 3.17.2, scikit-learn 1.9.1.

Two experiments are tuned for real, into a file store, into a SQLite database, and from that database a server
is asked as `read_mlflow` asks it; what it answers is kept. Among the runs are a parent with nested ones, one
that failed, was killed, is running, was deleted, measured nothing, and one whose score is NaN.
"""

import gzip
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlencode

os.environ.update(LOGNAME="someone", MLFLOW_ALLOW_FILE_STORE="true", MLFLOW_DISABLE_TELEMETRY="true")

import mlflow
import numpy as np
import pandas as pd
from sklearn.datasets import load_iris, load_wine
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).parent
CONFIGS = [
    {"alpha": 0.0001, "loss": "log_loss", "penalty": "l2"},
    {"alpha": 0.01, "loss": "log_loss", "penalty": None},
    {"alpha": 1.0, "loss": "modified_huber", "penalty": "elasticnet", "l1_ratio": 0.5},
]
EPOCHS = 3
A_PAGE, A_CURVE = 4, 2  # the test asks for pages of these sizes


def train(name, config):
    """Fits epoch by epoch, and logs what each reaches on rows held out."""
    X, y = {"wine": load_wine, "iris": load_iris}[name](return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    data = mlflow.data.from_pandas(pd.DataFrame(X.astype(float)), name=name)
    mlflow.log_input(data, context="training")
    mlflow.log_params({**config, "random_state": 0})
    scaler = StandardScaler().fit(X)
    model = SGDClassifier(**config, random_state=0)
    for epoch in range(EPOCHS):
        model.partial_fit(scaler.transform(X), y, np.unique(y))
        mlflow.log_metric("val/accuracy", model.score(scaler.transform(X_test), y_test), step=epoch)
        mlflow.log_metric(
            "val/log_loss", log_loss(y_test, model.predict_proba(scaler.transform(X_test))), step=epoch
        )


def search(tracking):
    """Fills a store."""
    mlflow.set_tracking_uri(tracking)
    mlflow.set_experiment("wine: a search")
    with mlflow.start_run(run_name="all"):
        mlflow.log_param("trials", len(CONFIGS))
        for config in CONFIGS:
            with mlflow.start_run(nested=True):
                train("wine", config)
    try:
        with mlflow.start_run():
            train("wine", {"alpha": -1.0, "loss": "log_loss", "penalty": "l2"})
    except ValueError:
        pass
    with mlflow.start_run():
        mlflow.log_params({"alpha": 0.1, "loss": "log_loss", "penalty": "l2"})
        mlflow.end_run("KILLED")
    with mlflow.start_run():
        mlflow.log_params({"alpha": 0.2, "loss": "log_loss", "penalty": "l2"})
        mlflow.log_metric("val/accuracy", float("nan"))
    with mlflow.start_run():
        mlflow.log_params({"alpha": 0.3, "loss": "log_loss", "penalty": "l2"})
    with mlflow.start_run() as deleted:
        train("wine", CONFIGS[0])
    client = mlflow.MlflowClient()
    client.delete_run(deleted.info.run_id)
    running = client.create_run(deleted.info.experiment_id)
    client.log_param(running.info.run_id, "alpha", 0.4)
    mlflow.set_experiment("both")
    for name in ("wine", "iris"):
        with mlflow.start_run():
            mlflow.set_tag("data", name.upper())
            train(name, CONFIGS[1])


def ask(root, method, path, wanted):
    """One request, and what the server answers."""
    query = f"?{urlencode(wanted)}" if method == "GET" else ""
    content = None if method == "GET" else json.dumps(wanted).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{root}/api/2.0/mlflow/{path}{query}", content, headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return {"method": method, "path": path, "wanted": wanted, "answer": json.load(answer)}


def pages(root, method, path, wanted):
    """All pages of an answer."""
    token = ""
    while True:
        one = ask(root, method, path, {**wanted, "page_token": token} if token else wanted)
        yield one
        token = one["answer"].get("next_page_token", "")
        if not token:
            return


def recorded(root):
    """All that a reader may ask."""
    found = list(pages(root, "POST", "experiments/search", {"max_results": A_PAGE}))
    experiments = [one for page in found for one in page["answer"]["experiments"]]
    for experiment in experiments:
        wanted = {"experiment_ids": [experiment["experiment_id"]], "max_results": A_PAGE}
        asked = list(pages(root, "POST", "runs/search", wanted))
        found += asked
        for run in (run for page in asked for run in page["answer"].get("runs", [])):
            for metric in run["data"].get("metrics", []):
                wanted = {
                    "run_id": run["info"]["run_id"],
                    "metric_key": metric["key"],
                    "max_results": A_CURVE,
                }
                found += pages(root, "GET", "metrics/get-history", wanted)
    return found


def serve(database):
    """What a server of this database answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [
        "server",
        "--backend-store-uri",
        database,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    server = subprocess.Popen([sys.executable, "-m", "mlflow", *words])
    try:
        for _ in range(120):
            try:
                return recorded(f"http://127.0.0.1:{port}")
            except OSError:
                time.sleep(1)
        raise RuntimeError("the server did not start")
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        search(f"file://{folder}/mlruns")
        search(f"sqlite:///{folder}/mlflow.db")
        answers = serve(f"sqlite:///{folder}/mlflow.db")
        shutil.rmtree(HERE / "mlruns", ignore_errors=True)
        hidden = shutil.ignore_patterns("artifacts", ".trash", "models")
        shutil.copytree(Path(folder, "mlruns"), HERE / "mlruns", ignore=hidden)
        packed = gzip.compress(Path(folder, "mlflow.db").read_bytes(), mtime=0)
        (HERE / "mlflow.db.gz").write_bytes(packed)
        (HERE / "mlflow_server.json").write_text(json.dumps(answers, indent=1) + "\n")
