"""A pack: the contract of reading, small and lazy files, damage, hostile content."""

import itertools
import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from any_tasks import TASKS
from hypothesis import given, settings

from foretune.data.errors import HistoryError
from foretune.data.records import Task, Trial
from foretune.history import parquet
from foretune.history.history import open_history
from foretune.history.parquet import write_pack
from foretune.history.rows import task_row
from foretune.testing import check_reading, example_tasks, spelled


@pytest.fixture
def pack(tmp_path):
    """The folder of a small pack."""
    folder = tmp_path / "pack"
    write_pack(example_tasks(), folder, card={"title": "Examples"})
    return folder


def content(folder):
    """The bytes of each file in the folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def rewrite(folder, name, change):
    """Changes a table of the pack as a forger would: the card tells the new digest."""
    path = folder / name
    pq.write_table(change(pq.read_table(path)), path)
    card = json.loads((folder / "card.json").read_text())
    card["files"][name] = parquet._digest(path.read_bytes())
    (folder / "card.json").write_text(json.dumps(card))


def test_contract(tmp_path):
    """A pack keeps the reading half of the contract of every history."""
    numbers = itertools.count()

    def remember(tasks):
        folder = tmp_path / str(next(numbers))
        write_pack(tasks, folder, card={})
        return open_history(folder)

    check_reading(remember)


def test_round_trip(tmp_path_factory):
    """Whatever task is packed comes back the same, in the same order."""
    folder = tmp_path_factory.mktemp("round") / "pack"

    @settings(max_examples=25, deadline=None, derandomize=True)
    @given(TASKS)
    def round_trip(tasks):
        write_pack(tasks, folder, card={})
        with open_history(folder) as history:
            assert spelled(list(history.tasks())) == spelled(tasks)
            assert len(history.table()) == sum(len(task.trials) for task in tasks)

    round_trip()


def test_packs_merge_into_sqlite(pack, tmp_path):
    """A pack is merged into a SQLite history by adding its tasks, twice as well as once."""
    with open_history(pack) as shared, open_history(tmp_path / "own.db") as own:
        for _ in range(2):
            own.add(*shared.tasks())
        assert spelled(list(own.tasks())) == spelled(list(shared.tasks()))


def test_read_only(pack):
    """A pack refuses new tasks, and says how to merge."""
    with open_history(pack) as history, pytest.raises(HistoryError, match=r"history\.add\(\*pack\.tasks"):
        history.add(Task("d", "svm", None))


def test_card(pack):
    """The card holds what was given, the format version and the counts."""
    card = json.loads((pack / "card.json").read_text())
    assert (card["title"], card["format_version"]) == ("Examples", 1)
    assert card["counts"] == {"tasks": 4, "datasets": 2, "trials": 12}
    assert sorted(card["files"]) == [
        f"{n}.parquet" for n in ("decision_tree", "random_forest", "svm", "tasks")
    ]


def test_families_are_read_lazily(pack):
    """Only the file of the wanted family is opened."""
    (pack / "random_forest.parquet").unlink()
    with open_history(pack) as history:
        assert len(list(history.tasks("svm"))) == 2
        with pytest.raises(HistoryError, match=r"random_forest\.parquet"):
            list(history.tasks())


def test_same_tasks_same_bytes(pack, tmp_path):
    """The same tasks make the same files, byte for byte."""
    write_pack(example_tasks(), tmp_path / "again", card={"title": "Examples"})
    assert content(tmp_path / "again") == content(pack)


def test_metrics_of_a_dataset_cost_little(tmp_path):
    """Trials that differ only in their metric add a fraction to the size, not a multiple."""
    scores = [{"accuracy": [(n * 7919 + k) % 997 / 997 for k in range(5)]} for n in range(500)]
    trials = [
        Trial({"C": n / 7}, n / 3, scores=s, costs={"fit_seconds": n / 11}) for n, s in enumerate(scores)
    ]
    tasks = [Task("d", "svm", None, metric=metric, trials=tuple(trials)) for metric in "abcde"]
    write_pack(tasks[:1], tmp_path / "one", card={})
    write_pack(tasks, tmp_path / "five", card={})
    one, five = ((tmp_path / name / "svm.parquet").stat().st_size for name in ("one", "five"))
    assert five < 1.5 * one


def test_an_older_pack_gives_way(pack):
    """A pack is replaced as a whole, and nothing else is left beside it."""
    write_pack([Task("new", "cnn", None)], pack, card={})
    assert sorted(content(pack)) == ["card.json", "cnn.parquet", "tasks.parquet"]
    assert [path.name for path in pack.parent.iterdir()] == ["pack"]


def test_failed_writing_changes_nothing(pack, monkeypatch):
    """Where the disk fails in the middle, the older pack is still whole."""
    before = content(pack)

    def fail(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(parquet, "_put_in_place", fail)
    with pytest.raises(HistoryError, match="no space left"):
        write_pack([Task("new", "cnn", None)], pack, card={})
    assert content(pack) == before
    assert [path.name for path in pack.parent.iterdir()] == ["pack"]


@pytest.mark.parametrize("name", ["notes.txt", "card.txt"])
def test_other_files_are_never_replaced(pack, name):
    """A folder that holds anybody's own file does not give way to a pack."""
    (pack / name).write_text("mine")
    with pytest.raises(HistoryError, match=f"holds other files.*{name}"):
        write_pack([], pack, card={})


