"""Lesson 01's theory, experiments, figures and judge; its exercises are in test_exercises."""

from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from ipywidgets import IntSlider

from helpers import deep_digits, initialization, isometry, meanfield, symmetry
from helpers.explore import explore
from helpers.initialization import WEIGHT_VARS, Draws, Signals, draw, measure_signals, verdict
from helpers.judges import Call, Unfit
from helpers.judges.lesson_01 import orthogonal as judge_orthogonal
from helpers.plots.initialization import describe_signals, signal_figure
from helpers.plots.spectra import KINDS, draw_losses, draw_meeting, spectrum_figure
from helpers.plots.symmetry import symmetry_figure
from helpers.values import Seed

XAVIER = "Xavier (= LeCun here)"


@pytest.fixture(scope="module")
def draws() -> Draws:
    return draw(0, samples=64, depth=12)


def measure(draws: Draws, activation: str, scheme: str, *, depth: int = 10) -> Signals:
    return measure_signals(draws, activation=activation, scheme=scheme, gain=1.0, depth=depth)


# --- mean-field theory against closed forms


def test_linear_networks_multiply_the_variance() -> None:
    found = meanfield.predict_signals("identity", 3, weight_var=1.5, input_var=2.0)
    np.testing.assert_allclose(found.std**2, 2.0 * 1.5 ** np.arange(1, 4))
    np.testing.assert_allclose(found.gradient**2, [1.5**2, 1.5, 1])
    np.testing.assert_allclose(found.cosine, 0, atol=1e-12)


def test_he_keeps_relu_s_mean_square_and_its_cosines_follow_the_arc_cosine_kernel() -> None:
    found = meanfield.predict_signals("relu", 8, weight_var=2.0)
    square = found.std**2 / (1 - 1 / np.pi)  # Var = E[h²](1 − 1/π) for half a normal
    np.testing.assert_allclose(square, 1, rtol=1e-3)
    c, expected = 0.0, []
    for _ in range(8):  # Cho & Saul 2009, eq. 6
        c = (np.sqrt(1 - c * c) + c * (np.pi - np.arccos(c))) / np.pi
        expected.append(c)
    np.testing.assert_allclose(found.cosine, expected, atol=2e-4)
    np.testing.assert_allclose(found.gradient, np.sqrt(0.5), rtol=1e-12)


def test_a_collapse_keeps_its_digits() -> None:
    found = meanfield.predict_signals("sigmoid", 30, weight_var=1.0)
    factors = found.across[5:] / found.across[4:-1]
    assert found.across[-1] < 1e-18
    np.testing.assert_allclose(factors, factors[-1], rtol=1e-6)  # geometric: no rounding floor


def test_moments_against_gauss_hermite_quadrature() -> None:
    nodes, weights = np.polynomial.hermite_e.hermegauss(160)
    weights = weights / weights.sum()
    found = meanfield.predict_signals("tanh", 1, weight_var=1.7, input_cosine=0.4)
    pair = 0.4 * nodes[:, None] + np.sqrt(1 - 0.16) * nodes
    product = np.tanh(np.sqrt(1.7) * nodes)[:, None] * np.tanh(np.sqrt(1.7) * pair)
    square = weights @ np.tanh(np.sqrt(1.7) * nodes) ** 2
    assert found.std[0] == pytest.approx(np.sqrt(square), rel=1e-7)
    assert found.cosine[0] == pytest.approx(weights @ product @ weights / square, rel=1e-6)
    slope = weights @ (1 - np.tanh(np.sqrt(1.7) * nodes) ** 2) ** 2
    assert found.gradient[0] == pytest.approx(np.sqrt(slope), rel=1e-6)


def test_critical_gains() -> None:
    assert meanfield.critical_gain("relu") == pytest.approx(np.sqrt(2), rel=1e-6)
    assert meanfield.critical_gain("tanh", bias_var=0.09) == pytest.approx(1.3956, abs=1e-3)


def test_theory_s_errors() -> None:
    with pytest.raises(ValueError, match=r"activation is one of identity, .*; got 'elu'"):
        meanfield.predict_signals("elu", 3, weight_var=1.0)
    with pytest.raises(ValueError, match="depth is the number of layers, at least 1; got 0"):
        meanfield.predict_signals("tanh", 0, weight_var=1.0)


