"""Why a config is recommended: past datasets, what mattered there, the gain to expect, what was assumed."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any, Final, Protocol

import numpy as np
from ConfigSpace import ConfigurationSpace
from scipy.stats.qmc import Sobol

from foretune.data.metrics import LOWER_IS_BETTER
from foretune.data.records import Config, Evidence, Floats, Forecast, Recommendation, Task
from foretune.data.spaces import KIND, complete, config_at, names_of
from foretune.features.encoding import Encoder
from foretune.features.metaspace import filled
from foretune.learners.surfaces import Surfaces
from foretune.recommender.loss_range import LossRange
from foretune.recommender.ratios import NORMAL
from foretune.recommender.selection import SHARE

STRONGEST: Final = 5  # past tasks that are named beside a recommendation
CONTRARY: Final = 0.9  # weight of the past upside down from which on it is said
POINTS: Final = 64  # of the space, at which every hyperparameter is changed in turn


@dataclass(frozen=True, slots=True)
class Gain:
    """How much lower the loss will be than with the library's `default`: the mean, and an 80 % interval.

    The interval is NaN where one past dataset is all there is.
    """

    default: Config
    mean: float
    low: float
    high: float

    def divided_by(self, factor: float) -> "Gain":
        """The gain in units that are so many times larger."""
        return Gain(self.default, self.mean / factor, self.low / factor, self.high / factor)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a recommendation was made, as text, JSON or (in a notebook) a picture.

    What is NaN in the recommendation and the `gain` is not known: losses in units that the past has not.
    `trials` is how many of its own the task had; `measured`, whether the config was among them.
    `importances` maps hyperparameters to their shares of how much losses vary, summing to 1; `nearest` in
    [0, 1] is the similarity of the most similar past dataset, `usual` what datasets have at least (of both
    None: not known); `doubts` say which past tasks count less.
    """

    recommendation: Recommendation
    task: str
    trials: int
    gain: Gain
    importances: dict[str, float]
    nearest: float | None
    usual: float | None
    assumptions: tuple[str, ...]
    doubts: tuple[str, ...] = ()
    measured: bool = False

    def as_json(self) -> dict[str, Any]:
        """The explanation as numbers, texts and lists; None for a number that is not known."""
        found: dict[str, Any] = _told(asdict(self))
        return found

    def __str__(self) -> str:
        return "\n".join(f"{head}: {text}" for head, text in self.lines())

    def lines(self) -> list[tuple[str, str]]:
        """What is said: pairs of heading and text."""
        one, gain = self.recommendation, self.gain
        config = ", ".join(f"{name}={value!r}" for name, value in one.config.items())
        past = "; ".join(
            f"{e.dataset} (weight {e.weight:.0%}, similarity {_shown(e.similarity)})" for e in one.because
        )
        mattered = ", ".join(f"{name} {share:.0%}" for name, share in self._most_important())
        is_higher = (gain.mean < 0) == (one.metric in LOWER_IS_BETTER)
        chance = "" if gain.mean > 0 or not gain.high > 0 else "; chosen for the chance of more"
        usual = "" if self.usual is None else f"; at least {self.usual:.2f} is usual"
        likely = f"gain, 80 % interval: {gain.low:.4f} to {gain.high:.4f}"
        if math.isnan(gain.low):
            likely = "as on the one past dataset"
        expected = (
            f"{'measured' if self.measured else 'expected'} {one.metric}",
            f"{one.score:.4f} ± {one.std:.4f}",
        )
        against = (
            "against the library's default",
            f"{abs(gain.mean):.4f} {'higher' if is_higher else 'lower'} ({likely}){chance}",
        )
        if one.config == gain.default:
            against = ("against the library's default", "it is the library's default")
        lines = [
            (f"{one.family} on {self.task}", config),
            *([] if math.isnan(one.loss) else [expected]),
            *([] if math.isnan(gain.mean) else [against]),
            ("rests on", self._grounds()),
            ("past datasets", past or "none"),
            ("what mattered there", mattered),
            ("nearest past dataset", f"similarity {_shown(self.nearest)}{usual}"),
            *(("assumed", text) for text in self.assumptions),
            *(("doubted", text) for text in self.doubts),
        ]
        return [*lines, ("note", one.note)] if one.note else lines

    def _grounds(self) -> str:
        weight = self.recommendation.history_weight
        if not self.trials:
            return "past datasets alone" if weight else "nothing yet"
        own = f"{self.trials} trial{'s' * (self.trials > 1)} of its own"
        return f"past datasets to {weight:.0%}, for the rest on {own}"

    def _most_important(self) -> list[tuple[str, float]]:
        ranked = sorted(self.importances.items(), key=lambda item: -item[1])
        return [(name, share) for name, share in ranked if share >= 0.01]

    def page(self) -> str:
        """The picture as an HTML page of its own."""
        title = escape(f"{self.recommendation.family} on {self.task}")
        style = "<style>body{font-family:system-ui;margin:2em}table{margin-bottom:1.5em}</style>"
        return f"<!doctype html><meta charset='utf-8'><title>{title}</title>{style}{self._repr_html_()}\n"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left;vertical-align:top'>{escape(head)}</th>"
            f"<td style='text-align:left'>{escape(text)}</td></tr>"
            for head, text in self.lines()
        )
        return f"<table>{rows}</table>{_bars('what mattered', self._most_important())}" + _bars(
            "weight of past datasets", [(e.dataset, e.weight) for e in self.recommendation.because]
        )


