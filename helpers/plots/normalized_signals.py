"""Lesson 05: a loss that does not see the length of its weights; signals through deep networks."""

from functools import lru_cache, partial
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from numpy.typing import NDArray
from torch import Tensor

from helpers.explore import Explorable, Log, explore
from helpers.normalized_signals import NORMS, draw_stack, gradient_factor, measure_signals
from helpers.plots.style import MARKERS, PALETTE, STYLES, label_axes

Array = NDArray[np.float64]
GREY = "#666666"
STEPS = 200
LIMIT = 4.0  # of the plane of two weights


def loss_on_circle(angle: Array | float) -> Array:
    """Mean squared error of one normalized unit, (ŵ − w*)·x with whitened x: 2(1 − cos θ)."""
    return np.asarray(2 * (1 - np.cos(angle)))


def walk(
    *, length: float, lr: float, weight_decay: float, noise: float, seed: int, steps: int = STEPS
) -> Array:
    """Weights (steps + 1, 2) of gradient descent on 2(1 − cos θ), from 120° and a length.

    The gradient is (2 sin θ + noise)/‖w‖ along the circle, and 0 along the ray; the weights decay.
    """
    draws = noise * np.random.default_rng([seed, 52]).standard_normal(steps)
    start = np.deg2rad(120)
    path = [length * np.array([np.cos(start), np.sin(start)])]
    for draw in draws:
        w = path[-1]
        size = float(np.hypot(*w))
        tangent = np.array([-w[1], w[0]]) / size
        slope = 2 * w[1] / size + draw  # sin θ = w₂/‖w‖
        path.append((1 - lr * weight_decay) * w - lr * slope / size * tangent)
    return np.array(path)


def explore_rays(*, seed: int) -> Explorable:
    """The plane of two weights of one normalized unit: loss by angle, path, length, turns."""
    figure = _Rays(seed)
    return explore(
        figure.fig, figure.update, alt=figure.alt, length=Log(0.2, 4, 1.0), lr=Log(0.01, 1, 0.1),
        weight_decay=[0.0, 0.03, 0.1, 0.3], noise=(0.0, 2.0, 0.0),
        labels={"length": "‖w‖ at the start", "lr": "η", "weight_decay": "λ",
                "noise": "gradient noise"},
    )  # fmt: skip


