"""Images of few, large cells that move under a slider."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import PcolorImage
from numpy.typing import ArrayLike


class Cells(PcolorImage):
    """`ax.imshow(values, interpolation="nearest")`, drawn in a third to a tenth of its time.

    Imshow resamples the values and colors every pixel; here each cell is colored once, then
    looked up by the pixels. `set_data(values)` takes another image, of any number of cells.

    values: shape (rows, columns), NaN is left out; extent: left, right, bottom and top of the
    whole image, cells of size 1 if None; origin: "upper" or "lower", where row 0 is;
    looks: cmap, clim, norm, alpha and what else can be set on an artist.
    """

    def __init__(
        self,
        ax: Axes,
        values: ArrayLike,
        *,
        extent: tuple[float, float, float, float] | None = None,
        origin: str = "upper",
        aspect: str = "equal",
        cmap: str | None = None,
        norm: Any = None,
        **looks: Any,
    ) -> None:
        super().__init__(ax, cmap=cmap, norm=norm)
        rows, columns = np.shape(values)
        bottom, top = (rows - 0.5, -0.5) if origin == "upper" else (-0.5, rows - 0.5)
        self._extent = extent or (-0.5, columns - 0.5, bottom, top)  # matplotlib reads it, too
        self._first_row_below = origin == "lower"
        self.set_data(values)
        self.set(**looks)
        ax.add_image(self)
        ax.set(xlim=self._extent[:2], ylim=self._extent[2:], aspect=aspect)

    def set_data(self, values: ArrayLike) -> None:  # type: ignore[override]  # no edges
        """Shows other values, of shape (rows, columns), in the same place."""
        rows, columns = np.shape(values)
        left, right, bottom, top = self._extent
        first, last = (bottom, top) if self._first_row_below else (top, bottom)
        y = np.linspace(first, last, rows + 1)
        super().set_data(np.linspace(left, right, columns + 1), y, np.asarray(values))

    def to_rgba(self, *values: Any, **how: Any) -> Any:
        """The colors of values, as opaque as the image: matplotlib's leaves its alpha out."""
        return super().to_rgba(*values, **({"alpha": self.get_alpha()} | how))
