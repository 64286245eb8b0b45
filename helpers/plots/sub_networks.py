"""All networks that dropout can leave of one layer, and two ways to average them."""

from itertools import product
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from scipy.special import softmax
from scipy.stats import gmean

from helpers.explore import Explorable, explore
from helpers.plots.style import FIELD_MAP, PALETTE, label_axes

RED, GREEN = PALETTE[1], PALETTE[2]
SOFTMAX_LAYER, HIDDEN_LAYER = "softmax layer", "ReLU layer between"
CORNERS = np.array([[0, 0], [1, 0], [0.5, 0.75**0.5]])
LOOKS = (("arithmetic mean", RED, "^", 13), ("geometric mean", GREEN, "D", 13),
         ("weight scaling", "black", "x", 11))  # fmt: skip


def sub_networks(*, rng: np.random.Generator, most: int = 10) -> Explorable:
    """All 2^N networks that dropout of N inputs can leave, as dots in the triangle of 3 classes.

    Beside it: how far their arithmetic and their geometric mean are from weight scaling.
    """
    picture = _Triangle(Networks.draw(rng, most))
    return explore(
        picture.fig,
        picture.update,
        alt=picture.alt,
        labels={"units": "inputs"},
        units=(1, most, min(6, most)),
        keep_prob=(0.1, 1.0, 0.5),
        network=[SOFTMAX_LAYER, HIDDEN_LAYER],
    )


class Averages(NamedTuple):
    """Sub-networks: their masks (2^N, N), how likely each is (2^N,), probabilities (2^N, 3); then
    their arithmetic and geometric mean, and the whole network with weight scaling, (3,) each."""

    masks: np.ndarray
    likely: np.ndarray
    probs: np.ndarray
    arithmetic: np.ndarray
    geometric: np.ndarray
    scaled: np.ndarray

    @property
    def gaps(self) -> tuple[float, float]:
        """The largest difference from weight scaling of each mean."""
        means = (self.arithmetic, self.geometric)
        first, second = (float(np.abs(mean - self.scaled).max()) for mean in means)
        return first, second


class Networks(NamedTuple):
    """An input (most,), a softmax layer (most, 3), and two layers (most, 16), (16, 3)."""

    x: np.ndarray
    direct: np.ndarray
    first: np.ndarray
    second: np.ndarray

    @classmethod
    def draw(cls, rng: np.random.Generator, most: int) -> "Networks":
        """Random weights, large enough that sub-networks disagree."""
        return cls(
            rng.normal(1, 0.5, most),
            rng.normal(0, 1.2, (most, 3)),
            rng.normal(0, 1, (most, 16)),
            rng.normal(0, 0.3, (16, 3)),
        )

    def run(self, masks: np.ndarray, network: str) -> np.ndarray:
        """The probabilities (m, 3) of inputs that are multiplied by masks (m, N)."""
        n = masks.shape[-1]
        given = masks * self.x[:n]
        if network == SOFTMAX_LAYER:
            return np.asarray(softmax(given @ self.direct[:n], axis=-1))
        return np.asarray(softmax(np.maximum(given @ self.first[:n], 0) @ self.second, axis=-1))

    def average(self, units: int, keep_prob: float, network: str) -> Averages:
        """All sub-networks of the first inputs, `units` of them, and their averages."""
        masks = np.array(list(product((0.0, 1.0), repeat=units)))  # (2^N, N)
        likely = np.prod(np.where(masks == 1, keep_prob, 1 - keep_prob), axis=1)
        probs = self.run(masks, network)
        product_mean = gmean(probs, weights=np.repeat(likely[:, None], 3, axis=1), axis=0)
        scaled = self.run(np.full((1, units), keep_prob), network)[0]
        means = likely @ probs, product_mean / product_mean.sum()
        return Averages(masks, likely, probs, *means, scaled)


