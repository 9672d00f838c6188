"""Which past tasks a search continues."""

from ConfigSpace import Categorical, ConfigurationSpace, Float

from foretune.data.records import Task, Trial
from foretune.faces.sampling.matching import MOST_TASKS, Sorts, alike, lightened, likeliest_family


def task(name: str, *numbers: str, choices: tuple[str, ...] = (), family: str = "f") -> Task:
    """A task with such hyperparameters and no trials."""
    space = ConfigurationSpace()
    space.add(*(Float(one, (0.0, 1.0)) for one in numbers))
    space.add(*(Categorical(one, ["a", "b"]) for one in choices))
    return Task(name, family, space)


def names(tasks: list[Task]) -> list[str]:
    """What the tasks are called."""
    return [one.name for one in tasks]


KNOWN: Sorts = {"x": "number", "y": "number"}


def test_the_alike_are_those_that_share_half() -> None:
    """Tasks with half of the hyperparameters match where none has more of them in common."""
    same, part, other = task("same", "x", "y"), task("part", "y", "p"), task("other", "p", "q")
    wide = task("wide", "x", "y", "a", "b", "c")
    assert names(alike([same, part, other], KNOWN)) == ["same"]
    assert names(alike([part, other], KNOWN)) == ["part"]
    assert names(alike([wide, other], KNOWN)) == ["wide"]
    assert alike([other], KNOWN) == []
    assert alike([Task("no space", "f", None)], KNOWN) == []


def test_a_name_of_another_sort_is_not_shared() -> None:
    """A choice of the same name as a number is another hyperparameter."""
    assert alike([task("choices", choices=("x", "y"))], KNOWN) == []
    assert names(alike([task("mixed", "x", choices=("y",))], KNOWN)) == ["mixed"]


def test_of_many_the_latest_match() -> None:
    """At most so many tasks match, the latest of them, in their order."""
    many = [task(str(k), "x", "y") for k in range(MOST_TASKS + 5)]
    assert names(alike(many, KNOWN)) == [str(k) for k in range(5, MOST_TASKS + 5)]


def test_a_search_continues_the_family_with_most_tasks() -> None:
    """Of the families with all that is known, the largest is continued; of equal ones the latest."""
    a, b = [task(f"a{k}", "x", family="a") for k in range(2)], [task("b", "x", "y", family="b")]
    assert names(likeliest_family([*a, *b], {"x": "number"})) == ["a0", "a1"]
    assert names(likeliest_family([*a, *b], KNOWN)) == ["b"]
    assert names(likeliest_family([a[0], *b], {"x": "number"})) == ["b"]
    assert likeliest_family(a, {"z": "number"}) == []


def test_a_long_task_is_lightened() -> None:
    """Of a thousand trials a hundred stay, the best fifty among them; a short task stays as it is."""
    trials = tuple(Trial({"x": k / 1000}, float(k)) for k in range(1000))
    light = lightened(task("long", "x").plus(*trials))
    assert len(light.done) == 100
    assert {float(k) for k in range(50)} <= {trial.loss for trial in light.done}
    assert max(trial.loss or 0.0 for trial in light.done) > 900
    short = task("short", "x").plus(*trials[:100])
    assert lightened(short) is short
