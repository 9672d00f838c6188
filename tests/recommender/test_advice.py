"""One call from a table to recommendations."""

import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from foretune.collect import sweep
from foretune.collect.datasets import Dataset, load_dataset
from foretune.collect.families import family
from foretune.data.errors import DatasetError, FamilyError, LearningError, MetricError, SpaceError
from foretune.data.records import FAILED, Config, Task, Trial
from foretune.features.metafeatures import describe
from foretune.history.history import History, open_history
from foretune.history.parquet import write_pack
from foretune.history.readers.table import read_table
from foretune.recommender import past, selection
from foretune.recommender.advice import advise, explained, recommend
from foretune.recommender.past import past_tasks
from foretune.testing import RELATED_CELLS, related_task, related_tasks

X = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=list("abc"))
y = pd.Series(np.where(X["a"] > 0, "yes", "no"))


def tree_tasks(loss: float, n: int = 4) -> list[Task]:
    """Past tasks of the tree family, whose first cell has this loss and the others are worse."""
    tree = family("decision_tree")
    trials = tuple(Trial(cell, loss + 0.01 * k) for k, cell in enumerate(tree.cells()))
    space = tree.wide_space("classification")
    return [
        Task(f"tree {k}", "decision_tree", space, trials=trials, metafeatures=describe(X, y))
        for k in range(n)
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a history of related svm tasks is stored."""
    with open_history(tmp_path / "past.db") as opened:
        opened.add(*related_tasks(12))
    return tmp_path / "past.db"


@pytest.fixture
def history(path: Path) -> Iterator[History]:
    """That history, open."""
    with open_history(path) as opened:
        yield opened


def images() -> tuple[np.ndarray, list[str]]:
    """Sixty coloured images (60, 6, 6, 3), every other one darker, and what they show."""
    pixels = np.random.default_rng(0).integers(0, 256, (60, 6, 6, 3), dtype=np.uint8)
    pixels[::2] //= 3
    return pixels, ["dark", "light"] * 30


def test_images_may_be_arrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images as arrays, as rows of pixels with their shape, or as an NPZ file are one dataset."""
    pixels, labels = images()
    assert recommend(pixels, labels, family="cnn", learner="portfolio")[0].family == "cnn"
    rows = pixels.reshape(60, -1)
    np.savez(tmp_path / "shades.npz", x=pixels, y=labels)
    monkeypatch.setattr("foretune.recommender.advice.advise", lambda data, **_: data)
    stored: Any = load_dataset(tmp_path / "shades.npz")
    assert recommend(pixels, labels) == stored
    for flat in (rows, pd.DataFrame(rows), rows.tolist(), csr_matrix(rows), pixels / 255):
        assert recommend(flat, labels, image_shape=(6, 6, 3)) == stored
    grey = recommend(pixels[..., 0], labels)
    assert recommend(pixels[..., 0].reshape(60, -1), labels, image_shape=(6, 6)) == grey
    assert recommend([*pixels[..., 0]], labels) == grey


def test_what_is_no_array_of_images_is_refused() -> None:
    """Rows of pixels without a shape, or with another one, are told what is wanted, and so are odd sides."""
    pixels, labels = images()
    with pytest.raises(FamilyError, match=r"serves images only.* image_shape=\(height, width, channels\)"):
        recommend(pixels.reshape(60, -1), labels, family="cnn")
    for shape in ((6, 6), (6, 6, 6, 3)):
        with pytest.raises(DatasetError, match=r"X has shape \(60, 108\).* no images of image_shape"):
            recommend(pixels.reshape(60, -1), labels, family="cnn", image_shape=shape)
    with pytest.raises(DatasetError, match=r"images have shape \(60, 6, 3, 6\).* 1, 3, 4 channels"):
        recommend(pixels.transpose(0, 1, 3, 2), labels, family="cnn")
    with pytest.raises(DatasetError, match="60 images but 59 labels"):
        recommend(pixels, labels[:-1], family="cnn")


def test_a_history_may_be_open_or_named(history: History, path: Path) -> None:
    """An open history, its path and its url give the same advice, resting on its tasks alone."""
    answers = [
        recommend(X, y, family="svm", n=2, history=one, experience=False, candidates=RELATED_CELLS)
        for one in (history, path, str(path), f"sqlite:///{path}")
    ]
    assert answers.count(answers[0]) == 4
    assert {evidence.dataset for evidence in answers[0][0].because} <= {f"past {k}" for k in range(12)}
    assert {id(one.config) for one in answers[0]} <= {id(cell) for cell in RELATED_CELLS}


@pytest.mark.parametrize(
    ("table", "target"),
    [
        (X, y),
        (X.set_index(np.arange(100, 160)), y.set_axis(np.arange(500, 560))),
        (X.to_numpy(), y.to_numpy()),
        (X.to_numpy().tolist(), y.tolist()),
        (csr_matrix(X.to_numpy()), y.to_frame()),
        (X, y.map({"yes": 1, "no": 0})),
    ],
)
def test_tables_come_in_many_forms(path: Path, table: Any, target: Any) -> None:
    """Frames with any index, arrays and lists of the same table get the same advice."""
    advice = recommend(table, target, family="svm", history=path, experience=False, candidates=RELATED_CELLS)
    usual = recommend(X, y, family="svm", history=path, experience=False, candidates=RELATED_CELLS)
    assert advice[0].config == usual[0].config


def test_history_and_experience_add_up(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are used, a task of both counts once, as the history holds it; either may be left out."""
    shared = related_task("past 0", 0.5, 0.5, cells=RELATED_CELLS[:3])
    write_pack([shared, *tree_tasks(0.1)], tmp_path / "pack", card={"name": "test"})
    monkeypatch.setattr(past, "PACK", tmp_path / "pack")
    own, both, shipped = past_tasks(path, experience=False), past_tasks(path), past_tasks()
    assert [task.name for task in both] == [task.name for task in own] + [f"tree {k}" for k in range(4)]
    assert len(both[0].trials) == len(RELATED_CELLS)
    assert len(shipped[0].trials) == 3
    assert past_tasks(experience=False) == []
    assert {task.family for task in past_tasks(path, family="decision_tree")} == {"decision_tree"}
    assert past_tasks(path, metric="r2") == []
    monkeypatch.setattr(past, "PACK", tmp_path / "not there")
    assert len(past_tasks(path)) == 12


@pytest.mark.parametrize("loss", [-0.9, 3.0])
def test_without_a_family_families_are_ranked(history: History, loss: float) -> None:
    """Every family of the past has its best config, and the one with the lower loss comes first."""
    history.add(*tree_tasks(loss))
    advice = recommend(X, y, history=history, experience=False)
    assert [one.family for one in advice] == (
        ["decision_tree", "svm"] if loss < 0 else ["svm", "decision_tree"]
    )
    assert [one.loss for one in advice] == sorted(one.loss for one in advice)
    estimator = family(advice[0].family).build(advice[0].config, "classification", seed=0)
    assert estimator.fit(X, y).score(X, y) > 0.5


def test_n_configs_of_one_family(history: History) -> None:
    """With a family there are n different configs of it, by the metric that was asked for."""
    history.add(*(replace(task, metric="balanced_accuracy") for task in related_tasks(12)))
    advice = recommend(X, y, family="svm", metric="balanced_accuracy", n=4, history=history, experience=False)
    assert len(advice) == len({str(one.config) for one in advice}) == 4
    assert {one.metric for one in advice} == {"balanced_accuracy"}


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"family": "svn"}, FamilyError, "did you mean 'svm'"),
        ({"metric": "acuracy"}, MetricError, "did you mean 'accuracy'"),
        ({"metric": "r2"}, MetricError, "classification"),
        ({"family": "svm", "metric": "f1_macro"}, LearningError, "svm.*f1_macro.*collect or import"),
        ({"family": "random_forest"}, LearningError, "random_forest"),
        ({"family": "svm", "learner": "oracle"}, LearningError, "'oracle'"),
        ({"candidates": [{"C": 1.0}]}, LearningError, "family="),
        ({"n": True}, LearningError, "n=True is no count"),
        ({"n": -1}, LearningError, "n=-1 is no count"),
        ({"family": "svm", "candidates": [{"gama": 1.0}]}, SpaceError, "did you mean 'gamma'"),
    ],
)
def test_what_does_not_fit_is_answered(
    path: Path, options: dict[str, Any], error: type[Exception], says: str
) -> None:
    """An unknown or unfitting family, metric, learner or candidate raises the error that says so."""
    with pytest.raises(error, match=says):
        recommend(X, y, history=path, experience=False, **options)


def test_a_regression_has_no_accuracy(path: Path) -> None:
    """Numbers as the target ask for r2, and refuse accuracy."""
    numbers = X["a"] + X["b"]
    with pytest.raises(MetricError, match="regression"):
        recommend(X, numbers, family="svm", metric="accuracy", history=path, experience=False)
    with pytest.raises(LearningError, match="judged by r2"):
        recommend(X, numbers, family="svm", history=path, experience=False)


@pytest.mark.parametrize(
    ("table", "target", "words"),
    [(X.to_numpy()[:, 0], y, "X has shape"), (X, np.array([y, y]), "y has shape")],
)
def test_what_is_no_table_is_refused(path: Path, table: Any, target: Any, words: str) -> None:
    """X that is no table and y that is no column are told by their shapes."""
    with pytest.raises(DatasetError, match=words):
        recommend(table, target, family="svm", history=path, experience=False)


def test_a_table_and_a_target_of_different_lengths_are_refused(path: Path) -> None:
    """A target that does not belong to the table is refused, whichever is longer."""
    for table, target in ((X, y[:50]), (X[:50], y)):
        with pytest.raises(DatasetError, match=r"60.*50|50.*60"):
            recommend(table, target, family="svm", history=path, experience=False)


def test_scores_in_units_are_not_forecast(tmp_path: Path) -> None:
    """By a metric in the target's units a note says that past targets had others; by r2 there is none."""
    space = family("knn").wide_space("regression")
    with open_history(tmp_path / "past.db") as history:
        for metric in ("rmse", "r2"):
            trials = tuple(Trial(cell, 1e6 + k) for k, cell in enumerate(family("knn").cells()))
            history.add(*(Task(f"t{k}", "knn", space, metric=metric, trials=trials) for k in range(3)))
    words = {"family": "knn", "history": tmp_path / "past.db", "experience": False, "learner": "portfolio"}
    numbers = X["a"] + X["b"]
    assert "in the units of the target" in recommend(X, numbers, metric="rmse", **words)[0].note
    assert not recommend(X, numbers, metric="r2", **words)[0].note


@pytest.mark.parametrize("wrong", ["10", None])
def test_a_word_for_a_plain_number_is_refused(wrong: Any) -> None:
    """A text where only numbers make sense is an error, in a candidate and in a config to be explained."""
    iris = load_dataset("iris")
    with pytest.raises(SpaceError, match="svm cannot have C="):
        advise(iris, family="svm", candidates=[{"C": wrong}])
    with pytest.raises(SpaceError, match="svm cannot have C="):
        explained(iris, "svm", config={"C": wrong})


def test_one_word_more_is_a_candidate() -> None:
    """`max_features` is a number, "sqrt" or None: "log2" may be named as well."""
    iris, config = load_dataset("iris"), {"max_features": "log2"}
    assert advise(iris, family="random_forest", candidates=[config])[0].config == config
    assert explained(iris, "random_forest", config=config).recommendation.config["max_features"] == "log2"


def test_several_families_are_ranked_among_themselves(history: History) -> None:
    """Of two families that are named each has its best config; the third one is left out."""
    forest = family("random_forest")
    space = forest.wide_space("classification")
    trials = tuple(Trial(cell, -0.9) for cell in forest.cells())
    history.add(*tree_tasks(-0.8), Task("f", "random_forest", space, trials=trials))
    advice = recommend(X, y, family=["svm", "decision_tree"], history=history, experience=False)
    assert {one.family for one in advice} == {"svm", "decision_tree"}
    with pytest.raises(LearningError, match="of one family"):
        recommend(X, y, n=2, history=history, experience=False)


def compared(n: int = 12) -> list[Task]:
    """Past tasks of two families on the same datasets: the one whose first cell did better there won."""
    tasks, rng = [], np.random.default_rng(0)
    for k in range(n):
        for name, ahead in zip(("decision_tree", "svm"), rng.permutation([0.1, 0.0]), strict=True):
            one = family(name)
            trials = tuple(Trial(cell, -0.7 - ahead + 0.01 * i) for i, cell in enumerate(one.cells()))
            space = one.wide_space("classification")
            tasks.append(Task(f"data {k}", name, space, trials=trials, metafeatures=describe(X, y)))
    return tasks


def test_fits_of_each_family_rank_them(tmp_path: Path) -> None:
    """A straight border is the SVM's: fitted here it scores better and comes first; fits may be left out."""
    slope = pd.Series(np.where(X.sum(axis=1) > 0, "yes", "no"))
    counts: list[tuple[int, int]] = []
    with open_history(tmp_path / "both.db") as history:
        history.add(*compared())
        data = Dataset("new", X, slope, "classification")
        words: dict[str, Any] = {"history": history, "experience": False}
        svm, tree = advise(data, **words, on_fit=lambda *now: counts.append(now))
        plain = advise(data, **words, fits=False)
        tiny = recommend(X[:2], ["a", "b"], **words)
    assert (svm.family, tree.family) == ("svm", "decision_tree")
    assert svm.fitted is not None and tree.fitted is not None and svm.odds is not None
    assert 1.0 >= svm.fitted > tree.fitted + 0.05 and svm.odds > 0.8
    assert counts == [(k, 6) for k in range(1, 7)]
    assert [(one.fitted, one.probed) for one in [*plain, *tiny]] == [(None, None)] * 4
    assert {one.odds for one in plain} != {svm.odds, tree.odds}


@pytest.mark.parametrize(("probe", "advised"), [(-0.9, -0.8), (-0.8, -0.9), (-0.8, None)])
def test_of_two_configs_that_were_fitted_the_better_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, probe: float, advised: float | None
) -> None:
    """The probe takes the place of what was advised where it did better; of a grid only cells are named."""
    known: dict[str, Config] = {}

    def first_look(_: object, configs: dict[str, Config], *__: object, **___: object) -> dict[str, Trial]:
        if not known:
            known.update(configs)
        losses = {name: probe if config == known[name] else advised for name, config in configs.items()}
        return {
            name: Trial(configs[name], loss) if loss is not None else Trial(configs[name], status=FAILED)
            for name, loss in losses.items()
        }

    monkeypatch.setattr("foretune.recommender.looks.first_look", first_look)
    data = Dataset("new", X, y, "classification")
    with open_history(tmp_path / "both.db") as history:
        history.add(*compared())
        found = advise(data, history=history, experience=False)
        cells = advise(data, history=history, experience=False, grid=True)
    better = probe if advised is None else min(probe, advised)
    assert [(one.fitted, one.probed) for one in found] == [(-better, -probe)] * 2
    assert all((one.config == known[one.family]) == (better == probe) for one in found)
    assert all(one.config in family(one.family).cells() for one in cells)


def test_a_probe_may_lie_outside_the_wide_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What imported results tried, a word or a number that the space lacks, is named and explained."""
    configs: dict[str, list[Config]] = {
        "knn": [{"n_neighbors": 80}, {"n_neighbors": 1}],
        "random_forest": [{"max_features": "log2", "max_depth": 9}, {"max_features": "sqrt", "max_depth": 1}],
    }

    def first_look(_: object, given: dict[str, Config], *__: object, **___: object) -> dict[str, Trial]:
        best = {name: config == configs[name][0] for name, config in given.items()}
        return {name: Trial(given[name], -0.8 - 0.1 * is_best) for name, is_best in best.items()}

    monkeypatch.setattr("foretune.recommender.looks.first_look", first_look)
    with open_history(tmp_path / "imported.db") as history:
        for name, (good, bad) in configs.items():
            rows = [
                {"task": f"data {k}", "score": score, **config}
                for k in range(12)
                for config, score in ((good, 0.9 + k / 1e3), (bad, 0.6 + k / 1e3))
            ]
            frame = pd.DataFrame(rows)
            history.add(*read_table(frame, task="task", score="score", metric="accuracy", family=name))
        data = Dataset("new", X, y, "classification")
        found = advise(data, history=history, experience=False)
        told = explained(data, history=history, experience=False)
    assert {one.family: one.config for one in found} == {name: good for name, (good, _) in configs.items()}
    assert told.recommendation.config == found[0].config


def test_what_is_not_used_is_told_of_the_families_asked_for(history: History) -> None:
    """Of several families, too; tasks of others say nothing of them."""
    history.add(*(replace(task, metric="f1_macro") for task in tree_tasks(0.1)))
    with pytest.raises(
        LearningError, match=r"a task of svm or decision_tree judged by roc_auc.* none of the"
    ):
        recommend(X, y, family=["svm", "decision_tree"], metric="roc_auc", history=history, experience=False)
    (tree,) = recommend(X, y, family="decision_tree", history=history)
    assert "none of the history's tasks of decision_tree is used: their metric is f1_macro" in tree.note


def test_where_no_process_can_be_started_families_are_ranked_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemonic process may have no children: then nothing is fitted, and the note says why."""
    monkeypatch.setattr(multiprocessing.current_process(), "_config", {"daemon": True})
    monkeypatch.setattr(sweep, "_GUARDS", {})
    with open_history(tmp_path / "both.db") as history:
        history.add(*compared())
        advice = recommend(X, y, history=history, experience=False)
    assert {one.family: one.fitted for one in advice} == {"svm": None, "decision_tree": None}
    assert "no family was fitted here: a process to fit models in cannot be started" in advice[0].note


def test_a_family_that_cannot_be_fitted_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fit that fails is told with its reason, and leaves that family the odds without it."""
    failed = {"svm": Trial({}, status=FAILED, reason="timed out after 20 s")}
    monkeypatch.setattr("foretune.recommender.looks.first_look", lambda *_, **__: failed)
    with open_history(tmp_path / "both.db") as history:
        history.add(*compared())
        advice = recommend(X, y, history=history, experience=False)
    assert advice[0].note == (
        "not fitted here: svm (timed out after 20 s), decision_tree (not judged by accuracy); the config "
        "advised by the past could not be fitted here: svm (timed out after 20 s)"
    )
    assert {one.family: one.fitted for one in advice} == {"svm": None, "decision_tree": None}


def test_a_family_that_is_not_judged_by_the_metric_is_named(history: History) -> None:
    """What the past judges by another metric only, or what was asked for, is not missing in silence."""
    trees = tree_tasks(0.1)
    history.add(*trees, *(replace(task, metric="log_loss") for task in trees))
    (found,) = recommend(X, y, metric="log_loss", history=history, experience=False)
    assert (found.family, found.note) == (
        "decision_tree",
        "left out, as no past task of them is judged by log_loss: svm",
    )
    (alone,) = recommend(X, y, family=["svm", "knn"], history=history, experience=False)
    assert "judged by accuracy: knn" in alone.note
    assert "left out" not in str(recommend(X, y, history=history, experience=False))


def test_a_few_tasks_of_ones_own_are_not_rehearsed_on(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Two tasks beside the experience change what is advised from, and cost no rehearsal."""
    iris, own = load_dataset("iris"), past_tasks(family="svm", metric="accuracy")[:2]
    with open_history(path.parent / "own.db") as store:
        store.add(*(replace(one, name=f"own {k}", dataset=f"own {k}") for k, one in enumerate(own)))
    monkeypatch.setattr(selection, "rehearse", _never)
    advised = advise(iris, family="svm", history=path.parent / "own.db")
    assert len(advised) == 1
    assert explained(iris, "svm", history=path.parent / "own.db").recommendation == advised[0]


def _never(*_: object) -> None:
    raise AssertionError


def test_losses_in_units_are_not_explained_in_other_targets_units() -> None:
    """By RMSE neither an expected loss nor a gain is told; config, importances and past datasets are."""
    told = explained(load_dataset("diabetes"), "decision_tree", metric="rmse")
    values, words = told.as_json(), str(told)
    assert values["recommendation"]["loss"] is values["gain"]["mean"] is None
    assert "expected rmse" not in words
    assert "in the units of the target" in words
    assert "what mattered there" in words


def test_without_a_family_the_most_promising_is_explained() -> None:
    """The family is the first that `advise` names; a config alone does not say its family."""
    iris = load_dataset("iris")
    assert explained(iris).recommendation.family == advise(iris)[0].family
    with pytest.raises(LearningError, match="family="):
        explained(iris, config={"C": 1.0})


@pytest.mark.parametrize(
    ("scale", "said"),
    [(1.0, ""), (50.0, "svm: the values are for standardised columns, which these are not: scale them")],
)
def test_values_for_standardised_columns_are_called_so(history: History, scale: float, said: str) -> None:
    """On raw columns a family that minds their scale says so, whether it recommends or explains."""
    data = Dataset("new", X * scale, y, "classification")
    history.add(*tree_tasks(0.2))
    advice = advise(data, history=history, experience=False)
    svm, tree = sorted(advice, key=lambda one: one.family, reverse=True)
    assert (said in svm.note, tree.note) == (True, "")
    assert bool(svm.note) == bool(said)
    told = explained(data, "svm", history=history, experience=False).recommendation.note
    assert told == svm.note


def test_targets_in_units_are_called_so() -> None:
    """A regression's raw target is told beside its columns, by the families that mind it."""
    raw = Dataset("new", X, pd.Series(X["a"] * 1000 + 5), "regression")
    knn, forest = advise(raw, family=["knn", "random_forest"])[:2]
    notes = {one.family: one.note for one in (knn, forest)}
    assert notes["knn"].endswith(
        "knn: the values are for standardised targets, which these are not: scale them"
    )
    assert "standardised" not in notes["random_forest"]
