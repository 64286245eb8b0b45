"""Equal units stay equal: every hidden unit's weights as an image, and how far they are apart."""

from collections.abc import Callable, Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from helpers.plots.cells import Cells
from helpers.plots.style import FIELD_MAP, PALETTE
from helpers.symmetry import EVERY, STEPS, UNITS, Twins

SIDE = 4  # units a row; UNITS = SIDE²
LIMIT = 0.6  # a weight of ±LIMIT has the darkest and the lightest color
FLOOR = 1e-4  # an exact zero is drawn here


def symmetry_figure(
    runs: Mapping[str, Twins],
) -> tuple[Figure, Callable[..., list[Any]], Callable[..., str]]:
    """The figure, `update(start, step)` and its text, for `explore`.

    `runs` has a run a start; `step` is one of 0..STEPS, shown as the last that was noted.
    """
    fig = plt.figure(figsize=(9.6, 3.9), layout="none")
    weights = _draw_weights(fig)
    fig.text(0.03, 0.925, "Weights into the 16 hidden units, as 8×8 images", fontsize=12)
    apart_ax, accuracy_ax = (fig.add_axes((x, 0.17, 0.2, 0.66)) for x in (0.49, 0.775))
    apart, dot = _make_curve(apart_ax, PALETTE[1], "Largest difference\nof two units")
    apart_ax.set(yscale="log", ylim=(FLOOR / 2, 10))
    ticks = (FLOOR, 1e-2, 1)
    apart_ax.set_yticks(ticks, ["0", "$10^{-2}$", "1"])
    apart_ax.minorticks_off()
    accuracy, other = _make_curve(accuracy_ax, PALETTE[0], "Test accuracy")
    accuracy_ax.set_ylim(0, 1.02)

    def update(start: str, step: int) -> list[Any]:
        run, k = runs[start], step // EVERY
        weights.set_data(_tile(run.rows[k]))
        distance, hits = np.maximum(run.apart.mean(1), FLOOR), run.accuracy.mean(1)
        for line, point, values in ((apart, dot, distance), (accuracy, other, hits)):
            line.set_data(run.steps, values)
            point.set_data([run.steps[k]], [values[k]])
        return [weights, apart, dot, accuracy, other]

    def describe(start: str, step: int) -> str:
        run, k = runs[start], step // EVERY
        apart_now, hits = run.apart[k].mean(), run.accuracy[k].mean()
        same = "all 16 units are equal" if apart_now == 0 else f"units differ by {apart_now:.2g}"
        means = f"means of {run.apart.shape[1]} seeds"
        return f"{start}, step {run.steps[k]}: {same}; accuracy {hits:.2f} ({means})."

    return fig, update, describe


def _draw_weights(fig: Figure) -> Cells:
    ax = fig.add_axes((0.03, 0.03, 3.35 / 9.6, 3.35 / 3.9))  # a square
    ax.set_axis_off()
    blank = _tile(np.zeros((UNITS, 64)))
    return Cells(ax, blank, cmap=FIELD_MAP, clim=(-LIMIT, LIMIT))


def _tile(rows: NDArray[np.floating]) -> NDArray[np.floating]:
    """Rows of weights, (UNITS, 64), as one image of 8×8 images with a gap of one cell between."""
    images = rows.reshape(SIDE, SIDE, 8, 8)
    framed = np.pad(images, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=np.nan)
    return framed.transpose(0, 2, 1, 3).reshape(9 * SIDE, 9 * SIDE)[:-1, :-1]


def _make_curve(ax: Axes, color: str, title: str) -> tuple[Any, Any]:
    ax.set(xlim=(-5, STEPS + 5), xlabel="step")
    ax.set_title(title, fontsize=12)
    (line,) = ax.plot([], [], color=color)
    (point,) = ax.plot([], [], "o", color=color, markersize=9, clip_on=False)
    return line, point
