"""Learning curves as readings: what a task's trials say of each config after so many epochs."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from foretune.data.errors import SpaceError
from foretune.data.records import DONE, Config, Floats, Task, Trial

LAST_LEAP: Final = 1.5  # the last step is at least so many times the one before


def steps_to(full: float) -> tuple[float, ...]:
    """The fidelities at which curves are looked at: powers of two, then the full one.

    >>> steps_to(52)
    (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 52.0)

    Raises `SpaceError` where `full` is less than 2, or no number.
    """
    if not 2 <= full < np.inf:
        raise SpaceError(f"full={full!r} leaves nothing to stop early: give the epochs of a whole training.")
    powers = 2.0 ** np.arange(np.floor(np.log2(full)) + 1)
    return (*powers[powers * LAST_LEAP <= full].tolist(), float(full))


def readings(trial: Trial, full: float) -> tuple[Floats, Floats]:
    """Fidelities and losses (k,) along the curve of one finished trial, the last being its own.

    The points of a curve are equally far apart, the last where the trial ended: `full` where it was whole.
    """
    end = full if trial.fidelity is None else trial.fidelity
    count = max(len(trial.curve), 1)
    losses = np.array([*trial.curve[: count - 1], trial.loss], dtype=np.float64)
    return end * np.arange(1, count + 1) / count, losses


def curves_of(
    task: Task, full: float, key: Callable[[Config], str]
) -> dict[str, tuple[Config, dict[float, float]]]:
    """By config, equal settings being one: the config, and its mean loss at each fidelity up to `full`."""
    found: dict[str, tuple[Config, dict[float, list[float]]]] = {}
    for trial in task.trials:
        if trial.status is DONE:
            _, curve = found.setdefault(key(trial.config), (trial.config, {}))
            for at, loss in zip(*readings(trial, full), strict=True):
                if 0 < at <= full and np.isfinite(loss):
                    curve.setdefault(float(at), []).append(float(loss))
    return {
        name: (config, {at: float(np.mean(losses)) for at, losses in sorted(curve.items())})
        for name, (config, curve) in found.items()
    }


def at_steps(curve: dict[float, float], steps: Sequence[float]) -> Floats:
    """The losses (s,) of a curve at these fidelities, read between its points on a logarithmic axis.

    NaN outside what was measured.
    """
    if not curve:
        return np.full(len(steps), np.nan)
    at, losses = np.log([*curve]), np.array([*curve.values()])
    return np.asarray(np.interp(np.log(steps), at, losses, left=np.nan, right=np.nan))


def last_place(curve: dict[float, float], steps: Sequence[float]) -> float:
    """Which of the steps (0, 1, ...) the last reading of a curve is at; a fraction where between two of them.

    On the same logarithmic axis; NaN where nothing was read, or only before the first step.

    >>> last_place({1.0: 0.5, 4.0: 0.1}, (1, 2, 4, 8)), last_place({}, (1, 2, 4, 8))
    (2.0, nan)
    """
    last = max(curve, default=np.nan)
    return float(np.interp(np.log(last), np.log(steps), np.arange(len(steps)), left=np.nan))
