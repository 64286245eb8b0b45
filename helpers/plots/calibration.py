"""Figures of lesson 09: logit gaps under label smoothing, and reliability diagrams."""

from collections.abc import Mapping

import ipywidgets
import numpy as np
import torch
from matplotlib import pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from helpers.calibration import BINS, EPSILONS, Reliability, Smoothed
from helpers.explore import Explorable, explore
from helpers.plots.curves import curve
from helpers.plots.style import PALETTE, label_axes

Floats = NDArray[np.float64]
BLUE, ORANGE, GREEN = PALETTE[:3]
GREY = "#666666"
K = 10
EDGES = np.linspace(-5, 20, 101)
HIGHEST = 8  # of the left panel


def best_gap(target: float) -> float:
    """The gap of the logits that torch gives to K classes, one with this target, the rest alike."""
    probs = torch.full((K,), (1 - target) / (K - 1), dtype=torch.float64)
    probs[0] = target
    logits = torch.distributions.Categorical(probs=probs).logits
    return float(logits[0] - logits[1])


def explore_smoothing(tasks: Mapping[str, Smoothed]) -> Explorable:
    """ε: the best gap of the logits, the gaps that training reached, the reliability diagram."""
    figure = _Smoothing(tasks)
    epsilon = ipywidgets.SelectionSlider(
        options=[(f"{e:g}", e) for e in EPSILONS], value=0.05, description="ε"
    )
    return explore(figure.fig, figure.update, alt=figure.alt, labels={"task": "data"},
                   epsilon=epsilon, task=list(tasks))  # fmt: skip


