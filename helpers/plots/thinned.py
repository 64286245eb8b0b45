"""The drawn network with live masks."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import colormaps
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba

from helpers.explore import Explorable, explore
from helpers.plots.cells import Cells
from helpers.plots.style import PALETTE, label_axes

BLUE, RED = PALETTE[0], PALETTE[1]
COLUMNS = (0.0, 1.0, 2.0)  # where the two hidden layers and the outputs stand
POSITIVE, NEGATIVE = np.array(to_rgba(BLUE)), np.array(to_rgba(RED))
CLASSES = 10


class Layers(NamedTuple):
    """The weights of a network with two hidden ReLU layers, as NumPy arrays (fan_in, fan_out)."""

    weights: list[np.ndarray]
    biases: list[np.ndarray]

    @classmethod
    def of(cls, mlps: Any, network: int = 0) -> "Layers":
        """The weights of one network of `helpers.nets.MLPs`."""
        take = [
            [p[network].detach().numpy().astype(np.float64) for p in group]
            for group in (mlps.weights, mlps.biases)
        ]
        return cls(take[0], [b.ravel() for b in take[1]])

    def run(self, x: np.ndarray, scales: Sequence[Any]) -> list[np.ndarray]:
        """Both hidden layers, each times its scale (…, width), and the class probabilities."""
        h1 = np.maximum(x @ self.weights[0] + self.biases[0], 0) * scales[0]
        h2 = np.maximum(h1 @ self.weights[1] + self.biases[1], 0) * scales[1]
        logits = h2 @ self.weights[2] + self.biases[2]
        e = np.exp(logits - logits.max(-1, keepdims=True))
        return [h1, h2, e / e.sum(-1, keepdims=True)]


def thinned_network(
    mlps: Any, x: np.ndarray, labels: np.ndarray, *, rng: np.random.Generator, masks: int = 200
) -> Explorable:
    """A network on a digit under inverted dropout: every step of the slider is a new mask.

    mlps: networks with two hidden layers; the first is drawn. x: (m, 64) images to choose from.
    """
    images = {f"{label}": x[i] for i, label in enumerate(labels)}
    figure = _Thinned(Layers.of(mlps), images, rng, masks)
    return explore(
        figure.drawing.fig,
        figure.update,
        alt=figure.alt,
        play="mask",
        keep_prob=(0.2, 1.0, 0.8),
        mask=(1, masks, min(25, masks)),
        digit=list(images),
    )


class _Thinned:
    """A network, the images by digit, and for every mask a coin per hidden unit."""

    def __init__(
        self, layers: Layers, images: dict[str, np.ndarray], rng: np.random.Generator, masks: int
    ) -> None:
        self.layers, self.images = layers, images
        self.widths = [w.shape[1] for w in layers.weights[:2]]
        self.coins = rng.random((masks, sum(self.widths)))  # fixed, so that masks can be revisited
        self.drawing = _Drawing(layers)
        self.running = _Running(self.drawing.right, masks)

    def _thin(self, keep_prob: float, digit: str) -> tuple[np.ndarray, list[np.ndarray]]:
        kept = self.coins < keep_prob  # (masks, units)
        split = self.widths[0]
        scales = [kept[:, :split] / keep_prob, kept[:, split:] / keep_prob]
        return kept, self.layers.run(self.images[digit], scales)

    def update(self, keep_prob: float, mask: int, digit: str) -> list[Artist]:
        image, label = self.images[digit], int(digit)
        kept, (h1, h2, probs) = self._thin(keep_prob, digit)
        whole = self.layers.run(image, (1, 1))[2]
        hidden = (h1[mask - 1], h2[mask - 1])
        moved = self.drawing.move(image, kept[mask - 1], hidden, probs[mask - 1])
        moved += self.drawing.move_outputs(probs[mask - 1], whole)
        return moved + self.running.move(probs[:, label], mask, whole[label])

    def alt(self, keep_prob: float, mask: int, digit: str) -> str:
        kept, (_, _, probs) = self._thin(keep_prob, digit)
        label, whole = int(digit), self.layers.run(self.images[digit], (1, 1))[2]
        return (
            f"A network of {self.widths[0]} and {self.widths[1]} hidden units on an image of "
            f"the digit {digit}; mask {mask} keeps {kept[mask - 1].sum()} of {kept.shape[1]} units "
            f"and gives the {digit} the probability {probs[mask - 1, label]:.2f}. Mean over {mask} "
            f"mask{'s' * (mask > 1)} {probs[:mask, label].mean():.2f}, weight scaling "
            f"{whole[label]:.2f}."
        )


class _Drawing:
    """The image, the units, the connections and the bars of the outputs."""

    def __init__(self, layers: Layers) -> None:
        self.fig = plt.figure(figsize=(10, 4.7), layout="none")
        image = self.fig.add_axes((0.015, 0.36, 0.13, 0.26))
        net = self.fig.add_axes((0.15, 0.03, 0.5, 0.86))
        self.right = self.fig.add_axes((0.735, 0.14, 0.25, 0.7))
        self.picture = Cells(image, np.zeros((8, 8)), cmap="gray_r", clim=(0, 1))
        for ax in (image, net):
            ax.axis("off")
        net.set(xlim=(-0.35, 2.95), ylim=(-0.6, 11.6))
        self.title = net.set_title("", fontsize=12)
        places = [
            [(column, y) for y in np.linspace(0, 11, w.shape[1])]
            for column, w in zip(COLUMNS, layers.weights, strict=True)
        ]
        self.fan = self._fan(net, places[0])
        self.weights = [np.asarray(w) for w in layers.weights[1:]]
        self.lines = [self._connect(net, places[i], places[i + 1], self.weights[i]) for i in (0, 1)]
        self.units = [
            net.scatter([x for x, _ in p], [y for _, y in p], s=190, zorder=3, linewidths=1.3)
            for p in places[:2]
        ]
        self.crosses = net.plot([], [], "x", color="#888888", markersize=8, zorder=4)[0]
        self.places = np.array(places[0] + places[1])
        self._outputs(net, places[2])

    @staticmethod
    def _fan(ax: Axes, units: list[tuple[float, float]]) -> LineCollection:
        fan = [[(-0.33, 5.5 + 0.25 * (y - 5.5)), (0, y)] for _, y in units]
        lines = LineCollection(fan, linewidths=1, zorder=1)
        ax.add_collection(lines)
        return lines

    @staticmethod
    def _connect(
        ax: Axes, starts: list[Any], ends: list[Any], weights: np.ndarray
    ) -> LineCollection:
        segments = [[a, b] for a in starts for b in ends]
        size = np.abs(weights).ravel() / np.abs(weights).max()
        lines = LineCollection(segments, linewidths=0.3 + 2 * size, zorder=2)
        ax.add_collection(lines)
        return lines

    def _outputs(self, ax: Axes, places: list[tuple[float, float]]) -> None:
        heights = [y for _, y in places]
        ax.scatter(
            np.full(CLASSES, COLUMNS[2]),
            heights,
            s=150,
            color="white",
            edgecolors="#444444",
            zorder=3,
        )
        for label, y in enumerate(heights):
            ax.text(2, y, str(label), ha="center", va="center", fontsize=9, zorder=4)
        self.bars = ax.barh(heights, np.zeros(CLASSES), 0.5, left=2.14, color=BLUE, zorder=2)
        (self.ticks,) = ax.plot(
            np.full(CLASSES, 2.14), heights, "|", color=RED, markersize=14, markeredgewidth=2.5
        )
        ax.text(2.14, 12.05, "bar: this mask", fontsize=9, color=BLUE, va="bottom")
        ax.text(2.14, 11.55, "tick: weight scaling", fontsize=9, color=RED, va="bottom")

    def move(
        self,
        image: np.ndarray,
        kept: np.ndarray,
        hidden: tuple[np.ndarray, np.ndarray],
        probs: np.ndarray,
    ) -> list[Artist]:
        """Shows the image and the thinned network; returns what moved."""
        self.picture.set_data(image.reshape(8, 8))
        split = len(hidden[0])
        sides = (kept[:split], kept[split:])
        for units, alive, h in zip(self.units, sides, hidden, strict=True):
            shade = colormaps["cividis"](h / (h.max() or 1))
            shade[~alive] = (1, 1, 1, 1)
            units.set_facecolors(shade)
            units.set_edgecolors(np.where(alive[:, None], to_rgba("#333333"), to_rgba("#BBBBBB")))
        self.crosses.set_data(*self.places[~kept].T)
        self.fan.set_colors([to_rgba("#DDDDDD", float(on)) for on in sides[0]])
        both = (np.outer(sides[0], sides[1]), np.outer(sides[1], np.ones(CLASSES)))
        for lines, weights, on in zip(self.lines, self.weights, both, strict=True):
            colors = np.where((weights > 0).ravel()[:, None], POSITIVE, NEGATIVE)
            colors[:, 3] = np.where(on.ravel() > 0, 0.55, 0.0)
            lines.set_colors(colors)
        self.title.set_text(
            f"{sides[0].sum()} of {split} and {sides[1].sum()} of {len(kept) - split} units kept, "
            f"{kept.mean():.0%} of all"
        )
        return [self.picture, self.fan, *self.units, self.crosses, *self.lines, self.title]

    def move_outputs(self, probs: np.ndarray, whole: np.ndarray) -> list[Artist]:
        """Bars for this mask, red ticks for the whole network."""
        for bar, p in zip(self.bars, probs, strict=True):
            bar.set_width(0.75 * p)
        self.ticks.set_xdata(2.14 + 0.75 * whole)
        return [*self.bars, self.ticks]


class _Running:
    """One probability over masks: every mask, the mean so far, and weight scaling."""

    def __init__(self, ax: Axes, masks: int) -> None:
        (self.each,) = ax.plot([], [], ".", color="#AAAAAA", markersize=4, clip_on=False)
        (self.mean,) = ax.plot([], [], color=BLUE)
        (self.last,) = ax.plot([], [], "o", color=BLUE, markersize=5, clip_on=False, zorder=3)
        self.whole = ax.axhline(0.5, color=RED, linestyle="--")
        self.notes = [ax.text(0.02, y, "", transform=ax.transAxes, color=c) for y, c in _NOTES]
        self.title = ax.set_title("")
        ax.set(xlim=(-0.02 * masks, 1.02 * masks), ylim=(-0.02, 1.02))
        label_axes(ax, x="masks so far", y="probability of the true class")

    def move(self, probs: np.ndarray, mask: int, whole: float) -> list[Artist]:
        """Shows the first `mask` of the probabilities (masks,)."""
        count = np.arange(1, mask + 1)
        so_far = np.cumsum(probs[:mask]) / count
        self.each.set_data(count, probs[:mask])
        self.mean.set_data(count, so_far)
        self.last.set_data([mask], so_far[-1:])
        self.whole.set_ydata([whole, whole])
        self.notes[0].set_text(f"mean over masks {so_far[-1]:.2f}")
        self.notes[1].set_text(f"weight scaling {whole:.2f}")
        return [self.each, self.mean, self.last, self.whole, *self.notes]


_NOTES = ((1.1, BLUE), (1.03, RED))
