"""Past spaces that differ from today's."""

from pathlib import Path
from typing import Any

import pytest
from ConfigSpace import (
    AndConjunction,
    Categorical,
    ConfigurationSpace,
    Constant,
    EqualsCondition,
    Float,
    Integer,
    OrConjunction,
    OrdinalHyperparameter,
)

from foretune.data.errors import LearningError, SpaceError
from foretune.data.records import Task, Trial
from foretune.data.spaces import add_mixed
from foretune.learners.neighbours import Neighbours
from foretune.recommender.changes import assumptions, joined, renamed
from foretune.recommender.recommender import Recommender
from foretune.testing import RELATED_CELLS, related_loss, related_space, related_task, related_tasks


def space(*parameters: Any) -> ConfigurationSpace:
    """A space of these hyperparameters."""
    made = ConfigurationSpace()
    made.add(*parameters)
    return made


def svm(low: float = 0.001, high: float = 1000.0, *, log: bool = True, **more: Any) -> ConfigurationSpace:
    """The related space with another range or scale of C, and more hyperparameters."""
    made = space(Float("C", (low, high), log=log, default=min(max(1.0, low), high)), *more.values())
    add_mixed(made, Float("gamma", (1e-5, 10.0), log=True, default=0.1), ["scale"], default="scale")
    return made


def test_a_space_that_holds_todays_stays_as_it_is() -> None:
    """Narrower ranges, fewer choices and fewer hyperparameters need no new space."""
    known = space(
        Float("C", (0.1, 10.0), log=True), Categorical("kernel", ["rbf", "poly"]), Integer("k", (1, 9))
    )
    today = space(Float("C", (0.5, 5.0), log=True), Constant("kernel", "poly"))
    assert joined(known, today) is known
    assert joined(known, known) is known


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (Float("x", (1.0, 2.0)), Float("x", (0.5, 1.5)), Float("x", (0.5, 2.0), default=1.5)),
        (
            Float("x", (0.0, 2.0)),
            Float("x", (0.5, 4.0), log=True),
            Float("x", (0.5, 4.0), log=True, default=1.0),
        ),
        (Integer("x", (1, 4)), Integer("x", (3, 9)), Integer("x", (1, 9), default=2)),
        (Integer("x", (1, 4)), Float("x", (3.5, 9.0)), Float("x", (1.0, 9.0), default=2.0)),
        (Categorical("x", ["a", "b"]), Categorical("x", ["c", "a"]), Categorical("x", ["a", "b", "c"])),
        (OrdinalHyperparameter("x", [1, 2]), Categorical("x", [2, 3]), Categorical("x", [1, 2, 3])),
        (Constant("x", "a"), Categorical("x", ["a", "b"]), Categorical("x", ["a", "b"])),
        (Categorical("x", ["a", "b"]), Float("x", (0.0, 1.0)), Float("x", (0.0, 1.0))),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_joined_hyperparameter_holds_the_values_of_both(old: Any, new: Any, expected: Any) -> None:
    """Ranges and choices become their union on today's scale; of a choice and a number today's is kept."""
    assert joined(space(old), space(new))["x"] == expected


def test_conditions_of_both_remain() -> None:
    """Today's conditions rule what today searches; what only the past searched keeps its own."""
    kernel, degree, width = (
        Categorical("kernel", ["rbf", "poly"]),
        Integer("degree", (2, 5)),
        Float("width", (0, 1)),
    )
    known = space(
        kernel, degree, width, EqualsCondition(degree, kernel, "poly"), EqualsCondition(width, kernel, "rbf")
    )
    other = Categorical("kernel", ["rbf", "poly", "power"])
    today = space(other, degree, EqualsCondition(degree, other, "power"))
    found = sorted(map(str, joined(known, today).conditions))
    assert found == ["degree | kernel == 'power'", "width | kernel == 'rbf'"]


