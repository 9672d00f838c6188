"""The scripts that make, sweep and train on image tasks, on a handful of small images."""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from foretune.data.records import canonical
from foretune.history.history import open_history
from image_tasks import RECIPES, Recipe, image_task, image_tasks, resized
from image_variants import tables


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """An NPZ file of 8 x 8 digits with a training and a test part."""
    X, y = load_digits().images / 16, load_digits().target
    np.savez(tmp_path / "digits.npz", x_train=X[:200], y_train=y[:200], x_test=X[200:260], y_test=y[200:260])
    return tmp_path / "digits.npz"


def run(monkeypatch: pytest.MonkeyPatch, script: str, *words: object) -> Any:
    """Runs a script with these words on its command line."""
    monkeypatch.setattr(sys, "argv", [script, *map(str, words)])
    import_module(script).main()


def test_resizing_averages_the_area() -> None:
    """Halving takes the mean of 2 x 2 pixels, any size keeps the mean, and the same size changes nothing."""
    images = np.random.default_rng(0).integers(0, 256, (3, 12, 12, 2), dtype=np.uint8)
    blocks = images.reshape(3, 6, 2, 6, 2, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(resized(images, 6), blocks, atol=0.5)
    np.testing.assert_array_equal(resized(images, 12), images)
    assert abs(resized(images, 7).mean() - images.mean()) < 0.5


def test_tasks_hold_what_their_names_say(digits: Path) -> None:
    """Classes, number of images and side are the recipe's; every dataset gives each recipe once."""
    made = list(image_tasks([digits]))
    assert len({data.fingerprint for data, _ in made}) == len(made) == len(RECIPES)
    assert {group for _, group in made} == {"digits"}
    data = image_task(made[0][0], Recipe((3, 5), 30, 4), seed=0)
    assert {*data.y} == {3, 5}
    assert (data.image_shape, len(data.X)) == ((4, 4, 1), 30)


def test_a_sweep_of_image_tasks_goes_on_where_it_was(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Trees stand in for networks: tasks carry group and image meta-features; again, nothing is added."""
    monkeypatch.setattr("image_tasks.RECIPES", RECIPES[:2])
    url = f"sqlite:///{tmp_path / 'images.db'}"
    words = (url, digits, "--family", "decision_tree", "--wide", 0)
    run(monkeypatch, "image_sweep", *words)
    capsys.readouterr()
    run(monkeypatch, "image_sweep", *words)
    assert "== decision_tree, wide 0: 0 in" in capsys.readouterr().out
    with open_history(url) as history:
        tasks = list(history.tasks(metric="accuracy"))
    assert [task.group for task in tasks] == ["digits", "digits"]
    assert all(task.metafeatures["image_channels"] == 1 for task in tasks)


def test_full_training_tells_what_it_did(
    digits: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last line is one JSON object with the accuracy on the test part."""
    run(monkeypatch, "full_mnist", digits, "--epochs", 1, "--threads", 1)
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (answer["images"], answer["epochs"], answer["cell"]) == (200, 1, {})
    assert 0 <= answer["test_accuracy"] <= 1


def test_the_effect_of_a_variant_is_paired() -> None:
    """What dropout adds is the mean difference of runs that are alike otherwise."""
    rest = {"augmentation": False, "hidden": [128, 64], "l2": 0.0}
    done = {}
    for rate, without, with_dropout in ((0.001, 0.5, 0.6), (0.0005, 0.7, 0.9)):
        for dropout, accuracy in ((0.0, without), (0.5, with_dropout)):
            config = {**rest, "learning_rate": rate, "dropout": dropout}
            one = {"dataset": "d", "family": "dense_net", "config": config, "rows": 9, "seed": 0}
            done[canonical(one)] = one | {"accuracy": accuracy}
    shown = tables(done)
    assert "| dropout | 0.0 → 0.5 | d | +0.1500 ± 0.0500 | 2 |" in shown
    assert "| learning_rate | 0.001 → 0.0005 | d | +0.2500 ± 0.0500 | 2 |" in shown
    assert "| l2 | 0.0 → 0.001 | d | – | 0 |" in shown
