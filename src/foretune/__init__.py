"""foretune: past tuning results say which hyperparameters to try next.

The public names, each loaded when it is first used, so that `import foretune` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from foretune.collect.datasets import Dataset as Dataset, load_dataset as load_dataset
    from foretune.collect.families import (
        Family as Family,
        families as families,
        family as family,
        register_family as register_family,
    )
    from foretune.data.errors import (
        DatasetError as DatasetError,
        FamilyError as FamilyError,
        ForetuneError as ForetuneError,
        HistoryError as HistoryError,
        LearningError as LearningError,
        MetricError as MetricError,
        MissingExtraError as MissingExtraError,
        SpaceError as SpaceError,
        VersionError as VersionError,
    )
    from foretune.data.records import (
        DONE as DONE,
        FAILED as FAILED,
        RUNNING as RUNNING,
        Config as Config,
        Forecast as Forecast,
        Recommendation as Recommendation,
        Task as Task,
        Trial as Trial,
    )
    from foretune.faces.optuna_sampler import MetaSampler as MetaSampler
    from foretune.faces.plots import (
        plot_optimization_history as plot_optimization_history,
        plot_param_importances as plot_param_importances,
        plot_slice as plot_slice,
    )
    from foretune.faces.search_cv import MetaSearchCV as MetaSearchCV, SearchWarning as SearchWarning
    from foretune.features.metafeatures import describe as describe
    from foretune.history.history import History as History, open_history as open_history
    from foretune.history.parquet import write_pack as write_pack
    from foretune.history.readers.cv_results import read_cv_results as read_cv_results
    from foretune.history.readers.hyperopt import read_hyperopt as read_hyperopt
    from foretune.history.readers.mlflow import read_mlflow as read_mlflow
    from foretune.history.readers.openml import read_openml as read_openml
    from foretune.history.readers.optuna import read_optuna as read_optuna
    from foretune.history.readers.ray_tune import read_ray_tune as read_ray_tune
    from foretune.history.readers.smac import read_smac as read_smac
    from foretune.history.readers.syne_tune import read_syne_tune as read_syne_tune
    from foretune.history.readers.table import read_table as read_table
    from foretune.history.readers.wandb import read_wandb as read_wandb
    from foretune.learners.learner import Learner as Learner
    from foretune.recommender.advice import recommend as recommend
    from foretune.recommender.explanation import Explanation as Explanation
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
    "data.records": ("DONE", "FAILED", "RUNNING", "Config", "Forecast", "Recommendation", "Task", "Trial"),
    "faces.plots": ("plot_optimization_history", "plot_param_importances", "plot_slice"),
    "faces.search_cv": ("MetaSearchCV", "SearchWarning"),
    "faces.optuna_sampler": ("MetaSampler",),
    "features.metafeatures": ("describe",),
    "history.history": ("History", "open_history"),
    "history.parquet": ("write_pack",),
    "history.readers.cv_results": ("read_cv_results",),
    "history.readers.hyperopt": ("read_hyperopt",),
    "history.readers.mlflow": ("read_mlflow",),
    "history.readers.openml": ("read_openml",),
    "history.readers.optuna": ("read_optuna",),
    "history.readers.ray_tune": ("read_ray_tune",),
    "history.readers.smac": ("read_smac",),
    "history.readers.syne_tune": ("read_syne_tune",),
    "history.readers.table": ("read_table",),
    "history.readers.wandb": ("read_wandb",),
    "learners.learner": ("Learner",),
    "recommender.advice": ("recommend",),
    "recommender.explanation": ("Explanation",),
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