def _told(value: Any) -> Any:
    """The value with None for NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {name: _told(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [*map(_told, value)]
    return None if isinstance(value, float) and math.isnan(value) else value


def _shown(similarity: float | None) -> str:
    """The similarity in words."""
    return "unknown" if similarity is None else f"{similarity:.2f}"


def _bars(title: str, rows: Sequence[tuple[str, float]]) -> str:
    """Horizontal bars, from 0 to 1, as a table without scripts or files."""
    bar = "display:inline-block;height:0.8em;background:#0072B2;width"
    drawn = "".join(
        f"<tr><td style='text-align:right'>{escape(name)}</td>"
        f"<td style='text-align:left'><span style='{bar}:{240 * share:.0f}px'></span> {share:.0%}</td></tr>"
        for name, share in rows
    )
    return f"<table><caption style='text-align:left'>{escape(title)}</caption>{drawn}</table>"


def evidence(tasks: Sequence[Task], alike: Floats, shares: Floats | None) -> tuple[Evidence, ...]:
    """The past tasks that weigh most, and how alike (tasks,) their datasets are.

    Without `shares` (tasks,) they weigh by their similarity.
    """
    order = filled(alike)
    if shares is None:
        total = float(order.sum())
        shares = order / total if total else np.full(len(order), 1.0 / len(order))
    strongest = np.lexsort((-order, -shares))[:STRONGEST]
    known = [None if math.isnan(one) else round(one, 4) for one in alike.tolist()]
    return tuple(
        Evidence(tasks[t].name, known[t], round(float(shares[t]), 4)) for t in strongest if shares[t] > 0
    )


def against_the_past(forecast: Forecast) -> str:
    """What to say where the task's own trials bear the past out upside down; else nothing."""
    if forecast.contrary_weight < CONTRARY:
        return ""
    return (
        "its trials go against the past, as if that were upside down: check whether scores were imported as "
        "losses"
    )


class Forecaster(Protocol):
    """What forecasts the losses of configs, each as it is meant in the space at hand."""

    def forecast(self, task: Task, configs: Sequence[Config]) -> Forecast:
        """The loss to expect of each config on this task."""
        ...


