"""Lesson 05: statistics of batches of different sizes, and the running mean."""

from collections.abc import Sequence
from typing import Any

import ipywidgets
import numpy as np
import torch
import torch.nn.functional as F
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from numpy.typing import NDArray

from helpers.explore import Explorable, Log, explore
from helpers.plots.style import PALETTE, label_axes

Array = NDArray[np.float64]
GREY = "#666666"

BATCHES = 400
SHOWN = 60  # batches that an image is put into
STEPS = 300
LAST = 100  # batches that are magnified
ZOOM = 5.0  # how many bands the magnifying box shows, up and down
BINS = 60
HIGHEST = 1.7  # of the histogram, in peaks of the theory


def explore_statistics(z: Array, *, seed: int) -> Explorable:
    """One unit's inputs z (n,): batch means by batch size, outputs in training, running mean."""
    rng = np.random.default_rng([seed, 51])
    picks = rng.integers(len(z), size=(max(BATCHES, STEPS), 128))
    mean, std = z.mean(), z.std()
    images = np.quantile(z, [0.05, 0.3, 0.5, 0.7, 0.95], method="nearest")  # (5,)
    fig, axes = plt.subplots(1, 3, figsize=(10, 3.9))
    means = _MeansPanel(axes[0], mean, std)
    outputs = _OutputsPanel(axes[1], (images - mean) / std, rng)
    lag = _LagPanel(axes[2], mean, std)

    def update(size: int, momentum: float) -> list[Any]:
        drawn = z[picks[:, :size]]  # (batches, size)
        return [
            *means.move(drawn[:BATCHES].mean(1), size),
            *outputs.move(normalize_in(drawn[:SHOWN, : size - 1], images), size),
            *lag.move(drawn[:STEPS].mean(1), size, momentum),
        ]

    def alt(size: int, momentum: float) -> str:
        drawn = z[picks[:, :size]]
        spread = normalize_in(drawn[:SHOWN, : size - 1], images).std(0).mean()
        left_over = (1 - momentum) ** STEPS
        return (
            f"Batches of {size}: their means have a standard deviation of "
            f"{drawn[:BATCHES].mean(1).std() / std:.2f} of the unit's (theory {size**-0.5:.2f}). "
            f"An image's output varies by {spread:.2f} from batch to batch. With momentum "
            f"{momentum:.2g} the running mean holds {left_over:.1%} of its start after {STEPS} "
            f"batches, and of the last {LAST} of its values {lag.share_inside:.0%} lie in the band."
        )

    sizes = ipywidgets.SelectionSlider(
        options=[2, 4, 8, 16, 32, 64, 128], value=32, description="batch size"
    )
    return explore(fig, update, alt=alt, size=sizes, momentum=Log(0.001, 1.0, 0.1))


def normalize_in(others: Array, images: Array) -> Array:
    """Each of the images (k,) normalized together with the rows of others (m, size − 1): (m, k)."""
    count, rest = others.shape
    joined = np.empty((count, len(images), rest + 1))
    joined[:, :, :rest] = others[:, None]
    joined[:, :, rest] = images
    return F.layer_norm(torch.from_numpy(joined), (rest + 1,)).numpy()[
        :, :, -1
    ]  # one row, one batch


class _MeansPanel:
    """Histogram of batch means, with the normal curve of standard deviation σ/√n."""

    def __init__(self, ax: Axes, mean: float, std: float) -> None:
        self.mean, self.std = mean, std
        self.low, self.high = mean - 2.2 * std, mean + 2.2 * std
        self.edges = np.linspace(self.low, self.high, BINS + 1)
        self.bars = ax.stairs(np.zeros(BINS), self.edges, fill=True, color=PALETTE[5])
        (self.theory,) = ax.plot([], [], color="black", lw=1.2, ls=(0, (4, 2)))
        ax.axvline(mean, color=GREY, lw=1)
        ax.set(xlim=(self.low, self.high), ylim=(0, HIGHEST + 0.25), yticks=[])
        label_axes(ax, x="mean of a batch", y="density (scaled)")
        ax.text(0.03, 0.93, "dashed: N(μ, σ²/n)", transform=ax.transAxes, color=GREY, fontsize=9)
        self.title = ax.set_title(" ")

    def move(self, means: Array, size: int) -> list[Any]:
        counts, _ = np.histogram(means, self.edges, density=True)
        width = self.std / np.sqrt(size)
        peak = 1 / (width * np.sqrt(2 * np.pi))
        x = np.linspace(self.low, self.high, 300)
        self.bars.set_data(np.minimum(counts / peak, HIGHEST))
        self.theory.set_data(x, np.exp(-(((x - self.mean) / width) ** 2) / 2))
        self.title.set_text(f"Means of batches of {size}")
        return [self.bars, self.theory, self.title]


