"""Figures of lesson 09: a sharp and a flat minimum, and flatness against test accuracy."""

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from helpers.explore import Explorable, explore
from helpers.flatness import Runs
from helpers.plots.curves import paired_dots
from helpers.plots.style import MARKERS, PALETTE, STYLES, label_axes

Floats = NDArray[np.float64]
BLUE, ORANGE, GREEN, PINK = PALETTE[:4]
GREY = "#666666"
SHARP, FLAT = -1.0, 1.3  # where the minima are
CURVATURES = (20.0, 2.0)
STRETCH = float(np.sqrt(CURVATURES[0] / CURVATURES[1]))
BARRIER = (STRETCH * SHARP + FLAT) / (STRETCH + 1)  # where the two parabolas meet
MIDDLE = SHARP + FLAT - BARRIER  # its place in the stretched coordinate
NODES, HEIGHTS = np.polynomial.hermite_e.hermegauss(21)
HEIGHTS = HEIGHTS / HEIGHTS.sum()
COORDINATES = ("w", "u, stretched")


def _loss(w: Floats) -> Floats:
    sharp, flat = (h / 2 * (w - a) ** 2 for h, a in zip(CURVATURES, (SHARP, FLAT), strict=True))
    return np.asarray(np.minimum(sharp, flat))


def _weight(u: Floats) -> Floats:
    """The weight that a stretched coordinate stands for: the minima stay, their widths swap."""
    return np.asarray(BARRIER + (u - MIDDLE) * np.where(u < MIDDLE, 1 / STRETCH, STRETCH))


def explore_minima() -> Explorable:
    """Two minima of one training loss; a shifted test loss; noise; another coordinate."""
    figure = _Minima()
    return explore(
        figure.fig, figure.update, alt=figure.alt,
        labels={"shift": "shift of the test loss", "sigma": "σ of weight noise",
                "coordinate": "weight written as"},
        shift=(-0.3, 0.3, 0.2), sigma=(0.0, 0.3, 0.15), coordinate=list(COORDINATES),
    )  # fmt: skip


class _Minima:
    def __init__(self) -> None:
        self.grid = np.linspace(-2.6, 2.9, 500)
        self.fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), width_ratios=(1.7, 1))
        (self.train,) = left.plot([], [], color=BLUE, lw=2.5, label="training loss")
        (self.test,) = left.plot([], [], color=ORANGE, ls="--", lw=2, label="test loss (shifted)")
        (self.noisy,) = left.plot([], [], color=GREEN, ls="-.", lw=2, label="training loss + noise")
        (self.marks,) = left.plot([], [], "o", color=ORANGE, mec="black", ms=10)
        (self.lifted,) = left.plot([], [], "s", color=GREEN, mec="black", ms=6)
        left.set(xlim=(self.grid[0], self.grid[-1]), ylim=(-0.05, 1.5))
        left.legend(loc="lower center", bbox_to_anchor=(0.5, 1.08), ncols=3, fontsize=9,
                    columnspacing=1.2)  # fmt: skip
        label_axes(left, y="loss")
        left.set_xlabel(" ")
        self.name = left.text(0.5, -0.12, "", transform=left.transAxes, ha="center", va="top")
        self.title = left.set_title(" ")
        self._draw_bars(right)

    def _draw_bars(self, ax: Axes) -> None:
        self.places = np.array([0.0, 1.0, 2.4, 3.4])
        self.bars = ax.barh(self.places, np.zeros(4), 0.7, color=[ORANGE, ORANGE, GREEN, GREEN])
        (self.theory,) = ax.plot([], [], "|", color="black", ms=22, mew=2)
        rows = ["left: test", "right: test", "left: noise", "right: noise"]
        ax.set_yticks(self.places, rows)
        ax.invert_yaxis()
        ax.set(xlim=(0, 1.0))
        ax.grid(visible=False, axis="y")
        label_axes(ax, title="Rise of the loss at each minimum", x="bars: measured, lines: theory")

    def measure(self, shift: float, sigma: float, coordinate: str) -> tuple[Floats, Floats]:
        """The four bars, and the theory: ½h·shift² in w, ½σ²h in the chosen coordinate."""
        minima = np.array([SHARP, FLAT])
        h = np.array(CURVATURES)
        test = _loss(minima - shift)
        noise = self._averaged(minima, sigma, coordinate)
        own = h if coordinate == COORDINATES[0] else h[::-1]
        theory = np.concatenate([h * shift**2 / 2, own * sigma**2 / 2])
        return np.concatenate([test, noise]), theory

    def _averaged(self, places: Floats, sigma: float, coordinate: str) -> Floats:
        """The mean loss under noise N(0, σ²) on the coordinate."""
        shaken = places[:, None] + sigma * NODES
        w = shaken if coordinate == COORDINATES[0] else _weight(shaken)
        return np.asarray(_loss(w) @ HEIGHTS)

    def update(self, shift: float, sigma: float, coordinate: str) -> list[Artist]:
        w = self.grid if coordinate == COORDINATES[0] else _weight(self.grid)
        bars, theory = self.measure(shift, sigma, coordinate)
        minima = np.array([SHARP, FLAT])
        self.train.set_data(self.grid, _loss(w))
        self.test.set_data(self.grid, _loss(w - shift))
        self.noisy.set_data(self.grid, self._averaged(self.grid, sigma, coordinate))
        self.marks.set_data(minima, bars[:2])
        self.lifted.set_data(minima, bars[2:])
        for bar, value in zip(self.bars, bars, strict=True):
            bar.set_width(value)
        self.theory.set_data(theory, self.places)
        sharp = "left" if coordinate == COORDINATES[0] else "right"
        self.title.set_text(f"The {sharp} minimum is the sharp one")
        self.name.set_text("w" if coordinate == COORDINATES[0] else "u, the same weight stretched")
        return [self.train, self.test, self.noisy, self.marks, self.lifted, *self.bars,
                self.theory, self.title, self.name]  # fmt: skip

    def alt(self, shift: float, sigma: float, coordinate: str) -> str:
        bars, _ = self.measure(shift, sigma, coordinate)
        return (
            f"Coordinate {coordinate[0]}, test loss shifted by {shift:.2f}: it rises by "
            f"{bars[0]:.2f} at the left minimum, {bars[1]:.2f} at the right one. Noise with σ = "
            f"{sigma:.2f} costs {bars[2]:.2f} left, {bars[3]:.2f} right."
        )


