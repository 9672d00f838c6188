"""Which of several metrics counts, and which way it points, as far as its name tells."""

import re
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from foretune.data.errors import MetricError
from foretune.data.metrics import LOWER_IS_BETTER, metric_of_scorer
from foretune.history.readers.told import KNOWN, metric_pointing

MOST_NAMED: Final = 8  # metrics that an error lists
HELD_OUT: Final = re.compile(r"^(val|valid|validation|test|eval|cv|mean|best|final)[_/. -]+")
MEASURED: Final = re.compile(r"^(train|training|min|max)[_/. -]+(\w*(loss|acc|error|auc|score)|f1|r2)")
OTHER_WORDS: Final = {"acc": "accuracy", "auc": "roc_auc", "logloss": "log_loss", "f1": "f1_macro"}


def metric_among(scores: Sequence[Mapping[str, Any]], given: str | None) -> str:
    """The metric given, or the only one that the runs measured.

    Raises `MetricError`, which lists those there are, where they did not measure it, or several and none is
    given.
    """
    counts = Counter(name for one in scores for name in one)
    listed = ", ".join(repr(name[:60]) for name, _ in counts.most_common(MOST_NAMED))
    more = f" and {len(counts) - MOST_NAMED} more" if len(counts) > MOST_NAMED else ""
    if not counts:
        raise MetricError("no run that ended measured anything: a metric is needed to learn from.")
    if given is None and len(counts) > 1:
        raise MetricError(f"the runs measured {listed}{more}: say which counts, as metric (--metric).")
    if given is not None and given not in counts:
        near = get_close_matches(given, list(counts)[:1000], n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"they have {listed}{more}."
        raise MetricError(f"no run measured {given[:60]!r}: {hint}")
    return given or next(iter(counts))


def pointing(measured: str, direction: str | None) -> str:
    """The metric under a name of foretune's that points the direction; a warning tells what was read into it.

    "val_accuracy" is accuracy, measured on held-out data. Raises `MetricError` where neither the name nor the
    direction tells which way it points.
    """
    metric = _pointing(measured, direction)
    if metric != measured and direction is None:
        warnings.warn(f"the metric {measured!r} is taken for {metric}.", stacklevel=3)
    return metric


def points_down(measured: str, direction: str | None) -> bool:
    """Whether less of the metric is better; see `pointing` for the errors."""
    return _pointing(measured, direction) in LOWER_IS_BETTER


def seems_measured(name: str) -> bool:
    """Whether a column of this name holds what was measured rather than what was tried.

    >>> seems_measured("val/accuracy"), seems_measured("train_loss"), seems_measured("learning_rate")
    (True, True, False)
    """
    word = name.lower()
    if HELD_OUT.match(word) or MEASURED.match(word):
        return True
    return metric_of_scorer(OTHER_WORDS.get(word, word)) in KNOWN or word in ("epoch", "step", "global_step")


def _pointing(measured: str, direction: str | None) -> str:
    word = HELD_OUT.sub("", measured.lower())
    known = OTHER_WORDS.get(word, word if word.startswith("neg_") else metric_of_scorer(word))
    if measured in KNOWN or known not in KNOWN:
        return metric_pointing(measured, direction)
    try:
        return metric_pointing(known, direction)
    except MetricError:
        return metric_pointing(measured, direction)
