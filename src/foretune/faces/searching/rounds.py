"""Rounds of a cross-validated search: a batch of settings at a time, all on the same folds."""

import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from sklearn.exceptions import FitFailedWarning

from foretune.faces.searching.candidates import Settings
from foretune.faces.searching.search import Outcome, outcomes_of

NOT_FINITE: Final = "One or more of the {} scores are non-finite"  # as scikit-learn says it
ALL_FAILED: Final = re.compile(r"All the \d+ fits failed")


class SameFolds:
    """A splitter that splits once, and then gives the same folds again: else rounds would not compare."""

    def __init__(self, splitter: Any) -> None:
        self._splitter = splitter
        self._folds: list[Any] = []

    def split(self, X: Any, y: Any = None, **params: Any) -> list[Any]:
        """The (train, test) rows of each fold."""
        if not self._folds:
            self._folds = list(self._splitter.split(X, y, **params))
        return self._folds


class Rounds:
    """Evaluates settings round by round, and says what each came to by the score called `metric`.

    scikit-learn refuses a round in which every fit failed. Its settings are tried again beside the next
    round's, so that they stand in `cv_results_` as they would after a grid search. `rows` holds the trials in
    the order of `cv_results_`.
    """

    def __init__(
        self, owner: Any, evaluate: Callable[..., Any], metric: str, context: Any, most: int
    ) -> None:
        self._owner, self._evaluate, self._metric = owner, evaluate, metric
        self._folds = SameFolds(owner._checked_cv_orig)
        self._context = context and context.subcontext(
            task_name="search", max_subtasks=most
        ).call_on_fit_task_begin(estimator=owner)
        self.rows: list[int] = []
        self._trials = 0
        self._held: list[tuple[int, Settings]] = []
        self._failure: ValueError | None = None
        self._scores: dict[str, Any] = {}

    def run(self, batch: Sequence[Settings]) -> list[Outcome]:
        """What the settings of one more round came to."""
        tried = [*self._held, *enumerate(batch, start=self._trials)]
        self._trials += len(batch)
        try:
            with self._round(len(tried)) as options, warnings.catch_warnings():
                # Of all rows, and at each round anew: the search says it once, in the end.
                warnings.filterwarnings("ignore", NOT_FINITE.format(r"\w+"))
                results = self._evaluate([one for _, one in tried], cv=self._folds, **options)
        except ValueError as error:
            if not ALL_FAILED.search(str(error)):
                raise
            self._held, self._failure = tried, error
            return [Outcome(())] * len(batch)
        self.rows += [place for place, _ in tried]
        self._held = []
        self._scores = {
            name: values for name, values in results.items() if name.startswith(("mean_test_", "mean_train_"))
        }
        return outcomes_of(results, len(self.rows) - len(batch), self._metric)

    def end(self) -> None:
        """Closes the search; raises scikit-learn's `ValueError` where nothing but failures was seen."""
        if self._failure and not self.rows:
            raise self._failure
        if self._held:
            many = len(self._held) > 1
            last = f"{len(self._held)} settings, the last ones" if many else "1 setting, the last one"
            warnings.warn(
                f"{last} tried, failed on every fold and {'are' if many else 'is'} not in "
                f"cv_results_: {[one for _, one in self._held]}.",
                FitFailedWarning,
                stacklevel=2,
            )
        for name, values in self._scores.items():
            if not np.isfinite(values).all():
                warnings.warn(f"{NOT_FINITE.format(name.split('_')[1])}: {values}", stacklevel=2)
        if self._context:
            self._context.call_on_fit_task_end(estimator=self._owner)

    @contextmanager
    def _round(self, settings: int) -> Iterator[dict[str, Any]]:
        """What scikit-learn's callbacks want to be told of a round; before version 1.9 there are none."""
        if self._context is None:
            yield {}
            return
        fits = settings * self._owner.n_splits_
        context = self._context.subcontext(
            task_name="round", max_subtasks=fits, sequential_subtasks=False
        ).call_on_fit_task_begin(estimator=self._owner)
        yield {"callback_ctx": context}
        context.call_on_fit_task_end(estimator=self._owner)
