"""Figures of lesson 07: validation curves, what a rule costs, distance walked, held-out data."""

from collections.abc import Mapping
from functools import cached_property

import ipywidgets
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from helpers.descent import Price
from helpers.explore import Explorable, explore
from helpers.plots.curves import curve, reference_line
from helpers.plots.style import MARKERS, PALETTE, STYLES, label_axes
from helpers.stopping import Outcome, Runs, Walks, decide, waiting

BLUE, ORANGE, GREEN, PINK = PALETTE[:4]
GREY = "#666666"
MIN_DELTAS = (0.0, 0.01, 0.02, 0.05, 0.1)
SIZES = (100, 20, 300)  # validation images
LONGEST = 30  # epochs of patience


def plot_u(columns: Mapping[str, Runs], n_val: int) -> Figure:
    """Loss (upper row) and test accuracy (lower row) over epochs, a thin line a seed."""
    fig, axes = plt.subplots(2, len(columns), figsize=(9.6, 6), sharex=True, sharey="row")
    highest = max(runs.curves(n_val).max() for runs in columns.values())
    for (top, bottom), (name, runs) in zip(axes.T, columns.items(), strict=True):
        losses = runs.curves(n_val)
        lowest, seeds = losses.argmin(0), np.arange(losses.shape[1])
        top.plot(losses, color=ORANGE, lw=0.6, alpha=0.5)
        top.plot(losses.mean(1), color=ORANGE, ls="--", lw=2.5, label="validation")
        top.plot(runs.train.mean(1), color=BLUE, lw=2.5, label="training")
        top.plot(lowest, losses[lowest, seeds], "o", color="black", ms=4, label="lowest of a seed")
        bottom.plot(runs.accuracy, color=GREEN, lw=0.6, alpha=0.5)
        bottom.plot(runs.accuracy.mean(1), color=GREEN, ls="-.", lw=2.5, label="test images")
        bottom.plot(lowest, runs.accuracy[lowest, seeds], "o", color="black", ms=4,
                    label="at the lowest loss")  # fmt: skip
        top.set(title=name, ylim=(0, max(2.6, 1.05 * highest)))
        bottom.set(ylim=(0, 1), xlabel="epoch")
    axes[0, 0].set_ylabel("cross-entropy")
    axes[1, 0].set_ylabel("test accuracy")
    axes[0, -1].legend(loc="upper right")
    axes[1, -1].legend(loc="lower right")
    return fig


def plot_memory(runs: Runs) -> Figure:
    """What runs say about training images with a wrong label: the digit shown, or the label."""
    fig, ax = plt.subplots(figsize=(9.6, 3.6))
    rows = (
        (runs.learned, GREEN, "-.", "the digit shown", (0.4, 0.66)),
        (runs.memorized, ORANGE, "-", "the wrong label", (0.55, 0.72)),
    )
    for shares, color, style, name, place in rows:
        ax.plot(shares, color=color, lw=0.6, alpha=0.35)
        ax.plot(shares.mean(1), color=color, ls=style, lw=2.5)
        ax.text(*place, name, color=color, size=11, weight="bold", transform=ax.transAxes)
    ax.set(ylim=(0, 1.02), xlim=(0, len(runs.learned) - 1))
    label_axes(ax, title="Training images with a wrong label: what the network names", x="epoch",
               y="share of these images")  # fmt: skip
    return fig


def explore_rule(runs: Runs) -> Explorable:
    """One validation curve under patience and min_delta; epochs and regret of all curves."""
    figure = _Rule(runs)
    return explore(
        figure.fig,
        figure.update,
        alt=figure.alt,
        labels={"min_delta": "min_delta", "n_val": "validation images", "run": "run shown"},
        patience=(1, LONGEST, 3),
        min_delta=ipywidgets.SelectionSlider(
            options=[(f"{d:g}", d) for d in MIN_DELTAS], value=0.0, description="min_delta"
        ),
        n_val=list(SIZES),
        run=(1, figure.count, 1),
    )


def _root(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.sign(x) * np.sqrt(np.abs(x)))


def _square(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.sign(x) * np.square(x))


