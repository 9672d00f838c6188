"""`auto`: how far to believe the history, learned by rehearsing on the past tasks themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

import numpy as np

from foretune.data.records import Config, Floats, Forecast, Mask, Task, Trial, groups_of
from foretune.learners.gaussian_process import (
    ColdGaussianProcess,
    GaussianProcess,
    Opinion,
    cold_posteriors,
    combined,
    credence,
)
from foretune.learners.learner import taught
from foretune.learners.mixture import Mixture
from foretune.learners.observed import Observed
from foretune.learners.posterior import Posterior
from foretune.learners.relevance import USUAL_NOISE, Relevance
from foretune.learners.threads import ONE_THREAD
from foretune.recommender.acquisition import expected_gain
from foretune.recommender.foretelling import CHANCE, SURE, agreement, foretold
from foretune.recommender.memory import content_key, name_of, recall, remember
from foretune.recommender.ratios import NORMAL, Ratios, by_ratio, compared
from foretune.recommender.stopping import TOLERANCES, Outlook, Stopping, Verdict, signs

# A new task is another draw from where the past ones came from, smoother or less so, or nearly one of them.
# Where all three doubted in full, a reversed history was seen through later (0.086 against 0.044 after 10
# trials); where only the second did, one of twelve tasks of another history was never solved.
OPINIONS: Final = (
    Opinion(smooth=0.1, doubts=1.0),
    Opinion(smooth=0.6),
    Opinion(smooth=0.6, amount=0.1, doubts=0.1),
)
PARTS: Final = 3  # of the past tasks, each rehearsed with what the others teach
REHEARSED: Final = 24  # past tasks at most, and
STEPS: Final = 20  # trials of each at most: more would cost time and say little
FORETOLD: Final = 96  # past tasks at most forecast without a trial: of 24 a weak, honest past seemed chance
FEWEST_TASKS: Final = 6  # with fewer past tasks there is nothing to rehearse on
WATCHED: Final = (0, 1, 2, 5, 10, 20)  # trials after which forecasts are compared with the truth
COLD_SHARE: Final = 0.03  # prior share of "the history says nothing": it costs an honest history least
UNSURE: Final = 1.0  # of the log of the scale of losses where the past is left aside: that may be chance, too
CONTRARY: Final = 0.03  # prior share, within each opinion, of "the history is upside down": it costs nothing
EARLY: Final = 3  # trials, before which the next is chosen by what past tasks lost, as the first is,
KNOWN: Final = 0.9  # where that is no guess: for so many of the candidates, of no more doubt than this,
DOUBT: Final = 1e-3
TRUSTED: Final = 0.5  # and where the history's weight is no less
SHARE: Final = 0.8  # of true losses that a calibrated interval holds
MOST_CONFIGS: Final = 200  # of a past task that take part in its rehearsal


@dataclass(frozen=True)
class Notes:
    """What is written down in rehearsals.

    By the number of trials, errors in stds (m,) of the configs not yet tried; for each task the log evidence
    (opinions + 1,); verdicts on whether a search could have stopped.
    """

    errors: dict[int, list[Floats]]
    evidence: list[Floats] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)


@dataclass(frozen=True)
class Rehearsal:
    """What rehearsals taught.

    `odds` (opinions + 1,) are the prior shares of the opinions, `inflation` (watched,) the factor by which
    the std of a forecast is too small after so many trials, `stopping` when searches could have stopped.
    `relevance` says which columns matter in the space that `space` names. By `foretold` standard errors the
    tasks were foretold by one another better than by nothing.
    """

    odds: Floats
    inflation: Floats
    tasks: int
    stopping: Stopping
    relevance: Relevance
    space: str
    foretold: float = SURE

    def as_json(self) -> dict[str, Any]:
        """The rehearsal as texts, numbers and lists."""
        lists = {name: getattr(self, name).tolist() for name in ("odds", "inflation")}
        kernel = {
            "scales": self.relevance.scales.tolist(),
            "noise": self.relevance.noise,
            "space": self.space,
            "foretold": self.foretold,
        }
        return {**lists, "tasks": self.tasks, **self.stopping.as_json(), **kernel}

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> Self:
        """The rehearsal that `as_json` wrote."""
        odds, inflation, scales = (
            np.array(values[name], dtype=np.float64) for name in ("odds", "inflation", "scales")
        )
        relevance, stopping = Relevance(scales, float(values["noise"])), Stopping.of_json(values)
        tasks, known = int(values["tasks"]), float(values["foretold"])
        return cls(odds, inflation, tasks, stopping, relevance, str(values["space"]), known)


class Auto:
    """The Gaussian processes of the history, and one that knows none, each as far as the trials bear it out.

    Before it is used, it plays on past tasks, each with what the others teach: that says how often which
    opinion about the history was right (their prior odds) and how far off its forecasts were (their
    intervals are widened to be right as often as they say). In a search the odds are updated by every
    trial: `history_weight`, the share that rests on past tasks, falls when these mislead, and
    `contrary_weight` rises where they are right upside down. Past tasks that do not even foretell one another
    are left `aside`. What rehearsals taught is remembered by the content of the past tasks, so that they are
    not repeated. A `rehearsal` that is given takes the place of all.
    """

    def __init__(self, rehearsal: Rehearsal | None = None) -> None:
        self._given = rehearsal

    def fit(self, tasks: Sequence[Task]) -> Self:
        """Rehearses on the tasks, then learns from all of them."""
        useful = taught(tasks)
        self.rehearsal = self._given or _remembered(useful)
        self._by_ratio, learned = by_ratio(useful), compared(useful)
        self._past = GaussianProcess(opinions=OPINIONS, contrary=CONTRARY).fit(learned)
        self._cold = ColdGaussianProcess(unsure=UNSURE).fit(learned) if self.aside else None
        if self.rehearsal.space == name_of(self._past.mixture.space):
            self._past.mixture.surfaces.relevance = self.rehearsal.relevance
        return self

    @property
    def aside(self) -> bool:
        """Whether the past is left aside, as its tasks did not foretell one another better than chance."""
        return self.rehearsal.foretold < CHANCE

    @property
    def chosen(self) -> str:
        """What the rehearsals chose, and why, in one sentence."""
        if self.aside:
            return (
                f"the process without a past: {self.rehearsal.tasks} past tasks do not foretell one another"
            )
        odds = dict(zip((*map(str, OPINIONS), "cold"), self.rehearsal.odds, strict=True))
        shares = ", ".join(f"{name} {share:.0%}" for name, share in odds.items())
        return f"opinions by how likely they made {self.rehearsal.tasks} rehearsed tasks: {shares}"

    def forecast(self, task: Task, configs: Sequence[Config]) -> Forecast:
        """The calibrated average of the opinions; where ratios of losses count, of their logarithms."""
        ratios = Ratios.of(task) if self._by_ratio else None
        task = ratios.told(task) if ratios else task
        with ONE_THREAD.limited():
            if self._cold is not None:
                forecast = self._cold.forecast(task, configs)
            else:
                forecast = opinion(self._past, self.rehearsal.odds, task, configs)
        factor = np.interp(len(task.done), WATCHED, self.rehearsal.inflation)
        widened = _widened(forecast, float(factor))
        return ratios.natural(widened) if ratios else widened

    def outlook(self, task: Task, forecast: Forecast, tried: Mask, tolerance: float) -> Outlook:
        """What a longer search of this task, which has a finished trial, would still bring."""
        stopping = self.rehearsal.stopping
        assert task.best is not None and task.best.loss is not None
        if self._by_ratio:
            return Ratios.of(task).outlook(stopping, forecast, tried, task.best.loss, tolerance)
        return stopping.outlook(forecast, tried, task.best.loss, tolerance)


def opinion(past: GaussianProcess, odds: Floats, task: Task, configs: Sequence[Config]) -> Forecast:
    """The average of the past's opinions and a cold process, by odds (opinions + 1,) and its trials."""
    observed = past.observed(task, configs)
    if not len(observed.tried):
        return past.first(task, observed, len(configs))
    posteriors, shares = _posteriors(past, odds, task, observed)
    n = len(past.opinions)
    resting, against = past.grounds(posteriors[:n], credence(posteriors, shares)[:n])
    weight = min(float(resting.sum()), 1.0)
    forecast = combined(
        posteriors,
        shares,
        observed,
        len(configs),
        shares=resting,
        history_weight=weight,
        contrary_weight=against,
    )
    view = past.view(observed)
    if len(observed.tried) < EARLY and weight >= TRUSTED and (view.doubt <= DOUBT).mean() >= KNOWN:
        # One or two trials weigh past tasks well, but say little of what lies between the configs tried.
        return replace(forecast, badness=view.badness[:, : len(configs)])
    return forecast


