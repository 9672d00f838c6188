"""The network whose last layer is Bayesian."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from foretune.data.errors import LearningError, MissingExtraError
from foretune.data.records import Task, Trial
from foretune.learners import bayesian_network_training
from foretune.learners.bayesian_network import BayesianNetwork, Member, _normal_scores, _units
from foretune.learners.mixture import Mixture
from foretune.learners.portfolio import Portfolio
from foretune.testing import RELATED_CELLS, check_learner, related_loss, related_task, related_tasks

QUICK: Mapping[str, Any] = {"hidden": (32, 16), "learning_rate": 0.01, "steps": 60, "members": 2}


@pytest.fixture(scope="module")
def past() -> list[Task]:
    """Past tasks whose best C depends on a meta-feature."""
    return related_tasks(30)


@pytest.fixture(scope="module")
def learner(past: list[Task]) -> BayesianNetwork:
    """A small network taught by them; its tests are passed over where torch is not installed."""
    pytest.importorskip("torch")
    return BayesianNetwork(**QUICK).fit(past)


def untrained(past: list[Task], *, members: int = 2, seed: int = 0) -> BayesianNetwork:
    """A learner with random arrays, made without torch."""
    rng = np.random.default_rng(seed)
    mixture = Mixture(past)
    inputs = len(mixture.encoder.columns) + mixture.metaspace.known.shape[1]
    arrays = {
        "weights0": rng.normal(size=(members, inputs, 8)),
        "biases0": rng.normal(size=(members, 1, 8)),
        "prior_mean": rng.normal(size=(members, 8, 1)),
        "prior_offset": rng.normal(size=(members, 1, 1)),
        "prior_root": 0.3 * rng.normal(size=(members, 8, 4)),
        "log_noise": np.full(members, -2.0),
        "log_rest": np.full(members, -1.0),
        "metafeatures": np.array(1.0),
        **_units([np.array([trial.loss for trial in task.done], dtype=float) for task in past]),
    }
    return BayesianNetwork.from_arrays(arrays, past)


def test_it_keeps_the_contract() -> None:
    """A small one passes the checks of every learner, except that it draws tasks by their places."""
    pytest.importorskip("torch")
    check_learner(
        lambda: BayesianNetwork(**{**QUICK, "members": 1}),
        order_matters="past tasks are drawn into batches by their places",
    )


@pytest.mark.parametrize("offset_std", [0.3, 50.0])
def test_the_update_is_gaussian_conditioning(offset_std: float) -> None:
    """The closed form equals conditioning the joint normal of all losses, written out."""
    rng = np.random.default_rng(0)
    k, n, scale, offset, noise = 4, 9, 2.5, 0.7, 0.2
    root, losses = rng.normal(size=(n, n)), rng.normal(size=k)
    member = Member(rng.normal(size=n), root @ root.T, noise)
    part = member.conditioned(losses, scale=scale, offset=offset, offset_std=offset_std)
    joint_mean = offset + scale * member.mean
    joint = scale**2 * member.covariance + offset_std**2
    joint_seen = joint[:k, :k] + scale**2 * noise * np.eye(k)
    gain = joint[k:, :k] @ np.linalg.inv(joint_seen)
    assert part.mean == pytest.approx(joint_mean[k:] + gain @ (losses - joint_mean[:k]))
    assert part.variance == pytest.approx(np.diag(joint[k:, k:] - gain @ joint[:k, k:]) + scale**2 * noise)
    density = multivariate_normal(joint_mean[:k], joint_seen).logpdf(losses)
    assert part.log_weight == pytest.approx(density + 0.5 * k * np.log(2 * np.pi))


def test_weights_are_what_is_updated(past: list[Task]) -> None:
    """Where noise and rest vanish, the forecast is a linear regression on the network's features."""
    learner = untrained(past, members=1)
    arrays = learner.arrays()
    arrays |= {
        "log_noise": np.full(1, -12.0),
        "log_rest": np.full(1, -30.0),
        "log_scale": np.array([0.0, 1e-9]),
    }
    learner = BayesianNetwork.from_arrays(arrays, past)
    points = learner._mixture.encoder(RELATED_CELLS)
    described = np.repeat(learner._described([past[0]]), len(points), axis=0)
    hidden = np.hstack([2 * points - 1, described]) @ arrays["weights0"][0] + arrays["biases0"][0]
    features = np.maximum(hidden, 0.0)
    weights = arrays["prior_mean"][0][:, 0] + arrays["prior_root"][0] @ np.array([1.0, -2.0, 0.5, 1.5])
    losses = 3.0 + features @ weights
    half = len(losses) // 2
    trials = [Trial(c, float(y)) for c, y in zip(RELATED_CELLS[:half], losses[:half], strict=True)]
    new = related_task("new", 0.0, 0.0)
    new = Task("new", new.family, new.space, metafeatures=past[0].metafeatures, trials=tuple(trials))
    assert learner.forecast(new, RELATED_CELLS[half:]).mean == pytest.approx(losses[half:], abs=0.05)


