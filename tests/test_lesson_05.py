"""Lesson 05: experiments, figures, and the solutions against PyTorch's layers."""

from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers import data, nets, normalization, running_statistics
from helpers import normalization_sweeps as sweeps
from helpers import normalized_signals as deep
from helpers.explore import Explorable, sweep
from helpers.instructor.exercises import load_lesson
from helpers.instructor.solutions import load_solution
from helpers.judging import PASSED
from helpers.plots import batch_statistics
from helpers.plots import normalization as figures
from helpers.plots import normalized_axes as axes
from helpers.plots import normalized_signals as rays
from tests.test_exercises import fresh_task, verdict_on

EXACT = 1e-10


def solutions(*numbers: int) -> list[Any]:
    return [load_solution(f"05.{n}") for n in numbers]


def farthest(a: Any, b: Any) -> float:
    return float(np.abs(np.asarray(a) - b.detach().numpy()).max())


# --- the solutions are PyTorch's layers, in float64: forward, backward and buffers -----------


@pytest.mark.parametrize("shape", [(2, 3), (7, 4), (33, 5)])
def test_solutions_equal_batch_norm_1d(shape: tuple[int, int]) -> None:
    forward, running, in_eval, backward = solutions(1, 2, 3, 4)
    rng = np.random.default_rng(5)
    x, upstream = rng.normal(2, 3, (2, *shape))
    gamma, beta = rng.normal(size=(2, shape[1]))
    layer = nn.BatchNorm1d(shape[1]).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(gamma))
        layer.bias.copy_(torch.tensor(beta))
    batch = torch.tensor(x, requires_grad=True)
    out = layer(batch)
    out.backward(torch.tensor(upstream))
    assert farthest(forward(x, gamma, beta, 1e-5), out) < EXACT
    dx, dgamma, dbeta = backward(upstream, x, gamma, 1e-5)
    assert batch.grad is not None
    assert layer.weight.grad is not None
    assert layer.bias.grad is not None
    for mine, theirs in ((dx, batch.grad), (dgamma, layer.weight.grad), (dbeta, layer.bias.grad)):
        assert farthest(mine, theirs) < EXACT
    mean, var = running(np.zeros(shape[1]), np.ones(shape[1]), x, 0.1)
    assert layer.running_mean is not None
    assert layer.running_var is not None
    assert farthest(mean, layer.running_mean) < EXACT
    assert farthest(var, layer.running_var) < EXACT
    assert farthest(in_eval(x, gamma, beta, mean, var, 1e-5), layer.eval()(batch)) < EXACT


def test_solutions_equal_batch_norm_2d() -> None:
    forward, running, backward = solutions(1, 2, 4)
    rng = np.random.default_rng(6)
    images = rng.normal(1, 2, (3, 4, 2, 5))  # N, C, H, W
    upstream = rng.normal(size=images.shape)
    x, grad = (np.moveaxis(a, 1, -1).reshape(-1, 4) for a in (images, upstream))
    layer = nn.BatchNorm2d(4).double()
    tensor = torch.tensor(images, requires_grad=True)
    out = layer(tensor)
    out.backward(torch.tensor(upstream))
    ones, zeros = np.ones(4), np.zeros(4)
    assert tensor.grad is not None
    assert layer.running_mean is not None
    assert layer.running_var is not None
    assert farthest(forward(x, ones, zeros, 1e-5), out.movedim(1, -1).reshape(-1, 4)) < EXACT
    dx, _, _ = backward(grad, x, ones, 1e-5)
    assert farthest(dx, tensor.grad.movedim(1, -1).reshape(-1, 4)) < EXACT
    mean, var = running(zeros, ones, x, 0.1)
    assert farthest(mean, layer.running_mean) < EXACT
    assert farthest(var, layer.running_var) < EXACT


def test_solution_equals_the_relatives() -> None:
    (normalize,) = solutions(5)
    x = np.random.default_rng(7).normal(1, 2, (3, 6, 4, 2))
    tensor = torch.tensor(x)
    theirs = {
        ("layer", 1): nn.LayerNorm([6, 4, 2]).double()(tensor),
        ("instance", 1): nn.InstanceNorm2d(6).double()(tensor),
        ("group", 2): nn.GroupNorm(2, 6).double()(tensor),
        ("group", 3): nn.GroupNorm(3, 6).double()(tensor),
    }
    for (kind, groups), expected in theirs.items():
        assert farthest(normalize(x, kind, groups, 1e-5), expected) < EXACT


