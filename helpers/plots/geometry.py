"""Figures in a plane: the diamond and the disc, and the probability of a zero."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from numpy.typing import NDArray

from helpers import geometry
from helpers.explore import Explorable, Log, explore
from helpers.plots.style import PALETTE

Array = NDArray[np.float64]
TARGET_RADIUS = 2.0
CIRCLE = geometry.polar(1.0, np.linspace(0, 360, 145))  # (145, 2)
DIAMOND = np.vstack([geometry.CORNERS, geometry.CORNERS[:1]])
BLUE, ORANGE, GREEN = PALETTE[:3]
LEVELS = (0.04, 0.25, 0.7, 1.5, 2.8, 4.6)  # of f, for the thin ellipses


def ellipse(hessian: Array, target: Array, level: float) -> Array:
    """The points with f = level, (145, 2)."""
    values, vectors = np.linalg.eigh(hessian)
    return target + (CIRCLE * np.sqrt(2 * level / values)) @ vectors.T


def plane(ax: Axes, limit: float) -> None:
    """A square piece of the plane of two weights, its axes through the origin."""
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xlabel="w₁", ylabel="w₂")
    ax.axhline(0, color="#999999", linewidth=1, zorder=1)
    ax.axvline(0, color="#999999", linewidth=1, zorder=1)


class _Ball:
    """One panel: ball, ellipses, the path of optima, and the optimum, moved in place."""

    def __init__(self, ax: Axes, name: str, outline: Array, color: str) -> None:
        plane(ax, 3.0)
        self.name, self.outline = name, outline
        (self.ball,) = ax.fill(*outline.T, facecolor=color, alpha=0.25, edgecolor=color, zorder=2)
        self.thin = [ax.plot([], [], color="#AAAAAA", linewidth=0.9, zorder=2)[0] for _ in LEVELS]
        (self.touching,) = ax.plot([], [], color="#444444", linewidth=1.8, zorder=3)
        (self.path,) = ax.plot([], [], color=color, linewidth=2.5, linestyle="--", zorder=4)
        (self.target,) = ax.plot([], [], "P", color="black", markersize=10, zorder=5)
        (self.optimum,) = ax.plot([], [], "o", color=color, markersize=12, zorder=6,
                                  markeredgecolor="white", markeredgewidth=1.5)  # fmt: skip
        self.title = ax.set_title(" ")

    def move(self, hessian: Array, target: Array, budget: float, path: Array) -> list[Any]:
        """`path` are the optima for growing budgets, the present one last."""
        best = path[-1]
        self.ball.set_xy(budget * self.outline)
        for line, level in zip(self.thin, LEVELS, strict=True):
            line.set_data(*ellipse(hessian, target, level).T)
        level = float(geometry.quadratic(best, hessian, target))
        self.touching.set_data(*ellipse(hessian, target, level).T)
        self.path.set_data(*path[:-1].T)
        self.target.set_data(*target[:, None])
        self.optimum.set_data(*best[:, None])
        self.optimum.set_marker("*" if geometry.lands_on_axis(best) else "o")
        self.optimum.set_markersize(19 if geometry.lands_on_axis(best) else 12)
        self.title.set_text(f"{self.name}: w = {describe(best)}")
        return [self.ball, *self.thin, self.touching, self.path, self.target, self.optimum,
                self.title]  # fmt: skip


def describe(point: Array) -> str:
    """A point in words, an exact zero written as 0 and all else with two digits."""
    numbers = ", ".join("0" if v == 0 else f"{v:.2f}" for v in point)
    return f"({numbers})" + (", one exact zero" if geometry.lands_on_axis(point) else "")


def explore_balls() -> Explorable:
    """The diamond and the disc side by side: contours, the optimum, its path as s grows."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 5.2))
    diamond = _Ball(left, "L1", DIAMOND, BLUE)
    disc = _Ball(right, "L2", CIRCLE, ORANGE)
    for ax, text in ((left, "|w₁| + |w₂| ≤ s"), (right, "w₁² + w₂² ≤ s²")):
        ax.text(0.03, 0.03, text, transform=ax.transAxes, color="#444444",
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8})  # fmt: skip

    def update(budget: float, angle: float, condition: float, tilt: float) -> list[Any]:
        hessian, target, on_diamond, in_disc = solve(budget, angle, condition, tilt)
        return diamond.move(hessian, target, budget, on_diamond) + disc.move(
            hessian, target, budget, in_disc
        )

    def alt(budget: float, angle: float, condition: float, tilt: float) -> str:
        _, target, on_diamond, in_disc = solve(budget, angle, condition, tilt)
        return (
            f"Elliptic contours around the unconstrained optimum {describe(target)}, with a budget "
            f"of {budget:.2f}. On the diamond the optimum is {describe(on_diamond[-1])}; "
            f"in the disc it is {describe(in_disc[-1])}."
        )

    return explore(
        fig, update, alt=alt, budget=(0.1, 3.0, 1.0), angle=(0, 359, 28),
        condition=Log(1, 100, 4), tilt=(0, 179, 120),
        labels={"budget": "budget s", "angle": "angle of w*", "condition": "condition",
                "tilt": "tilt of ellipses"},
    )  # fmt: skip


