"""The experiments and figures of lesson 03, against torch and closed forms."""

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from helpers import decay, decay_sweep, nets
from helpers.explore import Explorable, sweep
from helpers.plots import decay as figures
from helpers.plots import decay_runs

ROUNDING = 1e-12


@pytest.fixture(scope="module")
def noise() -> decay.NoiseRun:
    return decay.decay_under_noise(
        np.array([0.05, 1.0, 5.0]), decays=(0.1, 0.3), seed=4, steps=200, count=300
    )


@pytest.fixture(scope="module")
def small_sweep() -> decay_sweep.Sweep:
    return decay_sweep.sweep_decay((0.0, 0.01, 0.1), seeds=[3, 4], n_train=80, steps=60)


@pytest.mark.parametrize(
    ("optimizer", "equal"),
    [
        ("SGD", (True, True)),
        ("SGD, momentum 0.9", (True, False)),
        ("Adam", (True, False)),
        ("AdamW", (False, False)),
    ],
)
def test_three_ways_agree_where_they_should(optimizer: str, equal: tuple[bool, bool]) -> None:
    found = decay.three_ways(optimizer, lr=0.02, weight_decay=0.05, steps=40)
    assert found.norms.shape == (41, 3)
    assert found.gaps.shape == (41, 2)
    assert np.ptp(found.norms[0]) == 0
    assert not found.gaps[0].any()
    for gap, small in zip(found.gaps.max(0), equal, strict=True):
        assert gap < ROUNDING if small else gap > 1e-3
    decoupled = optimizer in {"SGD", "AdamW"}
    assert found.between.shape == (41,)
    assert found.between.max() < ROUNDING if decoupled else found.between.max() > 1e-3


def test_adamw_argument_is_the_multiplication() -> None:
    found = decay.three_ways("AdamW", lr=0.02, weight_decay=0.05, steps=40)
    np.testing.assert_allclose(found.norms[:, 1], found.norms[:, 2], rtol=ROUNDING)


def test_three_ways_follow_their_seed_and_rate() -> None:
    norms = [decay.three_ways("SGD", lr=lr, weight_decay=0.1, seed=seed, steps=5).norms[-1, 0]
             for lr, seed in ((0.1, 0), (0.1, 1), (0.2, 0))]  # fmt: skip
    assert len(set(norms)) == 3


def test_three_ways_gradient_is_that_of_cross_entropy() -> None:
    """One step of SGD without decay, against autograd."""
    found = decay.three_ways("SGD", lr=0.5, weight_decay=0.0, seed=2, steps=1)
    x, targets = decay._batches(2, 1)
    w = torch.empty(64, 10, dtype=torch.float64)
    w.normal_(0, 0.3, generator=torch.Generator().manual_seed(2)).requires_grad_()
    (slope,) = torch.autograd.grad(torch.nn.functional.cross_entropy(x[0] @ w, targets[0]), w)
    assert found.norms[1, 0] == pytest.approx((w - 0.5 * slope).norm().item(), rel=1e-12)


def test_unknown_optimizer_is_refused() -> None:
    with pytest.raises(ValueError, match=r"one of SGD, .*; got 'SGDW'"):
        decay.three_ways("SGDW", lr=0.1, weight_decay=0.1)


def test_noise_run_has_the_shapes_it_names(noise: decay.NoiseRun) -> None:
    assert noise.mean.shape == noise.std.shape == (3, 2, 11, 3)
    assert noise.steps[-1] == 200
    assert (noise.mean[:, :, 0] == 1).all()
    assert (noise.std[:, :, 0] == 0).all()


def test_decoupled_decay_is_free_of_the_scale(noise: decay.NoiseRun) -> None:
    ideal = (1 - noise.lr * 0.3) ** 200
    adam, adamw = (noise.mean[noise.optimizers.index(name), 1, -1] for name in ("Adam", "AdamW"))
    np.testing.assert_allclose(adamw, ideal, atol=0.02)  # noise: about 0.03 / √300
    assert adam[0] < ideal - 0.2
    assert adam[-1] > ideal + 0.05


