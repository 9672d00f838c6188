"""The loss surfaces of past tasks: recorded losses, and the guess at what was not tried."""

import math

import numpy as np
import pytest
from ConfigSpace import Categorical, ConfigurationSpace, Float

from foretune.data.records import FAILED, RUNNING, Config, Task, Trial
from foretune.data.spaces import sobol_configs
from foretune.features.encoding import Encoder
from foretune.learners.surfaces import Surfaces, matern
from foretune.testing import RELATED_CELLS, related_loss, related_space, related_task, related_tasks


def surfaces(*tasks: Task) -> Surfaces:
    """The surfaces of these tasks over the related space."""
    return Surfaces(tasks, Encoder(related_space()))


def test_recorded_losses_are_exact() -> None:
    """Where a task tried a config, its surface is the recorded loss, to the last bit."""
    tasks = related_tasks(5)
    expected = [[trial.loss for trial in task.done] for task in tasks]
    assert surfaces(*tasks).losses(RELATED_CELLS).tolist() == expected


def test_best_is_the_lowest_recorded_loss() -> None:
    """The best of each task is the loss of its best trial."""
    tasks = related_tasks(5)
    assert surfaces(*tasks).best.tolist() == [task.best.loss for task in tasks if task.best]


def test_repeated_trials_are_averaged() -> None:
    """Two seeds of one config count as their mean; a trial at a lower fidelity does not count."""
    task = related_task("a", 0.5, 0.5).plus(
        Trial({"C": 1.0}, 0.2, seed=0),
        Trial({"C": 1.0}, 0.6, seed=1),
        Trial({"C": 1.0}, 9.0, fidelity=2),
        Trial({"C": 10.0}, 0.9),
    )
    assert surfaces(task).losses([{"C": 1.0}, {"C": 10.0}])[0] == pytest.approx([0.4, 0.9])


def test_a_failed_config_is_the_worst_seen() -> None:
    """A config that failed counts as the worst finished one, and one that is running as not tried."""
    task = related_task("a", 0.5, 0.5).plus(
        Trial({"C": 1.0}, 0.2),
        Trial({"C": 10.0}, 0.7),
        Trial({"C": 100.0}, status=FAILED),
        Trial({"C": 0.1}, status=RUNNING),
    )
    found = surfaces(task)
    assert found.losses([{"C": 100.0}])[0, 0] == 0.7
    assert len(found.configs) == 3


def test_many_new_choices_at_once_are_cheap() -> None:
    """Where three trials took few of many choices, not every combination of those taken is asked."""
    space = ConfigurationSpace()
    space.add(*(Categorical(f"c{k}", ["a", "b", "c", "d"], default="a") for k in range(12)))
    trials = tuple(Trial(dict.fromkeys(space, one), k / 10) for k, one in enumerate("abc", start=1))
    found = Surfaces([Task("one", "any", space, trials=trials)], Encoder(space))
    losses = found.losses([dict.fromkeys(space, "d"), dict.fromkeys(space, "a") | {"c3": "d"}])
    assert losses[0, 1] < losses[0, 0]
    assert 0.1 <= losses.min() <= losses.max() <= 0.3


def test_a_guess_never_undercuts_the_best_seen() -> None:
    """On a steep slope no config that was not tried is promised to be better than the best that was."""
    cells = [{"C": 10.0**k} for k in (-3, -2, -1, 0)]
    slope = related_task("a", 0.5, 0.5).plus(*(Trial(c, -math.log10(c["C"])) for c in cells))
    found = surfaces(slope, related_task("b", 0.5, 0.5, cells=RELATED_CELLS))
    assert found.losses([{"C": 10.0}, {"C": 1000.0}, {"C": 0.5}])[0].min() >= found.best[0]


