"""Networks by torch: cnn on images, dense_net on images and tables."""

from typing import Any, Final

from ConfigSpace import Categorical, ConfigurationSpace, EqualsCondition, Float, Integer

from foretune.collect.family import Family
from foretune.data.metrics import Target
from foretune.data.spaces import add_lists, add_mixed

# What every model has in common, and no search varies.
TRAINING: Final[dict[str, Any]] = {
    "flip": "auto",
    "patience": 5,
    "validation_share": 0.1,
    "device": "auto",
    "verbose": 0,
    "n_jobs": 1,
}
NEEDS: Final = ("torch", "skorch", "kornia")


def cnn_space(_: Target) -> ConfigurationSpace:
    """What one would search on a small convolutional network."""
    space = ConfigurationSpace()
    space.add(Integer("num_filters", (8, 128), log=True, default=32))
    space.add(Categorical("kernel_size", [3, 5], default=3))
    space.add(Categorical("pool_size", [2, 3], default=2))
    space.add(Integer("blocks", (1, 3), default=2))
    space.add(Categorical("width", [1, 2], default=1, weights=[2, 1]))
    heads = ["128-64", "256-128-64", "256-128-64-regularised"]
    space.add(Categorical("head", heads, default="128-64"))
    space.add(Float("dropout", (0.0, 0.5), default=0.0))
    space.add(Categorical("batch_norm", [True, False], default=True, weights=[2, 1]))
    _add_training(space)
    return space


def dense_net_space(_: Target) -> ConfigurationSpace:
    """What one would search on a fully connected network."""
    space = ConfigurationSpace()
    layers = [[64], [128], [256], [128, 64], [256, 128], [256, 128, 64], [512, 256, 128]]
    add_lists(space, "hidden", layers, default=[128, 64])
    add_mixed(space, Float("l2", (1e-6, 0.01), log=True, default=1e-3), [0.0], default=0.0)
    space.add(Float("dropout", (0.0, 0.7), default=0.0))
    _add_training(space)
    return space


def _add_training(space: ConfigurationSpace) -> None:
    """Adds how it is trained; the strength of an augmentation only where there is one."""
    space.add(Categorical("optimizer", ["adam", "sgd"], default="adam", weights=[2, 1]))
    space.add(Float("learning_rate", (1e-4, 0.03), log=True, default=1e-3))
    add_mixed(space, Float("weight_decay", (1e-6, 0.1), log=True, default=1e-4), [0.0], default=0.0)
    space.add(Integer("batch_size", (16, 128), log=True, default=32))
    augmentation = Categorical("augmentation", [False, True], default=False)
    strength = Float("augmentation_strength", (0.1, 1.0), default=1.0)
    space.add(augmentation, strength, EqualsCondition(strength, augmentation, True))


FAMILIES: Final = (
    Family(
        "cnn",
        {"classification": "foretune.collect.cnn:CNNClassifier"},
        cnn_space,
        {"num_filters": [32, 64, 128], "kernel_size": [3, 5], "pool_size": [2, 3]},
        fixed={**TRAINING, "max_epochs": 15},
        extra="torch",
        needs=NEEDS,
        images="only",
    ),
    Family(
        "dense_net",
        {"classification": "foretune.collect.cnn:DenseNetClassifier"},
        dense_net_space,
        {
            "hidden": [[128, 64], [256, 128, 64]],
            "l2": [0.0, 0.001],
            "dropout": [0.0, 0.5],
            "learning_rate": [0.001, 0.0005],
            "augmentation": [False, True],
        },
        fixed={**TRAINING, "max_epochs": 30},
        extra="torch",
        needs=NEEDS,
        images="too",
        for_images=("augmentation",),
    ),
)
