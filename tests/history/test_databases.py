"""What holds for a history in any database: the contract, round trips, many writers, sudden death."""

import copy
import math
import pickle
import signal
import subprocess
import sys

import pytest
from any_tasks import TASKS
from hypothesis import given, settings

from foretune.data.errors import HistoryError, SpaceError
from foretune.data.records import Task, Trial
from foretune.history import sql
from foretune.history.history import open_history
from foretune.testing import check_history, example_tasks, spelled


def test_contract(new_url):
    """It keeps the contract of every history."""
    check_history(lambda: open_history(new_url()))


def test_a_copy_opens_the_same_history(new_url):
    """A history may be copied and pickled: what is added to the copy is in both."""
    url = new_url()
    with open_history(url) as history:
        pickle.loads(pickle.dumps(history)).add(Task("one", "svm", None))
        copy.deepcopy(history).add(Task("two", "svm", None))
        assert [task.name for task in history.tasks()] == ["one", "two"]
    with pytest.raises(HistoryError, match="read-only"):
        pickle.loads(pickle.dumps(open_history(url, read_only=True))).add(Task("three", "svm", None))


def test_round_trip(new_url):
    """Whatever task is stored comes back the same, in the same order."""

    @settings(max_examples=10, deadline=None, derandomize=True)
    @given(TASKS)
    def round_trip(tasks):
        url = new_url()
        with open_history(url) as history:
            history.add(*tasks)
        with open_history(url, read_only=True) as history:
            assert spelled(list(history.tasks())) == spelled(tasks)
            assert spelled(list(history.tasks(trials=False))) == spelled([one_without(t) for t in tasks])
            assert len(history.table()) == sum(history.sizes().values()) == sum(len(t.trials) for t in tasks)

    round_trip()


def one_without(task: Task) -> Task:
    """The task without its trials."""
    return Task(
        task.name,
        task.family,
        task.space,
        metric=task.metric,
        dataset=task.dataset,
        group=task.group,
        metafeatures=task.metafeatures,
        provenance=task.provenance,
    )


@pytest.mark.parametrize("name", ["\0", "a\0b", "\U000f0000", "\U000f00000\0", "\U000f00001", "\\N\t\n ☃"])
def test_odd_characters(new_url, name):
    """No character is too odd for a name or a reason, and a name with such ones is found again."""
    trials = [Trial({name: name, "n": n}, status="failed", reason=name) for n in range(150)]
    with open_history(new_url()) as history:
        history.add(Task(name, "svm", None, trials=tuple(trials)), Task("other", "svm", None))
        (task,) = history.tasks(name=name)
        assert (task.name, {trial.reason for trial in task.trials}) == (name, {name})
        assert set(history.table()["name"]) == {name}


def test_odd_numbers(new_url):
    """The largest and smallest numbers, infinite ones and repeats beyond 32 bits come back exactly."""
    trials = [
        Trial({"n": 2**80, "x": 5e-324}, 1.7976931348623157e308, seed=-(2**63), repeat=2**63 - 1),
        Trial({"n": -(2**64)}, -5e-324, seconds=math.inf, noise=-math.inf, seed=2**63 - 1),
        Trial({}, 0.1 + 0.2, curve=(math.nan, math.inf), scores={"m": (math.nan, -math.inf)}),
    ]
    task = Task("d", "svm", None, trials=tuple(trials), metafeatures={"a": math.inf, "b": math.nan})
    with open_history(new_url()) as history:
        history.add(task)
        assert spelled(list(history.tasks())) == spelled([task])


@pytest.mark.parametrize("known", [0, 1, 150])
def test_many_trials_at_once(new_url, known):
    """A task of many trials, some twice and some known, is merged as if they came one by one."""
    done = [Trial({"n": n}, n / 7) for n in range(300)]
    failed = [Trial({"n": n}, status="failed", reason=str(n)) for n in range(0, 300, 2)]
    running = [Trial({"n": n}, status="running") for n in range(0, 300, 3)]
    task = Task("d", "svm", None)
    with open_history(new_url()) as history, open_history(new_url()) as slow:
        if known:
            history.add(task.plus(*running[:known]))
            slow.add(task.plus(*running[:known]))
        everything = [*running, *failed, *done]
        history.add(task.plus(*everything))
        for start in range(0, len(everything), 50):
            slow.add(task.plus(*everything[start : start + 50]))
        assert spelled(list(history.tasks())) == spelled(list(slow.tasks()))
        assert history.sizes() == {task.key: 300}