class _Rule:
    def __init__(self, runs: Runs) -> None:
        self.runs, self.count = runs, runs.accuracy.shape[1]
        self.losses = {n: runs.curves(n) for n in SIZES}
        self.waited = {(n, d): waiting(self.losses[n], d) for n in SIZES for d in MIN_DELTAS}
        self.hindsight, self.here = runs.accuracy.max(0), np.arange(self.count)
        self.fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.4), width_ratios=(1.25, 1))
        self._draw_curve(left)
        self._draw_cost(right)

    def _draw_curve(self, ax: Axes) -> None:
        last = len(self.runs.accuracy) - 1
        self.wait = ax.axvspan(0, 1, color=PALETTE[4], alpha=0.25, lw=0)
        (self.ahead,) = ax.plot([], [], color=ORANGE, lw=1, alpha=0.5)
        (self.seen,) = ax.plot([], [], color=ORANGE, lw=2)
        (self.bar,) = ax.plot([], [], color=GREY, lw=1, ls=(0, (4, 2)), label="best − min_delta")
        (self.best,) = ax.plot([], [], "o", color="black", ms=8, clip_on=False, label="best epoch")
        (self.stop,) = ax.plot([], [], "X", color=BLUE, ms=10, clip_on=False, label="stop")
        highest = max(losses.max() for losses in self.losses.values())
        ax.set(xlim=(0, last), ylim=(0, max(3.2, 1.05 * highest)))
        label_axes(ax, x="epoch", y="validation loss")
        ax.legend(loc="lower left", ncols=3, fontsize=9, columnspacing=1, handletextpad=0.4)
        self.title = ax.set_title(" ")

    def _draw_cost(self, ax: Axes) -> None:
        (self.trail,) = ax.plot([], [], color=GREY, lw=1.2, marker=".", ms=4)
        (self.dots,) = ax.plot([], [], "o", color=PALETTE[5], ms=6, alpha=0.8)
        (self.shown,) = ax.plot([], [], "o", color="black", ms=10, mfc="none", mew=1.5)
        (self.mean,) = ax.plot([], [], "D", color=ORANGE, ms=10)
        ax.plot([], [], "o", color=PALETTE[5], label="a run")
        ax.plot([], [], "D", color=ORANGE, label="mean of the runs")
        ax.plot([], [], color=GREY, marker=".", label=f"the mean, patience 1 to {LONGEST}")
        ax.legend(loc="upper right")
        last = len(self.runs.accuracy) - 1
        ax.set_yscale("function", functions=(_root, _square))  # most regrets are small
        ax.set(xlim=(0, last + 2), ylim=(-0.3, 72), yticks=(0, 1, 3, 5, 10, 20, 40, 60))
        label_axes(ax, x="epochs trained", y="regret in points (square-root scale)")
        self.cost = ax.set_title(" ")

    def costs(self, patience: int, min_delta: float, n_val: int) -> tuple[np.ndarray, ...]:
        """Stop, best, and regret in points, each (S,)."""
        stop, best = decide(self.waited[n_val, min_delta], patience)
        return stop, best, 100 * (self.hindsight - self.runs.accuracy[best, self.here])

    @cached_property
    def trails(self) -> dict[tuple[int, float], np.ndarray]:
        """The mean epochs and mean regret of every patience, (LONGEST, 2)."""
        found = {}
        for n, d in self.waited:
            costs = [self.costs(p, d, n) for p in range(1, LONGEST + 1)]
            found[n, d] = np.array([(stop.mean(), regret.mean()) for stop, _, regret in costs])
        return found

    def update(self, patience: int, min_delta: float, n_val: int, run: int) -> list[Artist]:
        stop, best, regret = self.costs(patience, min_delta, n_val)
        losses, at = self.losses[n_val][:, run - 1], run - 1
        end, low = int(stop[at]), int(best[at])
        epochs = np.arange(len(losses))
        self.ahead.set_data(epochs[end:], losses[end:])
        self.seen.set_data(epochs[: end + 1], losses[: end + 1])
        self.wait.set(x=low, width=end - low)
        self.bar.set_data([low, end], [losses[low] - min_delta] * 2)
        self.best.set_data([low], [losses[low]])
        self.stop.set_data([end], [losses[end]])
        reached = self.runs.accuracy[:, at]
        self.title.set_text(f"Test accuracy: {reached[low]:.2f} at best epoch {low}, "
                            f"{reached[end]:.2f} at stop {end}")  # fmt: skip
        self.trail.set_data(*self.trails[n_val, min_delta].T)
        self.dots.set_data(stop, regret)
        self.shown.set_data([end], [regret[at]])
        self.mean.set_data([stop.mean()], [regret.mean()])
        self.cost.set_text(f"Mean regret {regret.mean():.1f}, worst {regret.max():.0f} points")
        return [self.wait, self.ahead, self.seen, self.bar, self.best, self.stop,
                self.title, self.trail, self.dots, self.shown, self.mean, self.cost]  # fmt: skip

    def alt(self, patience: int, min_delta: float, n_val: int, run: int) -> str:
        stop, best, regret = self.costs(patience, min_delta, n_val)
        return (
            f"Patience {patience}, min_delta {min_delta:g}, {n_val} validation images. Run {run} "
            f"has its best epoch at {best[run - 1]} and stops at {stop[run - 1]}. Over "
            f"{self.count} runs: {stop.mean():.1f} epochs and a regret of {regret.mean():.1f} "
            f"points of test accuracy on average, {regret.max():.1f} at worst."
        )


