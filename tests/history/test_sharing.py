"""What is shared is what the card says, and nothing that names anyone."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from ConfigSpace import ConfigurationSpace, Float

from foretune.data.errors import HistoryError
from foretune.data.records import FAILED, Task, Trial
from foretune.history.anonymous import anonymous
from foretune.history.history import open_history
from foretune.history.parquet import read_card, write_pack
from foretune.history.sharing import Sharing, export_pack

SECRET = "secret"
SPACE = ConfigurationSpace(name=f"{SECRET}-space")
SPACE.add(Float("C", (0.1, 9.0), meta={"by": SECRET}))


def secretive(number: int = 0, **changes: object) -> Task:
    """A task that holds the secret wherever text may stand."""
    trials = (
        Trial(
            {"C": 1.0},
            -17 / 19,
            seed=20240131,
            scores={"accuracy": (17 / 19,)},
            costs={"cpu_seconds": 1.234567},
        ),
        Trial({"C": 1.0}, -0.25, seed=7, seconds=1.23456, curve=(0.123456,)),
        Trial({"C": 2.0}, status=FAILED, reason=f"/home/{SECRET}/data.csv"),
    )
    task = Task(
        f"{SECRET} {number}",
        "svm",
        SPACE,
        dataset=f"{SECRET}-fingerprint-{number}",
        group=f"{SECRET}-group",
        metafeatures={"nr_inst": 12345.0 + number, "c": 0.123456},
        trials=trials,
        provenance={
            "source": f"{SECRET}.csv",
            "user_attrs": {SECRET: SECRET},
            "protocol": {"folds": 5, "preprocessing": SECRET, "validation": SECRET},
            "versions": {"scikit-learn": "1.8.0", SECRET: "1"},
            "direction": "maximize",
            "rows": 12345,
        },
    )
    return replace(task, **changes)


def content_of(folder: Path) -> bytes:
    """All that a pack holds, its texts unpacked."""
    tasks = [str(task) + json.dumps(task.space.to_serialized_dict()) for task in open_history(folder).tasks()]
    return "".join([*tasks, json.dumps(read_card(folder))]).encode()


def test_an_anonymous_pack_holds_no_secret(tmp_path: Path) -> None:
    """Names, fingerprints, groups, sources, reasons, notes and protocols' own words are gone."""
    tasks = [secretive(0), secretive(1), secretive(0, family="knn")]
    assert export_pack(tasks, tmp_path / "open") == 3
    assert SECRET.encode() in content_of(tmp_path / "open")
    assert export_pack(tasks, tmp_path / "pack", sharing=Sharing(without_names=True)) == 3
    content = content_of(tmp_path / "pack")
    for word in (SECRET, "20240131", "12345678", "1.234567", repr(17 / 19)):
        assert word.encode() not in content


def test_anonymous_tasks_teach_as_before() -> None:
    """Configs, statuses, groups and which tasks are of one dataset stay; losses to four digits."""
    tasks = [secretive(0), secretive(0, metric="f1_macro"), secretive(1)]
    found = anonymous(tasks)
    assert len({task.dataset for task in found}) == 2
    assert len({task.group for task in found}) == 1
    assert len({task.key for task in found}) == 3
    trials = found[0].trials
    assert [trial.config for trial in trials] == [trial.config for trial in tasks[0].trials]
    assert [trial.loss for trial in trials] == [-0.8947, -0.25, None]
    assert len({trial.key for trial in trials}) == 3
    assert found[0].space is found[1].space


def test_two_exports_cannot_be_held_against_each_other() -> None:
    """A dataset has another digest in every export, and the same under one key."""
    (first,), (second,) = anonymous([secretive()]), anonymous([secretive()])
    assert first.dataset != second.dataset
    assert anonymous([secretive()], key=b"k") == anonymous([secretive()], key=b"k")


def test_tasks_that_differ_in_their_protocol_stay_apart(tmp_path: Path) -> None:
    """Two protocols of which nothing that is kept differs do not become one task."""
    other = secretive(provenance={"protocol": {"folds": 5, "seed": 1}})
    assert export_pack([secretive(), other], tmp_path / "pack", sharing=Sharing(without_names=True)) == 2


