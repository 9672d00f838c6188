"""Trains the Bayesian network by the marginal likelihood of past tasks; no other learner needs torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from typing import Any, Final

import numpy as np

from foretune.data.errors import MissingExtraError
from foretune.data.records import Floats, Ints

ROWS: Final = 512  # trials a step and member; 1024 took 7 times as long on one core, and gained nothing
BATCHES: Final = (8, 32)  # fewest and most tasks a step and member
SAMPLE: Final = 64  # trials of each
LONGEST_CONTEXT: Final = 30  # trials known when the others are forecast
FIRST: Final = 0.3  # share of the forecasts without any trial in the objective
LEVEL: Final = 1.0  # variance of a task's unknown level while training, in normal scores
ABSENT: Final = 1e6  # noise variance that makes a place in a batch which holds no trial say nothing


@dataclass(frozen=True, slots=True)
class Training:
    """How to train: the plan's options, and the rank of the weights' covariance."""

    hidden: tuple[int, ...]
    rank: int
    members: int
    steps: int
    learning_rate: float
    dropout: float
    l2: float
    length: float
    seed: int


def trained(
    configs: Sequence[Floats],
    scores: Sequence[Floats],
    points: Floats,
    training: Training,
    trust: Floats | None = None,
) -> dict[str, Floats]:
    """The parameters of all members as arrays, see `BayesianNetwork.arrays`.

    For each past task: encoded configs (n, d) and their normal scores (n,); `points` (tasks, m) are the
    inputs that describe the datasets, and `trust` (tasks,) how often one is drawn beside another (None: all
    alike). The objective is the mean negative log likelihood of a task's trials
    given a random few of them, with task weights integrated out.
    Source: Harrison, Sharma, Pavone 2018, arXiv:1807.08912, eq. 12. Raises `MissingExtraError` without torch.
    """
    torch = _torch()
    rng, generator = np.random.default_rng(training.seed), torch.Generator().manual_seed(training.seed)
    parameters = _initial(torch, configs[0].shape[1] + points.shape[1], training, generator)
    optimiser = torch.optim.Adam(parameters.values(), lr=training.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda k: _warm_then_cool(k, training.steps))
    for _ in range(training.steps):
        batch = _batch(configs, scores, points, training.members, rng, trust=trust)
        tensors = [torch.as_tensor(array, dtype=torch.float32) for array in batch]
        context = int(rng.integers(1, max(2, min(LONGEST_CONTEXT + 1, batch[0].shape[2]))))
        loss = _objective(torch, parameters, tensors, context=context, training=training, generator=generator)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters.values(), 5.0)
        optimiser.step()
        schedule.step()
    return {name: value.detach().numpy().astype(np.float64) for name, value in parameters.items()}


def _torch() -> Any:
    try:
        return import_module("torch")
    except ImportError:
        raise MissingExtraError(
            "the Bayesian network learns with torch, which is not installed: pip install 'foretune[torch]'."
        ) from None


def _warm_then_cool(step: int, steps: int) -> float:
    """The share of the learning rate: up in the first tenth, then down along a cosine."""
    done = (step + 1) / (steps + 1)
    return done / 0.1 if done < 0.1 else 0.5 * (1.0 + float(np.cos(np.pi * (done - 0.1) / 0.9)))


def _initial(torch: Any, inputs: int, training: Training, generator: Any) -> dict[str, Any]:
    """He's initial weights (members, in, out), and a moderate prior, noise and rest."""
    sizes, members = [inputs, *training.hidden], training.members

    def normal(*shape: int, std: float) -> Any:
        return torch.randn(members, *shape, generator=generator) * std

    parameters: dict[str, Any] = {}
    for k, (before, after) in enumerate(pairwise(sizes)):
        parameters[f"weights{k}"] = normal(before, after, std=(2.0 / before) ** 0.5)
        parameters[f"biases{k}"] = torch.zeros(members, 1, after)
    last = sizes[-1]
    parameters["prior_mean"] = normal(last, 1, std=0.1 / last**0.5)
    parameters["prior_offset"] = torch.zeros(members, 1, 1)
    parameters["prior_root"] = normal(last, training.rank, std=0.7 / (training.rank * last) ** 0.5)
    parameters["log_noise"] = torch.full((members,), -1.5)
    parameters["log_rest"] = torch.full((members,), -1.0)
    return {name: value.requires_grad_() for name, value in parameters.items()}


