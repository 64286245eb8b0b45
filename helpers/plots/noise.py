"""Figures of lesson 09: noisy copies of the inputs against ridge, the price of weight noise."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.sparse.linalg import lsqr

from helpers.explore import Explorable, explore
from helpers.noise import COPIES, NoisyCopies
from helpers.plots.curves import curve, reference_line
from helpers.plots.style import PALETTE, label_axes

Floats = NDArray[np.float64]
BLUE, ORANGE = PALETTE[:2]
GREY = "#666666"
NAMES = {"relu": "ReLU"}
SHOWN = 10  # copies of the points that are drawn at most


def explore_copies(many: NoisyCopies, *, seed: int) -> Explorable:
    """Noisy copies of points on a line, and `many` in more dimensions: least squares and ridge."""
    figure = _Copies(many, seed)
    return explore(
        figure.fig, figure.update, alt=figure.alt,
        labels={"sigma": "σ of the noise", "copies": "noisy copies"},
        sigma=(0.05, 1.0, 0.4), copies=list(COPIES),
    )  # fmt: skip


class _Copies:
    def __init__(self, many: NoisyCopies, seed: int) -> None:
        rng = np.random.default_rng([seed, 91])
        points = rng.uniform(-1.0, 1.0, (24, 1))
        points -= points.mean()
        heights = 1.5 * points[:, 0] + rng.normal(0, 0.25, len(points))
        self.line = NoisyCopies(points, heights - heights.mean(), rng=np.random.default_rng(seed))
        self.many = many
        self.drawn = np.random.default_rng(seed).standard_normal((SHOWN, *points.shape))
        self.fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.4), width_ratios=(1.2, 1))
        self._draw_line(left)
        self._draw_weights(right)

    def _draw_line(self, ax: Axes) -> None:
        x, y = self.line.X[:, 0], self.line.y
        (self.cloud,) = ax.plot([], [], ".", color=PALETTE[5], ms=5, alpha=0.55)
        ax.plot(x, y, "o", color="black", ms=5)
        self.span = np.array([-2.5, 2.5])
        plain = float(x @ y / (x @ x))
        ax.plot(self.span, plain * self.span, color=GREY, lw=1.2, ls=":", label="no noise")
        (self.fitted,) = ax.plot([], [], color=BLUE, lw=2.5, label="through the copies")
        (self.ridge,) = ax.plot([], [], color=ORANGE, lw=2.5, ls="--", label="ridge, λ = nσ²")
        ax.legend(loc="lower right", frameon=True, framealpha=1, edgecolor="white")
        ax.set(xlim=(-2.5, 2.5), ylim=(-2.5, 2.5))
        label_axes(ax, x="input, shaken sideways", y="target")
        self.slopes = ax.set_title(" ")

    def _draw_weights(self, ax: Axes) -> None:
        ax.plot([-1.1, 1.1], [-1.1, 1.1], color=GREY, lw=1)
        (self.dots,) = ax.plot([], [], "o", color=BLUE, ms=5, alpha=0.75)
        ax.set(xlim=(-1.1, 1.1), ylim=(-2.2, 2.2))
        label_axes(ax, x="ridge weight with λ = nσ² (largest = 1)", y="weight from noisy copies")
        self.apart = ax.set_title(" ")

    def weights(self, sigma: float, copies: int) -> list[tuple[Floats, Floats]]:
        """(noisy, ridge) weights of the line and of the digits."""
        found = []
        for task in (self.line, self.many):
            ridge = lsqr(task.X, task.y, damp=len(task.y) ** 0.5 * sigma)[0]
            found.append((task.fit(sigma, copies), ridge))
        return found

    def update(self, sigma: float, copies: int) -> list[Artist]:
        (slope, shrunk), (noisy, ridge) = self.weights(sigma, copies)
        count = min(copies, SHOWN)
        moved = self.line.X[:, 0] + sigma * self.drawn[:count, :, 0]  # (count, n)
        self.cloud.set_data(moved.ravel(), np.tile(self.line.y, count))
        self.fitted.set_data(self.span, slope[0] * self.span)
        self.ridge.set_data(self.span, shrunk[0] * self.span)
        largest = np.abs(ridge).max()
        self.dots.set_data(ridge / largest, np.clip(noisy / largest, -2.2, 2.2))
        self.slopes.set_text(f"Slope {slope[0]:.2f}, ridge {shrunk[0]:.2f}")
        self.apart.set_text(f"64 weights: {100 * _apart(noisy, ridge):.0f} % apart")
        return [self.cloud, self.fitted, self.ridge, self.dots, self.slopes, self.apart]

    def alt(self, sigma: float, copies: int) -> str:
        (slope, shrunk), (noisy, ridge) = self.weights(sigma, copies)
        return (
            f"σ = {sigma:.2f}, noisy copies: {copies}. The line through them has slope "
            f"{slope[0]:.2f}, ridge with λ = nσ² {shrunk[0]:.2f}. The 64 weights of the digits are "
            f"{100 * _apart(noisy, ridge):.0f} % from ridge's."
        )


def _apart(found: Floats, wanted: Floats) -> float:
    return float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))


def plot_increase(sigmas: Sequence[float], ratios: Mapping[str, Floats]) -> Figure:
    """The measured increase of the loss over ½σ² tr H, (σ, S) an activation."""
    fig, ax = plt.subplots(figsize=(9.6, 3.9))
    for i, (name, values) in enumerate(ratios.items()):
        line = curve(ax, sigmas, values, label=name, index=i, marker=True)
        ax.text(
            sigmas[0] * 0.93, values[0].mean(), NAMES.get(name, name), color=line.get_color(),
            bbox={"fc": "white", "ec": "none", "pad": 1}, ha="right", va="center", size=12,
        )  # fmt: skip
    reference_line(ax, 1.0, "½σ² tr H")
    ax.set(xscale="log", xlim=(sigmas[0] * 0.72, sigmas[-1] * 1.1), ylim=(0, None))
    ax.set_xticks(sigmas, [f"{s:g}" for s in sigmas])
    ax.minorticks_off()
    label_axes(ax, title="What weight noise costs: mean ± 1 std over networks",
               x="σ of the noise on every weight", y="measured / ½σ² tr H")  # fmt: skip
    return fig
