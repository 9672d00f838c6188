"""What was learned, in terms of the one space that holds the past ones and today's."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace

from ConfigSpace import ConfigurationSpace

from foretune.data.records import Config, Forecast, Task
from foretune.data.spaces import complete
from foretune.features.encoding import Encoder
from foretune.learners.learner import Learner
from foretune.recommender.durations import Durations
from foretune.recommender.proposals import Proposals


@dataclass(frozen=True)
class Lesson:
    """What was learned, in terms of one space that holds the past ones and the one `asked` for."""

    asked: ConfigurationSpace
    space: ConfigurationSpace
    learner: Learner
    proposals: Proposals
    durations: Durations
    encoder: Encoder
    spells: bool = False  # whether today's defaults differ, so that configs must be spelled out
    size: int = 0  # of the space that was asked for, which its owner may have changed since
    wholes: dict[Hashable, Config] = field(default_factory=dict)
    sound: set[str] = field(default_factory=set)  # candidates, by key, that were looked at

    def whole(self, config: Config) -> Config:
        """The config as it is meant today; of those that say as much the very object."""
        if not self.spells:
            return config
        quick = tuple((name, type(value), repr(value)) for name, value in config.items())
        if quick not in self.wholes:
            self.wholes[quick] = complete(self.asked, config)
        return self.wholes[quick]

    def key(self, config: Config) -> str:
        """One name for equal settings."""
        return self.encoder.key(self.whole(config))

    def forecast(self, task: Task, configs: Iterable[Config]) -> Forecast:
        """What the learner says of the configs, each as it is meant today."""
        if self.spells:
            trials = (replace(trial, config=self.whole(trial.config)) for trial in task.trials)
            task = replace(task, trials=tuple(trials))
        return self.learner.forecast(task, [self.whole(config) for config in configs])
