"""Figures of lesson 07: the path of gradient descent and the path of ridge on the same contours."""

from functools import lru_cache

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Ellipse
from numpy.typing import NDArray

from helpers import descent
from helpers.descent import Twins
from helpers.explore import Explorable, explore
from helpers.plots.curves import curve
from helpers.plots.style import PALETTE, label_axes

Floats = NDArray[np.float64]
BLUE, ORANGE, GREEN = PALETTE[:3]
GREY = "#666666"
STEPS = 80
ANGLE = 25.0  # degrees between the first eigenvector and the x axis
CONDITIONS = (10, 3, 30, 1)
PRODUCTS = (0.3, 1.0, 1.7)  # η times the largest eigenvalue
RULES = ("α = 1/(ηt)", "nearest α")
LEVELS = np.geomspace(0.004, 1.3, 8)
SPECTRUM = np.geomspace(0.01, 1, 81)


@lru_cache(maxsize=32)
def _setting(condition: float, product: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Hessian, optimum, the path of descent and the path of ridge, in the plane."""
    turn = np.deg2rad(ANGLE)
    vectors = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    hessian = vectors @ np.diag([1.0, 1 / condition]) @ vectors.T
    optimum = vectors @ np.array([0.8, 0.8])
    walked = descent.descend(hessian, optimum, lr=product, steps=STEPS)
    solved = descent.ridge_path(hessian, optimum, np.geomspace(1e-4, 1e3, 300))
    return hessian, optimum, walked, solved


@lru_cache(maxsize=256)
def _alpha(condition: float, product: float, step: int, rule: str) -> float:
    hessian, optimum, walked, _ = _setting(condition, product)
    if rule == RULES[0]:
        return 1 / (product * step)
    return descent.nearest_alpha(hessian, optimum, walked[step])


@lru_cache(maxsize=8)
def _reached(product: float) -> Floats:
    """The share of the optimum reached by descent over the spectrum, (STEPS + 1, 81)."""
    return descent.descend(np.diag(SPECTRUM), np.ones(len(SPECTRUM)), lr=product, steps=STEPS)


def explore_paths() -> Explorable:
    """The two paths to one optimum: step, condition number, learning rate, choice of α."""
    figure = _Paths()
    return explore(
        figure.fig,
        figure.update,
        alt=figure.alt,
        labels={"condition": "λ₁/λ₂", "product": "ηλ₁", "rule": "ridge with"},
        play="step",
        step=(1, STEPS, 6),
        condition=list(CONDITIONS),
        product=list(PRODUCTS),
        rule=list(RULES),
    )


class _Paths:
    def __init__(self) -> None:
        self.fig, (left, right) = plt.subplots(1, 2, figsize=(10, 5))
        self._draw_plane(left)
        self._draw_filters(right)
        self.fig.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)

    def _draw_plane(self, ax: Axes) -> None:
        _, optimum, _, _ = _setting(1, 1.0)
        self.contours = [
            Ellipse((optimum[0], optimum[1]), 1, 1, angle=ANGLE, fill=False, ec="#BBBBBB", lw=1)
            for _ in LEVELS
        ]
        self.circle = Circle((0, 0), 1, fill=False, ec=GREEN, lw=1.2, ls=":")
        for patch in (*self.contours, self.circle):
            ax.add_patch(patch)
        (self.ridge,) = ax.plot([], [], color=ORANGE, ls="--", lw=2, label="ridge, all α")
        (self.walked,) = ax.plot([], [], color=BLUE, lw=2, marker=".", ms=6,
                                 label="gradient descent")  # fmt: skip
        (self.link,) = ax.plot([], [], color="black", lw=1.2)
        (self.solved,) = ax.plot([], [], "s", color=ORANGE, ms=9, mec="black")
        (self.here,) = ax.plot([], [], "o", color=BLUE, ms=9, mec="black")
        ax.plot(*optimum, "*", color="black", ms=13)
        ax.text(optimum[0] + 0.05, optimum[1] + 0.04, "w*", size=11)
        ax.plot(0, 0, "+", color="black", ms=11, mew=2)
        ax.text(-0.04, -0.05, "start", size=10, ha="right", va="top")
        ax.set(xlim=(-0.42, 1.32), ylim=(-0.3, 1.32), aspect="equal")
        ax.grid(visible=False)
        ax.plot([], [], color=GREEN, lw=1.2, ls=":", label="as far from the start as descent")
        label_axes(ax, x="first weight", y="second weight")
        self.title = ax.set_title(" ")

    def _draw_filters(self, ax: Axes) -> None:
        (self.gd_curve,) = ax.plot([], [], color=BLUE)
        (self.ridge_curve,) = ax.plot([], [], color=ORANGE, ls="--")
        (self.ends,) = ax.plot([], [], "o", color=BLUE, ms=9, mec="black", zorder=4)
        (self.ends_ridge,) = ax.plot([], [], "s", color=ORANGE, ms=9, mec="black", zorder=4)
        ax.axhspan(1, 1.75, color="#EEEEEE", lw=0, zorder=0)
        ax.text(SPECTRUM[0], 1.04, "beyond w*: jumped over it", size=10, color=GREY)
        ax.set(xscale="log", xlim=(SPECTRUM[0] * 0.9, 1.15), ylim=(-0.05, 1.75))
        ax.set_xticks((0.01, 0.1, 1), ("0.01", "0.1", "1"))  # plain text is drawn far faster
        ax.minorticks_off()
        label_axes(ax, x="eigenvalue λ (λ₁ = 1)", y="share of w* reached")
        self.note = ax.set_title(" ")

    def _points(
        self, step: int, condition: float, product: float, rule: str
    ) -> tuple[float, Floats, Floats]:
        hessian, optimum, walked, _ = _setting(condition, product)
        alpha = _alpha(condition, product, step, rule)
        return alpha, walked[step], descent.ridge_path(hessian, optimum, np.array([alpha]))[0]

    def update(self, step: int, condition: float, product: float, rule: str) -> list[Artist]:
        _, _, walked, ridge = _setting(condition, product)
        alpha, here, solved = self._points(step, condition, product, rule)
        for patch, level in zip(self.contours, LEVELS, strict=True):
            width = 2 * np.sqrt(2 * level)
            patch.set(width=width, height=width * np.sqrt(condition))
        self.circle.set(radius=float(np.linalg.norm(here)))
        self.ridge.set_data(*ridge.T)
        self.walked.set_data(*walked[: step + 1].T)
        self.link.set_data(*np.stack([here, solved]).T)
        self.here.set_data([here[0]], [here[1]])
        self.solved.set_data([solved[0]], [solved[1]])
        apart = np.linalg.norm(here - solved) / np.linalg.norm(here)
        self.title.set_text(f"Step {step}, α = {alpha:.3g}: {100 * apart:.0f} % apart")
        self._update_filters(step, condition, product, alpha)
        return [*self.contours, self.circle, self.ridge, self.walked, self.link, self.here,
                self.solved, self.title, self.gd_curve, self.ridge_curve, self.ends,
                self.ends_ridge, self.note]  # fmt: skip

    def _update_filters(self, step: int, condition: float, product: float, alpha: float) -> None:
        reached = _reached(product)[step]
        let = SPECTRUM / (SPECTRUM + alpha)
        self.gd_curve.set_data(SPECTRUM, reached)
        self.ridge_curve.set_data(SPECTRUM, let)
        pair = np.array([1 / condition, 1.0])
        self.ends.set_data(pair, np.interp(pair, SPECTRUM, reached))
        self.ends_ridge.set_data(pair, np.interp(pair, SPECTRUM, let))
        self.note.set_text(f"Largest gap of the two curves: {np.abs(reached - let).max():.2f}")

    def alt(self, step: int, condition: float, product: float, rule: str) -> str:
        alpha, here, solved = self._points(step, condition, product, rule)
        return (
            f"Gradient descent after {step} step{'s' * (step > 1)} with ηλ₁ = {product:g} on a "
            f"bowl with condition number {condition:g} is at ({here[0]:.2f}, {here[1]:.2f}), "
            f"{np.linalg.norm(here):.2f} from the start. Ridge with α = {alpha:.3g} ({rule}) is "
            f"at ({solved[0]:.2f}, {solved[1]:.2f}), {np.linalg.norm(here - solved):.2f} away."
        )


def plot_twins(columns: dict[str, Twins]) -> Figure:
    """How far the weights of descent and ridge are apart, how often they guess the same, and
    their accuracies over the steps."""
    fig, axes = plt.subplots(1, 3, figsize=(10, 4))
    for i, (name, twins) in enumerate(columns.items()):
        curve(axes[0], twins.steps, twins.gap, label=name, index=i)
        curve(axes[1], twins.steps, twins.same, label=name, index=i)
    noisy = list(columns.values())[-1]
    for i, name in enumerate(("gradient descent", "ridge, α = 1/(ηt)")):
        curve(axes[2], noisy.steps, noisy.accuracy[i], label=name, index=i + 2)
    labels = (
        ("Weights apart", "distance / ‖w of descent‖", (0, 0.5)),
        ("Equal guesses", "share of the test images", (0.88, 1.004)),
        (f"Accuracy, {list(columns)[-1]}", "test accuracy", (0.6, 0.86)),
    )
    for ax, (title, y, limits) in zip(axes, labels, strict=True):
        ax.set(xscale="log", ylim=limits)
        ax.set_xticks((1, 10, 100, 1000, 10000), ("1", "10", "100", "1000", "10⁴"))
        ax.minorticks_off()
        label_axes(ax, title=title, x="steps t", y=y)
    axes[0].legend(loc="upper right")
    axes[1].legend(loc="lower right")
    axes[2].legend(loc="upper right")
    return fig
