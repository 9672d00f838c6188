"""The candidates of a search."""

from ConfigSpace import ConfigurationSpace, Float

from foretune.data.records import Config, Task, Trial
from foretune.faces.sampling.pool import FRESH, RECORDED, SPREAD, VARIANTS, Pool

SPACE = ConfigurationSpace()
SPACE.add(Float("x", (0.0, 1.0)))
TRIALS = tuple(Trial({"x": k / 100}, abs(k - 30.0)) for k in range(101))
PAST = [Task(f"past {k}", "f", SPACE, trials=TRIALS) for k in range(3)]
NOW = Task("now", "f", SPACE, trials=TRIALS[:50])


def itself(config: Config) -> Config:
    """The config as it is."""
    return config


def test_the_best_of_the_past_come_first() -> None:
    """The first candidates are what past tasks had best, each once, then points all over the space."""
    found = Pool(PAST, SPACE, itself, seed=0).of(NOW, 0)
    assert [config["x"] for config in found[:3]] == [0.3, 0.29, 0.31]
    assert RECORDED < len(found) <= RECORDED + SPREAD


def test_candidates_stay_for_a_stage() -> None:
    """Within a stage they are the same; in the next there are variants of the best, and fresh points."""
    pool = Pool(PAST, SPACE, itself, seed=0)
    first, again = pool.of(NOW, 1), pool.of(NOW.plus(Trial({"x": 0.9}, -1.0)), 1)
    second = pool.of(NOW, 2)
    assert first == again
    assert sum(abs(config["x"] - 0.3) < 0.03 for config in second) > VARIANTS / 3
    assert len([config for config in second if config not in first]) > FRESH


def test_equal_candidates_are_one() -> None:
    """Where the study's own values are coarser than the space, each is there once."""
    found = Pool(PAST, SPACE, lambda config: {"x": round(config["x"], 1)}, seed=0).of(NOW, 1)
    assert sorted(config["x"] for config in found) == [k / 10 for k in range(11)]


def test_the_seed_decides() -> None:
    """The same seed gives the same candidates, another one others."""
    same = [Pool(PAST, SPACE, itself, seed=seed).of(NOW, 3) for seed in (1, 1, 2)]
    assert same[0] == same[1] != same[2]