def test_solution_folds() -> None:
    (fold,) = solutions(6)
    rng = np.random.default_rng(8)
    h, weight = rng.normal(size=(9, 5)), rng.normal(size=(5, 3))
    bias, gamma, beta, mean = rng.normal(size=(4, 3))
    var = rng.uniform(0.5, 2, 3)
    w, b = fold(weight, bias, gamma, beta, mean, var, 1e-5)
    x, m, v, scale, shift = map(torch.tensor, (h @ weight + bias, mean, var, gamma, beta))
    assert farthest(h @ w + b, F.batch_norm(x, m, v, scale, shift)) < EXACT


# --- experiments -----------------------------------------------------------------------------


def test_noise_shifts_each_unit_anew_and_only_in_training() -> None:
    noise, z = normalization.ShiftingNoise(0), torch.zeros(2, 500, 3)
    first, second = noise(z), noise(z)
    means = first.mean(1)  # (2, 3)
    assert (means.abs() < normalization.NOISE_SHIFT + 0.05).all()
    assert (means - second.mean(1)).abs().min() > 1e-3
    spread = first.std(1)
    assert (spread - normalization.NOISE_EACH).abs().max() < 0.03
    stretched = noise(torch.randn(2, 500, 3)).std(1)
    assert (stretched > 0.85).all()
    assert (stretched < 1.45).all()
    assert noise.eval()(z) is z


def test_variants_are_what_they_say() -> None:
    sizes = [64, 8, 8, 10]
    x = torch.randn(2, 20, 64)
    made = {
        v: normalization.make_variant(v, sizes, activation="relu", seeds=[1, 2])
        for v in normalization.VARIANTS
    }
    hidden = {v: m.layers(x)[0] for v, m in made.items()}
    assert hidden["after"].mean(1).abs().max() < 1e-5  # normalized behind the activation
    assert (hidden["before"] >= 0).all()
    assert isinstance(made["none"].norms[0], nn.Identity)
    assert any(isinstance(m, normalization.ShiftingNoise) for m in made["noisy"].modules())
    assert [n.kind for n in made["layer"].norms if isinstance(n, nets.Normalization)] == [
        "layer"
    ] * 2
    for variant in ("before", "after", "noisy"):
        assert torch.equal(made[variant].weights[0], made["none"].weights[0])
    with pytest.raises(ValueError, match="variant is one of none, before, after, noisy, layer"):
        normalization.make_variant("between", sizes, activation="relu", seeds=[1])


def test_train_variant_learns_and_measures() -> None:
    run = normalization.train_variant("before", "relu", seeds=[3, 4], steps=40)
    assert run.accuracy.shape == run.drift.shape == (2,)
    assert run.loss.shape == (len(run.steps), 2)
    assert (run.loss[-1] < 0.7 * run.loss[0]).all()
    again = normalization.train_variant("before", "relu", seeds=[3, 4], steps=40)
    np.testing.assert_array_equal(run.loss, again.loss)


def test_frozen_buffers_put_statistics_and_mode_back() -> None:
    model = nets.MLPs([64, 8, 10], seeds=[0], norm="batch").eval()
    before = [b.clone() for b in model.buffers()]
    with normalization.frozen_buffers(model):
        assert model.training
        model(torch.randn(1, 30, 64))
        assert not torch.equal(before[0], next(model.buffers()))
    assert not model.training
    assert all(torch.equal(a, b) for a, b in zip(before, model.buffers(), strict=True))


def test_batch_accuracy_normalizes_with_each_batch() -> None:
    model = nets.MLPs([4, 6, 3], seeds=[0, 1], norm="batch").eval()
    x, y = torch.randn(2, 10, 4), torch.randint(3, (2, 10))
    found = normalization.batch_accuracy(model, x, y, size=4)
    model.train()
    with torch.no_grad():
        guesses = torch.cat([model(x[:, :4]), model(x[:, 4:8])], 1).argmax(-1)
    np.testing.assert_allclose(found, (guesses == y[:, :8]).double().mean(1).numpy())


