"""Which configs are fitted on a new dataset, and what is made of their trials."""

from collections.abc import Mapping

import pytest

from foretune.data.records import FAILED, Config, Trial
from foretune.recommender.looks import CLOSER, NO_LOOKS, Looks, looked_at
from foretune.recommender.ranking import FamilyRanking

NAMES = "abcde"
ADVISED = {name: {"C": k} for k, name in enumerate(NAMES)}


class Ranking(FamilyRanking):
    """Probes of five families; those that lost least have the best odds."""

    def __init__(self) -> None:
        self.families = list(NAMES)
        self.probes = {name: {"C": -1} for name in NAMES}

    def odds(
        self, metafeatures: Mapping[str, float], probed: Mapping[str, float] | None = None
    ) -> dict[str, float]:
        """The losses upside down."""
        return {name: -(probed or {}).get(name, 0.0) for name in NAMES}


class Fits:
    """Losses by family and config; remembers what was asked for."""

    def __init__(self, **losses: float | None) -> None:
        self.losses, self.asked = losses, list[dict[str, Config]]()

    def __call__(self, configs: Mapping[str, Config]) -> dict[str, Trial]:
        """Trials of those families that have a loss, failed where that is None."""
        self.asked.append(dict(configs))
        found = {name: self.losses[name] for name in configs if name in self.losses}
        return {
            name: Trial(configs[name], loss) if loss is not None else Trial(configs[name], status=FAILED)
            for name, loss in found.items()
        }


def test_the_first_three_are_looked_at_once_more() -> None:
    """Each family's probe is fitted, then what is advised for the three that look best."""
    fit = Fits(a=-0.1, b=-0.5, c=-0.4, d=-0.2, e=-0.3)
    looks = looked_at(Ranking(), {}, ADVISED, fit)
    assert fit.asked == [Ranking().probes, {name: ADVISED[name] for name in "bce"}]
    assert len(looks.advised) == CLOSER
    assert looks.losses == fit.losses


def test_what_is_advised_is_not_fitted_twice() -> None:
    """Where the probe is advised, and where nothing was to be fitted, it stays at the probe."""
    fit = Fits(a=-0.5, b=-0.4, c=-0.3, d=-0.2, e=-0.1)
    looks = looked_at(Ranking(), {}, {**ADVISED, "a": {"C": -1}}, fit)
    assert set(fit.asked[1]) == {"b", "c"}
    assert looks.of("a", {"C": -1}) is looks.probed["a"]


def test_on_few_rows_the_probes_are_fitted_again() -> None:
    """Then the luck of one partition does not choose among the three; one that fails now keeps its trial."""
    fit, again = Fits(a=-0.5, b=-0.4, c=-0.3, d=-0.2, e=-0.1), Fits(a=-0.35, b=-0.45, c=None)
    looks = looked_at(Ranking(), {}, ADVISED, fit, again)
    assert [set(asked) for asked in (*fit.asked, *again.asked)] == [set(NAMES), set("abc"), set("abc")]
    assert looks.losses == {"a": -0.35, "b": -0.45, "c": -0.3, "d": -0.2, "e": -0.1}


def test_a_family_that_the_metric_does_not_judge_is_left_out() -> None:
    """It has no trial and no loss, is not fitted again, and its config has none either."""
    fit = Fits(b=-0.4, c=-0.3)
    looks = looked_at(Ranking(), {}, {name: ADVISED[name] for name in "abc"}, fit, fit)
    assert set(looks.losses) == {"b", "c"}
    assert looks.of("a", ADVISED["a"]) is None
    assert set(fit.asked[1]) == {"b", "c"}


@pytest.mark.parametrize(
    ("probed", "advised", "better"),
    [(-0.5, -0.4, True), (-0.4, -0.5, False), (-0.4, -0.4, False), (-0.4, None, True), (None, -0.4, False)],
)
def test_the_probe_is_preferred_where_it_did_better(
    probed: float | None, advised: float | None, better: bool
) -> None:
    """Of two trials the one of less loss, of one that failed the other, of equal ones what was advised."""
    looks = Looks(Fits(a=probed)({"a": {"C": -1}}), Fits(a=advised)({"a": {"C": 0}}))
    assert looks.prefers_probe("a") is better
    assert not looks.prefers_probe("b")
    assert not Looks(looks.probed, {}).prefers_probe("a")
    assert NO_LOOKS.losses == {}