def test_normal_scores_are_ranks() -> None:
    """Only the order of losses counts, and equal losses stay equal."""
    scores = _normal_scores(np.array([1.0, 5.0, 2.0, 5.0]))
    assert scores == pytest.approx(norm.ppf([0.125, 0.75, 0.375, 0.75]))
    assert np.array_equal(scores, _normal_scores(np.array([-9.0, 1e6, 0.0, 1e6])))


def test_units_come_from_past_tasks() -> None:
    """The scale is that of the winsorised losses, and one task with a disaster hardly moves it."""
    calm = [np.arange(11.0), 3.0 * np.arange(11.0)]
    wild = [np.append(y[:-1], 1e6) for y in calm]
    units, disturbed = _units(calm), _units(wild)
    assert units["log_scale"][0] == pytest.approx(np.log(np.sqrt(3.0) * np.std(np.arange(11.0))))
    assert abs(disturbed["log_scale"][0] - units["log_scale"][0]) < 0.3
    assert units["floor"][0] == pytest.approx(-5.0 / np.std(np.arange(11.0)))
    assert (np.diff(units["regrets"]) >= 0).all()
    assert np.isfinite(_units([np.zeros(3)])["log_scale"]).all()


def test_it_learns_what_a_portfolio_cannot(learner: BayesianNetwork, past: list[Task]) -> None:
    """Where the best C depends on a meta-feature, its choice is nearer to the best than the portfolio's."""
    portfolio = Portfolio().fit(past)
    regret = {learner: 0.0, portfolio: 0.0}
    for size in (0.05, 0.95):
        truth = np.array([related_loss(config, size, 0.5) for config in RELATED_CELLS])
        for one in regret:
            mean = one.forecast(related_task("new", size, 0.5), RELATED_CELLS).mean
            regret[one] += float(truth[int(np.argmin(mean))] - truth.min())
    assert regret[learner] < 0.5 * regret[portfolio]


def test_without_metafeatures_every_dataset_is_alike(past: list[Task]) -> None:
    """On hyperparameters alone, the differences between configs do not depend on the dataset."""
    pytest.importorskip("torch")
    pure = BayesianNetwork(**QUICK, metafeatures=False).fit(past)
    shapes = [pure.forecast(related_task("new", size, 0.5), RELATED_CELLS).mean for size in (0.1, 0.9)]
    assert np.ptp(shapes[0] - shapes[1]) < 1e-9


def test_trials_make_it_right_and_sure(learner: BayesianNetwork) -> None:
    """After some trials, the forecast of the other configs is nearer to the truth, and surer."""
    blind, tried = related_task("new", 0.5, 2.0), related_task("new", 0.5, 2.0, cells=RELATED_CELLS[::2])
    rest = RELATED_CELLS[1::2]
    truth = np.array([related_loss(config, 0.5, 2.0) for config in rest])
    before, after = learner.forecast(blind, rest), learner.forecast(tried, rest)
    assert np.abs(after.mean - truth).mean() < 0.3 * np.abs(before.mean - truth).mean()
    assert after.std.mean() < before.std.mean()


