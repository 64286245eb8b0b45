"""Figures of overfitting: a polynomial through noisy points, curves of networks."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.polynomial import legendre
from numpy.typing import NDArray

from helpers import overfitting
from helpers.explore import Explorable, explore
from helpers.plots.curves import curve
from helpers.plots.style import PALETTE

Array = NDArray[np.float64]
BLUE, ORANGE, GREEN = PALETTE[:3]
MOST_POINTS = 40
LOWEST = 0.01  # of the error axis


def explore_polynomial(*, seed: int) -> Explorable:
    """A polynomial's fit, and its errors on its own points and on new ones over the degree."""
    figure = _Polynomial(seed)
    return explore(figure.fig, figure.update, alt=figure.alt, degree=(0, 14, 3),
                   n=(6, MOST_POINTS, 15), labels={"n": "points"})  # fmt: skip


class _Polynomial:
    floor = 1.25 * LOWEST  # where what is lower is drawn

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.grid = np.linspace(-1, 1, 400)
        self.fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.4))
        self._draw_fit(left)
        self._draw_errors(right)

    def _draw_fit(self, ax: Axes) -> None:
        truth = overfitting.truth(self.grid)
        ax.plot(self.grid, truth, "--", color="#888888", linewidth=1.5, label="truth")
        (self.points,) = ax.plot([], [], "o", color="black", markersize=6)
        (self.fit,) = ax.plot([], [], color=BLUE, label="polynomial")
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
        ax.set(xlim=(-1.05, 1.05), ylim=(-2.5, 2.5), xlabel="x", ylabel="y")
        self.title = ax.set_title(" ")

    def _draw_errors(self, ax: Axes) -> None:
        (self.train,) = ax.plot([], [], "o-", color=BLUE, label="training points")
        (self.new,) = ax.plot([], [], "s--", color=ORANGE, label="new points")
        (self.below,) = ax.plot([], [], "v", color=BLUE, markersize=9, label=f"below {LOWEST}")
        self.marks = ax.plot(
            [], [], "o", [], [], "s", color="black", markersize=11, fillstyle="none"
        )
        ax.axhline(overfitting.NOISE, color="#666666", linewidth=1, linestyle=":")
        beside = ax.get_yaxis_transform()
        ax.text(1.01, overfitting.NOISE, "noise\nin y", va="center", color="#666666",
                transform=beside)  # fmt: skip
        ax.set(yscale="log", ylim=(LOWEST, 300), xlim=(-0.5, 15), xlabel="degree",
               ylabel="root mean square error")  # fmt: skip
        ax.legend(loc="upper left")

    def update(self, degree: int, n: int) -> list[Any]:
        x, y, errors = self._problem(n)
        shown = min(degree, n - 1)
        self.points.set_data(x, y)
        c = overfitting.fit_polynomial(x, y, shown)
        self.fit.set_data(self.grid, np.clip(legendre.legval(self.grid, c), -9, 9))
        self.title.set_text(
            f"degree {shown}: error {_short(errors[0][shown])}, "
            f"on new points {_short(errors[1][shown])}"
        )
        self._move_errors(errors, shown)
        return [self.points, self.fit, self.title, self.train, self.new, self.below, *self.marks]

    def _move_errors(self, errors: tuple[Array, Array], shown: int) -> None:
        for line, mark, values in zip((self.train, self.new), self.marks, errors, strict=True):
            visible = np.where(values < LOWEST, np.nan, values)  # a triangle tells of the others
            line.set_data(np.arange(len(values)), visible)
            mark.set_data([shown], [np.clip(values[shown], self.floor, 290)])
        (off,) = np.nonzero(errors[0] < LOWEST)
        self.below.set_data(off, np.full(len(off), self.floor))

    def _problem(self, n: int) -> tuple[Array, Array, tuple[Array, Array]]:
        x, y = overfitting.noisy_points(n, np.random.default_rng([self.seed, 11]))
        return x, y, overfitting.rms_errors(x, y, range(min(n, 15)))

    def alt(self, degree: int, n: int) -> str:
        _, _, errors = self._problem(n)
        shown = min(degree, n - 1)
        return (
            f"A polynomial of degree {shown} through {n} noisy points of a sine. Its error is "
            f"{_short(errors[0][shown])} on these points and {_short(errors[1][shown])} on new "
            f"ones; the "
            f"best degree on new points is {int(errors[1].argmin())}."
        )


def _short(error: float) -> str:
    return f"{error:.2f}" if error < 10 else f"{error:.0f}"


def plot_network_curves(
    steps: NDArray[np.int64], curves: Mapping[str, Array], names: list[str]
) -> Figure:
    """Training and validation loss (upper row) and accuracy (lower row), a column a share of noise.

    `curves` as `helpers.overfitting.network_curves` gives them: arrays (T, noises, seeds).
    """
    fig, axes = plt.subplots(2, len(names), figsize=(9.6, 5.6), sharex=True, sharey="row")
    for row, kind in enumerate(("loss", "acc")):
        for column, name in enumerate(names):
            ax = axes[row, column]
            for index, part in enumerate(("train", "val")):
                label = {"train": "training", "val": "validation"}[part]
                curve(ax, steps, curves[f"{part} {kind}"][:, column], label=label, index=index)
            if row == 0:
                _mark_lowest(ax, steps, curves["val loss"][:, column].mean(-1))
                ax.set(yscale="log", title=name)
            else:
                ax.set(ylim=(0, 1.03), xlabel="step")
        axes[row, 0].set_ylabel({"loss": "cross-entropy (log)", "acc": "accuracy"}[kind])
    fig.legend(handles=axes[0, 0].lines, loc="outside upper center", ncols=3)
    _name_gap(axes[1, -1], steps, curves)
    return fig


def _mark_lowest(ax: Any, steps: NDArray[np.int64], mean: Array) -> None:
    lowest = int(mean.argmin())
    ax.plot(steps[lowest], mean[lowest], "v", color=ORANGE, markersize=9, markeredgecolor="white",
            label="lowest validation loss")  # fmt: skip


def _name_gap(ax: Any, steps: NDArray[np.int64], curves: Mapping[str, Array]) -> None:
    """A double arrow between the two accuracies at the end of the last column."""
    top, low = (curves[f"{part} acc"][-1, -1].mean() for part in ("train", "val"))
    at = 0.8 * steps[-1]
    ax.annotate("", (at, top), (at, low), arrowprops={"arrowstyle": "<->", "color": "#444444"})
    ax.text(at, (top + low) / 2, "gap ", ha="right", va="center", color="#444444")
