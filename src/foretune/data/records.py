"""The words of the house as frozen records: Trial, Task, Forecast, Recommendation."""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from foretune.data.errors import SpaceError
from foretune.data.metrics import to_score

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace

Config = Mapping[str, Any]
Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Mask = NDArray[np.bool_]


class Status(StrEnum):
    """Where a trial stands."""

    DONE = "done"
    FAILED = "failed"
    RUNNING = "running"


DONE, FAILED, RUNNING = Status.DONE, Status.FAILED, Status.RUNNING


def plain(value: Any) -> Any:
    """The value as plain Python: numpy scalars become int, float, bool or str; all else stays itself.

    >>> plain(np.int64(3)), plain(True), plain(None)
    (3, True, None)
    """
    return value.item() if isinstance(value, np.generic) else value


def as_tuples(value: Any) -> Any:
    """The value with its lists as tuples: a store returns one as the other, and only tuples can be choices.

    >>> as_tuples([64, [64, 32]])
    (64, (64, 32))
    """
    return tuple(map(as_tuples, value)) if isinstance(value, list | tuple) else value


def canonical(values: Mapping[str, Any]) -> str:
    """One JSON text per mapping, whatever its order; 1, 1.0 and True stay different.

    Raises `SpaceError` where a value is not plain (None, bool, int, float, str, or lists of them).
    """
    try:
        return _ENCODER.encode(values)
    except (TypeError, ValueError) as error:
        raise SpaceError(
            f"{dict(values)!r} cannot be stored: give None, bool, int, finite float or text ({error})."
        ) from None


def _as_json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is not plain")


_ENCODER = json.JSONEncoder(sort_keys=True, allow_nan=False, separators=(",", ":"), default=_as_json)


def _as_numbers(metafeatures: Mapping[str, Any]) -> dict[str, float]:
    """The meta-features as floats, None as NaN; a `SpaceError` where one is neither."""
    found = {}
    for name, value in metafeatures.items():
        try:
            found[name] = math.nan if value is None else float(value)
        except (TypeError, ValueError):
            raise SpaceError(f"the meta-feature {name!r} is {value!r}: give a number, or None.") from None
    return found


