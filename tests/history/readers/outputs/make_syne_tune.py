"""Makes the Syne Tune results beside it: run it without arguments.

Its environment: pip install syne-tune.

Kept are metadata.json and results.csv.zip; tuner.dill, a pickle, is left out.
"""

import json
import logging
import os
import shutil
import sys
import tempfile
from argparse import ArgumentParser
from importlib.metadata import version
from math import exp, log10
from pathlib import Path

HERE = Path(__file__).parent
NAME = "syne_tune"


def train() -> None:
    """Nine epochs of a curve, as Syne Tune's workers run them; a great momentum fails."""
    from syne_tune import Reporter

    parser = ArgumentParser()
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--lr", type=float)
    parser.add_argument("--units", type=int)
    parser.add_argument("--activation")
    config, _ = parser.parse_known_args()
    if config.activation == "step":
        raise RuntimeError("a step has no gradient")
    report = Reporter()
    for epoch in range(1, config.epochs + 1):
        best = 1 - 0.05 * abs(log10(config.lr) + 2) - abs(config.units - 64) / 1000
        report(epoch=epoch, accuracy=best * (1 - exp(-epoch / 3)))


def main() -> None:
    """Runs the tuner and keeps what is read."""
    from syne_tune import StoppingCriterion, Tuner
    from syne_tune.backend import LocalBackend
    from syne_tune.config_space import choice, lograndint, loguniform
    from syne_tune.optimizer.baselines import ASHA

    logging.getLogger().setLevel(logging.ERROR)
    space = {
        "lr": loguniform(1e-4, 1.0),
        "units": lograndint(8, 256),
        "activation": choice(["relu", "tanh", "step"]),
        "epochs": 9,
        "train": True,
    }
    scheduler = ASHA(
        space, metric="accuracy", do_minimize=False, time_attr="epoch", max_t=9, grace_period=1, random_seed=1
    )
    tuner = Tuner(
        trial_backend=LocalBackend(entry_point=__file__),
        scheduler=scheduler,
        n_workers=1,
        sleep_time=0.1,
        stop_criterion=StoppingCriterion(max_num_trials_started=12),
        max_failures=20,
        tuner_name="outputs",
        results_update_interval=1,
        print_update_interval=1000,
        suffix_tuner_name=False,
    )
    tuner.run()
    folder = Path(os.environ["SYNETUNE_FOLDER"], "outputs")
    shutil.rmtree(HERE / NAME, ignore_errors=True)
    (HERE / NAME).mkdir()
    for name in ("metadata.json", "results.csv.zip"):
        shutil.copy(folder / name, HERE / NAME / name)
    (HERE / NAME / "made_by.json").write_text(json.dumps({"syne-tune": version("syne-tune")}) + "\n")


if __name__ == "__main__":
    if "--train" in sys.argv:
        train()
    else:
        with tempfile.TemporaryDirectory() as temporary:
            os.environ["SYNETUNE_FOLDER"] = temporary  # read when syne_tune is imported
            main()