class _Triangle:
    def __init__(self, networks: Networks) -> None:
        self.networks = networks
        self.fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.6), width_ratios=(1.25, 1))
        self._draw_triangle(left)
        self._draw_gaps(right)

    def _draw_triangle(self, ax: Axes) -> None:
        ax.plot(*np.vstack([CORNERS, CORNERS[:1]]).T, color="#666666", linewidth=1)
        for name, (x, y), side in zip("ABC", CORNERS, ("right", "left", "center"), strict=True):
            ax.text(x, y, f" {name} ", ha=side, va="bottom" if name == "C" else "center")
        ax.set(xlim=(-0.1, 1.1), ylim=(-0.05, 0.98), aspect="equal")
        ax.axis("off")
        self.dots = ax.scatter([0], [0], c=[0.0], cmap=FIELD_MAP, vmin=0, vmax=1, linewidths=0)
        bar = self.fig.colorbar(self.dots, ax=ax, shrink=0.6, pad=0.02)
        bar.set_label("share of inputs kept")
        self.means = [
            ax.plot([], [], marker, color=color, markersize=size, label=name, fillstyle="none",
                    markeredgewidth=2.5)[0]
            for name, color, marker, size in LOOKS
        ]  # fmt: skip
        ax.legend(loc="upper left", bbox_to_anchor=(-0.08, 1.02), labelspacing=0.9)
        self.title = ax.set_title("")

    def _draw_gaps(self, ax: Axes) -> None:
        (self.rings,) = ax.plot([1, 1], [1, 0], "o", color="black", markersize=10)
        self.values = [ax.text(1, y, "", va="bottom", ha="center") for y in (1.1, 0.1)]
        ax.set(xscale="log", xlim=(1e-18, 3), ylim=(-0.6, 1.7), yticks=[1, 0])
        ax.set_yticklabels(["arithmetic", "geometric"])
        ax.axvspan(1e-18, 1e-14, color="#EEEEEE", zorder=0)
        ax.text(1e-16, -0.5, "rounding", ha="center", color="#444444")
        label_axes(
            ax, title="Distance from weight scaling", x="largest difference of a probability"
        )

    def update(self, units: int, keep_prob: float, network: str) -> list[Artist]:
        found = self.networks.average(units, keep_prob, network)
        self.dots.set_offsets(found.probs @ CORNERS)
        share = found.likely / found.likely.max()
        sizes = 6 + 300 * share / np.sqrt(len(share))
        self.dots.set_sizes(np.where(share > 0, sizes, 0))  # at keep_prob 1 there is one network
        self.dots.set_array(found.masks.mean(1))
        three = (found.arithmetic, found.geometric, found.scaled)
        for marker, mean in zip(self.means, three, strict=True):
            marker.set_data(*(mean @ CORNERS)[:, None])
        shown = [max(gap, 1e-17) for gap in found.gaps]  # a log axis has no 0
        self.rings.set_xdata(shown)
        for text, gap in zip(self.values, shown, strict=True):
            text.set(x=min(max(gap, 1e-16), 0.05), text=f"{gap:.1e}")
        inputs = f"{units} input{'s' * (units > 1)}"
        self.title.set_text(f"{_count(units, keep_prob)} from {inputs}, {network}")
        return [self.dots, *self.means, self.rings, *self.values, self.title]

    def alt(self, units: int, keep_prob: float, network: str) -> str:
        arithmetic, geometric = self.networks.average(units, keep_prob, network).gaps
        dots = "a dot" if keep_prob == 1 else "dots"
        return (
            f"{_count(units, keep_prob)} of {units} input{'s' * (units > 1)} as {dots} in a "
            f"triangle of three classes ({network}, keep_prob {keep_prob:.2f}). From weight "
            f"scaling the arithmetic mean is {arithmetic:.1e} away, the geometric mean "
            f"{geometric:.1e}."
        )


def _count(units: int, keep_prob: float) -> str:
    """How many networks may come up: at keep_prob 1 nothing is dropped."""
    return "1 network" if keep_prob == 1 else f"{2**units} networks"
