"""What MetaSampler promises to those who tune with Optuna."""

import copy
import logging
import math
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("optuna")

import optuna
from ConfigSpace import ConfigurationSpace, Float

import foretune
from foretune.data.errors import HistoryError, LearningError, SpaceError
from foretune.data.records import Task, Trial
from foretune.faces.optuna_sampler import MetaSampler
from foretune.history.readers.optuna import read_optuna

Objective = Callable[[optuna.Trial], float]


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def quadratic(x: float = 2.0, y: float = -3.0, sign: float = 1.0) -> Objective:
    """An objective with its best value 0 at (x, y)."""

    def objective(trial: optuna.Trial) -> float:
        off = (trial.suggest_float("x", -5, 5) - x) ** 2 + (trial.suggest_float("y", -5, 5) - y) ** 2
        return sign * off

    return objective


def past_of(
    objective: Objective, studies: int = 20, trials: int = 20, direction: str = "minimize"
) -> optuna.storages.InMemoryStorage:
    """A storage in which the objective was searched so often, at random."""
    storage = optuna.storages.InMemoryStorage()
    for k in range(studies):
        study = optuna.create_study(
            storage=storage, direction=direction, sampler=optuna.samplers.RandomSampler(seed=k)
        )
        study.optimize(objective, n_trials=trials)
    return storage


def ask(sampler: MetaSampler, objective: Objective, trials: int = 1, **options: Any) -> optuna.Study:
    """A study of so many trials with the sampler."""
    study = optuna.create_study(sampler=sampler, **options)
    study.optimize(objective, n_trials=trials)
    return study


@pytest.fixture(scope="module")
def past() -> optuna.storages.InMemoryStorage:
    """20 studies of one quadratic."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return past_of(quadratic())


def test_the_first_trial_is_where_the_past_was_best(past: optuna.storages.InMemoryStorage) -> None:
    """Taught by 20 studies of one objective, the first trial is within the best hundredth of the space."""
    study = ask(MetaSampler(past, seed=0), quadratic())
    assert study.best_value < 100 / 100 / math.pi


def test_five_trials_beat_thirty_of_tpe(past: optuna.storages.InMemoryStorage) -> None:
    """With that past, 5 trials come closer than 30 of TPE's, for each of three seeds."""
    for seed in range(3):
        cold = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
        cold.optimize(quadratic(2.1, -2.9), n_trials=30)
        warm = ask(MetaSampler(past, seed=seed), quadratic(2.1, -2.9), 5)
        assert warm.best_value <= cold.best_value


@pytest.mark.parametrize("then", ["minimize", "maximize"])
@pytest.mark.parametrize("now", ["minimize", "maximize"])
def test_directions_are_turned(then: str, now: str) -> None:
    """Whichever way past studies went, a study that goes either way begins where theirs were best."""
    sign = {"minimize": 1.0, "maximize": -1.0}
    past = past_of(quadratic(sign=sign[then]), 5, direction=then)
    study = ask(MetaSampler(past, seed=0), quadratic(sign=sign[now]), direction=now)
    assert abs(study.best_value) < 2.0


