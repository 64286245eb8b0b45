"""What one unit receives from dropped inputs: its histogram, and its spread over keep_prob."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from helpers.explore import Explorable, explore
from helpers.plots.style import PALETTE, STYLES, label_axes

BLUE, RED = PALETTE[:2]
INVERTED, ORIGINAL, UNSCALED = "inverted", "original", "original, test not scaled"
INPUTS = [1, 4, 16, 64]
GRID = np.linspace(0.3, 1, 71)  # keep_prob
EDGES = np.linspace(-0.125, 3.475, 73)  # of the histogram's bins: 0, 0.05, … in their middle


def unit_noise(*, rng: np.random.Generator, draws: int = 4000) -> Explorable:
    """What one unit receives from N dropped inputs: its histogram, and its std over keep_prob.

    The inputs' contributions sum to 1, so that without dropout the unit receives exactly 1.
    """
    picture = _UnitNoise(rng, draws)
    return explore(
        picture.fig,
        picture.update,
        alt=picture.alt,
        keep_prob=(0.3, 1.0, 0.5),
        inputs=INPUTS,
        variant=[INVERTED, ORIGINAL, UNSCALED],
    )


def noise_std(contributions: np.ndarray, keep_prob: np.ndarray | float, variant: str) -> np.ndarray:
    """Theory: the std of a sum of dropped contributions (N,), for each keep_prob in (0, 1]."""
    q = np.asarray(keep_prob)
    variance = (1 - q) / q if variant == INVERTED else (1 - q) * q
    return np.sqrt(contributions @ contributions * variance)


class _UnitNoise:
    def __init__(self, rng: np.random.Generator, draws: int) -> None:
        self.coins = rng.random((draws, max(INPUTS)))  # the same for all settings: smooth sliders
        weights = {n: rng.uniform(0.5, 1.5, n) for n in INPUTS}
        self.contributions = {n: w / w.sum() for n, w in weights.items()}
        self.fig, axes = plt.subplots(1, 2, figsize=(10, 4), width_ratios=(1.5, 1))
        self._draw_histogram(axes[0])
        self._draw_spread(axes[1])

    def _draw_histogram(self, ax: Axes) -> None:
        self.bars = ax.bar(
            EDGES[:-1], np.ones(72), np.diff(EDGES), align="edge", color=BLUE, alpha=0.55
        )
        self.mean = ax.axvline(1, color=BLUE, linewidth=2.5)
        self.test = ax.axvline(1, color=RED, linewidth=2.5, linestyle="--")
        self.title = ax.set_title("")
        self.notes = [
            ax.text(0.98, y, "", transform=ax.transAxes, ha="right", va="top", color=color)
            for y, color in ((0.97, BLUE), (0.89, RED))
        ]
        ax.set(xlim=EDGES[[0, -1]], ylim=(0, 1))
        label_axes(ax, x="what the unit receives", y="share of masks")

    def _draw_spread(self, ax: Axes) -> None:
        self.lines = {
            name: ax.plot(GRID, GRID, color=color, linestyle=style, label=name)[0]
            for name, color, style in ((INVERTED, BLUE, STYLES[0]), (ORIGINAL, RED, STYLES[1]))
        }
        (self.ring,) = ax.plot([], [], "o", color="black", markersize=9, markerfacecolor="white")
        ax.legend(loc="upper right")
        label_axes(ax, title="Its std: theory, measured (ring)", x="keep_prob", y="std")
        ax.set(xlim=(0.28, 1.02), ylim=(0, 1.6))

    def _received(self, keep_prob: float, inputs: int, variant: str) -> np.ndarray:
        """What the unit receives in training, a value a mask."""
        kept = self.coins[:, :inputs] < keep_prob
        total = kept @ self.contributions[inputs]
        return np.asarray(total / keep_prob if variant == INVERTED else total)

    def update(self, keep_prob: float, inputs: int, variant: str) -> list[Artist]:
        a, q = self.contributions[inputs], keep_prob
        received = self._received(keep_prob, inputs, variant)
        at_test = q if variant == ORIGINAL else 1.0
        shares = np.histogram(received, EDGES)[0] / len(received)
        for bar, height in zip(self.bars, shares, strict=True):
            bar.set_height(height)
        self.mean.set_xdata([received.mean()] * 2)
        self.test.set_xdata([at_test] * 2)
        self.notes[0].set_text(f"training, mean {received.mean():.2f} ± {received.std():.2f}")
        self.notes[1].set_text(f"test {at_test:.2f}")
        self.title.set_text(f"{inputs} input{'s' * (inputs > 1)}: {variant}")
        for name, line in self.lines.items():
            line.set_ydata(noise_std(a, GRID, name))
        self.ring.set_data([q], [received.std()])
        histogram = [*self.bars, self.mean, self.test, *self.notes, self.title]
        return [*histogram, *self.lines.values(), self.ring]

    def alt(self, keep_prob: float, inputs: int, variant: str) -> str:
        received = self._received(keep_prob, inputs, variant)
        at_test = keep_prob if variant == ORIGINAL else 1.0
        return (
            f"Histogram of what a unit receives from {inputs} dropped input{'s' * (inputs > 1)} "
            f"({variant}, keep_prob {keep_prob:.2f}): mean in training {received.mean():.2f}, std "
            f"{received.std():.2f}; at test {at_test:.2f}."
        )
