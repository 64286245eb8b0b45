"""The standard figures. Functions take data and an Axes and return artists; none calls plt.show.

`style` (palette, line styles), `curves` (lines with spread, bars); each lesson's larger figures are
in a module of their own, such as `helpers.plots.initialization`.
"""

from helpers.plots.curves import curve, paired_dots, reference_line
from helpers.plots.style import FIELD_MAP, MARKERS, PALETTE, STYLES, label_axes, show, use_style

__all__ = [
    "FIELD_MAP",
    "MARKERS",
    "PALETTE",
    "STYLES",
    "curve",
    "label_axes",
    "paired_dots",
    "reference_line",
    "show",
    "use_style",
]

use_style()
