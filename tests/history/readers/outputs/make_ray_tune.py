"""Makes the Ray Tune experiment beside it: run it without arguments.

Its environment: pip install 'ray[tune]'.

Kept are the files that the reader may open: params.json, result.json, progress.csv, error.txt and the
experiment's state as JSON. What Ray pickles (params.pkl, *.pkl checkpoints) is left out.
"""

import json
import math
import re
import shutil
import tempfile
from pathlib import Path

import ray
from ray import tune
from ray.tune.schedulers import ASHAScheduler

HERE = Path(__file__).parent
NAME = "ray_tune"
KEPT = re.compile(r"params\.json|result\.json|progress\.csv|error\.txt|experiment_state-.*\.json")


def train(config: dict) -> None:
    """Nine epochs of a curve that the learning rate and the number of layers decide."""
    for epoch in range(1, 10):
        if config["optimizer"]["name"] == "broken":
            raise RuntimeError("the optimizer is broken")
        best = 1 - 0.05 * abs(math.log10(config["lr"]) + 2) - 0.02 * config["layers"]
        accuracy = best * (1 - math.exp(-epoch / 3))
        loss = float("nan") if config["lr"] > 0.9 else 1 - accuracy
        tune.report({"accuracy": accuracy, "loss": loss})


def without_machine(text: str) -> str:
    """The text without what only tells of the machine it was made on."""
    text = re.sub(r'("(?:hostname|node_ip)": )"[^"]*"', r'\1"machine"', text)
    return re.sub(r"/[\w./-]*/(site-packages|make_ray_tune)", r".../\1", text)


def without_pickles(text: str) -> str:
    """The text without what Ray pickles into JSON, as hexadecimal text, which makes most of it."""
    return re.sub(r"8005[0-9a-f]{8,}", "8005", text)


def main() -> None:
    """Runs the experiments and keeps what is read."""
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    with tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            train,
            param_space={
                "lr": tune.grid_search([0.001, 0.01, 0.1, 1.0]),
                "layers": tune.grid_search([1, 2]),
                "optimizer": {"name": "adam"},
            },
            tune_config=tune.TuneConfig(
                metric="accuracy",
                mode="max",
                max_concurrent_trials=1,
                scheduler=ASHAScheduler(max_t=9, grace_period=3, reduction_factor=3),
            ),
            run_config=tune.RunConfig(name=NAME, storage_path=folder),
        )
        tuner.fit()
        broken = tune.Tuner(
            train,
            param_space={"lr": 0.01, "layers": 1, "optimizer": {"name": "broken"}},
            tune_config=tune.TuneConfig(metric="accuracy", mode="max"),
            run_config=tune.RunConfig(name=NAME, storage_path=folder),
        )
        broken.fit()
        shutil.rmtree(HERE / NAME, ignore_errors=True)
        for file in sorted(Path(folder, NAME).rglob("*")):
            if file.is_file() and KEPT.fullmatch(file.name):
                place = HERE / NAME / file.relative_to(Path(folder, NAME))
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(without_pickles(without_machine(file.read_text())))
    (HERE / NAME / "made_by.json").write_text(json.dumps({"ray": ray.__version__}) + "\n")


if __name__ == "__main__":
    main()
