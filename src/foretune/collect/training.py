"""Trains a network by skorch: batches, early stopping, a falling learning rate, and its curve."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit
from skorch import NeuralNetClassifier
from skorch.callbacks import EarlyStopping, LRScheduler
from skorch.helper import predefined_split
from torch.utils.data import TensorDataset

from foretune.collect.augmentation import Augmentation
from foretune.data.records import Floats, Ints

OPTIMISERS: Final[Mapping[str, tuple[type[torch.optim.Optimizer], Mapping[str, Any]]]] = {
    "adam": (torch.optim.AdamW, {}),
    "sgd": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
}
PREDICTED_AT_ONCE: Final = 512  # rows


@dataclass(frozen=True)
class Schedule:
    """How a network is trained; `patience` None trains all epochs, and then on all rows."""

    optimizer: str
    learning_rate: float
    weight_decay: float
    l2: float
    batch_size: int
    max_epochs: int
    patience: int | None
    validation_share: float
    augmentation: Augmentation | None
    seed: int
    device: str
    verbose: int


class Batches:
    """The rows of a dataset of tensors in batches; a generator shuffles them, an augmentation changes them.

    Slices of tensors: torch's own loader collects row by row, which on small images outlasts the training.
    """

    def __init__(
        self,
        dataset: TensorDataset,
        batch_size: int,
        *,
        generator: torch.Generator | None = None,
        augmentation: Augmentation | None = None,
    ) -> None:
        self.dataset, self.batch_size = dataset, batch_size
        self.generator, self.augmentation = generator, augmentation

    def __len__(self) -> int:
        return _count(len(self.dataset), self.batch_size)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        X, y = self.dataset.tensors
        order = torch.arange(len(X))
        if self.generator is not None:
            order = torch.randperm(len(X), generator=self.generator)
        for rows in _even(order, self.batch_size):
            batch = X[rows]
            if self.augmentation is not None and self.generator is not None:
                batch = self.augmentation(batch, self.generator)
            yield batch, y[rows]


def _count(rows: int, size: int) -> int:
    return max(1, -(-rows // size))


def _even(order: torch.Tensor, size: int) -> Sequence[torch.Tensor]:
    """Batches of about that size, none of one row alone: batch normalisation cannot learn from one."""
    return torch.tensor_split(order, _count(len(order), size))


class PenalisedClassifier(NeuralNetClassifier):  # type: ignore[misc] # skorch has no types
    """skorch's classifier, whose training loss includes `l2` times the squared weights of hidden layers."""

    def __init__(self, *args: Any, l2: float = 0.0, **kwargs: Any) -> None:
        self.l2 = l2
        super().__init__(*args, **kwargs)

    def get_loss(self, y_pred: Any, y_true: Any, *args: Any, training: bool = False, **kwargs: Any) -> Any:
        """The mean cross entropy in nats, while training with the penalty."""
        loss = super().get_loss(y_pred, y_true, *args, training=training, **kwargs)
        return loss + self.l2 * self.module_.squares() if training and self.l2 else loss


def train(
    make: Callable[[], torch.nn.Module], X: torch.Tensor, y: torch.Tensor, schedule: Schedule
) -> NeuralNetClassifier:
    """The trained network; its `history` holds each epoch's losses.

    X (n, ...) are float rows, y (n,) classes 0..k-1. The best epoch on a held-out share of the rows is kept.
    The same seed trains the same network on the same device and number of threads, and leaves torch's own
    random state as it was.
    """
    kept, held = held_out(y.numpy(), schedule)
    validation = TensorDataset(X[held], y[held]) if len(held) else None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(schedule.seed)
        net, rows = _net(make(), schedule, validation).initialize(), TensorDataset(X[kept], y[kept])
        net.notify("on_train_begin", X=rows, y=None)
        try:
            net.fit_loop(rows)  # not `fit`, which takes an interrupt for the end of the training
        except KeyboardInterrupt:  # raised by skorch's early stopping, or by who presses Ctrl-C
            if not _is_out_of_patience(net):
                raise
        net.notify("on_train_end", X=rows, y=None)
        return net


