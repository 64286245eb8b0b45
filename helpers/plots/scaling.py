"""Figures of lesson 00 on scaling: a valley, speed by preparation, the zig-zag."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from helpers.explore import Explorable, Log, explore
from helpers.plots.curves import curve
from helpers.plots.geometry import ellipse
from helpers.plots.style import MARKERS, PALETTE, STYLES, label_axes
from helpers.scaling import Floats, Ints, Speed, first_step
from helpers.zigzag import GOAL, Walks

GREY = "#666666"
VERSIONS = ("raw", "standardized", "whitened")
START = np.array([-0.95, 0.8])  # from the best weights, in every version
LEFT = 0.01  # of the way, where descent counts as arrived
DRAWN = 80  # steps on the map
TIMES = np.unique(np.geomspace(1, 1e6, 241).astype(np.int64))


class Valley(NamedTuple):
    """½·eᵀHe for two weights that are e from the best ones, and the learning rate's share of 1/λ₁.

    values: (2,) eigenvalues of H, rising; vectors: (2, 2), its eigenvectors in columns.
    """

    hessian: Floats
    values: Floats
    vectors: Floats
    rate: float

    @property
    def condition(self) -> float:
        return float(self.values[1] / self.values[0])

    def at(self, steps: Ints) -> Floats:
        """Where descent is after these steps, (T, 2)."""
        factors = 1 - self.rate * self.values / self.values[1]  # of one step
        with np.errstate(over="ignore"):  # beyond the edge it runs away
            left = np.clip(factors[None] ** steps[:, None], -1e6, 1e6)
        return np.asarray(left * (START @ self.vectors) @ self.vectors.T)

    def far(self, steps: Ints) -> Floats:
        """The distance from the best weights after these steps over that at the start, (T,)."""
        return np.asarray(np.linalg.norm(self.at(steps), axis=1) / np.linalg.norm(START))

    @property
    def arrival(self) -> int | None:
        """The first step with LEFT of the way left; None when that never comes."""
        if abs(1 - self.rate) >= 1:
            return None
        return first_step(lambda t: bool(self.far(np.array([t]))[0] <= LEFT))


def find_valley(version: str, ratio: float, correlation: float, rate: float) -> Valley:
    """The valley of two features with std `ratio` and 1, raw, standardized or whitened."""
    scales = {"raw": np.array([ratio, 1.0])}.get(version, np.ones(2))
    between = 0.0 if version == "whitened" else correlation
    hessian = np.array([[1.0, between], [between, 1.0]]) * np.outer(scales, scales)
    values, vectors = np.linalg.eigh(hessian)
    return Valley(hessian, values, vectors, rate)


def explore_valley() -> Explorable:
    """Gradient descent on two features: the ratio of their scales decides how long it takes."""
    figure = _Map()
    return explore(
        figure.fig,
        figure.update,
        alt=figure.alt,
        labels={"features": "features", "ratio": "ratio of scales", "rate": "learning rate"},
        features=list(VERSIONS),
        ratio=Log(1.0, 30.0, 10.0),
        correlation=(0.0, 0.95, 0.0),
        rate=(0.1, 2.1, 0.5),
    )


class _Map:
    def __init__(self) -> None:
        self.fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.4), width_ratios=(1, 1.15))
        self._draw_map(left)
        self._draw_distance(right)

    def _draw_map(self, ax: Axes) -> None:
        self.rings = [ax.plot([], [], color=PALETTE[5], lw=1.2)[0] for _ in range(4)]
        (self.path,) = ax.plot([], [], color=PALETTE[1], lw=1.5, marker="o", ms=4)
        ax.plot(*START, "s", color="black", ms=8)
        ax.annotate("start", tuple(START), (6, 6), textcoords="offset points", size=10)
        ax.plot(0, 0, "*", color="black", ms=13, zorder=3)
        ax.set(xlim=(-1.25, 1.25), ylim=(-1.1, 1.1), aspect="equal", anchor="N")
        label_axes(ax, x="weight 1, from its best value", y="weight 2, from its best value")
        self.title = ax.set_title(" ")

    def _draw_distance(self, ax: Axes) -> None:
        self.lines = [
            ax.loglog([], [], color=PALETTE[i], ls=STYLES[i], label=name)[0]
            for i, name in enumerate(VERSIONS)
        ]
        ax.set(xlim=(1, 1e6), ylim=(2e-3, 12))  # before a line that would be all there is to see
        ax.axhline(LEFT, color=GREY, lw=1, ls=(0, (4, 2)))
        (self.mark,) = ax.plot([], [], "D", color="black", ms=8, zorder=4)
        ax.set_yticks([0.01, 0.1, 1], ["1 %", "10 %", "100 %"])
        ax.minorticks_off()
        ax.legend(
            loc="upper right",
            ncols=3,
            handlelength=2.6,
            columnspacing=1.2,
            frameon=True,
            framealpha=1,
            edgecolor="none",
        )
        label_axes(ax, x="steps", y="distance left")
        self.arrived = ax.set_title(" ")

    def update(self, features: str, ratio: float, correlation: float, rate: float) -> list[Artist]:
        for name, line in zip(VERSIONS, self.lines, strict=True):
            line.set_data(TIMES, find_valley(name, ratio, correlation, rate).far(TIMES))
            thin = 1.4 if name == "whitened" else 2.6  # it may lie on another
            line.set(lw=4 if name == features else thin, alpha=1.0 if name == features else 0.7)
        valley = find_valley(features, ratio, correlation, rate)
        height = START @ valley.hessian @ START / 2
        for ring, share in zip(self.rings, (1, 0.4, 0.1, 0.01), strict=True):
            ring.set_data(*ellipse(valley.hessian, np.zeros(2), share * height).T)
        self.path.set_data(*np.clip(valley.at(np.arange(DRAWN + 1)), -50, 50).T)
        self.title.set_text(f"{features}: condition number {valley.condition:,.3g}")
        step = valley.arrival
        self.mark.set_data([step] if step else [], [LEFT] if step else [])
        self.arrived.set_text(self._told(step))
        return [*self.rings, *self.lines, self.path, self.mark, self.title, self.arrived]

    @staticmethod
    def _told(step: int | None) -> str:
        if step is None:
            return "It never arrives"
        return f"99 % of the way takes {step:,} step{'s' * (step > 1)}"

    def alt(self, features: str, ratio: float, correlation: float, rate: float) -> str:
        valley = find_valley(features, ratio, correlation, rate)
        scales = f", scales {ratio:.3g} to 1" if features == "raw" else ""
        between = f", correlation {correlation:g}" if features != "whitened" else ""
        return (
            f"Features {features}{scales}{between}, learning rate {rate:g}/λ₁: condition number "
            f"{valley.condition:.4g}. {self._told(valley.arrival)}."
        )


def plot_speed(steps: Sequence[int], found: Mapping[str, Speed]) -> Figure:
    """Excess loss and test accuracy over steps, a line a preparation of the pixels."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2))
    for i, (name, speed) in enumerate(found.items()):
        values = np.maximum(speed.excess, 1e-9)  # (T, S)
        label = name if values[0].mean() > 1e-3 else f"{name} (there in one step)"
        left.plot(steps, np.exp(np.log(values).mean(1)), color=PALETTE[i], ls=STYLES[i],
                  marker=MARKERS[i], markevery=4, label=label)  # fmt: skip
        left.fill_between(steps, values.min(1), values.max(1), color=PALETTE[i], alpha=0.15, lw=0)
        curve(right, steps, speed.accuracy, label=name, index=i)
    left.axhline(0.01, color=GREY, lw=1, ls=(0, (4, 2)))
    left.set(xscale="log", yscale="log", ylim=(1e-3, 1.3))
    left.set_yticks([0.001, 0.01, 0.1, 1], ["0.1 %", "1 %", "10 %", "100 %"])
    right.legend(*left.get_legend_handles_labels(), loc="lower right")
    right.set(xscale="log", ylim=(0.5, 0.95))
    label_axes(left, title="Loss above the lowest one", x="steps")
    label_axes(right, title="Test accuracy, mean ± 1 std over seeds", x="steps")
    return fig


