"""The experiments and figures of lesson 09, against torch, scikit-learn and direct loops."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.functional import hessian
from torch.func import functional_call

from helpers import calibration, data, flatness, nets, noise
from helpers.check import judge
from helpers.explore import Explorable, sweep
from helpers.flatness import Method
from helpers.instructor.exercises import load_lesson
from helpers.instructor.solutions import load_solution
from helpers.plots import calibration as calibration_figures
from helpers.plots import flatness as flatness_figures
from helpers.plots import noise as noise_figures
from tests.test_exercises import fresh_task, verdict_on


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    return noise.centered_digits(3, n=40)


@pytest.fixture(scope="module")
def runs() -> flatness.Runs:
    methods = {"plain": Method(), "SAM": Method(sam=0.2), "noise": Method(weight_noise=0.1)}
    return flatness.compare(methods, seeds=[1, 2], steps=30, every=10)


@pytest.fixture(scope="module")
def smoothed() -> calibration.Smoothed:
    task = calibration.Task(n_train=60, pixel_noise=0.2, label_noise=0.2, steps=20)
    return calibration.smooth_and_train(task, seeds=[1, 2])


def small_nets(activation: str) -> tuple[nets.MLPs, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(4)
    model = nets.MLPs((5, 4, 3), seeds=[1, 2], activation=activation)
    for p in model.parameters():  # biases off zero
        p.data.add_(0.3 * torch.randn(p.shape, generator=generator))
    x = torch.randn(2, 7, 5, generator=generator)
    return model.double(), x.double(), torch.randint(3, (2, 7), generator=generator)


def test_centered_digits_have_mean_zero(digits: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = digits
    assert X.shape == (40, 64)
    assert np.abs(X.mean(0)).max() < 1e-12
    assert len(np.unique(y.round(9))) == 2
    assert abs(y.mean()) < 1e-12


def test_noisy_copies_are_least_squares_on_the_stacked_copies() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 3)), rng.normal(size=12)
    copies = noise.NoisyCopies(X, y, rng=np.random.default_rng(5))
    drawn = np.random.default_rng(5).standard_normal((10, 12, 3))
    stacked = np.concatenate([X + 0.4 * e for e in drawn])
    direct = np.linalg.lstsq(stacked, np.tile(y, 10), rcond=None)[0]
    np.testing.assert_allclose(copies.fit(0.4, 10), direct, rtol=1e-9)
    with pytest.raises(ValueError, match="copies is one of 1, 10, 100, 1000; got 7"):
        copies.fit(0.4, 7)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_trace_is_that_of_the_hessian(activation: str) -> None:
    model, x, labels = small_nets(activation)
    names = [name for name, _ in model.named_parameters()]

    for s in range(2):

        def loss(*parameters: Tensor, s: int = s) -> Tensor:
            logits = functional_call(model, dict(zip(names, parameters, strict=True)), (x,))
            return nets.cross_entropy(logits, labels)[s]

        values = tuple(p.detach() for p in model.parameters())
        blocks = hessian(loss, values)  # type: ignore[no-untyped-call]
        sizes = [v.numel() for v in values]
        trace = sum(blocks[i][i].reshape(n, n).trace() for i, n in enumerate(sizes))
        assert flatness.hessian_trace(model, x, labels)[s] == pytest.approx(float(trace), rel=1e-9)


def test_trace_refuses_other_networks() -> None:
    deep = nets.MLPs((5, 4, 4, 3), seeds=[0])
    with pytest.raises(ValueError, match="one hidden layer, with activation relu or tanh"):
        flatness.hessian_trace(deep, torch.zeros(1, 2, 5), torch.zeros(1, 2, dtype=torch.int64))


def test_rescaled_network_computes_the_same() -> None:
    model, x, labels = small_nets("relu")
    before, trace = model(x), flatness.hessian_trace(model, x, labels)
    flatness.rescale(model, 3.0)
    torch.testing.assert_close(model(x), before)
    assert (np.abs(flatness.hessian_trace(model, x, labels) / trace - 1) > 0.1).all()


@pytest.mark.parametrize(("activation", "factor"), [("relu", 0.0), ("tanh", 2.0)])
def test_rescale_refuses_what_changes_the_function(activation: str, factor: float) -> None:
    model, _, _ = small_nets(activation)
    with pytest.raises(ValueError, match=f"above 0, for one hidden ReLU layer; got {factor}"):
        flatness.rescale(model, factor)


def test_loss_increase_is_that_of_a_direct_loop() -> None:
    model, x, labels = small_nets("tanh")
    found = noise.loss_increase(model, x, labels, sigmas=(0.1,), pairs=1, seed=6)
    generator, start = torch.Generator().manual_seed(6), [p.clone() for p in model.parameters()]
    drawn = [torch.randn(p.shape, generator=generator) for p in start]
    losses = []
    for sign in (0, 1, -1):
        moved = [w + sign * 0.1 * e for w, e in zip(start, drawn, strict=True)]
        names = [name for name, _ in model.named_parameters()]
        logits = functional_call(model, dict(zip(names, moved, strict=True)), (x,))
        losses.append(nets.cross_entropy(logits, labels).detach().numpy())
    np.testing.assert_allclose(found[0], (losses[1] + losses[2]) / 2 - losses[0], rtol=1e-5)
    for p, w in zip(model.parameters(), start, strict=True):
        assert torch.equal(p, w)


def test_smoothed_loss_is_torch_s() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 6, 4, generator=generator)
    labels = torch.randint(4, (2, 6), generator=generator)
    found = flatness.smoothed_cross_entropy(logits, labels, torch.tensor([0.0, 0.3]))
    for s, epsilon in enumerate((0.0, 0.3)):
        wanted = F.cross_entropy(logits[s], labels[s], label_smoothing=epsilon, reduction="none")
        torch.testing.assert_close(found[s], wanted)


def one_step(method: Method, seed: int) -> tuple[list[Tensor], list[Tensor], Tensor, Tensor]:
    """Weights before and after one step of SGD with rate 1 on a fixed batch of 16."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(1, 16, 64, generator=generator)
    y = torch.randint(10, (1, 16), generator=generator)
    training = flatness.Training({"it": method, "beside": Method()}, [seed])
    before = [p.detach()[:1].clone() for p in training.model.parameters()]
    batch = training.keep(x.repeat(2, 1, 1), generator)
    training.loss(training.model(batch), y.repeat(2, 1)).sum().backward()  # type: ignore[no-untyped-call]
    torch.optim.SGD(training.model.parameters(), lr=1.0).step()
    return before, [p.detach()[:1] for p in training.model.parameters()], x, y