class _Rays:
    def __init__(self, seed: int) -> None:
        # update and alt ask for the same walk
        self.run = lru_cache(maxsize=1)(partial(walk, seed=seed))
        self.fig, (left, middle, right) = plt.subplots(
            1, 3, figsize=(10, 4.0), width_ratios=(1.25, 1, 1)
        )
        self._draw_path(left)
        self._draw_length(middle)
        self._draw_turns(right)
        self.titles = [left.set_title(" "), middle.set_title(" ")]

    def _draw_path(self, ax: Axes) -> None:
        _draw_rays(ax)
        (self.path,) = ax.plot([], [], color="white", lw=1.6)
        (self.dots,) = ax.plot([], [], ".", color="white", ms=5)
        (self.start,) = ax.plot([], [], "o", color=PALETTE[1], mec="white", ms=9)

    def _draw_length(self, ax: Axes) -> None:
        (self.length_line,) = ax.plot([], [], color=PALETTE[0])
        (self.settled,) = ax.plot([], [], color="black", lw=1, ls=(0, (4, 2)))
        ax.set(xlim=(0, STEPS), ylim=(0.1, 12), yscale="log")
        ax.set_yticks([0.1, 0.3, 1, 3, 10], ["0.1", "0.3", "1", "3", "10"])
        ax.minorticks_off()
        label_axes(ax, x="step")

    def _draw_turns(self, ax: Axes) -> None:
        (self.turn_line,) = ax.plot([], [], color=PALETTE[0], lw=1)
        (self.turn_theory,) = ax.plot([], [], color="black", lw=1, ls=(0, (4, 2)))
        ax.set(xlim=(0, STEPS), ylim=(1e-3, 6), yscale="log")
        ax.set_yticks([1e-3, 1e-2, 0.1, 1], ["0.001", "0.01", "0.1", "1"])
        ax.minorticks_off()
        label_axes(ax, title="Turn per step (radians)", x="step")
        ax.text(0.97, 0.93, "dashed: √(2ηλ)", transform=ax.transAxes, color=GREY, ha="right")

    def update(self, length: float, lr: float, weight_decay: float, noise: float) -> list[Any]:
        w = self.run(length=length, lr=lr, weight_decay=weight_decay, noise=noise)
        sizes = np.hypot(*w.T)
        self._move_path(w, sizes)
        self._move_theory(lr, weight_decay, noise)
        self.titles[0].set_text(f"η/‖w‖²: {lr / sizes[0] ** 2:.2g} → {lr / sizes[-1] ** 2:.2g}")
        self.titles[1].set_text(f"‖w‖: {sizes[0]:.2g} → {sizes[-1]:.2g}")
        return [
            self.path, self.dots, self.start, self.length_line, self.settled, self.turn_line,
            self.turn_theory, *self.titles,
        ]  # fmt: skip

    def _move_path(self, w: Array, sizes: Array) -> None:
        self.path.set_data(*w.T)
        self.dots.set_data(*w[:: STEPS // 40].T)
        self.start.set_data(*w[:1].T)
        self.length_line.set_data(np.arange(STEPS + 1), sizes)
        self.turn_line.set_data(np.arange(1, STEPS + 1), np.maximum(measure_turns(w), 1e-9))

    def _move_theory(self, lr: float, weight_decay: float, noise: float) -> None:
        balance = settle(lr, weight_decay, noise)
        turn = np.sqrt(2 * lr * weight_decay) if balance else np.nan
        self.settled.set_data([0, STEPS], [balance or np.nan] * 2)
        self.turn_theory.set_data([0, STEPS], [turn] * 2)

    def alt(self, length: float, lr: float, weight_decay: float, noise: float) -> str:
        w = self.run(length=length, lr=lr, weight_decay=weight_decay, noise=noise)
        sizes = np.hypot(*w.T)
        angle = np.rad2deg(np.abs(np.arctan2(*w[-40:, ::-1].T))).mean()
        balance = settle(lr, weight_decay, noise)
        told = f" In balance it would be {balance:.2f}." if balance else ""
        return (
            f"Learning rate {lr:.2g}, weight decay {weight_decay:.2g}, noise {noise:.2g}: the "
            f"weights' length goes from {sizes[0]:.2f} to {sizes[-1]:.2f}, the mean angle to the "
            f"optimum over the last 40 steps is {angle:.0f}°.{told}"
        )


def settle(lr: float, weight_decay: float, noise: float) -> float:
    """The length at which decay and noise balance, (η·noise²/2λ)^¼; 0 where there is none."""
    return float((lr * noise**2 / (2 * weight_decay)) ** 0.25) if weight_decay else 0.0


def measure_turns(w: Array) -> Array:
    """The angle between successive rows of w (T + 1, 2), in radians, (T,)."""
    angles = np.arctan2(w[:, 1], w[:, 0])
    return np.asarray(np.abs((np.diff(angles) + np.pi) % (2 * np.pi) - np.pi))


def _draw_rays(ax: Axes) -> None:
    grid = np.linspace(-LIMIT, LIMIT, 241)
    angle = np.arctan2(grid[:, None], grid[None, :])
    ax.imshow(loss_on_circle(angle), extent=(-LIMIT, LIMIT, -LIMIT, LIMIT), origin="lower",
              vmin=0, vmax=4)  # fmt: skip
    for radius in (1, 2, 3):
        ax.add_patch(plt.Circle((0, 0), radius, fill=False, color="white", lw=0.6, alpha=0.5))
    ax.annotate("", (LIMIT, 0), (0.2, 0), arrowprops={"arrowstyle": "->", "color": PALETTE[4]})
    ax.text(LIMIT - 0.2, -0.25, "w*: loss 0", color=PALETTE[4], ha="right", va="top")
    ax.text(-LIMIT + 0.2, -0.25, "loss 4", color="black", va="top")
    ax.grid(visible=False)
    ax.set(xlim=(-LIMIT, LIMIT), ylim=(-LIMIT, LIMIT))
    label_axes(ax, x="w₁", y="w₂")


DEPTH, WIDTH, SAMPLES = 30, 48, 96
FAR = 4.0  # decades that the picture shows, up and down


def explore_depth(*, seed: int) -> Explorable:
    """Std of activations and of gradients over the layers: none, batch norm, layer norm."""
    figure = _Depth(seed)
    return explore(
        figure.fig, figure.update, alt=figure.alt, activation=["relu", "tanh", "sigmoid"],
        depth=(2, DEPTH, 20), std=Log(0.001, 3, 0.2), labels={"std": "weight std"},
    )  # fmt: skip


class _Depth:
    def __init__(self, seed: int) -> None:
        stack = draw_stack(seed, samples=SAMPLES, width=WIDTH, depth=DEPTH)
        self.measure = lru_cache(maxsize=1)(partial(_measure_norms, stack))
        self.fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2))
        self.forward, self.backward = (_depth_lines(ax) for ax in (left, right))
        self.theory = [
            right.plot([], [], color=PALETTE[i], lw=6, alpha=0.3, zorder=1.5, solid_capstyle="butt",
                       label=f"{norm} norm, theory")[0]
            for i, norm in enumerate(NORMS) if i
        ]  # fmt: skip
        for ax in (left, right):
            ax.set(xlim=(0.5, DEPTH + 0.5), ylim=(-FAR, FAR))
            ax.set_yticks(range(-4, 5, 2), [f"1e{k}" if k else "1" for k in range(-4, 5, 2)])
            ax.axhline(0, color=GREY, lw=0.8)
        label_axes(left, title="Std of the activations", x="layer")
        label_axes(right, x="layer")
        self.title = right.set_title(" ")
        handles = [*self.forward, *self.theory]
        self.fig.legend(handles=handles, loc="outside lower center", ncols=len(handles))

    def update(self, activation: str, depth: int, std: float) -> list[Any]:
        found, layers = self.measure(activation, depth, std), np.arange(1, depth + 1)
        for i, norm in enumerate(NORMS):
            for lines, values in zip((self.forward, self.backward), found[norm], strict=True):
                lines[i].set_data(layers, np.where(np.abs(values) < FAR, values, np.nan))
        for line, norm in zip(self.theory, NORMS[1:], strict=True):
            growth = np.log10(gradient_factor(activation, norm))
            line.set_data(layers, growth * (depth - layers))
        first = 10 ** found["batch"][1][0]
        self.title.set_text(f"Gradient (last = 1); batch norm at layer 1: {first:.2g}")
        return [*self.forward, *self.backward, *self.theory, self.title]

    def alt(self, activation: str, depth: int, std: float) -> str:
        found = self.measure(activation, depth, std)
        told = "; ".join(
            f"{norm}: activation std {10 ** f[-1]:.2g} at the last layer, gradient {10 ** b[0]:.2g}"
            for norm, (f, b) in found.items()
        )
        return (
            f"{activation}, {depth} layers, weights of std {std:.2g}. Gradients at layer 1 over "
            f"those at the last. {told}."
        )


def _measure_norms(
    stack: tuple[Tensor, ...], activation: str, depth: int, std: float
) -> dict[str, tuple[Array, Array]]:
    """Per norm log10 of the std of activations, and of gradients over the last layer's."""
    found = {}
    for norm in NORMS:
        s = measure_signals(stack, activation=activation, norm=norm, std=std, depth=depth)
        found[norm] = (s.log_std, s.log_gradient - s.log_gradient[-1])
    return found


def _depth_lines(ax: Axes) -> list[Any]:
    return [
        ax.plot([], [], color=PALETTE[i], ls=STYLES[i], marker=MARKERS[i], ms=4, lw=1.5,
                label={"none": "no normalization"}.get(norm, f"{norm} norm"))[0]
        for i, norm in enumerate(NORMS)
    ]  # fmt: skip