def _batch(
    configs: Sequence[Floats],
    scores: Sequence[Floats],
    points: Floats,
    members: int,
    rng: np.random.Generator,
    *,
    trust: Floats | None,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Random tasks and trials for each member: configs (members, b, n, d), scores, presence, points.

    Tasks with fewer than n trials leave random places empty; presence (members, b, n) is 0 there.
    """
    n = min(SAMPLE, max(map(len, scores)))
    size = int(np.clip(ROWS // n, *BATCHES))
    chosen = [_drawn(len(scores), size, rng, trust) for _ in range(members)]
    shape = (members, len(chosen[0]), n)
    x, u, present = np.zeros((*shape, configs[0].shape[1])), np.zeros(shape), np.zeros(shape)
    for e, tasks in enumerate(chosen):
        for b, t in enumerate(tasks):
            rows = rng.permutation(len(scores[t]))[:n]
            places = rng.permutation(n)[: len(rows)]
            x[e, b, places], u[e, b, places], present[e, b, places] = configs[t][rows], scores[t][rows], 1.0
    return x, u, present, points[np.array(chosen)]


def _drawn(tasks: int, size: int, rng: np.random.Generator, trust: Floats | None) -> Ints:
    """At most so many of the tasks, all different; those trusted less are drawn less often."""
    if trust is None:
        return rng.permutation(tasks)[:size]
    return rng.choice(tasks, min(size, tasks), replace=False, p=trust / trust.sum())


def _objective(
    torch: Any,
    parameters: Mapping[str, Any],
    batch: Sequence[Any],
    *,
    context: int,
    training: Training,
    generator: Any,
) -> Any:
    """The sum over the members of how unlikely the batch is, and the penalty on the hidden weights."""
    x, u, present, z = batch
    members, tasks, n, _ = x.shape
    rows = torch.cat([2.0 * x - 1.0, z[:, :, None].expand(-1, -1, n, -1)], -1).reshape(members, tasks * n, -1)
    mean, features = _network(torch, parameters, rows, training, generator)
    residual = (u - mean.reshape(members, tasks, n)).reshape(members * tasks, n)
    features = features.reshape(members * tasks, n, -1)
    noise, rest = (parameters[name].exp().repeat_interleave(tasks) for name in ("log_noise", "log_rest"))
    kernel = _matern(torch, x.reshape(members * tasks, n, -1), training.length)
    covariance = features @ features.transpose(1, 2) + rest[:, None, None] * kernel
    here = present.reshape(members * tasks, n)
    first = _unlikeliness(residual, torch.diagonal(covariance, dim1=1, dim2=2) + noise[:, None], here)
    if context < n:
        later = _given_context(torch, residual, covariance + LEVEL, noise, here, context=context)
        first = FIRST * first + (1.0 - FIRST) * later
    penalty = sum((value**2).sum() for name, value in parameters.items() if name.startswith("weights"))
    return first * members + training.l2 * penalty


def _network(torch: Any, parameters: Mapping[str, Any], h: Any, training: Training, generator: Any) -> Any:
    for k in range(len(training.hidden)):
        h = torch.relu(h @ parameters[f"weights{k}"] + parameters[f"biases{k}"])
        if training.dropout:
            kept = torch.rand(h.shape, generator=generator) >= training.dropout
            h = h * kept / (1.0 - training.dropout)
    return h @ parameters["prior_mean"] + parameters["prior_offset"], h @ parameters["prior_root"]


def _given_context(torch: Any, residual: Any, covariance: Any, noise: Any, here: Any, *, context: int) -> Any:
    """How unlikely the later residuals are, given the first `context` of them."""
    known = torch.diag_embed(noise[:, None] + ABSENT * (1.0 - here[:, :context]))
    lower = torch.linalg.cholesky(covariance[:, :context, :context] + known)
    across = torch.linalg.solve_triangular(lower, covariance[:, :context, context:], upper=False)
    surprise = torch.linalg.solve_triangular(lower, residual[:, :context, None], upper=False)
    mean = (across.transpose(1, 2) @ surprise)[..., 0]
    variance = torch.diagonal(covariance, dim1=1, dim2=2)[:, context:] - (across**2).sum(1)
    return _unlikeliness(
        residual[:, context:] - mean, variance.clamp(min=0.0) + noise[:, None], here[:, context:]
    )


def _unlikeliness(residual: Any, variance: Any, here: Any) -> Any:
    """The mean negative log density of the residuals that are there, up to a constant."""
    each = 0.5 * (residual**2 / variance + variance.log())
    return (each * here).sum() / here.sum().clamp(min=1.0)


def _matern(torch: Any, x: Any, length: float) -> Any:
    """The Matérn 5/2 covariance within each task, as in `surfaces.matern`."""
    squares = (x * x).sum(-1)
    squared = squares[:, :, None] + squares[:, None] - 2.0 * x @ x.transpose(1, 2)
    r = torch.sqrt(5.0 * squared.clamp(min=0.0)) / length
    return (1.0 + r + r * r / 3.0) * torch.exp(-r)