def test_metafeatures_are_rounded(tmp_path: Path) -> None:
    """Meta-features keep as many digits as is asked for."""
    export_pack([secretive()], tmp_path / "pack", sharing=Sharing(metafeature_digits=2))
    (task,) = open_history(tmp_path / "pack").tasks()
    assert task.metafeatures == {"nr_inst": 12000.0, "c": 0.12}
    with pytest.raises(HistoryError, match="1 to 15"):
        Sharing(metafeature_digits=0)


def test_a_pack_does_not_begin_to_reveal(tmp_path: Path) -> None:
    """An export without names is not replaced by one with them, unless that is said; the other way it is."""
    tasks, nameless = [secretive()], Sharing(without_names=True)
    export_pack(tasks, tmp_path / "pack", sharing=nameless)
    before = content_of(tmp_path / "pack")
    with pytest.raises(HistoryError, match="reveals no names, and the new one would"):
        export_pack(tasks, tmp_path / "pack")
    assert content_of(tmp_path / "pack") == before
    with pytest.raises(HistoryError, match="reveals no names"):
        write_pack(tasks, tmp_path / "pack", card={"recommender": {}})
    export_pack(tasks, tmp_path / "pack", reveal=True)
    assert b"names, fingerprints and groups of datasets: who" in content_of(tmp_path / "pack")
    export_pack(tasks, tmp_path / "pack", sharing=nameless)
    export_pack(tasks, tmp_path / "pack", sharing=nameless)


def test_small_and_unknown_datasets_stay_at_home(tmp_path: Path) -> None:
    """With a least number of rows, smaller datasets and those of unknown size are left out."""
    small = secretive(1, provenance={"rows": 99})
    unknown = secretive(2, provenance={}, metafeatures={})
    tasks = [secretive(0), small, unknown]
    assert export_pack(tasks, tmp_path / "pack", sharing=Sharing(min_rows=100)) == 1
    assert export_pack(tasks, tmp_path / "pack", sharing=Sharing(families=["svm"])) == 3
    for sharing in (Sharing(families=["knn"]), Sharing(min_rows=10**6)):
        with pytest.raises(HistoryError, match="no task is left"):
            export_pack(tasks, tmp_path / "other", sharing=sharing)


def test_every_text_is_on_the_card(tmp_path: Path) -> None:
    """All texts of configs stand there, whole, also within lists, and those that only the space offers."""
    space = ConfigurationSpace({"model": ["small", "/home/me/model.bin"]})
    tried = [
        Trial({"model": "small", "path": "x" * 70 + str(k), "many": ["a", ["b"]]}, 0.5) for k in range(30)
    ]
    export_pack([secretive(space=space, trials=tuple(tried))], tmp_path / "pack")
    told = read_card(tmp_path / "pack")["sharing"]["hyperparameters"]
    assert sorted(told["model"]) == ["/home/me/model.bin", "small"]
    assert told["path"] == [f"{'x' * 70}{k}" for k in range(30)]
    assert told["many"] == ["a", "b"]


def test_a_word_of_the_owners_is_no_target() -> None:
    """Of the provenance only foretune's own words for target and direction are shared."""
    task = secretive(provenance={"target": SECRET, "direction": SECRET})
    assert SECRET not in str(anonymous([task])[0].provenance)


def test_the_card_says_what_was_chosen(tmp_path: Path) -> None:
    """The card's sentences follow the options, and name the texts that configs hold."""
    tasks = [secretive(trials=(Trial({"C": 1.0, "model": "our-net"}, 0.5),))]
    export_pack(tasks, tmp_path / "pack", sharing=Sharing(min_rows=7, metafeature_digits=3))
    told = read_card(tmp_path / "pack")["sharing"]
    assert any("3 digits" in sentence for sentence in told["revealed"])
    assert any("fingerprints" in sentence for sentence in told["revealed"])
    assert any("fewer than 7 rows" in sentence for sentence in told["not revealed"])
    assert told["hyperparameters"] == {"C": [], "model": ["our-net"]}
    export_pack(tasks, tmp_path / "pack", sharing=Sharing(without_names=True))
    told = read_card(tmp_path / "pack")["sharing"]
    assert any("fingerprints" in sentence for sentence in told["not revealed"])
