"""Dropout's figures: the noise of a unit, all sub-networks, and what was measured on digits."""

from collections.abc import Mapping, Sequence
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from scipy.stats import gmean

from helpers.explore import Explorable, explore
from helpers.plots.curves import curve, paired_dots, reference_line
from helpers.plots.style import PALETTE, STYLES, label_axes

BLUE, RED, GREEN, PINK, ORANGE = PALETTE[:5]
INVERTED, ORIGINAL, UNSCALED = "inverted", "original", "original, test not scaled"


def unit_noise(*, rng: np.random.Generator, draws: int = 4000) -> Explorable:
    """What one unit receives from N dropped inputs: its histogram, and its std over keep_prob.

    The inputs' contributions sum to 1, so that without dropout the unit receives exactly 1.
    """
    fans = [1, 4, 16, 64]
    coins = rng.random((draws, max(fans)))  # the same for all settings: curves move smoothly
    shares = {n: _shares(n, rng) for n in fans}
    grid = np.linspace(0.3, 1, 71)
    edges = np.linspace(-0.1, 3.5, 73)
    fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), width_ratios=(1.5, 1))
    bars = left.bar(edges[:-1], np.ones(72), np.diff(edges), align="edge", color=BLUE, alpha=0.55)
    mean = left.axvline(1, color=BLUE, linewidth=2.5)
    test = left.axvline(1, color=RED, linewidth=2.5, linestyle="--")
    title = left.set_title("")
    notes = [
        left.text(0.98, y, "", transform=left.transAxes, ha="right", va="top", color=c)
        for y, c in ((0.97, BLUE), (0.89, RED))
    ]
    left.set(
        xlim=(-0.1, 3.5), ylim=(0, 1), xlabel="what the unit receives", ylabel="share of masks"
    )
    lines = [right.plot(grid, grid, color=c, linestyle=s)[0] for c, s in zip((BLUE, RED), STYLES)]
    right.legend(lines, [INVERTED, ORIGINAL], loc="upper right")
    (dot,) = right.plot([], [], "o", color="black", markersize=9, markerfacecolor="white")
    label_axes(right, title="Its std: theory, measured (ring)", x="keep_prob", y="std")
    right.set(xlim=(0.28, 1.02), ylim=(0, 1.6))

    def update(keep_prob: float, inputs: int, variant: str) -> list[Artist]:
        a, q = shares[inputs], keep_prob
        received = (coins[:, :inputs] < q) @ a / (q if variant == INVERTED else 1)
        at_test = q if variant == ORIGINAL else 1.0
        for bar, count in zip(bars, np.histogram(received, edges)[0] / draws, strict=True):
            bar.set_height(count)
        mean.set_xdata([received.mean()] * 2)
        test.set_xdata([at_test] * 2)
        notes[0].set_text(f"training, mean {received.mean():.2f} ± {received.std():.2f}")
        notes[1].set_text(f"test {at_test:.2f}")
        title.set_text(f"{inputs} input{'s' * (inputs > 1)}: {variant}")
        length = np.sqrt(a @ a)
        heights = length * np.sqrt((1 - grid) / grid), length * np.sqrt((1 - grid) * grid)
        for line, height in zip(lines, heights, strict=True):
            line.set_ydata(height)
        dot.set_data([q], [received.std()])
        return [*bars, mean, test, *notes, title, *lines, dot]

    def alt(keep_prob: float, inputs: int, variant: str) -> str:
        a = shares[inputs] @ shares[inputs]
        q = keep_prob
        std = np.sqrt(a * ((1 - q) / q if variant == INVERTED else (1 - q) * q))
        mean, at_test = (1.0 if variant == INVERTED else q), (q if variant == ORIGINAL else 1.0)
        return (
            f"Histogram of what a unit receives from {inputs} inputs with {variant} dropout, "
            f"keep_prob {q:.2f}: mean in training {mean:.2f}, std {std:.2f}; at test {at_test:.2f}."
        )

    return explore(
        fig,
        update,
        alt=alt,
        keep_prob=(0.3, 1.0, 0.5),
        inputs=fans,
        variant=[INVERTED, ORIGINAL, UNSCALED],
    )


def _shares(count: int, rng: np.random.Generator) -> np.ndarray:
    weights = rng.uniform(0.5, 1.5, count)
    return np.asarray(weights / weights.sum())


SOFTMAX_LAYER, HIDDEN_LAYER = "softmax layer", "ReLU layer between"