def test_mean_field_meets_the_measured_adam(noise: decay.NoiseRun) -> None:
    for which, strength in enumerate(noise.decays):
        theory = decay.mean_field(noise, strength)
        assert theory.shape == (11, 3)
        measured = noise.mean[noise.optimizers.index("Adam"), which]
        np.testing.assert_allclose(measured, theory, atol=0.02, rtol=0.05)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("product", [0.05, 1.0, 1.9, 2.5, 3.95])
def test_growth_is_the_spectral_radius(product: float, momentum: float) -> None:
    step = np.array([[1 + momentum - product, -momentum], [1.0, 0.0]])
    radius = np.abs(np.linalg.eigvals(step)).max()
    assert float(decay.growth_per_step(product, momentum)) == pytest.approx(radius, abs=1e-7)


def test_pure_decay_is_torch_s_recursion() -> None:
    w = decay.pure_decay(0.7, momentum=0.6, steps=30)
    assert w[0] == 1
    np.testing.assert_allclose(w[1], 0.3)
    expected = w[1:-1] + 0.6 * (w[1:-1] - w[:-2]) - 0.7 * w[1:-1]
    np.testing.assert_allclose(w[2:], expected, atol=ROUNDING)
    np.testing.assert_allclose(decay.pure_decay(1.9, momentum=0.0, steps=9)[-1], (-0.9) ** 9)


def test_sweep_has_the_shapes_it_names(small_sweep: decay_sweep.Sweep) -> None:
    assert small_sweep.steps == [0, 50, 60]
    assert small_sweep.train.shape == small_sweep.test.shape == (3, 2, 2, 3)
    assert small_sweep.norm.shape == (3, 2, 2)
    assert (np.diff(small_sweep.norm, axis=0) < 0).all()


def test_sweep_is_paired_over_decays(small_sweep: decay_sweep.Sweep) -> None:
    """Before the first step the networks of all λ, clean or noisy, are the same."""
    starts = small_sweep.test[..., 0].reshape(-1, 2)
    assert (starts == starts[0]).all()
    assert starts[0, 0] != starts[0, 1]


def test_equal_decays_give_equal_networks() -> None:
    found = decay_sweep.sweep_decay((0.01, 0.01), seeds=[5], n_train=60, steps=10)
    np.testing.assert_allclose(found.norm[0], found.norm[1], rtol=1e-6)


def test_penalty_of_the_sweep_is_torch_s_weight_decay() -> None:
    """The norm of a swept network equals that of the same network under SGD(weight_decay)."""
    found = decay_sweep.sweep_decay((0.05,), seeds=[5], noise=0.0, n_train=60, steps=12)
    model = nets.MLPs((64, 64, 10), seeds=[5, 5])
    from helpers import data

    split = data.splits([5], n_train=60, n_test=700)
    x, y = nets.tensors(split.x_train.repeat(2, 0), split.y_train.repeat(2, 0))
    groups = [{"params": list(model.weights), "weight_decay": 0.05},
              {"params": list(model.biases), "weight_decay": 0.0}]  # fmt: skip
    sgd = nets.make_optimizer(groups, "sgd", lr=0.05, momentum=0.9)
    nets.train(model, x, y, steps=12, optimizer=sgd, generator=torch.Generator().manual_seed(5))
    np.testing.assert_allclose(found.norm.ravel(), nets.weight_norm(model), rtol=1e-5)


def test_ticks_tell_the_progress() -> None:
    ticks: list[int] = []
    decay_sweep.sweep_decay((0.0,), seeds=[0], n_train=60, steps=100, tick=lambda: ticks.append(1))
    assert len(ticks) == 3
    decay_sweep.batch_norm_choices(
        (0.1,), seeds=[0], n_train=64, steps=4, tick=lambda: ticks.append(1)
    )
    assert len(ticks) == 7


def test_batch_norm_choices_differ_only_in_what_decays() -> None:
    found = decay_sweep.batch_norm_choices((0.0, 1.0), seeds=[1, 2], n_train=64, steps=30)
    assert found.nothing.shape == (2,)
    assert found.test.shape == (3, 2, 2)
    assert (found.test[:, 0] == found.nothing).all()
    assert all((row != found.nothing).any() for row in found.test[:, 1])
    assert (found.test[2, 1] != found.test[1, 1]).any()
    assert found.apart.shape == found.test.shape
    assert (found.apart[:, 0] > 1).all()


