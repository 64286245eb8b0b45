"""Figures of lesson 05: what normalization does to training, to tests and to gradients."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from helpers.normalization import Run
from helpers.normalized_signals import DecayRun
from helpers.plots.curves import curve, paired_dots
from helpers.plots.style import MARKERS, PALETTE, STYLES, label_axes
from helpers.running_statistics import Lag

Array = NDArray[np.float64]
Runs = Mapping[tuple[str, str], Run]
GREY = "#666666"
NAMES = {"none": "no normalization", "before": "batch norm", "noisy": "batch norm + noise"}
LOOKS = {"none": 0, "before": 1, "noisy": 2}
NORMS: tuple[str | None, ...] = (None, "batch", "layer")
NORM_NAMES = ("none", "batch norm", "layer norm")


def plot_losses(runs: Runs, activations: Sequence[str], variants: Sequence[str]) -> Figure:
    """Training loss over the steps, a panel per activation, a curve per variant."""
    fig, axes = plt.subplots(1, len(activations), figsize=(9.6, 3.3), sharey=True)
    for ax, activation in zip(axes, activations, strict=True):
        _draw_losses(ax, runs, activation, variants)
        label_axes(ax, title=activation, x="step")
    axes[0].set_ylabel("training loss (log)")
    handles, names = axes[0].get_legend_handles_labels()
    fig.legend(handles, names, loc="outside upper center", ncols=len(names))
    return fig


def _draw_losses(ax: Axes, runs: Runs, activation: str, variants: Sequence[str]) -> None:
    for variant in variants:
        run = runs[activation, variant]
        curve(ax, run.steps, run.loss, label=NAMES[variant], index=LOOKS[variant])
    ax.axhline(np.log(10), color=GREY, lw=1, ls=(0, (2, 2)), zorder=1)
    ax.set(yscale="log", ylim=(0.05, 4))
    ax.set_yticks([0.1, 0.3, 1, np.log(10)], ["0.1", "0.3", "1", "log 10"])
    ax.minorticks_off()


def plot_test_batches(names: Sequence[str], accuracies: Array) -> Figure:
    """Test accuracy by what the statistics came from; `accuracies` is (names, S)."""
    fig, ax = plt.subplots(figsize=(9.6, 3.6))
    paired_dots(ax, names, accuracies, unit="test accuracy")
    ax.set(ylim=(0, 1.05), title="The same networks, the same 700 test images")
    for i, row in enumerate(accuracies):
        ax.text(i + 0.3, row.mean(), f"{row.mean():.2f}", va="center", color=GREY,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5})  # fmt: skip
    return fig


def plot_lag(lag: Lag) -> Figure:
    """Accuracy over the steps for every momentum, and with batch statistics, of all test images."""
    fig, ax = plt.subplots(figsize=(9.6, 3.6))
    ax.plot(lag.steps, lag.batch, color="#BBBBBB", lw=7, label="batch statistics")
    for i, momentum in enumerate(lag.momenta):
        ax.plot(
            lag.steps, lag.running[i], color=PALETTE[i], ls=STYLES[i], marker=MARKERS[i], ms=5,
            label=f"running, momentum {momentum:g}",
        )  # fmt: skip
    ax.set(ylim=(0, 1), xlim=(0, 1.02 * lag.steps[-1]))
    label_axes(ax, title="Pixels from 0 to 16, trained once", x="step", y="test accuracy")
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return fig


def plot_decay(run: DecayRun) -> Figure:
    """The hidden weights' norm over the steps, and their turn per step with the theory √(2ηλ)."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.6))
    for i, decay in enumerate(run.decays):
        look = {"color": PALETTE[i], "ls": STYLES[i]}
        left.plot(run.steps, run.norm[:, i], **look)
        left.annotate(f"λ = {decay:g}", (run.steps[-1], run.norm[-1, i]), xytext=(4, 0),
                      textcoords="offset points", va="center", color=PALETTE[i])  # fmt: skip
        smooth = np.convolve(run.turn[:, i], np.ones(15) / 15, mode="valid")
        right.plot(run.steps[7:-7], smooth, **look)
        right.annotate(f"λ = {decay:g}", (run.steps[-1], smooth[-1]), xytext=(4, 0),
                       textcoords="offset points", va="center", color=PALETTE[i])  # fmt: skip
        if decay:
            theory = np.sqrt(2 * run.lr * decay)
            right.plot(run.steps[[0, -1]], [theory] * 2, color="black", lw=1, ls=(0, (4, 2)))
    left.set(yscale="log", xlim=(0, run.steps[-1]))
    left.set_yticks([1, 2, 4, 8], ["1", "2", "4", "8"])
    left.minorticks_off()
    right.text(0.97, 0.94, "dashed: √(2ηλ)", transform=right.transAxes, ha="right", color=GREY)
    right.set(yscale="log", ylim=(0.005, 0.5), xlim=(0, run.steps[-1]))
    right.set_yticks([0.01, 0.03, 0.1, 0.3], ["0.01", "0.03", "0.1", "0.3"])
    right.minorticks_off()
    label_axes(left, title="‖W‖ of the second layer", x="step")
    label_axes(right, title="How far W turns per step (radians)", x="step")
    return fig