# --- signals


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
@pytest.mark.parametrize("scheme", list(WEIGHT_VARS))
def test_signals_are_those_of_torch(draws: Draws, activation: str, scheme: str) -> None:
    depth = 4
    found = measure(draws, activation, scheme, depth=depth)
    bases = torch.from_numpy(initialization.find_matrices(draws, scheme)[:depth]).double()
    h = torch.from_numpy(draws.inputs).double()
    before, after = [], []
    for base in bases:
        z = (h @ base * WEIGHT_VARS[scheme] ** 0.5).requires_grad_()
        h = getattr(torch, activation)(z)
        before.append(z)
        after.append(h)
    gradients = torch.autograd.grad((h * torch.from_numpy(draws.top)).sum(), before)
    stds = [a.std(correction=0).item() for a in after]
    across = [a.var(0, correction=0).mean().sqrt().item() for a in after]
    np.testing.assert_allclose(10**found.log_std, stds, rtol=1e-3)
    np.testing.assert_allclose(10**found.log_across, across, rtol=2e-2)
    sizes = [g.square().mean().sqrt().item() for g in gradients]
    np.testing.assert_allclose(10**found.log_gradient, sizes, rtol=1e-2)
    if activation == "relu":
        np.testing.assert_allclose(
            found.saturated, [(a == 0).double().mean() for a in after], atol=1e-3
        )


def test_relu_signals_do_not_overflow(draws: Draws) -> None:
    found = measure_signals(draws, activation="relu", scheme="std 1", gain=1e4, depth=12)
    assert np.isfinite([found.log_std, found.log_across, found.log_gradient]).all()
    assert found.log_std[-1] > 50


@pytest.mark.parametrize(
    ("activation", "scheme", "words"),
    [
        ("tanh", XAVIER, "Healthy"),
        ("sigmoid", XAVIER, "Inputs have collapsed, gradients vanish"),
        ("tanh", "std 1", "84 % saturated, gradients explode"),
        ("tanh", "std 0.01", "Activations vanish, gradients vanish"),
        ("relu", "std 1", "Activations explode, inputs align, gradients explode"),
        ("relu", "He", "Inputs align"),
        ("relu", XAVIER, "Activations fade, inputs align, gradients fade"),
        ("tanh", "He", "Healthy"),
    ],
)
def test_verdicts(activation: str, scheme: str, words: str) -> None:
    for seed in (0, 1, 2):
        assert verdict(measure(draw(seed), activation, scheme)) == words


@pytest.mark.parametrize(
    ("change", "share", "returned", "words"),
    [
        (0.9, 1.0, -0.9, "Healthy"),
        (1.1, 1.0, -1.1, "Activations grow, gradients fade"),
        (-1.9, 1.0, 1.9, "Activations fade, gradients grow"),
        (-2.1, 1.0, 2.1, "Activations vanish, gradients explode"),
        (0.0, 0.72, 0.0, "Healthy"),
        (0.0, 0.69, 0.0, "Inputs align"),
        (0.0, 0.11, 0.0, "Inputs align"),
        (0.0, 0.09, 0.0, "Inputs have collapsed"),
    ],
)
def test_verdict_s_limits(change: float, share: float, returned: float, words: str) -> None:
    log_std = np.array([-0.5, change - 0.5])
    signals = Signals(
        "relu", [], np.ones(2), log_std, log_std + np.log10(share),
        np.array([returned, 0.0]), np.zeros(2),
    )  # fmt: skip
    assert verdict(signals) == words


def test_tiny_signals_keep_their_spread_across_inputs() -> None:
    found = measure(draw(0), "tanh", "std 0.01", depth=30)  # squares would underflow in float32
    np.testing.assert_allclose(np.diff(found.log_std), -1, atol=0.1)
    np.testing.assert_allclose(found.log_across, found.log_std, atol=0.01)


def test_signals_errors(draws: Draws) -> None:
    with pytest.raises(ValueError, match=r"activation is one of sigmoid, tanh, relu; got 'elu'"):
        measure(draws, "elu", "He")
    with pytest.raises(ValueError, match=r"scheme is one of Xavier .*; got 'he'"):
        measure(draws, "tanh", "he")
    for depth in (0, 13):
        with pytest.raises(ValueError, match=f"depth is from 1 to 12, .*; got {depth}"):
            measure(draws, "tanh", "He", depth=depth)