def importances(learner: Forecaster, task: Task, space: ConfigurationSpace) -> dict[str, float]:
    """The share of each hyperparameter in how much the forecast losses vary over the space, summing to 1.

    Total effects (with all interactions) in each scenario of the forecast, averaged by their weights: those
    of a functional ANOVA of the forecast. Sources: Hutter, Hoos, Leyton-Brown 2014 (fANOVA for
    hyperparameters, ICML); Jansen 1999, doi:10.1016/S0010-4655(98)00154-4 (the estimator).
    """
    names = names_of(space)
    sides = [name.removesuffix(KIND) for name in space]
    here, there = np.split(Sobol(2 * len(space), rng=np.random.default_rng(0)).random(POINTS), 2, axis=1)
    moved = [np.where([side == name for side in sides], there, here) for name in names]
    configs = [config_at(space, point) for point in np.concatenate([here, *moved])]
    values, weights = _scenarios(learner.forecast(task, configs))
    blocks = values.reshape(len(values), len(names) + 1, POINTS)
    effects = ((blocks[:, 1:] - blocks[:, :1]) ** 2).mean(axis=2)
    variance = np.maximum(2 * blocks[:, 0].var(axis=1, keepdims=True), 1e-300)
    shares = weights @ (effects / variance)
    total = float(shares.sum())
    return {
        name: round(float(share) / total, 4) if total else 0.0
        for name, share in zip(names, shares, strict=True)
    }


def _scenarios(forecast: Forecast) -> tuple[Floats, Floats]:
    """The scenarios of a forecast (s, n) and their weights (s,); its mean where it has none."""
    if forecast.scenarios is None or forecast.weights is None:
        return forecast.mean[None], np.ones(1)
    return forecast.scenarios, forecast.weights


def gain_over_default(
    learner: Forecaster,
    task: Task,
    config: Config,
    space: ConfigurationSpace,
    surfaces: Surfaces,
    *,
    within: LossRange,
) -> Gain:
    """How much better the config will be than the default of the space; `surfaces` are those of the past.

    Before any trial: as it was on the past tasks, by how much the forecast rests on each. Then by the
    scenarios of the forecast. Neither loss is taken to be beyond what is possible.
    """
    default, key = complete(space, {}), Encoder.of(space).key
    if key(config) == key(default):
        return Gain(default, 0.0, 0.0, 0.0)
    forecast = learner.forecast(task, [config, default])
    shares = forecast.by_task
    if task.done and forecast.scenarios is not None and forecast.weights is not None:
        losses, spread = _in_losses(forecast)
        losses, weights = within.clipped(losses), forecast.weights
        ahead, std = losses[:, 1] - losses[:, 0], np.hypot(*spread.T)
    elif not task.done and shares is not None and len(shares) == len(surfaces.tasks) and shares.any():
        losses = surfaces.losses([config, default])
        ahead, weights, std = losses[:, 1] - losses[:, 0], shares, np.zeros(len(losses))
        if len(losses) == 1:  # one past task does not tell how tasks differ
            return Gain(default, float(ahead[0]), math.nan, math.nan)
    else:
        ahead = np.diff(within.clipped(forecast.mean))
        weights, std = np.ones(1), np.array([np.hypot(*forecast.std)])
    usual = float(within.clipped(forecast.mean)[1])
    low, high = np.clip(_interval(ahead, std, weights), usual - within.high, usual - within.low)
    return Gain(default, float(weights @ ahead / weights.sum()), float(low), float(high))


def _in_losses(forecast: Forecast) -> tuple[Floats, Floats]:
    """The scenarios of a forecast (s, n) and the spread within each, in units of loss."""
    scenarios = forecast.scenarios
    assert scenarios is not None
    spread = np.zeros_like(scenarios) if forecast.spread is None else forecast.spread
    if forecast.as_losses is None:
        return scenarios, spread
    high, low = forecast.as_losses(scenarios + spread), forecast.as_losses(scenarios - spread)
    return forecast.as_losses(scenarios), (high - low) / 2


def _interval(means: Floats, stds: Floats, weights: Floats) -> tuple[float, float]:
    """Where the middle 80 % of a mixture of normals lie: each stands for its own tenths and its middle."""
    values = np.concatenate([means - NORMAL * stds, means, means + NORMAL * stds])
    order = np.argsort(values)
    reached = np.cumsum(np.tile(weights, 3)[order]) / (3 * weights.sum())
    places = np.searchsorted(reached, [(1 - SHARE) / 2, (1 + SHARE) / 2]).clip(0, len(values) - 1)
    low, high = values[order][places]
    return float(low), float(high)
