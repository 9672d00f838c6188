"""A first look at a dataset: one config of each family, cross-validated on a sample of its rows."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from joblib import cpu_count

from foretune.collect.datasets import Dataset
from foretune.collect.evaluation import Protocol
from foretune.collect.families import family as find_family
from foretune.collect.sweep import Job, run_jobs, trials_of
from foretune.data.records import Config, Trial

PROTOCOL: Final = Protocol(folds=5, seed=1, rows=2_000)
CLOSELY: Final = replace(PROTOCOL, repeats=3)
MOST_AT_ONCE: Final = 4  # fits, each in a process of its own
FEW_ROWS: Final = 600  # in fewer, what scores hang on most is which rows are in which fold
TIMEOUT: Final = 20.0  # seconds for one family, all its folds, and for each repeat


def first_look(
    data: Dataset,
    configs: Mapping[str, Config],
    metric: str,
    protocol: Protocol = PROTOCOL,
    *,
    on_fit: Callable[[int, int], None] | None = None,
) -> dict[str, Trial]:
    """By family the trial of its config: finished, or failed with a reason, such as that it took too long.

    A family that cannot be judged by the metric has none. `on_fit` gets the number of families looked at, and
    of all. Raises `DatasetError` where the rows are fewer than the folds.
    """
    protocol.check_splits(data)
    sample = data.sample(protocol.rows, seed=protocol.seed)
    timeout = TIMEOUT * protocol.repeats
    jobs = [Job(sample, find_family(name), config, protocol, timeout) for name, config in configs.items()]
    found: dict[str, Trial] = {}
    workers = min(cpu_count(), MOST_AT_ONCE)
    for done, (job, outcome) in enumerate(run_jobs(jobs, jobs=workers, backend="threads"), start=1):
        trials = trials_of(job, outcome)
        if metric in trials:
            found[job.family.name] = trials[metric]
        if on_fit is not None:
            on_fit(done, len(jobs))
    return {name: found[name] for name in configs if name in found}