def _posteriors(
    past: GaussianProcess, odds: Floats, task: Task, observed: Observed
) -> tuple[list[Posterior], Floats]:
    """The posteriors of the past, then a cold process with each length scale, and their prior shares."""
    cold = cold_posteriors(past.view(observed).points, observed, past.scales)
    shares = np.concatenate([odds[:-1], np.full(len(cold), odds[-1] / len(cold))])
    return [*past.posteriors(task, observed), *cold], shares


def _widened(forecast: Forecast, factor: float) -> Forecast:
    """The forecast with intervals so many times as wide; what is chosen by it stays the same."""
    return replace(forecast, std=forecast.std * factor)


def _remembered(tasks: Sequence[Task]) -> Rehearsal:
    """What rehearsals on these tasks taught, now or before."""
    key = content_key(tasks)
    if known := recall(key):
        return Rehearsal.of_json(known)
    with ONE_THREAD.limited():
        rehearsal = rehearse(tasks)
    remember(key, rehearsal.as_json())
    return rehearsal


def unrehearsed() -> Rehearsal:
    """What is believed before any rehearsal: all opinions alike, but for the cold one's share."""
    n = len(OPINIONS)
    odds = np.array([(1 - COLD_SHARE) / n] * n + [COLD_SHARE])
    nothing = Relevance(np.empty(0), USUAL_NOISE)
    return Rehearsal(odds, np.ones(len(WATCHED)), 0, Stopping.learned([], 1.0), nothing, space="")


