"""Figures of lesson 00 on activations: the gallery, gradients through depth, dead units."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib import pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from torch import Tensor

from helpers.dead_units import Backward, Trained
from helpers.explore import Explorable, Log, explore
from helpers.plots.curves import curve
from helpers.plots.style import MARKERS, PALETTE, label_axes
from helpers.scaling import Floats

BLUE, ORANGE, GREEN = PALETTE[:3]
GREY = "#666666"
WITH_ALPHA = ("leaky ReLU / PReLU", "ELU")
GALLERY: dict[str, Callable[[Tensor, float], Tensor]] = {
    "leaky ReLU / PReLU": F.leaky_relu,
    "ReLU": lambda z, alpha: torch.relu(z),
    "ELU": F.elu,
    "GELU": lambda z, alpha: F.gelu(z),
    "SiLU": lambda z, alpha: F.silu(z),
    "tanh": lambda z, alpha: torch.tanh(z),
    "sigmoid": lambda z, alpha: torch.sigmoid(z),
    "|z|, a maxout unit": lambda z, alpha: torch.maximum(z, -z),
}
REACH = np.linspace(-6, 6, 481)
DEEPEST, PATHS = 30, 40
LOWEST = 1e-20


def slope(name: str, z: Floats, alpha: float) -> tuple[Floats, Floats]:
    """An activation and its derivative at z, by PyTorch's autograd: two arrays like z."""
    x = torch.from_numpy(np.array(z)).requires_grad_()
    h = GALLERY[name](x, alpha)
    (gradient,) = torch.autograd.grad(h.sum(), x)
    return h.detach().numpy(), gradient.numpy()


def explore_gallery(*, seed: int) -> Explorable:
    """Activation functions, their derivatives, and what many derivatives multiply to."""
    figure = _Gallery(seed)
    return explore(
        figure.fig,
        figure.update,
        alt=figure.alt,
        labels={"alpha": "α", "std": "std of inputs"},
        activation=list(GALLERY),
        alpha=(0.0, 1.0, 0.1),
        std=Log(0.3, 5.0, 1.0),
        layers=(1, DEEPEST, 10),
    )


class _Gallery:
    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([seed, 11])
        self.normal = rng.standard_normal((PATHS, DEEPEST))
        self.many = rng.standard_normal(4000)
        self.fig, axes = plt.subplots(1, 3, figsize=(10, 4), width_ratios=(1, 1, 1.25))
        self._draw_function(axes[0])
        self._draw_derivative(axes[1])
        self._draw_product(axes[2])

    def _draw_function(self, ax: Axes) -> None:
        (self.function,) = ax.plot([], [], color=BLUE, lw=3)
        (self.inputs,) = ax.plot([], [], color=GREY, lw=1.2)
        ax.axhline(0, color="#999999", lw=1, zorder=1)
        ax.set(xlim=(-6, 6), ylim=(-2, 4), xticks=range(-6, 7, 3))
        label_axes(ax, x="z (gray: where inputs lie)", y="φ(z)")
        self.name = ax.set_title(" ")

    def _draw_derivative(self, ax: Axes) -> None:
        (self.derivative,) = ax.plot([], [], color=ORANGE, lw=3)
        ax.axhline(0, color="#999999", lw=1, zorder=1)
        ax.set(xlim=(-6, 6), ylim=(-1.2, 1.35), xticks=range(-6, 7, 3))
        label_axes(ax, title="its derivative φ′(z)", x="z")

    def _draw_product(self, ax: Axes) -> None:
        self.paths = LineCollection([], colors="#9A9A9A", linewidths=0.6, alpha=0.7)
        ax.add_collection(self.paths)
        (self.typical,) = ax.semilogy([], [], color=GREEN, lw=3)
        (self.depth,) = ax.plot([], [], "o", color="black", ms=8, zorder=4)
        ax.set(xlim=(0, DEEPEST), ylim=(LOWEST, 100), yscale="log")
        ax.set_yticks([1e-20, 1e-15, 1e-10, 1e-5, 1])
        ax.minorticks_off()
        ax.text(0.03, 0.04, "thin: single ways\ngreen: root mean square",
                transform=ax.transAxes, size=10, color=GREY,
                bbox={"color": "white", "alpha": 0.85, "pad": 1.5})  # fmt: skip
        label_axes(ax, x="layers", y="product of derivatives")
        self.title = ax.set_title(" ")

    def typical_factor(self, activation: str, alpha: float, std: float) -> float:
        """Root mean square of φ′ over inputs N(0, std²)."""
        return float(np.sqrt(np.square(slope(activation, std * self.many, alpha)[1]).mean()))

    def update(self, activation: str, alpha: float, std: float, layers: int) -> list[Artist]:
        h, gradient = slope(activation, REACH, alpha)
        self.function.set_data(REACH, h)
        self.derivative.set_data(REACH, gradient)
        self.inputs.set_data(REACH, -2 + 1.5 * np.exp(-0.5 * (REACH / std) ** 2))
        each = np.abs(slope(activation, std * self.normal, alpha)[1])  # (PATHS, DEEPEST)
        product = np.c_[np.ones(PATHS), np.cumprod(each, axis=1)]
        product = np.where(product > LOWEST / 10, product, LOWEST / 1e4)
        axis = np.broadcast_to(np.arange(DEEPEST + 1), product.shape)
        self.paths.set_segments(list(np.stack([axis, product], axis=2)))
        typical = self.typical_factor(activation, alpha, std) ** np.arange(DEEPEST + 1)
        self.typical.set_data(np.arange(DEEPEST + 1), typical)
        self.depth.set_data([layers], [typical[layers]])
        self.name.set_text(activation)
        self.title.set_text(f"{layers} layers: × {typical[layers]:.2g}")
        return [self.inputs, self.function, self.derivative, self.paths, self.typical, self.depth,
                self.name, self.title]  # fmt: skip

    def alt(self, activation: str, alpha: float, std: float, layers: int) -> str:
        factor = self.typical_factor(activation, alpha, std)
        uses = f", α = {alpha:g}" if activation in WITH_ALPHA else ""
        return (
            f"{activation}{uses}, inputs with std {std:.2g}: root mean square of the "
            f"derivative {factor:.3f} a layer, {factor**layers:.2g} over {layers} layers."
        )