def test_a_renamed_past_speaks_of_todays_names() -> None:
    """Trials and space of the past take today's name, its special values and conditions included."""
    past = related_task("a", 0.5, 0.5, cells=[{"C": 1.0, "gamma": "scale"}, {"C": 2.0, "gamma": 0.1}])
    found = renamed([past], {"width": "gamma"})[0]
    assert [trial.config for trial in found.trials] == [
        {"C": 1.0, "width": "scale"},
        {"C": 2.0, "width": 0.1},
    ]
    assert found.space is not None
    assert [*found.space] == ["C", "width:kind", "width"]
    assert list(map(str, found.space.conditions)) == ["width | width:kind == 'number'"]


@pytest.mark.parametrize(
    ("today", "aliases", "word"),
    [
        (svm(extra=Float("shrink", (0.0, 1.0), default=0.25)), {}, "taken to have been 0.25"),
        (space(Float("C", (0.001, 1000.0), log=True, default=1.0)), {}, "taken to be 'scale'"),
        (svm(high=1e4), {}, "beyond the former range nothing is known"),
        (svm(high=10.0), {}, "trials beyond today's range still teach"),
        (svm(log=False), {}, "a linear scale and was on a log one"),
    ],
    ids=["added", "dropped", "widened", "narrowed", "other scale"],
)
def test_a_changed_space_keeps_its_past(
    today: ConfigurationSpace, aliases: dict[str, str], word: str
) -> None:
    """With each change the first proposal is legal and within 0.05 of the best; what is assumed is said."""
    recommender = Recommender().fit(related_tasks())
    task = Task("new", "svm", today, metafeatures={"size": 0.5, "landmark": 0.4})
    config = recommender.recommend(task)[0].config
    assert set(config) <= {"C", "gamma", "shrink"} & {name.removesuffix(":kind") for name in today}
    assert today["C"].legal_value(config["C"])
    floor = related_loss({"C": 1.0, "gamma": "scale" if "gamma" not in today else 0.01}, 0.5, 0.4)
    assert related_loss(config, 0.5, 0.4) <= floor + 0.05
    said = recommender.assumptions(today)
    assert len(said) == 1
    assert word in said[0]


def test_an_alias_finds_the_past_of_a_renamed_hyperparameter() -> None:
    """With the alias the first proposal is the one of the unchanged space, under today's name."""
    today = space(Float("cost", (1e-3, 1e3), log=True, default=1.0))
    add_mixed(today, Float("gamma", (1e-5, 10.0), log=True, default=0.1), ["scale"], default="scale")
    new = related_task("new", 0.9, 0.4)
    unchanged = Recommender().fit(related_tasks()).recommend(new, candidates=RELATED_CELLS)[0].config
    recommender = Recommender(aliases={"cost": "C"}).fit(related_tasks())
    task = Task("new", "svm", today, metafeatures=new.metafeatures)
    cells = [
        {("cost" if name == "C" else name): value for name, value in cell.items()} for cell in RELATED_CELLS
    ]
    found = recommender.recommend(task, candidates=cells)[0].config
    assert found == {("cost" if name == "C" else name): value for name, value in unchanged.items()}
    assert recommender.assumptions(today) == ("cost was called C.",)


def test_past_spaces_may_differ_among_themselves() -> None:
    """Half of the past with a narrower space and half with a wider one teach as all of them with one."""
    narrow = svm(low=0.01, high=100.0)
    mixed = [
        Task(t.name, t.family, narrow if k % 2 else t.space, metafeatures=t.metafeatures, trials=t.trials)
        for k, t in enumerate(related_tasks())
    ]
    new = related_task("new", 0.9, 0.4)
    one, other = (
        Recommender("forest").fit(past).recommend(new, candidates=RELATED_CELLS)[0].config
        for past in (related_tasks(), mixed)
    )
    assert one == other


def test_the_search_goes_on_in_the_changed_space() -> None:
    """Ten trials with a new hyperparameter find what it brings, though the past never varied it."""
    today = svm(extra=Float("shrink", (0.0, 1.0), default=0.0))
    recommender = Recommender().fit(related_tasks())
    task = Task("new", "svm", today, metafeatures={"size": 0.5, "landmark": 0.4})
    for _ in range(12):
        config = recommender.recommend(task)[0].config
        task = task.plus(Trial(config, related_loss(config, 0.5, 0.4) - 0.3 * config["shrink"]))
    assert task.best is not None
    assert task.best.config["shrink"] > 0.6