def plot_sweeps(
    stds: Sequence[float], by_std: Sequence[Array], rates: Sequence[float], by_rate: Sequence[Array]
) -> Figure:
    """Accuracy over the std of the initial weights and over the learning rate, by norm.

    `by_std` has (stds, S) for none, batch and layer; `by_rate` (rates, S) for none and batch.
    """
    fig, axes = plt.subplots(1, 2, figsize=(9.6, 3.8), sharey=True)
    for ax, x, found in zip(axes, (stds, rates), (by_std, by_rate), strict=True):
        for i, runs in enumerate(found):
            curve(ax, x, runs, label=NORM_NAMES[i], index=i, marker=True)
        ax.set(xscale="log", ylim=(0, 1.03))
        ax.set_xticks(x, [f"{value:g}" for value in x])
        ax.minorticks_off()
    axes[0].axvline(0.25, color=GREY, lw=1, ls=(0, (2, 2)))
    axes[0].text(0.26, 0.02, "He", color=GREY)
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    label_axes(axes[0], title="Learning rate 0.1", x="std of the initial weights",
               y="test accuracy after 100 steps")  # fmt: skip
    label_axes(axes[1], title="He's weights", x="learning rate")
    return fig


def plot_batch_sizes(sizes: Sequence[int], found: Sequence[Array]) -> Figure:
    """Accuracy by batch size, a dot per seed; `found` has (sizes, S) for none, batch and layer."""
    fig, ax = plt.subplots(figsize=(9.6, 3.4))
    for i, values in enumerate(found):
        for k, row in enumerate(values):
            at = k + 0.24 * (i - 1)
            ax.scatter(np.full(len(row), at), row, color=PALETTE[i], marker=MARKERS[i], s=26,
                       alpha=0.8, label=NORM_NAMES[i] if k == 0 else None)  # fmt: skip
            ax.hlines(row.mean(), at - 0.09, at + 0.09, color=PALETTE[i], lw=3)
    ax.set_xticks(range(len(sizes)), [f"batches of {size}" for size in sizes])
    ax.set(ylim=(0, 1.03), ylabel="test accuracy")
    ax.set_title("The same number of updates; a dot per seed, a bar for their mean")
    ax.legend(loc="lower right", ncols=3)
    return fig


def plot_places(names: Sequence[str], before: Array, after: Array) -> Figure:
    """Accuracy after minus before the activation, a dot per seed, a row per setting; (names, S)."""
    fig, ax = plt.subplots(figsize=(9.6, 3.4))
    ax.axvline(0, color=GREY, lw=1)
    gains = 100 * (after - before)
    for i, row in enumerate(gains):
        color = PALETTE[2] if row.mean() > 1 else PALETTE[1] if row.mean() < -1 else GREY
        spots = i + np.linspace(-0.16, 0.16, len(row))
        ax.scatter(row, spots, color=color, marker="o", s=28, alpha=0.8)
        ax.vlines(row.mean(), i - 0.3, i + 0.3, color=color, lw=3)
        wins = f"{int((row > 0).sum())} of {len(row)}"
        ax.text(1.01, i, wins, transform=ax.get_yaxis_transform(), va="center", color=color)
    ax.set_yticks(range(len(names)), names)
    ax.set(ylim=(len(names) - 0.5, -0.5))
    ax.text(1.01, -0.62, "wins of “after”", transform=ax.get_yaxis_transform(), color=GREY,
            va="bottom", fontsize=9)  # fmt: skip
    ax.set_xlabel("accuracy with batch norm after minus before the activation (percentage points)")
    return fig


def plot_noise(runs: Runs, activations: Sequence[str]) -> Figure:
    """How far the third layer's input drifts (bars) above what training makes of it (curves)."""
    variants = ("none", "before", "noisy")
    fig, axes = plt.subplots(2, len(activations), figsize=(9.6, 5.8), sharey="row",
                             height_ratios=(1, 1.5))  # fmt: skip
    for column, activation in enumerate(activations):
        drifts = [runs[activation, v].drift.mean() for v in variants]
        bars = axes[0, column].barh(range(3), drifts, color=[PALETTE[LOOKS[v]] for v in variants])
        axes[0, column].bar_label(bars, fmt="%.3f", padding=3, color=GREY)
        axes[0, column].set_yticks(range(3), [NAMES[v] for v in variants])
        axes[0, column].set(xlim=(0, 0.5), ylim=(2.6, -0.6), xticks=[0, 0.2, 0.4])
        axes[0, column].grid(axis="y", visible=False)
        label_axes(axes[0, column], title=activation, x="drift in 10 steps (in std)")
        _draw_losses(axes[1, column], runs, activation, variants)
        label_axes(axes[1, column], x="step")
        _tell_accuracies(axes[1, column], [runs[activation, v].accuracy.mean() for v in variants])
    axes[1, 0].set_ylabel("training loss (log)")
    return fig


def _tell_accuracies(ax: Axes, accuracies: Sequence[float]) -> None:
    ax.text(0.02, 0.34, "test accuracy", transform=ax.transAxes, color=GREY, fontsize=10)
    for i, value in enumerate(accuracies):
        ax.text(0.02, 0.24 - 0.1 * i, f"{value:.3f}", transform=ax.transAxes, color=PALETTE[i],
                fontweight="bold")  # fmt: skip