def plot_methods(runs: Runs, rise: Floats, *, sigma: float) -> Figure:
    """Test accuracy and tr H over the steps; at the end accuracy against tr H and against `rise`.

    rise: (methods, S), what weight noise of this sigma adds to the training loss; a dot a seed.
    Raises ValueError for another shape.
    """
    if rise.shape != runs.trace.shape[1:]:
        raise ValueError(f"rise has shape (methods, S) = {runs.trace.shape[1:]}; got {rise.shape}")
    fig = plt.figure(figsize=(10, 5.4))
    grid = fig.add_gridspec(2, 3, width_ratios=(1, 1, 1))
    top, bottom = fig.add_subplot(grid[0, 0]), fig.add_subplot(grid[1, 0])
    middle = fig.add_subplot(grid[:, 1])
    right = fig.add_subplot(grid[:, 2], sharey=middle)
    for i, name in enumerate(runs.names):
        look = {"color": PALETTE[i], "ls": STYLES[i]}
        top.plot(runs.steps[1:], runs.accuracy[1:, i].mean(1), label=name, **look)
        bottom.plot(runs.steps[1:], runs.trace[1:, i].mean(1), **look)
        for ax, values in ((middle, runs.trace[-1, i]), (right, rise[i])):
            ax.plot(values, runs.accuracy[-1, i], ls="", marker=MARKERS[i], color=PALETTE[i],
                    ms=7, alpha=0.8)  # fmt: skip
    _finish_methods(fig, top, bottom, middle, right)
    label_axes(middle, title=f"After {runs.steps[-1]} updates", x="tr H: flat ← → sharp",
               y="test accuracy")  # fmt: skip
    label_axes(right, title="A dot a seed", x=f"rise under weight noise, σ = {sigma:g}")
    return fig


def _finish_methods(fig: Figure, top: Axes, bottom: Axes, middle: Axes, right: Axes) -> None:
    looks = [  # line and marker of a method together
        Line2D([], [], color=line.get_color(), ls=line.get_linestyle(), marker=MARKERS[i], ms=7,
               label=line.get_label())
        for i, line in enumerate(top.lines)
    ]  # fmt: skip
    fig.legend(handles=looks, loc="outside upper center", ncols=3, handlelength=3.5)
    top.tick_params(labelbottom=False)
    bottom.set(yscale="log", xlabel="updates")
    label_axes(top, title="Test accuracy")
    label_axes(bottom, title="tr H on the training set")
    bottom.set_ylim(bottom=min(5.0, bottom.get_ylim()[0]))
    places = [0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 5, 10, 20, 40, 100]
    for ax, axis in ((bottom, bottom.yaxis), (middle, middle.xaxis), (right, right.xaxis)):
        if ax is not bottom:
            ax.set_xscale("log")
        axis.set_major_locator(plt.FixedLocator(places))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_locator(plt.NullLocator())
    right.tick_params(labelleft=False)


def plot_batches(runs: Runs, equal_epochs: dict[str, int], equal_steps: int) -> Figure:
    """tr H and test accuracy of batch sizes: after equal epochs, and after equal updates."""
    fig, axes = plt.subplots(2, 2, figsize=(9.6, 5.2), sharey="row")
    sizes = list(equal_epochs)
    for column, after in enumerate((equal_epochs, dict.fromkeys(sizes, equal_steps))):
        pairs = [runs.after(step, name) for name, step in after.items()]
        accuracy, trace = (np.stack(values) for values in zip(*pairs, strict=True))  # (B, S)
        paired_dots(axes[0, column], [""] * len(sizes), trace)
        labels = [f"{name}\n{step} updates" for name, step in after.items()]
        paired_dots(axes[1, column], labels, accuracy)
    axes[0, 0].set(ylabel="tr H", title="Equal epochs", ylim=(0, None))
    axes[0, 1].set_title("Equal updates")
    axes[1, 0].set_ylabel("test accuracy")
    return fig