def test_sort_by_class_keeps_images_and_labels_together() -> None:
    labels = torch.tensor([[2, 0, 1, 0], [1, 1, 0, 2]])
    x = torch.arange(8.0).reshape(2, 4, 1)
    x_sorted, sorted_labels = normalization.sort_by_class(x, labels)
    assert sorted_labels.tolist() == [[0, 0, 1, 2], [0, 1, 1, 2]]
    assert x_sorted[..., 0].tolist() == [[1, 3, 2, 0], [6, 4, 5, 7]]


@pytest.mark.parametrize("variant", ["none", "before", "after", "noisy"])
def test_networks_that_train_abreast_are_those_that_train_alone(variant: str) -> None:
    activations = ["sigmoid", "relu"]
    for activation, run in zip(
        activations,
        normalization.train_abreast(variant, activations, seeds=[4, 9]),
        strict=True,
    ):
        alone = normalization.train_variant(variant, activation, seeds=[4, 9])
        np.testing.assert_allclose(run.loss, alone.loss, rtol=1e-3)
        np.testing.assert_allclose(run.drift, alone.drift, rtol=1e-2)
        np.testing.assert_allclose(run.accuracy, alone.accuracy, atol=0.005)
        assert run.steps == alone.steps
        for one, other in zip(run.nets.state_dict().values(),
                              alone.nets.state_dict().values(), strict=True):  # fmt: skip
            torch.testing.assert_close(one, other, rtol=0.02, atol=0.005)
        x, y = normalization.load_split((4, 9))[2:]
        np.testing.assert_array_equal(nets.accuracy(run.nets, x, y), run.accuracy)


def test_a_rate_of_the_loss_is_a_learning_rate() -> None:
    """The copy with rate 0.1 is the network that plain SGD with lr 0.1 gives."""
    (swept,) = sweeps.sweep_rates([0.1], None, seeds=[5])
    x, y, x_test, y_test = normalization.load_split((5,))
    model = nets.MLPs([64, *[normalization.WIDTH] * 4, 10], seeds=[5])
    nets.train(
        model, x, y, steps=100, batch_size=normalization.BATCH,
        optimizer=nets.make_optimizer(model.parameters(), "sgd", lr=0.1),
        generator=torch.Generator().manual_seed(5),
    )  # fmt: skip
    np.testing.assert_allclose(swept, nets.accuracy(model, x_test, y_test), atol=0.005)


def test_sweeps_have_a_row_each_factor() -> None:
    assert sweeps.sweep_stds([0.1, 0.3], "batch", seeds=[0]).shape == (2, 1)
    assert sweeps.sweep_batch_sizes([2, 8], "layer", seeds=[0], steps=3).shape == (2, 1)


def test_batches_of_two_are_looked_into() -> None:
    grown, own = sweeps.look_into_batches(2, seeds=[0, 1])
    assert grown.shape == own.shape == (2,)
    assert (grown > 1).all()
    assert (own < 0.5).all()
    calm, better = sweeps.look_into_batches(32, seeds=[0, 1])
    assert (calm < 1.2).all()
    assert (better > 0.7).all()


def test_small_weights_are_thrown_out_in_one_step() -> None:
    grown = sweeps.grow_in_one_step(0.001, seeds=[0, 1])
    assert grown.shape == (4, 2)
    assert (grown > 50).all()
    before, after = sweeps.share_between_images(0.001, norm="layer", seeds=[0, 1])
    assert (before > 0.1).all()
    assert (after < 0.02).all()
    for share in sweeps.share_between_images(0.001, norm="batch", seeds=[0, 1]):
        assert share == pytest.approx(1 - 1 / np.pi, abs=0.06)  # Var φ / E φ² of a normal z
    wide = nets.MLPs([64, 400, 400, 10], seeds=[0, 1])
    sweeps.scale_hidden(wide, torch.tensor([0.5, 2.0]))
    stds = torch.stack([w.detach().std((1, 2)) for w in wide.weights])  # (3, 2)
    expected = torch.tensor([[0.5, 2.0], [0.5, 2.0], [0.0707, 0.0707]])
    assert torch.allclose(stds, expected, rtol=0.05)