# --- symmetry, isometry, digits


def test_twins_stay_equal_and_others_do_not() -> None:
    constant, noisy = (symmetry.train_twins(s, [5]) for s in ("constant 0.1", "constant + noise"))
    assert not constant.apart.any()
    assert constant.rank.tolist() == [1]
    assert constant.rows.shape == (41, 16, 64)
    assert (constant.rows[-1] != 0.1).any()  # they did train
    assert noisy.apart[0, 0] > 0
    assert noisy.rank.tolist() == [16]
    with pytest.raises(ValueError, match=r"start is one of constant 0.1, .*; got 'ones'"):
        symmetry.train_twins("ones", [5])


def test_the_step_of_the_twins_is_autograd_s() -> None:
    rng = np.random.default_rng(0)
    x, labels = rng.random((1, 5, 64)), rng.integers(0, 10, (1, 5))
    hidden, output = rng.normal(0, 0.2, (1, 16, 64)), rng.normal(0, 0.2, (1, 16, 10))
    w, v = (torch.tensor(a[0], requires_grad=True) for a in (hidden, output))
    logits = torch.tanh(torch.from_numpy(x[0]) @ w.T) @ v
    torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels[0])).backward()  # type: ignore[no-untyped-call]
    symmetry._sgd_step(x, labels, hidden, output)
    for ours, theirs in ((hidden, w), (output, v)):
        assert theirs.grad is not None
        np.testing.assert_allclose(
            ours[0], (theirs - symmetry.LR * theirs.grad).detach(), atol=1e-12
        )


@pytest.mark.parametrize("activation", list(isometry.CRITICAL_GAINS))
def test_jacobian_is_autograd_s(activation: str) -> None:
    depth, width, gain = 3, 6, isometry.CRITICAL_GAINS[activation]
    found = isometry.jacobian_spectra(
        np.random.default_rng(1), activation=activation, orthogonal=False, depth=depth, width=width
    )
    rng = np.random.default_rng(1)
    x = torch.tensor(0.1 * rng.standard_normal(width))
    weights = [torch.tensor(rng.standard_normal((width, width)) / width**0.5) for _ in range(depth)]
    phi: Callable[..., Any] = {"linear": lambda z: z}.get(activation) or getattr(torch, activation)

    def network(h: torch.Tensor) -> torch.Tensor:
        for w in weights:
            h = phi(gain * (h @ w))
        return h

    jacobian = torch.autograd.functional.jacobian(network, x)  # type: ignore[no-untyped-call]
    np.testing.assert_allclose(found[-1], torch.linalg.svdvals(jacobian), atol=1e-12)


def test_orthogonal_spectra_are_flat_and_unknown_activations_refused() -> None:
    rng = np.random.default_rng(0)
    found = isometry.jacobian_spectra(rng, activation="linear", orthogonal=True, depth=5, width=8)
    np.testing.assert_allclose(found, 1, rtol=1e-12)
    assert isometry.count_kept(found).tolist() == [8] * 5
    assert isometry.count_kept(np.array([1.0, 0.2, 0.1, 0.05])) == 2
    with pytest.raises(ValueError, match=r"activation is one of linear, tanh, relu; got 'gelu'"):
        isometry.jacobian_spectra(rng, activation="gelu", orthogonal=True, depth=5)


def test_pairs_start_at_their_cosines_and_gains_share_the_weights() -> None:
    rngs = [np.random.default_rng(3) for _ in range(2)]
    both = isometry.meet_or_part(rngs[0], (1.0, 2.0), starts=(0.5, -0.2), depth=4, width=20)
    alone = isometry.meet_or_part(rngs[1], (2.0,), starts=(0.5, -0.2), depth=4, width=20)
    assert both.shape == (2, 2, 5)
    np.testing.assert_allclose(both[:, :, 0], [[0.5, -0.2]] * 2, atol=1e-12)
    np.testing.assert_allclose(both[1], alone[0])


def test_digits_are_examined_and_trained_on() -> None:
    found = deep_digits.examine_digits([0, 7], activation="tanh", scheme="xavier", layers=(1, 3))
    assert found.shape == (2, 2, 4)
    assert (found[..., 1] <= found[..., 0] + 1e-9).all()  # a part of the variance
    assert (found[..., 3] > 0.8).all()
    run = deep_digits.train_digits([0], activation="relu", scheme="he", layers=1, lr=0.1, steps=40)
    assert run.steps == [0, 20, 40]
    assert run.loss[-1, 0] < 0.5 * run.loss[0, 0]
    assert run.accuracy[0] > 0.7