def test_nothing_is_assumed_of_an_equal_space() -> None:
    """Where past and present search the same space there is nothing to say."""
    assert assumptions([related_space()], related_space(), {}) == ()


@pytest.mark.parametrize(("default", "words"), [(0.5, "0.5"), ("auto", "'auto'")])
def test_of_a_branch_that_is_no_default_the_own_default_is_told(default: Any, words: str) -> None:
    """What the default config lacks, as a condition does not hold in it, is assumed at its own default."""
    kernel = Categorical("kernel", ["rbf", "poly"])
    today = space(Float("C", (0.001, 1000.0), log=True, default=1.0), kernel)
    add_mixed(today, Float("coef", (0.0, 1.0), default=0.5), ["auto"], default=default)
    today.add(EqualsCondition(today["coef:kind"], today["kernel"], "poly"))
    assert f"coef was not searched: it is taken to have been {words}." in assumptions([svm()], today, {})
    assert f"coef is not searched any more: it is taken to be {words}." in assumptions([today], svm(), {})


def test_a_changed_default_is_taken_for_what_it_is() -> None:
    """What a config does not name is at today's default, and at the former one in the past."""
    former, today = (
        space(Float("C", (0.1, 100.0), log=True, default=d), Integer("g", (1, 3))) for d in (1.0, 10.0)
    )
    trials = (Trial({"C": 10.0, "g": 1}, 0.3), Trial({"g": 1}, 0.1), Trial({"C": 0.1, "g": 1}, 0.5))
    recommender = Recommender().fit([Task(f"past {k}", "f", former, trials=trials) for k in range(8)])
    found = recommender.recommend(
        Task("new", "f", today), 3, candidates=[{"g": 1}, {"C": 1.0, "g": 1}, {"C": 0.1}]
    )
    assert len(found) == 3
    assert found[0].config == {"C": 1.0, "g": 1}
    expected = {str(one.config): one.loss for one in found}
    assert expected["{'g': 1}"] > expected["{'C': 1.0, 'g': 1}"] + 0.1


def test_an_alias_that_leads_nowhere_is_refused() -> None:
    """A former name that no past task has, or one beside today's name, is an error that says so."""
    with pytest.raises(LearningError, match="no past task has 'costs'"):
        Recommender(aliases={"c": "costs"}).fit(related_tasks())
    with pytest.raises(LearningError, match="both 'C' and 'gamma'"):
        Recommender(aliases={"gamma": "C"}).fit(related_tasks())


@pytest.mark.parametrize(
    ("aliases", "says"),
    [
        ({"C": 3}, "hold 3: give texts"),
        ({None: "C"}, "hold None: give texts"),
        ({"cost": "C", "penalty": "C"}, "'cost' and 'penalty' to 'C'"),
        (["C"], "must be a mapping"),
    ],
)
def test_what_are_no_aliases_is_told_at_once(aliases: Any, says: str) -> None:
    """Names that are no texts, and two names that lead to one, are refused before anything is learned."""
    with pytest.raises(SpaceError, match=says):
        Recommender(aliases=aliases)


def test_a_parent_may_become_a_number() -> None:
    """A condition on a choice that is a number today is let go, whichever way round the spaces came."""
    kernel, degree = Categorical("k", ["rbf", "poly"]), Integer("degree", (1, 5))
    former = space(kernel, degree, Float("x", (0.0, 1.0)))
    former.add(EqualsCondition(former["degree"], former["k"], "poly"))
    today = space(Integer("k", (0, 3)), Float("x", (0.0, 1.0)))
    trials = tuple(Trial({"k": "poly", "degree": d, "x": d / 5}, d / 10) for d in range(1, 6))
    past = [Task(f"past {k}", "any", former, trials=trials) for k in range(3)]
    assert type(Recommender().fit(past).recommend(Task("new", "any", today))[0].config["k"]) is int
    mixed = [*past, Task("late", "any", today, trials=(Trial({"k": 1}, 0.1), Trial({"k": 2}, 0.2)))]
    assert Recommender().fit(mixed).recommend(Task("new", "any", former))[0].config["k"] in ("rbf", "poly")


