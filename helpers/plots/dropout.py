"""What was measured of dropout on digits: forgotten eval, averages, the headline, cut units."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from helpers.plots.curves import curve, paired_dots, reference_line
from helpers.plots.style import PALETTE, label_axes

BLUE, RED = PALETTE[:2]


def repeated_calls(in_eval: np.ndarray, in_train: np.ndarray, *, network: int = 0) -> Figure:
    """One network asked again and again, and all networks once, in eval and in training mode.

    in_eval: accuracy, (S,). in_train: accuracy of each call, (calls, S).
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), width_ratios=(1.4, 1))
    calls = np.arange(1, len(in_train) + 1)
    left.plot(calls, in_train[:, network], "s", color=RED)
    left.plot(calls, np.full(len(calls), in_eval[network]), "o-", color=BLUE, markersize=4)
    ends = (
        (in_eval[network], 9, "eval mode", BLUE),
        (in_train[:, network].min(), -9, "training mode", RED),
    )
    for y, away, name, color in ends:
        left.annotate(
            name,
            (calls[-1], y),
            (0, away),
            textcoords="offset points",
            color=color,
            ha="right",
            va="bottom" if away > 0 else "top",
        )
    left.margins(y=0.2)
    left.set_xticks(calls[::3])
    label_axes(left, title="One network, the same 500 images", x="call", y="test accuracy")
    paired_dots(right, ["eval mode", "training mode"], np.stack([in_eval, in_train[0]]))
    label_axes(right, title=f"{len(in_eval)} networks, one call each", y="test accuracy")
    return fig


def averages_compared(losses: Mapping[str, np.ndarray]) -> Figure:
    """Log-likelihood by weight scaling and by an average over masks: a panel for each regime.

    losses: title of the panel -> mean negative log-likelihood, (2, S), lower is better.
    """
    fig, axes = plt.subplots(1, len(losses), figsize=(10, 3.8), squeeze=False)
    for ax, (title, values) in zip(axes[0], losses.items(), strict=True):
        paired_dots(ax, ["weight\nscaling", "mean over\nmasks"], values)
        label_axes(ax, title=title, y="test log loss (nats)")
        ax.set_ylim(0, 1.1 * max(map(np.max, losses.values())))
    return fig


def headline(
    steps: Sequence[int], without: np.ndarray, dropped: np.ndarray, finals: Mapping[str, np.ndarray]
) -> Figure:
    """Test accuracy over steps, (len(steps), S) each, and the paired results at the end."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), width_ratios=(1, 1.25))
    for index, (runs, name) in enumerate(((without, "no dropout"), (dropped, "dropout 0.5"))):
        curve(left, steps, runs, label=name, index=index)
        above = index == 1
        place = (steps[-1], runs[-1].mean() + (0.06 if above else -0.06))
        side = "bottom" if above else "top"
        left.text(*place, name, color=PALETTE[index], ha="right", va=side)
    left.set_ylim(0.35, 1)
    label_axes(left, title="Mean ± std over seeds", x="update", y="test accuracy (clean labels)")
    paired_dots(right, list(finals), np.stack(list(finals.values())))
    right.set_ylim(0.35, 1)
    label_axes(right, title="Each gray line is one seed", y="test accuracy")
    return fig


def cut_curves(shares: Sequence[float], without: np.ndarray, dropped: np.ndarray) -> Figure:
    """Accuracy over the share of hidden units cut after training; runs are (len(shares), S)."""
    fig, ax = plt.subplots(figsize=(8, 4))
    for index, (runs, name) in enumerate(
        ((without, "trained without dropout"), (dropped, "trained with dropout 0.5"))
    ):
        curve(ax, shares, runs, label=name, index=index, marker=True)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 0.14))
    reference_line(ax, 0.1, "chance")
    label_axes(
        ax,
        title="Units of the last hidden layer removed after training",
        x="share removed",
        y="test accuracy",
    )
    ax.set_ylim(0, 1.02)
    return fig
