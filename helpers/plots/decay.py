"""Figures of lesson 03 that run torch while they move: three ways to add λ, and stability."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from helpers.decay import OPTIMIZERS, WAYS, growth_per_step, pure_decay, three_ways
from helpers.environment import SEED
from helpers.explore import Explorable, Log, explore
from helpers.plots.style import PALETTE, label_axes

FLOOR = 1e-18  # where an exact zero is drawn on a log axis
GREY = "#666666"
WALL = 150.0  # a weight beyond it has left the figure
WIDTHS = ((7, "-"), (4, "--"), (2, "-"))  # wide below narrow: equal curves stay visible


def explore_ways() -> Explorable:
    """‖w‖ of three runs that differ in how λ enters, and how far they are apart."""
    figure = _Ways()
    return explore(
        figure.fig,
        figure.update,
        alt=figure.alt,
        labels={"weight_decay": "λ", "lr": "η"},
        optimizer=list(OPTIMIZERS),
        lr=Log(1e-3, 0.3, 0.1),
        weight_decay=Log(1e-4, 0.1, 1e-2),
    )


class _Ways:
    def __init__(self) -> None:
        self.fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.9))
        self.norms, self.gaps = (
            [ax.plot([], [], color=PALETTE[i], lw=WIDTHS[i][0], ls=WIDTHS[i][1], label=WAYS[i])[0]
             for i in which]
            for ax, which in ((left, (0, 1, 2)), (right, (1, 2)))
        )  # fmt: skip
        _log_axes(left, (0.25, 40), {0.3: "0.3", 1: "1", 3: "3", 10: "10", 30: "30"})
        label_axes(left, x="step", y="‖w‖ / ‖w at the start‖")
        left.legend(loc="upper left", title="how λ enters", alignment="left")
        self.title = left.set_title(" ")
        powers = {10.0**k: f"1e−{-k}" for k in (-16, -12, -8, -4)}
        _log_axes(right, (FLOOR / 3, 30), {FLOOR: "0", **powers, 1: "1"})
        right.axhspan(FLOOR / 3, 1e-13, color="#EEEEEE", zorder=0)
        right.text(118, 3e-14, "rounding in float64", ha="right", va="center", color=GREY, size=10)
        title = "Largest difference to the first run"
        label_axes(right, title=title, x="step", y="max |difference|")
        right.legend(loc="center right")

    def update(self, optimizer: str, lr: float, weight_decay: float) -> list[Artist]:
        found = three_ways(optimizer, lr=lr, weight_decay=weight_decay, seed=SEED)
        steps = np.arange(len(found.norms))
        for line, norm in zip(self.norms, found.norms.T, strict=True):
            line.set_data(steps, norm / norm[0])
        for line, gap in zip(self.gaps, found.gaps.T, strict=True):
            line.set_data(steps, np.maximum(gap, FLOOR))
        self.title.set_text(f"{optimizer}, η = {lr:.2g}, λ = {weight_decay:.2g}")
        return [*self.norms, *self.gaps, self.title]

    def alt(self, optimizer: str, lr: float, weight_decay: float) -> str:
        found = three_ways(optimizer, lr=lr, weight_decay=weight_decay, seed=SEED)
        apart = (*found.gaps.max(0), found.between.max())
        by_argument, by_product, between = (f"{gap:.1e}" if gap else "0" for gap in apart)
        ends = ", ".join(f"{end:.2f}" for end in found.norms[-1] / found.norms[0])
        return (
            f"{optimizer}, learning rate {lr:.2g}, λ {weight_decay:.2g}: to the run with the "
            f"penalty in the loss, weight_decay differs by at most {by_argument}, "
            f"multiplying by 1 − ηλ by at most {by_product}; these two from each other by at most "
            f"{between}. In the end ‖w‖ over ‖w at the start‖ is, in this order, {ends}."
        )


def _log_axes(ax: Axes, limits: tuple[float, float], ticks: dict[float, str]) -> None:
    ax.set(xlim=(0, 120), ylim=limits, yscale="log")
    ax.set_yticks(list(ticks), list(ticks.values()))
    ax.yaxis.set_minor_locator(NullLocator())


def explore_stability() -> Explorable:
    """A weight without any gradient, and the map of how it grows or shrinks a step."""
    figure = _Stability()
    return explore(
        figure.fig,
        figure.update,
        alt=figure.alt,
        labels={"product": "ηλ", "momentum": "μ"},
        product=(0.05, 4.35, 0.5),
        momentum=(0.0, 0.98, 0.0),
    )


class _Stability:
    def __init__(self) -> None:
        self.fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.9))
        self._draw_map(right)
        (self.dot,) = right.plot(
            [], [], "o", color=PALETTE[1], mec="white", mew=1.5, ms=10, clip_on=False
        )
        (self.path,) = left.plot([], [], color=PALETTE[0], marker="o", ms=4, lw=1.2)
        left.axhline(0, color=GREY, lw=1)
        left.set(xlim=(-1, 40), ylim=(-WALL, WALL))
        left.set_yscale("symlog", linthresh=1, linscale=1)
        left.set_yticks(
            [-100, -10, -1, 0, 1, 10, 100], ["−100", "−10", "−1", "0", "1", "10", "100"]
        )
        left.yaxis.set_minor_locator(NullLocator())
        label_axes(left, x="step", y="w, from 1, gradient 0 (log beyond ±1)")
        self.title = left.set_title(" ")

    def _draw_map(self, ax: Axes) -> None:
        products, momenta = np.linspace(0.01, 4.4, 220), np.linspace(0, 0.99, 100)
        growth = growth_per_step(products[None, :], momenta[:, None])  # (momenta, products)
        field = ax.pcolormesh(products, momenta, growth, vmin=0, vmax=2, rasterized=True)
        ax.contour(products, momenta, growth, levels=[1.0], colors="white", linewidths=2.5)
        ax.grid(False)
        ax.set(xlim=(0, 4.4), ylim=(0, 0.99))
        label_axes(ax, title="Factor by which |w| grows a step", x="ηλ", y="momentum μ")
        ax.text(2.45, 0.4, "limit", color="white", rotation=62, ha="center", va="center")
        ax.text(0.6, 0.1, "shrinks", color="white", ha="left", va="center")
        ax.text(3.5, 0.1, "diverges", color="black", ha="center", va="center")
        self.fig.colorbar(field, ax=ax, pad=0.02, extend="max")

    def update(self, product: float, momentum: float) -> list[Artist]:
        weights = pure_decay(product, momentum=momentum, steps=40)
        self.path.set_data(np.arange(41), np.clip(weights, -2 * WALL, 2 * WALL))
        self.dot.set_data([product], [momentum])
        self.title.set_text(f"ηλ = {product:.2f}, μ = {momentum:.2f}: {fate(product, momentum)}")
        return [self.path, self.dot, self.title]

    def alt(self, product: float, momentum: float) -> str:
        factor = float(growth_per_step(product, momentum))
        sizes = np.abs(pure_decay(product, momentum=momentum, steps=40))
        highest, last = sizes.max(), sizes[-1]
        return (
            f"ηλ {product:.2f}, momentum {momentum:.2f}: the weight {fate(product, momentum)}; "
            f"in the long run |w| changes by the factor {factor:.3f} a step. In 40 steps |w| is "
            f"{highest:.3g} at most; after them it is {last:.3g}."
        )


def fate(product: float, momentum: float) -> str:
    """What becomes of a weight without gradient, in words; `product` is ηλ."""
    growth = float(growth_per_step(product, momentum))
    if growth > 1 - 1e-9:
        return "diverges" if growth > 1 + 1e-9 else "flips for ever"
    swings = (1 + momentum - product) ** 2 < 4 * momentum or product > 1 + momentum
    return "swings and shrinks" if swings else "shrinks"