def test_shadows_are_running_statistics_of_their_own_momentum() -> None:
    model = nets.MLPs([5, 4, 3], seeds=[0, 1], norm="batch")
    shadow = running_statistics.Shadows(model, 0.5)
    shadow.watch()
    z = torch.randn(2, 30, 5)
    model(z)
    pre = torch.baddbmm(model.biases[0], z, model.weights[0]).detach()
    expected = 0.5 * pre.mean(1, keepdim=True)
    assert torch.allclose(shadow.layers[0].running_mean, expected, atol=1e-6)
    model.eval()
    model(z)  # in eval mode nothing is noted
    assert torch.allclose(shadow.layers[0].running_mean, expected, atol=1e-6)
    kept = list(model.norms)
    shadow.measure(z, torch.zeros(2, 30, dtype=torch.int64))
    assert list(model.norms) == kept


def test_lag_shapes() -> None:
    lag = running_statistics.run_lag([0.5, 0.01], seeds=[0], steps=10, every=5)
    assert lag.running.shape == (2, len(lag.steps))
    assert lag.batch.shape == (len(lag.steps),)


# --- signals and scale-invariant weights -----------------------------------------------------


def test_gradient_factors_in_closed_form() -> None:
    assert deep.gradient_factor("identity", "batch") == pytest.approx(1, abs=1e-9)
    assert deep.gradient_factor("relu", "batch") ** 2 == pytest.approx(
        np.pi / (np.pi - 1), abs=1e-3
    )
    assert deep.gradient_factor("relu", "layer") == pytest.approx(1, abs=1e-3)
    assert deep.gradient_factor("sigmoid", "layer") < 0.4
    with pytest.raises(ValueError, match="norm is 'batch' or 'layer'"):
        deep.gradient_factor("relu", "none")


def test_signals_of_a_linear_network() -> None:
    stack = deep.draw_stack(0, samples=200, width=50, depth=5)
    plain = deep.measure_signals(stack, activation="identity", norm="none", std=0.1, depth=5)
    h = stack[0]
    for weights in stack[2]:
        h = h @ (0.1 * weights)
    assert plain.log_std[-1] == pytest.approx(np.log10(float(h.std())))
    normal = deep.measure_signals(stack, activation="identity", norm="batch", std=7, depth=5)
    np.testing.assert_allclose(normal.log_std, 0, atol=0.01)
    with pytest.raises(ValueError, match="norm is one of none, batch, layer"):
        deep.measure_signals(stack, activation="relu", norm="group", std=1, depth=2)
    for depth in (0, 6):
        with pytest.raises(ValueError, match="depth is from 1 to 5"):
            deep.measure_signals(stack, activation="relu", norm="batch", std=1, depth=depth)


def test_rescaled_twins_move_together() -> None:
    (adjusted, same), largest = deep.rescaled_twins(3.0, seed=1, steps=20)
    assert adjusted < 1e-10
    assert same > 0.01
    assert largest > 0


def test_decay_run_notes_norm_and_turn() -> None:
    run = deep.decay_run([0.0, 0.5], seeds=[0, 1], steps=20)
    assert run.norm.shape == run.turn.shape == (20, 2)
    assert run.norm[-1, 1] < 0.5 * run.norm[-1, 0]
    assert (run.norm[:, 0] > run.norm[0, 0] - 1e-6).all()  # without decay the norm only grows


def test_walk_is_perpendicular_without_decay() -> None:
    w = rays.walk(length=0.5, lr=0.2, weight_decay=0.0, noise=1.0, seed=0)
    steps = np.diff(w, axis=0)
    np.testing.assert_allclose((steps * w[:-1]).sum(1), 0, atol=1e-12)
    assert (np.diff(np.hypot(*w.T)) >= 0).all()


