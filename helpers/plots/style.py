"""One look for all figures: Okabe–Ito colors, each with a marker and a line style of its own."""

from base64 import b64encode
from io import BytesIO

import matplotlib as mpl
import matplotlib.pyplot as plt
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe & Ito (2008): told apart with every common kind of color blindness. Yellow is last: it is
# too light for lines on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), "-", "--")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
FIELD_MAP = "cividis"


def use_style() -> None:
    """Sets matplotlib's defaults: readable at 100 % zoom, no box around the axes, white ground."""
    mpl.rcParams.update(
        {
            "figure.dpi": 100,
            "figure.constrained_layout.use": True,
            "figure.facecolor": "white",
            "font.size": 11,
            "axes.titlesize": 12,
            "axes.titlelocation": "left",
            "axes.labelsize": 11,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.color": "#E6E6E6",
            "grid.linewidth": 0.8,
            "axes.axisbelow": True,
            "axes.prop_cycle": cycler(color=PALETTE[:7]),
            "lines.linewidth": 2.0,
            "legend.frameon": False,
            "legend.fontsize": 10,
            "image.cmap": FIELD_MAP,
        }
    )


def label_axes(ax: Axes, *, title: str = "", x: str = "", y: str = "") -> None:
    """Title and axis labels in one call; an empty text leaves that one out."""
    texts = {"title": title, "xlabel": x, "ylabel": y}
    ax.set(**{name: text for name, text in texts.items() if text})


def show(fig: Figure, *, alt: str) -> None:
    """Displays a figure once, as a PNG at twice the density with its alt text, and closes it.

    Raises ValueError when `alt` does not say what is to be seen.
    """
    from IPython.display import display

    if not alt.strip():
        raise ValueError("alt says in words what the figure shows; got an empty text")
    width, height = (fig.get_size_inches() * 100).astype(int)
    buffer = BytesIO()
    fig.savefig(buffer, format="png", dpi=200, metadata={"Description": alt})
    plt.close(fig)
    picture = b64encode(buffer.getvalue()).decode()
    data = {"image/png": picture, "text/plain": alt}
    sizes = {"width": int(width), "height": int(height), "alt": alt}
    display(data, raw=True, metadata={"image/png": sizes})