def sub_networks(*, rng: np.random.Generator, most: int = 10) -> Explorable:
    """All 2^N networks that dropout of N inputs can leave, as dots in the triangle of 3 classes.

    Beside it: how far their arithmetic and their geometric mean are from weight scaling.
    """
    x = rng.normal(1, 0.5, most)
    direct = rng.normal(0, 1.2, (most, 3))
    first, second = rng.normal(0, 1, (most, 16)), rng.normal(0, 0.3, (16, 3))

    def outputs(masks: np.ndarray, network: str) -> np.ndarray:
        given = masks * x[: masks.shape[-1]]
        if network == SOFTMAX_LAYER:
            logits = given @ direct[: masks.shape[-1]]
        else:
            logits = np.maximum(given @ first[: masks.shape[-1]], 0) @ second
        e = np.exp(logits - logits.max(-1, keepdims=True))
        return np.asarray(e / e.sum(-1, keepdims=True))  # (2^N, 3)

    def averages(units: int, keep_prob: float, network: str) -> tuple[np.ndarray, ...]:
        masks = np.array(list(product((0.0, 1.0), repeat=units)))  # (2^N, N)
        likely = np.prod(np.where(masks == 1, keep_prob, 1 - keep_prob), axis=1)
        probs = outputs(masks, network)
        scaled = outputs(np.full((1, units), keep_prob), network)[0]
        geometric = gmean(probs, weights=likely[:, None] * np.ones(3), axis=0)
        return masks, likely, probs, likely @ probs, geometric / geometric.sum(), scaled

    fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.6), width_ratios=(1.25, 1))
    _draw_triangle(left)
    dots = left.scatter([0], [0], s=10, c=[0.0], cmap="cividis", vmin=0, vmax=1, linewidths=0)
    bar = fig.colorbar(dots, ax=left, shrink=0.6, pad=0.02)
    bar.set_label("share of inputs kept")
    looks = ((RED, "^", 13), (GREEN, "D", 13), ("black", "x", 11))
    names = ("arithmetic mean", "geometric mean", "weight scaling")
    means = [
        left.plot([], [], m, color=c, markersize=s, label=n, fillstyle="none", markeredgewidth=2.5)[
            0
        ]
        for (c, m, s), n in zip(looks, names, strict=True)
    ]
    left.legend(loc="upper left", bbox_to_anchor=(-0.08, 1.02))
    (rings,) = right.plot([1, 1], [1, 0], "o", color="black", markersize=10)
    values = [right.text(1, y, "", va="bottom", ha="center") for y in (1.1, 0.1)]
    right.set(xscale="log", xlim=(1e-18, 3), ylim=(-0.6, 1.7), yticks=[1, 0])
    right.set_yticklabels(["arithmetic", "geometric"])
    label_axes(right, title="Distance from weight scaling", x="largest difference of a probability")
    right.axvspan(1e-18, 1e-14, color="#EEEEEE", zorder=0)
    right.text(1e-16, -0.5, "rounding", ha="center", color="#444444")
    title = left.set_title("")

    def update(units: int, keep_prob: float, network: str) -> list[Artist]:
        masks, likely, probs, *three = averages(units, keep_prob, network)
        dots.set_offsets(_in_triangle(probs))
        dots.set_sizes(6 + 300 * likely / likely.max() / np.sqrt(len(masks)))
        dots.set_array(masks.mean(1))
        for marker, mean in zip(means, three, strict=True):
            marker.set_data(*_in_triangle(mean[None]).T)
        away = [max(np.abs(mean - three[2]).max(), 1e-17) for mean in three[:2]]
        rings.set_xdata(away)
        for text, value in zip(values, away, strict=True):
            text.set(x=min(max(value, 1e-16), 0.05), text=f"{value:.1e}")
        title.set_text(f"{len(masks)} networks from {units} input{'s' * (units > 1)}, {network}")
        return [dots, *means, rings, *values, title]

    def alt(units: int, keep_prob: float, network: str) -> str:
        *_, arithmetic, geometric, scaled = averages(units, keep_prob, network)
        return (
            f"{2**units} sub-networks as dots in a triangle of three classes ({network}, keep_prob "
            f"{keep_prob:.2f}). From weight scaling the arithmetic mean is "
            f"{np.abs(arithmetic - scaled).max():.1e} away, the geometric mean "
            f"{np.abs(geometric - scaled).max():.1e}."
        )

    return explore(
        fig,
        update,
        alt=alt,
        units=(1, most, 6),
        keep_prob=(0.1, 1.0, 0.5),
        network=[SOFTMAX_LAYER, HIDDEN_LAYER],
    )