def test_walk_settles_where_decay_and_noise_balance() -> None:
    settings = {"lr": 0.1, "weight_decay": 0.3, "noise": 1.5}
    w = rays.walk(length=2.0, seed=1, steps=4000, **settings)
    lengths = np.hypot(*w[1000:].T)
    # the theory counts the noise; the slope of the loss adds a little
    assert np.mean(lengths) == pytest.approx(rays.settle(**settings), rel=0.15)
    turns = np.sqrt(np.mean(rays.measure_turns(w[1000:]) ** 2))
    assert turns == pytest.approx(np.sqrt(2 * 0.1 * 0.3), rel=0.1)
    assert rays.settle(0.1, 0.0, 1.0) == 0


def test_loss_on_the_circle() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200_000, 2))  # whitened inputs
    w = np.array([1.0, 2.0])
    error = np.mean((x @ w / np.hypot(*w) - x[:, 0]) ** 2)
    assert rays.loss_on_circle(np.arctan2(2, 1)) == pytest.approx(error, rel=0.02)


# --- the cube and the statistics -------------------------------------------------------------


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
@pytest.mark.parametrize("kind", axes.KINDS)
def test_sets_are_those_of_torch(kind: str, groups: int) -> None:
    """Entries that share a set are those whose change moves an output."""
    x = torch.randn(4, 6, 2, 2, dtype=torch.float64)

    def normalized(x: torch.Tensor) -> torch.Tensor:
        return {
            "batch": lambda: F.batch_norm(x, None, None, training=True),
            "layer": lambda: F.layer_norm(x, x.shape[1:]),
            "instance": lambda: F.instance_norm(x),
            "group": lambda: F.group_norm(x, groups),
        }[kind]()

    changed = x.clone()
    changed[1, 2, 0, 0] += 1
    moved = (normalized(changed) - normalized(x)).abs().amax((2, 3)).numpy() > 1e-12
    sets = axes.number_sets(kind, groups)
    np.testing.assert_array_equal(moved, sets == sets[1, 2])


def test_sets_refuse_what_they_do_not_know() -> None:
    with pytest.raises(ValueError, match="kind is one of batch, layer, instance, group"):
        axes.number_sets("weight", 1)
    for groups in (0, 4):
        with pytest.raises(ValueError, match="groups divides the 6 channels"):
            axes.number_sets("group", groups)


def test_the_facts_beside_the_cube() -> None:
    assert "means and variances: 6" in axes.tell("batch", 2)
    assert axes.tell("batch", 2) == axes.tell("batch", 1)
    assert "values in each: 8" in axes.tell("group", 3)
    assert "the same as layer norm" in axes.tell("group", 1)
    assert "the same as instance norm" in axes.tell("group", 6)


def test_every_button_of_the_cube_says_something_else() -> None:
    assert set(axes.CHOICES.values()) >= {("group", groups) for groups in (1, 2, 3, 6)}
    explorable = axes.explore_axes()
    try:
        told = []
        for choice in axes.CHOICES:
            explorable.set(choice=choice)
            told.append((explorable.text, explorable.png))
    finally:
        explorable.close()
    assert len(set(told)) == len(axes.CHOICES)


def test_normalize_in_is_batch_norm_of_one_row() -> None:
    others, images = np.random.default_rng(1).normal(size=(3, 7)), np.array([0.5, -2.0])
    found = batch_statistics.normalize_in(others, images)
    for i, row in enumerate(others):
        for k, image in enumerate(images):
            batch = torch.tensor([*row, image])[:, None]
            expected = F.batch_norm(batch, None, None, training=True)[-1, 0]
            assert found[i, k] == pytest.approx(float(expected))


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_box_magnifies_the_end_of_the_running_mean(sign: int) -> None:
    z = sign * np.random.default_rng(0).normal(3, 1, 500)
    fig, ax = plt.subplots()
    panel = batch_statistics._LagPanel(ax, z.mean(), z.std())
    batches = z[np.random.default_rng(1).integers(500, size=(300, 32))].mean(1)
    panel.move(batches, 32, 0.1)
    inside = np.asarray(panel.magnified.get_ydata()) - panel.middle
    drawn = np.mean(np.abs(inside) <= panel.half / batch_statistics.ZOOM)
    assert drawn == pytest.approx(panel.share_inside)
    assert 0.4 < drawn < 0.95  # one standard deviation to each side
    low, high = sorted((panel.middle - panel.half, panel.middle + panel.half))
    path = np.asarray(panel.line.get_ydata())
    assert ((path < low) | (path > high)).all()  # the box does not hide the curve
    panel.move(batches, 32, 0.001)
    assert np.isnan(panel.magnified.get_ydata()).all()  # far from settled
    assert panel.share_inside == 0
    plt.close(fig)