def test_sam_takes_the_gradient_uphill() -> None:
    before, after, x, y = one_step(Method(sam=0.5), 3)
    model = nets.MLPs(flatness.SIZES, seeds=[3])
    slopes = torch.autograd.grad(nets.cross_entropy(model(x), y).sum(), list(model.parameters()))
    norm = torch.stack([g.square().sum() for g in slopes]).sum().sqrt()
    with torch.no_grad():
        for p, g in zip(model.parameters(), slopes, strict=True):
            p.add_(0.5 * g / norm)
    uphill = torch.autograd.grad(nets.cross_entropy(model(x), y).sum(), list(model.parameters()))
    for a, b, g in zip(after, before, uphill, strict=True):
        torch.testing.assert_close(a, b - g, rtol=1e-4, atol=1e-5)


def test_plain_method_is_plain_sgd_on_its_share_of_the_batch() -> None:
    before, after, x, y = one_step(Method(batch_size=4), 3)
    model = nets.MLPs(flatness.SIZES, seeds=[3])
    loss = nets.cross_entropy(model(x[:, :4]), y[:, :4]).sum()
    slopes = torch.autograd.grad(loss, list(model.parameters()))
    for a, b, g in zip(after, before, slopes, strict=True):
        torch.testing.assert_close(a, b - g, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "noisy", [Method(input_noise=0.5), Method(hidden_noise=0.5), Method(weight_noise=0.5)]
)
def test_noise_acts_on_its_own_network_in_training_only(noisy: Method) -> None:
    methods = {"plain": Method(), "noisy": noisy}
    training = flatness.Training(methods, [2])
    x, y = torch.ones(2, 16, 64), torch.zeros(2, 16, dtype=torch.int64)
    model = training.model
    model.eval()
    calm = nets.cross_entropy(model(x), y)
    assert calm[0] == calm[1]
    model.train()
    losses = training.loss(model(training.keep(x, model.generator)), y)
    assert losses[0].item() == pytest.approx(calm[0].item(), rel=1e-5)
    assert abs(losses[1].item() - calm[1].item()) > 1e-3