def plot_patience(outcomes: Mapping[int, Outcome]) -> Figure:
    """Test accuracy and epochs of several patiences, a dot a run: restored, and at the stop."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.4), width_ratios=(1.5, 1))
    columns = (("restored", "best weights restored", -0.19), ("last", "weights at the stop", 0.19))
    for i, (name, label, shift) in enumerate(columns):
        values = np.stack([getattr(o, name) for o in outcomes.values()])  # (rules, S)
        _strip(left, values, shift=shift, width=0.13, index=i, label=label)
    epochs = np.stack([o.stop for o in outcomes.values()])
    _strip(right, epochs, shift=0, width=0.2, index=2, label="")
    for ax in (left, right):
        ax.set_xticks(np.arange(len(outcomes)), [str(p) for p in outcomes])
        ax.grid(visible=False, axis="x")
    left.set_ylim(0, 0.85)
    left.legend(loc="lower right")
    label_axes(left, title="Accuracy on new digits", x="patience", y="test accuracy")
    label_axes(right, title="Epochs trained", x="patience", y="epochs")
    right.set_ylim(0, None)
    fig.suptitle("What patience costs", x=0.01, ha="left", weight="bold")
    return fig


def _strip(
    ax: Axes, values: np.ndarray, *, shift: float, width: float, index: int, label: str
) -> None:
    """Rows of values as dots, side by side so that none hides another, and their means."""
    places = np.arange(len(values))[:, None] + shift
    beside = np.linspace(-width, width, values.shape[1])
    beside = beside[np.argsort(np.arange(len(beside)) * 7 % len(beside), kind="stable")]
    color, marker = PALETTE[index], MARKERS[index]
    ax.plot((places + beside).ravel(), np.sort(values, axis=1).ravel(), ls="", marker=marker,
            color=color, ms=5, alpha=0.55, mew=0, label=label)  # fmt: skip
    ax.hlines(values.mean(1), places[:, 0] - width, places[:, 0] + width, lw=3, color=color,
              zorder=3)  # fmt: skip


def explore_walk(walks: Walks) -> Explorable:
    """Distance over steps or η·steps at several learning rates, and accuracy over distance."""
    figure = _Walk(walks)
    farthest = float(np.floor(walks.distance.mean(2).max() * 10) / 10)
    return explore(
        figure.fig, figure.update, alt=figure.alt, labels={"allowed": "distance allowed"},
        allowed=(0.2, farthest, min(3.0, farthest)), axis=["steps", "η × steps"],
    )  # fmt: skip


class _Walk:
    def __init__(self, walks: Walks) -> None:
        self.walks = walks
        self.distance, self.accuracy = walks.distance.mean(2), walks.accuracy.mean(2)
        self.fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.6))
        self._draw_distance(left)
        self._draw_accuracy(right)
        self.fig.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)

    def _draw_distance(self, ax: Axes) -> None:
        self.lines, self.marks = [], []
        for i, rate in enumerate(self.walks.rates):
            self.lines += ax.plot([], [], color=PALETTE[i], ls=STYLES[i], label=f"η = {rate:g}")
            self.marks += ax.plot([], [], ls="", marker=MARKERS[i], ms=9, color=PALETTE[i])
        self.level = ax.axhline(1, color=GREY, lw=1, ls=(0, (4, 2)))
        self.left = ax
        self.ticks = [ax.text(x, -0.025, "", transform=ax.transAxes, ha="center", va="top", size=11)
                      for x in np.linspace(0, 1, 5)]  # fmt: skip
        self.label = self._name_axis(ax, "")
        ax.set(xlim=(0, 1), ylim=(0, self.distance.max() * 1.05), ylabel="distance from the start")
        ax.set_xticks(np.linspace(0, 1, 5), [" "] * 5)
        ax.set_title("How far the weights have gone")

    @staticmethod
    def _name_axis(ax: Axes, text: str) -> Text:
        """A label below the x axis, at the same height in both panels, that may move."""
        ax.set_xlabel(" ")  # keeps the room
        return ax.text(0.5, -0.11, text, transform=ax.transAxes, ha="center", va="top", size=11)

    def _draw_accuracy(self, ax: Axes) -> None:
        self.dots = []
        for i in range(len(self.walks.rates)):
            ax.plot(self.distance[:, i], self.accuracy[:, i], color=PALETTE[i], ls=STYLES[i])
            self.dots += ax.plot([], [], ls="", marker=MARKERS[i], ms=9, color=PALETTE[i])
        self.limit = ax.axvline(1, color=GREY, lw=1, ls=(0, (4, 2)))
        ax.set(ylim=(0, 0.9), xlim=(0, self.distance.max() * 1.03))
        label_axes(ax, y="test accuracy")
        self._name_axis(ax, "distance from the start")
        self.title = ax.set_title(" ")

    def reached(self, allowed: float) -> list[tuple[float, float]]:
        """Step and accuracy where each rate reaches the distance; NaN where it never does."""
        return [
            (
                float(np.interp(allowed, d, self.walks.steps, right=np.nan)),
                float(np.interp(allowed, d, a, right=np.nan)),
            )
            for d, a in zip(self.distance.T, self.accuracy.T, strict=True)
        ]

    def update(self, allowed: float, axis: str) -> list[Artist]:
        steps, scaled = self.walks.steps, axis != "steps"
        whole = steps[-1] * (max(self.walks.rates) if scaled else 1)
        found = self.reached(allowed)
        for i, (rate, (step, accuracy)) in enumerate(zip(self.walks.rates, found, strict=True)):
            factor = (rate if scaled else 1) / whole
            self.lines[i].set_data(steps * factor, self.distance[:, i])
            self.marks[i].set_data([step * factor], [allowed])
            self.dots[i].set_data([allowed], [accuracy])
        self.level.set_ydata([allowed, allowed])
        self.limit.set_xdata([allowed, allowed])
        for text, x in zip(self.ticks, np.linspace(0, whole, 5), strict=True):
            text.set_text(f"{x:.4g}")
        self.label.set_text("steps" if not scaled else "learning rate × steps")
        self.title.set_text(f"Accuracy at distance {allowed:.1f}: {self._listed(found)}")
        return [*self.lines, *self.marks, *self.dots, self.level, self.limit, *self.ticks,
                self.label, self.title]  # fmt: skip

    @staticmethod
    def _listed(found: list[tuple[float, float]]) -> str:
        return ", ".join("–" if np.isnan(a) else f"{a:.2f}" for _, a in found)

    def alt(self, allowed: float, axis: str) -> str:  # one line: the page must not jump
        told = [
            f"η {rate:g} " + ("never" if np.isnan(step) else f"at step {step:.0f} ({accuracy:.2f})")
            for rate, (step, accuracy) in zip(self.walks.rates, self.reached(allowed), strict=True)
        ]
        return (
            f"Over {axis}; distance {allowed:.1f} is reached (with test accuracy): "
            f"{', '.join(told)}."
        )


def plot_price(price: Price) -> Figure:
    """Test accuracy over the share held out for stopping: stopped, retrained, in hindsight."""
    fig, ax = plt.subplots(figsize=(9.6, 4.4))
    x = 100 * np.array(price.shares)
    rows = {
        "retrained on everything, as many steps": price.retrained,
        "trained on the rest, stopped by hindsight": price.hindsight,
        "trained on the rest, stopped by the held-out part": price.stopped,
    }
    for i, (name, values) in enumerate(rows.items()):
        if name.endswith("hindsight"):
            ax.plot(x, values.mean(1), color=GREY, lw=1.5, ls=":", label=name)
        else:
            curve(ax, x, values, label=name, index=i, marker=True)
    end = price.to_the_end.mean()
    reference_line(ax, end, "")
    ax.text(x[0], end + 0.005, "everything, trained to the end", size=9, color="#444444")
    ax.set(ylim=(0.5, 0.88))
    label_axes(ax, title="300 labels, 30 % wrong: mean ± 1 std over seeds",
               x="held out for validation, % of the labels", y="test accuracy")  # fmt: skip
    ax.legend(loc="lower left")
    return fig