@pytest.mark.parametrize(
    ("tasks", "reason"),
    [
        ([Task("d", "svm", None), Task("d", "svm", None)], "a task comes twice"),
        ([Task("d", "svm", None, trials=(Trial({}, 0.0), Trial({}, 1.0)))], "a trial of 'd' comes twice"),
        ([Task("d", "../x", None)], "cannot hold the family"),
        ([Task("d", "tasks", None)], "cannot hold the family"),
    ],
)
def test_what_cannot_be_packed(tmp_path, tasks, reason):
    """Doubles, and families that cannot name a file, are refused before anything is written."""
    with pytest.raises(HistoryError, match=reason):
        write_pack(tasks, tmp_path / "pack", card={})
    assert list(tmp_path.iterdir()) == []


def test_card_that_cannot_be_stored(tmp_path):
    """A card with an object in it is refused."""
    with pytest.raises(HistoryError, match="the card cannot be stored"):
        write_pack([], tmp_path / "pack", card={"by": object()})


@pytest.mark.parametrize("name", ["tasks.parquet", "svm.parquet"])
def test_bit_flips(pack, name):
    """A flipped bit anywhere in a file is noticed, and the file named."""
    whole = (pack / name).read_bytes()
    for place in range(0, len(whole), len(whole) // 40):
        flipped = whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :]
        (pack / name).write_bytes(flipped)
        with open_history(pack) as history, pytest.raises(HistoryError, match=re.escape(name)):
            list(history.tasks())


@pytest.mark.parametrize("name", ["tasks.parquet", "svm.parquet", "card.json"])
@pytest.mark.parametrize("rest", [0, 10, -10])
def test_truncated(pack, name, rest):
    """A truncated file is noticed, and named."""
    (pack / name).write_bytes((pack / name).read_bytes()[:rest])
    with pytest.raises(HistoryError, match=re.escape(name)), open_history(pack) as history:
        list(history.tasks())


@pytest.mark.parametrize("name", ["tasks.parquet", "svm.parquet"])
@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.drop_columns([table.column_names[0]]),
        lambda table: table.append_column("more", pa.nulls(len(table), pa.string())),
        lambda table: table.set_column(1, table.column_names[1], pa.array(range(len(table)))),
    ],
)
def test_wrong_schema(pack, name, change):
    """A file of other columns or types is refused by name, even where its digest is right."""
    rewrite(pack, name, change)
    with open_history(pack) as history, pytest.raises(HistoryError, match=re.escape(name)):
        list(history.tasks())


@pytest.mark.parametrize("family", ["../evil", "/etc/passwd", "SVM", "", None, "tasks"])
def test_path_tricks(pack, family):
    """A family that would lead out of the folder is refused."""
    rewrite(
        pack,
        "tasks.parquet",
        lambda t: t.set_column(2, "family", pa.array([family] * len(t), pa.string())),
    )
    with open_history(pack) as history, pytest.raises(HistoryError, match="cannot hold the family"):
        list(history.tasks())


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("config", "[1]"),
        ("config", None),
        ("status", "sleeping"),
        ("loss", float("nan")),
        ("repeat", None),
    ],
)
def test_hostile_content(pack, column, value):
    """Content that foretune never wrote is a `HistoryError` that names the pack."""

    def change(table):
        place = table.column_names.index(column)
        return table.set_column(
            place, table.field(place), pa.array([value] * len(table), table.field(place).type)
        )

    rewrite(pack, "svm.parquet", change)
    with open_history(pack) as history, pytest.raises(HistoryError, match="pack"):
        list(history.tasks())


def test_a_pack_reaches_for_nothing_outside(tmp_path):
    """A pack whose files are links, or whose tasks name files elsewhere, is refused."""
    write_pack([Task("iris", "svm", None, trials=(Trial({"C": 1.0}, 0.5),))], tmp_path / "pack", card={})
    (tmp_path / "pack" / "svm.parquet").rename(tmp_path / "elsewhere.parquet")
    (tmp_path / "pack" / "svm.parquet").symlink_to(tmp_path / "elsewhere.parquet")
    with pytest.raises(HistoryError, match="is a link"):
        list(open_history(tmp_path / "pack").tasks())
    with pytest.raises(HistoryError, match="cannot hold the family"):
        write_pack([Task("iris", "../svm", None)], tmp_path / "other", card={})


def test_a_pack_with_a_task_twice_is_damaged(tmp_path):
    """A pack that holds one task twice was not written by foretune, and is refused."""
    row = task_row(Task("iris", "svm", None))
    content = parquet._parquet([row, row], parquet.TASK_SCHEMA)
    (tmp_path / "tasks.parquet").write_bytes(content)
    card = {"format_version": 1, "files": {"tasks.parquet": parquet._digest(content)}}
    (tmp_path / "card.json").write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(HistoryError, match="a task comes twice"):
        list(open_history(tmp_path).tasks())