# --- figures


def test_signal_figure_says_and_shows_its_setting(draws: Draws) -> None:
    fig, update, alt = signal_figure(draws)
    update(activation="tanh", scheme="std 1", gain=1.0, depth=10)
    texts = [t.get_text() for t in fig.texts]
    assert "84 % saturated, gradients explode" in texts
    assert "tanh, std 1, gain 1.00, 10 layers" in texts
    assert alt().startswith("tanh, std 1, gain 1.00, 10 layers. 84 % saturated, gradients explode.")
    titles = [t.get_text() for a in fig.axes for t in a.texts if t.get_text().startswith("layer ")]
    assert [t.split(":")[0] for t in titles] == [f"layer {k}" for k in (1, 3, 5, 6, 8, 10)]


def test_histograms_count_every_activation(draws: Draws) -> None:
    from helpers.plots.initialization import _count

    values = np.array([-2, -0.99, 0.0, 0.01, 0.99, 5], dtype=np.float32)
    counts = _count(values, -1.0, 1.0, zeros=False)
    assert (counts[0], counts[24] + counts[25], counts[-1], counts.sum()) == (2, 2, 2, 6)
    assert _count(np.array([0, 0, 1e-9], dtype=np.float32), -0.06, 3.0, zeros=True)[
        :2
    ].tolist() == [2, 1]


def test_description_names_relu_s_zeros(draws: Draws) -> None:
    signals = measure(draws, "relu", "He")
    theory = meanfield.predict_signals("relu", 10, weight_var=2.0)
    assert "exactly zero there" in describe_signals(signals, theory, "relu, He")


def test_symmetry_figure_says_when_units_are_equal() -> None:
    runs = {s: symmetry.train_twins(s, [1]) for s in ("constant 0.1", "random")}
    _, update, alt = symmetry_figure(runs)
    weights = np.asarray(update("constant 0.1", 400)[0].get_array())
    images = [weights[i : i + 8, j : j + 8] for i in range(0, 36, 9) for j in range(0, 36, 9)]
    assert weights.shape == (35, 35)
    assert np.isnan(weights).sum() == 35**2 - 16 * 64  # the gaps
    assert all((image == images[0]).all() for image in images)
    np.testing.assert_array_equal(images[0].ravel(), runs["constant 0.1"].rows[-1, 5])
    assert alt("constant 0.1", 400).startswith("constant 0.1, step 400: all 16 units are equal;")
    assert alt("random", 67).startswith("random, step 60: units differ by")


def test_symmetry_figure_is_played_in_steps_of_training() -> None:
    fig, update, alt = symmetry_figure({"random": symmetry.train_twins("random", [1])})
    slider = IntSlider(0, 0, symmetry.STEPS, step=symmetry.EVERY)
    figure = explore(fig, update, alt=alt, play="step", start=["random"], step=slider)
    pictures = set()
    for step in range(0, 401, 10):
        figure.set(step=step)
        pictures.add(figure.text)
    assert len(pictures) == 41
    figure.close()


def test_symmetry_figure_tells_the_numbers_that_it_draws() -> None:
    run = symmetry.train_twins("random", [1, 2, 3])
    fig, update, alt = symmetry_figure({"random": run})
    update("random", 100)
    dots: list[Any] = [ax.lines[1] for ax in fig.axes[1:]]
    apart, hits = (float(dot.get_ydata()[0]) for dot in dots)
    expected = f"units differ by {apart:.2g}; accuracy {hits:.2f} (means of 3 seeds)."
    assert alt("random", 100) == f"random, step 100: {expected}"


def test_spectrum_figure_counts_directions() -> None:
    spectra = {("linear", kind): np.ones((4, 10)) for kind in KINDS}
    spectra["linear", "Gaussian"][2, 3:] = 0.01
    _, update, alt = spectrum_figure(spectra)
    update("linear", 3)
    assert alt("linear", 3).endswith(
        "of 10 directions, Gaussian weights keep 3, orthogonal weights 10."
    )