class _OutputsPanel:
    """What five images become in training, in many batches, and in eval mode."""

    def __init__(self, ax: Axes, exact: Array, rng: np.random.Generator) -> None:
        self.places = np.arange(len(exact)) + rng.uniform(-0.25, 0.25, (SHOWN, len(exact)))
        (self.dots,) = ax.plot([], [], ".", color=PALETTE[0], ms=4, alpha=0.6)
        spots = np.arange(len(exact))
        ax.hlines(exact, spots - 0.4, spots + 0.4, color=PALETTE[1], lw=2.5)
        ax.text(0.03, 0.9, "— eval mode", transform=ax.transAxes, color=PALETTE[1], fontsize=9)
        ax.set(ylim=(-3.6, 3.6), xlim=(-0.6, len(exact) - 0.4))
        ax.set_xticks(spots, [str(i + 1) for i in spots])
        label_axes(ax, x="image", y="output (γ = 1, β = 0)")
        self.title = ax.set_title(" ")

    def move(self, outputs: Array, size: int) -> list[Any]:
        self.dots.set_data(self.places.ravel(), np.clip(outputs, -3.5, 3.5).ravel())
        self.title.set_text(f"{SHOWN} batches of {size}")
        return [self.dots, self.title]


class _LagPanel:
    """The running mean over the batches, from 0, with the band in which it settles.

    A box on the far side of 0 magnifies the last batches, so that the band always fills a part.
    """

    def __init__(self, ax: Axes, mean: float, std: float) -> None:
        self.mean, self.std = mean, std
        self.far = max(abs(mean), 0.4 * std)
        self.side = -1 if mean >= 0 else 1  # of 0, on which the box is
        self.band = ax.axhspan(mean, mean, color=PALETTE[1], alpha=0.45, lw=0)
        (self.line,) = ax.plot([], [], color="black", lw=1.1)
        ax.axhline(mean, color=GREY, lw=1)
        ends = sorted((1.05 * self.side * self.far, mean - 0.55 * self.side * self.far))
        ax.set(xlim=(0, STEPS), ylim=ends)
        label_axes(ax, x="batches seen", y="running mean")
        self.title = ax.set_title(" ")
        self._draw_box(ax)

    def _draw_box(self, ax: Axes) -> None:
        left, right = 0.06 * STEPS, 0.98 * STEPS
        self.middle, self.half = 0.6 * self.side * self.far, 0.36 * self.far
        self.across = np.linspace(left, right, LAST)
        low, high = self.middle - self.half, self.middle + self.half
        ax.fill([left, right, right, left], [low, low, high, high], fc="white", ec=GREY, lw=0.8)
        band = self.half / ZOOM * np.array([-1, 1]) + self.middle
        ax.fill_between([left, right], *band, color=PALETTE[1], alpha=0.45, lw=0, zorder=1.5)
        ax.plot([left, right], [self.middle] * 2, color=GREY, lw=1)
        (self.magnified,) = ax.plot([], [], color="black", lw=1.1)
        look: dict[str, Any] = {"color": GREY, "fontsize": 9, "va": "top"}
        self.note = ax.text(left + 0.02 * STEPS, high - 0.02 * self.far, "", **look)

    def move(self, means: Array, size: int, momentum: float) -> list[Any]:
        path = _average(means, momentum)
        settled = self.std / np.sqrt(size) * np.sqrt(momentum / (2 - momentum))
        self.line.set_data(np.arange(len(path)), path)
        self.band.set_y(self.mean - settled)
        self.band.set_height(2 * settled)
        zoomed = (path[-LAST:] - self.mean) / settled  # in half bands
        zoomed[np.abs(zoomed) > ZOOM] = np.nan  # not in the box
        self.magnified.set_data(self.across, self.middle + self.half / ZOOM * zoomed)
        self.share_inside = np.mean(np.abs(path[-LAST:] - self.mean) <= settled)
        self.note.set_text(f"last {LAST} magnified, band μ ± {settled:.2g}")
        self.title.set_text(f"Running mean, momentum {momentum:.2g}")
        return [self.line, self.band, self.magnified, self.note, self.title]


def _average(values: Sequence[float] | Array, momentum: float) -> Array:
    """The exponential average of values from 0, before the first and after each of them."""
    path = [0.0]
    for value in values:
        path.append(path[-1] + momentum * (float(value) - path[-1]))
    return np.array(path)