def test_a_network_whose_weights_and_gains_vanish_gives_all_images_one_output() -> None:
    found = decay_sweep.batch_norm_choices((2.0,), seeds=[1, 2], n_train=64, steps=100)
    vectors, matrices, everything = found.apart[:, 0]
    assert (everything < 1e-3).all()
    assert (np.minimum(vectors, matrices) > 0.1).all()


def test_the_last_weights_and_the_gains_before_them_kill_a_network_together() -> None:
    pair, others = decay_sweep.decay_of_the_last_pair(0.3, seeds=[1, 2], n_train=64, steps=150)
    assert (pair < 1e-4).all()
    assert (others > 1.0).all()


@pytest.fixture
def choices() -> decay_sweep.Choices:
    means = np.array([[0.5, 0.7, 0.6], [0.8, 0.4, 0.3], [0.1, 0.2, 0.9]])
    test = means[..., None] + np.array([-0.05, 0.05])
    return decay_sweep.Choices((0.01, 0.1, 1.0), np.array([0.3, 0.5]), test, np.ones_like(test))


def test_each_choice_is_taken_at_its_own_best_decay(choices: decay_sweep.Choices) -> None:
    assert choices.best.tolist() == [1, 0, 2]
    np.testing.assert_allclose(choices.at_best, [[0.65, 0.75], [0.75, 0.85], [0.85, 0.95]])


def test_choices_are_drawn_over_a_log_axis(choices: decay_sweep.Choices) -> None:
    _, ax = plt.subplots()
    lines = decay_runs.draw_choices(ax, choices)
    assert [line.get_label() for line in lines] == [*decay_sweep.DECAYED, "nothing"]
    assert ax.get_xscale() == "log"
    rings = [line.get_xydata()[0] for line in ax.lines if line.get_markersize() == 17]
    np.testing.assert_allclose(rings, [(0.1, 0.7), (0.01, 0.8), (1.0, 0.9)])


@pytest.mark.parametrize("name", ["ways", "noise", "stability", "sweep"])
def test_explorables_move_over_their_whole_range(
    name: str, noise: decay.NoiseRun, small_sweep: decay_sweep.Sweep
) -> None:
    makers: dict[str, Callable[[], Explorable]] = {
        "ways": figures.explore_ways,
        "noise": lambda: decay_runs.explore_noise(noise),
        "stability": figures.explore_stability,
        "sweep": lambda: decay_runs.explore_sweep(small_sweep),
    }
    explorable = makers[name]()
    try:
        assert sweep(explorable, points=2) >= 3
    finally:
        explorable.close()


def test_the_path_at_the_limit_of_stability_stays_in_the_figure() -> None:
    picture = figures._Stability()
    picture.update(product=3.8, momentum=0.9)
    highest = np.abs(picture.path.get_ydata()).max()
    assert 18 < highest < picture.path.axes.get_ylim()[1]
    plt.close(picture.fig)


def test_stability_says_what_happens() -> None:
    explorable = figures.explore_stability()
    try:
        for product, momentum, said in (
            (0.5, 0.0, "the weight shrinks"),
            (1.5, 0.0, "swings and shrinks"),
            (2.1, 0.0, "diverges"),
            (2.1, 0.5, "swings and shrinks"),
        ):
            explorable.set(product=product, momentum=momentum)
            assert said in explorable.text
        assert figures.fate(2.0, 0.0) == "flips for ever"
    finally:
        explorable.close()


def test_sweep_figure_tells_the_gain(small_sweep: decay_sweep.Sweep) -> None:
    explorable = decay_runs.explore_sweep(small_sweep)
    try:
        explorable.set(weight_decay=0.1)
        gain = small_sweep.test[2, 1, :, -1] - small_sweep.test[0, 1, :, -1]
        assert f"{gain.mean():+.3f} against λ = 0" in explorable.text
        explorable.set(weight_decay=0.0)
        assert "against" not in explorable.text
    finally:
        explorable.close()