def digest(text: str) -> str:
    """A short name (32 hex digits) for a text: equal for equal texts, in every process."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Trial:
    """One evaluated config.

    `loss` is None unless the status is DONE, and then finite. `seconds` is the whole cost of the evaluation.
    `scores` holds what was measured, metric -> one value a fold (a number alone is that of one fold), in the
    metric's own direction; `noise` is the standard error of the loss over those folds; `costs` holds
    fit_seconds, predict_seconds, cpu_seconds and peak_bytes where they were measured. `fidelity` is the
    budget (epochs, rows, trees; None = full), `curve` the losses on the way there. `weight` in (0, 1] says
    how far the trial is trusted. Seconds, noise or a fidelity that is NaN or infinite is None: in a table
    that is an empty cell. Lists in the config become tuples.
    """

    config: Config
    loss: float | None = None
    _: KW_ONLY
    seconds: float | None = None
    status: Status = DONE
    scores: Mapping[str, Sequence[float]] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)
    noise: float | None = None
    fidelity: float | None = None
    curve: tuple[float, ...] = ()
    seed: int | None = None
    repeat: int = 0
    weight: float = 1.0
    reason: str = ""

    def __post_init__(self) -> None:
        config = {name: as_tuples(plain(value)) for name, value in self.config.items()}
        object.__setattr__(self, "config", config)
        if any(isinstance(value, int | float) for value in self.scores.values()):
            scores = {m: (v,) if isinstance(v, int | float) else v for m, v in self.scores.items()}
            object.__setattr__(self, "scores", scores)
        object.__setattr__(self, "status", Status(self.status))
        for name in ("loss", "seconds", "noise", "fidelity"):
            # Adding zero turns -0.0 into 0.0, which no store can lose.
            value = None if getattr(self, name) is None else float(getattr(self, name)) + 0.0
            unknown = value is not None and name != "loss" and not math.isfinite(value)
            object.__setattr__(self, name, None if unknown else value)
        if self.status is DONE and (self.loss is None or not math.isfinite(self.loss)):
            raise SpaceError(
                f"a finished trial needs a finite loss, not {self.loss!r}: "
                "give it status=FAILED with a reason, or RUNNING while it is under way."
            )
        if self.status is not DONE and self.loss is not None:
            raise SpaceError(f"a trial that is {self.status} has no loss, but {self.loss!r} was given.")

    @property
    def key(self) -> str:
        """The identity of the trial within its task: config, fidelity, seed and repeat."""
        return digest(canonical({"c": self.config, "f": self.fidelity, "s": self.seed, "r": self.repeat}))


@dataclass(frozen=True, slots=True)
class Task:
    """One tuning problem: a dataset x a family x a metric, with its space and the trials so far.

    `dataset` is the fingerprint of the data where it is known, `group` names the datasets that are the same
    or near copies. `metafeatures` maps names to floats (NaN = undefined). `provenance` says how the trials
    were made; its entry "protocol" (folds, seed, preprocessing, rows) is part of the task's identity.

    >>> task = Task("churn", "svm", None)
    >>> task.plus(Trial({"C": 1.0}, loss=0.2), Trial({"C": 9.0}, loss=0.1)).best.config
    {'C': 9.0}
    """

    name: str
    family: str
    space: "ConfigurationSpace | None"
    _: KW_ONLY
    metric: str = "accuracy"
    dataset: str | None = None
    group: str | None = None
    metafeatures: Mapping[str, float] = field(default_factory=dict)
    trials: tuple[Trial, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "trials", tuple(self.trials))
        if any(type(value) is not float for value in self.metafeatures.values()):
            object.__setattr__(self, "metafeatures", _as_numbers(self.metafeatures))

    def plus(self, *trials: Trial) -> Self:
        """The same task with these trials after its own."""
        return replace(self, trials=self.trials + trials)

    @property
    def done(self) -> tuple[Trial, ...]:
        """The trials that were finished at full fidelity."""
        return tuple(t for t in self.trials if t.status is DONE and t.fidelity is None)

    @property
    def best(self) -> Trial | None:
        """The finished trial of lowest loss; None where there is none."""
        return min(self.done, key=lambda trial: trial.loss or 0.0, default=None)

    @property
    def key(self) -> str:
        """The identity of the task: dataset (else name), family, metric and protocol."""
        protocol = self.provenance.get("protocol", {})
        return digest(
            canonical(
                {"d": self.dataset or self.name, "f": self.family, "m": self.metric, "p": protocol},
            )
        )


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a learner expects of n configs: `mean` (n,) and `std` (n,), in units of loss.

    A learner that thinks in scenarios also gives `scenarios` (s, n), the losses in each of s of them, and
    their `weights` (s,), which sum to 1; `spread` (s, n) is the standard deviation within each where they are
    not exact, and then a config that was tried has its own loss in every scenario. Before any trial such
    scenarios may be on a scale of their own, the same for all; after it, too, and then `as_losses` turns them
    into losses.

    `shares` (tasks,) tell how much of the forecast rests on each past task (None: the weights do), and
    `history_weight` in [0, 1] how much of it rests on past tasks at all: the rest rests on the task's own
    trials alone, but for `contrary_weight`, what rests on the past upside down. `badness` (tasks, n) in
    [0, 1], early in a search: how far each config was behind on each past task, by which gains are counted.
    """

    mean: Floats
    std: Floats
    scenarios: Floats | None = None
    weights: Floats | None = None
    spread: Floats | None = None
    shares: Floats | None = None
    history_weight: float = 1.0
    contrary_weight: float = 0.0
    as_losses: Callable[[Floats], Floats] | None = None
    badness: Floats | None = None

    @property
    def by_task(self) -> Floats | None:
        """How much of the forecast rests on each past task (tasks,); None where the learner does not tell."""
        return self.weights if self.shares is None else self.shares

    def __len__(self) -> int:
        return len(self.mean)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One past task that a recommendation rests on.

    `similarity` in [0, 1] compares the datasets (1 = the same meta-features; None where one of them has
    none); `weight` in [0, 1] is the share of this task in the recommendation.
    """

    dataset: str
    similarity: float | None
    weight: float


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Try this config next: the loss to expect of it, how sure that is, and the past tasks behind it.

    `history_weight` in [0, 1] is the share of the forecast that rests on past tasks, the rest on this task's
    own trials; it falls when the history misleads. `odds` in [0, 1], where families are compared: that this
    family is the best one for the dataset, or close to it; `fitted` is what this config scored when it was
    fitted there, and `probed` what the family's probe scored, a config that is the same for all datasets.
    `note` is what the user should know besides.
    """

    config: Config
    loss: float
    std: float
    because: tuple[Evidence, ...] = ()
    family: str = ""
    metric: str = "accuracy"
    history_weight: float = 1.0
    note: str = ""
    odds: float | None = None
    fitted: float | None = None
    probed: float | None = None

    @property
    def score(self) -> float:
        """The expected score, in the metric's own direction."""
        return to_score(self.metric, self.loss)


def groups_of(tasks: Iterable[Task]) -> dict[str, list[Task]]:
    """The tasks by the side of the split they must stay on, in order of first appearance."""
    tasks = list(tasks)
    sides: dict[str, list[Task]] = {}
    for task, side in zip(tasks, sides_of(tasks), strict=True):
        sides.setdefault(side, []).append(task)
    return sides


def sides_of(tasks: Sequence[Task]) -> list[str]:
    """What keeps near copies on one side of every split: a word for each task, the same for those.

    Tasks belong together that share a group or a dataset, directly or through others; so do those of one
    name, where for one of them neither is known.

    >>> tasks = [Task("a", "svm", None, dataset="1", group="g"), Task("b", "svm", None, dataset="1")]
    >>> sides_of([*tasks, Task("c", "svm", None, dataset="2"), Task("b", "svm", None)])
    ['g', 'g', '2', 'g']
    """
    nameless = {task.name for task in tasks if not (task.group or task.dataset)}
    known: dict[str, str] = {}

    def first(word: str) -> str:
        while (before := known.setdefault(word, word)) != word:
            known[word] = word = known[before]
        return word

    words = [
        [word for word in (task.group, task.dataset) if word] + ([task.name] if task.name in nameless else [])
        for task in tasks
    ]
    for own, *others in words:
        for other in others:
            known[first(other)] = first(own)
    return [first(own) for own, *_ in words]
