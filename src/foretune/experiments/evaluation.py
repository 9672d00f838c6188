"""The plan's four measures in one report: prediction, performance, efficiency, generalisation."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import numpy as np

from foretune.collect.datasets import Dataset
from foretune.collect.evaluation import Protocol
from foretune.collect.families import Family, family as find_family
from foretune.data.errors import LearningError
from foretune.data.records import Task, sides_of
from foretune.data.spaces import names_of
from foretune.experiments.measured import Measured
from foretune.experiments.replay import replay_report
from foretune.experiments.summaries import as_rows, overall, prediction_accuracy, summary
from foretune.experiments.versus_grid import Case, Setup, compare, lend, outer_split, transferred

REPLAY_FOLDS: Final = 5  # groups are left out in five parts: a demo's generalisation curve in seconds
REPLAY_TRIALS: Final = 10


def evaluate(
    datasets: Sequence[Dataset],
    families: Sequence[str],
    past: Sequence[Task],
    setup: Setup,
    *,
    seeds: Sequence[int] = (),
    measured: Measured | None = None,
    on_case: Callable[[int, int], None] = lambda _done, _planned: None,
) -> dict[str, Any]:
    """The plan's evaluation as plain data for a report.

    For each dataset and family the recommended cells, the full grid, the library's default and the best
    fixed cell are trained for real. Generalisation is shown twice: replayed on the past's own datasets, each
    of them unseen in turn, and on the same datasets with the family's own history left out. `seeds` take the
    place of the setup's own: each splits anew, and makes cases of its own. What is `measured` already is not
    trained again. Raises `LearningError` where the past lacks one of the families.
    """
    measured = Measured() if measured is None else measured
    chosen = [find_family(name) for name in families]
    for data in datasets:
        sample, train, _ = outer_split(data, setup)
        Protocol(setup.folds, setup.seed).check_splits(sample.part(train))
        for one in chosen:
            one.check_serves(data)
    by_family = {one.name: [task for task in past if task.family == one.name] for one in chosen}
    for name, tasks in by_family.items():
        if not tasks:
            raise LearningError(
                f"neither the history nor the experience holds a task of {name} by {setup.metric}."
            )
    setup = replace(setup, seed=seeds[0]) if seeds else setup
    found = _cases(
        datasets, chosen, by_family, setup, measured, seeds=seeds or (setup.seed,), on_case=on_case
    )
    cases = list(found)
    return {
        "title": "foretune experiment",
        "date": datetime.now(UTC).date().isoformat(),
        "metric": setup.metric,
        "learner": setup.learner,
        "history": _size(past),
        "protocol": _protocol(setup) | ({"seeds": list(seeds)} if len(seeds) > 1 else {}),
        "cases": as_rows(cases, setup.metric),
        "summary": summary(cases, setup.metric),
        "overall": overall(cases, setup.metric),
        "prediction": prediction_accuracy(cases, setup.learner, setup.metric),
        **_replayed(past, setup),
        "unseen_family": unseen_families(
            datasets,
            chosen,
            by_family,
            setup,
            [case for case in cases if case.seed in (None, setup.seed)],
            measured=measured,
        ),
    }


def _replayed(past: Sequence[Task], setup: Setup) -> dict[str, Any]:
    """The replay of the past, and what was left out of it; none where no family holds two datasets."""
    learners = ["portfolio", setup.learner]
    try:
        found = replay_report(past, learners, folds=REPLAY_FOLDS, trials=REPLAY_TRIALS, seed=setup.seed)
    except LearningError as error:
        return {"replay": [], "left_out": [str(error)]}
    return {name: found[name] for name in ("replay", "left_out")}


def _cases(
    datasets: Sequence[Dataset],
    families: Sequence[Family],
    past: dict[str, list[Task]],
    setup: Setup,
    measured: Measured,
    *,
    seeds: Sequence[int],
    on_case: Callable[[int, int], None],
) -> Iterator[Case]:
    """The cases of every seed; each knows its own where there are several."""
    each = len(datasets) * len(families)
    for k, seed in enumerate(seeds):
        heard = partial(_shifted, on_case, k * each, each * len(seeds))
        one = replace(setup, seed=seed)
        for case in compare(datasets, families, past, one, measured=measured, on_case=heard):
            yield replace(case, seed=seed) if len(seeds) > 1 else case


def _shifted(on_case: Callable[[int, int], None], before: int, planned: int, done: int, _: int) -> None:
    on_case(before + done, planned)


def unseen_families(
    datasets: Sequence[Dataset],
    families: Sequence[Family],
    past: dict[str, list[Task]],
    setup: Setup,
    cases: Sequence[Case],
    *,
    measured: Measured,
) -> list[dict[str, Any]]:
    """Each family as if it had no history: what the others' shared hyperparameters teach it.

    Where none of the grid's hyperparameters is shared nothing can be transferred: the row says so, and there
    the library's default is the advice.
    """
    rows = []
    for family in families:
        others = [task for name, tasks in past.items() if name != family.name for task in tasks]
        if not others:
            continue
        mine = [case for case in cases if case.family == family.name]
        lent, shared = lend(others, family, datasets[0].target)
        row = {
            "family": family.name,
            "from": sorted({task.family for task in others}),
            "shared": [name for name in names_of(family.wide_space(datasets[0].target)) if name in shared],
            "gap_default": float(np.mean([case.gap("default", setup.metric) for case in mine])),
        }
        if set(shared) & set(family.grid):
            gaps = [
                case.gap(search, setup.metric)
                for case, search in zip(
                    mine, transferred(datasets, family, lent, setup, measured), strict=True
                )
            ]
            row |= {"gap_recommended": float(np.mean(gaps)), "cases": len(gaps)}
        rows.append(row)
    return rows


def _protocol(setup: Setup) -> dict[str, Any]:
    known = {name: value for name, value in asdict(setup).items() if value is not None}
    return known | {"note": "every search selects on inner folds and is judged on rows it never saw"}


def _size(past: Sequence[Task]) -> dict[str, int]:
    return {
        "tasks": len(past),
        "datasets": len(set(sides_of(past))),
        "trials": sum(len(task.trials) for task in past),
    }