def plot_statistics(scores: Mapping[str, Floats]) -> Figure:
    """Test accuracy by whose mean and std were used, a dot a seed, a bar for the mean."""
    fig, ax = plt.subplots(figsize=(9, 3.8))
    for row, values in enumerate(scores.values()):
        jitter = np.linspace(-0.16, 0.16, len(values))
        ax.plot(values, row + jitter, ls="", marker=MARKERS[row], color=PALETTE[row], ms=5,
                alpha=0.6)  # fmt: skip
        ax.vlines(values.mean(), row - 0.3, row + 0.3, color=PALETTE[row], lw=3)
        place = values.max() + 0.03
        ax.text(place, row, f"{values.mean():.2f}", va="center", size=10)
    ax.set_yticks(range(len(scores)), list(scores))
    ax.set(xlim=(0, 1.0), ylim=(len(scores) - 0.5, -0.5))
    ax.grid(visible=False, axis="y")
    label_axes(ax, title="Standardized with the mean and std of …", x="test accuracy")
    return fig


def plot_walks(panels: Mapping[str, Walks], *, seed: int = 0) -> Figure:
    """The way of the two weights of one seed, a panel a setting, up to a tenth of the distance.

    The detour in a panel's title is the mean over all seeds.
    """
    fig, axes = plt.subplots(1, len(panels), figsize=(10, 3.5), sharey=True)
    for ax, (i, (name, walks)) in zip(axes, enumerate(panels.items()), strict=True):
        path = walks.weights[: int(walks.steps[seed]) + 1, seed]
        ax.plot(*path.T, color=PALETTE[i], marker=MARKERS[i], ms=4, lw=1.3)
        ax.plot(*-GOAL, "s", color="black", ms=7)
        ax.plot(*GOAL, "*", color="black", ms=13)
        ax.set(xlim=(-2.5, 2.5), ylim=(-2.5, 2.5), aspect="equal")
        label_axes(ax, title=f"{name}\nmean detour {walks.detour.mean():.1f}", x="weight 1")
    axes[0].set_ylabel("weight 2")
    return fig
