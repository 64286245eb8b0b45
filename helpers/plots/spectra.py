"""Singular values of a deep network's Jacobian; inputs that meet or part; training curves."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from helpers.isometry import count_kept
from helpers.plots.curves import curve
from helpers.plots.style import MARKERS, PALETTE

Array = NDArray[np.float64]
Spectra = Mapping[tuple[str, str], Array]  # (activation, "Gaussian" or "orthogonal") -> (L, width)

KINDS = ("Gaussian", "orthogonal")
DECADES = (-17.6, 1.5)
FLOOR = -15.9  # what is smaller, or zero, is drawn here
FAR = 100  # where a loss that is not finite is drawn, in heights of the axes


def spectrum_figure(
    spectra: Spectra,
) -> tuple[Figure, Callable[..., list[Any]], Callable[..., str]]:
    """The figure, `update(activation, depth)` and its text, for `explore`."""
    fig = plt.figure(figsize=(9.6, 4.0), layout="none")
    left, right = (fig.add_axes((x, 0.15, 0.4, 0.74)) for x in (0.085, 0.575))
    depth_max, width = next(iter(spectra.values())).shape
    _style_spectrum(left, width)
    right.set(xlim=(0, depth_max + 0.5), ylim=(0, 1.04 * width), xlabel="layers")
    right.set_title("Directions kept: above 1/10 of the largest", fontsize=12)
    dots, lines, points = [], [], []
    for kind, color, marker in zip(KINDS, PALETTE, MARKERS, strict=False):
        dots += left.plot([], [], marker, color=color, markersize=4.5, label=kind)
        lines += right.plot([], [], color=color, linestyle="-" if kind == "Gaussian" else "--")
        points += right.plot([], [], marker, color=color, markersize=9, label=kind, clip_on=False)
    left.legend(loc="lower left", bbox_to_anchor=(0.0, 0.12), markerscale=1.6)
    right.legend(loc="center right", bbox_to_anchor=(1.0, 0.6))

    def update(activation: str, depth: int) -> list[Any]:
        for k, kind in enumerate(KINDS):
            found = spectra[activation, kind]
            with np.errstate(divide="ignore"):
                heights = np.log10(found[depth - 1])
            dots[k].set_data(np.arange(1, width + 1), np.maximum(heights, FLOOR))
            kept = count_kept(found)
            lines[k].set_data(np.arange(1, depth_max + 1), kept)
            points[k].set_data([depth], [kept[depth - 1]])
        return [*dots, *lines, *points]

    def describe(activation: str, depth: int) -> str:
        kept = {kind: count_kept(spectra[activation, kind])[depth - 1] for kind in KINDS}
        return (
            f"{activation}, {depth} layers: of {width} directions, Gaussian weights keep "
            f"{kept['Gaussian']}, orthogonal weights {kept['orthogonal']}."
        )

    return fig, update, describe


def _style_spectrum(ax: Axes, width: int) -> None:
    ax.set(xlim=(-2, width + 3), ylim=DECADES, xlabel="rank")
    ax.set_title("Singular values of ∂h/∂x", fontsize=12)
    ticks = range(-12, 1, 4)
    ax.set_yticks(ticks, ["1" if t == 0 else f"$10^{{{t}}}$" for t in ticks])
    ax.axhspan(DECADES[0], -15.5, color="#EEEEEE", zorder=0)
    note: dict[str, Any] = {"fontsize": 9.5, "color": "#555555", "ha": "right", "va": "bottom"}
    ax.text(width + 2, DECADES[0], "zero, or lost in rounding", **note)  # below the dots


def draw_meeting(
    ax: Axes, cosines: Array, theory: Array, gains: Sequence[float], *, start: float
) -> None:
    """Cosine over depth: dots with error bars over seeds, and mean-field lines.

    `cosines` is (seeds, gains, depth + 1), `theory` (gains, depth + 1).
    """
    layers = np.arange(cosines.shape[-1])
    for k, gain in enumerate(gains):
        mean, std = cosines[:, k].mean(0), cosines[:, k].std(0)
        ax.plot(layers, theory[k], color=PALETTE[k], linewidth=1.5)
        look: dict[str, Any] = {"color": PALETTE[k], "fmt": MARKERS[k], "markersize": 5}
        ax.errorbar(layers[::3], mean[::3], std[::3], capsize=2, **look)
        ax.text(layers[-1] + 0.7, theory[k, -1], f"gain {gain:g}", color=PALETTE[k], va="center")
    ax.set(xlabel="layer", ylim=(-0.12, 1.06), xlim=(-0.5, layers[-1] + 5.5))
    ax.set_xticks(layers[::10])
    ax.set_title(f"Inputs with cosine {start:g}", fontsize=12)


def draw_losses(ax: Axes, steps: Sequence[int], losses: Mapping[str, Array], *, top: float) -> None:
    """Training loss over steps, one curve a scheme, its name at its end; `losses` are (T, S).

    Means are of all that was measured, then the axis is cut at `top`: a mean may leave through it,
    and does where a seed diverged. Curves that hide one another share a label.
    """
    ends: dict[str, tuple[Array, str]] = {}  # label -> its curve (T,) and color
    for k, (name, runs) in enumerate(losses.items()):
        finite = np.nan_to_num(runs, nan=FAR * top, posinf=FAR * top)
        curve(ax, steps, finite, label=name, index=k)
        mean = finite.mean(1).clip(max=top)
        same = [n for n, (there, _) in ends.items() if abs(there - mean).max() < 0.005 * top]
        for other in same[:1]:
            ends[f"{other},\n{name}"] = (ends.pop(other)[0], PALETTE[k])  # the upper curve's color
        if not same:
            ends[name] = (mean, PALETTE[k])
    taken: list[float] = []
    for name, (mean, color) in ends.items():
        height = _free_height(float(mean[-1]), taken, gap=0.075 * top) / top
        ax.text(1.02, height, name, color=color, va="center", transform=ax.transAxes)
    ax.set(xlabel="update", ylim=(0, top), xlim=(0, steps[-1]))


def _free_height(wanted: float, taken: list[float], *, gap: float) -> float:
    """The lowest height at or above `wanted` that is a gap away from all taken ones; notes it."""
    height = wanted
    for other in sorted(taken):
        if abs(height - other) < gap:
            height = other + gap
    taken.append(height)
    return height
