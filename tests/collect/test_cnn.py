"""The networks with scikit-learn's face."""

import importlib
import pickle
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.metrics import log_loss

from foretune.collect.cnn import HEADS, CNNClassifier, DenseNetClassifier
from foretune.collect.evaluation import whole_curves
from foretune.collect.layers import ConvNet, DenseNet
from foretune.collect.training import Batches, held_out, threads
from foretune.data.errors import DatasetError, MissingExtraError, SpaceError

QUICK = {"max_epochs": 3, "batch_size": 16, "random_state": 0, "n_jobs": 1}
SMALL = {"num_filters": 4, **QUICK}


def bars(n: int = 60, side: int = 8, channels: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Noisy images with a bright upper or lower half, bytes, and which."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 80, (n, side, side, channels), dtype=np.uint8)
    y = np.array(["upper", "lower"])[np.arange(n) % 2]
    X[y == "upper", : side // 2] += 120
    X[y == "lower", side // 2 :] += 120
    return X, y


@pytest.mark.parametrize("model", [CNNClassifier(**SMALL), DenseNetClassifier(**QUICK)])
def test_a_network_learns_what_is_plain_to_see(model: Any) -> None:
    """Both tell upper from lower halves on unseen images, with probabilities that sum to 1."""
    X, y = bars()
    model = clone(model).set_params(max_epochs=8).fit(X[:40], y[:40])
    probabilities = model.predict_proba(X[40:])
    assert list(model.classes_) == ["lower", "upper"]
    assert probabilities.shape == (20, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    assert model.score(X[40:], y[40:]) == 1.0


@pytest.mark.parametrize("augmentation", [False, True])
def test_the_same_seed_trains_the_same_network(augmentation: bool) -> None:
    """Two fits agree to the bit, another seed differs, and torch's own random state is left alone."""
    X, y = bars()
    state = torch.get_rng_state()
    model = CNNClassifier(**SMALL, augmentation=augmentation, dropout=0.2)
    one, same, other = (
        clone(model).set_params(random_state=seed).fit(X, y).predict_proba(X) for seed in (3, 3, 4)
    )
    assert one.tolist() == same.tolist()
    assert one.tolist() != other.tolist()
    assert torch.equal(torch.get_rng_state(), state)


def test_bytes_and_floats_are_the_same_images() -> None:
    """Images are standardised by channel, so that their unit does not matter."""
    X, y = bars(channels=3)
    one, other = CNNClassifier(**SMALL).fit(X, y), CNNClassifier(**SMALL).fit(X / 255.0, y)
    torch.testing.assert_close(one._tensor(X), other._tensor(X / 255.0), atol=1e-4, rtol=0.0)
    assert one._tensor(X).mean(dim=(0, 2, 3)).abs().max() < 1e-4


def test_a_dense_network_takes_tables_too() -> None:
    """On a standardised table it learns, and augmentation changes nothing there."""
    X, y = load_iris(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    found = [
        DenseNetClassifier(learning_rate=0.01, patience=None, random_state=0, augmentation=on)
        .fit(X, y)
        .predict_proba(X)
        for on in (False, True)
    ]
    assert found[0].tolist() == found[1].tolist()
    assert np.mean(found[0].argmax(axis=1) == y) > 0.9


def test_the_curve_has_a_score_an_epoch() -> None:
    """Each epoch's held-out loss and accuracy are kept; without held-out rows there is no curve."""
    X, y = bars()
    curves = CNNClassifier(**SMALL).fit(X, y).curves_
    assert {*curves} == {"accuracy", "log_loss"}
    assert len(curves["accuracy"]) == len(curves["log_loss"]) == 3
    assert all(0.0 <= value <= 1.0 for value in curves["accuracy"])
    assert CNNClassifier(**SMALL, patience=None).fit(X, y).curves_ == {}


def test_a_collected_curve_goes_to_the_last_epoch() -> None:
    """A network that stopped early stays at its best: a point of a curve is an epoch for all."""
    told = {"log_loss": [0.9, 0.2, 0.4], "accuracy": [0.1, 0.8, 0.5]}
    model = SimpleNamespace(max_epochs=5, curves_=told)
    whole = whole_curves(model)
    assert whole == {"log_loss": [0.9, 0.2, 0.4, 0.2, 0.2], "accuracy": [0.1, 0.8, 0.5, 0.8, 0.8]}
    assert whole_curves(SimpleNamespace()) == {}


def test_training_stops_early_and_keeps_the_best_epoch() -> None:
    """On noise the held-out loss soon rises: training ends early, with the weights of the best epoch."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 5)), rng.integers(0, 2, 60)
    options = {"learning_rate": 0.03, "max_epochs": 60, "validation_share": 0.3, "random_state": 0}
    model = DenseNetClassifier(**options, patience=2).fit(X, y)
    losses, (_, held) = model.curves_["log_loss"], held_out(y, model._schedule())
    assert len(held) == 18
    assert len(losses) == np.argmin(losses) + 3 < 60
    assert log_loss(y[held], model.predict_proba(X[held])) == pytest.approx(min(losses), rel=1e-3)


def test_layers_are_those_of_the_plan() -> None:
    """ReLU layers of the given sizes; dropout after the first two only; heads as the plan has them."""
    assert HEADS["128-64"] == ((128, 64), 0.0, 0.0)
    assert HEADS["256-128-64"] == ((256, 128, 64), 0.0, 0.0)
    assert HEADS["256-128-64-regularised"] == ((256, 128, 64), 0.001, 0.5)
    net = DenseNet(10, (8, 6, 4), 3, dropout=1.0)
    assert [tuple(layer.weight.shape) for layer in net.hidden] == [(8, 10), (6, 8), (4, 6)]
    assert net(torch.rand(2, 10)).shape == (2, 3)
    assert torch.equal(net(torch.rand(1, 10)), net(torch.rand(1, 10)))  # all is dropped, biases stay
    wanted = sum(np.sum(layer.weight.detach().numpy() ** 2) for layer in net.hidden)
    assert net.squares().item() == pytest.approx(wanted)


def test_an_l2_penalty_makes_weights_smaller() -> None:
    """The penalty enters the loss while training, and the weights of hidden layers shrink."""
    X, y = bars()
    sizes = [DenseNetClassifier(**QUICK, l2=l2).fit(X, y).net_.module_.squares().item() for l2 in (0.0, 0.05)]
    assert sizes[1] < sizes[0]


@pytest.mark.parametrize("pool", [2, 3])
@pytest.mark.parametrize("side", [1, 5, 28])
def test_small_images_are_pooled_no_further_than_they_can_be(pool: int, side: int) -> None:
    """Three blocks on images of any size give a logit for each class."""
    net = ConvNet(
        (side, side + 1, 3),
        (8,),
        4,
        num_filters=2,
        kernel_size=5,
        pool_size=pool,
        blocks=3,
        width=2,
        batch_norm=True,
        dropout=0.1,
        head_dropout=0.0,
    )
    assert net(torch.rand(2, 3, side, side + 1)).shape == (2, 4)


def test_batches_hold_every_row_once() -> None:
    """Shuffled batches of about the size asked for hold all rows, none of them alone."""
    rows = torch.utils.data.TensorDataset(torch.arange(33.0)[:, None], torch.arange(33))
    batches = list(Batches(rows, 16, generator=torch.Generator().manual_seed(0)))
    assert [len(y) for _, y in batches] == [11, 11, 11]
    assert len(Batches(rows, 16)) == 3
    assert sorted(int(value) for _, y in batches for value in y) == list(range(33))
    assert all(torch.equal(X[:, 0], y.float()) for X, y in batches)


def test_an_interrupt_ends_the_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while a network trains is raised, and no half-trained network is taken for a whole one."""
    X, y = bars()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ConvNet, "forward", interrupted)
    with pytest.raises(KeyboardInterrupt):
        CNNClassifier(**SMALL).fit(X, y)


def test_threads_are_given_back() -> None:
    """A fit on one thread leaves torch's number of threads as it was."""
    before = torch.get_num_threads()
    with threads(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_a_fitted_network_can_be_pickled() -> None:
    """It predicts the same in another process."""
    X, y = bars()
    model = CNNClassifier(**SMALL, augmentation=True).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert again.predict_proba(X).tolist() == model.predict_proba(X).tolist()


@pytest.mark.parametrize(
    ("model", "X", "y", "message"),
    [
        (CNNClassifier(), np.zeros((4, 9)), [0, 1, 0, 1], r"images \(n, height, width, channels\), but X"),
        (CNNClassifier(), np.zeros((4, 3, 3)), [0, 1, 0, 1], r"X has shape \(4, 3, 3\)"),
        (DenseNetClassifier(), np.zeros((4, 3, 3)), [0, 1, 0, 1], r"or tables \(n, d\)"),
        (DenseNetClassifier(), np.zeros((4, 3)), [0, 1, 0], r"y has shape \(3,\)"),
        (DenseNetClassifier(), np.zeros((4, 3)), [1, 1, 1, 1], "one class only"),
        (DenseNetClassifier(), np.full((4, 3), np.nan), [0, 1, 0, 1], "missing or infinite"),
        (DenseNetClassifier(), np.full((4, 3), 1e300), [0, 1, 0, 1], "too large for 32 bits"),
        (DenseNetClassifier(), np.array([["a"]] * 4), [0, 1, 0, 1], "no numbers .they are <U1.: encode"),
        (DenseNetClassifier(), pd.DataFrame({"a": [1, 2, 3, 4], "b": [*"abcd"]}), [0, 1, 0, 1], "no numbers"),
        (DenseNetClassifier(), [[1], [1, 2]], [0, 1], "no numbers"),
        (DenseNetClassifier(), np.zeros((4, 3)), ["a", None, "a", "b"], "1 values of y are missing"),
        (DenseNetClassifier(), np.zeros((4, 3)), [0, 1, np.nan, np.nan], "2 values of y are missing"),
    ],
)
def test_what_does_not_fit_is_refused(model: Any, X: np.ndarray, y: list[int], message: str) -> None:
    """Rows or labels of another shape raise one line that says what is taken."""
    with pytest.raises(DatasetError, match=message):
        model.fit(X, y)


def test_numbers_of_any_kind_are_taken() -> None:
    """Tables of several types, arrays of objects, read-only and foreign ones give the same network."""
    X, y = np.random.default_rng(0).integers(0, 2, (30, 3)), np.arange(30) % 2
    mixed = pd.DataFrame(X).astype({0: bool, 1: "Int64", 2: np.float64})
    locked = X.astype(np.float32)
    locked.setflags(write=False)
    model = DenseNetClassifier(**QUICK)
    wanted = model.fit(X, y).predict_proba(X).tolist()
    for same in (mixed, X.astype(object), locked, X.astype(">f8"), X.astype(np.longdouble), X.tolist()):
        assert model.fit(same, y).predict_proba(same).tolist() == wanted


def test_numbers_that_are_no_classes_are_refused() -> None:
    """A target of fractions is for a regression, as scikit-learn says."""
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        DenseNetClassifier().fit(np.zeros((4, 3)), [0.1, 0.2, 0.3, 0.4])


def test_other_images_than_it_was_fitted_on_are_refused() -> None:
    """A fitted network takes images of its own size only."""
    X, y = bars()
    model = CNNClassifier(**SMALL).fit(X, y)
    with pytest.raises(DatasetError, match="was fitted on"):
        model.predict(X[:, :4])


def test_unknown_choices_name_the_known() -> None:
    """A head or an optimizer that does not exist brings those that do."""
    X, y = bars()
    with pytest.raises(SpaceError, match="there is no head '64': use one of 128-64, 256-128-64"):
        CNNClassifier(head="64").fit(X, y)
    with pytest.raises(SpaceError, match="there is no optimizer 'lion': use adam or sgd"):
        CNNClassifier(optimizer="lion").fit(X, y)


@pytest.mark.parametrize(
    ("model", "parameter", "value"),
    [
        (CNNClassifier(), "max_epochs", 0),
        (CNNClassifier(), "batch_size", 16.0),
        (CNNClassifier(), "pool_size", 0),
        (CNNClassifier(), "validation_share", 1.0),
        (CNNClassifier(), "patience", -1),
        (CNNClassifier(), "flip", "no"),
        (CNNClassifier(), "augmentation_strength", np.nan),
        (DenseNetClassifier(), "l2", -1.0),
        (DenseNetClassifier(), "hidden", 64),
        (DenseNetClassifier(), "hidden", []),
        (DenseNetClassifier(), "hidden", [64, 0.5]),
    ],
)
def test_a_parameter_out_of_its_range_is_named(model: Any, parameter: str, value: Any) -> None:
    """What no network can be trained with is refused before the training, in words."""
    X, y = bars()
    with pytest.raises(ValueError, match=f"{parameter}.*(must be|are no layers)"):
        model.set_params(**{parameter: value}).fit(X, y)


def test_a_training_that_diverges_is_no_network() -> None:
    """Where outputs are NaN `fit` raises, in the place of predicting the first class for ever."""
    X, y = bars()
    with pytest.raises(ValueError, match=r"training diverged with learning_rate=1e\+30"):
        CNNClassifier(**SMALL, learning_rate=1e30).fit(X, y)


@pytest.mark.parametrize("share", [0.9, 0.99])
def test_most_of_the_rows_may_be_held_out(share: float) -> None:
    """At least one row is left to train on, of each class where there is room."""
    schedule = DenseNetClassifier(validation_share=share)
    schedule.row_shape_ = (3,)
    kept, held = held_out(np.arange(20) % 2, schedule._schedule())
    assert len(kept) >= 1
    assert len(kept) + len(held) == 20


def test_without_torch_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing the networks without skorch or torch names the extra."""
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "foretune.collect.cnn")
    with pytest.raises(MissingExtraError, match=r"pip install 'foretune\[torch\]'"):
        importlib.import_module("foretune.collect.cnn")
