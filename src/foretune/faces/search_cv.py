"""`MetaSearchCV`: scikit-learn's cross-validated search, its trials chosen by what the past knows."""

import math
import time
import warnings
from collections.abc import Callable, Mapping
from math import ceil
from numbers import Integral, Real
from os import PathLike
from typing import Any, ClassVar, Final, Self

import numpy as np
from ConfigSpace import ConfigurationSpace
from joblib import effective_n_jobs
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import check_random_state, get_tags
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from foretune.data.errors import HistoryError, LearningError
from foretune.faces.searching.dataset_at_hand import protocol_of
from foretune.faces.searching.estimators import Model, preprocessed
from foretune.faces.searching.opening import HistoryAt, Request, leading_score, open_search, opened, said_by
from foretune.faces.searching.rounds import Rounds
from foretune.faces.searching.search import Search
from foretune.learners.learner import Learner
from foretune.recommender.explanation import Explanation
from foretune.recommender.recommender import DEFAULT_LEARNER, LEARNERS

TOLERANCE: Final = 0.01  # of the outlook, where the user names none


class SearchWarning(UserWarning):
    """What a search does otherwise than its user may expect."""


class MetaSearchCV(BaseSearchCV):  # type: ignore[misc] # scikit-learn has no types
    """A search in the place of GridSearchCV or RandomizedSearchCV that tries the most promising first.

    What it takes and what it brings is what those do: `scoring`, `cv`, `refit`, `cv_results_`, `best_params_`
    and so on. Of its own are

    - `param_space`: the settings that may be tried. A grid (a dict of lists, or a list of such): its cells
      alone, with the very objects given. A dict with scipy distributions, a `ConfigurationSpace`, or None:
      the wide space of the estimator's family. What is set on the estimator other than by default, and is
      not in `param_space`, stays as it is.
    - `n_trials`: how many settings are tried, at most.
    - `time_budget`: seconds for `fit`; a round of trials that would outlast them is not begun.
    - `tolerance`: stop when it is 95 % sure that no setting is better than the best by more than this, in
      units of the score.
    - `history`: a url such as "sqlite:///tuning.db", or an open history: past tasks are read from it, and the
      search is written to it.
    - `experience`: whether the past that ships with foretune is used.
    - `learner`: how the past is learned from.
    - `aliases`: today's names of hyperparameters that had others in the past, {"eta": "learning_rate"}.
    - `preprocess`: puts the preprocessing of the experience in front of the estimator; the parameters'
      names then have the prefixes of the pipeline that it makes.

    With `n_jobs=k` a round tries k settings, all different, which were chosen before any of them was scored.
    A grid of no more than `n_trials` cells is searched as GridSearchCV does it, in one round and its order,
    unless `time_budget` or `tolerance` may end it sooner.

    After `fit` there are also `recommendations_` (for each row of `cv_results_` what was expected of it, and
    which past tasks said so; empty where all cells were tried anyway, NaN where nobody can know), `outlook_`
    (what a longer search would still bring; None where every trial failed, or scores of a kind or a model
    that the past does not have do not show yet how far they differ), `notes_` (what was assumed, a sentence
    each) and `task_` (the search as a `Task`); `explain` says why a setting was tried.

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> search = MetaSearchCV(SVC(), {"C": [0.1, 1, 10], "gamma": [0.01, 0.1]}, n_trials=2)
    >>> bool(search.fit(*load_iris(return_X_y=True)).best_score_ > 0.95)
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseSearchCV._parameter_constraints,
        "param_space": [dict, list, tuple, ConfigurationSpace, None],
        "n_trials": [Interval(Integral, 1, None, closed="left")],
        "time_budget": [Interval(Real, 0, None, closed="neither"), None],
        "tolerance": [Interval(Real, 0, None, closed="left"), None],
        "history": [str, PathLike, HasMethods(["add", "tasks"]), None],
        "experience": ["boolean"],
        "learner": [StrOptions({*LEARNERS}), HasMethods(["fit", "forecast"])],
        "aliases": [dict, None],
        "preprocess": ["boolean"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any,
        param_space: Any = None,
        *,
        n_trials: int = 10,
        time_budget: float | None = None,
        tolerance: float | None = None,
        history: HistoryAt | None = None,
        experience: bool = True,
        learner: str | Learner = DEFAULT_LEARNER,
        aliases: Mapping[str, str] | None = None,
        preprocess: bool = False,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: bool | str | Callable[[Mapping[str, Any]], int] = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        random_state: int | np.random.RandomState | None = None,
        error_score: float | str = np.nan,
        return_train_score: bool = False,
    ) -> None:
        super().__init__(
            estimator=estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_space = param_space
        self.n_trials = n_trials
        self.time_budget = time_budget
        self.tolerance = tolerance
        self.history = history
        self.experience = experience
        self.learner = learner
        self.aliases = aliases
        self.preprocess = preprocess
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        """What the search takes: what its estimator does, or any dense table behind the preprocessing."""
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator).input_tags
        tags.input_tags.allow_nan = inner.allow_nan or self.preprocess
        tags.input_tags.string = inner.string or self.preprocess
        tags.input_tags.sparse = inner.sparse and not self.preprocess
        return tags

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """The search itself, having tried settings on X (n, d) and y, and fitted the best of them again.

        `params` go to the estimator, the scorer and the splitter, as they do in GridSearchCV. Raises
        `ValueError` for an argument that does not fit; `SpaceError`, `FamilyError` where there is nothing to
        search, and `HistoryError` where the history cannot be opened.
        """
        if self.preprocess is not True:
            super().fit(X, y, **params)
            return self
        # scikit-learn fits clones of self.estimator, so that for as long as the search takes it is the
        # estimator with the preprocessing in front; what the user gave is back in its place in the end.
        self._given: Any = self.estimator
        try:
            self.estimator: Any = preprocessed(self._given)
            super().fit(X, y, **params)
        finally:
            self.estimator = self.__dict__.pop("_given")
        return self

    def explain(self, row: int | None = None) -> Explanation:
        """Why the setting in this row of `cv_results_` was tried; without a row, the best one.

        It is what was known when it was chosen: text when printed, a picture in a notebook, `as_json()`.
        Raises `LearningError` where no past chose it, or the search was unpickled: it leaves the past behind.
        """
        check_is_fitted(self, "task_")
        if row is None and not hasattr(self, "best_index_"):
            raise LearningError("the search has no best row: refit is off: give the row of cv_results_.")
        chosen = self.best_index_ if row is None else row
        found: tuple[Search, list[int]] | None = self.__dict__.get("_search")
        if found is None:
            raise LearningError("an unpickled search left the past behind: explain it before, or fit again.")
        search, rows = found
        if not 0 <= chosen < len(rows):
            raise LearningError(f"there is no row {chosen}: cv_results_ has the rows 0 to {len(rows) - 1}.")
        return search.explain(rows[chosen])

    def __getstate__(self) -> dict[str, Any]:
        """The search without the past that advised it, which would travel with every copy."""
        return {name: value for name, value in super().__getstate__().items() if name != "_search"}

    def _check_input_parameters(self, X: Any, y: Any, split_params: Mapping[str, Any]) -> None:
        """Opens the search: it is here that scikit-learn shows the data, before `_run_search`.

        The data are looked at, and not kept: the search travels to worker processes with every fit.
        """
        self._began = time.perf_counter()
        self._opened = open_search(self._request(), X, y)

    def _request(self) -> Request:
        _, scorer = leading_score(self.scoring, self.refit)
        model = Model.of(getattr(self, "_given", self.estimator), preprocess=self.preprocess)
        return Request(
            model,
            self.param_space,
            self.n_trials,
            not (self.time_budget is None and self.tolerance is None),
            scorer,
            self.history,
            self.experience,
            self.learner,
            self.aliases or {},
            protocol_of(self._checked_cv_orig, self.estimator, model.varied(self.param_space)),
            check_random_state(self.random_state),
        )

    def _run_search(self, evaluate_candidates: Callable[..., Any], *, callback_ctx: Any = None) -> None:
        """Asks for settings, has them evaluated, and takes in what came of them, round after round."""
        search, notes = self.__dict__.pop("_opened")
        for note in notes:
            warnings.warn(note, SearchWarning, stacklevel=5)  # where the user called fit
        size = effective_n_jobs(self.n_jobs) if search.adviser else self.n_trials
        guide, _ = leading_score(self.scoring, self.refit)
        rounds = Rounds(self, evaluate_candidates, guide, callback_ctx, ceil(self.n_trials / size))
        began, latest = self.__dict__.pop("_began"), 0.0
        while self._goes_on(search, time.perf_counter() - began, latest):
            round_began = time.perf_counter()
            batch = search.ask(min(size, self.n_trials - len(search.task.trials)))
            if not batch:
                break
            search.tell(rounds.run(batch))
            latest = time.perf_counter() - round_began
            self._report(search, len(batch))
        rounds.end()
        self._conclude(search, notes, rounds.rows)

    def _goes_on(self, search: Search, seconds: float, latest: float) -> bool:
        """Whether one more round is wanted, and can be afforded if it takes as long as the latest one.

        The first one always is.
        """
        trials = len(search.task.trials)
        if not trials or trials >= self.n_trials:
            return not trials
        if self.tolerance is not None:
            outlook = search.outlook(self.tolerance)
            if outlook is not None and outlook.stop:
                return False
        if self.time_budget is None:
            return True
        best = search.task.best
        refit = (best.seconds or 0.0) / self.n_splits_ if best and self.refit else 0.0
        return seconds + latest + refit <= self.time_budget

    def _report(self, search: Search, latest: int) -> None:
        if self.verbose <= 0:
            return
        for one in search.recommendations[-latest:]:
            if math.isnan(one.loss):  # in units that the past does not know
                continue
            past = f"{one.history_weight:.0%} of it by the past"
            print(f"[MetaSearchCV] expected {-one.loss:.4g} ± {one.std:.2g}, {past}")
        best = search.task.best
        score = None if best is None or best.loss is None else f"{-best.loss:.4g}"
        tried = len(search.task.trials)
        print(f"[MetaSearchCV] {tried} trial{'s' * (tried > 1)}, best score {score}")

    def _conclude(self, search: Search, notes: list[str], rows: list[int]) -> None:
        """Leaves what the search knows, and writes it to the history."""
        self.task_, self._search = search.task, (search, rows)
        self.notes_ = [*notes, *said_by(search)]
        self.recommendations_ = [search.recommendations[row] for row in rows if search.recommendations]
        self.outlook_ = search.outlook(TOLERANCE if self.tolerance is None else self.tolerance)
        if self.history is None:
            return
        try:
            with opened(self.history) as history:
                if history is not None:
                    history.add(search.task)
        except HistoryError as error:
            # What took hours to find is not thrown away because it could not be written down.
            warnings.warn(f"the search is not in the history: {error}", SearchWarning, stacklevel=2)