def held_out(y: NDArray[Any], schedule: Schedule) -> tuple[Ints, Ints]:
    """The rows to train on and those held out: with every class in its share where there is room."""
    rows = np.arange(len(y))
    held = min(round(schedule.validation_share * len(y)), len(y) - 1)
    if schedule.patience is None or held < 2:
        return rows, rows[:0]
    counts = np.bincount(y)
    fits = counts[counts > 0].min() > 1 and min(held, len(y) - held) >= len(counts)
    splitter = (StratifiedShuffleSplit if fits else ShuffleSplit)(
        1, test_size=held, random_state=schedule.seed
    )
    kept, held_rows = next(splitter.split(rows, y))
    return np.sort(kept), np.sort(held_rows)


def _net(
    module: torch.nn.Module, schedule: Schedule, validation: TensorDataset | None
) -> PenalisedClassifier:
    optimiser, options = OPTIMISERS[schedule.optimizer]
    callbacks: list[Any] = [
        LRScheduler(policy=torch.optim.lr_scheduler.CosineAnnealingLR, T_max=schedule.max_epochs)
    ]
    if validation is not None:
        stop = EarlyStopping(patience=schedule.patience, load_best=True, sink=_unsaid)
        callbacks.append(stop)
    return PenalisedClassifier(
        module,
        l2=schedule.l2,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=optimiser,
        optimizer__weight_decay=schedule.weight_decay,
        **{f"optimizer__{name}": value for name, value in options.items()},
        lr=schedule.learning_rate,
        max_epochs=schedule.max_epochs,
        batch_size=schedule.batch_size,
        iterator_train=Batches,
        iterator_train__generator=torch.Generator().manual_seed(schedule.seed),
        iterator_train__augmentation=schedule.augmentation,
        iterator_valid=Batches,
        iterator_valid__batch_size=PREDICTED_AT_ONCE,
        train_split=None if validation is None else predefined_split(validation),
        callbacks=callbacks,
        device=schedule.device,
        verbose=schedule.verbose,
    )


def _is_out_of_patience(net: NeuralNetClassifier) -> bool:
    stops = [one for _, one in net.callbacks_ if isinstance(one, EarlyStopping)]
    return any(one.misses_ == one.patience for one in stops)


def _unsaid(*_: Any) -> None:
    """Keeps to itself that training stopped early; a function of the module, so that it can be pickled."""


def probabilities(net: NeuralNetClassifier, X: torch.Tensor) -> Floats:
    """The softmax of the network's logits for float rows X (n, ...): (n, classes)."""
    rows = TensorDataset(X, torch.zeros(len(X), dtype=torch.int64))
    logits = torch.cat([net.infer(batch).detach().cpu() for batch, _ in _evaluating(net, rows)])
    found: Floats = torch.softmax(logits.double(), dim=1).numpy()
    return found


def _evaluating(net: NeuralNetClassifier, rows: TensorDataset) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    net.module_.eval()
    with torch.no_grad():
        yield from Batches(rows, PREDICTED_AT_ONCE)


def curves(net: NeuralNetClassifier) -> dict[str, tuple[float, ...]]:
    """What the held-out rows said after each epoch: metric -> its scores; empty where none were held out."""
    names = {"log_loss": "valid_loss", "accuracy": "valid_acc"}
    if not net.history or "valid_loss" not in net.history[0]:
        return {}
    return {metric: tuple(map(float, net.history[:, name])) for metric, name in names.items()}


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """So many threads for torch meanwhile; None leaves them as they are."""
    before = torch.get_num_threads()
    torch.set_num_threads(count if count and count > 0 else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def find_device(wanted: str) -> str:
    """The device itself; for "auto" a GPU where there is one, else the CPU."""
    if wanted != "auto":
        return wanted
    return "cuda" if torch.cuda.is_available() else "cpu"
