"""Whatever is in a file, a reader answers or says in one clear error why it does not.

The fuzzers' targets on real small inputs, on the same with a few awkward changes, and on what once was found.
"""

import random
from pathlib import Path

import pytest

pytest.importorskip("optuna")

from fuzzing.mutation import changed
from fuzzing.targets import TARGETS

FINDINGS = Path(__file__).with_name("findings")
FOUND = sorted(path for path in FINDINGS.rglob("*") if path.is_file())
SLOW = {
    "mlflow": 8,
    "optuna_database": 3,
    "optuna_journal": 8,
    "recommender": 8,
    "history": 10,
    "history_file": 10,
    "pack": 12,
}
TRIES = 20


@pytest.mark.parametrize("name", TARGETS)
def test_sound_inputs_are_taken(name: str) -> None:
    """Every target takes at least one of its own seeds, so that the fuzzer gets behind the door."""
    target = TARGETS[name]
    seeds = target.seeds()
    assert seeds
    assert any(target.feed(seed) for seed in reversed(seeds))


@pytest.mark.parametrize("name", TARGETS)
def test_awkward_inputs_are_answered_or_refused(name: str) -> None:
    """A seed in which numbers, texts or words became awkward raises nothing but a `ForetuneError`."""
    target, rng = TARGETS[name], random.Random(0)
    seeds = target.seeds()
    for _ in range(SLOW.get(name, TRIES)):
        target.feed(changed(rng.choice(seeds), rng))


@pytest.mark.parametrize("path", FOUND, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_findings_stay_mended(path: Path) -> None:
    """What a fuzzer once found raises nothing but a `ForetuneError` any more."""
    TARGETS[path.parent.name].feed(path.read_bytes())


def test_the_fuzzer_knows_an_error_from_a_refusal(tmp_path: Path) -> None:
    """A target passes on what is no `ForetuneError`: it would be found."""
    from fuzzing.target import Target

    def fail(path: Path) -> None:
        raise ZeroDivisionError(path.read_bytes())

    with pytest.raises(ZeroDivisionError):
        Target("broken", "file", fail, list).feed(b"1")


def test_a_folder_is_rewritten_file_by_file(tmp_path: Path) -> None:
    """A target of a folder gives the reader a copy in which the file that the bytes name is theirs."""
    from fuzzing.target import in_folder

    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "result.json").write_bytes(b"old")
    read: list[bytes] = []
    target = in_folder(
        "runs", tmp_path, lambda folder: read.append((folder / "run/result.json").read_bytes())
    )
    assert target.seeds() == [b"run/result.json\nold"]
    target.feed(b"run/result.json\nnew")
    assert target.feed(b"../elsewhere\nnew")
    assert read == [b"new"]