@pytest.mark.parametrize("options", [{"dropout": 0.5}, {"l2": 0.001}, {"hidden": (32, 16, 8)}, {"seed": 1}])
def test_options_change_what_is_learned(
    learner: BayesianNetwork, past: list[Task], options: dict[str, Any]
) -> None:
    """Dropout, penalty, layers and seed each give another network, with finite arrays."""
    arrays = BayesianNetwork(**{**QUICK, "steps": 5, **options}).fit(past).arrays()
    usual = BayesianNetwork(**{**QUICK, "steps": 5}).fit(past).arrays()
    assert all(np.isfinite(array).all() for array in arrays.values())
    assert not np.array_equal(arrays["prior_root"], usual["prior_root"])


def test_the_same_seed_gives_the_same_network(learner: BayesianNetwork, past: list[Task]) -> None:
    """Trained again, whatever torch drew in between, every array is the same to the last bit."""
    import torch

    torch.rand(3)
    again = BayesianNetwork(**QUICK).fit(past).arrays()
    assert all(np.array_equal(array, again[name]) for name, array in learner.arrays().items())


def test_tasks_of_different_sizes_are_learned_from() -> None:
    """Tasks with two trials and with all of them share the batches."""
    pytest.importorskip("torch")
    past = [related_task(f"past {k}", 0.5, 0.1 * k, cells=RELATED_CELLS[: 2 + 3 * k]) for k in range(4)]
    forecast = BayesianNetwork(**QUICK).fit(past).forecast(related_task("new", 0.5, 0.5), RELATED_CELLS)
    assert np.isfinite(forecast.mean).all()


def test_arrays_survive_a_file(past: list[Task], tmp_path: Path) -> None:
    """Saved as npz and loaded without pickle, the learner gives the same forecasts."""
    learner = untrained(past)
    np.savez(tmp_path / "net.npz", **learner.arrays())
    with np.load(tmp_path / "net.npz", allow_pickle=False) as file:
        loaded = BayesianNetwork.from_arrays(dict(file), past)
    for new in (related_task("new", 0.3, 0.4), related_task("new", 0.3, 0.4, cells=RELATED_CELLS[:3])):
        one, other = (which.forecast(new, RELATED_CELLS) for which in (learner, loaded))
        assert np.array_equal(one.mean, other.mean)
        assert np.array_equal(one.std, other.std)


def test_arrays_of_another_space_are_refused(past: list[Task]) -> None:
    """Arrays whose inputs do not fit the tasks say so at once."""
    arrays = untrained(past).arrays()
    arrays["weights0"] = arrays["weights0"][:, :-1]
    with pytest.raises(LearningError, match="the tasks that the network was fitted on"):
        BayesianNetwork.from_arrays(arrays, past)


def test_forecasting_needs_no_torch() -> None:
    """Neither importing the learner nor a forecast from arrays loads torch."""
    command = (
        "import sys\n"
        "from test_bayesian_network import untrained, related_task, related_tasks, RELATED_CELLS\n"
        "new = related_task('new', 0.3, 0.4, cells=RELATED_CELLS[:3])\n"
        "untrained(related_tasks(12)).forecast(new, RELATED_CELLS)\n"
        "print('torch' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True, cwd=Path(__file__).parent
    )
    assert run.stdout.strip() == "False"


def test_without_torch_learning_says_what_to_install(
    past: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the extra."""

    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(bayesian_network_training, "import_module", missing)
    with pytest.raises(MissingExtraError, match=r"pip install 'foretune\[torch\]'"):
        BayesianNetwork(**QUICK).fit(past)
