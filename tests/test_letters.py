"""Letters that are kept: the picture is matplotlib's own, to the last bit."""

from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from helpers import _letters
from helpers._letters import Agg

TEXTS: dict[str, dict[str, Any]] = {
    "plain": {"s": "layer 10: std 0.12"},
    "Greek and signs": {"s": "η = 0.05, λ ≥ −3, ‖w‖₂ → 0"},
    "two lines": {"s": "first line\nsecond, longer line", "linespacing": 1.3},
    "formula": {"s": r"$\frac{\sigma^2}{n}$ falls as $1/\sqrt{k}$"},
    "turned": {"s": "turned", "rotation": 30},
    "upright": {"s": "upright", "rotation": 90},
    "bold and large": {"s": "Bold", "weight": "bold", "size": 17.3},
    "italic": {"s": "slanted", "style": "italic", "family": "serif"},
    "colored and sheer": {"s": "sheer", "color": "#D55E00", "alpha": 0.4},
    "in a box": {"s": "boxed", "bbox": {"facecolor": "white"}, "ha": "right", "va": "top"},
    "not smoothed": {"s": "hard edges", "antialiased": False},
    "letters that join": {"s": "fi ffl AVAT", "fontfeatures": ["kern", "-liga"]},
}


def draw(canvas: type[FigureCanvasAgg], spec: dict[str, Any], *, dpi: float) -> Any:
    """Pixels of a figure with the text at places that differ by fractions of a pixel."""
    fig = Figure(figsize=(4, 3), dpi=dpi)
    painter = canvas(fig)
    features = spec.get("fontfeatures")
    for i in range(6):
        place = 0.1 + 0.0371 * i, 0.1 + 0.1313 * i
        text = fig.text(*place, **{k: v for k, v in spec.items() if k != "fontfeatures"})
        if features:
            text.set_fontfeatures(features)
    painter.draw()
    return np.asarray(painter.buffer_rgba())


@pytest.mark.parametrize("dpi", [72.5, 200.0])
@pytest.mark.parametrize("name", TEXTS)
def test_letters_are_matplotlibs(name: str, dpi: float) -> None:
    theirs = draw(FigureCanvasAgg, TEXTS[name], dpi=dpi)
    assert len(np.unique(theirs)) > 1
    for _ in range(2):  # drawn, then kept
        np.testing.assert_array_equal(draw(Agg, TEXTS[name], dpi=dpi), theirs)


def test_axes_with_ticks_are_matplotlibs() -> None:
    def picture(canvas: type[FigureCanvasAgg]) -> Any:
        fig = Figure(figsize=(5, 3), dpi=160)
        painter = canvas(fig)
        ax = fig.subplots()
        ax.plot([0.001, 7], [1e-5, 3e4], label="a line")
        ax.set(yscale="log", xlabel="step", ylabel="loss", title="A title, centered")
        ax.legend()
        painter.draw()
        return np.asarray(painter.buffer_rgba())

    np.testing.assert_array_equal(picture(Agg), picture(FigureCanvasAgg))


def test_the_same_letters_are_drawn_once() -> None:
    _letters._draw_letter.cache_clear()
    draw(Agg, TEXTS["plain"], dpi=100)
    first = _letters._draw_letter.cache_info()
    draw(Agg, TEXTS["plain"], dpi=100)
    second = _letters._draw_letter.cache_info()
    assert 0 < first.misses == second.misses
    assert second.hits == first.hits + first.misses + first.hits


def test_a_figure_that_changes_its_size_gets_another_renderer() -> None:
    fig = Figure(figsize=(2, 1), dpi=100)
    canvas = Agg(fig)
    before = canvas.get_renderer()
    assert canvas.get_renderer() is before
    fig.set_dpi(200)
    assert canvas.get_renderer() is not before
    assert np.asarray(canvas.get_renderer().buffer_rgba()).shape == (200, 400, 4)