def test_static_figures_draw_what_they_are_given() -> None:
    _, (left, right) = plt.subplots(1, 2)
    draw_meeting(left, np.zeros((3, 2, 7)), np.zeros((2, 7)), (1.0, 2.0), start=0.5)
    assert [t.get_text() for t in left.texts] == ["gain 1", "gain 2"]
    runs = {"a": np.array([[2.0, 4.0], [1.0, np.nan]]), "b": np.ones((2, 2))}
    draw_losses(right, [0, 10], runs, top=2.5)
    line: Any = right.lines[0]
    mean, far = line.get_ydata()
    assert mean == 3  # the mean is not of values cut at the top: the axis cuts it
    assert far > 2.5  # NaN leaves through the top
    assert right.get_ylim() == (0, 2.5)
    heights = [t.get_position()[1] for t in right.texts]
    assert abs(heights[0] - heights[1]) > 0.05


def test_curves_that_hide_one_another_share_a_label() -> None:
    _, ax = plt.subplots()
    runs = {"a": np.full((2, 2), 2.3), "b": np.full((2, 2), 2.301), "c": np.full((2, 2), 2.3)}
    runs["c"][0] = 2.0  # ends with them, and was seen before
    draw_losses(ax, [0, 10], runs, top=2.5)
    assert sorted(t.get_text() for t in ax.texts) == ["a,\nb", "c"]


def test_titles_give_two_digits() -> None:
    from helpers.plots.initialization import _short

    assert [_short(np.log10(v)) for v in (0.3, 0.316, 1, 12, 400)] == [
        "0.30", "0.32", "1.0", "12", "400",
    ]  # fmt: skip
    assert [_short(np.log10(v), decades=3) for v in (0.0098, 0.00098, 1781)] == [
        "0.0098", "10⁻³", "10³",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("activation", "scheme", "gain", "depth"),
    [("tanh", "std 0.01", 1.0, 10), ("sigmoid", "std 0.01", 0.5, 30), ("relu", "std 1", 3.0, 30)],
)
def test_titles_do_not_collide(activation: str, scheme: str, gain: float, depth: int) -> None:
    fig, update, _ = signal_figure(draw(0, samples=64))
    update(activation=activation, scheme=scheme, gain=gain, depth=depth)
    fig.draw_without_rendering()
    titles = [t for ax in fig.axes for t in ax.texts if t.get_text().startswith("layer ")]
    boxes = [title.get_window_extent() for title in titles]
    ends = [*(box.x0 for box in boxes[1:]), fig.bbox.x1]
    assert all(box.x1 + 3 < end for box, end in zip(boxes, ends, strict=True))


# --- the judge of orthogonal matrices


def answers(make: Callable[..., np.ndarray]) -> list[Call]:
    probes: list[tuple[Any, ...]] = [
        (7, 4, 2.0, Seed(1)), (3, 6, 2.0, Seed(2)), (7, 4, 2.0, Seed(1)), (7, 4, 2.0, Seed(3)),
    ]  # fmt: skip
    probes += [(2, 2, 1.0, Seed(s)) for s in range(10, 90)]
    probes += [(*shape, 1.0, Seed(s)) for shape in ((1, 2), (2, 1)) for s in range(100, 160)]
    return [Call(p, make(*p[:3], np.random.default_rng(p[3].value))) for p in probes]


def haar(rows: int, cols: int, gain: float, rng: np.random.Generator) -> np.ndarray:
    """By SVD, so that no sign rule is needed: U Vᵀ of a normal matrix."""
    u, _, vt = np.linalg.svd(rng.standard_normal((rows, cols)), full_matrices=False)
    return np.asarray(gain * u @ vt)


def plain_qr(rows: int, cols: int, gain: float, rng: np.random.Generator) -> np.ndarray:
    return gain * np.linalg.qr(rng.standard_normal((rows, cols)))[0]


def normal(rows: int, cols: int, gain: float, rng: np.random.Generator) -> np.ndarray:
    return gain * rng.standard_normal((rows, cols))


def test_judge_accepts_another_right_way() -> None:
    assert all(p.holds for p in judge_orthogonal(answers(haar)))