def solve(
    budget: float, angle: float, condition: float, tilt: float
) -> tuple[Array, Array, Array, Array]:
    """The problem, and per ball the optima (202, 2) for growing budgets, the present one last."""
    hessian = geometry.hessians(condition, tilt)
    target = geometry.polar(TARGET_RADIUS, angle)
    target[np.abs(target) < 1e-12] = 0  # cos 90° is 0 here, as on paper
    budgets = np.append(np.linspace(0.005, 1.5 * TARGET_RADIUS, 201), budget)
    return (
        hessian, target, geometry.optimum_on_diamond(hessian, target, budgets),
        geometry.optimum_in_disc(hessian, target, budgets),
    )  # fmt: skip


MC_RATIOS = np.linspace(0.05, 1.5, 19)


def explore_probability(exact: Callable[[float, float], float], *, seed: int) -> Explorable:
    """Random optima on a circle and where they land; the share of zeros beside `exact(R, s)`.

    Right: Monte Carlo shares for condition 1, 10, 100 over s/R; for 1 the curve is `exact`.
    """
    figure = _Probability(exact, seed)
    return explore(
        figure.fig, figure.update, alt=figure.alt, radius=(1.0, 3.0, 2.0), budget=(0.05, 1.5, 1.0),
        draws=Log(10, 10_000, 200),
        labels={"radius": "radius R", "budget": "budget s"},
    )  # fmt: skip


class _Probability:
    def __init__(self, exact: Callable[[float, float], float], seed: int) -> None:
        self.exact = exact
        self.angles = np.random.default_rng([seed, 21]).uniform(0, 360, 10_000)
        self.fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.8))
        self._draw_plane(left)
        _draw_probabilities(right, exact, seed)
        self.here = right.errorbar(
            [0.5], [0.5], yerr=[0.1], fmt="*", markersize=15, color="black", capsize=5
        )

    def _draw_plane(self, ax: Axes) -> None:
        plane(ax, 3.2)
        (self.circle,) = ax.plot([], [], color="#888888", linewidth=1)
        (self.ball,) = ax.fill(*DIAMOND.T, facecolor=BLUE, alpha=0.25, edgecolor=BLUE)
        self.strips = [
            Polygon(np.zeros((3, 2)), color=GREEN, alpha=0.12, linewidth=0) for _ in range(4)
        ]
        for strip in self.strips:
            ax.add_patch(strip)
        self.rays = [
            ax.plot([], [], color=c, linewidth=0.7, alpha=0.7)[0] for c in (GREEN, "#888888")
        ]
        self.dots = [
            ax.plot([], [], marker, color=c, markersize=5)[0]
            for marker, c in (("*", GREEN), (".", "#666666"))
        ]
        self.title = ax.set_title(" ")

    def update(self, radius: float, budget: float, draws: float) -> list[Any]:
        targets, best = draw(self.angles, radius, budget, draws)
        zero = geometry.lands_on_axis(best)
        self.circle.set_data(*(radius * CIRCLE).T)
        self.ball.set_xy(budget * DIAMOND)
        _move_strips(self.strips, budget)
        for keep, ray, dot in zip((zero, ~zero), self.rays, self.dots, strict=True):
            ray.set_data(*_segments(targets[:150][keep[:150]], best[:150][keep[:150]]))
            dot.set_data(*targets[:150][keep[:150]].T)
        self.title.set_text(self._told(radius, budget, zero))
        _move_error_bar(self.here, budget / radius, zero)
        line, caps, bars = self.here.lines
        return [self.circle, self.ball, *self.strips, *self.rays, *self.dots, self.title, line,
                *caps, *bars]  # fmt: skip

    def _told(self, radius: float, budget: float, zero: NDArray[np.bool_]) -> str:
        found = f"{zero.sum()} of {zero.size} have a zero: {zero.mean():.3f}"
        return f"{found}, formula {self.exact(radius, budget):.3f}"

    def alt(self, radius: float, budget: float, draws: float) -> str:
        _, best = draw(self.angles, radius, budget, draws)
        told = self._told(radius, budget, geometry.lands_on_axis(best))
        return (
            f"Optima on a circle of radius {radius:.2f}, each joined to the nearest point of a "
            f"diamond of budget {budget:.2f}. {told}."
        )