def test_sam_and_noise_do_not_go_together() -> None:
    with pytest.raises(ValueError, match="for networks without noise; got both"):
        flatness.Training({"both": Method(sam=0.1, hidden_noise=0.1)}, [0])


def test_compared_methods_share_start_and_batches(runs: flatness.Runs) -> None:
    assert runs.accuracy.shape == runs.trace.shape == runs.loss.shape == (4, 3, 2)
    assert (runs.trace[0, 0] == runs.trace[0, 1]).all()
    alone = flatness.compare({"plain": Method()}, seeds=[1, 2], steps=30, every=10)
    np.testing.assert_allclose(runs.trace[:, 0], alone.trace[:, 0], rtol=1e-3)
    assert (np.abs(runs.trace[-1, 1] / runs.trace[-1, 0] - 1) > 0.01).all()
    accuracy, trace = runs.after(20, "SAM")
    assert accuracy.tolist() == runs.accuracy[2, 1].tolist()
    assert trace.tolist() == runs.trace[2, 1].tolist()
    with pytest.raises(ValueError, match="got 'SGD' and 20"):
        runs.after(20, "SGD")


def test_runs_keep_their_networks(runs: flatness.Runs) -> None:
    x, labels = runs.examples
    runs.model.eval()
    probs = runs.model(x).detach().double().softmax(-1).numpy()
    runs.model.train()
    for row, found in enumerate(runs.doubt().ravel()):
        assert found == pytest.approx(np.mean(1 - np.square(probs[row]).sum(1)), rel=1e-5)
    trace = flatness.hessian_trace(runs.model.eval(), x, labels).reshape(3, 2)
    np.testing.assert_allclose(trace, runs.trace[-1])


def test_rise_is_one_for_each_network(runs: flatness.Runs) -> None:
    with pytest.raises(ValueError, match=r"\(methods, S\) = \(3, 2\); got \(2, 3\)"):
        flatness_figures.plot_methods(runs, np.ones((2, 3)), sigma=0.2)


def test_reliability_of_a_small_case() -> None:
    told = np.array([0.95, 0.91, 0.55, 0.52, 0.99])
    hits = np.array([True, False, True, True, True])
    diagram = calibration.Reliability(told, hits)
    assert diagram.share[[5, 9]].tolist() == pytest.approx([0.4, 0.6])
    assert diagram.accuracy[9] == pytest.approx(2 / 3)
    assert diagram.confidence[5] == pytest.approx(0.535)
    assert np.isnan(diagram.accuracy[0])


def test_smoothed_runs_measure_their_networks(smoothed: calibration.Smoothed) -> None:
    count = len(calibration.EPSILONS)
    assert smoothed.gaps.shape == (count, 2, 60)
    assert smoothed.accuracy.shape == smoothed.error().shape == (count, 2)
    probs = torch.from_numpy(smoothed.test_logits).softmax(-1).numpy()
    np.testing.assert_allclose(smoothed.confidence(), probs.max(-1))
    np.testing.assert_allclose(
        smoothed.accuracy, (probs.argmax(-1) == smoothed.test_labels).mean(-1)
    )
    diagram = calibration.Reliability(smoothed.confidence()[3, 1], smoothed.hits[3, 1])
    gaps = np.abs(diagram.accuracy - diagram.confidence)
    assert smoothed.error()[3, 1] == pytest.approx(np.nansum(diagram.share * gaps))
    split = data.splits([1, 2], n_train=60, n_val=calibration.N_VAL, n_test=calibration.N_TEST,
                        label_noise=0.2, pixel_noise=0.2)  # fmt: skip
    assert (smoothed.test_labels == split.y_test).all()


def test_temperature_has_the_lowest_validation_loss(smoothed: calibration.Smoothed) -> None:
    found = smoothed.temperature[1, 0]
    logits, labels = smoothed.val_logits[1, 0], torch.from_numpy(smoothed.val_labels[0])
    losses = [
        F.cross_entropy(torch.from_numpy(logits / t), labels) for t in calibration.TEMPERATURES
    ]
    assert found == calibration.TEMPERATURES[int(torch.stack(losses).argmin())]
    cooled = smoothed.confidence(smoothed.temperature)
    direct = torch.from_numpy(smoothed.test_logits[1, 0] / found).softmax(-1).amax(-1).numpy()
    np.testing.assert_allclose(cooled[1, 0], direct)


