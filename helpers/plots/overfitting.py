"""Figures of overfitting: a polynomial through noisy points, curves of networks."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
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
    fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.4))
    grid = np.linspace(-1, 1, 400)
    left.plot(grid, overfitting.truth(grid), "--", color="#888888", linewidth=1.5, label="truth")
    (points,) = left.plot([], [], "o", color="black", markersize=6)
    (fit,) = left.plot([], [], color=BLUE, label="polynomial")
    left.legend(loc="lower right")
    left.set(xlim=(-1.05, 1.05), ylim=(-2.5, 2.5), xlabel="x", ylabel="y")
    title = left.set_title(" ")
    (train,) = right.plot([], [], "o-", color=BLUE, label="training points")
    (new,) = right.plot([], [], "s--", color=ORANGE, label="new points")
    (below,) = right.plot([], [], "v", color=BLUE, markersize=9, label=f"below {LOWEST}")
    marks = right.plot([], [], "o", [], [], "s", color="black", markersize=11, fillstyle="none")
    right.axhline(overfitting.NOISE, color="#666666", linewidth=1, linestyle=":")
    right.text(-0.3, 0.9 * overfitting.NOISE, "noise in y", va="top", color="#666666")
    right.set(yscale="log", ylim=(LOWEST, 300), xlim=(-0.5, 15), xlabel="degree",
              ylabel="root mean square error")  # fmt: skip
    right.legend(loc="upper left")

    floor = 1.25 * LOWEST  # where what is lower is drawn

    def update(degree: int, n: int) -> list[Any]:
        x, y, errors = problem(n)
        shown = min(degree, n - 1)
        points.set_data(x, y)
        c = overfitting.fit_polynomial(x, y, shown)
        fit.set_data(grid, np.clip(legendre.legval(grid, c), -9, 9))
        title.set_text(told(shown, errors))
        for line, mark, values in zip((train, new), marks, errors, strict=True):
            line.set_data(np.arange(len(values)), np.maximum(values, floor))
            mark.set_data([shown], [np.clip(values[shown], floor, 290)])
        (off,) = np.nonzero(errors[0] < LOWEST)
        below.set_data(off, np.full(len(off), floor))
        return [points, fit, title, train, new, below, *marks]

    def problem(n: int) -> tuple[Array, Array, tuple[Array, Array]]:
        x, y = overfitting.noisy_points(n, np.random.default_rng([seed, 11]))
        return x, y, overfitting.rms_errors(x, y, range(min(n, 15)))

    def told(degree: int, errors: tuple[Array, Array]) -> str:
        return (
            f"degree {degree}: error {errors[0][degree]:.2f}, on new points {errors[1][degree]:.2g}"
        )

    def alt(degree: int, n: int) -> str:
        _, _, errors = problem(n)
        shown = min(degree, n - 1)
        return (
            f"A polynomial of degree {shown} through {n} noisy points of a sine. Its error is "
            f"{errors[0][shown]:.2f} on these points and {errors[1][shown]:.3g} on new ones; the "
            f"best degree on new points is {int(errors[1].argmin())}."
        )

    return explore(fig, update, alt=alt, degree=(0, 14, 3), n=(6, MOST_POINTS, 15),
                   labels={"n": "points"})  # fmt: skip


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
                curve(ax, steps, curves[f"{part} {kind}"][:, column], label=part, index=index)
            if row == 0:
                _mark_lowest(ax, steps, curves["val loss"][:, column].mean(-1))
                ax.set(yscale="log", title=name)
            else:
                ax.set(ylim=(0, 1.03), xlabel="step")
        axes[row, 0].set_ylabel({"loss": "cross-entropy (log)", "acc": "accuracy"}[kind])
    axes[0, 0].legend(loc="center right")
    _name_gap(axes[1, -1], steps, curves)
    return fig


def _mark_lowest(ax: Any, steps: NDArray[np.int64], mean: Array) -> None:
    lowest = int(mean.argmin())
    ax.plot(steps[lowest], mean[lowest], "v", color=ORANGE, markersize=9, markeredgecolor="white")


def _name_gap(ax: Any, steps: NDArray[np.int64], curves: Mapping[str, Array]) -> None:
    """A double arrow between the two accuracies at the end of the last column."""
    top, low = (curves[f"{part} acc"][-1, -1].mean() for part in ("train", "val"))
    at = 0.8 * steps[-1]
    ax.annotate("", (at, top), (at, low), arrowprops={"arrowstyle": "<->", "color": "#444444"})
    ax.text(at, (top + low) / 2, "gap ", ha="right", va="center", color="#444444")