def test_steps_that_are_a_range_now_are_no_change() -> None:
    """Numbers one by one, all of which the range holds, still teach; where one does not fit that is told."""
    stepped = space(OrdinalHyperparameter("n", [1, 4, 7, 10]))
    assert assumptions([stepped], space(Integer("n", (1, 10))), {}) == ()
    (told,) = assumptions([stepped], space(Integer("n", (1, 8))), {})
    assert told.endswith("only values that fit both still teach.")


def test_nested_conditions_are_joined() -> None:
    """A condition made of others, which are made of others, is no obstacle to what else changed."""
    former = space(*(Categorical(name, ["x", "y"]) for name in "abu"), Float("c", (0, 1)))
    either = OrConjunction(*(EqualsCondition(former["c"], former[name], "x") for name in ("a", "b")))
    former.add(AndConjunction(either, EqualsCondition(former["c"], former["u"], "x")))
    today = space(Categorical("a", ["x", "y"]), Float("new", (0, 1)))
    assert {*joined(former, today)} == {"a", "b", "u", "c", "new"}


def test_choices_may_be_tuples_that_were_stored(tmp_path: Path) -> None:
    """A space whose choices are tuples teaches from a saved recommender as it does from memory."""
    layers = space(Categorical("layers", [(64,), (64, 64)]), Float("x", (0.0, 1.0)))
    told: list[dict[str, Any]] = [
        {"layers": one, "x": x} for one in ((64,), (64, 64)) for x in (0.1, 0.5, 0.8)
    ]
    trials = tuple(Trial(config, abs(config["x"] - 0.5) + len(config["layers"])) for config in told)
    recommender = Recommender().fit([Task(f"past {k}", "any", layers, trials=trials) for k in range(3)])
    recommender.save(tmp_path / "saved")
    loaded, new = Recommender.load(tmp_path / "saved"), Task("new", "any", layers)
    assert loaded.recommend(new)[0].config == recommender.recommend(new)[0].config
    assert loaded.recommend(new)[0].config == {"layers": (64,), "x": 0.5}


def test_what_a_learner_is_told_besides_is_not_saved(tmp_path: Path) -> None:
    """A learner with options of its own is refused rather than saved as another one."""
    recommender = Recommender(Neighbours(neighbours=1)).fit(related_tasks())
    with pytest.raises(LearningError, match="by its name"):
        recommender.save(tmp_path / "saved")


def test_a_renamed_past_can_be_saved(tmp_path: Path) -> None:
    """Saved and loaded, a recommender with aliases recommends the same."""
    today = space(Float("cost", (1e-3, 1e3), log=True, default=1.0))
    add_mixed(today, Float("gamma", (1e-5, 10.0), log=True, default=0.1), ["scale"], default="scale")
    task = Task("new", "svm", today, metafeatures={"size": 0.9, "landmark": 0.4})
    recommender = Recommender(aliases={"cost": "C"}).fit(related_tasks())
    recommender.save(tmp_path / "saved")
    loaded = Recommender.load(tmp_path / "saved")
    assert loaded.recommend(task)[0].config == recommender.recommend(task)[0].config
    assert loaded.assumptions(today) == recommender.assumptions(today)


def test_a_space_may_be_added_to_by_its_owner() -> None:
    """Added to between two calls, a task's own space is a new one; to the past's space that is refused."""
    recommender = Recommender().fit(past := related_tasks())
    own = related_space()
    task = Task("new", "svm", own, metafeatures={"size": 0.5, "landmark": 0.4})
    assert "shrink" not in recommender.recommend(task)[0].config
    own.add(Float("shrink", (0.0, 1.0), default=0.5))
    assert "shrink" in recommender.recommend(task)[0].config
    assert past[0].space is not None
    past[0].space.add(Float("shrink", (0.0, 1.0), default=0.5))
    with pytest.raises(SpaceError, match="copy"):
        recommender.recommend(task)