def rehearse(tasks: Sequence[Task]) -> Rehearsal:
    """What playing past tasks with what the others teach says about the opinions and their intervals."""
    tasks = compared(tasks)
    sides, mixture = list(groups_of(tasks).values()), Mixture(tasks)
    relevance, space = mixture.surfaces.relevance, name_of(mixture.space)
    if len(sides) < FEWEST_TASKS:
        return replace(unrehearsed(), relevance=relevance, space=space)
    odds = unrehearsed().odds
    notes, agreements = Notes({count: [] for count in WATCHED}), []
    order = np.random.default_rng(0).permutation(len(sides))
    for part in np.array_split(order, PARTS):
        out = set(part.tolist())
        past = [task for k, side in enumerate(sides) if k not in out for task in side]
        taught_by_others = GaussianProcess(opinions=OPINIONS, contrary=CONTRARY).fit(past)
        for k in part[: REHEARSED // PARTS]:
            _play(taught_by_others, odds, sides[k][0], notes)
        agreements += [_agreement(taught_by_others, sides[k][0]) for k in part[: FORETOLD // PARTS]]
    stopping = Stopping.learned(notes.verdicts, taught_by_others.scales.typical)
    learned, inflation = _learned(np.array(notes.evidence), odds), _inflation(notes.errors)
    known = foretold(agreements)
    return Rehearsal(learned, inflation, len(notes.evidence), stopping, relevance, space, known)


def _agreement(past: GaussianProcess, task: Task) -> float:
    """How the first forecast of a task's configs agrees with what was recorded."""
    recorded = _recorded(past, task)
    configs, truth = [trial.config for trial in recorded], _losses(recorded)
    return agreement(past.forecast(_bare(task), configs).mean, truth)


def _recorded(past: GaussianProcess, task: Task) -> list[Trial]:
    """A finished trial of each config, at most so many, drawn at random."""
    recorded = list({past.mixture.encoder.key(t.config): t for t in task.done}.values())
    if len(recorded) <= MOST_CONFIGS:
        return recorded
    picked = np.random.default_rng(0).permutation(len(recorded))[:MOST_CONFIGS]
    return [recorded[k] for k in picked]


def _losses(trials: Sequence[Trial]) -> Floats:
    return np.array([trial.loss for trial in trials], dtype=np.float64)


def _bare(task: Task) -> Task:
    """The task without its trials."""
    return Task(task.name, task.family, task.space, metric=task.metric, metafeatures=task.metafeatures)


def _play(past: GaussianProcess, odds: Floats, task: Task, notes: Notes) -> None:
    """Searches the recorded trials of a task, and notes what that shows."""
    recorded, now = _recorded(past, task), _bare(task)
    configs, truth = [trial.config for trial in recorded], _losses(recorded)
    tried = np.zeros(len(configs), dtype=bool)
    for count in range(min(STEPS, len(configs) - 2) + 1):
        forecast = opinion(past, odds, now, configs)
        if count in notes.errors:
            off = np.abs(truth - forecast.mean) / np.maximum(forecast.std, 1e-12)
            notes.errors[count].append(off[~tried])
        if count:
            notes.verdicts.extend(_verdicts(forecast, tried, truth, past.scales.typical))
        # By the posterior from the first trial on, which tells the opinions apart sooner.
        in_losses = replace(forecast, badness=None)
        gain = expected_gain(in_losses, tried, best=now.best.loss if now.best else None)
        chosen = int(np.argmax(np.where(tried, -np.inf, gain)))
        tried[chosen] = True
        now = now.plus(recorded[chosen])
    if len(now.done) > FEWEST_TASKS:
        posteriors, _ = _posteriors(past, odds, now, past.observed(now, configs))
        logs = np.array([one.evidence for one in posteriors])
        warm, cold = np.split(logs, [len(past.opinions)])
        notes.evidence.append(np.append(warm, np.logaddexp.reduce(cold) - np.log(len(cold))))


def _verdicts(forecast: Forecast, tried: Mask, truth: Floats, spread: float) -> list[Verdict]:
    """For several tolerances, whether the best tried so far was within it of the best of all."""
    best, lowest = float(truth[tried].min()), float(truth.min())
    return [
        Verdict(signs(forecast, tried, best, spread * share), best - lowest <= spread * share)
        for share in TOLERANCES
    ]


def _learned(evidence: Floats, start: Floats) -> Floats:
    """The most likely odds of the opinions about the history, given log evidence (tasks, opinions + 1).

    By expectation maximisation; the share of the cold one stays what it was, as the tasks at hand cannot
    tell how often a history misleads that was collected by others.
    """
    if not len(evidence):
        return start
    odds = start[:-1] / start[:-1].sum()
    likely = np.exp(evidence[:, :-1] - evidence[:, :-1].max(axis=1, keepdims=True))
    for _ in range(50):
        shares = odds * likely
        odds = (shares / shares.sum(axis=1, keepdims=True)).sum(axis=0) + 1.0
        odds = odds / odds.sum()
    return np.append(odds * (1 - start[-1]), start[-1])


def _inflation(errors: dict[int, list[Floats]]) -> Floats:
    """The factors (watched,) that make 80 % intervals hold 80 % of the true losses, task by task alike."""
    found, last = [], 1.0
    for count in WATCHED:
        if parts := [part for part in errors[count] if len(part)]:
            weights = np.concatenate([np.full(len(part), 1 / len(part)) for part in parts])
            last = _quantile(np.concatenate(parts), weights, SHARE) / NORMAL
        found.append(max(last, 1e-3))
    return np.array(found)


def _quantile(values: Floats, weights: Floats, share: float) -> float:
    """The value that this share of the weights does not exceed."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][int(np.searchsorted(reached, share))])
