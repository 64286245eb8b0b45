"""How long one picture takes: explore, a plain full draw, and ipywidgets.interact with pyplot.

    python tests/benchmarks/explore.py

Three ways to show six histograms after a slider moved, kernel side only (the browser's share is
the same for all). CPU time, which a busy machine changes little: the median of REPEATS.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import ipywidgets as W
import matplotlib as mpl
import numpy as np
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

mpl.use("module://matplotlib_inline.backend_inline")

from matplotlib import pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg

from helpers._canvas import CSS_DPI, encode_png
from helpers.explore import explore

REPEATS = 30
EDGES = np.linspace(-3, 3, 61)
DATA = np.random.default_rng(0).standard_normal((6, 4000))


def panels() -> tuple[Any, list[Any], list[Any]]:
    fig, axes = plt.subplots(2, 3, figsize=(9, 4.5), layout="constrained", sharex=True, sharey=True)
    steps = [ax.stairs(np.zeros(60), EDGES, fill=True) for ax in axes.flat]
    axes[0, 0].set_ylim(0, 600)
    return fig, list(axes.flat), steps


def update(std: float, axes: list[Any], steps: list[Any]) -> list[Any]:
    for layer, (ax, step) in enumerate(zip(axes, steps, strict=True)):
        values = DATA[layer] * std**layer
        step.set_data(np.histogram(values, EDGES)[0])
        ax.set_title(f"layer {layer + 1}: std {values.std():.2f}")
    return [*steps, *(ax.title for ax in axes)]


def explored() -> Callable[[float], object]:
    """The moved artists alone are drawn, over kept layers."""
    fig, axes, steps = panels()
    live = explore(fig, lambda std: update(std, axes, steps), alt="x", std=(0.5, 1.5, 1.0))
    return lambda std: live.set(std=std)


def redrawn() -> Callable[[float], object]:
    """The artists are moved, then the whole figure is drawn at the same density."""
    fig, axes, steps = panels()
    plt.close(fig)
    fig.set_dpi(2 * CSS_DPI)
    canvas = FigureCanvasAgg(fig)

    def draw(std: float) -> None:
        update(std, axes, steps)
        canvas.draw()
        encode_png(np.asarray(canvas.buffer_rgba()))

    return draw


def interacted() -> Callable[[float], object]:
    """What most notebooks do: a new figure for every value, shown by the inline backend."""

    def plot(std: float) -> None:
        _, axes, steps = panels()
        update(std, axes, steps)
        plt.show()

    with capture_output():
        widget = W.interactive(plot, std=(0.5, 1.5, 0.01))

    def draw(std: float) -> None:
        with capture_output():
            widget.children[0].value = std

    return draw


def median_ms(draw: Callable[[float], object]) -> float:
    """Milliseconds of CPU for one picture; the first is not counted."""
    draw(1.0)
    times = []
    for std in np.linspace(0.6, 1.4, REPEATS):
        start = time.process_time()
        draw(float(std))
        times.append(1e3 * (time.process_time() - start))
    return statistics.median(times)


def main() -> None:
    InteractiveShell.instance()  # so that plt.show renders a figure as in a notebook
    mine = median_ms(explored())
    for name, other in (("full redraw", redrawn), ("interact", interacted)):
        theirs = median_ms(other())
        print(f"{name}: {theirs:.0f} ms, explore: {mine:.0f} ms, ratio {theirs / mine:.1f}")


if __name__ == "__main__":
    main()
