"""What is fitted on a new dataset to rank families: a probe of each, then what is advised for the first."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from foretune.collect.datasets import Dataset
from foretune.collect.evaluation import Protocol
from foretune.collect.first_look import CLOSELY, FEW_ROWS, PROTOCOL, first_look
from foretune.data.errors import ForetuneError
from foretune.data.records import Config, Trial, canonical
from foretune.recommender.ranking import FamilyRanking

CLOSER: Final = 3  # families that are looked at once more

Fit = Callable[[Mapping[str, Config]], Mapping[str, Trial]]


@dataclass(frozen=True, slots=True)
class Looks:
    """Trials on the dataset, family -> its own: of the families' probes, and of configs `advised` to it.

    A family that the metric does not judge has none; those that failed have no loss.
    """

    probed: Mapping[str, Trial]
    advised: Mapping[str, Trial]

    @property
    def losses(self) -> dict[str, float]:
        """The lowest loss of each family of which a fit finished."""
        found: dict[str, float] = {}
        for trials in (self.probed, self.advised):
            for family, trial in trials.items():
                if trial.loss is not None:
                    found[family] = min(trial.loss, found.get(family, trial.loss))
        return found

    def of(self, family: str, config: Config) -> Trial | None:
        """The trial of this config, where it was fitted."""
        for trials in (self.advised, self.probed):
            if family in trials and canonical(trials[family].config) == canonical(config):
                return trials[family]
        return None

    def prefers_probe(self, family: str) -> bool:
        """Whether the family's probe did better than the config advised, or finished where that did not."""
        probed, advised = self.probed.get(family), self.advised.get(family)
        if probed is None or probed.loss is None or advised is None:
            return False
        return advised.loss is None or probed.loss < advised.loss


NO_LOOKS: Final = Looks({}, {})


def fitted_on(
    data: Dataset,
    ranking: FamilyRanking,
    metafeatures: Mapping[str, float],
    advised: Mapping[str, Config],
    *,
    metric: str,
    on_fit: Callable[[int, int], None] | None,
) -> tuple[Looks, str]:
    """What was fitted on the dataset, and which families could not be and why, as a sentence.

    None is fitted where that would say nothing, as of one family alone.
    """
    if len(ranking.probes) < 2 or data.image_shape is not None:
        return NO_LOOKS, ""
    small = len(data.X) < FEW_ROWS
    closer = min(CLOSER, len(advised))
    done, planned = 0, len(ranking.probes) + closer * (2 if small else 1)

    def count(*_: int) -> None:
        nonlocal done
        done += 1
        if on_fit is not None:
            on_fit(min(done, planned), planned)

    def fit(configs: Mapping[str, Config], protocol: Protocol = PROTOCOL) -> dict[str, Trial]:
        return first_look(data, configs, metric, protocol, on_fit=count)

    try:
        again = partial(fit, protocol=CLOSELY) if small else None
        looks = looked_at(ranking, metafeatures, advised, fit, again)
    except ForetuneError as error:  # too few rows to split, or no process to fit in
        return NO_LOOKS, f"no family was fitted here: {str(error).removesuffix('.')}"
    failed = [f"{name} ({one.reason})" for name, one in looks.probed.items() if name not in looks.losses]
    failed += [f"{name} (not judged by {metric})" for name in ranking.probes if name not in looks.probed]
    lost = [f"{name} ({one.reason})" for name, one in looks.advised.items() if one.loss is None]
    told = [f"not fitted here: {', '.join(failed)}"] * bool(failed)
    told += [f"the config advised by the past could not be fitted here: {', '.join(lost)}"] * bool(lost)
    return looks, "; ".join(told)


def looked_at(
    ranking: FamilyRanking,
    metafeatures: Mapping[str, float],
    advised: Mapping[str, Config],
    fit: Fit,
    fit_again: Fit | None = None,
) -> Looks:
    """All families' probes, and of the three that are then the most promising the config advised, too.

    A family's best config may be far better than its probe, and which families may be the best is seen from
    the probes: three fits more tell most of the rest. `fit` tries one config of each family that it gets;
    where one try tells little, as on few rows, `fit_again` tries those of the three, also their probes.
    """
    probed = fit(ranking.probes)
    odds = ranking.odds(metafeatures, Looks(probed, {}).losses)
    first = sorted(advised, key=lambda family: -odds.get(family, 0.0))[:CLOSER]
    if fit_again is not None:
        losses = Looks(probed, {}).losses
        again = fit_again({name: ranking.probes[name] for name in first if name in losses})
        probed = {**probed, **{name: trial for name, trial in again.items() if trial.loss is not None}}
    known = {family: canonical(config) for family, config in ranking.probes.items()}
    new = {family: advised[family] for family in first if canonical(advised[family]) != known.get(family)}
    return Looks(probed, (fit_again or fit)(new))