def test_tasks_share_a_space(new_url):
    """Tasks whose spaces are equal come back with one space object, parsed once."""
    space = example_tasks()[0].space
    with open_history(new_url()) as history:
        history.add(*(Task(str(number), "svm", space) for number in range(3)))
        assert len({id(task.space) for task in history.tasks()}) == 1


def test_reading_in_portions(new_url, monkeypatch):
    """Tasks are read some at a time, and none is lost between the portions, even while others are added."""
    monkeypatch.setattr(sql, "TASKS_AT_ONCE", 2)
    with open_history(new_url()) as history:
        history.add(*(Task(str(n), "svm", None, trials=(Trial({"n": n}, n),)) for n in range(5)))
        seen = []
        for task in history.tasks():
            seen.append((task.name, task.trials[0].config["n"]))
            history.add(Task(f"later {task.name}", "svm", None))
    assert seen == [(str(n), n) for n in range(5)]


def test_add_is_one_transaction(new_url):
    """Where one of the tasks cannot be stored, none of them is."""
    bad = Task("bad", "svm", None, trials=(Trial({"C": 1.0}, 0.1), Trial({"C": object()}, 0.2)))
    with open_history(new_url()) as history:
        with pytest.raises(SpaceError, match="cannot be stored"):
            history.add(Task("good", "svm", None), bad)
        assert list(history.tasks()) == []


@pytest.mark.parametrize(
    "task",
    [
        Task("\ud800", "svm", None),
        Task("d", "svm", None, provenance={"by": object()}),
        Task("d", "svm", None, provenance={"cost": math.nan}),
        Task("d", "svm", None, trials=(Trial({}, 0.0, seed=2**63),)),
    ],
)
def test_what_cannot_be_stored(new_url, task):
    """A task that would not come back the same is refused with a reason."""
    with open_history(new_url()) as history, pytest.raises(HistoryError, match="cannot be stored"):
        history.add(task)


def test_whole_fidelity_is_one_trial(new_url):
    """A fidelity of 9 epochs and one of 9.0 are the same, so that what was read can be added again."""
    with open_history(new_url()) as history:
        history.add(Task("d", "svm", None, trials=(Trial({}, 0.5, fidelity=9),)))
        history.add(*history.tasks())
        assert len(history.table()) == 1


FIFTY = """
import sys
from foretune.data.records import Task, Trial
from foretune.history.history import open_history
history, writer = open_history(sys.argv[1]), int(sys.argv[2])
for number in range(50):
    trial = Trial({"writer": writer, "number": number}, number / 7)
    history.add(Task(f"task {number % 5}", "svm", None, trials=(trial,)))
"""


def test_four_writers_at_once(new_url):
    """Four processes that write to one history at once lose nothing and double nothing."""
    url = new_url()
    writers = [subprocess.Popen([sys.executable, "-c", FIFTY, url, str(writer)]) for writer in range(4)]
    assert [writer.wait(300) for writer in writers] == [0, 0, 0, 0]
    with open_history(url) as history:
        tasks = list(history.tasks())
        stored = [(t.config["writer"], t.config["number"]) for task in tasks for t in task.trials]
    assert len(tasks) == 5
    assert sorted(stored) == [(writer, number) for writer in range(4) for number in range(50)]


ENDLESS_WRITER = """
import itertools, sys
from foretune.data.records import Task, Trial
from foretune.history.history import open_history
history = open_history(sys.argv[1])
for number in itertools.count():
    history.add(Task("d", "svm", None, trials=(Trial({"number": number}, 0.5),)))
    print(number, flush=True)
"""


def test_killed_writer(new_url):
    """A writer that is killed in the middle of its work loses no trial whose `add` had returned."""
    url = new_url()
    command = [sys.executable, "-c", ENDLESS_WRITER, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        for _ in range(20):
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        told = 20 + len(writer.stdout.read().splitlines())
    with open_history(url) as history:
        (task,) = history.tasks()
    assert [trial.config["number"] for trial in task.trials][:told] == list(range(told))


def test_opening_imports_no_alembic(new_url):
    """To open a history whose schema is the newest takes a SELECT, not Alembic."""
    code = "import sys; from foretune.history.history import open_history; open_history(sys.argv[1])"
    command = [sys.executable, "-c", f"{code}; print('alembic' in sys.modules)", new_url()]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"


def test_read_only(new_url):
    """A history opened to read gives its tasks and refuses new ones."""
    url = new_url()
    with open_history(url) as history:
        history.add(Task("d", "svm", None))
    with open_history(url, read_only=True) as history:
        assert [task.name for task in history.tasks()] == ["d"]
        with pytest.raises(HistoryError, match="read-only"):
            history.add(Task("e", "svm", None))