def draw(angles: Array, radius: float, budget: float, draws: float) -> tuple[Array, Array]:
    """The first `draws` optima on the circle and the points of the diamond nearest to them."""
    targets = geometry.polar(radius, angles[: round(draws)])
    return targets, geometry.optimum_on_diamond(np.eye(2), targets, budget)


def _segments(start: Array, end: Array) -> Array:
    """Many separate lines as one: (2, 3n) with NaN between them."""
    gap = np.full_like(start, np.nan)
    return np.stack([start, end, gap], axis=1).reshape(-1, 2).T


def _move_strips(strips: list[Polygon], budget: float) -> None:
    """The four regions in which one coordinate exceeds the other by the budget."""
    far = 10.0
    for strip, corner in zip(strips, geometry.CORNERS, strict=True):
        side = corner[::-1] * far
        tip = budget * corner
        strip.set_xy(np.array([tip, tip + far * corner + side, tip + far * corner - side]))


def _move_error_bar(here: Any, ratio: float, zero: NDArray[np.bool_]) -> None:
    share = zero.mean()
    error = np.sqrt(share * (1 - share) / zero.size)
    line, caps, (bar,) = here.lines
    line.set_data([ratio], [share])
    for cap, sign in zip(caps, (-1, 1), strict=True):
        cap.set_data([ratio], [share + 2 * sign * error])
    bar.set_segments([np.array([[ratio, share - 2 * error], [ratio, share + 2 * error]])])


def _draw_probabilities(ax: Axes, exact: Callable[[float, float], float], seed: int) -> None:
    """P(exact zero) over s/R: the formula for circles, Monte Carlo for all; L2 is 0 throughout."""
    fine = np.linspace(0.001, 1.5, 301)
    ax.plot(fine, [exact(1.0, s) for s in fine], color=BLUE, zorder=3, label="L1, formula")
    for i, condition in enumerate((1, 10, 100)):
        shares = axis_shares(condition, MC_RATIOS, seed=seed)
        ax.plot(MC_RATIOS, shares, "o^s"[i], color=PALETTE[(0, 3, 4)[i]], markersize=5,
                linestyle=("none", "--", ":")[i], linewidth=1,
                label=f"L1, condition {condition}")  # fmt: skip
    ax.axhline(0, color=ORANGE, linewidth=3)
    ax.annotate("L2: 0", (0.02, 0.012), color=ORANGE, va="bottom")
    ax.set(
        xlim=(0, 1.55), ylim=(-0.03, 1.03), xlabel="s / R", ylabel="probability of an exact zero"
    )
    ax.legend(loc="upper right")
    ax.set_title("Dots: Monte Carlo. Star: left panel ± 2 SE")


def axis_shares(condition: float, ratios: Array, *, seed: int, draws: int = 4000) -> Array:
    """Monte Carlo: the share of problems, tilted at random, whose L1 optimum has an exact zero.

    Each ratio has draws of its own: with common ones all shares would err to the same side.
    """
    rng, shape = np.random.default_rng([seed, 22]), (len(ratios), draws)
    hessian = geometry.hessians(condition, rng.uniform(0, 180, shape))
    targets = geometry.polar(1.0, rng.uniform(0, 360, shape))
    found = geometry.optimum_on_diamond(hessian, targets, ratios[:, None])  # (ratios, draws, 2)
    shares: Array = geometry.lands_on_axis(found).mean(1)
    return shares


def plot_zeros_by_dimension(
    ax: Axes, dimensions: list[int], shares: Mapping[str, Array]
) -> list[Line2D]:
    """The share of exact zeros after projection on L1 balls, over the number of weights."""
    lines, highest = [], np.max(list(shares.values()), axis=0)
    for i, (name, values) in enumerate(shares.items()):
        color = PALETTE[(0, 3)[i]]
        lines += ax.plot(dimensions, values, "o^"[i], color=color, markersize=8, label=name,
                         linestyle=("-", "--")[i])  # fmt: skip
        for d, share, above in zip(dimensions, values, values == highest, strict=True):
            ax.annotate(f"{share:.2f}", (d, share), xytext=(-5, 8) if above else (5, -15),
                        textcoords="offset points", ha="right" if above else "left",
                        color=color)  # fmt: skip
    ax.axhline(0, color=ORANGE, linewidth=3)
    ax.annotate("L2: 0", (dimensions[-1], 0.02), color=ORANGE, ha="right", va="bottom")
    ax.set(xscale="log", xlim=(1.2, 320), ylim=(-0.05, 1.1), xlabel="number of weights d",
           ylabel="share of exact zeros")  # fmt: skip
    ax.set_xticks(dimensions, [str(d) for d in dimensions])
    ax.minorticks_off()
    ax.legend(loc="upper left")
    return lines
