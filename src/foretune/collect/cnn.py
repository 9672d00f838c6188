"""Networks with scikit-learn's face: CNNClassifier for images, DenseNetClassifier for tables too."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, check_random_state

from foretune.collect.images import CHANNELS
from foretune.data.bounds import brief
from foretune.data.errors import DatasetError, MissingExtraError, SpaceError
from foretune.data.records import Floats

try:
    import torch

    from foretune.collect.augmentation import Augmentation
    from foretune.collect.layers import ConvNet, DenseNet
    from foretune.collect.training import (
        OPTIMISERS,
        PREDICTED_AT_ONCE,
        Schedule,
        curves,
        find_device,
        probabilities,
        threads,
        train,
    )
except ImportError as error:
    raise MissingExtraError(
        f"networks need packages that are not installed ({error}): pip install 'foretune[torch]'."
    ) from None

HEADS: Final[dict[str, tuple[Sequence[int], float, float]]] = {
    "128-64": ((128, 64), 0.0, 0.0),
    "256-128-64": ((256, 128, 64), 0.0, 0.0),
    "256-128-64-regularised": ((256, 128, 64), 0.001, 0.5),
}
"""The plan's dense heads: sizes of the hidden layers, L2 on each of them, dropout after the first two."""


COUNT: Final = [Interval(Integral, 1, None, closed="left")]
SHARE: Final = [Interval(Real, 0, 1, closed="left")]
ANY_SIZE: Final = [Interval(Real, 0, None, closed="left")]
NO_ZOOM: Final = 5  # a strength at which images may be zoomed to nothing