def permuted(rows: int, cols: int, gain: float, rng: np.random.Generator) -> np.ndarray:
    """Permutations with signs: orthogonal, and each entry is as large as any, on average."""
    tall = rng.permutation(np.eye(max(rows, cols), min(rows, cols)))
    tall = gain * tall * rng.choice([-1, 1], (len(tall), 1)) * (1 + 1e-9 * rng.random())
    return tall if rows >= cols else tall.T


PARTS = ("columns", "rows", "length", "all")


def parts_right(answer: Callable[..., np.ndarray]) -> str:
    """The parts that hold, by their first words."""
    parts: dict[str, bool] = {}
    for p in judge_orthogonal(answers(answer)):
        parts[p.part] = parts.get(p.part, True) and p.holds
    assert tuple(name.split()[0] for name in parts) == PARTS
    return " ".join(name.split()[0] for name, holds in parts.items() if holds)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        (lambda r, c, g, rng: g * haar(r, c, g, rng), "columns rows all"),
        (lambda r, c, g, rng: plain_qr(r, c, g, rng) if r >= c else haar(r, c, g, rng),
         "columns rows length"),
        (lambda r, c, g, rng: haar(r, c, g, rng) if r >= c else normal(r, c, g, rng),
         "columns all"),
        (lambda r, c, g, rng: haar(r, c, g, rng) if r < c or r == 2 else normal(r, c, g, rng),
         "rows all"),
    ],
    ids=["gain squared", "qr signs", "wide not orthogonal", "tall not orthogonal"],
)  # fmt: skip
def test_judge_rejects(wrong: Callable[..., np.ndarray], right: str) -> None:
    assert parts_right(wrong) == right


@pytest.mark.parametrize(
    "cheat",
    [
        lambda r, c, g, rng: g * np.eye(r, c) * rng.choice([-1, 1]) + 1e-9 * rng.random((r, c)),
        permuted,
        lambda r, c, g, rng: np.eye(r, c) * rng.normal(),
        lambda r, c, g, rng: (
            haar(r, c, g, np.random.default_rng(0)) * rng.choice([-1, 1], (r, 1))
            + (1e-9 if r <= 2 else 0) * rng.random((r, c))
        ),
    ],
    ids=["identity", "permutation", "scaled identity", "one matrix"],
)
def test_judge_gives_nothing_for_cheats(cheat: Callable[..., np.ndarray]) -> None:
    assert parts_right(cheat) == ""


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda r, c, g, rng: g * np.eye(r, c), "does not follow rng"),
        (lambda r, c, g, rng: haar(r, c, g, np.random.default_rng()), "does not follow rng"),
        (lambda r, c, g, rng: rng.standard_normal((r, c)), "are not orthogonal"),
        (lambda r, c, g, rng: haar(c, r, g, rng), "got shape"),
        (lambda r, c, g, rng: rng.random((r, c)) * np.nan, "NaN or infinite"),
    ],
)
def test_judge_says_nothing_can_be_said(wrong: Callable[..., np.ndarray], message: str) -> None:
    with pytest.raises(Unfit, match=message):
        judge_orthogonal(answers(wrong))


@pytest.mark.parametrize(
    ("wrong", "shown"),
    [
        (lambda r, c, g, rng: haar(max(r, c), min(r, c), g, rng), (3, 6, 2.0, Seed(2))),
        (lambda r, c, g, rng: haar(r, c, g, np.random.default_rng()), (7, 4, 2.0, Seed(1))),
        (lambda r, c, g, rng: g * np.ones((r, c)) + rng.random((r, c)) * (r == 7), None),
    ],
    ids=["wide not transposed", "own generator", "draws for one shape only"],
)
def test_judge_shows_the_call_that_failed(wrong: Callable[..., np.ndarray], shown: Any) -> None:
    with pytest.raises(Unfit) as caught:
        judge_orthogonal(answers(wrong))
    if shown is None:
        assert caught.value.arguments is not None
        assert caught.value.arguments[:3] == (2, 2, 1.0)
    else:
        assert caught.value.arguments == shown


def test_judge_looks_at_the_signs_of_wide_matrices_too() -> None:
    def unsigned(rows: int, cols: int, gain: float, rng: np.random.Generator) -> np.ndarray:
        q, r = np.linalg.qr(rng.standard_normal((max(rows, cols), min(rows, cols))))
        return gain * q * np.sign(np.diag(r)) if rows >= cols else gain * q.T

    assert parts_right(unsigned) == " ".join(PARTS[:-1])
