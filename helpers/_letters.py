"""Letters are drawn once and kept: a moved line of text is then a few small pastes.

Matplotlib asks FreeType for every letter of every text anew. A letter's picture depends on its
font and size and on the fraction of a pixel at which it begins, so the same few come again and
again. This reaches into matplotlib's own renderer, whose version is pinned; that its pictures stay
the same to the last bit is tested.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg, get_hinting_flag
from matplotlib.ft2font import RenderMode

UNIT = 64  # FreeType counts in 64ths of a pixel
KEPT_LETTERS, KEPT_LINES = 8192, 1024


@lru_cache(maxsize=KEPT_LETTERS)
def _draw_letter(
    font: Any, size: float, dpi: float, glyph: int, slant: float, extend: float,
    at: tuple[int, int], flags: int,
) -> tuple[npt.NDArray[np.uint8], int, int]:  # fmt: skip
    """A letter that begins `at` 64ths of the pixel at the origin: its picture, left and top."""
    font.set_size(size, dpi)
    shape = 0x10000 * np.array([[extend, extend * slant], [0, 1]])
    font._set_transform(shape.round().astype(int), list(at))
    bitmap = font._render_glyph(glyph, flags, RenderMode.NORMAL)
    return bitmap.buffer, bitmap.left, bitmap.top


@lru_cache(maxsize=KEPT_LINES)
def _lay_out(
    text: str, font: Any, size: float, dpi: float, flags: int,
    features: tuple[str, ...] | None, language: Any,
) -> list[tuple[Any, int, float, float]]:  # fmt: skip
    """The letters of a line in a font of this size: (font, glyph, x, y) each."""
    font.set_size(size, dpi)
    items = font._layout(text, flags=flags, features=features, language=language)
    return [(item.ft_object, item.glyph_index, item.x, item.y) for item in items]


class Renderer(RendererAgg):  # type: ignore[misc]
    """Matplotlib's renderer for pixels, with letters that are kept."""

    def draw_text(
        self, gc: Any, x: float, y: float, s: str, prop: Any, angle: float,
        ismath: Any = False, mtext: Any = None,
    ) -> None:  # fmt: skip
        """As in matplotlib; formulas take its way."""
        if ismath:
            super().draw_text(gc, x, y, s, prop, angle, ismath, mtext)
            return
        font, size, flags = self._prepare_font(prop), prop.get_size_in_points(), get_hinting_flag()
        features = mtext.get_fontfeatures() if mtext is not None else None
        language = mtext.get_language() if mtext is not None else None
        kept = None if features is None else tuple(features)
        line = _lay_out(s, font, size, self.dpi, flags, kept, language)
        glyphs = ((face, size, glyph, 0, 1, dx, dy) for face, glyph, dx, dy in line)
        self._draw_text_glyphs_and_boxes(gc, x, y, angle, glyphs, [])

    def _draw_text_glyphs_and_boxes(
        self, gc: Any, x: float, y: float, angle: float,
        glyphs: Iterable[tuple[Any, ...]], boxes: Sequence[Any],
    ) -> None:  # fmt: skip
        """Level letters from those that are kept; turned ones, and lines, as in matplotlib."""
        if angle or not gc.get_antialiased():
            super()._draw_text_glyphs_and_boxes(gc, x, y, angle, glyphs, boxes)
            return
        flags, height = get_hinting_flag(), int(self.height)
        for font, size, glyph, slant, extend, dx, dy in glyphs:  # dy is upwards
            column, right = divmod(round(UNIT * (x + dx)), UNIT)
            row, up = divmod(round(UNIT * (self.height - y + dy)), UNIT)
            buffer, left, top = _draw_letter(
                font, size, self.dpi, glyph, slant, extend, (right, up), flags
            )
            bottom = height - (top + row) + buffer.shape[0]
            self._renderer.draw_text_image(buffer, left + column, bottom, 0, gc)
        super()._draw_text_glyphs_and_boxes(gc, x, y, angle, [], boxes)


class Agg(FigureCanvasAgg):  # type: ignore[misc]
    """A canvas whose renderer keeps letters."""

    def get_renderer(self) -> Any:
        """The renderer of the figure's present size."""
        width, height = self.get_width_height(physical=True)
        key = width, height, self.figure.dpi
        if self._lastKey != key:  # type: ignore[has-type]
            self.renderer, self._lastKey = Renderer(width, height, self.figure.dpi), key
        return self.renderer