def test_a_study_does_not_teach_itself(tmp_path: Path) -> None:
    """Where its own storage is the past, a study that is taken up again has no past but the others."""
    url = f"sqlite:///{tmp_path / 'one.db'}"
    study = optuna.create_study(storage=url, study_name="mine", sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(quadratic(), n_trials=4)
    again = optuna.load_study(study_name="mine", storage=url, sampler=MetaSampler(url, seed=0))
    with pytest.warns(UserWarning, match="no past study has most"):
        again.optimize(quadratic(), n_trials=2)


def test_a_study_of_the_same_name_elsewhere_teaches(past: optuna.storages.InMemoryStorage) -> None:
    """The name alone does not make a past study the live one."""
    name = optuna.get_all_study_names(past)[0]
    study = ask(MetaSampler(read_optuna(past, study=name), seed=0), quadratic(), study_name=name)
    assert study.best_value == optuna.load_study(study_name=name, storage=past).best_value


def test_the_first_study_in_a_storage_may_name_it_as_its_past(tmp_path: Path) -> None:
    """A storage that the study itself creates is an empty past at first, and a past for the next study."""
    url = f"sqlite:///{tmp_path / 'new.db'}"
    with pytest.warns(UserWarning, match="there is nothing at"):
        sampler = MetaSampler(url, seed=0)
    first = optuna.create_study(storage=url, sampler=sampler)
    with pytest.warns(UserWarning, match="no past study has most"):
        first.optimize(quadratic(), n_trials=12)
    second = optuna.create_study(storage=url, sampler=sampler)
    second.optimize(quadratic(), n_trials=1)
    assert second.best_value == pytest.approx(first.best_value)


def test_values_are_within_what_is_asked_for(past: optuna.storages.InMemoryStorage) -> None:
    """From the first trial on, values are in today's ranges and on today's steps, whatever the past had."""

    def objective(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", -1.0, 0.8, step=0.3)
        y = trial.suggest_int("y", 1, 9, step=4)
        return (x - 2) ** 2 + (y + 3) ** 2

    study = ask(MetaSampler(past, seed=0), objective, 6)
    assert study.trials[0].params == {"x": 0.8, "y": 1}
    assert {trial.params["y"] for trial in study.trials} <= {1, 5, 9}
    assert len({(trial.params["x"], trial.params["y"]) for trial in study.trials}) == 6


def test_a_linear_range_may_become_a_log_one_and_choices_may_be_new() -> None:
    """A study that asks for a parameter on another scale, or with new choices, is served, from trial 1 on."""

    def then(trial: optuna.Trial) -> float:
        off = (trial.suggest_float("lr", 0.001, 1.0) - 0.3) ** 2
        return off + (trial.suggest_categorical("kind", ["a", "b"]) == "a")

    def now(trial: optuna.Trial) -> float:
        off = (trial.suggest_float("lr", 0.001, 10.0, log=True) - 0.3) ** 2
        return off + (trial.suggest_categorical("kind", ["a", "b", "c"]) != "b")

    study = ask(MetaSampler(past_of(then, 5), seed=0), now, 4)
    assert study.trials[0].params["kind"] == "b"
    assert study.trials[0].params["lr"] == pytest.approx(0.3, abs=0.1)


def test_renamed_parameters_still_teach(past: optuna.storages.InMemoryStorage) -> None:
    """With aliases, from today's names to former ones, the past of renamed parameters is used."""

    def renamed(trial: optuna.Trial) -> float:
        return (trial.suggest_float("a", -5, 5) - 2) ** 2 + (trial.suggest_float("b", -5, 5) + 3) ** 2

    study = ask(MetaSampler(past, aliases={"a": "x", "b": "y"}, seed=0), renamed, 3)
    assert study.trials[0].value < 2.0


def test_what_is_assumed_is_said_once(
    past: optuna.storages.InMemoryStorage, caplog: pytest.LogCaptureFixture
) -> None:
    """A parameter that the past did not have is told in one message of the log, not in each trial."""

    def wider(trial: optuna.Trial) -> float:
        return quadratic()(trial) + trial.suggest_float("z", 0, 1)

    with caplog.at_level(logging.WARNING, "foretune"):
        ask(MetaSampler(past, seed=0), wider, 4)
    said = [record.getMessage() for record in caplog.records if record.name.startswith("foretune")]
    assert len(said) == 1
    assert "z was not searched" in said[0]


def conditional(trial: optuna.Trial) -> float:
    """An objective whose best value 0 is in one branch of two."""
    if trial.suggest_categorical("model", ["svm", "forest"]) == "svm":
        return 1.0 + abs(math.log10(trial.suggest_float("C", 1e-3, 1e3, log=True)))
    layers = trial.suggest_int("layers", 1, 3)
    second = abs(trial.suggest_float("second", 0, 1) - 0.5) if layers > 1 else 0.5
    return abs(layers - 2) + second


def test_conditional_parameters_are_proposed_with_their_parents() -> None:
    """From the first trial on, the values of a branch are those that were good in it."""
    study = ask(MetaSampler(past_of(conditional, 8, 30), seed=0), conditional, 3)
    assert study.trials[0].params["model"] == "forest"
    assert study.trials[0].params["layers"] == 2
    assert study.best_value < 0.1


def test_a_branch_that_the_study_has_not_seen_is_still_proposed() -> None:
    """After trials in one branch alone, a config of the other comes whole from the past."""
    study = optuna.create_study(sampler=MetaSampler(past_of(conditional, 8, 30), seed=0))
    study.enqueue_trial({"model": "svm", "C": 1.0})
    study.optimize(conditional, n_trials=2)
    assert study.trials[1].params["model"] == "forest"
    assert study.trials[1].value < 0.3


def test_the_same_seed_gives_the_same_trials(past: optuna.storages.InMemoryStorage) -> None:
    """Two studies with equal seeds are equal; so is one whose sampler was pickled, or copied."""
    sampler = MetaSampler(past_of(quadratic(), 3), seed=1)
    runs = [sampler, copy.deepcopy(sampler), MetaSampler(read_optuna(past)[:3], seed=1)]
    runs += [pickle.loads(pickle.dumps(runs[2]))]
    found = [[trial.params for trial in ask(one, quadratic(1, 1), 14).trials] for one in runs]
    assert found[0] == found[1]
    assert found[2] == found[3]


def test_workers_try_different_configs(past: optuna.storages.InMemoryStorage) -> None:
    """Trials that are under way, told or not told yet, are not proposed to other workers."""
    study = optuna.create_study(sampler=MetaSampler(past, seed=0))
    other = optuna.create_study(sampler=MetaSampler(past, seed=0))
    trials = [study.ask() for _ in range(4)]
    values = [(trial.suggest_float("x", -5, 5), trial.suggest_float("y", -5, 5)) for trial in trials]
    assert len({*values}) == 4
    threads = ask(MetaSampler(past, seed=0), quadratic(), 8, study_name="threads")
    assert len({tuple(trial.params.values()) for trial in threads.trials}) == 8
    other.optimize(quadratic(), n_trials=8, n_jobs=4)
    assert len({tuple(trial.params.values()) for trial in other.trials}) == 8


def test_processes_on_one_storage_try_different_configs(
    past: optuna.storages.InMemoryStorage, tmp_path: Path
) -> None:
    """Two samplers that share nothing but the storage propose different first configs."""
    url = f"sqlite:///{tmp_path / 'live.db'}"
    optuna.create_study(storage=url, study_name="shared")
    workers = [
        optuna.load_study(study_name="shared", storage=url, sampler=MetaSampler(past, seed=0))
        for _ in range(3)
    ]
    trials = [worker.ask() for worker in workers]  # all have begun before any has asked for a value
    values = [(trial.suggest_float("x", -5, 5), trial.suggest_float("y", -5, 5)) for trial in trials]
    assert len({*values}) == 3


@pytest.mark.parametrize("shared", [True, False])
def test_workers_that_begin_together_all_begin_with_the_past(
    shared: bool, past: optuna.storages.InMemoryStorage
) -> None:
    """While one has shown a part of its parameters and none has ended, another gets a whole config."""
    storage, sampler = optuna.storages.InMemoryStorage(), MetaSampler(past, seed=0)
    study = optuna.create_study(storage=storage, sampler=sampler)
    sampler = sampler if shared else MetaSampler(past, seed=0)
    other = optuna.load_study(study_name=study.study_name, storage=storage, sampler=sampler)
    first = study.ask()
    first.suggest_float("x", -5, 5)
    second = other.ask()
    assert quadratic()(second) < 100 / 100 / math.pi * 3  # three hundredths of the space
    assert quadratic()(first) < 100 / 100 / math.pi
    assert first.params != second.params


@pytest.mark.parametrize("finished", [0, 3])
def test_a_trial_that_has_shown_a_part_is_not_proposed_again(
    finished: int, past: optuna.storages.InMemoryStorage
) -> None:
    """What another process has shown one parameter of counts as tried, whoever asks next."""
    storage = optuna.storages.InMemoryStorage()
    first = optuna.create_study(storage=storage, sampler=MetaSampler(past, seed=0))
    first.optimize(quadratic(), n_trials=finished)
    others = [
        optuna.load_study(study_name=first.study_name, storage=storage, sampler=MetaSampler(past, seed=0))
        for _ in range(2)
    ]
    begun = first.ask()
    begun.suggest_float("x", -5, 5)
    for other in others:
        quadratic()(other.ask())
    quadratic()(begun)
    assert len({tuple(trial.params.values()) for trial in first.trials}) == finished + 3


def test_what_was_overruled_is_not_proposed_again(past: optuna.storages.InMemoryStorage) -> None:
    """Where a parameter is fixed by others, the rest of a proposal is still new in each trial."""
    study = optuna.create_study(sampler=MetaSampler(past))
    for _ in range(6):
        study.enqueue_trial({"x": 4.0})
    study.optimize(quadratic(), n_trials=6)
    assert len({trial.params["y"] for trial in study.trials}) == 6


def test_a_worker_that_is_gone_is_not_waited_for(past: optuna.storages.InMemoryStorage) -> None:
    """A trial that was left running before it had any parameter is in nobody's way once a later one ended."""
    third = []
    for left in (True, False):
        study = optuna.create_study(sampler=MetaSampler(past))
        gone = study.ask()
        if not left:
            study.tell(gone, state=optuna.trial.TrialState.FAIL)
        study.optimize(quadratic(), n_trials=2)
        third.append(study.trials[2].params)
    assert third[0] == third[1]


def test_failed_trials_are_not_repeated(past: optuna.storages.InMemoryStorage) -> None:
    """A config that failed is not proposed again, and the search goes on."""

    def failing(trial: optuna.Trial) -> float:
        value = quadratic()(trial)
        if trial.number < 2:
            raise ValueError
        return value

    study = optuna.create_study(sampler=MetaSampler(past, seed=0))
    study.optimize(failing, n_trials=4, catch=ValueError)
    assert len({tuple(trial.params.values()) for trial in study.trials}) == 4


def test_pruned_trials_count_by_what_they_showed(past: optuna.storages.InMemoryStorage) -> None:
    """With a pruner the search goes on; a pruned trial counts as the finished one that was most like it."""

    def growing(trial: optuna.Trial) -> float:
        value = quadratic(-2, 3)(trial)
        for step in range(3):
            trial.report(value * (3 - step), step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return value

    pruner = optuna.pruners.MedianPruner(n_startup_trials=2)
    study = ask(MetaSampler(past, seed=0), growing, 15, pruner=pruner)
    states = [trial.state for trial in study.trials]
    assert optuna.trial.TrialState.PRUNED in states
    assert study.best_value < 10


def test_hyperband_is_served(past: optuna.storages.InMemoryStorage) -> None:
    """A pruner that shows the sampler only a part of the trials is served."""

    def growing(trial: optuna.Trial) -> float:
        value = quadratic()(trial)
        for step in range(9):
            trial.report(value + 1 / (step + 1), step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return value

    study = ask(MetaSampler(past, seed=0), growing, 12, pruner=optuna.pruners.HyperbandPruner(1, 9))
    assert len(study.trials) == 12


def test_choices_that_are_exhausted_are_tried_again() -> None:
    """Where every combination of few choices was tried, the study goes on all the same."""

    def choosing(trial: optuna.Trial) -> float:
        return trial.suggest_categorical("a", [1, 2]) + (trial.suggest_categorical("b", [True, None]) is None)

    study = ask(MetaSampler(past_of(choosing, 3, 4), seed=0), choosing, 9)
    assert len(study.trials) == 9
    assert len({tuple(trial.params.items()) for trial in study.trials[:4]}) == 4


def test_a_past_that_is_none_is_told_before_any_trial(tmp_path: Path) -> None:
    """A file of another kind is refused at once; where there is nothing yet a warning says so."""
    (tmp_path / "runs.csv").write_text("C,score\n1,0.5\n")
    with pytest.raises(HistoryError, match=r"runs\.csv is neither a storage of Optuna's nor a history"):
        MetaSampler(tmp_path / "runs.csv")
    for place in (tmp_path / "typo.db", f"sqlite:///{tmp_path}/typo.db"):
        with pytest.warns(UserWarning, match=r"there is nothing at .*typo\.db yet"):
            MetaSampler(place)


def test_a_storage_that_was_just_made_is_a_past(tmp_path: Path) -> None:
    """A journal begins as an empty file: the study's own may be named as its past at once."""
    path = tmp_path / "journal.log"
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(path)))
    (tmp_path / "empty.db").touch()
    MetaSampler(tmp_path / "empty.db")
    study = optuna.create_study(storage=storage, sampler=MetaSampler(path, seed=0))
    with pytest.warns(UserWarning, match="no past study has most"):
        study.optimize(quadratic(), n_trials=2)
    assert len(study.trials) == 2


def test_a_damaged_past_is_one_clear_error(tmp_path: Path) -> None:
    """A journal with a line that is no JSON is named, and so is what is wrong with it."""
    path = tmp_path / "past.log"
    line = '{"op_code": 0, "worker_id": "w", "study_name": "s", "directions": [1]}\n'
    path.write_text(line + '{"op_code"\n' + line)
    with pytest.raises(HistoryError, match=r"past\.log holds what Optuna cannot read .* it is damaged"):
        ask(MetaSampler(path), quadratic())


@pytest.mark.parametrize("kind", ["list", "history", "opened", "pack", "journal", "path"])
def test_the_past_may_lie_anywhere(kind: str, past: optuna.storages.InMemoryStorage, tmp_path: Path) -> None:
    """A list of tasks, a history by url or opened, a pack, a journal's path and a database's all teach."""
    tasks = read_optuna(past)[:3]
    place: Any = tasks
    if kind in ("history", "opened"):
        place = f"sqlite:///{tmp_path / 'history.db'}"
        with foretune.open_history(place) as history:
            history.add(*tasks)
        place = foretune.open_history(place) if kind == "opened" else place
    elif kind == "pack":
        foretune.write_pack(tasks, place := tmp_path / "pack", card={})
    elif kind in ("journal", "path"):
        path = tmp_path / "past.storage"
        storage: Any = f"sqlite:///{path}"
        if kind == "journal":
            backend = optuna.storages.journal.JournalFileBackend(str(path))
            storage = optuna.storages.JournalStorage(backend)
        optuna.copy_study(
            from_study_name=tasks[0].name, from_storage=past, to_storage=storage, to_study_name="copy"
        )
        place = path
    study = ask(MetaSampler(place, seed=0), quadratic())
    assert study.best_value < 8.0  # the median config has 26
    if kind == "opened":
        place.close()


def test_the_shipped_experience_teaches_a_study() -> None:
    """A history of foretune's own families teaches a study whose parameters are theirs."""
    trials = [tuple(Trial({"C": 10.0**k}, abs(k - shift)) for k in range(-3, 4)) for shift in (1, 1, 1)]
    space = ConfigurationSpace()
    space.add(Float("C", (1e-3, 1e3), log=True, default=1.0))
    tasks = [Task(f"t{k}", "svm", space, metric="accuracy", trials=one) for k, one in enumerate(trials)]
    other = [Task("t0", "svm", space, metric="roc_auc", trials=trials[0][:2])]
    study = ask(
        MetaSampler([*tasks, *other], family="svm", metafeatures={"n": 1.0}, seed=0),
        lambda trial: trial.suggest_float("C", 1e-4, 1e4, log=True),
    )
    assert study.trials[0].params["C"] == pytest.approx(10.0)


@pytest.mark.parametrize("unlike", [{}, {"p": 1.0, "q": 2.0, "r": 3.0}])
def test_without_a_matching_past_it_is_tpe(unlike: dict[str, float]) -> None:
    """Where nothing matches, one warning is given, and the trials are those of TPESampler."""

    def other(trial: optuna.Trial) -> float:
        return sum(trial.suggest_float(name, 0, 1) * weight for name, weight in unlike.items())

    past = past_of(other, 3) if unlike else optuna.storages.InMemoryStorage()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = ask(MetaSampler(past, seed=3), quadratic(), 15)
    assert sum("no past study has most" in str(one.message) for one in caught) == 1
    cold = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=3))
    cold.optimize(quadratic(), n_trials=15)
    assert [trial.params for trial in found.trials] == [trial.params for trial in cold.trials]


