"""Redraw only what moved: a figure's still parts are drawn once and kept as layers.

Matplotlib draws a figure's artists one over the other. The artists that do not move are drawn
once, between the ones that do, and kept; a new picture is then a few pastes and a few small
draws. The order of drawing is matplotlib's own, so the picture is that of a plain full draw.
"""

import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from isal import isal_zlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from helpers._letters import Agg

CSS_DPI = 100  # pixels on the page for one inch of the figure
Pixels = npt.NDArray[np.uint8]


def encode_png(rgba: Pixels) -> bytes:
    """A PNG file of an image of shape (height, width, 4).

    Filter "none" and Intel's fast zlib: larger files than Pillow's, in a tenth of the time.
    Format: Portable Network Graphics, third edition (W3C, 2025), section 5.
    """
    height, width, channels = rgba.shape
    rows = np.zeros((height, 1 + channels * width), np.uint8)  # each row starts with its filter, 0
    rows[:, 1:] = rgba.reshape(height, -1)
    header = struct.pack(">2I5B", width, height, 8, 6, 0, 0, 0)  # 8 bits a channel, RGBA
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", isal_zlib.crc32(kind + data))
        for kind, data in (
            (b"IHDR", header),
            (b"IDAT", isal_zlib.compress(rows, 1)),
            (b"IEND", b""),
        )
    )


class _Layer(NamedTuple):
    """Still artists drawn on a transparent ground; only the pixels that they touch are kept."""

    solid: npt.NDArray[np.intp]  # (n,) flat indices of opaque pixels, most of them axes patches
    paint: npt.NDArray[np.uint32]  # (n,) their four channels in one word
    sheer: npt.NDArray[np.intp]  # (m,) flat indices of the others: edges and letters
    tint: npt.NDArray[np.float32]  # (m, 4) already multiplied by the opacity
    through: npt.NDArray[np.float32]  # (m, 1) the share of what lies below that shines through

    @classmethod
    def of(cls, rgba: Pixels) -> "_Layer":
        flat = rgba.reshape(-1, 4)
        opacity = flat[:, 3]
        solid, sheer = (
            np.flatnonzero(opacity == 255),
            np.flatnonzero((opacity > 0) & (opacity < 255)),
        )
        share = opacity[sheer, None].astype(np.float32) / np.float32(255)
        tint = flat[sheer] * share
        tint[:, 3] = flat[sheer, 3]
        return cls(
            solid,
            flat.view(np.uint32)[solid, 0],
            sheer,
            tint + np.float32(0.5),
            np.float32(1) - share,
        )

    def paste_on(self, rgba: Pixels) -> None:
        flat = rgba.reshape(-1, 4)  # a view: the canvas' own memory
        flat.view(np.uint32)[self.solid, 0] = self.paint
        mixed = flat[self.sheer] * self.through + self.tint  # tint holds the half that rounds
        flat[self.sheer] = mixed.astype(np.uint8)


class Canvas:
    """The picture of one figure, kept up to date from the artists that were moved.

    fig is drawn at `scale` times the density of the page, so that it is sharp on any screen.
    """

    def __init__(self, fig: Figure, *, scale: int = 2) -> None:
        fig.set_dpi(CSS_DPI * scale)
        if fig.patch.get_alpha() is not None or fig.get_facecolor()[3] < 1:
            fig.patch.set(facecolor="white", alpha=1)  # readable on a dark page, too
        self.fig = fig
        self.width, self.height = (round(inches * CSS_DPI) for inches in fig.get_size_inches())
        self._agg = Agg(fig)
        self._moving: set[Artist] = set()  # all that ever moved
        self._ground: Pixels | None = None  # what lies below the first moving artist
        self._steps: list[Artist | _Layer] = []  # what comes over it, in drawing order
        self._settled = False

    def paint(self, moved: Any) -> Pixels:
        """The picture, of shape (height, width, 4), after the artists in `moved` have changed."""
        new = set(_flatten(moved)) - self._moving
        if not self._settled:
            self._lay_out()
        if self.fig.stale and not new:  # axis limits, ticks, something that was not returned
            self._ground = None
            return self._draw_all()
        if new or self._ground is None:
            self._moving |= new
            self._capture()
        return self._compose()

    def paint_plainly(self) -> Pixels:
        """The same picture by a full draw of the figure: slow, and right by definition."""
        return self._draw_all().copy()

    def _lay_out(self) -> None:
        """Places the axes as a first draw would, without drawing; from now on they stay there."""
        engine = self.fig.get_layout_engine()
        if engine is not None:
            engine.execute(self.fig)
        self.fig.set_layout_engine("none")
        self.fig.stale = True  # nothing is drawn yet
        self._settled = True

    def _draw_all(self) -> Pixels:
        self._set_animated(False)
        self._agg.draw()
        self._set_animated(True)
        return np.asarray(self._agg.buffer_rgba())

    def _compose(self) -> Pixels:
        renderer = self._agg.get_renderer()
        rgba = np.asarray(self._agg.buffer_rgba())
        assert self._ground is not None
        rgba[:] = self._ground
        for step in self._steps:
            if isinstance(step, _Layer):
                step.paste_on(rgba)
            else:
                step.draw(renderer)
        return rgba

    def _capture(self) -> None:
        """One full draw in which every moving artist, instead of drawing, cuts a layer."""
        self._ground, self._steps = None, []
        self._drop_parts_of_moving_axes()
        for artist in self._moving:
            vars(artist)["draw"] = self._cut_before(artist)  # before the method of its class
        try:
            self._draw_all()
        finally:
            for artist in self._moving:
                del vars(artist)["draw"]
        self._cut()

    def _cut_before(self, artist: Artist) -> Callable[..., None]:
        def draw(*_: Any, **__: Any) -> None:
            self._cut()
            self._steps.append(artist)

        return draw

    def _cut(self) -> None:
        rgba = np.asarray(self._agg.buffer_rgba())
        if self._ground is None:
            self._ground = rgba.copy()
        elif rgba.any():
            self._steps.append(_Layer.of(rgba))
        self._agg.get_renderer().clear()
        rgba[:] = 0  # clear() leaves transparent white

    def _set_animated(self, animated: bool) -> None:
        """Matplotlib calls animated what must not make the figure stale when it changes."""
        for artist in self._moving:
            artist.set_animated(animated)

    def _drop_parts_of_moving_axes(self) -> None:
        whole = {artist for artist in self._moving if isinstance(artist, Axes)}
        parts = {a for a in self._moving if a not in whole and a.axes in whole}
        for part in parts:
            part.set_animated(False)
        self._moving -= parts


def _flatten(moved: Any) -> Iterator[Artist]:
    """The artists in what `update` returned: one, or any nesting of lists, bar containers, …"""
    if isinstance(moved, Artist):
        yield moved
    elif isinstance(moved, Iterable) and not isinstance(moved, str):
        for item in moved:
            yield from _flatten(item)
    elif moved is not None:
        raise TypeError(f"update returns the artists that it changed; got {moved!r} among them")
