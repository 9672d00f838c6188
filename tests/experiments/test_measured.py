"""Trainings that are done once, also across a stop."""

from pathlib import Path

import pytest

from foretune.collect.evaluation import Measurement
from foretune.data.errors import HistoryError
from foretune.experiments.measured import Measured

ONE = Measurement({"accuracy": [0.5, 1.0]}, {"fit_seconds": 2.0}, {"log_loss": [0.7, 0.1]})


def never() -> Measurement:
    """What must not be called."""
    raise AssertionError("measured again")


def test_what_is_measured_stays_so_after_a_stop(tmp_path: Path) -> None:
    """A second start finds the scores, costs and curves of the first, and measures what is new only."""
    first = Measured(tmp_path / "report" / "unfinished.jsonl")
    assert first.once({"config": "a"}, lambda: ONE) == first.once({"config": "a"}, never) == ONE
    second = Measured(first.path)
    assert len(second) == 1
    assert second.once({"config": "a"}, never) == ONE
    other = Measurement({"accuracy": [0.25]}, {}, {})
    assert second.once({"config": "b"}, lambda: other) == other
    assert Measured(first.path).once({"config": "b"}, never) == other


@pytest.mark.parametrize("complete", [0, 1, 2])
def test_a_line_that_was_cut_off_is_measured_anew(tmp_path: Path, complete: int) -> None:
    """Killed while it wrote, an experiment loses one training, and what follows stands on its own line."""
    path = tmp_path / "unfinished.jsonl"
    whole = Measured(path)
    for k in range(3):
        whole.once({"config": k}, lambda: ONE)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:complete]) + lines[complete][:-20])
    again = Measured(path)
    assert len(again) == complete
    again.once({"config": "next"}, lambda: ONE)
    assert len(Measured(path)) == complete + 1


def test_the_file_goes_when_the_experiment_is_done(tmp_path: Path) -> None:
    """`forget` leaves no file; without a path there was none."""
    kept = Measured(tmp_path / "unfinished.jsonl")
    kept.once({"config": "a"}, lambda: ONE)
    kept.forget()
    Measured().forget()
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    "content", ['{"what": "a"}\n', "[1]\n", "5\n", "not JSON\n", '{"what": 1, "scores": 2, "costs": 3}\n']
)
def test_another_file_is_no_list_of_measurements(tmp_path: Path, content: str) -> None:
    """A file of something else is refused with what to do, and stays."""
    path = tmp_path / "unfinished.jsonl"
    path.write_text(content)
    with pytest.raises(HistoryError, match=r"unfinished\.jsonl"):
        Measured(path)
    assert path.read_text() == content
