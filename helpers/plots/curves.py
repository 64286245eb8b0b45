"""Curves with their spread over seeds, and paired comparisons."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from helpers.plots.style import MARKERS, PALETTE, STYLES


def curve(
    ax: Axes,
    x: Sequence[float] | np.ndarray,
    runs: np.ndarray,
    *,
    label: str,
    index: int = 0,
    marker: bool = False,
) -> Line2D:
    """The mean over seeds with a band of ± one standard deviation; `runs` is (len(x), S).

    `index` picks color, line style and marker together. Raises ValueError when shapes disagree.
    """
    if runs.ndim != 2 or runs.shape[0] != len(x):
        raise ValueError(f"runs has shape (len(x), seeds) = ({len(x)}, S); got {runs.shape}")
    mean, std = runs.mean(1), runs.std(1)
    color, style = PALETTE[index % len(PALETTE)], STYLES[index % len(STYLES)]
    shape = MARKERS[index % len(MARKERS)] if marker else None
    (line,) = ax.plot(x, mean, color=color, linestyle=style, marker=shape, label=label)
    ax.fill_between(x, mean - std, mean + std, color=color, alpha=0.15, linewidth=0)
    return line


def reference_line(ax: Axes, value: float, text: str, *, horizontal: bool = True) -> Line2D:
    """A thin gray line at a value, with its text at the line's right (or upper) end."""
    draw = ax.axhline if horizontal else ax.axvline
    line = draw(value, color="#666666", linewidth=1, linestyle=(0, (2, 2)), zorder=1)
    if horizontal:
        place: dict[str, Any] = {"xy": (1, value), "xycoords": ("axes fraction", "data")}
        ax.annotate(text, **place, ha="right", va="bottom", fontsize=9, color="#444444")
    else:
        place = {"xy": (value, 1), "xycoords": ("data", "axes fraction")}
        ax.annotate(text, **place, ha="left", va="top", fontsize=9, color="#444444", rotation=90)
    return line


def paired_dots(ax: Axes, names: Sequence[str], values: np.ndarray, *, unit: str = "") -> None:
    """One column of dots a treatment, a thin line a seed: paired results; `values` is (T, S)."""
    if values.ndim != 2 or values.shape[0] != len(names):
        raise ValueError(f"values has shape (names, seeds) = ({len(names)}, S); got {values.shape}")
    places = np.arange(len(names))
    ax.plot(places, values, color="#BBBBBB", linewidth=0.8, zorder=1)
    for i, row in enumerate(values):
        color, marker = PALETTE[i % len(PALETTE)], MARKERS[i % len(MARKERS)]
        ax.scatter(np.full(len(row), i), row, color=color, marker=marker, s=28, alpha=0.8, zorder=2)
        ax.hlines(row.mean(), i - 0.25, i + 0.25, color=color, linewidth=3, zorder=3)
    ax.set_xticks(places, names)
    ax.set_xlim(-0.5, len(names) - 0.5)
    ax.set_ylabel(unit)
