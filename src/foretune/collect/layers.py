"""The networks that the `cnn` and `dense_net` families train, as torch modules that give logits."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import nn


class DenseNet(nn.Module):
    """Hidden ReLU layers, dropout after the first two of them, and a logit for each class.

    Takes (n, ...) of `inputs` numbers each, and gives (n, classes); their softmax are probabilities.
    """

    def __init__(self, inputs: int, hidden: Sequence[int], classes: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(*sizes) for sizes in pairwise([inputs, *hidden]))
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(hidden[-1], classes)

    def forward(self, X: torch.Tensor) -> Any:
        """The logits (n, classes)."""
        h = X.flatten(1)
        for k, layer in enumerate(self.hidden):
            h = torch.relu(layer(h))
            h = self.dropout(h) if k < 2 else h
        return self.last(h)

    def squares(self) -> Any:
        """The sum of the squared weights of the hidden layers, which an L2 penalty multiplies."""
        return torch.stack([(weight**2).sum() for weight in self._weights()]).sum()

    def _weights(self) -> Any:
        return (layer.weight for layer in self.hidden)


class ConvNet(nn.Module):
    """Blocks of convolution, batch normalisation, ReLU, max pooling and dropout, then a dense head.

    Takes images (n, channels, height, width) and gives (n, classes). Each block has `width` times the filters
    of the one before; one whose input is smaller than `pool_size` pools no more.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        head: Sequence[int],
        classes: int,
        *,
        num_filters: int,
        kernel_size: int,
        pool_size: int,
        blocks: int,
        width: int,
        batch_norm: bool,
        dropout: float,
        head_dropout: float,
    ) -> None:
        super().__init__()
        height, breadth, channels = shape
        layers: list[nn.Module] = []
        for k in range(blocks):
            filters = num_filters * width**k
            layers.append(nn.Conv2d(channels, filters, kernel_size, padding="same"))
            layers += [nn.BatchNorm2d(filters)] if batch_norm else []
            layers.append(nn.ReLU())
            if min(height, breadth) >= pool_size:
                layers.append(nn.MaxPool2d(pool_size))
                height, breadth = height // pool_size, breadth // pool_size
            layers.append(nn.Dropout2d(dropout))
            channels = filters
        self.convolutions = nn.Sequential(*layers)
        self.head = DenseNet(channels * height * breadth, head, classes, dropout=head_dropout)

    def forward(self, X: torch.Tensor) -> Any:
        """The logits (n, classes)."""
        return self.head(self.convolutions(X))

    def squares(self) -> Any:
        """The sum of the squared weights of the head's hidden layers."""
        return self.head.squares()
