"""Static figures of lesson 10: planted bugs, learning curves, rates and schedules."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from numpy.typing import NDArray

from helpers.nets import History
from helpers.plots.curves import curve, reference_line
from helpers.plots.style import MARKERS, PALETTE, label_axes

Floats = NDArray[np.float64]
BLUE, ORANGE, GREEN = PALETTE[:3]
GREY = "#666666"
TWICE = float(np.log(np.e + 9) - 1)  # the lowest loss behind a second softmax, of ten classes


def plot_bugs(runs: Mapping[str, History]) -> Figure:
    """The loss (a line for each seed) and the mean accuracy, one panel for each bug."""
    fig, axes = plt.subplots(2, 3, figsize=(9.8, 5.6), sharex=True, sharey=True)
    for ax, (name, history) in zip(axes.flat, runs.items(), strict=True):
        ax.plot(history.steps, history["loss"], color=ORANGE, lw=0.8, alpha=0.7)
        reference_line(ax, float(np.log(10)), "")
        right = history["accuracy"][-1].mean()
        ax.set(ylim=(0, 3.2))
        if name == "softmax twice":
            reference_line(ax, TWICE, "")
            ax.text(history.steps[-1], TWICE - 0.08, "lowest possible: 1.46", ha="right", va="top",
                    size=9, color="#444444")  # fmt: skip
        title = "right" if name == "none" else name
        label_axes(ax, title=f"{title}: {right:.0%} learned")
    axes[0, 0].text(history.steps[-1], np.log(10) + 0.08, "log 10", ha="right", size=9,
                    color="#444444")  # fmt: skip
    for ax in axes[1]:
        ax.set_xlabel("step")
    for ax in axes[:, 0]:
        ax.set_ylabel("loss minimized")
    return fig


class Curves(NamedTuple):
    """One panel: losses (len(steps), S) over steps, and where test accuracy ended, (S,)."""

    steps: NDArray[np.int64]
    train: Floats
    val: Floats
    accuracy: Floats


def plot_gallery(panels: Mapping[str, Curves]) -> Figure:
    """Training and validation loss of several runs, side by side."""
    fig, axes = plt.subplots(1, len(panels), figsize=(9.8, 3.4), sharey=True)
    for ax, (name, run) in zip(axes, panels.items(), strict=True):
        curve(ax, run.steps, run.train, label="training", index=0)
        curve(ax, run.steps, run.val, label="validation", index=1)
        ax.set(ylim=(0, 4))
        label_axes(ax, title=name, x="step")
        told = f"test accuracy {run.accuracy.mean():.2f}"
        ax.text(0.97, 0.97, told, transform=ax.transAxes, ha="right", va="top", size=9)
    axes[0].set_ylabel("cross-entropy")
    axes[0].legend(loc="lower left")
    return fig


def plot_range_test(
    rates: Floats, losses: Floats, marks: Mapping[str, float], swept: Floats, accuracy: Floats
) -> Figure:
    """Left the range test, right the accuracy of whole runs at constant rates; marks in both."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(9.8, 4))
    left.plot(rates, losses, color=BLUE, lw=0.7, alpha=0.5)
    left.plot(rates, losses.mean(1), color=BLUE, lw=2.5)
    left.set(ylim=(0, 4.5), ylabel="smoothed batch loss")
    curve(right, swept, accuracy, label="", index=0, marker=True)
    right.set(ylim=(0, 0.95), ylabel="test accuracy after 125 steps")
    for ax, title in ((left, "Range test: one short run"), (right, "Sweep: one run for each rate")):
        for i, (name, value) in enumerate(marks.items()):
            ax.axvline(value, color=PALETTE[i + 1], lw=1.5, ls=(0, (4, 2)))
            if ax is left:
                ax.text(value * 0.93, 4.4, name, rotation=90, ha="right", va="top", size=9,
                        color=PALETTE[i + 1])  # fmt: skip
        ax.set(xscale="log")
        label_axes(ax, title=title, x="learning rate")
    return fig


def plot_gains(peaks: Sequence[float], gains: Mapping[str, Floats]) -> Figure:
    """Accuracy gained by schedules over the constant rate of the same peak, a dot a seed.

    gains: by schedule, (peaks, S).
    """
    fig, ax = plt.subplots(figsize=(9.6, 3.9))
    ax.axhline(0, color=GREY, lw=1)
    for i, (name, values) in enumerate(gains.items()):
        places = np.arange(len(peaks)) + 0.22 * (i - (len(gains) - 1) / 2)
        ax.plot(np.repeat(places, values.shape[1]), 100 * values.ravel(), ls="", ms=6, alpha=0.55,
                marker=MARKERS[i], color=PALETTE[i], label=name)  # fmt: skip
        ax.hlines(100 * values.mean(1), places - 0.08, places + 0.08, color=PALETTE[i], lw=3)
    ax.set_xticks(range(len(peaks)), [f"peak rate {p:g}" for p in peaks])
    ax.grid(visible=False, axis="x")
    ax.legend(loc="upper left")
    label_axes(ax, title="20 % wrong labels: schedule less constant rate, same seed and batches",
               y="points of test accuracy")  # fmt: skip
    return fig