CORNERS = np.array([[0, 0], [1, 0], [0.5, 0.75**0.5]])


def _in_triangle(probs: np.ndarray) -> np.ndarray:
    """Where probabilities (m, 3) lie in the triangle with a class at each corner, (m, 2)."""
    return probs @ CORNERS


def _draw_triangle(ax: plt.Axes) -> None:
    outline = np.vstack([CORNERS, CORNERS[:1]])
    ax.plot(*outline.T, color="#666666", linewidth=1)
    for name, (px, py), side in zip("ABC", CORNERS, ("right", "left", "center"), strict=True):
        ax.text(px, py, f" {name} ", ha=side, va="bottom" if name == "C" else "center")
    ax.set(xlim=(-0.1, 1.1), ylim=(-0.05, 0.98), aspect="equal")
    ax.axis("off")


def repeated_calls(in_eval: np.ndarray, in_train: np.ndarray, *, network: int = 0) -> Figure:
    """One network asked again and again, and all networks once, in eval and in training mode.

    in_eval: accuracy, (S,). in_train: accuracy of each call, (calls, S).
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), width_ratios=(1.4, 1))
    calls = np.arange(1, len(in_train) + 1)
    left.plot(calls, in_train[:, network], "s", color=RED)
    left.plot(calls, np.full(len(calls), in_eval[network]), "o-", color=BLUE, markersize=4)
    left.text(calls[-1], in_eval[network], "eval mode", color=BLUE, ha="right", va="bottom")
    left.text(
        calls[-1], in_train[:, network].min(), "training mode", color=RED, ha="right", va="top"
    )
    left.margins(y=0.15)
    left.set_xticks(calls[::3])
    label_axes(left, title="One network, the same 500 images", x="call", y="test accuracy")
    paired_dots(right, ["eval mode", "training mode"], np.stack([in_eval, in_train[0]]))
    label_axes(right, title=f"{len(in_eval)} networks, one call each", y="test accuracy")
    return fig


def averages_compared(losses: Mapping[str, np.ndarray]) -> Figure:
    """Log-likelihood by weight scaling and by an average over masks: a panel for each regime.

    losses: title of the panel -> mean negative log-likelihood, (2, S), lower is better.
    """
    fig, axes = plt.subplots(1, len(losses), figsize=(9, 3.8), squeeze=False)
    for ax, (title, values) in zip(axes[0], losses.items(), strict=True):
        paired_dots(ax, ["weight scaling", "mean over masks"], values)
        label_axes(ax, title=title, y="test log loss (nats)")
        ax.set_ylim(0, values.max() * 1.1)
    return fig


def headline(
    steps: Sequence[int], without: np.ndarray, dropped: np.ndarray, finals: Mapping[str, np.ndarray]
) -> Figure:
    """Test accuracy over steps, (len(steps), S) each, and the paired results at the end."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), width_ratios=(1, 1.25))
    for index, (runs, name) in enumerate(((without, "no dropout"), (dropped, "dropout 0.5"))):
        curve(left, steps, runs, label=name, index=index)
        above = index == 1
        place = (steps[-1], runs[-1].mean() + (0.06 if above else -0.06))
        side = "bottom" if above else "top"
        left.text(*place, name, color=PALETTE[index], ha="right", va=side)
    left.set_ylim(0.35, 1)
    label_axes(left, title="Mean ± std over seeds", x="update", y="test accuracy (clean labels)")
    paired_dots(right, list(finals), np.stack(list(finals.values())))
    right.set_ylim(0.35, 1)
    label_axes(right, title="Each gray line is one seed", y="test accuracy")
    return fig


def cut_curves(shares: Sequence[float], without: np.ndarray, dropped: np.ndarray) -> Figure:
    """Accuracy over the share of hidden units cut after training; runs are (len(shares), S)."""
    fig, ax = plt.subplots(figsize=(8, 4))
    for index, (runs, name) in enumerate(
        ((without, "trained without dropout"), (dropped, "trained with dropout 0.5"))
    ):
        curve(ax, shares, runs, label=name, index=index, marker=True)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 0.14))
    reference_line(ax, 0.1, "chance")
    label_axes(
        ax,
        title="Units of the last hidden layer removed after training",
        x="share removed",
        y="test accuracy",
    )
    ax.set_ylim(0, 1.02)
    return fig