def test_learning_is_done_once(
    past: optuna.storages.InMemoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The past is read once for a study, and learned from once, while the study goes on."""
    from foretune.faces.sampling import warm_search

    fits: list[int] = []
    fit = warm_search.Auto.fit

    def counted(self: Any, tasks: Any) -> Any:
        fits.append(len(tasks))
        return fit(self, tasks)

    monkeypatch.setattr(warm_search.Auto, "fit", counted)
    ask(MetaSampler(past, seed=0), quadratic(), 12)
    assert fits == [20]


def test_proposals_of_ended_trials_are_forgotten(past: optuna.storages.InMemoryStorage) -> None:
    """A long study does not pile up what was proposed in it."""
    sampler = MetaSampler(past, seed=0)
    ask(sampler, quadratic(), 5)
    (live,) = sampler._studies.values()
    assert not live._proposals
    assert not live._opening


def test_several_objectives_are_refused(past: optuna.storages.InMemoryStorage) -> None:
    """A study with two objectives is told at its first trial which samplers serve it."""
    study = optuna.create_study(directions=["minimize", "maximize"], sampler=MetaSampler(past))
    with pytest.raises(LearningError, match="NSGAIISampler"):
        study.optimize(lambda trial: (quadratic()(trial), 0.0), n_trials=1)


def test_constraints_are_refused(past: optuna.storages.InMemoryStorage) -> None:
    """A study that sets a constraint is told that they are not served, and what to do."""

    def constrained(trial: optuna.Trial) -> float:
        value = quadratic()(trial)
        trial.set_constraint("c", 1.0)
        return value

    study = optuna.create_study(sampler=MetaSampler(past))
    with pytest.raises(LearningError, match="penalty"):
        study.optimize(constrained, n_trials=2)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"past": 3}, HistoryError, "nothing to learn from"),
        ({"past": ["sqlite:///past.db"]}, HistoryError, "nothing to learn from"),
        ({"past": [], "aliases": ["x"]}, SpaceError, "aliases"),
        ({"past": [], "aliases": {"x": 3}}, SpaceError, "hold 3: give texts"),
        ({"past": [], "aliases": {"x": "z", "y": "z"}}, SpaceError, "'x' and 'y' to 'z'"),
        ({"past": [], "metafeatures": [1.0]}, SpaceError, "metafeatures"),
    ],
)
def test_wrong_arguments_are_told_at_once(
    arguments: dict[str, Any], error: type[Exception], match: str
) -> None:
    """What can never be right is an error at construction."""
    with pytest.raises(error, match=match):
        MetaSampler(**arguments)


def test_a_missing_past_and_family_are_told_at_the_first_trial(
    past: optuna.storages.InMemoryStorage, tmp_path: Path
) -> None:
    """A path with nothing there, and a family that the past does not hold, are errors, not silence."""
    with pytest.warns(UserWarning, match="there is nothing at"):
        lost = MetaSampler(f"sqlite:///{tmp_path / 'nowhere.db'}")
    with pytest.raises(HistoryError, match=r"nowhere\.db"):
        ask(lost, quadratic())
    with pytest.raises(LearningError, match="it has x_y"):
        ask(MetaSampler(past, family="svm"), quadratic())


def test_studies_of_one_name_in_two_storages_are_two(past: optuna.storages.InMemoryStorage) -> None:
    """A sampler that serves both learns in each from that study's own trials alone."""
    sampler = MetaSampler(past, seed=0)
    for x in (0.0, 4.0):
        study = optuna.create_study(
            study_name="svm", storage=optuna.storages.InMemoryStorage(), sampler=sampler
        )
        study.optimize(quadratic(x), n_trials=8)
    live = list(sampler._studies.values())[-1]
    assert {round(trial.value or 0.0, 9) for trial in study.trials} >= {
        round(one.loss or 0.0, 9) for one in live._told.values()
    }


def test_a_fixed_or_shifted_parent_is_no_obstacle() -> None:
    """Layers that only deep networks had are served where the depth is fixed, or has another range."""
    storage = optuna.storages.InMemoryStorage()

    def network(trial: optuna.Trial, low: int = 1, high: int = 3) -> float:
        depth = trial.suggest_int("depth", low, high)
        return sum(trial.suggest_float(f"u{k}", 0.0, 1.0) for k in range(depth))

    for seed in range(5):
        one = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(seed))
        one.optimize(network, n_trials=15)
    for low, high in ((2, 2), (3, 4), (4, 6)):
        study = optuna.create_study(sampler=MetaSampler(storage, seed=0))
        study.optimize(lambda trial, low=low, high=high: network(trial, low, high), n_trials=6)  # type: ignore[misc]
        assert len(study.trials) == 6


def test_choices_of_one_text_are_one_choice() -> None:
    """Two objects that are told by the same text do not keep a storage from being read."""
    storage = optuna.storages.InMemoryStorage()
    choices = ("a", "a", "bb")
    past = optuna.create_study(storage=storage)
    past.optimize(lambda trial: float(len(trial.suggest_categorical("c", choices))), n_trials=8)
    (task,) = read_optuna(storage)
    assert len(task.done) == 8


def test_without_optuna_the_extra_is_named() -> None:
    """Where Optuna is not installed, both of its doors say what to install."""
    for name in ("MetaSampler", "read_optuna"):
        code = f"import sys; sys.modules['optuna'] = None; import foretune; foretune.{name}"
        run = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
        error = run.stderr.splitlines()[-1]
        assert "MissingExtraError" in error
        assert "pip install 'foretune[optuna]'" in error
