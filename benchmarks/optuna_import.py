"""A storage of many Optuna studies, imported and learned from: seconds of each step.

    python benchmarks/optuna_import.py [--studies 500] [--trials 100]

The studies are made up, and written by Optuna itself into a SQLite file.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

import foretune
from foretune.faces.optuna_sampler import MetaSampler

RESULTS = Path(__file__).with_name("results") / "history"
SPACE = {
    "C": FloatDistribution(1e-3, 1e3, log=True),
    "kernel": CategoricalDistribution(["rbf", "poly"]),
    "degree": IntDistribution(2, 5),
}


def main() -> None:
    """Prints the seconds on the wall and of the processor, and writes them to results/history."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--studies", type=int, default=500)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--output", type=Path, default=RESULTS / "optuna_import.json")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FORETUNE_CACHE"] = folder
        found = _measured(Path(folder), options.studies, options.trials)
    text = json.dumps(found, indent=2) + "\n"
    print(text)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(text, encoding="utf-8")


def _measured(folder: Path, studies: int, trials: int) -> dict[str, object]:
    url = f"sqlite:///{folder / 'optuna.db'}"
    _fill(url, studies, trials)
    found: dict[str, object] = {"studies": studies, "trials": trials, "load": round(os.getloadavg()[0], 1)}
    clock = _Clock()
    with foretune.open_history(folder / "history.db") as history:
        history.add(*foretune.read_optuna(url))
        found["import"] = clock.lap()
        tasks = list(history.tasks())
    found["read_back"] = clock.lap()
    recommender = foretune.Recommender().fit(tasks)
    found["fit"] = clock.lap()
    recommender.recommend(foretune.Task("new", tasks[0].family, tasks[0].space, metric=tasks[0].metric))
    found["first_recommendation"] = clock.lap()
    study = optuna.create_study(sampler=MetaSampler(str(folder / "history.db")))
    study.ask(SPACE)
    found["first_suggestion_of_MetaSampler"] = clock.lap()
    return found


class _Clock:
    def __init__(self) -> None:
        self._at = (time.perf_counter(), time.process_time())

    def lap(self) -> dict[str, float]:
        """The seconds since the last lap."""
        now = (time.perf_counter(), time.process_time())
        wall, busy = (b - a for a, b in zip(self._at, now, strict=True))
        self._at = now
        return {"seconds": round(wall, 2), "cpu_seconds": round(busy, 2)}


def _fill(url: str, studies: int, trials: int) -> None:
    rng = np.random.default_rng(0)
    storage = optuna.storages.RDBStorage(url)
    for number in range(studies):
        best = rng.normal()
        study = optuna.create_study(storage=storage, study_name=f"study {number}")
        study.add_trials([_trial(rng, best) for _ in range(trials)])


def _trial(rng: np.random.Generator, best: float) -> optuna.trial.FrozenTrial:
    C = float(10 ** rng.uniform(-3, 3))
    params = {
        "C": C,
        "kernel": str(rng.choice(["rbf", "poly"])),
        "degree": int(rng.integers(2, 6)),
    }
    value = 0.1 + 0.02 * (np.log10(C) - best) ** 2 + 0.05 * (params["kernel"] == "poly")
    return optuna.trial.create_trial(params=params, distributions=SPACE, value=float(value))


if __name__ == "__main__":
    main()