def test_best_gap_makes_the_softmax_the_target() -> None:
    gap = calibration_figures.best_gap(0.91)
    assert torch.tensor([gap] + [0.0] * 9).softmax(0)[0].item() == pytest.approx(0.91, rel=1e-5)


@pytest.mark.parametrize("name", ["copies", "minima", "smoothing"])
def test_explorables_move_over_their_whole_range(
    name: str, digits: tuple[np.ndarray, np.ndarray], smoothed: calibration.Smoothed
) -> None:
    tasks = {"one": smoothed, "other": smoothed}
    makers: dict[str, Callable[[], Explorable]] = {
        "copies": lambda: noise_figures.explore_copies(
            noise.NoisyCopies(*digits, rng=np.random.default_rng(1)), seed=0
        ),
        "minima": flatness_figures.explore_minima,
        "smoothing": lambda: calibration_figures.explore_smoothing(tasks),
    }
    explorable = makers[name]()
    try:
        assert sweep(explorable, points=2) >= 4
    finally:
        explorable.close()


def test_minima_follow_their_theory() -> None:
    explorable = flatness_figures.explore_minima()
    explorable.set(shift=0.2, sigma=0.1)
    assert "0.40 at the left minimum, 0.04 at the right one" in explorable.text
    assert "costs 0.10 left, 0.01 right" in explorable.text
    explorable.set(coordinate=flatness_figures.COORDINATES[1])
    assert "0.40 at the left minimum, 0.04 at the right one" in explorable.text
    assert "costs 0.01 left, 0.10 right" in explorable.text
    explorable.close()


def test_static_figures_have_their_panels(
    runs: flatness.Runs, smoothed: calibration.Smoothed
) -> None:
    sigmas = (0.01, 0.1)
    batches = {"plain": 30, "SAM": 10}
    made = [
        (flatness_figures.plot_methods(runs, np.ones((3, 2)), sigma=0.2), 4),
        (flatness_figures.plot_batches(runs, batches, 30), 4),
        (
            noise_figures.plot_increase(sigmas, {"relu": np.ones((2, 3)), "tanh": np.ones((2, 3))}),
            1,
        ),
        (calibration_figures.plot_repairs({"one": smoothed, "other": smoothed}), 3),
    ]
    for fig, panels in made:
        assert len(fig.axes) == panels
        fig.canvas.draw()


# answers that miss one edge of what the text promises


@pytest.mark.parametrize(
    ("exercise", "here", "instead"),
    [
        ("09.1", lambda X, y, sigma: sigma > 2, lambda X, y, sigma: 0 * X[0]),
        ("09.1", lambda X, y, sigma: X.shape[0] == X.shape[1], lambda X, y, sigma: 0 * X[0]),
        ("09.2", lambda hessian, sigma: np.trace(hessian) < 0, lambda hessian, sigma: 0.0),
        ("09.3", lambda y, k, e, c: e > 0.6, lambda y, k, e, c: np.full((len(y), k), 1 / k)),
        ("09.3", lambda y, k, e, c: k > 10, lambda y, k, e, c: np.full((len(y), k), 1 / k)),
        ("09.4", lambda e, k, c: e > 0.5, lambda e, k, c: 0.0),
        ("09.4", lambda e, k, c: e < 0.01, lambda e, k, c: 0.0),
        ("09.5", lambda logits, targets: (targets == 0).any(), lambda logits, targets: np.nan),
        ("09.6", lambda probs, labels, bins: (probs.max(1) < 0.5).any(), lambda *a: 0.0),
        ("09.6", lambda probs, labels, bins: bins > 15, lambda *a: 0.0),
    ],
)
def test_edges_are_asked(exercise: str, here: Any, instead: Any) -> None:
    solution = load_solution(exercise)
    wrong = judge(exercise, lambda *a: instead(*a) if here(*a) else solution(*a))
    assert wrong.state == "wrong"
    assert judge(exercise, solution).state == "passed"


def test_soft_cross_entropy_in_float32_passes() -> None:
    def loss(logits: np.ndarray, targets: np.ndarray) -> float:
        z, q = (torch.tensor(a, dtype=torch.float32) for a in (logits, targets))
        return float(F.cross_entropy(z, q))

    exercise = load_lesson("09").find("09.5")
    for seed in range(20):
        verdict = verdict_on(fresh_task(exercise, seed), loss)
        assert verdict.state == "passed", verdict.message