def test_each_norm_has_its_line_of_theory() -> None:
    figure = rays._Depth(0)
    figure.update("sigmoid", 10, 0.2)
    legend = [t.get_text() for t in figure.fig.legends[0].get_texts()]
    assert legend[-2:] == ["batch norm, theory", "layer norm, theory"]
    colors = [line.get_color() for line in figure.backward]
    assert [line.get_color() for line in figure.theory] == colors[1:]
    batch, layer = (line.get_ydata()[0] for line in figure.theory)
    assert batch == pytest.approx(9 * np.log10(deep.gradient_factor("sigmoid", "batch")))
    assert layer == pytest.approx(9 * np.log10(deep.gradient_factor("sigmoid", "layer")))
    plt.close(figure.fig)


EXPLORABLES: dict[str, Callable[[], Explorable]] = {
    "axes": axes.explore_axes,
    "statistics": lambda: batch_statistics.explore_statistics(data.digits().images[:, 20], seed=0),
    "rays": lambda: rays.explore_rays(seed=0),
    "depth": lambda: rays.explore_depth(seed=0),
}


@pytest.mark.parametrize("name", EXPLORABLES)
def test_explorables_move_and_tell(name: str) -> None:
    explorable: Explorable = EXPLORABLES[name]()
    try:
        assert sweep(explorable, points=2) >= 4
        assert len(explorable.text) > 60
    finally:
        explorable.close()


# --- static figures --------------------------------------------------------------------------


def test_figures_draw_every_run() -> None:
    kinds = ["tanh", "relu"]
    runs = {
        (a, v): normalization.train_variant(v, a, seeds=[0, 1], steps=20)
        for a in kinds
        for v in normalization.BATCH_VARIANTS
    }
    losses = figures.plot_losses(runs, kinds, ["none", "before"])
    assert [len(ax.lines) for ax in losses.axes] == [3, 3]  # two curves and log 10
    noise = figures.plot_noise(runs, kinds)
    assert len(noise.axes) == 4
    accuracies = np.array([[0.9, 0.8], [0.5, 0.4]])
    assert len(figures.plot_test_batches(["a", "b"], accuracies).axes[0].collections) == 4
    assert len(figures.plot_places(["a", "b"], accuracies, accuracies + 0.1).axes[0].texts) == 3


def test_figures_of_sweeps() -> None:
    values = np.random.default_rng(0).uniform(size=(3, 2))
    x = [0.1, 1.0, 10.0]
    fig = figures.plot_sweeps(x, [values] * 3, x, [values] * 2)
    assert [len(ax.lines) for ax in fig.axes] == [4, 2]  # with He's line
    assert figures.plot_batch_sizes([2, 4, 8], [values] * 3).axes[0].get_xlabel() == ""
    lag = running_statistics.Lag((0.1, 0.01), [0, 5, 10], values.T, values[:, 0])
    assert len(figures.plot_lag(lag).axes[0].lines) == 3
    steps = np.arange(40.0)
    decay = deep.DecayRun((0.0, 0.1), 0.1, steps, np.ones((40, 2)), np.ones((40, 2)), values)
    assert len(figures.plot_decay(decay).axes[1].lines) == 3


@pytest.mark.parametrize("number", [1, 3, 5, 6])
def test_answers_in_float32_are_right(number: int) -> None:
    """Frameworks compute in it; a difference in the seventh digit is no mistake."""
    (solution,) = solutions(number)
    task = fresh_task(load_lesson("05").find(f"05.{number}"), number)

    def single(*arguments: Any) -> Any:
        arrays = (isinstance(a, np.ndarray) for a in arguments)
        return solution(*(
            np.float32(a) if array else a for a, array in zip(arguments, arrays, strict=True)
        ))  # fmt: skip

    verdict = verdict_on(task, single)
    assert verdict.state == PASSED, verdict.message
