"""Every error that foretune raises for its users.

    ForetuneError
    ├── DatasetError        a table that cannot be read, described or learned from
    ├── SpaceError          a config, a grid or a space that does not fit
    ├── FamilyError         an unknown family, or one that does not fit the dataset
    ├── MetricError         an unknown metric, or one that does not fit the dataset
    ├── HistoryError        a history that cannot be opened, read or written
    │   └── VersionError    a history written by a newer foretune
    ├── LearningError       past tasks that nothing can be learned from
    └── MissingExtraError   an optional package that is not installed

Each message says what was wrong, what was wanted, and what to do.
"""


class ForetuneError(Exception):
    """The root: `except ForetuneError` catches all that foretune raises for its users."""


class DatasetError(ForetuneError, ValueError):
    """A table that cannot be read, described or learned from."""


class SpaceError(ForetuneError, ValueError):
    """A config, a grid or a space that does not fit."""


class FamilyError(ForetuneError, ValueError):
    """An unknown family, or one that does not fit the dataset."""


class MetricError(ForetuneError, ValueError):
    """An unknown metric, or one that does not fit the dataset."""


class HistoryError(ForetuneError):
    """A history that cannot be opened, read or written."""


class VersionError(HistoryError):
    """A history written by a newer foretune; it is left untouched."""


class LearningError(ForetuneError, ValueError):
    """Past tasks that nothing can be learned from."""


class MissingExtraError(ForetuneError, ImportError):
    """An optional package that is not installed."""
