"""foretune: past tuning results say which hyperparameters to try next.

The public names, each loaded when it is first used, so that `import foretune` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from foretune.collect.datasets import Dataset as Dataset
    from foretune.collect.datasets import load_dataset as load_dataset
    from foretune.collect.families import (
        Family as Family,
    )
    from foretune.collect.families import (
        families as families,
    )
    from foretune.collect.families import (
        family as family,
    )
    from foretune.collect.families import (
        register_family as register_family,
    )
    from foretune.data.errors import (
        DatasetError as DatasetError,
    )
    from foretune.data.errors import (
        FamilyError as FamilyError,
    )
    from foretune.data.errors import (
        ForetuneError as ForetuneError,
    )
    from foretune.data.errors import (
        HistoryError as HistoryError,
    )
    from foretune.data.errors import (
        LearningError as LearningError,
    )
    from foretune.data.errors import (
        MetricError as MetricError,
    )
    from foretune.data.errors import (
        MissingExtraError as MissingExtraError,
    )
    from foretune.data.errors import (
        SpaceError as SpaceError,
    )
    from foretune.data.errors import (
        VersionError as VersionError,
    )
    from foretune.data.records import (
        DONE as DONE,
    )
    from foretune.data.records import (
        FAILED as FAILED,
    )
    from foretune.data.records import (
        RUNNING as RUNNING,
    )
    from foretune.data.records import (
        Forecast as Forecast,
    )
    from foretune.data.records import (
        Recommendation as Recommendation,
    )
    from foretune.data.records import (
        Task as Task,
    )
    from foretune.data.records import (
        Trial as Trial,
    )
    from foretune.features.metafeatures import describe as describe
    from foretune.history.history import History as History
    from foretune.history.history import open_history as open_history
    from foretune.history.parquet import write_pack as write_pack
    from foretune.learners.learner import Learner as Learner
    from foretune.recommender.advice import recommend as recommend
    from foretune.recommender.past import past_tasks as past_tasks
    from foretune.recommender.recommender import Recommender as Recommender

__version__ = "0.1.0"

_HOME = {
    "collect.datasets": ("Dataset", "load_dataset"),
    "collect.families": ("Family", "families", "family", "register_family"),
    "data.errors": (
        "DatasetError",
        "FamilyError",
        "ForetuneError",
        "HistoryError",
        "LearningError",
        "MetricError",
        "MissingExtraError",
        "SpaceError",
        "VersionError",
    ),
    "data.records": ("DONE", "FAILED", "RUNNING", "Forecast", "Recommendation", "Task", "Trial"),
    "features.metafeatures": ("describe",),
    "history.history": ("History", "open_history"),
    "history.parquet": ("write_pack",),
    "learners.learner": ("Learner",),
    "recommender.advice": ("recommend",),
    "recommender.past": ("past_tasks",),
    "recommender.recommender": ("Recommender",),
}
_MODULE_OF = {name: f"foretune.{module}" for module, names in _HOME.items() for name in names}

__all__ = [  # noqa: PLE0604 - the names stand in _HOME, once
    "__version__",
    *_MODULE_OF,
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'foretune' has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