def test_guesses_beat_the_mean_on_a_smooth_function() -> None:
    """Between the trials of a smooth function a surface is off by less than a fifth of what the mean is."""
    tried, asked = sobol_configs(related_space(), 40), sobol_configs(related_space(), 40, seed=1)
    sizes = (0.2, 0.8)
    found = surfaces(*(related_task(f"of {size}", size, 0.0, cells=tried) for size in sizes))
    for row, size in zip(found.losses(asked), sizes, strict=True):
        truth = np.array([related_loss(config, size, 0.0) for config in asked])
        mean = np.mean([related_loss(config, size, 0.0) for config in tried])
        assert np.sum((row - truth) ** 2) < 0.2 * np.sum((mean - truth) ** 2)


@pytest.mark.parametrize("spelled", [{"C": 1.0}, {"gamma": "scale"}, {}, {"gamma": "scale", "C": 1.0}])
def test_spelled_out_defaults_change_nothing(spelled: Config) -> None:
    """A config is the same whether its defaults are named or not, when it is stored and when it is asked."""
    task = related_task("a", 0.5, 0.5).plus(Trial(spelled, 0.25), Trial({"C": 10.0}, 0.5))
    found = surfaces(task)
    for asked in ({}, {"C": 1.0}, {"C": 1.0, "gamma": "scale"}):
        assert found.losses([asked])[0, 0] == 0.25


def test_gaps_of_one_task_are_filled_from_its_own_trials() -> None:
    """What another task saw does not move a guess: each surface is its own, only what matters is shared."""
    cells = [{"C": 10.0**k} for k in range(-3, 4)]
    mine = related_task("a", 0.5, 0.2, cells=cells)
    asked = [{"C": 0.3}, {"C": 30.0}]
    others = [related_task("b", 0.5, level, cells=cells[:4]) for level in (0.0, 9.0)]
    first, second = (surfaces(mine, other).losses(asked)[0] for other in others)
    np.testing.assert_allclose(first, second, rtol=1e-9)


def test_shared_configs_are_those_of_at_least_half() -> None:
    """The configs that half of the tasks tried come first by how many tried them, and never too many."""
    cells = [{"C": 1.0}, {"C": 2.0}, {"C": 3.0}]
    tasks = [
        related_task("a", 0.5, 0.5, cells=cells),
        related_task("b", 0.5, 0.5, cells=cells[1:]),
        related_task("c", 0.5, 0.5, cells=[cells[1], {"C": 4.0}]),
    ]
    assert surfaces(*tasks).shared(9) == [{"C": 2.0}, {"C": 3.0}]
    assert surfaces(*tasks).shared(1) == [{"C": 2.0}]


def test_the_covariance_is_scikit_learns() -> None:
    """Our Matérn 5/2 equals scikit-learn's."""
    from sklearn.gaussian_process.kernels import Matern

    A, B = np.random.default_rng(0).random((2, 6, 3))
    np.testing.assert_allclose(matern(A, B, 0.7), Matern(0.7, nu=2.5)(A, B), atol=1e-7)


def test_badness_knows_no_units() -> None:
    """A task in far larger units, shifted, is as bad at each config: 0 at the best one, and below 1."""
    task = related_task("a", 0.5, 0.5, cells=RELATED_CELLS)
    trials = (Trial(t.config, 1e6 * t.loss - 7.0) for t in task.done if t.loss is not None)
    large = related_task("b", 0.5, 0.5).plus(*trials)
    found = surfaces(task, large).badness(RELATED_CELLS)
    np.testing.assert_allclose(found[1], found[0], atol=1e-9)
    assert found.min() == 0.0
    assert found.max() < 1.0


def test_doubt_grows_with_the_distance_from_what_was_tried() -> None:
    """There is none at recorded configs, some between them, and more where nobody has looked."""
    found = surfaces(*related_tasks(6)).doubt(
        [*RELATED_CELLS, {"C": 2.0, "gamma": 0.02}, {"C": 1.0, "gamma": 9.0}]
    )
    assert found[: len(RELATED_CELLS)].max() == 0.0
    between, beyond = found[-2:]
    assert 0.0 < between < 1.0
    assert 0.0 < beyond < 1.0