class _Smoothing:
    def __init__(self, tasks: Mapping[str, Smoothed]) -> None:
        self.states = {
            (epsilon, name): self._measure(runs, i)
            for name, runs in tasks.items()
            for i, epsilon in enumerate(EPSILONS)
        }
        self.fig, axes = plt.subplots(1, 3, figsize=(10, 4.1), width_ratios=(0.9, 1.1, 1.1))
        self._draw_theory(axes[0])
        self._draw_gaps(axes[1])
        self._draw_reliability(axes[2])

    @staticmethod
    def _measure(runs: Smoothed, i: int) -> tuple[Floats, Reliability, float, float, float]:
        """Density of the gaps, diagram of all networks together, mean error, accuracy, median."""
        density = np.histogram(np.clip(runs.gaps[i], EDGES[0], EDGES[-1]), EDGES, density=True)[0]
        diagram = Reliability(runs.confidence()[i].ravel(), runs.hits[i].ravel())
        accuracy = float(runs.accuracy[i].mean())
        return density, diagram, float(runs.error()[i].mean()), accuracy, np.median(runs.gaps[i])

    def _draw_theory(self, ax: Axes) -> None:
        grid = np.linspace(0.004, 0.24, 120)
        ax.plot(grid, [best_gap(1 - e + e / K) for e in grid], color=BLUE)
        ax.plot(grid, [best_gap(1 - e) for e in grid], color=ORANGE, ls="--")
        ax.text(
            0.09,
            5.0,
            "1 − ε + ε/K: uniform\n(PyTorch)",
            color=BLUE,
            size=9.5,
            ha="left",
            va="bottom",
        )
        ax.text(0.1, 3.7, "1 − ε: rest", color=ORANGE, size=9.5, ha="right", va="top")
        (self.here,) = ax.plot([], [], "o", color=BLUE, mec="black", ms=9)
        ax.set(xlim=(-0.012, 0.245), ylim=(0, HIGHEST))
        ax.set_xticks([0, 0.05, 0.1, 0.15, 0.2])
        label_axes(ax, x="ε", y="best gap of the logits")
        self.best = ax.set_title(" ")

    def _draw_gaps(self, ax: Axes) -> None:
        self.bars = ax.stairs(np.zeros(len(EDGES) - 1), EDGES, fill=True, color=PALETTE[5])
        self.wanted = ax.axvline(-99, color=BLUE, lw=1.5, ls=(0, (4, 2)))
        top = 1.08 * max(density.max() for density, *_ in self.states.values())
        ax.set(xlim=(EDGES[0], EDGES[-1]), ylim=(0, top), yticks=[])
        label_axes(ax, x="gap of the logits, training images", y="share of the images")
        self.reached = ax.set_title(" ")

    def _draw_reliability(self, ax: Axes) -> None:
        ax.plot([0, 1], [0, 1], color=GREY, lw=1)
        ax.text(0.04, 0.97, "too modest", color=GREY, size=10, va="top")
        ax.text(0.98, 0.04, "too sure", color=GREY, size=10, ha="right")
        (self.line,) = ax.plot([], [], color=GREEN, lw=1.5)
        self.dots = ax.scatter(np.zeros(BINS), np.zeros(BINS), s=10, color=GREEN, alpha=0.85)
        self.gaps = [ax.plot([], [], color=GREEN, lw=1, ls=":")[0] for _ in range(BINS)]
        ax.set(xlim=(0, 1.02), ylim=(0, 1.04))
        label_axes(ax, x="confidence (area: share of images)", y="accuracy")
        self.error = ax.set_title(" ")

    def update(self, epsilon: float, task: str) -> list[Artist]:
        density, diagram, error, accuracy, median = self.states[epsilon, task]
        best = best_gap(1 - epsilon + epsilon / K) if epsilon else np.inf
        self.here.set_data([epsilon], [min(best, HIGHEST - 0.4)])
        self.here.set_marker("o" if epsilon else "^")  # an arrow head: beyond the panel
        self.best.set_text(f"Best gap {best:.2f}" if epsilon else "Best gap: infinite")
        self.bars.set_data(density)
        self.wanted.set_xdata([best if epsilon else 99] * 2)
        self.reached.set_text(f"Median {median:.2f}")
        filled = np.isfinite(diagram.accuracy)
        points = np.column_stack([diagram.confidence, diagram.accuracy])
        self.line.set_data(*points[filled].T)
        self.dots.set_offsets(points)
        self.dots.set_sizes(12 + 500 * diagram.share)
        for gap, (told, right) in zip(self.gaps, points, strict=True):
            gap.set_data([told, told], [told, right])
        self.error.set_text(f"ECE {error:.3f}, accuracy {accuracy:.3f}")
        return [self.here, self.best, self.bars, self.wanted, self.reached, self.line, self.dots,
                *self.gaps, self.error]  # fmt: skip

    def alt(self, epsilon: float, task: str) -> str:
        _, diagram, error, accuracy, median = self.states[epsilon, task]
        told = np.nansum(diagram.share * diagram.confidence)
        best = f"{best_gap(1 - epsilon + epsilon / K):.2f}" if epsilon else "infinite"
        return (
            f"{task.capitalize()}, ε = {epsilon:g}: best gap {best}, median gap reached "
            f"{median:.2f}. Mean confidence {told:.2f}, accuracy {accuracy:.3f}, ECE {error:.3f}."
        )


def plot_repairs(tasks: Mapping[str, Smoothed]) -> Figure:
    """Calibration error over ε, as trained and with a temperature fitted on validation images."""
    fig, axes = plt.subplots(1, 3, figsize=(9.8, 3.9), width_ratios=(1, 1, 1))
    places = np.arange(len(EPSILONS))
    for i, (ax, (name, runs)) in enumerate(zip(axes, tasks.items(), strict=False)):
        curve(ax, places, runs.error(), label="as trained", index=0, marker=True)
        label = "with a temperature"
        curve(ax, places, runs.error(runs.temperature), label=label, index=1, marker=True)
        label_axes(ax, title=name, x="ε", y="" if i else "calibration error (ECE)")
        ax.set_ylim(0, 0.42)
        gain = runs.accuracy - runs.accuracy[0]
        curve(axes[2], places, 100 * gain, label=name, index=i + 2, marker=True)
    axes[0].legend(loc="upper left")
    axes[2].legend(loc="lower left", fontsize=9)
    axes[2].axhline(0, color=GREY, lw=1)
    axes[2].set_ylim(-8, 4)
    label_axes(axes[2], title="Accuracy gained, points", x="ε")
    for ax in axes:
        ax.set_xticks(places, [f"{e:g}" for e in EPSILONS])
    return fig