class _Network(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc] # scikit-learn has no types
    """What both classifiers share: rows become standardised tensors, a network is trained and asked."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "dropout": [Interval(Real, 0, 1, closed="both")],
        "learning_rate": ANY_SIZE,
        "weight_decay": ANY_SIZE,
        "batch_size": COUNT,
        "augmentation_strength": [Interval(Real, 0, NO_ZOOM, closed="left")],
        "flip": ["boolean", StrOptions({"auto"})],
        "max_epochs": COUNT,
        "patience": [*COUNT, None],
        "validation_share": SHARE,
    }

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """The classifier itself, having learned from X and the classes y (n,).

        Raises `ValueError` where a parameter is out of its range, and where training diverges.
        """
        self._validate_params()
        rows, labels = self._checked(X), np.asarray(y)
        if labels.shape != (len(rows),):
            raise DatasetError(f"y has shape {labels.shape}: give one class for each of {len(rows)} rows.")
        if missing := int(pd.isna(labels).sum()):
            raise DatasetError(f"{missing} values of y are missing: leave those rows out.")
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise DatasetError("y has one class only: give at least two.")
        self.row_shape_ = rows.shape[1:]
        self._measure_scale(rows)
        with threads(self.n_jobs):
            self.net_ = train(self._module, self._tensor(rows), torch.as_tensor(codes), self._schedule())
            self._check_converged(rows)
        self.curves_ = curves(self.net_)
        return self

    def _check_converged(self, rows: NDArray[Any]) -> None:
        """Raises `ValueError`, as scikit-learn's networks do, where the outputs are no numbers."""
        if not np.isfinite(probabilities(self.net_, self._tensor(rows[:PREDICTED_AT_ONCE]))).all():
            raise ValueError(
                f"training diverged with learning_rate={self.learning_rate:g}: give a lower one, or "
                "standardise X."
            )

    def predict_proba(self, X: ArrayLike) -> Floats:
        """The softmax of the network's output, (n, classes) in the order of `classes_`."""
        check_is_fitted(self)
        rows = self._checked(X)
        if rows.shape[1:] != self.row_shape_:
            raise DatasetError(f"X has rows of shape {rows.shape[1:]}, but was fitted on {self.row_shape_}.")
        with threads(self.n_jobs):
            return probabilities(self.net_, self._tensor(rows))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class of each row, (n,)."""
        likely = self.predict_proba(X).argmax(axis=1)
        classes: NDArray[Any] = self.classes_[likely]
        return classes

    def _checked(self, X: ArrayLike) -> NDArray[Any]:
        """The rows as an array of a shape that the classifier takes."""
        rows = _numbers(X)
        if rows.ndim == 4 and rows.shape[3] in CHANNELS:
            return rows
        if rows.ndim == 2 and self._takes_tables:
            return rows
        table = ", or tables (n, d)" if self._takes_tables else ""
        raise DatasetError(
            f"{type(self).__name__} takes images (n, height, width, channels){table}, "
            f"but X has shape {rows.shape}."
        )

    def _measure_scale(self, rows: NDArray[Any]) -> None:
        """Learns the mean and spread of each channel; tables are taken as they are."""
        self.centre_, self.spread_ = np.zeros(1), np.ones(1)
        if rows.ndim == 4:
            channels = rows.reshape(-1, rows.shape[3])
            self.centre_ = channels.mean(axis=0, dtype=np.float64)
            spread = channels.std(axis=0, dtype=np.float64)
            self.spread_ = np.where(spread > 0, spread, 1.0)

    def _tensor(self, rows: NDArray[Any]) -> torch.Tensor:
        """The rows as float32: images channel first and standardised."""
        tensor = torch.from_numpy(np.ascontiguousarray(rows)).to(torch.float32)
        if tensor.ndim == 4:
            tensor = tensor.permute(0, 3, 1, 2)
        channels = (-1,) + (1,) * (tensor.ndim - 2)
        centre, spread = (
            torch.as_tensor(one, dtype=torch.float32).reshape(channels)
            for one in (self.centre_, self.spread_)
        )
        return ((tensor - centre) / spread).contiguous()

    def _schedule(self) -> Schedule:
        if self.optimizer not in OPTIMISERS:
            raise SpaceError(f"there is no optimizer {self.optimizer!r}: use {' or '.join(OPTIMISERS)}.")
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        return Schedule(
            self.optimizer,
            self.learning_rate,
            self.weight_decay,
            self._l2,
            self.batch_size,
            self.max_epochs,
            self.patience,
            self.validation_share,
            self._augmentation(),
            seed,
            find_device(self.device),
            self.verbose,
        )

    def _augmentation(self) -> Augmentation | None:
        if not self.augmentation or len(self.row_shape_) != 3:
            return None
        flip = self.row_shape_[2] > 1 if self.flip == "auto" else bool(self.flip)
        return Augmentation(self.augmentation_strength, flip)

    _takes_tables = False

    @property
    @abstractmethod
    def _l2(self) -> float:
        """What the squared weights of each hidden layer are multiplied by in the loss."""

    @abstractmethod
    def _module(self) -> torch.nn.Module:
        """The untrained network for rows of `row_shape_`."""


def _numbers(X: ArrayLike) -> NDArray[np.float32]:
    """The values as an array of its own, which torch may use; `DatasetError` where they are no numbers."""
    try:
        values = np.asarray(X)
        if values.dtype.kind not in "biufO":
            raise TypeError(f"they are {values.dtype}")
        with np.errstate(over="ignore"):  # told below
            numbers = np.array(values, dtype=np.float32, order="C")
    except (TypeError, ValueError) as error:
        raise DatasetError(
            f"X holds values that are no numbers ({brief(error)}): encode them first."
        ) from None
    if not np.isfinite(numbers).all():
        raise DatasetError(
            "X holds missing or infinite values, or some too large for 32 bits: fill them, and standardise, "
            "before a network sees them."
        )
    return numbers


class CNNClassifier(_Network):
    """A convolutional network: blocks of convolution and pooling, a dense head, softmax out.

    X are images (n, height, width, channels), bytes or floats, standardised by the channels of those that it
    is fitted on. `head` is one of `HEADS`; `width` multiplies the filters from block to block. The learning
    rate falls along a cosine over `max_epochs`. Training ends after `patience` epochs without a lower loss on
    a held-out `validation_share` of the images, and the best epoch is kept; `patience=None` trains on all
    images to the end. `augmentation` changes the images anew each epoch (see `Augmentation`); `flip` "auto"
    mirrors colour images only, as mirrored digits are others. `device` "auto" takes a GPU if there is one;
    `verbose=1` prints a line an epoch; `n_jobs` are threads. The same `random_state` gives the same network.

    Fitted, it has `classes_`, `net_` (skorch's), and `curves_`: metric -> the held-out score of each epoch.

    >>> images = np.zeros((40, 6, 6, 1), dtype=np.uint8)
    >>> images[::2, :, :3] = 255
    >>> model = CNNClassifier(num_filters=4, max_epochs=10, batch_size=8, random_state=0, n_jobs=1)
    >>> model.fit(images, ["left", "right"] * 20).predict(images[:2])
    array(['left', 'right'], dtype='<U5')
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **_Network._parameter_constraints,
        "num_filters": COUNT,
        "kernel_size": COUNT,
        "pool_size": COUNT,
        "blocks": [Interval(Integral, 0, None, closed="left")],
        "width": COUNT,
    }

    def __init__(
        self,
        *,
        num_filters: int = 32,
        kernel_size: int = 3,
        pool_size: int = 2,
        blocks: int = 2,
        width: int = 1,
        head: str = "128-64",
        dropout: float = 0.0,
        batch_norm: bool = True,
        optimizer: str = "adam",
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        batch_size: int = 32,
        augmentation: bool = False,
        augmentation_strength: float = 1.0,
        flip: bool | str = "auto",
        max_epochs: int = 15,
        patience: int | None = 5,
        validation_share: float = 0.1,
        device: str = "auto",
        verbose: int = 0,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.num_filters = num_filters
        self.kernel_size = kernel_size
        self.pool_size = pool_size
        self.blocks = blocks
        self.width = width
        self.head = head
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.augmentation = augmentation
        self.augmentation_strength = augmentation_strength
        self.flip = flip
        self.max_epochs = max_epochs
        self.patience = patience
        self.validation_share = validation_share
        self.device = device
        self.verbose = verbose
        self.random_state = random_state
        self.n_jobs = n_jobs

    @property
    def _l2(self) -> float:
        return self._head()[1]

    def _head(self) -> tuple[Sequence[int], float, float]:
        if self.head not in HEADS:
            raise SpaceError(f"there is no head {self.head!r}: use one of {', '.join(HEADS)}.")
        return HEADS[self.head]

    def _module(self) -> torch.nn.Module:
        hidden, _, head_dropout = self._head()
        return ConvNet(
            self.row_shape_,
            hidden,
            len(self.classes_),
            num_filters=self.num_filters,
            kernel_size=self.kernel_size,
            pool_size=self.pool_size,
            blocks=self.blocks,
            width=self.width,
            batch_norm=self.batch_norm,
            dropout=self.dropout,
            head_dropout=head_dropout,
        )


class DenseNetClassifier(_Network):
    """The plan's fully connected network: ReLU layers, dropout after the first two of them, softmax out.

    X are images as for `CNNClassifier`, or tables (n, d), which it takes as they are: standardise them first,
    and there `augmentation` has no effect. `l2` multiplies the squared weights of every hidden layer. All
    else is as for `CNNClassifier`.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **_Network._parameter_constraints,
        "hidden": ["array-like"],
        "l2": ANY_SIZE,
    }

    def __init__(
        self,
        *,
        hidden: Sequence[int] = (128, 64),
        l2: float = 0.0,
        dropout: float = 0.0,
        optimizer: str = "adam",
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        batch_size: int = 32,
        augmentation: bool = False,
        augmentation_strength: float = 1.0,
        flip: bool | str = "auto",
        max_epochs: int = 30,
        patience: int | None = 5,
        validation_share: float = 0.1,
        device: str = "auto",
        verbose: int = 0,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.hidden = hidden
        self.l2 = l2
        self.dropout = dropout
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.augmentation = augmentation
        self.augmentation_strength = augmentation_strength
        self.flip = flip
        self.max_epochs = max_epochs
        self.patience = patience
        self.validation_share = validation_share
        self.device = device
        self.verbose = verbose
        self.random_state = random_state
        self.n_jobs = n_jobs

    _takes_tables = True

    @property
    def _l2(self) -> float:
        return self.l2

    def _module(self) -> torch.nn.Module:
        inputs, sizes = int(np.prod(self.row_shape_)), np.asarray(self.hidden)
        if sizes.ndim != 1 or not len(sizes) or sizes.dtype.kind not in "iu" or sizes.min() < 1:
            raise SpaceError(f"hidden={self.hidden!r} are no layers: give the size of one or more.")
        return DenseNet(inputs, sizes.tolist(), len(self.classes_), dropout=self.dropout)