def test_doubt_is_scikit_learns_variance() -> None:
    """Where one task tried some configs it is the variance of a Gaussian process wary of what it learned."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import Matern

    cells = [{"C": c, "gamma": g} for c in (0.01, 1.0, 100.0) for g in (1e-4, 0.1)]
    asked = [{"C": 3.0, "gamma": 1e-3}, {"C": 900.0, "gamma": 5.0}]
    found = surfaces(related_task("a", 0.5, 0.5, cells=cells))
    encoder, learned = Encoder(related_space()), found.relevance
    kernel = Matern(1 / np.maximum(learned.scales, 1.0), nu=2.5)
    process = GaussianProcessRegressor(kernel, alpha=learned.noise, optimizer=None)
    process.fit(encoder(cells), np.zeros(len(cells)))
    std = process.predict(encoder(asked), return_std=True)[1]
    np.testing.assert_allclose(found.doubt(asked), std**2, rtol=1e-6)


def wide_tasks(*, upto: float = 1.0) -> tuple[ConfigurationSpace, list[Task]]:
    """Eight tasks over six numbers, of which the first alone matters; the last was tried up to a value."""
    space = ConfigurationSpace()
    space.add(*(Float(name, (0.0, 1.0)) for name in "abcdef"))
    tasks = []
    for k in range(8):
        rows = np.random.default_rng(k).random((30, 6)) * [1, 1, 1, 1, 1, upto]
        configs = [dict(zip("abcdef", row.tolist(), strict=True)) for row in rows]
        trials = tuple(Trial(config, math.sin(5 * config["a"] + k)) for config in configs)
        tasks.append(Task(f"{k}", "wide", space, trials=trials))
    return space, tasks


def test_what_matters_everywhere_is_known_in_each_task() -> None:
    """Thirty trials in six dimensions tell where others would end, since only one dimension matters."""
    space, tasks = wide_tasks()
    asked = sobol_configs(space, 64, seed=3)
    found = Surfaces(tasks, Encoder(space)).losses(asked)
    truth = [[math.sin(5 * config["a"] + k) for config in asked] for k in range(8)]
    errors = np.abs(found - np.array(truth)).mean()
    assert errors < 0.1


def test_what_seems_not_to_matter_is_not_relied_on() -> None:
    """Where a number never had such values, a config is in doubt though it has not mattered so far."""
    space, tasks = wide_tasks(upto=0.2)
    found = Surfaces(tasks, Encoder(space))
    near, far = found.doubt([dict.fromkeys("abcde", 0.5) | {"f": f} for f in (0.1, 1.0)])
    assert found.relevance.scales[5] < 0.5
    assert far > 1.5 * near


def test_what_the_past_never_varied_is_in_doubt() -> None:
    """A special value that no task took is doubted as much where all else was tried often."""
    numbers = [{"C": c, "gamma": g} for c in (0.01, 1.0, 100.0) for g in (1e-4, 0.01, 0.1)]
    found = surfaces(*(related_task(f"{k}", 0.5, 0.5, cells=numbers) for k in range(5)))
    known, novel = found.doubt([{"C": 1.5, "gamma": 0.012}, {"C": 1.5, "gamma": "scale"}])
    assert novel > 0.5 > known


def test_a_choice_never_taken_is_guessed_from_the_others() -> None:
    """The guess at an unknown choice follows the other hyperparameters, as it does with known choices."""
    space = ConfigurationSpace()
    space.add(Float("x", (0.0, 1.0)), Categorical("kind", ["a", "b", "new"]))
    xs = (0.0, 0.25, 0.5, 0.75, 1.0)
    trials = [Trial({"x": x, "kind": kind}, (x - 0.25) ** 2) for x in xs for kind in ("a", "b")]
    task = Task("t", "f", space, trials=tuple(trials))
    guess = Surfaces([task], Encoder(space)).losses([{"x": x, "kind": "new"} for x in xs])[0]
    assert int(np.argmin(guess)) == 1
    assert guess[4] > guess[3] > guess[1]