def plot_gradients(found: Mapping[str, Backward]) -> Figure:
    """Gradient norms by layer relative to the last one, a color a kind; dots are theory."""
    fig, ax = plt.subplots(figsize=(9.6, 4.4))
    for i, (name, backward) in enumerate(found.items()):
        depth = np.arange(1, len(backward.norms) + 1)
        relative = backward.norms / backward.norms[-1]
        line = curve(ax, depth, relative, label=name, index=i)
        line.set_ydata(np.exp(np.log(relative).mean(1)))
        ax.plot(depth, backward.expected, ls="", marker=MARKERS[i], ms=5, mfc="none",
                color=PALETTE[i])  # fmt: skip
    ax.set(yscale="log", ylim=(1e-13, 100), xlim=(0.5, len(depth) + 0.5), xticks=[1, 5, 10, 15, 20])
    ax.set_yticks([1e-12, 1e-9, 1e-6, 1e-3, 1])
    ax.minorticks_off()
    handles = ax.get_legend_handles_labels()[0]
    handles.append(Line2D([], [], ls="", marker="o", mfc="none", color=GREY, label="predicted"))
    ax.legend(handles=handles, loc="lower right")
    label_axes(ax, title="Gradient at each layer, relative to the last one", x="layer")
    return fig


def plot_dead(rates: Sequence[float], trained: Mapping[str, Trained]) -> Figure:
    """Share of units that are never above 0, and test accuracy, over the learning rate."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2))
    for i, (name, arm) in enumerate(trained.items()):
        if not name.startswith("leaky"):  # what is below 0 is not dead there
            curve(left, rates, (arm.active == 0).mean(2), label=name, index=i, marker=True)
        curve(right, rates, arm.accuracy, label=name, index=i, marker=True)
    for ax in (left, right):
        ax.set_xscale("log")
        ax.set_xticks(rates, [f"{rate:g}" for rate in rates])
        ax.minorticks_off()
    left.set_ylim(0, 1)
    left.text(0.98, 0.03, "leaky ReLU: none", transform=left.transAxes, ha="right")
    right.set_ylim(0.4, 1)
    label_axes(left, title="Dead units, share of all hidden units", x="learning rate (Adam)")
    label_axes(right, title="Test accuracy, mean ± 1 std over seeds", x="learning rate (Adam)")
    right.legend(loc="lower left")
    return fig
